"""Two endogenous stocks on a panel, against the closed form of Krebs (2003)."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import identities, largest, simulate
from walras._core.errors import InputError
from walras.economy.period import start
from walras.economy.population import Histogram, Panel
from walras.economy.rule import FunctionRule
from walras.numerics.interpolate import Axis
from walras.testing.toys import TwoStocks
from walras.testing.toys.two_stocks import Holdings, Plan, Returns

BETA, ALPHA, A, DELTA = 0.96, 0.36, 0.24, 0.06
EPSILON = np.array([0.75, 1.0, 1.25])


def returns(share):
    """Gross returns where everybody saves `share` in physical capital: K/H = share/(1 − share), E[ε] = 1."""
    ratio = share / (1 - share)
    return 1 + ALPHA * A * ratio ** (ALPHA - 1) - DELTA, 1 + (1 - ALPHA) * A * ratio**ALPHA - DELTA


def equilibrium_share():
    """The share at which E[(R_k − R_h ε)/(θ R_k + (1−θ) R_h ε)] = 0, by 60 halvings."""
    low, high = 0.05, 0.95
    for _ in range(60):
        share = (low + high) / 2
        R_k, R_h = returns(share)
        gain = np.mean((R_k - R_h * EPSILON) / (share * R_k + (1 - share) * R_h * EPSILON))
        low, high = (share, high) if gain > 0 else (low, share)  # more capital lowers its return
    return share


@pytest.fixture(scope="module")
def economy():
    economy, share = TwoStocks.small(), equilibrium_share()
    born = dataclasses.replace(economy.household, k_birth=jnp.asarray(2 * share), h_birth=jnp.asarray(2 * (1 - share)))
    return dataclasses.replace(economy, household=born)


@pytest.fixture(scope="module")
def run(economy):
    share, agent = equilibrium_share(), economy.household

    def rule(own, view, info):
        return Plan((1 - BETA) * agent.wealth(own, view), jnp.asarray(share))

    record = lambda now, before: (now.public(), jnp.var(jnp.log(now.cross["household"].own.k)))  # noqa: E731
    return simulate(economy, {"household": Panel(5000)}, {"household": FunctionRule(rule)}, 60, record=record)


def test_goods_balance_in_the_sample(economy, run):
    # Counted human capital as it works: exact in a sample, though its mean efficiency is not one.
    seen, _ = run.record
    assert largest(identities(economy, seen)["goods"] / np.asarray(seen.prices["Y"][:-1])) < 1e-13
    efficiency = np.asarray(seen.stocks["household"]["E"] / seen.stocks["household"]["H"])
    assert 1e-4 < np.std(efficiency[1:]) < 0.02


def test_growth_is_the_closed_form(run):
    # K'/K = β (θ R_k + (1−θ) R_h). Sampling error of a date, weighted by wealth: s.d.(ε) R_h (1−θ) β (E x²)^½/(n^½ E x)
    # < .204 × 1.1 × .7 × 1.3/70.7 = .003; the mean of 59 dates misses by .0004, four times that is the tolerance.
    seen, _ = run.record
    share = equilibrium_share()
    R_k, R_h = returns(share)
    K, H = (np.asarray(seen.stocks["household"][name]) for name in ("K", "H"))
    np.testing.assert_allclose(K / (K + H), share, rtol=1e-12)
    growth = np.log(K[1:] / K[:-1])
    assert abs(np.mean(growth) - np.log(BETA * (share * R_k + (1 - share) * R_h))) < 0.0016
    assert 0.2 < share < 0.8


def test_inequality_grows_by_the_variance_of_returns(run):
    # log x is a random walk with increments log(θ R_k + (1−θ) R_h ε): its variance across households rises by their
    # variance v a date, from 0 at birth. s.e. of a variance over n = 5,000: v t (2/n)^½ = 2 %; prices move a little.
    _, variance = run.record
    share = equilibrium_share()
    R_k, R_h = returns(share)
    v = np.var(np.log(share * R_k + (1 - share) * R_h * EPSILON))
    np.testing.assert_allclose(variance[59], 59 * v, rtol=0.08)


def test_plan_is_a_stationary_point_of_the_closed_form_value(economy):
    # V(k, h, e) = log(x)/(1−β) + constant. Gradient of u + β E V(move) in (c, s), through the type's own equations.
    agent, share = economy.household, equilibrium_share()
    R_k, R_h = returns(share)
    view = Returns(jnp.asarray(R_k), jnp.asarray(R_h), jnp.asarray(0))

    def value(own, c, s):
        choice = Plan(c, s)
        moved = agent.move(own, choice, view, ())
        states, chance = agent.risk.given(own.e, 0, 0, ()).nodes()
        ahead = jax.vmap(lambda e: jnp.log(agent.wealth(moved.to(e=e), view)) / (1 - BETA))(states)
        return agent.payoff(own, choice, view, ()) + BETA * jnp.sum(chance * ahead)

    for k, h, e in ((0.3, 2.0, 0), (5.0, 0.1, 2)):
        own = Holdings(jnp.asarray(k), jnp.asarray(h), e=jnp.asarray(e))
        x = agent.wealth(own, view)
        slopes = jax.grad(value, argnums=(1, 2))(own, (1 - BETA) * x, jnp.asarray(share))
        assert abs(float(slopes[0] * x)) < 1e-11 and abs(float(slopes[1])) < 1e-11  # scale: 1/(1 − β) = 25
        assert abs(float(jax.grad(value, argnums=2)(own, (1 - BETA) * x, jnp.asarray(share + 0.1)))) > 1e-3


def test_a_histogram_refuses_two_stocks(economy):
    population = {"household": Histogram(Axis(0.0, 1.0, 1.0, 10))}
    with pytest.raises(InputError, match=r"endogenous fields \('k', 'h'\).*panel"):
        start(economy, population, {"household": FunctionRule(print)}, jax.random.key(0))
