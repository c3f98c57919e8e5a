"""A bandit with a context and two choices at once: which arm, and how hard to pull it.

    payoff = value[kind, arm] − (x − best[kind])²       kind: a trait, arm ∈ {0, 1, 2}, x ∈ [0, 1]

Nothing is carried on and nobody matters to anybody else: the best arm and the best x of each kind can be read off.
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Own, View, trait
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import Distribution, NoRisk, Process
from walras.economy.space import Discrete, Interval


class PlayerOwn(Own):
    """The player's kind."""

    kind: Int = trait()


class NothingToSee(View):
    """Every date is like the others."""

    state: Int

    def info(self):
        """The one state of this world."""
        return self.state, ()


class Pull(Choice):
    """Which arm, and how hard."""

    arm: Scalar
    x: Scalar


class Player(AgentType):
    """Pulls an arm. `value` (kinds, arms), `best` (kinds,)."""

    value: Array
    best: Array
    beta: Array
    mass: Array
    risk: Process

    def birth(self, i, exo):
        """Kinds are equally frequent."""
        kinds = self.best.shape[0]
        return Distribution(PlayerOwn(kind=jnp.arange(kinds)), jnp.full(kinds, 1.0 / kinds))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """Nothing is carried on."""
        return PlayerOwn()

    def feasible(self, own, view, chosen):
        """Three arms; between 0 and 1."""
        return Pull(Discrete(jnp.arange(3.0)), Interval(0.0, 1.0))

    def payoff(self, own, choice, view, outcome):
        """See the module."""
        return self.value[own.kind, choice.arm.astype(int)] - (choice.x - self.best[own.kind]) ** 2

    def move(self, own, choice, view, outcome):
        """Nothing is carried on."""
        return own

    def holds(self, own):
        """Nothing."""
        return {}

    def does(self, own, choice, view):
        """How hard they pull."""
        return {"x": choice.x}


class Bandit(Economy):
    """The economy of the module docstring."""

    player: Player
    exogenous: Process
    years_per_period: Array

    def timing(self):
        """Everybody at once."""
        return Timing(market={"player": Move(self.player, lambda now: NothingToSee(now.exo))})

    def market(self):
        """No price."""
        return Formula(lambda now: {})

    def accounts(self, now, after):
        """Nothing is stored."""
        return {}

    @classmethod
    def two_kinds(cls):
        """Kind 0 is best off with arm 2 at x = .2, kind 1 with arm 0 at x = .7."""
        value = jnp.asarray([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]])
        return cls(Player(value, [0.2, 0.7], 0.5, 1.0, NoRisk()), NoRisk(), 1.0)
