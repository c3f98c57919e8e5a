"""Deliberately wrong solvers of Aiyagari's economy: what they find is no equilibrium, and the certificate says why.

Each solver is a household that gets one thing wrong, everything else being consistent with it: its cross-section rests under
the wrong rule, capital is what these people hold, goods add up. (`test_planted_faults` has those of economies with aggregate
risk and of cleared markets, `tests/learners/test_deep_euler` those of networks.)
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras._core.results import Verdict
from walras.diagnose.certificate import certify
from walras.economies.aiyagari import Aiyagari, Household
from walras.economy.foc import stock_field
from walras.economy.population import Histogram
from walras.economy.process import NoRisk, log_chain, transition_matrix
from walras.learners.stationary import StationarySettings, frozen_prospect, household
from walras.solve import gather_for

SETTINGS = StationarySettings(1e-9)


@pytest.fixture(scope="module")
def solution():
    """Aiyagari's economy with three income states, fast preset."""
    income = log_chain(3, 0.6, 0.3, normalise=True)
    economy = Aiyagari(Household(0.96, 1.5, 0.0, 0.0, 5.5, 1.0, income), NoRisk(), 0.36, 0.08, 1.0)
    return w.solve(economy, preset="fast", key=0)


def parts(solution):
    """Learner state, its problem and its search."""
    state = solution.loop.learners["household"]
    return state, state.problem, state.search


def date(problem, x, rule, mass):
    return problem.now(x, rule, mass)


@eqx.filter_jit
def answered(problem, x, rule, mass, distort, argument):
    """The rule of households that face a distorted prospect at capital x, and where it moves every node."""
    now = date(problem, x, rule, mass)
    rule, _ = household(rule, distort(frozen_prospect(problem, now), problem, argument), SETTINGS)
    return rule, *moved(problem, now, rule, mass)


def moved(problem, now, rule, mass):
    """The lottery of every node and the matrix of chance."""
    agent, name, population = problem.agent, problem.name, problem.populations[problem.name]
    view, outcome, info = now.views[name], now.outcome[name], now.infos[name]
    own, _ = population.individuals(agent, mass)
    after = jax.vmap(lambda o: agent.move(o, rule(o, view, info), view, outcome))(own)
    mix = transition_matrix(agent.risk, problem.state.exo, problem.state.exo, outcome)
    return *population.axis.lottery(getattr(after, stock_field(agent))), mix


def held(problem, mass) -> float:
    """Capital that people hold."""
    return float((np.asarray(mass) @ np.asarray(problem.populations["household"].axis.nodes)).sum())


def equilibrium_of(solution, distort, argument, steps=9):
    """Where households with a distorted prospect hold the capital whose prices they face: rule and cross-section.

    One step: the answer to the prices of the true equilibrium.
    """
    _, problem, search = parts(solution)
    rule, mass, at = search.rule, search.mass, []
    x = float(search.tried)
    for number in range(steps):
        rule, *lottery = answered(problem, jnp.asarray(x), rule, mass, distort, argument)
        if steps == 1:
            break
        mass = jnp.asarray(Histogram.resting(*lottery))
        at.append((np.log(x), np.log(held(problem, mass) / x)))
        if abs(at[-1][1]) < 1e-9:
            break
        if number == 0:
            x = float(np.exp(at[-1][0] + np.clip(at[-1][1], -0.02, 0.02)))
        else:
            (a, fa), (b, fb) = at[-2:]
            x = float(np.exp(b - np.clip(fb * (b - a) / (fb - fa), -0.3, 0.3)))
    return rule, mass


def judged(solution, rule, mass, population=None):
    """The certificate of a rule and a cross-section in the place of those that were found."""
    state, _, search = parts(solution)
    found = dataclasses.replace(state, table=rule, search=dataclasses.replace(search, rule=rule, mass=mass))
    lab = solution.lab
    if population is not None:
        lab = dataclasses.replace(lab, populations={"household": population})
    cross = {"household": jnp.broadcast_to(mass, (1, *mass.shape))}
    loop = dataclasses.replace(solution.loop, learners={"household": found})
    loop = dataclasses.replace(loop, economy=dataclasses.replace(loop.economy, cross=cross))
    return certify(gather_for(lab, loop, 0), "fast")


def failing(certificate) -> set[str]:
    return {f.figure for f in certificate.findings if not f.passed}


# ---- what households get wrong: distortions of the prospect (argument: a number that says how much) ----


def right(ahead, problem, argument):
    """Nothing is wrong."""
    return ahead


def patience(ahead, problem, argument):
    """Marginal values tomorrow are weighed wrongly: a discount factor that is not the household's own."""
    return dataclasses.replace(ahead, chance=ahead.chance * argument)


def market_power(ahead, problem, argument):
    """Each of `argument` households knows that its capital lowers the rate: 1 + r + r'(K) k instead of 1 + r."""
    r, alpha, delta = ahead.view.r[0], problem.economy.alpha, problem.economy.delta
    return dataclasses.replace(ahead, chance=ahead.chance * (1 + (alpha - 1) * (r + delta) / argument / (1 + r)))


def wrong_sign(ahead, problem, argument):
    """The Euler equation divides by the return instead of multiplying."""
    return dataclasses.replace(ahead, chance=ahead.chance / (1 + ahead.view.r[0]) ** 2)


def yesterdays_income(ahead, problem, argument):
    """Off by one date: tomorrow's income is taken to be today's."""
    return dataclasses.replace(ahead, chance=jnp.eye(ahead.chance.shape[-1])[None, None])


def no_news(ahead, problem, argument):
    """Tomorrow's income is drawn as if nothing were known today."""
    long_run = jnp.linalg.matrix_power(ahead.chance[0, 0], 200)
    return dataclasses.replace(ahead, chance=long_run[None, None])


def foreseen(ahead, problem, argument):
    """The future leaks: the likeliest income comes for sure."""
    likeliest = jnp.argmax(ahead.chance[0, 0], axis=1)
    return dataclasses.replace(ahead, chance=jax.nn.one_hot(likeliest, ahead.chance.shape[-1], dtype=float)[None, None])


def other_price(ahead, problem, argument):
    """A stale price: households plan with a rate that is not the one they get."""
    view = dataclasses.replace(ahead.view, r=ahead.view.r + argument)
    return dataclasses.replace(ahead, view=view)


def test_the_right_household_is_certified(solution):
    """The control: the machinery of this file finds what the package found."""
    assert solution.verdict == "certified"
    rule, mass = equilibrium_of(solution, right, 0.0)
    certificate = judged(solution, rule, mass)
    assert certificate.verdict == Verdict.CERTIFIED, certificate.reasons
    _, problem, search = parts(solution)
    assert held(problem, mass) == pytest.approx(float(search.tried), rel=1e-5)


@pytest.mark.parametrize(
    ("distort", "argument", "steps", "figure"),
    [
        (patience, 1 - 6e-4, 9, "euler_signed_mean"),
        (patience, 1 - 1.4e-3, 9, "euler_signed_wedge"),
        (market_power, 100.0, 9, "euler_signed_mean"),
        (no_news, 0.0, 9, "euler_log10_mean"),
        (other_price, 1e-3, 9, "euler_signed_mean"),
        (wrong_sign, 0.0, 1, "euler_signed_wedge"),
        (yesterdays_income, 0.0, 1, "euler_signed_wedge"),
        (foreseen, 0.0, 1, "euler_signed_wedge"),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_households_that_get_one_thing_wrong(solution, distort, argument, steps, figure):
    """Rule and cross-section are consistent with each other and with prices: only optimality is missing.

    Where nothing would rest (`steps` = 1) rule and people answer the prices of the true equilibrium.
    """
    rule, mass = equilibrium_of(solution, distort, argument, steps)
    certificate = judged(solution, rule, mass)
    assert certificate.verdict != Verdict.CERTIFIED
    assert figure in failing(certificate), certificate.reasons


def test_an_error_of_a_thousandth_moves_capital_by_a_hundredth(solution):
    """Why the signed mean is there: 1.4e-3 of the discount factor is an Euler error of .14 % and some 1.5 % of capital or more."""
    rule, mass = equilibrium_of(solution, patience, 1 - 1.4e-3)
    _, problem, search = parts(solution)
    certificate = judged(solution, rule, mass)
    assert certificate.figure("euler_signed_wedge") == pytest.approx(1.4e-3, rel=0.1)
    assert certificate.figure("euler_signed_mean") == pytest.approx(1.4e-3 / 1.5, rel=0.1)  # in consumption: over γ
    assert abs(held(problem, mass) / float(search.tried) - 1) > 0.01
    assert certificate.figure("euler_log10_p99") < -2


def test_a_search_that_stops_early_does_not_rest(solution):
    """Rule and people of a candidate 1.5 % off: capital is not the one whose prices people solved for, and moves."""
    _, problem, search = parts(solution)
    x = 1.015 * float(search.tried)
    rule, *lottery = answered(problem, jnp.asarray(x), search.rule, search.mass, right, 0.0)
    certificate = judged(solution, rule, jnp.asarray(Histogram.resting(*lottery)))
    assert "rest_drift" in failing(certificate) and certificate.verdict != Verdict.CERTIFIED


def test_people_who_were_just_born_do_not_rest(solution):
    """The right rule, with everybody where they were born: the economy is on its way."""
    _, problem, search = parts(solution)
    certificate = judged(solution, search.rule, problem.state.cross["household"])
    assert failing(certificate) >= {"rest_drift"}


def test_a_learner_that_stops_early_is_caught(solution):
    """Ten sweeps from a rule that spends half of what there is."""
    _, problem, search = parts(solution)
    blank = eqx.tree_at(lambda r: r.table, search.rule, jnp.full_like(search.rule.table, 0.5))
    few = StationarySettings(1e-9, 10)
    now = date(problem, search.tried, blank, search.mass)
    rule, _ = household(blank, frozen_prospect(problem, now), few)
    mass = jnp.asarray(Histogram.resting(*moved(problem, now, rule, search.mass)))
    assert {"euler_log10_mean", "euler_signed_mean"} & failing(judged(solution, rule, mass))


def test_everybody_at_the_cap_is_no_equilibrium(solution):
    """All spend all they have: nothing is saved, capital vanishes and the rate is no number."""
    _, _, search = parts(solution)
    rule = eqx.tree_at(lambda r: r.table, search.rule, jnp.ones_like(search.rule.table))
    certificate = judged(solution, rule, search.mass)
    assert certificate.verdict == Verdict.FAILED
    assert {"accounts_max", "euler_log10_mean"} <= failing(certificate)


def test_nobody_consumes_is_no_equilibrium(solution):
    """All save nearly everything: capital grows and grows."""
    _, _, search = parts(solution)
    rule = eqx.tree_at(lambda r: r.table, search.rule, jnp.full_like(search.rule.table, 1e-3))
    certificate = judged(solution, rule, search.mass)
    assert certificate.verdict != Verdict.CERTIFIED
    assert {"rest_drift", "euler_log10_mean", "best_response_gain_percent"} <= failing(certificate)


def truncated(solution, share):
    """Rule and people on a grid that ends where `share` of the people would be richer."""
    _, problem, search = parts(solution)
    axis = problem.populations["household"].axis
    above = np.cumsum(np.asarray(search.mass).sum(axis=0)[::-1])[::-1]
    top = np.asarray(axis.nodes)[np.nonzero(above < share)[0][0]]
    return dataclasses.replace(axis, high=jnp.asarray(top))


@pytest.mark.parametrize("share", [1e-2, 1e-5])
def test_a_truncated_grid_is_caught(solution, share):
    """People who would be richer than the last node are put there: their wealth is lost."""
    _, problem, search = parts(solution)
    axis = truncated(solution, share)
    population = Histogram(axis, axis.n)
    rule = search.rule.on(dataclasses.replace(search.rule.own_axis, high=axis.high))
    short = dataclasses.replace(problem, populations={"household": population})
    rule, *lottery = answered(short, search.tried, rule, search.mass, right, 0.0)
    mass = jnp.asarray(Histogram.resting(*lottery))
    assert "top_mass" in failing(judged(solution, rule, mass, population))


class Forgetful(Histogram):
    """Forgets the rich: whoever reaches the last node vanishes, and the others are scaled up."""

    def advance(self, agent, cross, moved, survival, step):
        """See the class."""
        mass = super().advance(agent, cross, moved, survival, step)
        mass = mass.at[:, -1].set(0.0)
        return mass / jnp.sum(mass)


def test_a_grid_that_forgets_the_rich_is_caught(solution):
    """A truncated grid without anybody at its top, all mass there: only goods do not add up."""
    _, problem, search = parts(solution)
    axis = truncated(solution, 1e-3)
    rule = search.rule.on(dataclasses.replace(search.rule.own_axis, high=axis.high))
    population = Forgetful(axis, axis.n)
    mass = jnp.asarray(
        np.stack([np.interp(axis.nodes, problem.populations["household"].axis.nodes, m) for m in np.asarray(search.mass)])
    )
    certificate = judged(solution, rule, mass / mass.sum(), population)
    assert certificate.verdict == Verdict.FAILED and "accounts_max" in failing(certificate)
