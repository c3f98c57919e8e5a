"""A firm among rivals, which brings a quantity or posts a price: the one of `oligopoly`."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Own, ProfitSeeker, trait
from walras.economy.process import NoRisk, Process, point
from walras.economy.space import Interval


class FirmOwn(Own):
    """The firm's number."""

    id: Int = trait()


class Offer(Choice):
    """A quantity [goods] or a price [money]."""

    x: Scalar


class Market(eqx.Module):
    """What comes about: the price (Cournot), the worth of all brands and of none together (Bertrand), the state of demand."""

    price: Scalar
    total: Scalar
    z: Scalar


class Firm(AgentType, ProfitSeeker):
    """Produces at rising marginal cost. `cost` has one entry per firm; `most` is the largest quantity or price."""

    cost: Array = parameter("marginal cost of the first unit", "money", 0)
    slope: Array = parameter("slope of marginal cost", "money per good", 0, closed=True)
    subsidy: Array = parameter("subsidy on every unit", "money")
    most: Array = parameter("largest quantity or price", "goods or money", 0)
    beta: Array = parameter("discount factor", "per period", 0, 1)
    mass: Array = parameter("number of firms", "firms", 0)
    posts: bool = eqx.field(static=True)
    worth: Array = parameter("worth of a good", "money")
    taste: Array = parameter("s.d. of tastes for brands", "money", 0)
    risk: Process = eqx.field(default_factory=NoRisk)

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
        """From 0 to `most`."""
        return Offer(Interval(0.0, self.most))

    def drawn(self, choice):
        """exp((v − p)/μ): what the brand is worth to buyers at its price."""
        return jnp.exp((self.worth - choice.x) / self.taste)

    def payoff(self, own, choice, view, outcome):
        """Profit."""
        cost = self.cost[own.id] - self.subsidy
        if self.posts:
            return (choice.x - cost) * outcome.z * self.drawn(choice) / outcome.total
        return (outcome.price - cost) * choice.x - 0.5 * self.slope * choice.x**2

    def move(self, own, choice, view, outcome):
        """Nothing is carried on."""
        return own

    def holds(self, own):
        """Nothing."""
        return {}

    def does(self, own, choice, view):
        """Quantity Q, worth of the brand A."""
        if self.posts:
            return {"Q": jnp.zeros(()), "A": self.drawn(choice)}
        return {"Q": choice.x, "A": jnp.zeros(())}
