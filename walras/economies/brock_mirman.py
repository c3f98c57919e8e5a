"""Brock and Mirman (1972): the growth model with log utility and full depreciation, solved by hand.

    max E Σ βᵗ log c    c + k' = R k + w,  k' ≥ 0
    Y = z K^α    R = α Y/K    w = (1 − α) Y

The closed form is K' = αβ Y, C = (1 − αβ) Y, whatever the process of z.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β | `household.beta` | discount factor | per year | convention |
| α | `alpha` | capital share | – | convention |
| z | `exogenous` | total factor productivity | – | convention |
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Invertible, Own, View
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import LogAR1, NoRisk, Process, point
from walras.economy.space import Interval


class CapitalOwn(Own):
    """Capital k [goods]."""

    k: Scalar


class PriceView(View):
    """Gross return, wage, productivity state, aggregate capital."""

    R: Scalar
    w: Scalar
    z: Int
    K: Scalar

    def info(self):
        """Productivity state and aggregate capital."""
        return self.z, (self.K,)


class Consumption(Choice):
    """Consumption [goods]."""

    c: Scalar


class Household(AgentType, Invertible):
    """The representative household, which takes prices as given."""

    beta: Array = parameter("discount factor", "per period", 0, 1)
    k_birth: Array = parameter("capital at birth", "goods", 0)
    mass: Array = parameter("mass of households", "persons", 0)
    risk: Process

    def birth(self, i, exo):
        """Capital `k_birth`."""
        return point(CapitalOwn(self.k_birth))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """k' ≥ 0."""
        return CapitalOwn(Interval(0.0, jnp.inf))

    def feasible(self, own, view, chosen):
        """0 ≤ c ≤ R k + w."""
        return Consumption(Interval(0.0, view.R * own.k + view.w))

    def payoff(self, own, choice, view, outcome):
        """log c."""
        return jnp.log(choice.c)

    def move(self, own, choice, view, outcome):
        """k' = R k + w − c."""
        return own.to(k=view.R * own.k + view.w - choice.c)

    def holds(self, own):
        """Capital."""
        return {"K": own.k}

    def does(self, own, choice, view):
        """Consumption."""
        return {"C": choice.c}

    def invert(self, W, own, view, outcome, next_own):
        """1/c = W, then the budget for k."""
        c = 1.0 / W
        return Consumption(c), own.to(k=(c + next_own.k - view.w) / view.R)


class BrockMirman(Economy):
    """The economy of the module docstring."""

    household: Household
    exogenous: Process
    alpha: Array = parameter("capital share", "–", 0, 1)
    years_per_period: Array = parameter("length of a period", "years", 0)

    def timing(self):
        """The household moves at given prices."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """Prices are marginal products."""
        return Formula(self.prices)

    def prices(self, now):
        """R, w and output from aggregate capital."""
        K = now.stocks["household"]["K"]
        Y = self.exogenous.value(now.exo) * K**self.alpha
        return {"R": self.alpha * Y / K, "w": (1 - self.alpha) * Y, "Y": Y}

    def household_sees(self, now):
        """Prices, productivity state, aggregate capital."""
        p = now.prices
        return PriceView(p["R"], p["w"], now.exo, now.stocks["household"]["K"])

    def accounts(self, now, after):
        """Goods: Y = C + K'."""
        return {"goods": now.prices["Y"] - now.flows["household"]["C"] - after.stocks["household"]["K"]}

    @classmethod
    def textbook(cls):
        """Annual: α = .36, β = .96, log productivity AR(1) with persistence .9 and innovations of 2 %."""
        return cls(Household(0.96, 0.19, 1.0, NoRisk()), LogAR1(0.9, 0.02, 1.0), 0.36, 1.0)
