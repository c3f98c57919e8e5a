"""A household whose capital and hours are more or less productive: the one of `marl_rbc`.

    max E Σ βᵗ [u(c) + b log(1 − l)]      a = (ρ κ + kept) k + w [(1 − τ) λ l + μ 1{λ = 0}]      c = s a    k' = (1 − s) a

Its choices are the share s of cash that it consumes and, if hours are `elastic`, the time l that it works. What cash is it
learns after everybody has chosen: its outcome has `rent` (ρ), `kept` (1 − δ), `w` and `tau`.

| symbol | field | meaning | unit |
|---|---|---|---|
| β, γ, b | `beta`, `gamma`, `leisure` | discount factor, relative risk aversion, weight of leisure | per period, –, utils |
| μ | `mu` | benefit of those whose hours are worth nothing, a share of the wage | – |
| κ, λ | `risk` | productivity of capital, of hours: the pair is the value of the state | – |
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Scalar
from walras.economies.saver import CapitalOwn
from walras.economy.agent import AgentType, Choice, Invertible
from walras.economy.preferences import crra, crra_inverse_marginal
from walras.economy.process import Process
from walras.economy.space import Interval


class Share(Choice):
    """Share of cash consumed."""

    amounts: ClassVar[bool] = False
    s: Scalar


class HoursAndShare(Choice):
    """Share of time worked, share of cash consumed."""

    amounts: ClassVar[bool] = False
    l: Scalar
    s: Scalar


class Household(AgentType, Invertible):
    """Saves in capital and, where hours are elastic, works."""

    beta: Array = parameter("discount factor", "per period", 0, 1)
    gamma: Array = parameter("relative risk aversion", "–", 0)
    leisure: Array = parameter("weight of leisure", "utils", 0)
    mu: Array = parameter("unemployment benefit", "share of the wage", 0, closed=True)
    k_birth: Array = parameter("capital at birth", "goods", 0)
    mass: Array = parameter("mass of households", "persons", 0)
    elastic: bool = eqx.field(static=True)
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

    def feasible(self, own, view, chosen):
        """Shares."""
        share = Interval(0.0, 1.0)
        return HoursAndShare(share, share) if self.elastic else Share(share)

    def hours(self, choice):
        """l; 1 where it is not chosen."""
        return choice.l if self.elastic else jnp.ones(())

    def paid(self, own, outcome):
        """What an hour pays: w (1 − τ) λ."""
        return outcome["w"] * (1 - outcome["tau"]) * self.risk.value(own.e)[1]

    def benefit(self, own, outcome):
        """w μ for those whose hours are worth nothing."""
        return outcome["w"] * self.mu * (self.risk.value(own.e)[1] == 0)

    def gross(self, own, outcome):
        """What a unit of capital becomes: ρ κ + 1 − δ."""
        return outcome["rent"] * self.risk.value(own.e)[0] + outcome["kept"]

    def cash(self, own, choice, outcome):
        """a."""
        earned = self.paid(own, outcome) * self.hours(choice) + self.benefit(own, outcome)
        return self.gross(own, outcome) * own.k + earned

    def payoff(self, own, choice, view, outcome):
        """u(s a) + b log(1 − l)."""
        utility = crra(choice.s * self.cash(own, choice, outcome), self.gamma)
        return utility + self.leisure * jnp.log1p(-choice.l) if self.elastic else utility

    def move(self, own, choice, view, outcome):
        """k' = (1 − s) a."""
        return own.to(k=(1 - choice.s) * self.cash(own, choice, outcome))

    def holds(self, own):
        """Productive capital, and whether hours are worth nothing."""
        kappa, lam = self.risk.value(own.e)
        return {"K": kappa * own.k, "U": jnp.where(lam == 0, 1.0, 0.0)}

    def does(self, own, choice, view):
        """Hours N, efficient hours L, capital k as it is counted; and all that cash is made of times the share consumed, which
        gives consumption at any prices."""
        kappa, lam = self.risk.value(own.e)
        hours, s = self.hours(choice), choice.s
        parts = {"sK": s * kappa * own.k, "sk": s * own.k, "sL": s * lam * hours, "sU": s * jnp.where(lam == 0, 1.0, 0.0)}
        return {"N": hours, "L": lam * hours, "k": own.k, **parts}

    def invert(self, W, own, view, outcome, next_own):
        """u'(c) = W; b/(1 − l) = W w λ (1 − τ), never less than no work; then the budget for k."""
        c = crra_inverse_marginal(W, self.gamma)
        a = c + next_own.k
        paid = self.paid(own, outcome)
        hours = jnp.maximum(1 - self.leisure / (W * jnp.maximum(paid, 1e-300)), 0.0) if self.elastic else jnp.ones(())
        before = own.to(k=(a - paid * hours - self.benefit(own, outcome)) / self.gross(own, outcome))
        return (HoursAndShare(hours, c / a) if self.elastic else Share(c / a)), before
