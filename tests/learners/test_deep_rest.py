"""Deep learning where markets clear and nothing aggregate moves: candidates, roots, one rule for many economies, bad input."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras.economies import Aiyagari, Huggett, TaxEconomy
from walras.economy.population import Panel
from walras.learners import DeepEuler
from walras.learners.candidates import Candidates
from walras.learners.deep_base import Everything
from walras.learners.deep_root import euler_gap
from walras.learners.preset import preset
from walras.learners.priced_rule import Reading
from walras.rest import LEARNED, standing
from walras.solve import laboratory, settled, why_stopped

NAME = "household"
TAXES = (("government.tau_k", -0.2, 0.6), ("government.tau_n", -0.1, 0.7))
SUPPLIES = (("supply", 4.0, 7.0),)


@pytest.fixture(scope="module")
def candidates():
    return Candidates.of(TaxEconomy.ghh(), TAXES, NAME)


def test_candidates_are_drawn_in_the_box_and_spread_over_it(candidates):
    policies, x = candidates.drawn(jax.random.key(0), 50)
    for n, (_, low, high) in enumerate(TAXES):
        share = np.sort((np.asarray(policies[:, n]) - low) / (high - low))
        assert np.all(np.abs(share - (np.arange(50) + 0.5) / 50) <= 0.5 / 50 + 1e-12)
    far = np.abs(np.asarray(x) - np.asarray(candidates.centre(candidates.own))) / np.asarray(candidates.width)
    assert far.max() <= 1.0
    assert far.max(axis=0) == pytest.approx(1.0, abs=0.05)


def test_candidates_follow_a_quadratic_function_of_the_policy(candidates):
    policies = candidates.design()
    assert len(policies) == 1 + 9  # its own; middle, faces, corners
    places = lambda p: np.stack([0.3 + 0.5 * p[:, 0] * p[:, 1], 0.05 - p[:, 1] ** 2], axis=1)  # noqa: E731
    found = candidates.around(policies, places(policies))
    other = np.array([[0.13, 0.57], [-0.11, 0.02]])
    np.testing.assert_allclose(jax.vmap(found.centre)(jnp.asarray(other)), places(other), atol=1e-12)
    assert np.all(np.asarray(found.width) > np.asarray(candidates.width))  # they had moved far
    again = found.around(policies, places(policies))
    np.testing.assert_allclose(again.width, 0.6 * np.asarray(found.width))  # they stood still
    np.testing.assert_allclose(again.wider().width, found.width)


def test_a_reading_is_of_what_differs():
    views = {"same": jnp.full(4, 2.0), "r": jnp.array([1.0, 2.0, 3.0, 5.0]), "state": jnp.arange(4)}
    reading = Reading.of(views)
    first, last = ({k: v[n] for k, v in views.items()} for n in (0, 3))
    assert reading(first).tolist() == [-1.0]
    assert reading(last).tolist() == [1.0]


@pytest.mark.parametrize(
    ("over", "error", "what"),
    [
        ((("government.tau_q", 0.0, 0.4),), w.UnknownName, "government.tau_q"),
        ((("household.beta", 0.9, 0.99),), w.InputError, "belongs to the type that learns"),
        ((("government.tau_k", 0.3, 0.4),), w.InputError, "must hold the economy's own value"),
        ((("government.tau_k", 0.2, 0.2),), w.InputError, "must hold the economy's own value"),
        ((("government.tau_k", -0.2, 1.5),), w.InputError, "must lie between -inf and 1"),
        ((("government.tau_k[0]", -0.2, 0.5),), w.InputError, "no single number, or named twice"),
        ((TAXES[0], TAXES[0]), w.InputError, "no single number, or named twice"),
    ],
    ids=["unknown", "own", "outside", "empty", "beyond", "entry", "twice"],
)
def test_a_box_that_cannot_be_is_refused(over, error, what):
    with pytest.raises(error, match=what):
        w.solve(TaxEconomy.ghh(), {NAME: DeepEuler(over=over)}, preset="fast")


def test_a_box_needs_a_market_that_clears():
    with pytest.raises(w.InputError, match="a box of parameters"):
        w.solve(Aiyagari.benchmark(), {NAME: DeepEuler(over=(("delta", 0.05, 0.1),))}, preset="fast")


@pytest.fixture(scope="module")
def learned():
    return w.solve(Huggett.tutorial(), {NAME: DeepEuler(over=SUPPLIES)}, preset="fast")


def supplied(supply: float) -> Huggett:
    return w.with_parameters(Huggett.tutorial(), {"supply": supply})


def test_it_is_certified_and_agrees_with_endogenous_grids(learned):
    assert learned.verdict == "certified", learned.certificate.reasons
    exact = w.rest(Huggett.tutorial(), preset="fast")
    assert float(standing(learned).x[0]) == pytest.approx(float(exact.x[0]), abs=3e-5)  # 5.62e-3


@pytest.mark.parametrize("supply", [4.0, 6.5])
def test_one_rule_is_for_many_economies(learned, supply):
    exact, found = w.rest(supplied(supply), preset="fast"), w.rest(supplied(supply), learned=learned)
    assert abs(float(found.x[0] - exact.x[0])) < 1e-4
    assert abs(float(exact.x[0]) - float(standing(learned).x[0])) > 1e-3  # another place
    assert float(found.residual) < 1e-8
    held = float(np.sum(np.asarray(found.mass) * np.asarray(found.population.axis.nodes)))
    assert held == pytest.approx(supply, rel=1e-6)


def test_what_a_rule_has_not_learned_is_refused(learned):
    with pytest.raises(w.InputError, match="outside of what was learned"):
        w.rest(supplied(7.5), learned=learned)
    with pytest.raises(w.InputError, match=r"differs from the economy that was solved in household\.beta"):
        w.rest(w.with_parameters(Huggett.tutorial(), {"household.beta": 0.95}), learned=learned)
    with pytest.raises(w.InputError, match="what is no parameter"):
        riskier = dataclasses.replace(Huggett.tutorial().household, risk=Huggett.huggett1993().household.risk)
        w.rest(dataclasses.replace(supplied(5.0), household=riskier), learned=learned)
    with pytest.raises(w.InputError, match="no rule in it that was trained"):
        w.rest(supplied(5.0), learned=w.solve(Huggett.tutorial(), preset="fast"))


def test_the_gap_of_a_rule_is_how_far_a_step_of_time_iteration_moves_it():
    exact = w.rest(Huggett.tutorial(), preset="fast")
    assert float(euler_gap(exact.date, exact.x, exact.rule, exact.mass)) < 1e-6
    # Ten per cent too little everywhere: a step moves it by some four tenths of a per cent, so patient are people.
    off = dataclasses.replace(exact.rule, table=jnp.where(exact.rule.table < 1, 0.9 * exact.rule.table, 1.0))
    assert float(euler_gap(exact.date, exact.x, off, exact.mass)) > LEARNED


def test_a_network_that_is_flat_in_what_it_reads_is_refused(learned):
    state = learned.loop.learners[NAME]
    deaf = dataclasses.replace(state.learned.reading, unit=1e9 * state.learned.reading.unit)
    state = dataclasses.replace(state, learned=dataclasses.replace(state.learned, reading=deaf))
    flat = dataclasses.replace(learned, loop=dataclasses.replace(learned.loop, learners={NAME: state}))
    with pytest.raises(w.SolveError, match=r"no resting place is found under the rule|misses the household's condition"):
        w.rest(supplied(4.0), learned=flat)


def test_without_a_base_it_starts_from_the_last_date_of_a_life_and_agrees_too():
    lab, loop = settled(Huggett.tutorial(), {NAME: DeepEuler()}, preset("fast"), 1)
    assert why_stopped(lab, loop) == ("", False)
    state, exact = loop.learners[NAME], w.rest(Huggett.tutorial(), preset="fast")
    assert isinstance(state.learned.base, Everything)
    assert float(state.search.root.x[0]) == pytest.approx(float(exact.x[0]), abs=1e-4)
    assert float(euler_gap(state.date, state.search.root.x, state.search.rule, state.search.mass)) < LEARNED


def test_where_nothing_clears_the_solve_fails_and_says_so():
    nowhere = w.with_parameters(Huggett.tutorial(), {"r_low": -0.5, "r_high": -0.45})
    solution = w.solve(nowhere, {NAME: DeepEuler(rounds=24)}, preset="fast")
    assert solution.verdict == "failed"
    assert "no resting place is found" in solution.certificate.reasons[0]
    laboratory(Huggett.tutorial(), {NAME: DeepEuler(rounds=24)}, {NAME: Panel(500)}, None, preset("fast"), 0)  # is placed
