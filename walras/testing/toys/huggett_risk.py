"""Huggett (1993) with aggregate risk, in small: the price of a bond clears the market at every date.

    max E Σ βᵗ u(c)    c + q b' = b + z y(e),  b' ≥ b_min      Σ b' = 0  sets q

The return is known when buying. What is asked for falls in q, so that the excess changes sign inside a wide bracket.

| symbol | field | meaning | unit |
|---|---|---|---|
| β, γ | `household.beta`, `household.gamma` | discount factor, risk aversion | per year, – |
| b_min | `household.b_min` | borrowing limit | goods |
| y(e) | `household.risk` | endowment, mean one | goods |
| z | `exogenous` | aggregate endowment | – |
| q | `q_low`, `q_high` | interval in which the price is sought | goods |
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Invertible, Own, View, risk
from walras.economy.economy import Clear, Economy, Move, Timing
from walras.economy.preferences import crra, crra_inverse_marginal
from walras.economy.process import Process, log_chain
from walras.economy.space import Interval


class BondOwn(Own):
    """Bonds b [goods] and income state e."""

    b: Scalar
    e: Int = risk()


class BondView(View):
    """Price of a bond, aggregate endowment and its state."""

    q: Scalar
    z: Scalar
    state: Int

    def info(self):
        """State of the endowment and price of the bond."""
        return self.state, (self.q,)


class Consumption(Choice):
    """Consumption [goods]."""

    c: Scalar


class Household(AgentType, Invertible):
    """Saves in bonds, or borrows, against income risk."""

    beta: Array
    gamma: Array
    b_min: Array
    mass: Array
    risk: Process

    def birth(self, i, exo):
        """No bonds; incomes from their stationary distribution."""
        return self.risk.start(exo).map(lambda e: BondOwn(0.0, e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """b' ≥ b_min."""
        return BondOwn(Interval(self.b_min, jnp.inf))

    def cash(self, own, view):
        """b + z y."""
        return own.b + view.z * self.risk.value(own.e)

    def feasible(self, own, view, chosen):
        """0 ≤ c ≤ cash − q b_min."""
        return Consumption(Interval(0.0, self.cash(own, view) - view.q * self.b_min))

    def payoff(self, own, choice, view, outcome):
        """u(c)."""
        return crra(choice.c, self.gamma)

    def move(self, own, choice, view, outcome):
        """b' = (cash − c)/q."""
        return own.to(b=(self.cash(own, view) - choice.c) / view.q)

    def holds(self, own):
        """Bonds and endowment before the aggregate state."""
        return {"B": own.b, "E": self.risk.value(own.e)}

    def does(self, own, choice, view):
        """Consumption, and the bonds asked for."""
        return {"C": choice.c, "S": (self.cash(own, view) - choice.c) / view.q}

    def invert(self, W, own, view, outcome, next_own):
        """u'(c) = W/q, then the budget for b."""
        c = crra_inverse_marginal(W / view.q, self.gamma)
        return Consumption(c), own.to(b=c + view.q * next_own.b - view.z * self.risk.value(own.e))


class HuggettRisk(Economy):
    """The economy of the module docstring."""

    household: Household
    exogenous: Process
    q_low: Array
    q_high: Array
    years_per_period: Array

    def timing(self):
        """Households are asked at each candidate price."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """The price at which no bonds are asked for on balance."""
        return Clear(lambda now: {"q": now.flows["household"]["S"]}, bracket=({"q": self.q_low}, {"q": self.q_high}))

    def household_sees(self, now):
        """Price of the bond, aggregate endowment, its state."""
        return BondView(now.prices["q"], self.exogenous.value(now.exo), now.exo)

    def accounts(self, now, after):
        """Goods: C = z Σ y (nothing is stored, nobody owes abroad)."""
        endowment = self.exogenous.value(now.exo) * now.stocks["household"]["E"]
        return {"goods": now.flows["household"]["C"] - endowment}

    @classmethod
    def small(cls, q_low: float = 0.8, q_high: float = 1.2):
        """Three incomes, three aggregate states, borrowing up to one mean income. Numbers of convenience."""
        household = Household(0.95, 2.0, -1.0, 1.0, log_chain(3, 0.8, 0.3, normalise=True))
        return cls(household, log_chain(3, 0.8, 0.03, normalise=True), q_low, q_high, 1.0)
