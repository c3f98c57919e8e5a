"""A government that sees the aggregates of the date and sets its tax rates by rules that it announced.

It acts before markets do, and is believed: households know its rules and foresee what they will do.
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.fiscal_rules import RateRule
from walras.economy.agent import AgentType, Choice, Institution, Own, View
from walras.economy.process import Process, point
from walras.economy.space import Interval


class LastRate(Own):
    """Tax rate on labour income at the last date."""

    tau_n: Scalar


class AggregateView(View):
    """Productivity z, capital K, dispersion of earnings H; exogenous state."""

    z: Scalar
    K: Scalar
    H: Scalar
    state: Int

    def info(self):
        """Exogenous state, capital, dispersion of earnings."""
        return self.state, (self.K, self.H)


class Rates(Choice):
    """Tax rates on labour and on capital income."""

    tau_n: Scalar
    tau_k: Scalar


class Government(AgentType, Institution):
    """Sets its rates by its rules."""

    labour: RateRule
    capital: RateRule
    usual_K: Array = parameter("capital at which rates are at their level", "goods", 0)
    usual_H: Array = parameter("dispersion of earnings at which rates are at their level", "–", 0)
    mass: Array = parameter("number of governments", "governments", 0)
    risk: Process

    def birth(self, i, exo):
        """The level."""
        return point(LastRate(self.labour(jnp.zeros(3))))

    def discount(self, own, view, outcome):
        """It does not optimise."""
        return jnp.ones(())

    def limits(self):
        """Any rate."""
        return LastRate(Interval(-1.0, jnp.inf))

    def feasible(self, own, view, chosen):
        """Rates below one."""
        return Rates(Interval(-1.0, 1.0), Interval(-1.0, 1.0))

    def conduct(self, own, view):
        """Both rules."""
        x = jnp.stack([jnp.log(view.z), jnp.log(view.K / self.usual_K), jnp.log(view.H / self.usual_H)])
        return Rates(self.labour(x), self.capital(x))

    def payoff(self, own, choice, view, outcome):
        """Nothing."""
        return jnp.zeros(())

    def move(self, own, choice, view, outcome):
        """The rate."""
        return own.to(tau_n=choice.tau_n)

    def holds(self, own):
        """Nothing."""
        return {}

    def does(self, own, choice, view):
        """The rates."""
        return {"tau_n": choice.tau_n, "tau_k": choice.tau_k}
