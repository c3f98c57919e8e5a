"""Forms with a network: the gradient through memory, start, files, and signal extraction by those who remember."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras import loop as loops
from walras.economies import KrusellSmith
from walras.economy import path as paths
from walras.economy.period import Now
from walras.economy.population import Histogram
from walras.economy.rule import LaggedInformation
from walras.economy.task import MeanField
from walras.learners import StructuralRL
from walras.learners.adjoint import adjoint
from walras.learners.forms import SmoothForm, filled, near
from walras.learners.networks import NetworkForm
from walras.learners.preset import StructuralSizes, preset
from walras.learners.structural import StructuralState
from walras.solve import laboratory
from walras.testing.toys import HiddenIncome
from walras.testing.toys.hidden_income import IncomeView, WealthOwn

NAME = "household"

# ---- signal extraction: the truth is linear, and exact for the chains that are simulated ----

RHO, LASTING, PASSING = 0.95, 0.2**2, 0.3**2  # persistence, variance of its innovation, variance of what passes
R = 0.1


def kalman_gain() -> float:
    """The steady gain of the filter for p' = ρ p + ε seen in p + v.

    With P = var(p | past), K = P/(P + R) and P = ρ² P (1 − K) + Q; with ρ = 1 this is the K² = q (1 − K) of the local level.
    """
    P = LASTING
    for _ in range(1000):
        P = RHO**2 * P * PASSING / (P + PASSING) + LASTING
    return P / (P + PASSING)


def response(share: float) -> float:
    """dc/d(surprise) where the share of a surprise is believed to last (the annuity of wealth, see the toy's docstring)."""
    return R / (1 + R) * (1 + share * RHO / (1 + R - RHO))


def learned_slopes(learner: StructuralRL, rounds: int) -> np.ndarray:
    """Slopes of consumption in the surprise and in what was expected of p, at four levels of wealth, shape (4, 2)."""
    economy = HiddenIncome.muth()
    sizes = StructuralSizes(rounds, 128, 10, rate=0.03, average_rounds=300, tolerance=0.0)
    sizes = dataclasses.replace(preset("fast"), histogram_nodes=80, structural=sizes)
    lab, loop = laboratory(economy, {NAME: learner}, {NAME: Histogram(None, 80)}, None, sizes, 0)
    loop = loops.advance(lab, loop, rounds)
    exo = paths.exogenous_path(economy, np.int64(27), 5000, jax.random.key(7))
    income = np.asarray(economy.exogenous.values)[exo]
    gain, expected, surprise, at = kalman_gain(), [], [], 0.0
    for y in income:
        expected.append(at)
        surprise.append(y - at)
        at = RHO * (at + gain * (y - at))
    rule = learner.rule(loop.learners[NAME])
    terms = np.stack([np.ones(len(income)), surprise, expected], axis=1)[100:]
    found = []
    for wealth in (8.0, 10.0, 12.0, 15.0):
        consumed = np.asarray(_consumed(rule, jnp.asarray(wealth), jnp.asarray(income)))[100:]
        found.append(np.linalg.lstsq(terms, consumed, rcond=None)[0][1:])
    return np.array(found)


@eqx.filter_jit
def _consumed(rule, wealth, incomes):
    def step(memory, y):
        zero = jnp.zeros((), int)
        now, view = Now(zero, zero, {}, {}, {"y": y}), IncomeView(jnp.asarray(1 + R), jnp.asarray(5.0), y, zero)
        choice = rule(WealthOwn(wealth), view, rule.information.read(memory, view, now))
        return rule.information.step(memory, now), choice.c

    return jax.lax.scan(step, rule.information.start(), incomes)[1]


def test_the_chain_is_what_the_filter_believes():
    # The filter is the best linear forecast; with these second moments exactly, its gain is exact for the chain.
    chain = HiddenIncome.muth().exogenous
    p = np.unique(np.round(np.asarray(chain.values).reshape(11, 5).mean(axis=1), 12))
    moves = np.asarray(chain.transition).reshape(11, 5, 11, 5).sum(axis=3)[:, 0]
    np.testing.assert_allclose(moves @ p, RHO * p, atol=1e-12)
    np.testing.assert_allclose(moves @ p**2 - (moves @ p) ** 2, LASTING, rtol=1e-10)
    v = np.asarray(chain.values).reshape(11, 5)[5]
    weights = np.asarray(chain.transition).reshape(11, 5, 11, 5)[0, 0].sum(axis=0)
    np.testing.assert_allclose([weights @ v, weights @ v**2], [0.0, PASSING], atol=1e-12)
    assert abs(kalman_gain() - 0.4630) < 1e-4


def test_those_who_remember_answer_a_surprise_by_kalmans_gain():
    slopes = learned_slopes(StructuralRL(form="recurrent", degree=1, width=4, memory=4), 2000)
    # Consumption is linear in the best linear filter of a linear problem: slopes are exact, the tolerance is sampling noise of
    # learning (2,000 rounds of 1,280 dates; found: .3 to .6 %).
    assert np.abs(slopes[:, 0] / response(kalman_gain()) - 1).max() < 0.02, slopes[:, 0] / response(kalman_gain())
    # Consumption is to stay where it is by what was expected of p already: R/(1 + R) (1 + RHO/(1 + R − RHO)), shorter so.
    assert np.abs(slopes[:, 1] / (R / (1 + R - RHO)) - 1).max() < 0.02


def test_those_who_see_the_present_alone_answer_too_much():
    slopes = learned_slopes(StructuralRL(form="smooth", degree=1), 600)
    assert slopes[:, 0].min() > 1.25 * response(kalman_gain())
    # They cannot tell a surprise from what was to be expected.
    np.testing.assert_allclose(slopes[:, 0], slopes[:, 1], rtol=0.01)


# ---- Krusell and Smith's economy ----


class Begun(NamedTuple):
    """Laboratory and loop after the warm rounds, the learner's state with a last layer that is no longer zero, its first state."""

    lab: loops.Laboratory
    loop: loops.LoopState
    state: StructuralState
    first: StructuralState

    @property
    def rule(self):
        """The present rule."""
        return self.lab.learners[NAME].rule(self.state)


@pytest.fixture(scope="module")
def begun():
    """The recurrent form on its way."""
    learner = StructuralRL(form="recurrent", memory=3, width=4)
    lab, first = laboratory(KrusellSmith.srl2025(), {NAME: learner}, None, None, preset("fast"), 0)
    loop = loops.advance(lab, first, 24)
    state = loop.learners[NAME]
    heads = 0.3 * jax.random.normal(jax.random.key(5), state.form.terms.heads.shape)
    form = eqx.tree_at(lambda f: f.terms.heads, state.form, heads)
    return Begun(lab, loop, dataclasses.replace(state, form=form, average=form), first.learners[NAME])


def test_the_gradient_through_memory_is_that_of_the_whole_path(begun):
    lab, loop, state, _ = begun
    agent, cohort = lab.economy.household, lab.populations[NAME]
    _, fields, *_ = eqx.filter_jit(loops._experience)(lab, loop, {NAME: begun.rule})
    field = fields[NAME]
    start = loop.economy.cross[NAME].reshape(len(lab.exo), -1)
    terminal = jnp.asarray(np.random.default_rng(0).normal(size=start.shape[1])) - 5.0
    one = jax.tree_util.tree_map(lambda leaf: leaf[0], field)
    lead = jax.tree_util.tree_map(lambda leaf: leaf[:1], field)
    memory = loop.economy.memory[NAME][0]
    assert float(jnp.abs(memory).max()) > 1e-3  # the stretch does not begin with nothing remembered

    def lifetime(form):
        rule = form.rule(state.table, state.belief)
        roll = MeanField(agent, cohort, one).rollout(loop.key, rule, start[0].reshape(agent.risk.n, -1), memory)
        discount = jnp.cumprod(jnp.sum(roll.discount * roll.weight, axis=1))
        total = jnp.sum(discount * jnp.sum(roll.payoff * roll.weight, axis=1))
        return total + discount[-1] * jnp.sum(roll.final.reshape(-1) * terminal)

    @eqx.filter_jit
    def both(form):
        parts, pull = jax.vjp(lambda f: f.parts(state.table, state.belief, lead), form)
        return jax.grad(lifetime)(form), pull(
            adjoint(agent, cohort, lead, parts, start[:1], terminal[None], smooth=False).gradient
        )[0]

    whole, scanned = both(state.form)
    for name in ("cell", "terms"):
        pairs = zip(*(jax.tree_util.tree_leaves(getattr(x, name)) for x in (whole, scanned)), strict=True)
        for a, b in pairs:
            assert float(jnp.abs(a).max()) > 1e-6, name
            np.testing.assert_allclose(b, a, atol=1e-5 * float(jnp.abs(a).max()))
    for frozen in (scanned.centre, scanned.scale, whole.centre, whole.scale):
        np.testing.assert_array_equal(frozen, 0.0)


def test_memory_built_again_is_the_one_that_was_carried(begun):
    loop, rule = begun.loop, begun.rule
    final, fields, *_ = eqx.filter_jit(loops._experience)(begun.lab, loop, {NAME: rule})
    again = eqx.filter_jit(lambda f, m: jax.vmap(lambda one, m: one.rebuilt(rule.information, m))(f, m))
    _, found = again(fields[NAME], loop.economy.memory[NAME])
    np.testing.assert_allclose(found, fields[NAME].info[1], atol=1e-12)
    assert final.memory[NAME].shape == (len(begun.lab.exo), 3)


def test_the_first_rule_is_the_smooth_one(begun):
    first = begun.first
    smooth = near(SmoothForm(jnp.zeros((0, 0)), first.form.terms.powers), first.table, first.belief)
    for form in (first.form, NetworkForm(dataclasses.replace(first.form.terms, memory=3))):
        found = filled(form, first.table, first.belief).table
        np.testing.assert_allclose(found, filled(smooth, first.table, first.belief).table, atol=1e-12)
    # What was learned beyond the polynomials stays where they are fitted anew, and the rule with it (logits are cut at 1e-4).
    learned, nodes, belief = begun.state.form, begun.state.table, begun.state.belief
    table = filled(learned, nodes, belief)
    again = near(learned, table, belief)
    np.testing.assert_array_equal(again.terms.heads, learned.terms.heads)
    np.testing.assert_allclose(filled(again, nodes, belief).table, table.table, atol=2e-4)


def test_a_memory_of_its_own_is_refused_beside_another():
    lagged = LaggedInformation(lambda now: now.prices["r"], 1, 0.04)
    with pytest.raises(w.InputError, match="its own memory beside LaggedInformation"):
        w.solve(KrusellSmith.srl2025(), {NAME: StructuralRL(form="recurrent")}, information={NAME: lagged}, preset="fast")
    with pytest.raises(w.InputError, match="what is observed has shape"):
        learner, own = StructuralRL(form="recurrent", observe=income), {NAME: Histogram(None, 40)}
        laboratory(HiddenIncome.muth(), {NAME: learner}, own, None, preset("fast"), 0)


def income(now):
    """A number, where a vector is asked for."""
    return now.prices["y"]
