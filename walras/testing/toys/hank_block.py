"""A HANK block: sticky prices, bonds, two unknowns a date (real marginal cost and output).

    household  max E Σ βᵗ (log c − n^(1+η)/(1+η))    c + b' = R b + w y(e) n + d − T,  b' ≥ 0
    firm       own price grows by π; relative price x = x₋₁ (1 + π)/(1 + Π), Π everybody's average
               real profit Y (x^(1−ε) − mc x^(−ε) − θ/2 π²), discounted by 1/R
    bank       1 + i' = (1 + ī) (1 + Π)^φ
    R = (1 + i)/(1 + Π)   w = z mc   d = (1 − mc − θ/2 Π²) Y   T = (R − 1) B
    (mc, Y) clear labour Σ y n = Y/z and bonds Σ b' = B; goods Y (1 − θ/2 Π²) = C follow (Walras' law) and are a check

Firm, then household, are asked at each candidate; the bank moves after the market. (`walras.economies.Hank` is this economy
with a bank that moves before the household, and hours that follow from consumption.)

| symbol | field | meaning | unit |
|---|---|---|---|
| β, η | `household.beta`, `household.eta` | discount factor, inverse Frisch elasticity | per year, – |
| y(e) | `household.risk` | efficiency | – |
| ε, θ | `firm.epsilon`, `firm.theta` | elasticity of demand, cost of price changes | – |
| ī, φ | `bank.target`, `bank.phi` | nominal rate at zero inflation, response | per year, – |
| z, B | `exogenous`, `supply` | productivity, bonds | –, goods |
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.types import Int, Scalar
from walras.economies.central_bank import Bank, BankView
from walras.economy.agent import AgentType, Choice, Own, View, risk
from walras.economy.economy import Clear, Economy, Move, Timing
from walras.economy.process import NoRisk, Process, log_chain, point
from walras.economy.space import Interval


class BondOwn(Own):
    """Bonds b [goods] and state of efficiency."""

    b: Scalar
    e: Int = risk()


class FirmOwn(Own):
    """Relative price x after the last date."""

    x: Scalar


class HouseholdView(View):
    """Gross real return, wage, dividends less tax, state of productivity."""

    R: Scalar
    w: Scalar
    transfer: Scalar
    state: Int

    def info(self):
        """State of productivity, return and wage."""
        return self.state, (self.R, self.w)


class FirmView(View):
    """Real marginal cost, output, nominal rate, state of productivity."""

    mc: Scalar
    Y: Scalar
    i: Scalar
    state: Int

    def info(self):
        """State of productivity and marginal cost."""
        return self.state, (self.mc,)


class Plan(Choice):
    """Hours n and consumption c [goods], whose ceiling depends on the hours."""

    n: Scalar
    c: Scalar


class Inflation(Choice):
    """Growth π of the own price."""

    pi: Scalar


class Household(AgentType):
    """Works and saves in bonds."""

    beta: Array
    eta: Array
    n_max: Array
    b_birth: Array
    mass: Array
    risk: Process

    def birth(self, i, exo):
        """Everybody holds `b_birth`."""
        return self.risk.start(exo).map(lambda e: BondOwn(self.b_birth, e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """b' ≥ 0."""
        return BondOwn(Interval(0.0, jnp.inf))

    def cash(self, own, view, n):
        """R b + w y n + d − T."""
        return view.R * own.b + view.w * self.risk.value(own.e) * n + view.transfer

    def feasible(self, own, view, chosen):
        """Hours enough to pay the tax; 0 ≤ c ≤ cash."""
        wage = view.w * self.risk.value(own.e)
        least = jnp.maximum(-(view.R * own.b + view.transfer) / wage, 0.0)
        return Plan(Interval(least, self.n_max), Interval(0.0, self.cash(own, view, chosen.get("n", self.n_max))))

    def payoff(self, own, choice, view, outcome):
        """log c − n^(1+η)/(1+η)."""
        return jnp.log(choice.c) - choice.n ** (1 + self.eta) / (1 + self.eta)

    def move(self, own, choice, view, outcome):
        """b' = cash − c."""
        return own.to(b=self.cash(own, view, choice.n) - choice.c)

    def holds(self, own):
        """Bonds."""
        return {"B": own.b}

    def does(self, own, choice, view):
        """Consumption, efficient hours, and the bonds asked for."""
        hours = self.risk.value(own.e) * choice.n
        return {"C": choice.c, "L": hours, "S": self.cash(own, view, choice.n) - choice.c}


class Firm(AgentType):
    """Sets its price against a cost of changing it (Rotemberg 1982)."""

    epsilon: Array
    theta: Array
    mass: Array
    risk: Process

    def birth(self, i, exo):
        """All prices alike."""
        return point(FirmOwn(1.0))

    def discount(self, own, view, outcome):
        """1/R."""
        return (1 + outcome["Pi"]) / (1 + view.i)

    def limits(self):
        """Prices are positive."""
        return FirmOwn(Interval(0.0, jnp.inf))

    def feasible(self, own, view, chosen):
        """Inflation within a half."""
        return Inflation(Interval(-0.5, 0.5))

    def price(self, own, choice, outcome):
        """x = x₋₁ (1 + π)/(1 + Π)."""
        return own.x * (1 + choice.pi) / (1 + outcome["Pi"])

    def payoff(self, own, choice, view, outcome):
        """Y (x^(1−ε) − mc x^(−ε) − θ/2 π²)."""
        x = self.price(own, choice, outcome)
        sales = x ** (1 - self.epsilon) - view.mc * x ** (-self.epsilon)
        return view.Y * (sales - self.theta / 2 * choice.pi**2)

    def move(self, own, choice, view, outcome):
        """The relative price."""
        return own.to(x=self.price(own, choice, outcome))

    def holds(self, own):
        """Nothing."""
        return {}

    def does(self, own, choice, view):
        """Inflation, and its cost as a share of output."""
        return {"Pi": choice.pi, "cost": self.theta / 2 * choice.pi**2}


class HankBlock(Economy):
    """The economy of the module docstring."""

    household: Household
    firm: Firm
    bank: Bank
    exogenous: Process
    supply: Array
    years_per_period: Array

    def timing(self):
        """Firm, then household, at each candidate; then the bank."""
        return Timing(
            market={
                "firm": Move(self.firm, self.firm_sees, lambda now: {"Pi": now.flows["firm"]["Pi"]}),
                "household": Move(self.household, self.household_sees),
            },
            after={"bank": Move(self.bank, lambda now: BankView(now.flows["firm"]["Pi"], jnp.zeros(()), now.exo))},
        )

    def market(self):
        """Marginal cost and output clear labour and bonds."""
        return Clear(self.excess, guess={"mc": jnp.asarray(0.9), "Y": jnp.asarray(1.0)})

    def excess(self, now):
        """Labour and bonds."""
        flow = now.flows["household"]
        hours = now.prices["Y"] / self.exogenous.value(now.exo)
        return {"labour": flow["L"] - hours, "bonds": flow["S"] - self.supply}

    def firm_sees(self, now):
        """Costs, sales, the rate."""
        return FirmView(now.prices["mc"], now.prices["Y"], now.stocks["bank"]["i"], now.exo)

    def household_sees(self, now):
        """The real return by what firms have just chosen; profits and tax in one sum."""
        mc, Y, flow = now.prices["mc"], now.prices["Y"], now.flows["firm"]
        R = (1 + now.stocks["bank"]["i"]) / (1 + flow["Pi"])
        transfer = (1 - mc - flow["cost"]) * Y - (R - 1) * self.supply
        return HouseholdView(R, mc * self.exogenous.value(now.exo), transfer, now.exo)

    def accounts(self, now, after):
        """Goods: Y less the cost of price changes = C."""
        return {"goods": now.prices["Y"] * (1 - now.flows["firm"]["cost"]) - now.flows["household"]["C"]}

    @classmethod
    def small(cls, b_birth: float = 5.0):
        """As Yang, Wang, Schaab and Moll (2025), Tables 6-7 (β, η, θ, ε, ī, B), but for smaller risks and φ = .5.

        The rate is set a date ahead: under rules that do not look ahead, φ > 1 makes it run away.
        """
        household = Household(0.975, 1.0, 3.0, b_birth, 1.0, log_chain(3, 0.9, 0.3, normalise=True))
        firm, bank = Firm(10.0, 100.0, 1.0, NoRisk()), Bank(0.025, 0.5, 1.0, NoRisk())
        return cls(household, firm, bank, log_chain(3, 0.9, 0.02, normalise=True), 5.0, 1.0)
