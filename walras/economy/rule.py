"""Decision rules and what they condition on.

A rule is a pure function of (own state, view, information) into the feasible set. It carries its information, because
without it it can neither be simulated nor saved. Learners make rules; everything else consumes them.
"""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import as_parameter
from walras.economy.agent import Choice, Institution


class Information(eqx.Module):
    """What a type conditions on, common to all its individuals.

    `read` runs inside the market's root, at candidate prices; `step` once a date, on settled ones. The memory is kept
    in the economy's state. An individual's own history is own state, not information.
    """

    full: eqx.AbstractVar[bool]

    @abc.abstractmethod
    def start(self) -> Any:
        """The first memory."""

    @abc.abstractmethod
    def step(self, memory, now) -> Any:
        """The memory of the next date."""

    @abc.abstractmethod
    def read(self, memory, view, now) -> tuple[Array, tuple[Array, ...]]:
        """(index, coordinates) for this date. `now` is the public record unless the information is full."""


class ViewInformation(Information):
    """The default: exactly what the economy's `View.info` says."""

    full: bool = eqx.field(static=True, default=False)

    def start(self) -> tuple:
        """Nothing is remembered."""
        return ()

    def step(self, memory, now) -> tuple:
        """Nothing is remembered."""
        return ()

    def read(self, memory, view, now):
        """`view.info()`."""
        return view.info()


class LaggedInformation(Information):
    """The view's information and the last `lags` values of one public number."""

    observe: Callable = eqx.field(static=True)
    lags: int = eqx.field(static=True)
    initial: Array = eqx.field(converter=as_parameter)
    full: bool = eqx.field(static=True, default=False)

    def start(self) -> Array:
        """The initial value, `lags` times."""
        return jnp.full((self.lags,), self.initial)

    def step(self, memory, now) -> Array:
        """Today's value first."""
        return jnp.concatenate([jnp.asarray(self.observe(now), memory.dtype)[None], memory[:-1]])

    def read(self, memory, view, now):
        """(index, coordinates of the view and the lags)."""
        index, coordinates = view.info()
        return index, (*coordinates, *(memory[i] for i in range(self.lags)))


class RecurrentInformation(Information):
    """The view's information and the state of a recurrent cell that reads public observations."""

    cell: Callable
    observe: Callable = eqx.field(static=True)
    size: int = eqx.field(static=True)
    full: bool = eqx.field(static=True, default=False)

    def start(self) -> Array:
        """Zeros."""
        return jnp.zeros(self.size)

    def step(self, memory, now) -> Array:
        """The cell applied to (observation, memory)."""
        return self.cell(self.observe(now), memory)

    def read(self, memory, view, now):
        """(index, coordinates of the view and the memory)."""
        index, coordinates = view.info()
        return index, (*coordinates, *(memory[i] for i in range(self.size)))


class FullInformation(Information):
    """The view's information and statistics of everybody's state: declared, since it is not public."""

    statistics: Callable = eqx.field(static=True)
    full: bool = eqx.field(static=True, default=True)

    def start(self) -> tuple:
        """Nothing is remembered."""
        return ()

    def step(self, memory, now) -> tuple:
        """Nothing is remembered."""
        return ()

    def read(self, memory, view, now):
        """(index, coordinates of the view and the statistics of the cross-section)."""
        index, coordinates = view.info()
        return index, (*coordinates, *self.statistics(now))


class PairedInformation(Information):
    """Two informations side by side, so that a deviator may remember what the others of its type do not.

    Each part reads what it declares: the public record, unless it is full itself.
    """

    parts: tuple[Information, Information]

    @property
    def full(self) -> bool:
        """Whether either part is."""
        return any(part.full for part in self.parts)

    def _record(self, part, now):
        return now if part.full or not self.full else now.public()

    def start(self) -> tuple:
        """Both first memories."""
        return tuple(part.start() for part in self.parts)

    def step(self, memory, now) -> tuple:
        """Both next memories."""
        return tuple(part.step(m, self._record(part, now)) for part, m in zip(self.parts, memory, strict=True))

    def read(self, memory, view, now):
        """The pair of what both read."""
        return tuple(part.read(m, view, self._record(part, now)) for part, m in zip(self.parts, memory, strict=True))


class Rule(eqx.Module):
    """A decision rule: feasible by construction, pure, differentiable in its leaves."""

    information: eqx.AbstractVar[Information]

    @abc.abstractmethod
    def __call__(self, own, view, info, *, key=None) -> Choice:
        """The choice of one individual."""


class Stochastic(Rule):
    """A rule that draws its choice; histograms refuse it."""

    @abc.abstractmethod
    def log_prob(self, own, view, info, choice) -> Array:
        """Log density of a choice."""


class FunctionRule(Rule):
    """A rule given as a plain function `(own, view, info) -> Choice`."""

    function: Callable = eqx.field(static=True)
    information: Information = eqx.field(default_factory=ViewInformation)

    def __call__(self, own, view, info, *, key=None) -> Choice:
        """The function's choice."""
        return self.function(own, view, info)


class ConductRule(Rule):
    """What an institution does by itself."""

    agent: Institution
    information: Information = ViewInformation()

    def __call__(self, own, view, info, *, key=None) -> Choice:
        """The institution's conduct."""
        return self.agent.conduct(own, view)
