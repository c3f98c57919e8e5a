"""Consumption and saving of one household at a given interest rate, with a borrowing limit that binds.

    max E Σ βᵗ u(c)    c + k' = R k + y(e),  k' ≥ k_min,  log y an AR(1)

No price moves and nothing clears: what a learner makes of first-order conditions with a kink is tested here by itself,
against endogenous grids. βR < 1, so that wealth stays bounded, and some two fifths of all households are at the limit.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β, γ | `household.beta`, `household.gamma` | discount factor, relative risk aversion | per period, – | after Maliar et al. (2021) |
| R | `R` | gross interest rate | per period | after Maliar et al. (2021) |
| k_min | `household.k_min` | lower limit of wealth | mean income | 0 |
| y(e) | `household.risk` | income, log AR(1) of mean one | mean income | persistence .9, s.d. of innovations .1 |

    @article{maliar2021deep, title={Deep learning for solving dynamic economic models}, author={Maliar, Lilia and Maliar,
      Serguei and Winant, Pablo}, journal={Journal of Monetary Economics}, volume={122}, pages={76--101}, year={2021}}
"""

import math

from jaxtyping import Array

from walras._core.module import parameter
from walras.economies.aiyagari import PriceView
from walras.economies.saver import Household
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import NoRisk, Process, log_chain


class ConsumptionSaving(Economy):
    """The economy of the module docstring."""

    household: Household
    exogenous: Process
    R: Array = parameter("gross interest rate", "per period", 0)
    years_per_period: Array = parameter("length of a period", "years", 0)

    def timing(self):
        """Households move at given prices."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """Prices are what they are: the rate R − 1, a wage of one."""
        return Formula(lambda now: {"r": self.R - 1.0, "w": 0.0 * self.R + 1.0})

    def household_sees(self, now):
        """Prices."""
        return PriceView(now.prices["r"], now.prices["w"], 0.0 * now.prices["r"], now.exo)

    def accounts(self, now, after):
        """Budgets: C + K' = R K + w L."""
        held, flows = now.stocks["household"], now.flows["household"]
        spent = flows["C"] + after.stocks["household"]["K"]
        return {"budget": (1 + now.prices["r"]) * held["K"] + now.prices["w"] * held["L"] - spent}

    @classmethod
    def maliar2021(cls):
        """β = .95, γ = 2, R = 1.02; log income .9, innovations of .1, on fifteen states (Rouwenhorst), mean one."""
        income = log_chain(15, 0.9, 0.1 / math.sqrt(1 - 0.9**2), normalise=True)
        return cls(Household(0.95, 2.0, 0.0, 0.0, 1.0, 1.0, income), NoRisk(), 1.02, 1.0)
