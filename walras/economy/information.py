"""Information by name: prices alone or with the exogenous state, lags, moments of a cross-section, shares of people.

What is seen is given by names, never by functions, so that a rule that carries it can be saved and read again. One
information may build on another, the view's where nothing is said:

    Prices(("r", "w"))                                      two prices and nothing else
    Prices(("r",), state=True)                              one price and the exogenous state
    Lags(("r",), 2, seen=Prices(("r",)))                    the price and its last two values
    Moments("household", ("mean_log",))                     what the view says, and a moment of everybody's stocks
    Shares("household", (1.0, 5.0))                         the same with the shares of people below 1 and from 1 to 5

Moments and shares are not public: they declare it (`full`). Where the exogenous state is not seen the index is 0.

    @techreport{yang2025structural, title={Structural Reinforcement Learning for Heterogeneous Agent Macroeconomics},
      author={Yang, Yucheng and Wang, Chiyuan and Schaab, Andreas and Moll, Benjamin}, year={2025}}
"""

import abc
import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.errors import InputError, UnknownName
from walras.economy.rule import Information, ViewInformation

MOMENTS = ("mean", "variance", "mean_log")
"""Names of moments: mean and variance of the own stock s, and the mean of log(1 + s − low)."""


class Named(Information):
    """Information given by names."""

    @abc.abstractmethod
    def sees_state(self) -> bool:
        """Whether the index is the exogenous state; else it is 0 at every date."""

    @abc.abstractmethod
    def seeing(self) -> "Information":
        """The same information and the exogenous state."""

    @abc.abstractmethod
    def levels(self) -> int:
        """How many coordinates, counted from the last, are read as they are: they may be zero or negative."""


def sees_state(information: Information) -> bool:
    """Whether the index of an information is the exogenous state."""
    return information.sees_state() if isinstance(information, Named) else True


def seeing(information: Information) -> Information:
    """The information and the exogenous state."""
    return information.seeing() if isinstance(information, Named) else information


def in_logs(information: Information, coordinates) -> tuple[bool, ...]:
    """Which coordinates a table reads in logs: those that are positive, unless the information says otherwise."""
    logs = len(coordinates) - (information.levels() if isinstance(information, Named) else 0)
    return tuple(number < logs and float(c) > 0 for number, c in enumerate(coordinates))


class Prices(Named):
    """Named numbers of the type's view, or of the economy's prices where the view has none of that name; nothing else.

    Raises:
        UnknownName: when it is first read, for a name that neither has.
    """

    fields: tuple[str, ...] = eqx.field(static=True)
    state: bool = eqx.field(static=True, default=False)
    full: bool = eqx.field(static=True, default=False)

    def sees_state(self) -> bool:
        """As `state` says."""
        return self.state

    def seeing(self) -> "Prices":
        """The same numbers and the exogenous state."""
        return dataclasses.replace(self, state=True)

    def levels(self) -> int:
        """All: a rate may be negative."""
        return len(self.fields)

    def start(self) -> tuple:
        """Nothing is remembered."""
        return ()

    def step(self, memory, now) -> tuple:
        """Nothing is remembered."""
        return ()

    def read(self, memory, view, now):
        """(exogenous state or 0, the named numbers)."""
        index = jnp.asarray(view.info()[0])
        known = {**public_numbers(now), **view_numbers(view)}
        return index if self.state else jnp.zeros_like(index), tuple(_named(f, known) for f in self.fields)


class Lags(Named):
    """What is seen, and the last `lags` values of named public numbers (prices, or `type.stock`), newest first.

    Where fewer dates have passed, today's value stands in. There are lags × fields coordinates more.
    """

    fields: tuple[str, ...] = eqx.field(static=True)
    lags: int = eqx.field(static=True)
    seen: Information = eqx.field(default_factory=ViewInformation)

    @property
    def full(self) -> bool:
        """As what is seen: lags themselves are public."""
        return self.seen.full

    def sees_state(self) -> bool:
        """As what is seen."""
        return sees_state(self.seen)

    def seeing(self) -> "Lags":
        """The same lags and the exogenous state."""
        return dataclasses.replace(self, seen=seeing(self.seen))

    def levels(self) -> int:
        """The lags, and those of what is seen."""
        return self.lags * len(self.fields) + _levels(self.seen)

    def start(self) -> tuple:
        """(memory of what is seen, dates passed, values (lags, fields))."""
        return self.seen.start(), jnp.zeros((), jnp.int64), jnp.zeros((self.lags, len(self.fields)))

    def _today(self, now) -> Array:
        known = public_numbers(now)
        return jnp.stack([jnp.asarray(_named(f, known), float) for f in self.fields])

    def step(self, memory, now) -> tuple:
        """Today's values first."""
        before, dates, past = memory
        return self.seen.step(before, now), dates + 1, jnp.concatenate([self._today(now)[None], past[:-1]])

    def read(self, memory, view, now):
        """(index, coordinates of what is seen and the lags, those of one date together)."""
        before, dates, past = memory
        index, coordinates = self.seen.read(before, view, now)
        past = jnp.where((jnp.arange(self.lags) < dates)[:, None], past, self._today(now))
        return index, (*coordinates, *past.reshape(-1))


class OfPeople(Named):
    """What is seen, and numbers of the cross-section of one type: declared, since it is not public."""

    who: eqx.AbstractVar[str]
    seen: eqx.AbstractVar[Information]

    @abc.abstractmethod
    def numbers(self, cross) -> tuple[Array, ...]:
        """The numbers of a realised cross-section, whose weights sum to one."""

    def sees_state(self) -> bool:
        """As what is seen."""
        return sees_state(self.seen)

    def seeing(self) -> "OfPeople":
        """The same numbers and the exogenous state."""
        return dataclasses.replace(self, seen=seeing(self.seen))

    def start(self) -> Any:
        """As what is seen."""
        return self.seen.start()

    def step(self, memory, now) -> Any:
        """As what is seen."""
        return self.seen.step(memory, _record(self.seen, now))

    def read(self, memory, view, now):
        """(index, coordinates of what is seen and the numbers)."""
        index, coordinates = self.seen.read(memory, view, _record(self.seen, now))
        return index, (*coordinates, *self.numbers(_cross(self.who, now)))


class Moments(OfPeople):
    """What is seen, and named moments (`MOMENTS`) of the first endogenous stock of one type's people.

    `low` is the limit of the stock, which `mean_log` counts from.

    Raises:
        UnknownName: for a moment of another name.
    """

    who: str = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    low: float = eqx.field(static=True, default=0.0)
    seen: Information = eqx.field(default_factory=ViewInformation)
    full: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        for name in self.names:
            if name not in MOMENTS:
                raise UnknownName("moment", name, MOMENTS, where=f"information of {self.who}")

    def levels(self) -> int:
        """The moments, and those of what is seen."""
        return len(self.names) + _levels(self.seen)

    def numbers(self, cross):
        """The moments."""
        return tuple(moment(name, cross, self.low) for name in self.names)


class Shares(OfPeople):
    """What is seen, and the shares of one type's people in bins of the first endogenous stock: the cross-section, coarsely.

    The bins end at the ascending `edges`; the share above the last follows from the others and is left out.

    Raises:
        InputError: if the edges do not ascend.
    """

    who: str = eqx.field(static=True)
    edges: tuple[float, ...] = eqx.field(static=True)
    seen: Information = eqx.field(default_factory=ViewInformation)
    full: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        if list(self.edges) != sorted(set(self.edges)):
            raise InputError("edges of bins must ascend", where=f"information of {self.who}", number=self.edges)

    def levels(self) -> int:
        """The shares, and those of what is seen."""
        return len(self.edges) + _levels(self.seen)

    def numbers(self, cross):
        """Shares in the bins."""
        below = jnp.stack([jnp.sum(jnp.where(_stock(cross) < edge, cross.weight, 0.0)) for edge in self.edges])
        return tuple(jnp.diff(below, prepend=0.0))


def moment(name: str, cross, low=0.0) -> Array:
    """A moment (`MOMENTS`) of the first endogenous stock of a realised cross-section, whose weights sum to one."""
    stock = _stock(cross)
    if name == "mean_log":
        # A sampled stock may lie below its limit by rounding.
        return cross.weight @ jnp.log1p(jnp.maximum(stock - low, 0.0))
    mean = cross.weight @ stock
    return mean if name == "mean" else cross.weight @ (stock - mean) ** 2


def view_numbers(view) -> dict[str, Array]:
    """The real numbers of a view by field."""
    return {f.name: x for f in dataclasses.fields(view) if _is_number(x := getattr(view, f.name))}


def public_numbers(now) -> dict[str, Array]:
    """The real numbers among prices, by name, and stocks, by `type.stock`."""
    prices = now.prices if isinstance(now.prices, dict) else {}
    stocks = {f"{who}.{name}": x for who, held in now.stocks.items() for name, x in held.items()}
    return {name: x for name, x in {**stocks, **prices}.items() if _is_number(x)}


def _is_number(x) -> bool:
    return eqx.is_inexact_array(x) and x.ndim == 0


def _named(name: str, known: dict[str, Array]) -> Array:
    if name not in known:
        raise UnknownName("number that a type sees", name, known, where="information")
    return known[name]


def _cross(who: str, now):
    if who not in now.cross:
        raise UnknownName("agent type", who, now.cross, where="information")
    return now.cross[who]


def _stock(cross) -> Array:
    return getattr(cross.own, type(cross.own).endogenous()[0])


def _levels(information: Information) -> int:
    return information.levels() if isinstance(information, Named) else 0


def _record(seen: Information, now):
    """What another information may read of a full record."""
    return now if seen.full else now.public()
