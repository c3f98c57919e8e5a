"""Bewley and Aiyagari with labour choice and taxes: the economy of TaxAI and SAMS.

    household   `taxpayer`: saves in assets, works, pays taxes on labour, capital income, income, wealth and consumption
    firm        Y = K^α L^(1−α)    r = α (K/L)^(α−1) − δ    w = (1 − α) (K/L)^α    K = Σ a − debt
    government  `treasury`: taxes paid = spending + transfer + r debt, closed by the instrument that it names
    markets     (K/L)(r) = (Σ a − debt)/Σ y n

Unknown at every date are r and, unless spending closes the budget, the value of the closing instrument. Who saves weighs
what is left of r: an income tax lifts the ceiling of r from 1/β − 1 to about (1/β − 1)/(1 − T'), and the search with it.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| α, δ | `alpha`, `delta` | capital share, depreciation rate | –, per year | calibrations |
| β, γ, η, ψ | `household.…` | see `taxpayer` | | calibrations |
| τ_n, τ_k, … | `government.…` | see `treasury` | | calibrations |

`standard`, `ghh`: own; `taxai`, `superstar`: parameters of TaxAI (Mi et al. 2023). All are annual.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.module import is_concrete, parameter
from walras.economies.abilities import abilities, with_superstar
from walras.economies.taxpayer import Taxpayer, TaxView
from walras.economies.treasury import Treasury
from walras.economy.economy import Clear, Economy, Move, Timing
from walras.economy.process import NoRisk, Process, log_chain
from walras.economy.taxes import Linear, Progressive

RICH = 10.0
"""Income, in wages of a year, whose marginal rate lifts the highest r that is looked at."""


class TaxEconomy(Economy):
    """The economy of the module docstring."""

    household: Taxpayer
    government: Treasury
    exogenous: Process
    alpha: Array = parameter("capital share", "–", 0, 1)
    delta: Array = parameter("depreciation rate", "per period", 0, 1, closed=True)
    years_per_period: Array = parameter("length of a period", "years", 0)

    def __check_init__(self):
        if all(is_concrete(leaf) for leaf in jax.tree_util.tree_leaves(self)):
            r = np.float64(self.ceiling(1.0))
            K = self.ratio(np.maximum(r, 1e-3))
            self.government.check(float(r), float(self.wage(r)), float(K), float(self.household.mass))

    def timing(self):
        """Households are asked at each candidate."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """The interest rate clears capital; the closing instrument the budget."""
        r = 0.8 * self.ceiling(1.0)
        if self.government.closes == "spending":
            bracket = ({"r": -0.5 * self.delta}, {"r": self.ceiling(RICH)})
            return Clear(lambda now: {"r": self.excess(now)["r"]}, bracket, {"r": r})
        return Clear(self.excess, guess={"r": r, "level": self.first_level(r)})

    def ceiling(self, wages):
        """(1/β − 1)/(1 − τ_k − T'): the net return at which nobody stops saving, T' at an income of so many wages."""
        tax = self.government
        return (1 / self.household.beta - 1) / (1 - tax.tau_k - tax.income.marginal(wages * jnp.ones(())))

    def ratio(self, r):
        """K/L at which capital earns r."""
        return (self.alpha / (r + self.delta)) ** (1 / (1 - self.alpha))

    def wage(self, r):
        """What an efficient hour earns where capital earns r."""
        return (1 - self.alpha) * self.ratio(r) ** self.alpha

    def first_level(self, r):
        """Where to look for the closing instrument: its field; for the transfer what one worker's taxes leave."""
        tax, gain, w = self.government, r * self.ratio(r), self.wage(r)
        paid = tax.tau_n * w + tax.tau_k * gain + tax.income.tax(w + gain) + tax.tau_c * (w + gain) / (1 + tax.tau_c)
        spare = (paid - tax.spending - r * tax.debt) / self.household.mass
        return spare if tax.closes == "transfer" else tax.level()

    def taxes(self, now):
        """The instruments at the candidate."""
        return self.government.at(now.prices["level"]) if "level" in now.prices else self.government

    def excess(self, now):
        """Capital: log of supply over demand. Budget: surplus over output."""
        flow, r = now.flows["household"], now.prices["r"]
        K = now.stocks["household"]["A"] - self.government.debt
        surplus = self.taxes(now).surplus(flow["paid"], r, self.household.mass)
        return {"level": surplus / flow["L"], "r": jnp.log(K / (self.ratio(r) * flow["L"]))}

    def household_sees(self, now):
        """Prices and taxes."""
        r = now.prices["r"]
        return TaxView(r, self.wage(r), self.taxes(now), now.exo)

    def accounts(self, now, after):
        """Goods: Y = C + G + K' − (1 − δ) K, output by counted capital and labour, G what the budget leaves or says."""
        flow, debt, tax = now.flows["household"], self.government.debt, self.taxes(now)
        K, K_next = now.stocks["household"]["A"] - debt, after.stocks["household"]["A"] - debt
        left = tax.surplus(flow["paid"], now.prices["r"], self.household.mass)
        G = tax.spending + (left if tax.closes == "spending" else 0.0)
        Y = K**self.alpha * flow["L"] ** (1 - self.alpha)
        return {"goods": Y - flow["C"] - G - (K_next - (1 - self.delta) * K)}

    @classmethod
    def standard(cls):
        """β = .96, α = .36, δ = .08, log c − n³/3, ability .9 and s.d. .4; τ = .2, ξ = .1, τ_c = .065, revenue spent."""
        return cls.of(0.96, 0.36, 0.08, log_chain(7, 0.9, 0.4, normalise=True), progressive(0.1))

    @classmethod
    def ghh(cls):
        """As `standard` with GHH preferences and flat rates τ_k = τ_n = .2 alone, the revenue rebated to everybody."""
        flat = Treasury(0.2, 0.2, 0.0, Linear(0.0), Linear(0.0), 0.3, 0.0, 0.0, "transfer")
        return cls.of(0.96, 0.36, 0.08, log_chain(7, 0.9, 0.4, normalise=True), flat, ghh=1.0)

    @classmethod
    def taxai(cls):
        """TaxAI: β = .975, α = 1/3, δ = .06, ability .982 with innovations .2 on nine states; taxes as in `standard`."""
        return cls.of(0.975, 1 / 3, 0.06, abilities(), progressive(0.1))

    @classmethod
    def superstar(cls):
        """As `taxai`, with a tenth state of 504.3 times the mean of the others, entered at 2.2e-6, kept at .99."""
        return cls.of(0.975, 1 / 3, 0.06, with_superstar(abilities(), 504.3, 2.2e-6, 0.99), progressive(0.1))

    @classmethod
    def of(cls, beta, alpha, delta, risk: Process, government: Treasury, ghh: float = 0.0):
        """Log utility, v(n) = n³/3, no debts; with any ability process and government."""
        household = Taxpayer(beta, 1.0, 2.0, 1.0, ghh, 0.0, 5.0, 1.0, risk)
        return cls(household, government, NoRisk(), alpha, delta, 1.0)


def progressive(xi: float) -> Treasury:
    """τ = .2 at an income of one with progressivity ξ, τ_c = .065; what is collected is spent."""
    return Treasury(0.0, 0.0, 0.065, Progressive(0.2, xi, 1e-3), Linear(0.0), 0.0, 0.0, 0.0, "spending")
