"""Krebs (2003) in small: households hold physical and human capital, and the returns to the second are risky.

    max E Σ βᵗ log c     c + k' + h' = x,  x = (1 + r − δ_k) k + (1 + w − δ_h) ε h,  ε iid with mean one
    Y = A K^α H^(1−α)    r = α Y/K    w = (1 − α) Y/H     (H counts ε h)

The closed form: c = (1 − β) x, and the share θ of savings in physical capital is the same for everybody, with
E[(R_k − R_h ε) / (θ R_k + (1 − θ) R_h ε)] = 0. Two endogenous stocks: a sample, never a histogram.

    @article{krebs2003human, title={Human capital risk and economic growth}, author={Krebs, Tom}, journal={The Quarterly
      Journal of Economics}, volume={118}, number={2}, pages={709--744}, year={2003}}

| symbol | field | meaning | unit |
|---|---|---|---|
| β | `household.beta` | discount factor | per year |
| ε | `household.risk` | efficiency of human capital | – |
| A, α | `productivity`, `alpha` | productivity, share of physical capital | per year, – |
| δ_k, δ_h | `delta_k`, `delta_h` | depreciation rates | per year |
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Own, View, risk
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import Chain, NoRisk, Process
from walras.economy.space import Interval


class Holdings(Own):
    """Physical capital k, human capital h [goods] and the state of its efficiency."""

    k: Scalar
    h: Scalar
    e: Int = risk()


class Returns(View):
    """Gross returns of both stocks."""

    R_k: Scalar
    R_h: Scalar
    state: Int

    def info(self):
        """Both returns."""
        return self.state, (self.R_k, self.R_h)


class Plan(Choice):
    """Consumption c [goods] and the share s of savings that goes into physical capital."""

    c: Scalar
    s: Scalar


class Household(AgentType):
    """Divides its wealth between consumption and two stocks."""

    beta: Array
    k_birth: Array
    h_birth: Array
    mass: Array
    risk: Process

    def birth(self, i, exo):
        """Everybody holds the same."""
        return self.risk.start(exo).map(lambda e: Holdings(self.k_birth, self.h_birth, e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """Both stocks are non-negative."""
        return Holdings(Interval(0.0, jnp.inf), Interval(0.0, jnp.inf))

    def wealth(self, own, view):
        """x."""
        return view.R_k * own.k + view.R_h * self.risk.value(own.e) * own.h

    def feasible(self, own, view, chosen):
        """0 ≤ c ≤ x, 0 ≤ s ≤ 1."""
        return Plan(Interval(0.0, self.wealth(own, view)), Interval(0.0, 1.0))

    def payoff(self, own, choice, view, outcome):
        """log c."""
        return jnp.log(choice.c)

    def move(self, own, choice, view, outcome):
        """k' = s (x − c), h' = (1 − s) (x − c)."""
        saved = self.wealth(own, view) - choice.c
        return own.to(k=choice.s * saved, h=(1 - choice.s) * saved)

    def holds(self, own):
        """Physical capital, human capital as it is and as it works."""
        return {"K": own.k, "H": own.h, "E": self.risk.value(own.e) * own.h}

    def does(self, own, choice, view):
        """Consumption."""
        return {"C": choice.c}


class TwoStocks(Economy):
    """The economy of the module docstring."""

    household: Household
    exogenous: Process
    productivity: Array
    alpha: Array
    delta_k: Array
    delta_h: Array
    years_per_period: Array

    def timing(self):
        """Households move at given prices."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """Prices are marginal products."""
        return Formula(self.prices)

    def prices(self, now):
        """r, w and output from the counted stocks."""
        K, E = now.stocks["household"]["K"], now.stocks["household"]["E"]
        Y = self.productivity * K**self.alpha * E ** (1 - self.alpha)
        return {"r": self.alpha * Y / K, "w": (1 - self.alpha) * Y / E, "Y": Y}

    def household_sees(self, now):
        """Gross returns."""
        return Returns(1 + now.prices["r"] - self.delta_k, 1 + now.prices["w"] - self.delta_h, now.exo)

    def accounts(self, now, after):
        """Goods: Y = C + K' − (1 − δ_k) K + H' − (1 − δ_h) E (a bad ε destroys human capital)."""
        held, following = now.stocks["household"], after.stocks["household"]
        k_invested = following["K"] - (1 - self.delta_k) * held["K"]
        h_invested = following["H"] - (1 - self.delta_h) * held["E"]
        return {"goods": now.prices["Y"] - now.flows["household"]["C"] - k_invested - h_invested}

    @classmethod
    def small(cls):
        """Three equally likely efficiencies of s.d. .204. Numbers of convenience, near those of Krebs (2003)."""
        iid = Chain([0.75, 1.0, 1.25], np.full((3, 3), 1 / 3))
        return cls(Household(0.96, 1.0, 1.0, 1.0, iid), NoRisk(), 0.24, 0.36, 0.06, 0.06, 1.0)
