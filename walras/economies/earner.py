"""A household that saves and works under flat taxes, hours in closed form: the one of `tax_cycle`.

    max E Σ βᵗ u(c − v(n))    v(n) = ψ n^(1+η)/(1+η)
    c + k' = (1 + r) k + w y(e) n + T,  k' ≥ 0       r, w after taxes       n = (w y(e)/ψ)^(1/η)

Hours do not depend on wealth (Greenwood, Hercowitz and Huffman 1988). `Taxpayer` has any schedule, and needs Newton's method at
every point for it; here the economy is simulated anew for every policy that is looked at, and all is a formula.

| symbol | field | meaning | unit |
|---|---|---|---|
| β, γ | `beta`, `gamma` | discount factor, risk aversion over c − v(n) | per period, – |
| η, ψ | `eta`, `psi` | inverse Frisch elasticity, weight of work | –, goods |
| y(e) | `risk` | ability | – |

Its view must have `r`, `w` and `T`.
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras.economies.saver import CapitalOwn, Consumption
from walras.economy.agent import AgentType, Invertible
from walras.economy.preferences import crra, crra_inverse_marginal
from walras.economy.process import Process
from walras.economy.space import Interval


class Earner(AgentType, Invertible):
    """Saves in capital and works."""

    beta: Array = parameter("discount factor", "per period", 0, 1)
    gamma: Array = parameter("relative risk aversion", "–", 0)
    eta: Array = parameter("inverse Frisch elasticity", "–", 0)
    psi: Array = parameter("weight of work", "goods", 0)
    k_birth: Array = parameter("capital at birth", "goods")
    mass: Array = parameter("mass of households", "persons", 0)
    risk: Process

    def birth(self, i, exo):
        """Everybody starts with `k_birth`."""
        return self.risk.start(exo).map(lambda e: CapitalOwn(self.k_birth, e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """k' ≥ 0."""
        return CapitalOwn(Interval(0.0, jnp.inf))

    def hours(self, own, view):
        """n = (w y/ψ)^(1/η)."""
        return jnp.exp(jnp.log(view.w * self.risk.value(own.e) / self.psi) / self.eta)

    def effort(self, own, view):
        """v(n) = w y n/(1+η), by the condition for hours."""
        return view.w * self.risk.value(own.e) * self.hours(own, view) / (1 + self.eta)

    def income(self, own, view):
        """w y n + T."""
        return view.w * self.risk.value(own.e) * self.hours(own, view) + view.T

    def feasible(self, own, view, chosen):
        """From what work costs to all there is."""
        return Consumption(Interval(self.effort(own, view), (1 + view.r) * own.k + self.income(own, view)))

    def payoff(self, own, choice, view, outcome):
        """u(c − v(n))."""
        return crra(choice.c - self.effort(own, view), self.gamma)

    def move(self, own, choice, view, outcome):
        """k' = (1 + r) k + w y n + T − c."""
        return own.to(k=(1 + view.r) * own.k + self.income(own, view) - choice.c)

    def holds(self, own):
        """Capital, and y^(1+1/η): what the labour of an individual is worth at a given wage."""
        return {"K": own.k, "H": jnp.exp((1 + 1 / self.eta) * jnp.log(self.risk.value(own.e)))}

    def does(self, own, choice, view):
        """Consumption and efficient hours."""
        return {"C": choice.c, "L": self.risk.value(own.e) * self.hours(own, view)}

    def invert(self, W, own, view, outcome, next_own):
        """u'(c − v(n)) = W, then the budget for k."""
        c = crra_inverse_marginal(W, self.gamma) + self.effort(own, view)
        return Consumption(c), own.to(k=(c + next_own.k - self.income(own, view)) / (1 + view.r))
