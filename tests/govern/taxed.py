"""Aiyagari's economy with flat taxes on labour and capital income, handed out equally: a small economy to govern.

c + k' = (1 + (1 − τ_k) r) k + (1 − τ_n) w y(e) + T,  k' ≥ 0      T = τ_k r K + τ_n w L
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import Parameters, parameter
from walras._core.types import Int, Scalar
from walras.economies.saver import CapitalOwn, Consumption
from walras.economy.agent import AgentType, Invertible, View
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.preferences import crra, crra_inverse_marginal
from walras.economy.process import NoRisk, Process, log_chain
from walras.economy.space import Interval


class Government(Parameters):
    """Its rates."""

    tau_k: Array = parameter("tax on capital income", "–", -4, 1)
    tau_n: Array = parameter("tax on labour income", "–", -1, 1)


class NetView(View):
    """Net rate, net wage, transfer."""

    r: Scalar
    w: Scalar
    T: Scalar
    z: Int

    def info(self):
        """The one state of a world without aggregate risk."""
        return self.z, ()


class Worker(AgentType, Invertible):
    """Saves against income risk."""

    beta: Array = parameter("discount factor", "per period", 0, 1)
    gamma: Array = parameter("relative risk aversion", "–", 0)
    mass: Array = parameter("mass of households", "persons", 0)
    risk: Process

    def birth(self, i, exo):
        """Five units of capital."""
        return self.risk.start(exo).map(lambda e: CapitalOwn(jnp.asarray(5.0), e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """k' ≥ 0."""
        return CapitalOwn(Interval(0.0, jnp.inf))

    def cash(self, own, view):
        """What can be spent."""
        return (1 + view.r) * own.k + view.w * self.risk.value(own.e) + view.T

    def feasible(self, own, view, chosen):
        """0 ≤ c ≤ cash."""
        return Consumption(Interval(0.0, self.cash(own, view)))

    def payoff(self, own, choice, view, outcome):
        """u(c)."""
        return crra(choice.c, self.gamma)

    def move(self, own, choice, view, outcome):
        """k' = cash − c."""
        return own.to(k=self.cash(own, view) - choice.c)

    def holds(self, own):
        """Capital and labour."""
        return {"K": own.k, "L": self.risk.value(own.e)}

    def does(self, own, choice, view):
        """Consumption."""
        return {"C": choice.c}

    def invert(self, W, own, view, outcome, next_own):
        """u'(c) = W, then the budget."""
        c = crra_inverse_marginal(W, self.gamma)
        return Consumption(c), own.to(k=(c + next_own.k - self.cash(own.to(k=0.0), view)) / (1 + view.r))


class Taxed(Economy):
    """The economy of the module docstring."""

    household: Worker
    government: Government
    exogenous: Process
    alpha: Array = parameter("capital share", "–", 0, 1)
    delta: Array = parameter("depreciation rate", "per period", 0, 1, closed=True)
    years_per_period: Array = parameter("length of a period", "years", 0)

    def timing(self):
        """Households move at given prices."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """Marginal products."""
        return Formula(self.prices)

    def prices(self, now):
        """Before tax."""
        K, L = now.stocks["household"]["K"], now.stocks["household"]["L"]
        Y = K**self.alpha * L ** (1 - self.alpha)
        return {"r": self.alpha * Y / K - self.delta, "w": (1 - self.alpha) * Y / L, "Y": Y}

    def household_sees(self, now):
        """After tax, and the transfer that closes the budget."""
        K, L = now.stocks["household"]["K"], now.stocks["household"]["L"]
        r, w, gov = now.prices["r"], now.prices["w"], self.government
        transfer = (gov.tau_k * r * K + gov.tau_n * w * L) / self.household.mass
        return NetView((1 - gov.tau_k) * r, (1 - gov.tau_n) * w, transfer, now.exo)

    def accounts(self, now, after):
        """Goods."""
        K, K_next = now.stocks["household"]["K"], after.stocks["household"]["K"]
        return {"goods": now.prices["Y"] - now.flows["household"]["C"] - (K_next - (1 - self.delta) * K)}

    @classmethod
    def small(cls):
        """β = .94, log utility, three income states of s.d. .5 and persistence .8."""
        return cls(
            Worker(0.94, 1.0, 1.0, log_chain(3, 0.8, 0.5, normalise=True)), Government(0.0, 0.0), NoRisk(), 0.36, 0.08, 1.0
        )
