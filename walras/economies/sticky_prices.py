"""Firms that set prices at a cost (Rotemberg 1982).

    max E Σ (Π_{s≤t} 1/R_s) Y (x^(1−ε) − mc x^(−ε) − θ/2 (g − 1)²)    x = x₋₁ g/(1 + Π)

g is the growth of the own price, Π everybody's inflation, x the relative price, R = (1 + i)/(1 + Π) the real return. For a
firm like all others (x = 1, g = 1 + Π) the first-order condition is the Phillips curve

    Π (1 + Π) = ε/θ (mc − (ε − 1)/ε) + E[ (Y'/Y) Π' (1 + Π')/R' ]
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Invertible, Own, ProfitSeeker, View
from walras.economy.process import Process, point
from walras.economy.space import Interval


class PriceOwn(Own):
    """Relative price x after the last date."""

    x: Scalar


class FirmView(View):
    """Real marginal cost, output [goods], gross nominal rate, moment of wealth, exogenous state."""

    mc: Scalar
    Y: Scalar
    gross: Scalar
    h: Scalar
    state: Int

    def info(self):
        """Exogenous state; gross nominal rate and moment of wealth."""
        return self.state, (self.gross, self.h)


class Price(Choice):
    """Gross growth g of the own price."""

    g: Scalar


class Firm(AgentType, Invertible, ProfitSeeker):
    """Sets its price against a cost of changing it; its owners discount at the real return."""

    epsilon: Array = parameter("elasticity of demand", "–", 1)
    theta: Array = parameter("cost of changing prices", "–", 0)
    mass: Array = parameter("mass of firms", "firms", 0)
    risk: Process

    def birth(self, i, exo):
        """All prices alike."""
        return point(PriceOwn(1.0))

    def discount(self, own, view, outcome):
        """1/R = (1 + Π)/(1 + i)."""
        return (1 + outcome["Pi"]) / view.gross

    def limits(self):
        """Prices are positive."""
        return PriceOwn(Interval(0.0, jnp.inf))

    def feasible(self, own, view, chosen):
        """Growth within a half."""
        return Price(Interval(0.5, 1.5))

    def payoff(self, own, choice, view, outcome):
        """Y (x^(1−ε) − mc x^(−ε) − θ/2 (g − 1)²)."""
        x = self.move(own, choice, view, outcome).x
        return view.Y * (x ** (1 - self.epsilon) - view.mc * x ** (-self.epsilon) - self.theta / 2 * (choice.g - 1) ** 2)

    def move(self, own, choice, view, outcome):
        """x = x₋₁ g/(1 + Π)."""
        return own.to(x=own.x * choice.g / (1 + outcome["Pi"]))

    def holds(self, own):
        """Nothing."""
        return {}

    def does(self, own, choice, view):
        """Inflation, and the cost of changing prices as a share of output."""
        return {"Pi": choice.g - 1, "cost": self.theta / 2 * (choice.g - 1) ** 2}

    def invert(self, W, own, view, outcome, next_own):
        """θ Y g (g − 1) = x (Y d/dx[x^(1−ε) − mc x^(−ε)] + W), a quadratic in g; then the move for x₋₁."""
        x = next_own.x
        slope = (1 - self.epsilon) * x ** (-self.epsilon) + self.epsilon * view.mc * x ** (-self.epsilon - 1)
        g = 0.5 + jnp.sqrt(jnp.maximum(0.25 + x * (slope + W / view.Y) / self.theta, 0.0))
        return Price(g), own.to(x=x * (1 + outcome["Pi"]) / g)
