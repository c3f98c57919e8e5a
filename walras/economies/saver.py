"""A household that saves in capital against income risk: the one of `krusell_smith` and `aiyagari`.

    max E Σ βᵗ u(c)    c + k' = (1 + r) k + w [(1 − τ) y(e) + μ 1{y(e) = 0}],  k' ≥ k_min

| symbol | field | meaning | unit |
|---|---|---|---|
| β, γ | `beta`, `gamma` | discount factor, relative risk aversion | per period, – |
| μ | `mu` | benefit of the unemployed, a share of the wage | – |
| k_min | `k_min` | lower limit of capital | goods |
| y(e) | `risk` | efficiency units of labour by income state | hours |

Its view must have `r`, `w` and `tau`.
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Invertible, Own, risk
from walras.economy.preferences import crra, crra_inverse_marginal
from walras.economy.process import Process
from walras.economy.space import Interval


class CapitalOwn(Own):
    """Capital k [goods] and income state e."""

    k: Scalar
    e: Int = risk()


class Consumption(Choice):
    """Consumption [goods]."""

    c: Scalar


class Household(AgentType, Invertible):
    """Saves in capital against income risk."""

    beta: Array = parameter("discount factor", "per period", 0, 1)
    gamma: Array = parameter("relative risk aversion", "–", 0)
    mu: Array = parameter("unemployment benefit", "share of the wage", 0, closed=True)
    k_min: Array = parameter("lower limit of capital", "goods")
    k_birth: Array = parameter("capital at birth", "goods")
    mass: Array = parameter("mass of households", "persons", 0)
    risk: Process

    def birth(self, i, exo):
        """Everybody starts with `k_birth`; incomes from their distribution at the exogenous state."""
        return self.risk.start(exo).map(lambda e: CapitalOwn(self.k_birth, e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """k' ≥ k_min."""
        return CapitalOwn(Interval(self.k_min, jnp.inf))

    def cash(self, own, view):
        """(1 + r) k + w [(1 − τ) y + μ 1{y = 0}]."""
        y = self.risk.value(own.e)
        return (1 + view.r) * own.k + view.w * ((1 - view.tau) * y + self.mu * (y == 0))

    def feasible(self, own, view, chosen):
        """0 ≤ c ≤ cash − k_min."""
        return Consumption(Interval(0.0, self.cash(own, view) - self.k_min))

    def payoff(self, own, choice, view, outcome):
        """u(c)."""
        return crra(choice.c, self.gamma)

    def move(self, own, choice, view, outcome):
        """k' = cash − c."""
        return own.to(k=self.cash(own, view) - choice.c)

    def holds(self, own):
        """Capital, labour, and whether unemployed."""
        y = self.risk.value(own.e)
        return {"K": own.k, "L": y, "U": jnp.where(y == 0, 1.0, 0.0)}

    def does(self, own, choice, view):
        """Consumption."""
        return {"C": choice.c}

    def invert(self, W, own, view, outcome, next_own):
        """u'(c) = W, then the budget for k."""
        c = crra_inverse_marginal(W, self.gamma)
        income = self.cash(own.to(k=0.0), view)
        return Consumption(c), own.to(k=(c + next_own.k - income) / (1 + view.r))
