"""Cournot (1838): firms choose quantities, and the price is an outcome of what all of them chose.

    p = a − Σ q_j        profit_i = (p − c_i) q_i

A taker produces until price = marginal cost, q = (a − c)/n for equal costs; a manipulator until p − c = q, which gives
the Nash quantity q = (a − c)/(n + 1). The two differ in the task a firm is given, not in the economy.

| symbol | field | meaning | unit |
|---|---|---|---|
| a | `intercept` | price at which nothing is bought | money |
| c_i | `firm.cost` | marginal cost of firm i | money |
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Own, View, trait
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import NoRisk, Process, point
from walras.economy.space import Interval


class FirmOwn(Own):
    """The firm's number."""

    id: Int = trait()


class NothingToSee(View):
    """Every date is like the others."""

    state: Int

    def info(self):
        """The one state of this world."""
        return self.state, ()


class Quantity(Choice):
    """Quantity [goods]."""

    q: Scalar


class Firm(AgentType):
    """Produces at constant marginal cost. `cost` has one entry per firm."""

    cost: Array
    most: Array
    beta: Array
    mass: Array
    risk: Process

    @property
    def identities(self) -> int:
        """One firm per cost."""
        return self.cost.shape[0]

    def birth(self, i, exo):
        """Firm number i."""
        return point(FirmOwn(id=i))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """Nothing is carried on."""
        return FirmOwn()

    def feasible(self, own, view, chosen):
        """0 ≤ q ≤ capacity."""
        return Quantity(Interval(0.0, self.most))

    def payoff(self, own, choice, view, outcome):
        """Profit at the price that came about."""
        return (outcome["p"] - self.cost[own.id]) * choice.q

    def move(self, own, choice, view, outcome):
        """Nothing is carried on."""
        return own

    def holds(self, own):
        """Nothing."""
        return {}

    def does(self, own, choice, view):
        """Quantity."""
        return {"Q": choice.q}


class Cournot(Economy):
    """The economy of the module docstring."""

    firm: Firm
    exogenous: Process
    intercept: Array
    years_per_period: Array

    def timing(self):
        """All firms at once; the price comes about afterwards."""
        return Timing(market={"firm": Move(self.firm, lambda now: NothingToSee(now.exo), self.firm_gets)})

    def market(self):
        """No price is known before the quantities are."""
        return Formula(lambda now: {})

    def firm_gets(self, now):
        """The price."""
        return {"p": self.intercept - now.flows["firm"]["Q"]}

    def accounts(self, now, after):
        """Revenue = price × quantity holds by construction; nothing is stored."""
        return {}

    @classmethod
    def five(cls):
        """Five firms, a = 10, c = 1: price 1 among takers, q = 1.5 and price 2.5 among manipulators."""
        return cls.of([1.0] * 5)

    @classmethod
    def of(cls, costs: list[float]):
        """One firm per marginal cost, a = 10."""
        firm = Firm(jnp.asarray(costs), 10.0, 0.95, float(len(costs)), NoRisk())
        return cls(firm, NoRisk(), 10.0, 1.0)
