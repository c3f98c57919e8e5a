"""The linear-quadratic regulator: the dynamic problem whose best rule is one number.

max −E Σ βᵗ (q x² + r u²)     y = a x + σ e     x' = y + b u     e = ±1, known before u is chosen

u = −G y    G = β b P/(r + β b² P)    P = q + a² β P r/(r + β b² P)       (Riccati)
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Own, View, risk
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import Chain, NoRisk, Process
from walras.economy.space import Interval

WIDTH = 5.0
"""The control lies between minus this and this."""


class PlantOwn(Own):
    """Position x and shock e."""

    x: Scalar
    e: Int = risk()


class NothingToSee(View):
    """Every date is like the others."""

    state: Int

    def info(self):
        """The one state of this world."""
        return self.state, ()


class Control(Choice):
    """The control u."""

    u: Scalar


class Plant(AgentType):
    """Keeps x near zero."""

    q: Array
    r: Array
    a: Array
    b: Array
    sigma: Array
    beta: Array
    mass: Array
    risk: Process

    def gain(self) -> float:
        """G, by iterating on the Riccati equation."""
        q, r, a, b, beta = (float(x) for x in (self.q, self.r, self.a, self.b, self.beta))
        P = q
        for _ in range(10_000):
            P = q + a**2 * beta * P * r / (r + beta * b**2 * P)
        return beta * b * P / (r + beta * b**2 * P)

    def birth(self, i, exo):
        """At x = 1."""
        return self.risk.start(exo).map(lambda e: PlantOwn(jnp.asarray(1.0), e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """Everywhere."""
        return PlantOwn(Interval(-jnp.inf, jnp.inf))

    def drift(self, own):
        """y."""
        return self.a * own.x + self.sigma * self.risk.value(own.e)

    def feasible(self, own, view, chosen):
        """|u| ≤ 5."""
        return Control(Interval(-WIDTH, WIDTH))

    def payoff(self, own, choice, view, outcome):
        """−q x² − r u²."""
        return -self.q * own.x**2 - self.r * choice.u**2

    def move(self, own, choice, view, outcome):
        """x' = y + b u."""
        return own.to(x=self.drift(own) + self.b * choice.u)

    def holds(self, own):
        """x."""
        return {"x": own.x}

    def does(self, own, choice, view):
        """u."""
        return {"u": choice.u}


class Regulator(Economy):
    """The economy of the module docstring."""

    plant: Plant
    exogenous: Process
    years_per_period: Array

    def timing(self):
        """Everybody at once."""
        return Timing(market={"plant": Move(self.plant, lambda now: NothingToSee(now.exo))})

    def market(self):
        """No price."""
        return Formula(lambda now: {})

    def accounts(self, now, after):
        """Nothing is exchanged."""
        return {}

    @classmethod
    def drifting(cls):
        """q = 1, r = .5, a = .8, b = 1, σ = .5, β = .9."""
        chance = Chain([-1.0, 1.0], np.full((2, 2), 0.5))
        return cls(Plant(1.0, 0.5, 0.8, 1.0, 0.5, 0.9, 1.0, chance), NoRisk(), 1.0)
