"""Closed-form optima (T1 to T10): every searcher finds them, in the regime that claims them.

Targets: absolute error in a rate .003 for gradients and grids, .005 for PPO and evolution strategies; carbon taxes .5 %
relative. The closed forms stand in `walras.testing.optima` with their derivations; here they are checked a second way.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras.govern.plan import ProblemObjective, advantage, plan
from walras.govern.problem import Constant, largest_gap, respond
from walras.govern.regimes import Commitment, Discretion, NetworkCommitment
from walras.govern.searchers import CMAES, PPO, AnnealedES, Grid, Implicit, Pathwise
from walras.govern.welfare import Rawlsian
from walras.testing import optima

SEARCHERS = {
    "pathwise": (Pathwise(), 0.003),
    "implicit": (Implicit(), 0.003),
    "grid": (Grid(), 0.003),
    "cma-es": (CMAES(), 0.003),
    "ppo": (PPO(), 0.005),
    "es": (AnnealedES(), 0.005),
}
RATES = {
    "T1": optima.IncomeTax(),
    "T1 Rawls": optima.IncomeTax(criterion=Rawlsian(), idle=True),
    "T2": optima.TopRate(),
    "T3": optima.ProgressiveTax(),
    "T4": optima.RandomWalkWages(),
    "T4 balanced": optima.RandomWalkWages(balanced=True),
    "T5": optima.PublicCapital(),
    "T8": optima.RiskyOldAge(),
    "T8 more risk": optima.RiskyOldAge(theta=0.3, sd=1.5),
    "T10": optima.LabourAndCapital(),
}
CARBON = {"T6": optima.CarbonTax(), "T7": optima.CarbonTax.ghkt(0.015), "T7 patient": optima.CarbonTax.ghkt(0.001)}
SEEDS = range(5)


FAST = {"T1", "T4", "T8", "T6"}  # the full run does all of them


def by_name(problems):
    return [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in problems]


def rates_of(problem, found):
    return {name: value for name, value in problem.optimum().items() if name in found.values}


@pytest.mark.parametrize("by", SEARCHERS)
@pytest.mark.parametrize("name", by_name(RATES))
def test_rates(name, by):
    searcher, most = SEARCHERS[by]
    for seed in SEEDS:
        found = plan(RATES[name], searcher, key=seed)
        assert found.regime == "commitment"
        assert found.residual < 1e-10
        assert not found.corners
        assert not found.note
        for rate, value in rates_of(RATES[name], found).items():
            assert abs(found.values[rate] - value) <= most, (seed, rate)
        if "R" in RATES[name].optimum():
            assert abs(float(jnp.exp(found.response["log_R"])) - RATES[name].optimum()["R"]) <= 1e-4, seed


@pytest.mark.parametrize("by", SEARCHERS)
@pytest.mark.parametrize("name", by_name(CARBON))
def test_carbon(name, by):
    for seed in SEEDS:
        found = plan(CARBON[name], SEARCHERS[by][0], key=seed)
        assert found.values["theta"] == pytest.approx(CARBON[name].optimum()["theta"], rel=5e-3), seed


def test_published_numbers():
    # Golosov, Hassler, Krusell and Tsyvinski (2014): $56.9 and $496 a ton at 1.5 % and .1 %; their output is 70 trillion a year.
    assert optima.CarbonTax.ghkt(0.015).optimum()["theta"] == pytest.approx(56.9, rel=0.01)
    assert optima.CarbonTax.ghkt(0.001).optimum()["theta"] == pytest.approx(496, rel=0.002)
    # Saez (2001): revenue-maximising top rate at e = .25, a = 2: 1/(1 + .5).
    assert optima.TopRate(weight=0.0).optimum()["tau"] == pytest.approx(2 / 3)
    # Schedule fixed: R at τ = .181, β = .96, s = .03 is 1.01865.
    problem = optima.RandomWalkWages()
    drawn = problem.draws(jax.random.key(0), 16384)
    found = respond(problem, Constant(jnp.asarray([0.181])), drawn)
    assert float(jnp.exp(found["log_R"])) == pytest.approx(1.01865, abs=1e-4)


@pytest.mark.parametrize("name", by_name([*RATES, *CARBON]))
def test_the_closed_form_is_the_top_of_the_surface(name):
    # Independent of every searcher: welfare at the closed form against welfare a little off it, households re-solved.
    problem = {**RATES, **CARBON}[name]
    objective = ProblemObjective(problem, Commitment(), jax.random.key(3))
    box = problem.box()
    best = np.asarray([problem.optimum()[n] for n in box.names])
    value = jax.jit(lambda x: objective.value(x, 0, 16384))
    for i in range(box.size):
        step = 0.02 * (box.high[i] - box.low[i]) * np.eye(box.size)[i]
        middle, left, right = (float(value(jnp.asarray(box.unit(p)))) for p in (best, best - step, best + step))
        assert middle > left
        assert middle > right


@pytest.mark.parametrize("name", by_name([*RATES, *CARBON]))
def test_envelope(name):
    # dW/dpolicy by the implicit function theorem is that of re-solved equilibria; with households frozen it is not.
    problem = {**RATES, **CARBON}[name]
    objective = ProblemObjective(problem, Commitment(), jax.random.key(5))
    x = jnp.full(problem.box().size, 0.55)
    value = jax.jit(lambda x: objective.value(x, 0, 2048))
    slope = jax.grad(lambda x: objective.value(x, 0, 2048))(x)
    for i in range(len(x)):
        step = 1e-5 * jnp.eye(len(x))[i]
        assert float(slope[i]) == pytest.approx(float((value(x + step) - value(x - step)) / 2e-5), rel=1e-4, abs=1e-8)


def test_frozen_households_mislead_the_slope():
    problem = optima.RiskyOldAge()
    drawn = problem.draws(jax.random.key(0), 2048)
    frozen = respond(problem, Constant(jnp.asarray([0.0])), drawn)
    slope = jax.grad(lambda t: problem.welfare(Constant(t), frozen, drawn))(jnp.asarray([0.0]))
    # What is taken from the old is handed back to them: with saving frozen a tax on capital does nothing at all.
    assert float(jnp.abs(slope[0])) == 0.0


@pytest.mark.parametrize("by", SEARCHERS)
def test_trust(by):
    # T9: each regime ends where it says: commitment at 0, discretion at b/a, within .01.
    for seed in SEEDS:
        kept = plan(optima.BarroGordon(), SEARCHERS[by][0], key=seed)
        chosen = plan(optima.BarroGordon(), SEARCHERS[by][0], regime=Discretion(), key=seed)
        assert (kept.regime, chosen.regime) == ("commitment", "discretion")
        assert abs(kept.values["pi"]) <= 0.01
        assert abs(chosen.values["pi"] - 0.5) <= 0.01
        assert chosen.settled
        assert kept.welfare > chosen.welfare + 0.1  # a (b/a)²/2 = .125 is what trust is worth


@pytest.mark.parametrize("by", ["pathwise", "implicit", "ppo", "es"])
def test_discretion_with_shocks_and_where_it_does_not_matter(by):
    found = plan(optima.Stabilisation(), SEARCHERS[by][0], regime=Discretion())
    assert abs(found.values["pi"] - 0.5) <= 0.01
    # Public capital: the saving rule does not depend on the tax, so the optimum is time-consistent.
    found = plan(optima.PublicCapital(), SEARCHERS[by][0], regime=Discretion())
    assert abs(found.values["tau"] - 0.144) <= 0.005


def test_a_rule_that_answers_shocks():
    problem = optima.Stabilisation()
    rule = plan(problem, Implicit(), regime=NetworkCommitment(), begin=0.5 + 0.05 * np.sin(np.arange(13)))
    assert rule.regime == "network-commitment"
    shocks = np.linspace(-0.6, 0.6, 13)
    answers = np.asarray([float(rule.policy(jnp.asarray([e / problem.sd]))[0]) for e in shocks])
    np.testing.assert_allclose(answers, problem.best_rule(shocks), atol=0.01)
    constant = plan(problem, Implicit())
    gain = advantage(problem, rule.policy, constant.policy)
    assert gain.low > 0.02
    assert gain.mean == pytest.approx(problem.optimum()["gain"], rel=0.01)


def test_a_rule_gains_nothing_where_the_constant_is_best():
    problem = optima.PublicCapital()
    rule = plan(problem, Implicit(), regime=NetworkCommitment(), begin=0.5 + 0.05 * np.sin(np.arange(21)))
    for seen in ([0.0, -2.0, -2.5], [0.1, -1.8, -2.3], [-0.1, -2.2, -2.4]):
        assert float(rule.policy(jnp.asarray(seen))[0]) == pytest.approx(0.144, abs=1e-3)


def test_corners_are_reported():
    problem = optima.CarbonTax(ends=(0.7, 0.9))  # the optimum, .147, lies below
    for searcher, _ in SEARCHERS.values():
        found = plan(problem, searcher)
        assert found.corners == {"theta": "low"}


def test_conditions_hold_at_the_response_and_not_elsewhere():
    for problem in (*RATES.values(), *CARBON.values(), optima.Stabilisation()):
        policy = Constant(0.5 * (np.asarray(problem.box().low) + np.asarray(problem.box().high)))
        drawn = problem.draws(jax.random.key(1), 512)
        found = respond(problem, policy, drawn)
        assert float(largest_gap(problem, policy, found, drawn)) < 1e-10
        other = {name: value + 0.1 for name, value in found.items()}
        assert float(largest_gap(problem, policy, other, drawn)) > 1e-3


def test_saving_rule_holds_at_every_state():
    # T5: s = αβ solves the Euler condition whatever the state, and whatever rule taxes follow.
    problem = optima.PublicCapital()
    rule = NetworkCommitment().policy(problem, jnp.sin(jnp.arange(21.0)))
    for seed in range(3):
        found = respond(problem, rule, problem.draws(jax.random.key(seed), 2048))
        assert float(jax.nn.sigmoid(found["share"])) == pytest.approx(problem.alpha * problem.beta, abs=1e-10)


def test_bad_input():
    from walras import InputError
    from walras.govern.problem import Box

    with pytest.raises(InputError, match="two ends"):
        Box(("tau",), (0.0,), (np.inf,))
    with pytest.raises(InputError, match="two ends"):
        Box(("tau",), (0.4,), (0.1,))
    with pytest.raises(InputError, match="nothing to observe"):
        plan(optima.IncomeTax(), Implicit(), regime=NetworkCommitment())
    with pytest.raises(InputError, match="too many"):
        plan(optima.Stabilisation(), Pathwise(), regime=NetworkCommitment())
    with pytest.raises(InputError, match="too many"):
        plan(optima.Stabilisation(), Grid(), regime=NetworkCommitment())
