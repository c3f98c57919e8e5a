"""Taxes on earnings: linear with a rebate, the top bracket, progressive, progressive with wages that wander (T1 to T4)."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from walras.govern.problem import Box, Problem
from walras.govern.welfare import Criterion, InequalityAverse, People
from walras.testing.optima.draws import normals, stratified

NOTHING = np.zeros(0)
"""What a policy sees where nothing ever differs."""


def _balance(income, effort, z, tax, who):
    """log of marginal income less log of marginal effort, of each person."""
    gain = jax.vmap(jax.grad(income), in_axes=(0, None))(z, tax)
    return jnp.log(gain) - jnp.log(jax.vmap(jax.grad(effort))(z, who))


class IncomeTax(Problem):
    """T1. A linear tax t on earnings z, handed out equally; quasi-linear people of ability θ, elasticity e, log-normal.

        max (1 − t) z + T − (z/θ)^(1+1/e)/(1+1/e),    T = t mean z

    The condition gives z = θ^(1+e) (1 − t)^e. A small rise of t gives everybody mean z + t dz̄/dt and takes z_i (envelope), so
    with g the social marginal weights, mean z (1 − e t/(1 − t)) = mean(g z)/mean g:  t = (1 − ḡ)/(1 − ḡ + e),
    ḡ = mean(g z)/(mean g mean z), which depends on t for smooth criteria. Rawls with one person of no ability: 1/(1 + e).
    """

    sunk: ClassVar[tuple[str, ...]] = ()
    separate: ClassVar[bool] = True
    observables: ClassVar[int] = 0
    elasticity: float = 0.5
    sd: float = 0.5
    criterion: Criterion = eqx.field(default_factory=InequalityAverse)
    idle: bool = eqx.field(static=True, default=False)

    def box(self):
        """t in [0, .95]."""
        return Box(("t",), (0.0,), (0.95,))

    def draws(self, key, n):
        """Abilities."""
        return jnp.exp(self.sd * normals(key, n))

    def start(self, draws):
        """Earnings at a tax of one half, in logs."""
        return {"log_z": (1 + self.elasticity) * jnp.log(draws) + self.elasticity * jnp.log(0.5)}

    def income(self, z, tax):
        """What earnings bring."""
        return (1 - tax) * z

    def effort(self, z, theta):
        """What they cost, in goods."""
        power = 1 + 1 / self.elasticity
        return (z / theta) ** power / power

    def conditions(self, response, policy, draws):
        """Marginal income is marginal effort, in logs."""
        z = jnp.exp(response["log_z"])
        return {"log_z": _balance(self.income, self.effort, z, policy(NOTHING)[0], draws)}

    def welfare(self, policy, response, draws):
        """By the criterion, of what people have."""
        tax, z = policy(NOTHING)[0], jnp.exp(response["log_z"])
        transfer = tax * jnp.mean(z)
        worth = self.income(z, tax) - self.effort(z, draws) + transfer
        worth = jnp.append(worth, transfer) if self.idle else worth
        return self.criterion.value(People(worth, worth, jnp.full_like(worth, 1 / len(worth))))

    def optimum(self):
        """t, by the formula; for a smooth criterion its fixed point, integrated by 200 Gauss–Hermite nodes."""
        e = self.elasticity
        if self.idle:
            return {"t": 1 / (1 + e)}
        x, weight = np.polynomial.hermite_e.hermegauss(200)
        aversion = self.criterion.aversion if isinstance(self.criterion, InequalityAverse) else 0.0
        weight, base = weight / weight.sum(), np.exp(self.sd * x * (1 + e))

        def off(t):
            z = base * (1 - t) ** e
            worth = (1 - t) * z / (1 + e) + t * weight @ z
            g = worth**-aversion
            share = (weight @ (g * z)) / ((weight @ g) * (weight @ z))
            return t - (1 - share) / (1 - share + e)

        return {"t": float(brentq(off, 0.0, 0.9))}


class TopRate(Problem):
    """T2 (Saez 2001). A rate τ on earnings above z̄, where earnings have a Pareto tail a; people there count g for one.

        max z − τ (z − z̄)⁺ − cost,  z = z₀ (1 − τ)^e above the kink, z̄ for those whom the rate brings below it

    Revenue rises by E[z − z̄] − τ/(1 − τ) e E[z] over those above, utility falls by E[z − z̄] (envelope), and a scaled Pareto
    distribution above z̄ is the same Pareto: E[z]/E[z − z̄] = a. So τ/(1 − τ) = (1 − g)/(a e), τ = (1 − g)/(1 − g + a e).
    """

    sunk: ClassVar[tuple[str, ...]] = ()
    separate: ClassVar[bool] = True
    observables: ClassVar[int] = 0
    elasticity: float = 0.25
    tail: float = 2.0
    weight: float = 0.25

    def box(self):
        """τ in [0, .95]."""
        return Box(("tau",), (0.0,), (0.95,))

    def draws(self, key, n):
        """Earnings without tax above z̄ = 1, simulated by Pareto's law; a heavy tail needs more people, 4 n."""
        return (1 - stratified(key, 4 * n)) ** (-1 / self.tail)

    def start(self, draws):
        """Earnings at a rate of one half, in logs."""
        return {"log_z": jnp.log(draws) + self.elasticity * jnp.log(0.5)}

    def income(self, z, tax):
        """What earnings above the kink bring."""
        return z - tax * (z - 1.0)

    def effort(self, z, free):
        """What they cost, in goods."""
        power = 1 + 1 / self.elasticity
        return free * (z / free) ** power / power

    def conditions(self, response, policy, draws):
        """Marginal income is marginal effort, in logs, on the line above the kink."""
        z = jnp.exp(response["log_z"])
        return {"log_z": _balance(self.income, self.effort, z, policy(NOTHING)[0], draws)}

    def welfare(self, policy, response, draws):
        """Revenue, and g times what people have."""
        tax = policy(NOTHING)[0]
        z = jnp.maximum(jnp.exp(response["log_z"]), 1.0)  # who would be below stays at the kink
        return jnp.mean(tax * (z - 1.0)) + self.weight * jnp.mean(self.income(z, tax) - self.effort(z, draws))

    def optimum(self):
        """τ = (1 − g)/(1 − g + a e)."""
        return {"tau": (1 - self.weight) / (1 - self.weight + self.tail * self.elasticity)}


def best_share(k: float, variance: float, drift: float = 0.0) -> float:
    """p = 1 − τ with k/p − k − drift − variance p = 0: variance p² + (k + drift) p − k = 0."""
    b = k + drift
    return (-b + np.sqrt(b * b + 4 * k * variance)) / (2 * variance)


class ProgressiveTax(Problem):
    """T3 (Heathcote, Storesletten and Violante 2017). c = λ y^(1−τ), y = θ h; a share g of output is spent.

        max log c − h^(1+σ)/(1+σ)

    h^(1+σ) = 1 − τ = p. With log θ ~ N(−v/2, v) and λ from the budget, W = log(1 − g) + k log p − k p − p² v/2,
    k = 1/(1 + σ), so k/p − k − p v = 0.
    """

    sunk: ClassVar[tuple[str, ...]] = ()
    separate: ClassVar[bool] = True
    observables: ClassVar[int] = 0
    variance: float = 0.3
    curvature: float = 2.0
    spending: float = 0.2

    def box(self):
        """τ in [−.5, .9]."""
        return Box(("tau",), (-0.5,), (0.9,))

    def draws(self, key, n):
        """Abilities."""
        return jnp.exp(jnp.sqrt(self.variance) * normals(key, n) - self.variance / 2)

    def start(self, draws):
        """Hours of a flat tax, in logs."""
        return {"log_h": jnp.zeros_like(draws)}

    def spent(self, h, schedule, theta):
        """log c; the schedule is (τ, λ)."""
        tax, level = schedule
        return jnp.log(level * (theta * h) ** (1 - tax))

    def effort(self, h, theta):
        """The disutility of hours."""
        return h ** (1 + self.curvature) / (1 + self.curvature)

    def conditions(self, response, policy, draws):
        """The marginal utility of what an hour buys, at a given λ, is its disutility, in logs."""
        h, schedule = jnp.exp(response["log_h"]), (policy(NOTHING)[0], 1.0)
        gain = jax.vmap(jax.grad(self.spent), in_axes=(0, None, 0))(h, schedule, draws)
        return {"log_h": jnp.log(gain) - jnp.log(jax.vmap(jax.grad(self.effort))(h, draws))}

    def welfare(self, policy, response, draws):
        """Average utility when the budget closes by λ."""
        tax, h = policy(NOTHING)[0], jnp.exp(response["log_h"])
        y = draws * h
        level = (1 - self.spending) * jnp.mean(y) / jnp.mean(y ** (1 - tax))
        return jnp.mean(self.spent(h, (tax, level), draws) - self.effort(h, draws))

    def optimum(self):
        """1 − τ = [−k + √(k² + 4 k v)]/(2 v)."""
        return {"tau": float(1 - best_share(1 / (1 + self.curvature), self.variance))}


class RandomWalkWages(Problem):
    """T4. `ProgressiveTax` over time: wages are random walks, log θ' = log θ + ω, ω ~ N(−s/2, s); a bond nobody holds.

    Euler at no saving: 1 = β R E[c/c'], c'/c = (λ'/λ) e^{pω}, E e^{−pω} = exp(p s/2 + p² s/2).

    *Schedule fixed for ever* (λ' = λ; spending takes what remains): R = exp(−p s/2 − p² s/2)/β, and log c falls by p s/2 a date:
    k/p − k − p v − (s/2) β/(1 − β) = 0. *Budget balanced at every date* (`balanced`): inequality grows, so λ must rise by
    λ'/λ = exp(p s/2 − p² s/2), R = exp(−p² s)/β, and W is T3's at the average variance v + s β/(1 − β).
    """

    sunk: ClassVar[tuple[str, ...]] = ()
    separate: ClassVar[bool] = False
    observables: ClassVar[int] = 0
    variance: float = 0.3
    step: float = 0.03
    curvature: float = 2.0
    spending: float = 0.2
    beta: float = 0.96
    balanced: bool = eqx.field(static=True, default=False)

    def box(self):
        """τ in [−.5, .9]."""
        return Box(("tau",), (-0.5,), (0.9,))

    def draws(self, key, n):
        """Abilities at date 0 and one innovation of each."""
        one, two = jax.random.split(key)
        theta = jnp.exp(jnp.sqrt(self.variance) * normals(one, n) - self.variance / 2)
        return theta, jnp.exp(jnp.sqrt(self.step) * normals(two, n) - self.step / 2)

    def start(self, draws):
        """Hours of a flat tax, a rate of 1/β, in logs."""
        return {"log_h": jnp.zeros(()), "log_R": -jnp.log(self.beta) * jnp.ones(())}

    def growth(self, tax, step):
        """λ'/λ."""
        return jnp.mean(step) / jnp.mean(step ** (1 - tax)) if self.balanced else jnp.ones(())

    def payoff(self, h, b, R, tax, step):
        """Two dates of one person: hours today, bonds b bought today; its wage today is one, λ is one."""
        today = h ** (1 - tax) - b
        tomorrow = self.growth(tax, step) * (step * jax.lax.stop_gradient(h)) ** (1 - tax) + R * b
        return jnp.log(today) - h ** (1 + self.curvature) / (1 + self.curvature) + self.beta * jnp.mean(jnp.log(tomorrow))

    def conditions(self, response, policy, draws):
        """∂ payoff/∂h = 0 and ∂ payoff/∂b = 0 where nobody holds bonds."""
        h, R = jnp.exp(response["log_h"]), jnp.exp(response["log_R"])
        by_hours, by_bonds = jax.grad(self.payoff, argnums=(0, 1))(h, jnp.zeros(()), R, policy(NOTHING)[0], draws[1])
        return {"log_h": by_hours, "log_R": by_bonds}

    def welfare(self, policy, response, draws):
        """(1 − β) Σ β^t of average utility; moments of θ_t are those of date 0 times those of t innovations."""
        (theta, step), tax, log_h = draws, policy(NOTHING)[0], response["log_h"]
        p, ahead = 1 - tax, self.beta / (1 - self.beta)
        level = jnp.log(1 - self.spending) + (1 - p) * log_h + jnp.log(jnp.mean(theta)) - jnp.log(jnp.mean(theta**p))
        drift = jnp.log(self.growth(tax, step)) + p * jnp.mean(jnp.log(step))
        hours = jnp.exp(log_h) ** (1 + self.curvature) / (1 + self.curvature)
        return level + p * (log_h + jnp.mean(jnp.log(theta))) + ahead * drift - hours

    def optimum(self):
        """τ, and R at it."""
        k, ahead = 1 / (1 + self.curvature), self.beta / (1 - self.beta)
        if self.balanced:
            p = best_share(k, self.variance + self.step * ahead)
            return {"tau": float(1 - p), "R": float(np.exp(-p * p * self.step) / self.beta)}
        p = best_share(k, self.variance, self.step / 2 * ahead)
        return {"tau": float(1 - p), "R": float(np.exp(-p * self.step / 2 - p * p * self.step / 2) / self.beta)}
