"""Aiyagari (1994): capital and uninsured income risk, no aggregate risk.

    max E Σ βᵗ u(c)    c + k' = (1 + r) k + w y(e),  k' ≥ k_min
    Y = K^α L^(1−α)    r = α Y/K − δ    w = (1 − α) Y/L

The household is `saver.Household`, as in `krusell_smith`; only the economy around it differs. Incomes are any `Process`.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β, γ | `household.beta`, `household.gamma` | discount factor, risk aversion | per year, – | Aiyagari (1994) |
| k_min | `household.k_min` | lower limit of capital | goods | Aiyagari (1994): 0 |
| y(e) | `household.risk` | efficiency units of labour | – | log AR(1) |
| α, δ | `alpha`, `delta` | capital share, depreciation rate | –, per year | Aiyagari (1994) |
"""

from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.saver import Household
from walras.economy.agent import View
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import NoRisk, Process, log_chain


class PriceView(View):
    """Interest rate, wage, tax rate (none). Prices never move, so nothing is conditioned on."""

    r: Scalar
    w: Scalar
    tau: Scalar
    z: Int

    def info(self):
        """The one state of a world without aggregate risk."""
        return self.z, ()


class Aiyagari(Economy):
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
        """r, w and output from the counted stocks."""
        K, L = now.stocks["household"]["K"], now.stocks["household"]["L"]
        Y = K**self.alpha * L ** (1 - self.alpha)
        return {"r": self.alpha * Y / K - self.delta, "w": (1 - self.alpha) * Y / L, "Y": Y}

    def household_sees(self, now):
        """Prices."""
        return PriceView(now.prices["r"], now.prices["w"], 0.0 * now.prices["r"], now.exo)

    def accounts(self, now, after):
        """Goods: Y = C + K' − (1 − δ) K."""
        K, K_next = now.stocks["household"]["K"], after.stocks["household"]["K"]
        return {"goods": now.prices["Y"] - now.flows["household"]["C"] - (K_next - (1 - self.delta) * K)}

    @classmethod
    def benchmark(cls):
        """Annual: log utility, β = .96, α = .36, δ = .08; log income AR(1), persistence .6, s.d. .2, seven states."""
        return cls.with_income(log_chain(7, 0.6, 0.2, normalise=True), gamma=1.0)

    @classmethod
    def risk_averse(cls):
        """As `benchmark`, with relative risk aversion 3 and income s.d. .4: Aiyagari's case of the strongest motive."""
        return cls.with_income(log_chain(7, 0.6, 0.4, normalise=True), gamma=3.0)

    @classmethod
    def with_income(cls, income: Process, gamma: float):
        """The benchmark with any income process."""
        household = Household(0.96, gamma, 0.0, 0.0, 5.5, 1.0, income)
        return cls(household, NoRisk(), 0.36, 0.08, 1.0)
