"""Huggett (1993): bonds and uninsured income risk, no aggregate risk; the interest rate clears the bond market.

    max E Σ βᵗ u(c)    c + q b' = R b + y(e),  b' ≥ b_min      Σ b' = B

Rate form: a bond costs 1 and pays 1 + r (R = 1 + r, q = 1). Bond-price form: it costs q = 1/(1 + r), pays 1 (R = 1).

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β, γ | `household.beta`, `household.gamma` | discount factor, risk aversion | per period, – | calibration |
| b_min | `household.b_min` | borrowing limit | goods | calibration |
| y(e) | `household.risk` | endowment | goods | calibration |
| B | `supply` | net supply of bonds | goods | calibration |
| – | `known` | 1: bond-price form, 0: rate form | – | – |
| r | `r_low`, `r_high` | interval in which the rate is sought | per period | numerical |

`tutorial`: public tutorial of Yang, Wang, Schaab and Moll (2025); `huggett1993`: the paper, b_min = −2."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.saver import Consumption
from walras.economy.agent import AgentType, Invertible, Own, View, risk
from walras.economy.economy import Clear, Economy, Move, Timing
from walras.economy.preferences import crra, crra_inverse_marginal
from walras.economy.process import Chain, NoRisk, Process, log_chain
from walras.economy.space import Interval


class BondOwn(Own):
    """Bonds b [goods] and income state e."""

    b: Scalar
    e: Int = risk()


class BondView(View):
    """What a bond pays (R) and costs (q), the aggregate endowment z (one, but in `huggett_risk`) and its state."""

    R: Scalar
    q: Scalar
    z: Scalar
    state: Int

    def info(self):
        """The one state of a world without aggregate risk."""
        return self.state, ()


class Household(AgentType, Invertible):
    """Saves in bonds against income risk."""

    beta: Array = parameter("discount factor", "per period", 0, 1)
    gamma: Array = parameter("relative risk aversion", "–", 0)
    b_min: Array = parameter("borrowing limit", "goods")
    b_birth: Array = parameter("bonds at birth", "goods")
    mass: Array = parameter("mass of households", "persons", 0)
    risk: Process

    def birth(self, i, exo):
        """Everybody starts with `b_birth`."""
        return self.risk.start(exo).map(lambda e: BondOwn(self.b_birth, e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """b' ≥ b_min."""
        return BondOwn(Interval(self.b_min, jnp.inf))

    def cash(self, own, view):
        """R b + z y."""
        return view.R * own.b + view.z * self.risk.value(own.e)

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
        """Bonds, and the endowment before the aggregate state."""
        return {"B": own.b, "Y": self.risk.value(own.e)}

    def does(self, own, choice, view):
        """Consumption, and the bonds asked for."""
        return {"C": choice.c, "S": (self.cash(own, view) - choice.c) / view.q}

    def invert(self, W, own, view, outcome, next_own):
        """u'(c) = W/q, then the budget for b."""
        c = crra_inverse_marginal(W / view.q, self.gamma)
        return Consumption(c), own.to(b=(c + view.q * next_own.b - view.z * self.risk.value(own.e)) / view.R)


class Huggett(Economy):
    """The economy of the module docstring."""

    household: Household
    exogenous: Process
    supply: Array = parameter("net supply of bonds", "goods")
    known: Array = parameter("1: bond-price form, 0: rate form", "–", 0, 1, closed=True)
    r_low: Array = parameter("lowest rate sought", "per period", -1)
    r_high: Array = parameter("highest rate sought", "per period", -1)
    years_per_period: Array = parameter("length of a period", "years", 0)

    def timing(self):
        """Households are asked at each candidate rate."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """The rate at which the bonds asked for are the supply."""
        excess = lambda now: {"r": now.flows["household"]["S"] - self.supply}  # noqa: E731
        return Clear(excess, bracket=({"r": self.r_low}, {"r": self.r_high}))

    def household_sees(self, now):
        """What a bond pays and costs, and the aggregate endowment."""
        gross, z, known = 1.0 + now.prices["r"], self.exogenous.value(now.exo), self.known == 1
        return BondView(jnp.where(known, 1.0, gross), jnp.where(known, 1.0 / gross, 1.0), z, now.exo)

    def accounts(self, now, after):
        """Budgets: C + q B' = R B + z Y."""
        view, held, flow = self.household_sees(now), now.stocks["household"], now.flows["household"]
        return {"goods": flow["C"] + view.q * after.stocks["household"]["B"] - view.R * held["B"] - view.z * held["Y"]}

    @classmethod
    def tutorial(cls):
        """β = .98, σ = 2, log income AR(1) .966 with s.d. .5, three states, b ≥ 0, B = 5.6; rate form."""
        income = log_chain(3, 0.966, 0.5, normalise=True)
        return cls(Household(0.98, 2.0, 0.0, 5.6, 1.0, income), NoRisk(), 5.6, 0.0, -0.05, 1 / 0.98 - 1, 0.25)

    @classmethod
    def tutorial_bond_price(cls):
        """As `tutorial`, bond-price form; the supply is the face value of bonds worth 5.6 at the tutorial's rate."""
        income, supply = log_chain(3, 0.966, 0.5, normalise=True), 5.6 * 1.00563314
        return cls(Household(0.98, 2.0, 0.0, supply, 1.0, income), NoRisk(), supply, 1.0, -0.05, 1 / 0.98 - 1, 0.25)

    @classmethod
    def huggett1993(cls):
        """Six periods a year: β = .99322, σ = 1.5, endowments .1 and 1, b ≥ −2, no net supply; bond-price form."""
        household = Household(0.99322, 1.5, -2.0, 0.0, 1.0, Chain([0.1, 1.0], np.array([[0.5, 0.5], [0.075, 0.925]])))
        return cls(household, NoRisk(), 0.0, 1.0, -0.1, 1 / 0.99322 - 1, 1 / 6)
