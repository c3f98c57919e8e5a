"""The lower bound on the policy rate: what must hold exactly, the economy without it, and the second steady state.

Tolerances of solved quantities are at least three times the largest gap that the preset `fast` had on five seeds.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras._core.compiling import brief_jit
from walras._core.keys import root_key
from walras.economies import Hank, Zlb
from walras.economy import period as periods
from walras.economy.rule import ConductRule, ViewInformation
from walras.economy.task import Field
from walras.learners import beliefs, rest
from walras.learners.preset import preset
from walras.loop import one_round
from walras.solve import default_learner, default_population, laboratory


@pytest.fixture(scope="module")
def seen(solved):
    """The public record of a solution with the preset fast."""
    solution = solved(Zlb.short_shocks)
    return solution, solution.evidence.dates["public"]


def test_either_the_bound_or_the_rule_holds(seen):
    # i' >= floor, i' >= Taylor, one of them equal; Taylor's rate written out again from inflation and the surprise.
    solution, public = seen
    bank = solution.economy.bank
    v = np.asarray(solution.economy.exogenous.values)[np.asarray(public.exo), 1]
    rule = (1 + float(bank.target)) * (1 + np.asarray(public.flows["firm"]["Pi"])) ** float(bank.phi) * np.exp(v) - 1
    rate = np.asarray(public.flows["bank"]["i"])
    np.testing.assert_allclose(np.minimum(rate - float(bank.floor), rate - rule), 0, atol=1e-10)
    # What was set at a date is paid at the next, and the firm, the household and their laws read the same rate.
    np.testing.assert_array_equal(np.asarray(public.stocks["bank"]["i"])[1:], rate[:-1])
    for name in ("firm", "household"):
        gross = np.asarray(solution.evidence.dates["infos"][name][1][0])
        np.testing.assert_allclose(gross[1:], 1 + rate[:-1], atol=1e-15)


def test_the_bound_binds_in_a_tenth_of_all_years(seen):
    solution, public = seen
    share = float((np.asarray(public.flows["bank"]["i"]) <= 0).mean())
    assert 0.05 < share < 0.20
    assert solution.certificate.verdict.value == "certified"
    # The shadow rate goes far below what the bank sets, so that the bound is no rounding.
    assert np.asarray(public.flows["bank"]["shadow"]).min() < -0.005


def test_the_law_never_forecasts_less_than_the_bound(seen):
    solution, _ = seen
    for name in ("firm", "household"):
        state = solution.loop.learners[name]
        assert float(state.table.axes[0].low) == 0.0  # log of a gross rate of one: a node at the bound
        index, coordinates = solution.evidence.dates["infos"][name]
        t = state.belief.transform(tuple(jnp.asarray(c) for c in coordinates))
        forecast = jax.vmap(state.belief.step)(index, t, index)[:, 0]
        free = jax.vmap(state.belief.unbounded_step)(index, t, index)[:, 0]
        assert float(forecast.min()) == 0.0 and float(free.min()) < -0.005
        np.testing.assert_array_equal(np.maximum(free, 0.0), forecast)


SMALL = dataclasses.replace(preset("fast"), paths=2, dates=20, histogram_nodes=40)
SMALL = dataclasses.replace(SMALL, euler=dataclasses.replace(SMALL.euler, nodes=40))


def rounds(economy, number: int):
    """States of the learners after some rounds of a small solve."""
    learners = {name: default_learner(agent) for name, agent in periods.agents(economy).items()}
    lab, loop = laboratory(economy, learners, None, None, SMALL, 0)
    step = brief_jit(one_round)
    for _ in range(number):
        loop = step(lab, loop)
    return loop.learners


@pytest.mark.slow  # two programs are compiled for a few rounds
def test_a_bound_that_never_binds_is_no_bound():
    ours, hank = rounds(Zlb.of(Hank.srl2025(), -1.0), 2), rounds(Hank.srl2025(), 2)
    for name in ("firm", "household"):
        for part in (lambda s: s.table.table, lambda s: s.worth, lambda s: s.belief.law, lambda s: s.table.axes[0].low):
            np.testing.assert_allclose(part(ours[name]), part(hank[name]), atol=1e-8)


def resting(first):
    """The resting date that is found from prices (Y, mc) and the firm's position."""
    economy, sizes = Zlb.steady(), preset("fast")
    types = periods.agents(economy)
    populations = {n: default_population(a, sizes.stationary_nodes) for n, a in types.items()}
    start = (root_key(0), jnp.asarray(0))
    information = {n: ViewInformation() for n in types}
    return economy, rest.find(economy, populations, {"bank": ConductRule(economy.bank)}, information, start, sizes, first).now


@pytest.mark.parametrize("first, bound", [(None, False), (np.array([0.97, 0.895, 0.477]), True)], ids=["intended", "deflation"])
def test_the_taylor_rule_and_fishers_equation_cross_twice(first, bound):
    economy, now = resting(first)
    Pi, mc, R = float(now.flows["firm"]["Pi"]), float(now.prices["mc"]), float(now.views["household"].R)
    rate, rule = float(now.flows["bank"]["i"]), 1.025 * (1 + Pi) ** 1.5 - 1
    assert (rate == 0.0 and rule < -0.01) if bound else rate == pytest.approx(rule, abs=1e-12)
    assert pytest.approx((1 + rate) / (1 + Pi), abs=1e-12) == R
    # Phillips curve at rest: Π (1 + Π) (1 − 1/R) = ε/θ (mc − (ε − 1)/ε).
    assert Pi * (1 + Pi) * (1 - 1 / R) == pytest.approx(0.1 * (mc - 0.9), abs=1e-7)
    goods = economy.accounts(now, now)["goods"]
    assert abs(float(goods)) < 1e-8
    # The real rate is that at which people want to hold the debt: nearly the same in both.
    assert pytest.approx(1.0235, abs=3e-4) == R
    assert Pi == pytest.approx(-0.02295 if bound else -0.00285, abs=3e-4)


@dataclasses.dataclass
class Rate:
    """A view with one coordinate in logs, bounded at one."""

    shadow: object

    def bounded(self):
        return ((jnp.ones_like(self.shadow), self.shadow),)


jax.tree_util.register_dataclass(Rate, ["shadow"], [])


def test_the_law_is_fitted_to_what_would_be_without_the_bound():
    # log shadow' = .5 log rate + .02 in state 0, −.03 in state 1: an exact law, of which the bounded series is none.
    index = np.random.default_rng(0).integers(0, 2, 400)
    rate, shadow = np.ones(400), np.ones(400)
    for t in range(399):
        shadow[t + 1] = np.exp(0.5 * np.log(rate[t]) + np.where(index[t] == 0, 0.02, -0.03))
        rate[t + 1] = max(shadow[t + 1], 1.0)
    assert 0.2 < (rate == 1).mean() < 0.8
    row = lambda x: jnp.asarray(x)[None]  # noqa: E731
    field = Field(row(index), row(index), Rate(row(shadow)), (), (row(index), (row(rate),)), None)
    shape = dataclasses.replace(beliefs.shape_of(2, 1, (True,), (1, 1), False), bounded=True)
    blank = beliefs.blank(np.array([[-1.0], [1.0]]), np.zeros(1), (Rate(jnp.ones(())), ()), shape)
    belief = blank.fit(field)
    for state, drift in ((0, 0.02), (1, -0.03)):
        at = jnp.asarray([0.01])
        assert float(belief.unbounded_step(state, at, state)[0]) == pytest.approx(0.005 + drift, abs=1e-9)
        assert float(belief.step(state, at, state)[0]) == pytest.approx(max(0.005 + drift, 0.0), abs=1e-9)
