"""A household that saves, works and pays taxes, with uninsured risk to what an hour is worth.

    max E Σ βᵗ u(c, n)     u = (c^(1−γ) − 1)/(1−γ) − v(n)   or, after Greenwood, Hercowitz and Huffman,   u = crra(c − v(n))
    v(n) = ψ n^(1+η)/(1+η)     i = w y(e) n + r a
    (1 + τ_c) c + a' = a + i − τ_n w y n − τ_k r a − T(i) − T_a(a) + transfer,  a' ≥ a_min

Hours follow from their own condition, ψ n^η c^γ (c^0 after GHH) = w y (1 − τ_n − T'(i))/(1 + τ_c), wherever a rule is read:
consumption is the only choice.

| symbol | field | meaning | unit |
|---|---|---|---|
| β, γ | `beta`, `gamma` | discount factor, relative risk aversion | per period, – |
| η, ψ | `eta`, `psi` | inverse Frisch elasticity, weight of work | –, utils |
| – | `ghh` | 1: preferences of Greenwood, Hercowitz and Huffman, 0: separable | – |
| a_min | `a_min` | borrowing limit | goods |
| y(e) | `risk` | ability | – |
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.hours import backwards, best_hours, spending_all
from walras.economies.saver import Consumption
from walras.economies.treasury import Treasury
from walras.economy.agent import AgentType, Invertible, Own, View, risk
from walras.economy.preferences import crra
from walras.economy.process import Process
from walras.economy.space import Interval


class AssetOwn(Own):
    """Assets a [goods] and ability state e."""

    a: Scalar
    e: Int = risk()


class TaxView(View):
    """Interest rate, wage, the taxes of the date and its exogenous state. Nothing is conditioned on."""

    r: Scalar
    w: Scalar
    taxes: Treasury
    state: Int

    def info(self):
        """The one state of a world without aggregate risk."""
        return self.state, ()


class Taxpayer(AgentType, Invertible):
    """Saves, works and pays taxes."""

    beta: Array = parameter("discount factor", "per period", 0, 1)
    gamma: Array = parameter("relative risk aversion", "–", 0)
    eta: Array = parameter("inverse Frisch elasticity", "–", 0)
    psi: Array = parameter("weight of work", "utils", 0)
    ghh: Array = parameter("1: GHH preferences, 0: separable", "–", 0, 1, closed=True)
    a_min: Array = parameter("borrowing limit", "goods")
    a_birth: Array = parameter("assets at birth", "goods")
    mass: Array = parameter("mass of households", "persons", 0)
    risk: Process

    def birth(self, i, exo):
        """Everybody starts with `a_birth`."""
        return self.risk.start(exo).map(lambda e: AssetOwn(self.a_birth, e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """a' ≥ a_min."""
        return AssetOwn(Interval(self.a_min, jnp.inf))

    def work(self, n):
        """v(n) = ψ n^(1+η)/(1+η)."""
        return self.psi * jnp.exp((1 + self.eta) * jnp.log(n)) / (1 + self.eta)

    def means(self, own, view, n):
        """What can be spent by who works n hours: a + i − taxes + transfer."""
        tax, earned, gain = view.taxes, view.w * self.risk.value(own.e) * n, view.r * own.a
        left = (1 - tax.tau_n) * earned + (1 - tax.tau_k) * gain - tax.income.tax(earned + gain)
        return own.a - tax.wealth.tax(own.a) + left + tax.transfer

    def unwilling(self, own, view, log_n, log_c):
        """log of what the last hour costs over what it pays: increasing in log hours, zero where they are best."""
        tax, wage = view.taxes, view.w * self.risk.value(own.e)
        kept = 1 - tax.tau_n - tax.income.marginal(wage * jnp.exp(log_n) + view.r * own.a)
        cost = jnp.log(self.psi) + self.eta * log_n + (1 - self.ghh) * self.gamma * log_c
        return cost - jnp.log(wage * kept / (1 + tax.tau_c))

    def hours(self, own, choice, view):
        """The n at which the last hour costs what it pays."""
        return best_hours(self, own, jnp.log(choice.c), view)

    def feasible(self, own, view, chosen):
        """From the consumption that is work's worth (after GHH; 0) to that of who saves nothing, hours being best."""
        n, most = spending_all(self, own, view)
        return Consumption(Interval(self.ghh * self.work(n), most))

    def payoff(self, own, choice, view, outcome):
        """u(c, n)."""
        work = self.work(self.hours(own, choice, view))
        return crra(choice.c - self.ghh * work, self.gamma) - (1 - self.ghh) * work

    def move(self, own, choice, view, outcome):
        """a' = what can be spent − (1 + τ_c) c."""
        n = self.hours(own, choice, view)
        return own.to(a=self.means(own, view, n) - (1 + view.taxes.tau_c) * choice.c)

    def holds(self, own):
        """Assets."""
        return {"A": own.a}

    def does(self, own, choice, view):
        """Consumption, hours, efficient hours, and the taxes paid (the transfer aside)."""
        n, tax = self.hours(own, choice, view), view.taxes
        earned, gain = view.w * self.risk.value(own.e) * n, view.r * own.a
        untaxed = own.a + earned + gain + tax.transfer
        paid = untaxed - self.means(own, view, n) + tax.tau_c * choice.c
        return {"C": choice.c, "N": n, "L": self.risk.value(own.e) * n, "paid": paid}

    def invert(self, W, own, view, outcome, next_own):
        """c, n and a as functions of income i, then i = w y n(i) + r a(i)."""
        c, a = backwards(self, W, own, view, next_own)
        return Consumption(c), own.to(a=a)
