"""What an agent type is: everything ONE individual holds, may do, enjoys and becomes.

Every method is abstract and written for a single individual. Nothing here has a batch axis and nothing is summed: the
populations and the core do that. Optional capabilities are small second classes (`Invertible`, `Mortal`), mixed in.
"""

import abc
import dataclasses
from typing import Any, ClassVar

import equinox as eqx
from jaxtyping import Array

from walras._core.module import Parameters
from walras.economy.process import Distribution, Process

_KIND = "walras.kind"


def risk() -> Any:
    """Marks the field of `Own` that the type's risk process moves (at most one)."""
    return eqx.field(default=None, kw_only=True, metadata={_KIND: "risk"})


def trait() -> Any:
    """Marks a field of `Own` that never moves."""
    return eqx.field(default=None, kw_only=True, metadata={_KIND: "trait"})


class Own(eqx.Module):
    """An individual's own state. Fields are endogenous unless marked `risk()` or `trait()`."""

    def to(self, **endogenous):
        """The same individual with new endogenous fields."""
        return dataclasses.replace(self, **endogenous)

    @classmethod
    def endogenous(cls) -> tuple[str, ...]:
        """Names of the endogenous fields."""
        return tuple(f.name for f in dataclasses.fields(cls) if _KIND not in f.metadata)

    @classmethod
    def risk_field(cls) -> str | None:
        """Name of the exogenous field, None where there is none."""
        return next((f.name for f in dataclasses.fields(cls) if f.metadata.get(_KIND) == "risk"), None)

    @classmethod
    def traits(cls) -> tuple[str, ...]:
        """Names of the fields that never move."""
        return tuple(f.name for f in dataclasses.fields(cls) if f.metadata.get(_KIND) == "trait")


class View(eqx.Module):
    """What an individual knows before choosing. `scaled`: its coordinates are of order one as they are."""

    scaled: ClassVar[bool] = False

    @abc.abstractmethod
    def info(self) -> tuple[Array, tuple[Array, ...]]:
        """(index, coordinates): what rules condition on and beliefs forecast; other fields only enter equations."""

    def ahead(self) -> tuple[Array | None, ...]:
        """The coordinates of the next date that are settled already; None (or left out) for those still to be forecast."""
        return ()

    def bounded(self) -> tuple[tuple[Array, Array] | None, ...]:
        """(smallest value, what it would be without that bound) of each coordinate of this date; None where it has no bound.

        A law forecasts what would be, which is smooth, and bounds the forecast. Empty: no coordinate has a bound.
        """
        return ()


class Choice(eqx.Module):
    """What an individual decides. Fields are filled in the order in which they are declared.

    `amounts`: whether choices are amounts, nearly linear in the own stock, as consumption is. A share of cash is none: tables
    then take smooth curves between nodes, and first-order conditions carry the next stock instead of the share.
    """

    amounts: ClassVar[bool] = True


class AgentType(Parameters):
    """One kind of individual. A subclass declares `mass`, `risk` and its parameters as fields, and these methods."""

    mass: eqx.AbstractVar[Array]
    risk: eqx.AbstractVar[Process]

    @abc.abstractmethod
    def birth(self, i, exo) -> Distribution:
        """Distribution of `Own` for a new individual; `i` is its number in a finite population."""

    @abc.abstractmethod
    def discount(self, own, view, outcome) -> Array:
        """Discount factor between the date before and this one, given the own state, view and outcome of this one."""

    @abc.abstractmethod
    def limits(self) -> Own:
        """`Own` with an `Interval` in each endogenous field: limits on next stocks, and the floor of a grid."""

    @abc.abstractmethod
    def feasible(self, own, view, chosen: dict) -> Choice:
        """The choice with spaces as fields; each may read `chosen`, the fields before it."""

    @abc.abstractmethod
    def payoff(self, own, choice, view, outcome) -> Array:
        """Payoff of this date."""

    @abc.abstractmethod
    def move(self, own, choice, view, outcome) -> Own:
        """`own.to(...)`: the endogenous part of the next own state."""

    @abc.abstractmethod
    def holds(self, own) -> dict[str, Array]:
        """This individual's part of the economy's stocks."""

    @abc.abstractmethod
    def does(self, own, choice, view) -> dict[str, Array]:
        """This individual's part of the flows: what is asked for, before any rationing."""


class Invertible(eqx.Module):
    """A type that can solve its first-order conditions backwards in closed form."""

    @abc.abstractmethod
    def invert(self, W, own, view, outcome, next_own) -> tuple[Choice, Own]:
        """Choices and present own state at which the discounted expected marginal value of the next stock is W.

        `own` gives the risk state and the traits; its endogenous part is ignored. `next_own` is the next stock.
        """


class Mortal(eqx.Module):
    """A type whose individuals may die between two dates; the dead are replaced by births."""

    @abc.abstractmethod
    def survives(self, own, view, outcome) -> Array:
        """Probability of living on to the next date."""


class Institution(eqx.Module):
    """A type that does not optimise, such as a central bank: it acts by a formula of its own unless it is given a learner."""

    @abc.abstractmethod
    def conduct(self, own, view) -> Choice:
        """What it chooses."""


class ProfitSeeker(eqx.Module):
    """Marks a type whose payoff is money: gains are measured in shares of its payoff, not of its consumption."""
