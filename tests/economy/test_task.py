"""What a learner is given, by hand: records of a path, a cohort that moves no price, one who does."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras._core.errors import InputError
from walras.economy.period import start
from walras.economy.population import Finite, Histogram, Panel, Representative
from walras.economy.rule import Beside, FullInformation, FunctionRule, LaggedInformation, UniformRule
from walras.economy.task import Field, MeanField, Strategic, as_field
from walras.testing.toys import Cournot, Overlapping
from walras.testing.toys.cournot import FirmOwn, NothingToSee, Quantity
from walras.testing.toys.overlapping import CohortOwn, Consumption, IncomeView

KEY = jax.random.key(6)
ECONOMY = Cournot.of([1.0, 2.0, 3.0])


def of(q: float) -> FunctionRule:
    """Always the same quantity."""
    return FunctionRule(lambda own, view, info: Quantity(jnp.asarray(q)))


def recorded(prices, info=()) -> Field:
    """A field of Cournot's economy with these prices."""
    dates = len(prices)
    public = {"p": jnp.asarray(prices)}
    return Field(
        jnp.zeros(dates, int), jnp.zeros(dates, int), NothingToSee(jnp.arange(dates)), {"p": jnp.asarray(prices)}, info, public
    )


LAGGED = LaggedInformation(lambda public: public["p"], 2, 7.0)


def test_the_states_of_a_field_are_before_and_after_each_date():
    # The first state, then the path without its last; the path itself lies ahead.
    records = ("view", "outcome", "info", "public")
    field = as_field(records, jnp.asarray(2), jnp.asarray([0, 1, 3]))
    assert field.exo.tolist() == [2, 0, 1] and field.exo_next.tolist() == [0, 1, 3]
    assert (field.view, field.outcome, field.info, field.public) == records


def test_information_is_rebuilt_from_what_was_public():
    # Two lags of the price, 7 before there was any; or from what is remembered where the path begins.
    field = recorded([1.0, 2.0, 3.0])
    index, lags = field.rebuilt(LAGGED)
    assert index.tolist() == [0, 1, 2]
    assert [lag.tolist() for lag in lags] == [[7.0, 1.0, 2.0], [7.0, 7.0, 1.0]]
    _, lags = field.rebuilt(LAGGED, jnp.asarray([5.0, 4.0]))
    assert [lag.tolist() for lag in lags] == [[5.0, 1.0, 2.0], [4.0, 5.0, 1.0]]


def test_a_cohort_takes_the_recorded_prices():
    # Profits (p − c) 2 of three firms at prices 4 and 5; equal weights; β at each date; the same firms in the end.
    task = MeanField(ECONOMY.firm, Finite(3), recorded([4.0, 5.0]))
    roll = task.rollout(KEY, of(2.0), FirmOwn(id=jnp.arange(3)))
    assert roll.payoff.tolist() == [[6.0, 4.0, 2.0], [8.0, 6.0, 4.0]] and roll.choice.q.tolist() == [[2.0] * 3] * 2
    np.testing.assert_allclose(roll.discount, np.full((2, 3), 0.95))
    np.testing.assert_allclose(roll.weight, np.full((2, 3), 1 / 3))
    assert roll.final.id.tolist() == [0, 1, 2] and roll.own.id.tolist() == [[0, 1, 2]] * 2


def test_a_cohort_reads_its_own_information():
    # A rule with lags has them rebuilt; what is not public is read as it was recorded.
    task = MeanField(
        ECONOMY.firm, Finite(3), recorded([1.0, 2.0, 3.0], (jnp.zeros(3, int), (jnp.asarray([0.5, 0.25, 0.125]),)))
    )
    follow = FunctionRule(lambda own, view, info: Quantity(info[1][0]), LAGGED)
    assert task.rollout(KEY, follow, FirmOwn(id=jnp.arange(3))).choice.q[:, 0].tolist() == [7.0, 1.0, 2.0]
    memory = jnp.asarray([5.0, 4.0])
    assert task.rollout(KEY, follow, FirmOwn(id=jnp.arange(3)), memory).choice.q[:, 0].tolist() == [5.0, 1.0, 2.0]
    full = dataclasses.replace(follow, information=FullInformation(lambda now: ()))
    assert task.rollout(KEY, full, FirmOwn(id=jnp.arange(3))).choice.q[:, 0].tolist() == [0.5, 0.25, 0.125]


def test_draws_of_a_cohort_differ_by_date_and_individual():
    task = MeanField(ECONOMY.firm, Finite(3), recorded([4.0, 4.0, 4.0]))
    rule, own = UniformRule(ECONOMY.firm), FirmOwn(id=jnp.arange(3))
    drawn = np.asarray(task.rollout(KEY, rule, own).choice.q)
    assert len(np.unique(drawn)) == 9
    np.testing.assert_array_equal(task.rollout(KEY, rule, own).choice.q, drawn)
    assert not np.any(np.asarray(task.rollout(jax.random.key(7), rule, own).choice.q) == drawn)


def test_a_cohort_ages_and_dies():
    # Half of the young grow old (of 400, 200 ± 4 · 10), the old are born again without capital; nobody moves a price.
    agent = Overlapping.diamond(grows_old=0.5).household
    view = IncomeView(*(jnp.full(2, x) for x in (1.5, 0.5, 0.25)), jnp.zeros(2, int))
    field = Field(jnp.zeros(2, int), jnp.zeros(2, int), view, (), (), ())
    rule = FunctionRule(lambda own, view, info: Consumption(0.5 * agent.cash(own, view)))
    task = MeanField(agent, Finite(400), dataclasses.replace(field, info=(jnp.zeros(2, int), ())))
    roll = task.rollout(KEY, rule, CohortOwn(jnp.zeros(400), age=jnp.zeros(400, int)))
    old = np.asarray(roll.own.age[1]) == 1
    assert abs(old.sum() - 200) <= 40
    # Half of .75 is saved by those who live on; the discount factor is that of the age now, β s when old.
    np.testing.assert_allclose(roll.own.k[1], np.where(old, 0.375, 0.0), rtol=1e-14)
    np.testing.assert_allclose(roll.payoff[0], np.log(0.375), rtol=1e-14)
    np.testing.assert_allclose(roll.discount[1], np.where(old, 0.5 * 0.96**30, 0.0), rtol=1e-13)
    assert np.all(np.asarray(roll.final.age)[old] == 0) and np.all(np.asarray(roll.final.k)[old] == 0)
    # Along a path nothing is learnt through prices: the slope of payoffs in a recorded price is zero.
    bent = lambda R: dataclasses.replace(task, field=dataclasses.replace(task.field, view=dataclasses.replace(view, w=R)))  # noqa: E731
    slope = jax.grad(lambda w: jnp.sum(bent(w).rollout(KEY, rule, CohortOwn(jnp.zeros(400), age=jnp.zeros(400, int))).payoff))
    assert not np.any(np.asarray(slope(jnp.full(2, 0.5))))


def test_the_one_beside_the_others_has_its_own_rule_and_information():
    lagged = FunctionRule(lambda own, view, info: Quantity(info[1][0]), LAGGED)
    rule = Beside(lagged, of(1.0), jnp.asarray(2))
    view, info = NothingToSee(jnp.asarray(0)), ((0, (9.0,)), (0, ()))
    chosen = rule.together(FirmOwn(id=jnp.arange(3)), view, info, jax.random.split(KEY, 3))
    assert chosen.q.tolist() == [1.0, 1.0, 9.0]
    assert rule.information.parts == (lagged.information, of(1.0).information)
    with pytest.raises(InputError, match="cannot be told from another"):
        rule(FirmOwn(id=jnp.asarray(2)), view, info)


def test_one_who_moves_the_price():
    # Firm 0 unless told: it sells 3, the others 1 each: p = 10 − 5. Then firm 2.
    populations, others = {"firm": Finite(3)}, {"firm": of(1.0)}
    state = start(ECONOMY, populations, others, KEY)
    for i, payoff in ((None, [12.0, 3.0, 2.0]), (2, [4.0, 3.0, 6.0])):
        task = Strategic(ECONOMY, populations, others, "firm", *(() if i is None else (i,)))
        roll = task.rollout(KEY, of(3.0), state, jnp.zeros(2, int))
        assert roll.payoff.tolist() == [payoff, payoff]
        assert roll.choice.q[0].tolist() == [3.0 if firm == (i or 0) else 1.0 for firm in range(3)]
        assert int(roll.final.date) == 2
        np.testing.assert_allclose(roll.discount, np.full((2, 3), 0.95))
        np.testing.assert_allclose(roll.weight, np.full((2, 3), 1 / 3))


@pytest.mark.parametrize("population", [Panel(3), Histogram()], ids=["Panel", "Histogram"])
def test_a_continuum_moves_no_price(population):
    with pytest.raises(InputError, match=f"Strategic: firm is a {type(population).__name__}: .*Use MeanField"):
        Strategic(ECONOMY, {"firm": population}, {"firm": of(1.0)}, "firm")
    assert Strategic(ECONOMY, {"firm": Representative()}, {"firm": of(1.0)}, "firm").i == 0
