"""Krusell and Smith (1998): capital, unemployment risk, aggregate productivity.

    max E Σ βᵗ u(c)    c + k' = (1 + r) k + w [(1 − τ) y(e) + μ 1{y(e) = 0}],  k' ≥ k_min
    Y = z K^α L^(1−α)   r = α Y/K − δ   w = (1 − α) Y/L   τ = μ U/L    (K, L, U counted over the population)

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β | `household.beta` | discount factor | per period | calibration |
| γ | `household.gamma` | relative risk aversion | – | calibration |
| μ | `household.mu` | unemployment benefit / wage | – | Den Haan, Judd, Juillard (2010), Table 1 |
| k_min | `household.k_min` | lower limit of capital | goods | calibration |
| y(e) | `household.risk` | efficiency units of labour by state | hours | calibration |
| z | `exogenous` | total factor productivity | – | calibration |
| α | `alpha` | capital share | – | all |
| δ | `delta` | depreciation rate | per period | calibration |

`dhjj2010` and `ks1998` are quarterly; `maliar2021` (continuous shocks) and `srl2025` (Yang, Wang, Schaab, Moll 2025,
Table 4) are annual. In `srl2025` incomes have mean one, so that L = 1 is what households earn: with the paper's own income
states 1.7 % of output belongs to nobody. In `ks1998` the unemployed of the paper earn nothing, so that at k = 0 nothing
would be feasible; here they receive 1 % of an employed income, paid by a tax.
"""

import math

import numpy as np
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.saver import Household
from walras.economy.agent import View
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import Chain, ConditionalChain, LogAR1, Process
from walras.numerics import markov


class PriceView(View):
    """Interest rate, wage, tax rate, exogenous state and aggregate capital."""

    r: Scalar
    w: Scalar
    tau: Scalar
    z: Int
    K: Scalar

    def info(self):
        """Productivity state and aggregate capital."""
        return self.z, (self.K,)


class KrusellSmith(Economy):
    """The economy of the module docstring."""

    household: Household
    exogenous: Process
    alpha: Array = parameter("capital share", "–", 0, 1)
    delta: Array = parameter("depreciation rate", "per period", 0, 1, closed=True)
    years_per_period: Array = parameter("length of a period", "years", 0)

    def timing(self):
        """Households move at given prices."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """Prices are marginal products."""
        return Formula(self.prices)

    def prices(self, now):
        """r, w, τ and output from the counted stocks."""
        held, z = now.stocks["household"], self.exogenous.value(now.exo)
        Y = z * held["K"] ** self.alpha * held["L"] ** (1 - self.alpha)
        return {
            "r": self.alpha * Y / held["K"] - self.delta,
            "w": (1 - self.alpha) * Y / held["L"],
            "tau": self.household.mu * held["U"] / held["L"],
            "Y": Y,
        }

    def household_sees(self, now):
        """Prices, productivity state, aggregate capital."""
        p = now.prices
        return PriceView(p["r"], p["w"], p["tau"], now.exo, now.stocks["household"]["K"])

    def accounts(self, now, after):
        """Goods: Y = C + K' − (1 − δ) K."""
        K, K_next = now.stocks["household"]["K"], after.stocks["household"]["K"]
        return {"goods": now.prices["Y"] - now.flows["household"]["C"] - (K_next - (1 - self.delta) * K)}

    @classmethod
    def dhjj2010(cls):
        """Den Haan, Judd and Juillard (2010): quarterly, benefits of .15, labour 1/.9 when employed."""
        return cls._two_states(mu=0.15, l_bar=1 / 0.9, k_min=0.0, k_birth=39.0)

    @classmethod
    def ks1998(cls):
        """Krusell and Smith (1998): quarterly, benefits of 1 % of an employed income, labour .3271 when employed."""
        return cls._two_states(mu=0.01 * 0.3271, l_bar=0.3271, k_min=0.0, k_birth=11.5)

    @classmethod
    def _two_states(cls, mu, l_bar, k_min, k_birth):
        # Joint chain over (bad, unemployed), (bad, employed), (good, unemployed), (good, employed); expected durations
        # of 8 quarters of each aggregate state, unemployment spells of 2.5 and 1.5 quarters.
        joint = np.array([
            [0.525, 0.35, 0.03125, 0.09375],
            [0.350 / 9, 7.525 / 9, 0.01875 / 9, 1.10625 / 9],
            [0.09375, 0.03125, 7 / 24, 7 / 12],
            [0.00875 / 0.96, 0.11125 / 0.96, 7 / 288, 0.875 - 7 / 288],
        ])  # fmt: skip
        blocks = joint.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3)
        moves = blocks.sum(axis=-1)[:, :, 0]
        chance = ConditionalChain([0.0, l_bar], blocks / blocks.sum(-1, keepdims=True), np.array([[0.1, 0.9], [0.04, 0.96]]))
        household = Household(0.99, 1.0, mu, k_min, k_birth, 1.0, chance)
        return cls(household, Chain([0.99, 1.01], moves), 0.36, 0.025, 0.25)

    @classmethod
    def maliar2021(cls):
        """After Maliar, Maliar and Winant (2021): annual, log utility, log AR(1) productivity and incomes, E[y] = 1.

        `solve` puts both on as many states as the preset says (nine at `standard` and `precise`), by Rouwenhorst's method.
        """
        income = LogAR1(0.9, 0.2 * math.sqrt(1 - 0.9**2), math.exp(-0.5 * 0.2**2))
        household = Household(0.96, 1.0, 0.0, 0.0, 5.5, 1.0, income)
        return cls(household, LogAR1(0.95, 0.01, 1.0), 0.36, 0.08, 1.0)

    @classmethod
    def srl2025(cls):
        """Yang, Wang, Schaab and Moll (2025), Table 4: annual, log AR(1) productivity, three income states, E[y] = 1."""
        nodes, transition = markov.binned(3, 0.6, 0.2)
        y = np.exp(nodes)
        income = Chain(y / (markov.stationary(transition) @ y), transition)
        household = Household(0.95, 3.0, 0.0, 0.0, 5.0, 1.0, income)
        return cls(household, LogAR1(0.9, 0.03, 1.0), 0.36, 0.08, 1.0)
