"""Huggett with aggregate risk: a cleared price, rules that remember prices, and a bracket that holds no root."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import compiled_run, identities, largest, simulate
from walras._core.results import RootStatus
from walras.economy.agent import Choice
from walras.economy.population import Histogram
from walras.economy.rule import Information, LaggedInformation, RecurrentInformation, Rule, ViewInformation
from walras.economy.task import as_field, record_of
from walras.numerics.interpolate import Axis
from walras.testing.toys import HuggettRisk
from walras.testing.toys.huggett_risk import Consumption, Household

POPULATIONS = {"household": Histogram(Axis(-1.0, 20.0, 3.0, 80))}


class Ceiling(Rule):
    """c = position × ceiling, log-odds of the position linear in q, own bonds and whatever else is remembered."""

    household: Household
    level: jax.Array
    by_price: jax.Array
    by_bonds: jax.Array
    by_memory: jax.Array
    information: Information

    def __call__(self, own, view, info, *, key=None) -> Choice:
        _, (q, *remembered) = info
        odds = self.level + self.by_price * (q - 1) + self.by_bonds * own.b
        for weight, number in zip(self.by_memory, remembered, strict=True):
            odds = odds + weight * number
        ceiling = self.household.feasible(own, view, {}).c.high
        return Consumption(jax.nn.sigmoid(odds) * ceiling)


class Remember(eqx.Module):
    """A cell that keeps the last price and a two-dimensional memory of prices."""

    cell: eqx.nn.GRUCell

    def __call__(self, seen, memory):
        return jnp.concatenate([seen, self.cell(seen, memory[1:])])


def price(now):
    """What the memory observes: the price, settled."""
    return now.prices["q"]


def prices(now):
    """The same as a vector."""
    return now.prices["q"][None]


def rule_of(economy, information, memory=()):
    """A rule with this information, weights `memory` on what it remembers."""
    numbers = (jnp.asarray(x, dtype=float) for x in (0.0, 10.0, 0.3, memory))
    return Ceiling(economy.household, *numbers, information)


def recurrent(economy, weights=(0.5, 0.3, -0.4)):
    """A rule on the last price and a two-dimensional recurrent memory."""
    cell = Remember(eqx.nn.GRUCell(1, 2, key=jax.random.key(5)))
    return rule_of(economy, RecurrentInformation(cell, prices, 3), weights)


@pytest.fixture(scope="module")
def economy():
    return HuggettRisk.small()


@pytest.fixture(scope="module")
def remembered(economy):
    rules = {"household": recurrent(economy)}
    return rules, simulate(economy, POPULATIONS, rules, 300, exo=0)


def test_price_is_the_root_of_the_hand_written_excess(economy):
    # With one position p(q) for everybody, E[y] = 1 and Σ b = 0: bonds asked for are q S = z − p (z − q b_min), so that
    # S = 0 where p(q) = z/(z − q b_min). Solved here by bisection on 60 halvings, without the library.
    rule = dataclasses.replace(rule_of(economy, ViewInformation()), by_bonds=jnp.asarray(0.0))
    seen = simulate(economy, POPULATIONS, {"household": rule}, 100, exo=0).record
    z, b_min = np.asarray(economy.exogenous.values)[np.asarray(seen.exo)], float(economy.household.b_min)
    low, high = np.full(100, 0.8), np.full(100, 1.2)
    for _ in range(60):
        q = (low + high) / 2
        asks = z - (z - q * b_min) / (1 + np.exp(-10 * (q - 1))) > 0
        low, high = np.where(asks, q, low), np.where(asks, high, q)
    assert np.ptp(z) > 0.05  # all three states were visited
    np.testing.assert_allclose(seen.prices["q"], q, rtol=0, atol=1e-12)


def test_memory_market_clears_and_goods_follow(economy, remembered):
    # Goods are not imposed: they follow from budgets by Walras' law, at every date, since all start without bonds.
    _, run = remembered
    assert largest(run.record.flows["household"]["S"]) < 1e-10
    assert largest(identities(economy, run.record)["goods"]) < 1e-10
    assert np.all(np.asarray(run.record.status[0]) == RootStatus.BRACKETED)
    assert largest(jnp.sum(run.final.cross["household"]) - 1) < 1e-12


def test_memory_matters(economy, remembered):
    # Else the test below would compare a rule that remembers nothing with itself.
    _, run = remembered
    forgetful = {"household": recurrent(economy, (0.0, 0.0, 0.0))}
    other = simulate(economy, POPULATIONS, forgetful, 300, exo=0)
    assert largest(run.record.prices["q"] - other.record.prices["q"]) > 1e-3


def test_interrupted_run_gives_the_same_bits(economy, remembered):
    # Everything that a date hands to the next is in the state, memories included: 100 + 200 dates are 300 dates.
    rules, run = remembered
    key = jax.random.key(0)
    middle, early = compiled_run(economy, POPULATIONS, rules, run.state, run.exo_path[:100], key)
    final, late = compiled_run(economy, POPULATIONS, rules, middle, run.exo_path[100:], key)
    for whole, a, b in zip(*(jax.tree_util.tree_leaves(x) for x in (run.record, early, late)), strict=True):
        np.testing.assert_array_equal(whole, np.concatenate([a, b]))
    for whole, part in zip(*(jax.tree_util.tree_leaves(x) for x in (run.final, final)), strict=True):
        np.testing.assert_array_equal(whole, part)


def test_lagged_price_is_the_price_of_the_date_before(economy):
    rule = rule_of(economy, LaggedInformation(price, 2, 1.0), (0.5, -0.2))
    record = record_of("household")
    run = simulate(economy, POPULATIONS, {"household": rule}, 60, exo=1, record=record)
    _, _, (index, (q, once, twice)), seen = run.record
    np.testing.assert_array_equal(index, seen.exo)
    np.testing.assert_array_equal(q, seen.prices["q"])
    np.testing.assert_array_equal(once, np.concatenate([[1.0], q[:-1]]))
    np.testing.assert_array_equal(twice, np.concatenate([[1.0, 1.0], q[:-2]]))
    assert largest(seen.flows["household"]["S"]) < 1e-10


def test_learned_memory_is_rebuilt_from_the_public_record(economy, remembered):
    # The recorded coordinates are data; rebuilt ones are a function of the cell's weights, equal up to rounding.
    rules, _ = remembered
    again = simulate(economy, POPULATIONS, rules, 300, exo=0, record=record_of("household"))
    field = as_field(again.record, again.state.exo, again.exo_path)
    information = rules["household"].information
    rebuilt = eqx.filter_jit(field.rebuilt)(information)
    for recorded, new in zip(*(jax.tree_util.tree_leaves(x) for x in (field.info, rebuilt)), strict=True):
        np.testing.assert_allclose(recorded, new, rtol=1e-14)

    def last(information):
        return field.rebuilt(information)[1][2][-1]

    slope = eqx.filter_jit(eqx.filter_grad(last))(information)
    # One weight by central differences: error of order h² ≈ 1e-8 relative to a slope of order .1.
    where = lambda i: i.cell.cell.weight_ih  # noqa: E731
    step = jnp.zeros_like(where(information)).at[0, 0].set(1e-4)
    shifted = [last(eqx.tree_at(where, information, where(information) + s * step)) for s in (1, -1)]
    by_difference = float((shifted[0] - shifted[1]) / 2e-4)
    assert abs(by_difference) > 1e-3
    np.testing.assert_allclose(float(where(slope)[0, 0]), by_difference, rtol=1e-5)


def test_no_bracket_is_counted_and_nothing_is_clipped():
    # The root is near q = 1; in [.6, .9] bonds are asked for at both ends, less so at the upper one.
    economy = HuggettRisk.small(q_low=0.6, q_high=0.9)
    rules = {"household": rule_of(economy, ViewInformation())}
    run = simulate(economy, POPULATIONS, rules, 100, exo=0)
    status, residual = run.record.status
    assert int(np.sum(np.asarray(status) == RootStatus.NO_BRACKET)) == 100
    np.testing.assert_array_equal(run.record.prices["q"], 0.9)
    # The residual that comes back is the excess that is there, not zero.
    np.testing.assert_allclose(residual, np.abs(run.record.flows["household"]["S"]), rtol=1e-14)
    assert float(np.min(residual)) > 0.1
    assert RootStatus.NO_BRACKET.remedy

    # The other way round: above the root bonds are sold at both ends, less so at the lower one.
    economy = HuggettRisk.small(q_low=1.1, q_high=1.3)
    run = simulate(economy, POPULATIONS, {"household": rule_of(economy, ViewInformation())}, 100, exo=0)
    np.testing.assert_array_equal(run.record.prices["q"], 1.1)
    assert np.all(np.asarray(run.record.status[0]) == RootStatus.NO_BRACKET)
    assert np.all(np.asarray(run.record.flows["household"]["S"]) < -0.1)
