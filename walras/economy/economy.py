"""What an economy is: types, who moves when, how prices come about, and what must always add up.

An economy is a value. Its parameters are array leaves, its methods are equations, and a calibration is a named
constructor.
"""

import abc
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import Array

from walras._core.module import Parameters
from walras.economy.agent import AgentType
from walras.economy.process import Process


def nothing(now) -> tuple:
    """The outcome of a type to which nothing happens after everyone chose."""
    return ()


class Move(NamedTuple):
    """A type's turn: what it sees before choosing, and what it gets after everyone chose."""

    agent: AgentType
    sees: Callable[[Any], Any]
    gets: Callable[[Any], Any] = nothing


_NOBODY: Mapping[str, Move] = MappingProxyType({})


class Timing(NamedTuple):
    """Who moves when. `before`: leaders, prices not yet known; `market`: asked at candidate prices; `after`: followers.

    The order inside each dictionary is the order of moves. Outcomes are settled market, after, then before, so that a
    leader may be paid by what followers achieved.
    """

    before: Mapping[str, Move] = _NOBODY
    market: Mapping[str, Move] = _NOBODY
    after: Mapping[str, Move] = _NOBODY

    def moves(self) -> dict[str, Move]:
        """All moves in the order of turns."""
        return {**self.before, **self.market, **self.after}

    def settles(self) -> dict[str, Move]:
        """All moves in the order in which outcomes are settled."""
        return {**self.market, **self.after, **self.before}


class Formula(NamedTuple):
    """Prices as a formula of stocks (and of leaders' flows)."""

    prices: Callable[[Any], dict[str, Array]]


class Clear(NamedTuple):
    """Prices that set the excess to zero: one unknown with a bracket, or any number with a guess.

    `excess(now)` returns one residual per unknown; `bracket` is a pair of dictionaries of prices, `guess` one. With both, a
    date begins its search at the guess, and a stationary search begins there and stays inside the bracket.
    """

    excess: Callable[[Any], dict[str, Array]]
    bracket: tuple[dict[str, Any], dict[str, Any]] | None = None
    guess: dict[str, Any] | None = None

    @property
    def template(self) -> dict[str, Any]:
        """Some prices, for their names and shapes: the guess, or the lower end of the bracket."""
        if self.guess is not None:
            return self.guess
        assert self.bracket is not None  # one of the two says which prices are sought
        return self.bracket[0]


class Sized(eqx.Module):
    """An economy that can be had with any numbers of individuals of its types."""

    @abc.abstractmethod
    def sized(self, numbers: Mapping[str, int]) -> "Economy":
        """The same economy with so many individuals of the named types; none of a type that it can do without leaves it out.

        Raises:
            InputError: for none of a type that others need.
        """


class Economy(Parameters):
    """An economy. A subclass declares its agent types and parameters as fields, and these methods."""

    years_per_period: eqx.AbstractVar[Array]
    exogenous: eqx.AbstractVar[Process]

    @abc.abstractmethod
    def timing(self) -> Timing:
        """Who moves when."""

    @abc.abstractmethod
    def market(self) -> Formula | Clear:
        """How prices come about."""

    @abc.abstractmethod
    def accounts(self, now, after) -> dict[str, Array]:
        """Identities between this date and the next; every value is zero in every population."""
