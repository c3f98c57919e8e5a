"""A government that taxes wages and profits with notice, pays everything back at once, and is paid welfare."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Scalar
from walras.economies.posted_view import Menu, check_bounds, joint, within
from walras.economy.agent import AgentType, Choice, Mortal, Own
from walras.economy.process import Process, point
from walras.economy.space import Discrete, Interval


class GovernmentOwn(Own):
    """Tax rates of this date, announced at the last."""

    tau: Scalar
    sigma: Scalar


class Announcement(Choice):
    """Tax rates on wages and on profits of the next date, shape (2,)."""

    rates: Array


class RateGrid(Menu):
    """A government: both rates jointly.

    Raises:
        InputError: if the bounds hold no rate of the grid.
    """

    rates: Array = parameter("tax rates that may be announced", "–", 0, 1, closed=True)
    tau_high: Array = parameter("highest tax on wages admitted", "–", 0, 1, closed=True)
    sigma_high: Array = parameter("highest tax on profits admitted", "–", 0, 1, closed=True)

    def __check_init__(self):
        for high in (self.tau_high, self.sigma_high):
            check_bounds("no rate of the grid", self.rates, 0.0, high)

    def spaces(self, firms):
        """All pairs within the bounds."""
        pairs, low = joint(self.rates, self.rates), jnp.zeros_like(self.tau_high)
        return Announcement(Discrete(pairs, 0, within(pairs, (low, low), (self.tau_high, self.sigma_high))))

    def read(self, choice, firms):
        """Both."""
        return choice.rates[0], choice.rates[1]


class RateIntervals(Menu):
    """A government: any rates within the bounds."""

    tau_high: Array = parameter("highest tax on wages admitted", "–", 0, 1, closed=True)
    sigma_high: Array = parameter("highest tax on profits admitted", "–", 0, 1, closed=True)

    def spaces(self, firms):
        """Intervals."""
        high = jnp.stack([self.tau_high, self.sigma_high])
        return Announcement(Interval(jnp.zeros_like(high), high))

    def read(self, choice, firms):
        """Both."""
        return choice.rates[0], choice.rates[1]


class Government(AgentType, Mortal):
    """Taxes wages and profits with notice and pays everything back. It is paid the consumers' payoffs, and a part of the firms'."""

    menu: Menu
    firm_weight: Array = parameter("weight of profits in welfare", "utility per money", 0, closed=True)
    tau_birth: Array = parameter("first tax rate on wages", "–", 0, 1, closed=True)
    sigma_birth: Array = parameter("first tax rate on profits", "–", 0, 1, closed=True)
    beta: Array = parameter("discount factor", "per quarter", 0, 1)
    mass: Array = parameter("number of governments", "governments", 0)
    firms: int = eqx.field(static=True)
    risk: Process

    @property
    def identities(self) -> int:
        """There is one."""
        return 1

    def birth(self, i, exo):
        """First rates."""
        return point(GovernmentOwn(self.tau_birth, self.sigma_birth))

    def discount(self, own, view, outcome):
        """β; nothing is carried over into another episode."""
        return self.beta * (1 - view.first)

    def survives(self, own, view, outcome):
        """Until the episode ends."""
        return 1 - view.last

    def limits(self):
        """Rates are shares."""
        return GovernmentOwn(Interval(0.0, 1.0), Interval(0.0, 1.0))

    def feasible(self, own, view, chosen):
        """As on the menu."""
        return self.menu.spaces(self.firms)

    def payoff(self, own, choice, view, outcome):
        """Welfare."""
        return outcome["welfare"]

    def move(self, own, choice, view, outcome):
        """The announcement."""
        tau, sigma = self.menu.read(choice, self.firms)
        return own.to(tau=tau, sigma=sigma)

    def holds(self, own):
        """Both rates."""
        return {"tau": own.tau, "sigma": own.sigma}

    def does(self, own, choice, view):
        """Nothing at this date."""
        return {}
