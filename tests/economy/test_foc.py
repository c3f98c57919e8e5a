# pyright: reportAttributeAccessIssue=false
"""Conditions derived from payoff and move, against the lines of the textbook."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from walras._core.types import Int, Scalar
from walras.economies import KrusellSmith
from walras.economies.krusell_smith import PriceView
from walras.economies.saver import CapitalOwn, Consumption
from walras.economy import foc
from walras.economy.agent import AgentType, Choice, Invertible, Own, risk
from walras.economy.preferences import crra
from walras.economy.process import Process, log_chain
from walras.economy.space import Interval

POINTS = 200


class Uninvertible(AgentType):
    """The Krusell–Smith household, without its closed-form inverse."""

    inner: AgentType
    mass: Array
    risk: Process

    def birth(self, i, exo):
        return self.inner.birth(i, exo)

    def discount(self, own, view, outcome):
        return self.inner.discount(own, view, outcome)

    def limits(self):
        return self.inner.limits()

    def feasible(self, own, view, chosen):
        return self.inner.feasible(own, view, chosen)

    def payoff(self, own, choice, view, outcome):
        return self.inner.payoff(own, choice, view, outcome)

    def move(self, own, choice, view, outcome):
        return self.inner.move(own, choice, view, outcome)

    def holds(self, own):
        return self.inner.holds(own)

    def does(self, own, choice, view):
        return self.inner.does(own, choice, view)


class WorkerOwn(Own):
    """Assets and efficiency."""

    a: Scalar
    e: Int = risk()


class HoursAndConsumption(Choice):
    """Hours, then consumption."""

    n: Scalar
    c: Scalar


class Worker(AgentType):
    """CRRA consumption, power disutility of hours, a tax of constant progressivity on labour income.

    u = crra(c) − ψ n^(1+η)/(1+η),  a' = (1 + r) a + κ (w y n)^(1−τ) − c.  `view` is (r, w).
    """

    gamma: Array
    eta: Array
    psi: Array
    kappa: Array
    tau: Array
    most: Array
    mass: Array
    risk: Process

    def birth(self, i, exo):
        return self.risk.start(exo).map(lambda e: WorkerOwn(1.0, e=e))

    def discount(self, own, view, outcome):
        return jnp.asarray(0.96)

    def limits(self):
        return WorkerOwn(Interval(0.0, jnp.inf))

    def cash(self, own, view, n):
        r, w = view
        return (1 + r) * own.a + self.kappa * (w * self.risk.value(own.e) * n) ** (1 - self.tau)

    def feasible(self, own, view, chosen):
        hours = Interval(0.0, self.most)
        return HoursAndConsumption(hours, Interval(0.0, self.cash(own, view, chosen.get("n", self.most))))

    def payoff(self, own, choice, view, outcome):
        return crra(choice.c, self.gamma) - self.psi * choice.n ** (1 + self.eta) / (1 + self.eta)

    def move(self, own, choice, view, outcome):
        return own.to(a=self.cash(own, view, choice.n) - choice.c)

    def holds(self, own):
        return {"A": own.a}

    def does(self, own, choice, view):
        return {"C": choice.c}


def worker(gamma=2.0, eta=1.5, tau=0.18):
    return Worker(gamma, eta, 8.0, 0.9, tau, 1.0, 1.0, log_chain(3, 0.9, 0.4, normalise=True))


def draw(seed=0):
    rng = np.random.default_rng(seed)
    names = ("a", "c", "n", "r", "w", "W", "a_next")
    bounds = ((0.1, 50), (0.05, 6), (0.05, 0.95), (-0.02, 0.06), (0.5, 3), (0.02, 9), (0.0, 40))
    points = {name: jnp.asarray(rng.uniform(*b, POINTS)) for name, b in zip(names, bounds, strict=True)}
    return points, jnp.asarray(rng.integers(0, 2, POINTS))


def relative(a, b):
    return float(jnp.max(jnp.abs(a - b) / jnp.maximum(jnp.abs(a), jnp.abs(b))))


def beside(residual, gain, cost):
    """Largest error of residual = gain − cost, relative to the larger of the two."""
    return float(jnp.max(jnp.abs(residual - (gain - cost)) / jnp.maximum(gain, cost)))


@pytest.mark.parametrize("gamma", [1.0, 2.0, 5.0])
def test_krusell_smith_household(gamma):
    # Textbook: u'(c) = c^(−γ) = W inside, V_k = (1 + r) c^(−γ); with μ = .15, τ = .01.
    agent = dataclasses.replace(KrusellSmith.dhjj2010().household, gamma=jnp.asarray(gamma))
    x, e = draw()

    def at(a, c, r, w, W, e):
        own, view = CapitalOwn(a, e=e), PriceView(r, w, jnp.asarray(0.01), jnp.asarray(0), a)
        choice = Consumption(c)
        gap = foc.residual(agent, own, choice, view, (), W)[0]
        return gap, foc.marginal_value(agent, own, choice, view, ()), foc.costate(agent, own, choice, view, (), W)

    residual, slope, costate = jax.jit(jax.vmap(at))(x["a"], x["c"], x["r"], x["w"], x["W"], e)
    assert beside(residual, x["c"] ** -gamma, x["W"]) < 1e-14
    assert relative(slope, (1 + x["r"]) * x["c"] ** -gamma) < 1e-14
    assert relative(costate, (1 + x["r"]) * x["W"]) < 1e-14


def test_hours_under_a_progressive_tax():
    # Textbook: c^(−γ) = W and ψ n^η = c^(−γ) κ (1−τ) (w y)^(1−τ) n^(−τ); residual = u_k + m_k W for each.
    agent = worker()
    x, e = draw(1)
    gamma, eta, psi, kappa, tau = 2.0, 1.5, 8.0, 0.9, 0.18

    def at(a, c, n, r, w, W, e):
        own, choice = WorkerOwn(a, e=e), HoursAndConsumption(n, c)
        margins = foc.margins(agent, own, choice, (r, w), ())
        return foc.residual(agent, own, choice, (r, w), (), W), margins.value

    residual, slope = jax.jit(jax.vmap(at))(x["a"], x["c"], x["n"], x["r"], x["w"], x["W"], e)
    net = kappa * (1 - tau) * (x["w"] * jax.vmap(agent.risk.value)(e)) ** (1 - tau) * x["n"] ** -tau
    assert beside(residual[:, 0], net * x["W"], psi * x["n"] ** eta) < 1e-14
    assert beside(residual[:, 1], x["c"] ** -gamma, x["W"]) < 1e-14
    # V_a by the last choice, consumption, whatever the hours are.
    assert relative(slope, (1 + x["r"]) * x["c"] ** -gamma) < 1e-14


def test_newton_inverse_is_the_closed_form_of_krusell_and_smith():
    # The offered inverse, and the generic one on a copy that offers none, from a guess that is far away.
    agent = KrusellSmith.dhjj2010().household
    agent = dataclasses.replace(agent, gamma=jnp.asarray(3.0))
    copy = Uninvertible(agent, 1.0, agent.risk)
    assert isinstance(agent, Invertible) and not isinstance(copy, Invertible)
    x, e = draw(2)

    def at(W, r, w, a_next, e):
        view, own = PriceView(r, w, jnp.asarray(0.01), jnp.asarray(0), w), CapitalOwn(jnp.asarray(0.0), e=e)
        next_own = CapitalOwn(a_next, e=e)
        guess = (Consumption(jnp.asarray(1.0)), CapitalOwn(jnp.asarray(5.0), e=e))
        offered = foc.invert(agent, W, own, view, (), next_own)
        generic = foc.invert(copy, W, own, view, (), next_own, guess, steps=2)
        return (
            (offered[0].c, offered[1].k),
            (generic[0].c, generic[1].k),
            agent.move(offered[1], offered[0], view, ()).k,
        )

    offered, generic, moved = jax.jit(jax.vmap(at))(x["W"], x["r"], x["w"], x["a_next"], e)
    assert relative(offered[0], x["W"] ** (-1 / 3)) < 1e-14  # u'(c) = W
    assert relative(moved + 1, x["a_next"] + 1) < 1e-13
    # In logs the conditions are linear for power utility: two steps are exact.
    assert relative(generic[0], offered[0]) < 1e-13
    assert relative(generic[1] + 100, offered[1] + 100) < 1e-13  # present stocks may be negative


def test_newton_inverse_is_the_closed_form_with_hours():
    # n = (W κ (1−τ) (w y)^(1−τ)/ψ)^(1/(η+τ)), c = W^(−1/γ): again linear in logs, two steps.
    agent = worker()
    x, e = draw(3)

    def at(W, r, w, a_next, e, steps):
        own = WorkerOwn(a_next, e=e)
        guess = (HoursAndConsumption(jnp.asarray(0.3), jnp.asarray(1.0)), own)
        choice, present = foc.invert(agent, W, own, (r, w), (), own, guess, steps=steps)
        return choice.n, choice.c, present.a, agent.move(present, choice, (r, w), ()).a

    solve = jax.jit(jax.vmap(at, in_axes=(0, 0, 0, 0, 0, None)), static_argnums=5)
    n, c, a, moved = solve(x["W"], x["r"], x["w"], x["a_next"], e, 2)
    y = jax.vmap(agent.risk.value)(e)
    exact = (x["W"] * 0.9 * 0.82 * (x["w"] * y) ** 0.82 / 8.0) ** (1 / 1.68)
    assert relative(n, exact) < 1e-13 and relative(c, x["W"] ** -0.5) < 1e-13
    assert relative(moved + 1, x["a_next"] + 1) < 1e-12
    budget = (x["a_next"] + c - 0.9 * (x["w"] * y * exact) ** 0.82) / (1 + x["r"])
    assert relative(a + 100, budget + 100) < 1e-13
    # One step is not enough: the present stock needs the choices.
    assert relative(solve(x["W"], x["r"], x["w"], x["a_next"], e, 1)[2] + 100, budget + 100) > 1e-3


def test_costate_where_a_cap_on_a_choice_binds():
    # Envelope theorem: with continuation v(k') = 2 log(1 + k') and consumption capped at c̄ (rationing), lifetime value
    # is V(k) = u(c̄) + v(cash(k) − c̄), so that V' = (1 + r) v'(k') = u_s + m_s W, the co-state. The slope along a fixed
    # next stock, (1 + r) u'(c̄), is another number: that is why the two are two.
    agent = KrusellSmith.dhjj2010().household
    view, e = PriceView(*(jnp.asarray(v) for v in (0.01, 2.0, 0.01)), jnp.asarray(0), jnp.asarray(30.0)), jnp.asarray(1)
    choice = Consumption(jnp.asarray(0.5))

    def after(k):
        return agent.move(CapitalOwn(k, e=e), choice, view, ()).k

    value = jax.jit(lambda k: agent.payoff(None, choice, view, ()) + 2 * jnp.log1p(after(k)))
    for k in (0.5, 20.0):
        W = 2 / (1 + after(jnp.asarray(k)))
        by_difference = float(value(jnp.asarray(k + 1e-5)) - value(jnp.asarray(k - 1e-5))) / 2e-5
        own = CapitalOwn(jnp.asarray(k), e=e)
        np.testing.assert_allclose(float(foc.costate(agent, own, choice, view, (), W)), by_difference, rtol=1e-8)
        assert float(foc.residual(agent, own, choice, view, (), W)[0]) > 0.5  # more consumption would be better
        assert float(foc.marginal_value(agent, own, choice, view, ())) > 1.2 * by_difference


def test_value_by_consumption_where_a_cap_on_hours_binds():
    # Hours at their cap: their condition fails, that of consumption holds and gives V_a = u_a + m_a W.
    agent, view, e = dataclasses.replace(worker(), psi=jnp.asarray(0.5)), (0.03, 1.5), jnp.asarray(1)
    own, W = WorkerOwn(jnp.asarray(4.0), e=e), jnp.asarray(0.8)
    choice = HoursAndConsumption(jnp.asarray(0.2), W**-0.5)
    hours, consumption = foc.residual(agent, own, choice, view, (), W)
    assert float(hours) > 0.3 and abs(float(consumption)) < 1e-15
    slopes = foc.margins(agent, own, choice, view, ())
    costate = float(foc.costate(agent, own, choice, view, (), W))
    np.testing.assert_allclose([float(slopes.value), costate], 1.03 * 0.8, rtol=1e-14)
    by_hours = slopes.u_s - slopes.u_c[0] * slopes.m_s / slopes.m_c[0]
    assert float(by_hours) < 0.5 * costate


def test_value_along_a_fixed_next_stock_at_the_limit():
    # Where a' is at its limit c = cash, and V(a) = u(cash(a)) + constant: V_a = (1 + r) u'(c), though u'(c) > W.
    agent = KrusellSmith.dhjj2010().household
    view, e = PriceView(*(jnp.asarray(v) for v in (0.01, 2.0, 0.01)), jnp.asarray(0), jnp.asarray(30.0)), jnp.asarray(1)
    value = lambda k: agent.payoff(None, Consumption(agent.cash(CapitalOwn(k, e=e), view)), view, ())  # noqa: E731
    for k in (0.0, 0.7):
        own = CapitalOwn(jnp.asarray(k), e=e)
        choice = Consumption(agent.cash(own, view))
        assert float(agent.move(own, choice, view, ()).k) == 0.0
        slope = foc.marginal_value(agent, own, choice, view, ())
        np.testing.assert_allclose(float(slope), float(jax.grad(value)(own.k)), rtol=1e-14)


def test_margins_are_the_partial_derivatives():
    # All six against central differences with step 1e-5: error of order 1e-10.
    agent, e = worker(gamma=1.0), jnp.asarray(2)
    view, x = (0.02, 1.3), np.array([3.0, 0.4, 1.1])

    def both(v):
        own, choice = WorkerOwn(jnp.asarray(v[0]), e=e), HoursAndConsumption(jnp.asarray(v[1]), jnp.asarray(v[2]))
        return np.array([float(agent.payoff(own, choice, view, ())), float(agent.move(own, choice, view, ()).a)])

    slopes = [(both(x + d) - both(x - d)) / 2e-5 for d in 1e-5 * np.eye(3)]
    own, choice = WorkerOwn(jnp.asarray(x[0]), e=e), HoursAndConsumption(jnp.asarray(x[1]), jnp.asarray(x[2]))
    margins = foc.margins(agent, own, choice, view, ())
    found = [[margins.u_s, margins.m_s], [margins.u_c[0], margins.m_c[0]], [margins.u_c[1], margins.m_c[1]]]
    np.testing.assert_allclose(np.array(found, dtype=float), slopes, rtol=1e-8, atol=1e-9)
    assert foc.stock_field(agent) == "a"


def test_implied_choice_is_what_the_condition_asks_for():
    # For power utility c = W^(−1/γ) in one step; the hours are kept.
    agent, e = worker(), jnp.asarray(1)
    own, choice = WorkerOwn(jnp.asarray(3.0), e=e), HoursAndConsumption(jnp.asarray(0.4), jnp.asarray(2.0))
    for W in (0.05, 3.0):
        found = float(foc.implied_choice(agent, own, choice, (0.02, 1.3), (), jnp.asarray(W), steps=1))
        np.testing.assert_allclose(found, W**-0.5, rtol=1e-14)


def test_far_starts_come_nearer_by_a_factor_of_e_cubed_a_step():
    # Power utility is linear in logs, one step without the cut; with it a target e^±7 from the guess takes three: ±3, ±6, ±7.
    agent = KrusellSmith.dhjj2010().household
    copy, e = Uninvertible(agent, 1.0, agent.risk), jnp.asarray(1)
    view, own = PriceView(*(jnp.asarray(v) for v in (0.01, 2.0, 0.01)), jnp.asarray(0), jnp.asarray(30.0)), CapitalOwn(0.0, e=e)
    guess = (Consumption(jnp.asarray(1.0)), CapitalOwn(jnp.asarray(5.0), e=e))

    def log_c(distance, **steps):
        W = jnp.exp(-agent.gamma * distance)
        choice, _ = foc.invert(copy, W, own, view, (), CapitalOwn(jnp.asarray(3.0), e=e), guess, **steps)
        return float(jnp.log(choice.c))

    for sign in (1, -1):
        found = [log_c(7.0 * sign, steps=steps) for steps in (1, 2, 3)]
        np.testing.assert_allclose(found, [3 * sign, 6 * sign, 7 * sign], rtol=1e-9)
    # Eight steps where nothing is said.
    np.testing.assert_allclose(log_c(-23.5), -23.5, rtol=1e-9)


def test_implied_choice_is_the_offered_inverse_where_there_is_one_choice():
    # One choice and a closed form; the copy without it finds the same. In consumption units: c = W^(−1/γ).
    agent = dataclasses.replace(KrusellSmith.dhjj2010().household, gamma=jnp.asarray(2.0))
    copy, e = Uninvertible(agent, 1.0, agent.risk), jnp.asarray(1)
    view = PriceView(*(jnp.asarray(v) for v in (0.01, 2.0, 0.01)), jnp.asarray(0), jnp.asarray(30.0))
    own, choice = CapitalOwn(jnp.asarray(3.0), e=e), Consumption(jnp.asarray(1.5))
    for one in (agent, copy):
        np.testing.assert_allclose(float(foc.implied_choice(one, own, choice, view, (), jnp.asarray(0.25))), 2.0, rtol=1e-13)
