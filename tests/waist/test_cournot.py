"""Cournot: the price is an outcome of current quantities. Taker and manipulator differ in their task alone."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import largest, simulate
from walras._core.errors import InputError
from walras.economy.period import start
from walras.economy.population import Finite, Histogram, Panel
from walras.economy.rule import Beside, FullInformation, Information, LaggedInformation, Rule, ViewInformation
from walras.economy.task import MeanField, Strategic, as_field, record_of
from walras.testing.toys import Cournot
from walras.testing.toys.cournot import Quantity

FIVE = {"firm": Finite(5)}


class Produce(Rule):
    """A quantity, the same for everybody who uses the rule; plus `by_lag` times the last thing remembered."""

    q: jax.Array
    by_lag: jax.Array = 0.0
    information: Information = ViewInformation()

    def __call__(self, own, view, info, *, key=None):
        remembered = info[1][-1] if info[1] else 0.0
        return Quantity(self.q + self.by_lag * remembered)


def taker_gradient(economy, q):
    """Slope of a firm's discounted profit in its quantity on a recorded field."""
    run = simulate(economy, FIVE, {"firm": Produce(q)}, 4, record=record_of("firm"))
    task = MeanField(economy.firm, FIVE["firm"], as_field(run.record, run.state.exo, run.exo_path))

    def profit(q):
        roll = task.rollout(jax.random.key(1), Produce(q), run.state.cross["firm"])
        return jnp.mean(jnp.sum(roll.weight * roll.payoff, axis=1))

    return eqx.filter_jit(jax.grad(profit))(q)


@eqx.filter_jit
def manipulator_gradient(economy, q, i=0, costs=5):
    """Slope of firm i's profit in its quantity when `period` itself is run with its rule swapped."""
    populations = {"firm": Finite(costs)}
    others = {"firm": Produce(q)}
    state = start(economy, populations, others, jax.random.key(0))
    task = Strategic(economy, populations, others, "firm", i)

    def profit(mine):
        roll = task.rollout(jax.random.key(1), Produce(mine), state, jnp.zeros(4, jnp.int32))
        return jnp.mean(roll.payoff[:, i])

    return jax.grad(profit)(q)


@pytest.fixture(scope="module")
def economy():
    return Cournot.five()


def test_price_is_an_outcome(economy):
    # p = 10 − 5 q, profit (p − 1) q.
    seen = simulate(economy, FIVE, {"firm": Produce(jnp.asarray(1.3))}, 3, record=lambda now, before: (now.outcome, now.payoff))
    outcome, payoff = seen.record
    np.testing.assert_allclose(outcome["firm"]["p"], 10 - 5 * 1.3, rtol=1e-15)
    np.testing.assert_allclose(payoff["firm"], (10 - 5 * 1.3 - 1) * 1.3 * np.ones((3, 5)), rtol=1e-14)


@pytest.mark.parametrize("q", [1.0, 1.5, 1.8])
def test_taker_gradient_is_price_less_cost(economy, q):
    # d/dq (p − c) q with p given: 9 − 5 q at five equal firms, zero where price = marginal cost, q = 9/5.
    slope = float(taker_gradient(economy, jnp.asarray(q)))
    np.testing.assert_allclose(slope, 9 - 5 * q, rtol=0, atol=1e-14)


@pytest.mark.parametrize("q", [1.0, 1.5, 1.8])
def test_manipulator_gradient_is_marginal_revenue_less_cost(economy, q):
    # d/dq (a − Q − c) q = 9 − 5 q − q, zero at the Nash quantity 9/6 = 1.5.
    slope = float(manipulator_gradient(economy, jnp.asarray(q)))
    np.testing.assert_allclose(slope, 9 - 6 * q, rtol=0, atol=1e-14)


def test_unequal_costs_reach_their_firms():
    # Two firms, costs 1 and 2: Nash quantities (a − 2 c_i + c_j)/3 = 10/3 and 7/3. One's own best reply to the other's
    # quantity: with everybody at q the slope of firm i is 10 − 2 q − c_i − q.
    economy = Cournot.of([1.0, 2.0])
    slopes = [float(manipulator_gradient(economy, jnp.asarray(2.5), i, 2)) for i in (0, 1)]
    np.testing.assert_allclose(slopes, [10 - 7.5 - 1, 10 - 7.5 - 2], rtol=0, atol=1e-14)
    q = jnp.asarray([10 / 3, 7 / 3])
    by_number = {"firm": Each(q)}
    state = start(economy, {"firm": Finite(2)}, by_number, jax.random.key(0))
    for i in (0, 1):
        task = Strategic(economy, {"firm": Finite(2)}, by_number, "firm", i)

        def profit(mine, task=task, i=i):
            return jnp.sum(task.rollout(jax.random.key(1), Produce(mine), state, jnp.zeros(2, jnp.int32)).payoff[:, i])

        assert abs(float(jax.grad(profit)(q[i]))) < 1e-13


class Each(Rule):
    """A quantity for each firm."""

    q: jax.Array
    information: Information = ViewInformation()

    def __call__(self, own, view, info, *, key=None):
        return Quantity(self.q[own.id])


def test_beside_changes_one_individual_only(economy):
    rule = Beside(Produce(jnp.asarray(3.0)), Produce(jnp.asarray(1.0)), jnp.asarray(2))
    run = simulate(economy, FIVE, {"firm": rule}, 2, record=lambda now, before: now.choices["firm"].q)
    np.testing.assert_array_equal(run.record, [[1.0, 1.0, 3.0, 1.0, 1.0]] * 2)


def quantity(now):
    """What everybody sold."""
    return now.flows["firm"]["Q"]


def test_deviator_remembers_what_the_others_do_not(economy):
    # The deviator adds a tenth of the last date's total quantity, which starts at 7; the others remember nothing.
    others = {"firm": Produce(jnp.asarray(1.0))}
    state = start(economy, FIVE, others, jax.random.key(0))
    mine = Produce(jnp.asarray(0.5), jnp.asarray(0.1), LaggedInformation(quantity, 1, 7.0))
    task = Strategic(economy, FIVE, others, "firm", 4)
    roll = eqx.filter_jit(task.rollout)(jax.random.key(1), mine, state, jnp.zeros(3, jnp.int32))
    first = 0.5 + 0.7
    second = 0.5 + 0.1 * (4 + first)
    third = 0.5 + 0.1 * (4 + second)
    np.testing.assert_allclose(roll.choice.q[:, 4], [first, second, third], rtol=1e-15)
    np.testing.assert_array_equal(roll.choice.q[:, :4], 1.0)


def test_only_the_part_that_declares_it_sees_the_cross_section(economy):
    # In a pair of informations the full one reads everything, the other the public record and no more.
    full = FullInformation(lambda now: (jnp.sum(now.cross["firm"].weight),))
    peeking = LaggedInformation(lambda now: jnp.sum(now.cross["firm"].weight), 1, 0.0)
    others = {"firm": Produce(jnp.asarray(1.0))}
    state = start(economy, FIVE, others, jax.random.key(0))
    task = Strategic(economy, FIVE, others, "firm", 0)
    declared = Produce(jnp.asarray(1.0), jnp.asarray(1.0), full)
    roll = task.rollout(jax.random.key(1), declared, state, jnp.zeros(1, jnp.int32))
    np.testing.assert_allclose(roll.choice.q[0], [2.0, 1.0, 1.0, 1.0, 1.0], rtol=1e-15)
    undeclared = dataclasses.replace(declared, information=peeking)
    with pytest.raises(KeyError, match="firm"):
        task.rollout(jax.random.key(1), undeclared, state, jnp.zeros(1, jnp.int32))


def test_number_of_agents_must_be_that_of_their_parameters(economy):
    # An index past the end of `cost` would be clamped without a word.
    rules = {"firm": Produce(jnp.asarray(1.0))}
    for population in (Finite(3), Finite(6), Panel(5), Histogram(None)):
        with pytest.raises(InputError, match="5 individuals"):
            start(economy, {"firm": population}, rules, jax.random.key(0))
    other_mass = dataclasses.replace(economy, firm=dataclasses.replace(economy.firm, mass=4.0))
    with pytest.raises(InputError, match="mass 4"):
        start(other_mass, FIVE, rules, jax.random.key(0))
    assert largest(start(economy, FIVE, rules, jax.random.key(0)).cross["firm"].id - jnp.arange(5)) == 0
