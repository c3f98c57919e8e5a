"""A consumer where prices and wages are posted: buys with the money it has, works for the firms it likes.

    u = Σ_i ((c_i + 1)^(1−η) − 1)/(1 − η) − h θ θ_j Σ_i l_i     θ_j = (1 − j/N)^(1/s)
    m' = (1 + r)(m − Σ_i p_i c_i + (1 − τ) Σ_i w_i l_i + rebate + gift)

What is asked for is cut in proportion to what the money pays; c and l are what was served and taken on (`posted_prices`).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.posted_view import Menu
from walras.economy.agent import AgentType, Choice, Mortal, Own, trait
from walras.economy.preferences import crra
from walras.economy.process import Process, point
from walras.economy.space import Discrete, Interval


class ConsumerOwn(Own):
    """Money m; disutility of hours relative to the first consumer's."""

    m: Scalar
    theta: Scalar = trait()


class Basket(Choice):
    """Goods asked for by firm, hours, employer."""

    goods: Array
    hours: Scalar
    employer: Int


class Offers(Choice):
    """Goods asked for and hours offered, both by firm."""

    goods: Array
    hours: Array


class BasketGrid(Menu):
    """Consumers: one demand for each good, hours, one employer."""

    demands: Array = parameter("quantities of a good that may be asked for", "goods", 0, closed=True)
    hours: Array = parameter("hours that may be offered", "hours per quarter", 0, closed=True)

    def spaces(self, firms):
        """The grids."""
        return Basket(Discrete(self.demands, firms), Discrete(self.hours), Discrete(jnp.arange(firms)))

    def read(self, choice, firms):
        """All hours go to the employer."""
        return choice.goods, choice.hours * jax.nn.one_hot(choice.employer, firms, dtype=choice.hours.dtype)


class BasketIntervals(Menu):
    """Consumers: any quantity of each good, any division of their time."""

    most_goods: Array = parameter("most of a good that may be asked for", "goods", 0)
    most_hours: Array = parameter("hours of a consumer", "hours per quarter", 0)

    def spaces(self, firms):
        """Intervals by firm."""
        zero = jnp.zeros(firms, self.most_goods.dtype)
        return Offers(Interval(zero, zero + self.most_goods), Interval(zero, zero + self.most_hours))

    def read(self, choice, firms):
        """Hours are cut in proportion where they are more than there are."""
        wanted = jnp.sum(choice.hours)
        return choice.goods, choice.hours * jnp.minimum(1.0, self.most_hours / jnp.maximum(wanted, self.most_hours))


class Consumer(AgentType, Mortal):
    """Buys with the money it has, works for the firms it likes."""

    menu: Menu
    eta: Array = parameter("curvature of utility", "–", 0)
    theta: Array = parameter("disutility of an hour of the first consumer", "utility per hour", 0, closed=True)
    pareto: Array = parameter("shape of the disutilities", "–", 0)
    hours_weight: Array = parameter("factor on the disutility of hours", "–", 0, closed=True)
    interest: Array = parameter("interest on money", "per quarter", 0, closed=True)
    gift: Array = parameter("paid to everybody each quarter", "money", 0, closed=True)
    m_birth: Array = parameter("opening money", "money", 0, closed=True)
    beta: Array = parameter("discount factor", "per quarter", 0, 1)
    mass: Array = parameter("number of consumers", "consumers", 0)
    n: int = eqx.field(static=True)
    firms: int = eqx.field(static=True)
    risk: Process

    @property
    def identities(self) -> int:
        """Each consumer has a disutility of its own."""
        return self.n

    def birth(self, i, exo):
        """Consumer number i."""
        return point(ConsumerOwn(self.m_birth, theta=(1 - i / self.mass) ** (1 / self.pareto)))

    def discount(self, own, view, outcome):
        """β; nothing is carried over into another episode."""
        return self.beta * (1 - view.first)

    def survives(self, own, view, outcome):
        """Until the episode ends."""
        return 1 - view.last

    def limits(self):
        """Nobody lends."""
        return ConsumerOwn(Interval(0.0, jnp.inf))

    def feasible(self, own, view, chosen):
        """As on the menu; what cannot be paid is cut in `asks`."""
        return self.menu.spaces(self.firms)

    def asks(self, own, choice, view):
        """(goods asked for, cut in proportion to what the money pays; hours offered), by firm."""
        goods, hours = self.menu.read(choice, self.firms)
        cost = jnp.sum(view.p * goods)
        return goods * jnp.where(cost > own.m, jnp.maximum(own.m, 0.0) / jnp.where(cost > 0, cost, 1.0), 1.0), hours

    def payoff(self, own, choice, view, outcome):
        """Goods as served, less hours as taken on."""
        goods, hours = self.asks(own, choice, view)
        toil = self.hours_weight * self.theta * own.theta * jnp.sum(hours * outcome["taken"])
        return jnp.sum(crra(goods * outcome["served"] + 1, self.eta)) - toil

    def move(self, own, choice, view, outcome):
        """Money less what was bought, plus what was earned."""
        goods, hours = self.asks(own, choice, view)
        paid, earned = jnp.sum(view.p * goods * outcome["served"]), jnp.sum(view.w * hours * outcome["taken"])
        m = own.m - paid + (1 - view.tau) * earned + outcome["rebate"] + self.gift
        return own.to(m=m * (1 + self.interest))

    def holds(self, own):
        """Money."""
        return {"m": own.m}

    def does(self, own, choice, view):
        """Goods asked for and hours offered, by firm."""
        goods, hours = self.asks(own, choice, view)
        return {"goods": goods, "hours": hours}
