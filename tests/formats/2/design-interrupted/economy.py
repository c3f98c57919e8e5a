"""Aiyagari's economy with flat taxes on labour and capital income, handed out equally: quick enough to be solved many times.

c + k' = (1 + (1 − τ_k) r) k + (1 − τ_n) w y(e) + T,  k' ≥ 0      T = τ_k r K + τ_n w L
"""

from jaxtyping import Array

from walras._core.module import Parameters, parameter
from walras._core.types import Scalar
from walras.economies.aiyagari import Aiyagari, PriceView
from walras.economies.saver import Household
from walras.economy.process import NoRisk, log_chain


class Government(Parameters):
    """Its rates."""

    tau_k: Array = parameter("tax on capital income", "–", -4, 1)
    tau_n: Array = parameter("tax on labour income", "–", -1, 1)


class NetView(PriceView):
    """Net rate, net wage, no further tax on wages, transfer."""

    T: Scalar


class Worker(Household):
    """Saves against income risk; gets a transfer."""

    def cash(self, own, view):
        """With the transfer."""
        return super().cash(own, view) + view.T


class Taxed(Aiyagari):
    """The economy of the module docstring."""

    government: Government

    def household_sees(self, now):
        """After tax, and the transfer that closes the budget."""
        K, L = now.stocks["household"]["K"], now.stocks["household"]["L"]
        r, w, gov = now.prices["r"], now.prices["w"], self.government
        transfer = (gov.tau_k * r * K + gov.tau_n * w * L) / self.household.mass
        return NetView((1 - gov.tau_k) * r, (1 - gov.tau_n) * w, 0.0 * r, now.exo, transfer)

    @classmethod
    def small(cls):
        """β = .94, log utility, three income states of s.d. .5 and persistence .8."""
        household = Worker(0.94, 1.0, 0.0, 0.0, 5.0, 1.0, log_chain(3, 0.8, 0.5, normalise=True))
        return cls(household, NoRisk(), 0.36, 0.08, 1.0, Government(0.0, 0.0))
