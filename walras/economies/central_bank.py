"""A central bank that follows a Taylor rule: 1 + i' = (1 + ī) (1 + Π)^φ exp(v), set a date ahead."""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Institution, Own, View
from walras.economy.process import Process, point
from walras.economy.space import Interval


class RateOwn(Own):
    """Nominal rate i that was set at the last date [per period]."""

    i: Scalar


class BankView(View):
    """Inflation [per period], surprise of policy v, exogenous state."""

    Pi: Scalar
    v: Scalar
    state: Int

    def info(self):
        """Exogenous state."""
        return self.state, ()


class Rate(Choice):
    """Nominal rate of the next date [per period]."""

    i: Scalar


class Bank(AgentType, Institution):
    """Sets the nominal rate of the next date by its rule."""

    target: Array = parameter("nominal rate at zero inflation", "per period", -1)
    phi: Array = parameter("response to inflation", "–")
    mass: Array = parameter("number of banks", "banks", 0)
    risk: Process

    def birth(self, i, exo):
        """The target."""
        return point(RateOwn(self.target))

    def discount(self, own, view, outcome):
        """It does not optimise."""
        return jnp.ones(())

    def limits(self):
        """Any rate above −1."""
        return RateOwn(Interval(-1.0, jnp.inf))

    def feasible(self, own, view, chosen):
        """Any rate above −1."""
        return Rate(Interval(-1.0, jnp.inf))

    def conduct(self, own, view):
        """The Taylor rule."""
        return Rate((1 + self.target) * (1 + view.Pi) ** self.phi * jnp.exp(view.v) - 1)

    def payoff(self, own, choice, view, outcome):
        """Nothing."""
        return jnp.zeros(())

    def move(self, own, choice, view, outcome):
        """The rate."""
        return own.to(i=choice.i)

    def holds(self, own):
        """The rate of this date."""
        return {"i": own.i}

    def does(self, own, choice, view):
        """The rate of the next."""
        return {"i": choice.i}
