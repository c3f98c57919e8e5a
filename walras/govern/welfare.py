"""What a society of unequal people is worth, always in consumption: criteria, consumption equivalents, and their parts.

`worth` of an individual is the constant consumption that is as good as its lifetime (its certainty equivalent). The gain from
one distribution to another splits exactly (Flodén 2001; Bénabou 2002):

    1 + gain = (1 + level) (1 + insurance) (1 + redistribution)

level: average consumption; insurance: average worth over average consumption (what risk costs); redistribution: the equal
worth with the same welfare over average worth (what inequality costs).

    @article{Floden2001, author = {Flod{\\'e}n, Martin}, title = {The Effectiveness of Government Debt and Transfers as Insurance},
      journal = {Journal of Monetary Economics}, volume = {48}, pages = {81--108}, year = {2001}}
"""

import abc
import dataclasses
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.errors import InputError
from walras.economy.preferences import crra

EXISTS = 1e-12
"""Least share of people that counts as somebody."""


class People(eqx.Module):
    """A distribution: lifetime utility a date (1 − β) V, worth [goods], weight (sums to one), and group of each individual."""

    utility: Float[Array, " n"]
    worth: Float[Array, " n"]
    weight: Float[Array, " n"]
    group: Float[Array, " n"] | None = None


class Criterion(eqx.Module):
    """How a society ranks distributions."""

    name: eqx.AbstractClassVar[str]

    @abc.abstractmethod
    def value(self, people: People) -> Array:
        """Social welfare."""

    @abc.abstractmethod
    def check(self, groups: int) -> None:
        """Raise InputError if it is no criterion, or has no bound, for people in so many groups."""


class Utilitarian(Criterion):
    """The average of lifetime utilities."""

    name: ClassVar[str] = "utilitarian"

    def value(self, people):
        """Σ weight utility."""
        return jnp.sum(people.weight * people.utility)

    def check(self, groups):
        """Nothing can be wrong."""


class Rawlsian(Criterion):
    """The worth of whoever is worst off."""

    name: ClassVar[str] = "rawlsian"

    def value(self, people):
        """Least worth among those who exist: rounding puts traces of people where nobody is."""
        return jnp.min(jnp.where(people.weight > EXISTS, people.worth, jnp.inf))

    def check(self, groups):
        """Nothing can be wrong."""


class InequalityAverse(Criterion):
    """Atkinson's: the average of worth^(1−ε)/(1−ε), log at ε = 1; ε = 0 counts worth alone."""

    name: ClassVar[str] = "inequality-averse"
    aversion: float = 1.0

    def value(self, people):
        """Σ weight worth^(1−ε)/(1−ε)."""
        return jnp.sum(people.weight * crra(people.worth, jnp.asarray(self.aversion)))

    def check(self, groups):
        """An aversion is a finite number of at least zero."""
        if not (np.isfinite(self.aversion) and self.aversion >= 0):
            remedy = "Infinite aversion is rawlsian; below zero inequality would be sought without bound."
            raise InputError(
                "aversion to inequality must be finite and at least 0", where=self.name, number=self.aversion, remedy=remedy
            )


class Weighted(Criterion):
    """Utilities weighted by group (the state of own risk), one weight for each, normalised to an average of one."""

    name: ClassVar[str] = "weighted"
    weights: tuple[float, ...] = eqx.field(static=True)

    def value(self, people):
        """Σ weight ω_group utility / Σ weight ω_group."""
        share = people.weight * jnp.asarray(self.weights)[people.group.astype(int)]
        return jnp.sum(share * people.utility) / jnp.sum(share)

    def check(self, groups):
        """As many weights as groups, none negative or infinite, not all zero."""
        w = np.asarray(self.weights, float)
        if len(w) != groups:
            raise InputError(
                f"there are {groups} groups", where=self.name, number=f"{len(w)} weights", remedy="Give one weight to each."
            )
        if not np.all(np.isfinite(w)) or np.any(w < 0) or w.sum() == 0:
            remedy = "With a negative or an infinite weight welfare has no bound."
            raise InputError(
                "weights must be finite, not negative, and not all 0", where=self.name, number=w.tolist(), remedy=remedy
            )


@dataclasses.dataclass(frozen=True)
class Gain:
    """What a change is worth, as shares of consumption for ever: all of it, and its three parts."""

    total: float
    level: float
    insurance: float
    redistribution: float


def equal_worth(criterion: Criterion, people: People, utility_of: Callable[[Array], Array]) -> float:
    """The worth that, given to everybody, is as good as the distribution; `utility_of` a constant consumption."""
    target = float(criterion.value(people))
    worth = np.asarray(people.worth)[np.asarray(people.weight) > EXISTS]
    low, high = float(worth.min()), float(worth.max())
    for _ in range(200):
        middle = 0.5 * (low + high)
        same = jnp.full_like(people.worth, middle)
        value = float(
            criterion.value(People(jnp.broadcast_to(utility_of(middle), same.shape), same, people.weight, people.group))
        )
        low, high = (low, middle) if value >= target else (middle, high)
        if high - low <= 1e-14 * abs(high):
            break
    return 0.5 * (low + high)


@dataclasses.dataclass(frozen=True)
class Appraisal:
    """One equilibrium: social welfare, average consumption, average worth, and the equal worth of it all [goods]."""

    value: float
    consumption: float
    mean_worth: float
    equal_worth: float


def appraise(criterion: Criterion, people: People, consumption: float, utility_of: Callable[[Array], Array]) -> Appraisal:
    """Judge a distribution whose average consumption is `consumption`."""
    mean_worth = float(jnp.sum(people.weight * people.worth))
    return Appraisal(float(criterion.value(people)), consumption, mean_worth, equal_worth(criterion, people, utility_of))


def gain(new: Appraisal, old: Appraisal) -> Gain:
    """From one equilibrium to another; the parts multiply to the total."""
    level = new.consumption / old.consumption
    insurance = (new.mean_worth / new.consumption) / (old.mean_worth / old.consumption)
    redistribution = (new.equal_worth / new.mean_worth) / (old.equal_worth / old.mean_worth)
    return Gain(new.equal_worth / old.equal_worth - 1, level - 1, insurance - 1, redistribution - 1)
