"""Overlapping generations: births, deaths, and estates that belong to nobody alive."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import identities, largest, simulate
from walras.economy import foc
from walras.economy.period import start
from walras.economy.population import Finite, Histogram, Panel, Population
from walras.economy.rule import FunctionRule
from walras.numerics.interpolate import Axis
from walras.testing.toys import Overlapping
from walras.testing.toys.overlapping import CohortOwn, Consumption, IncomeView

HISTOGRAM = Histogram(Axis(0.0, 1.0, 0.1, 60))


def life_cycle(economy):
    """The closed form: the young save the share β s/(1 + β s), the old nothing."""
    agent = economy.household
    share = agent.beta * agent.grows_old / (1 + agent.beta * agent.grows_old)

    def rule(own, view, info):
        return Consumption(agent.cash(own, view) * jnp.where(own.age == 0, 1 - share, 1.0))

    return {"household": FunctionRule(rule)}, float(share)


def run_of(economy, population: Population, periods: int = 30):
    """A run from a steady mix of ages."""
    populations, (rules, share) = {"household": population}, life_cycle(economy)
    key = jax.random.key(3)
    state = eqx.filter_jit(start)(economy, populations, rules, key, 1)
    cross = population.place(economy.household, economy.opening(0.05), key)
    state = dataclasses.replace(state, cross={"household": cross})
    return simulate(economy, populations, rules, periods, state=state), share


@pytest.mark.parametrize("population", [HISTOGRAM, Finite(200), Panel(200)], ids=["histogram", "finite", "panel"])
def test_capital_is_the_closed_form(population):
    # K' = β/(1+β) (1−α) Y, and C + K' = Y with the depreciation complete.
    economy = Overlapping.diamond()
    run, share = run_of(economy, population)
    K, Y = np.asarray(run.record.stocks["household"]["K"]), np.asarray(run.record.prices["Y"])
    np.testing.assert_allclose(K[1:], share * (1 - 0.3) * Y[:-1], rtol=1e-13)
    assert abs(share - 0.2939 / 1.2939) < 1e-4 and np.ptp(np.log(Y)) > 0.1
    assert largest(identities(economy, run.record)["goods"]) < 1e-14
    # One young and one old at every date, nobody leaves anything.
    np.testing.assert_allclose(run.record.stocks["household"]["N"], 1.0, rtol=1e-13)
    assert largest(run.record.estates["household"]["K"]) == 0.0


@pytest.mark.parametrize("population", [HISTOGRAM, Finite(200), Panel(200)], ids=["histogram", "finite", "panel"])
def test_estates_are_those_of_the_individuals_who_died(population):
    # A fifth of the young die with their savings. Capital of the living and the dead together is what was saved:
    # K' = β s/(1+β s) ((1−α) Y + R E), E the estates at work at this date. Counted: exact in a sample of any size.
    economy = Overlapping.diamond(grows_old=0.8)
    run, share = run_of(economy, population)
    seen = run.record
    estates = np.asarray(seen.estates["household"]["K"])
    K, Y = np.asarray(seen.stocks["household"]["K"]) + estates, np.asarray(seen.prices["Y"])
    saved = share * ((1 - 0.3) * Y + np.asarray(seen.prices["R"]) * estates)
    np.testing.assert_allclose(K[1:], saved[:-1], rtol=1e-13)
    assert largest(identities(economy, seen)["goods"]) < 1e-14
    if isinstance(population, Histogram):
        np.testing.assert_allclose(estates[1:] / K[1:], 0.2, rtol=1e-12)
        # Young and old: N' = 2 − s N, from one young at the start.
        N = np.asarray(seen.stocks["household"]["N"])
        np.testing.assert_allclose(N[1:], 2 - 0.8 * N[:-1], rtol=1e-13)
        assert abs(float(jnp.sum(run.final.cross["household"])) - 1) < 1e-12
    else:
        # Deaths among some 110 young are random: shares of s.d. (.2 · .8/110)^½ = .038 around a fifth.
        assert abs(np.mean(estates[1:] / K[1:]) - 0.2) < 4 * 0.038 / np.sqrt(29)
        assert np.std(estates[1:] / K[1:]) > 0.019


def test_the_plan_meets_the_derived_conditions():
    # 1/c_y = β s R'/c_o with c_o = R' k': zero for k' = β s c_y. And V_k of the old is R/c, though nothing lies ahead.
    economy = Overlapping.diamond(grows_old=0.8)
    agent, share = economy.household, life_cycle(economy)[1]
    young, view = (
        CohortOwn(jnp.asarray(0.0), age=jnp.asarray(0)),
        IncomeView(*jnp.asarray([1.7, 0.3, 0.02]), jnp.asarray(0)),
    )
    choice = Consumption((1 - share) * 0.32)
    old = agent.move(young, choice, view, ()).to(age=jnp.asarray(1))
    view_next = IncomeView(*jnp.asarray([2.3, 0.4, 0.01]), jnp.asarray(0))
    slope = foc.marginal_value(agent, old, Consumption(2.3 * old.k), view_next, ())
    np.testing.assert_allclose(float(slope), 1 / float(old.k), rtol=2e-15)
    W = agent.discount(old, view_next, ()) * slope
    assert abs(float(foc.residual(agent, young, choice, view, (), W)[0])) < 1e-14
    newborn = CohortOwn(jnp.asarray(0.0), age=jnp.asarray(0))
    assert float(agent.discount(newborn, view_next, ())) == 0.0


def test_a_place_in_the_list_is_no_fate():
    # Births that replace the dead are drawn in random order: a place that always held the same quantile of the
    # distribution at birth would make inequality permanent. Correlation over 200 places of two cohorts: s.d. .071.
    economy = Overlapping.diamond()
    panel, wealth = Panel(200), jnp.linspace(0.0, 1.0, 10)
    spread = economy.opening(0.05)
    spread = dataclasses.replace(spread, values=CohortOwn(wealth, age=jnp.zeros(10, int)), weights=jnp.full(10, 0.1))
    first, second = (panel.place(economy.household, spread, jax.random.key(seed)).k for seed in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 * 0.071
    # Stratified: twenty of each, exactly.
    np.testing.assert_array_equal(np.bincount(np.round(np.asarray(first) * 9).astype(int)), 20)
