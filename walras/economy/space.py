"""Sets from which choices are taken. A rule stores a position inside the set, so that it cannot leave it.

`Choice.feasible` returns the same module with spaces as leaves; `choose` fills them one field after the other, because
a later set may depend on an earlier choice (the ceiling of consumption on hours worked).
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.errors import InputError
from walras._core.module import as_parameter, is_concrete


class Interval(eqx.Module):
    """[low, high]; an infinite end (a number known when it is built, `bounded` False) is reached only in the limit."""

    low: Array
    high: Array
    bounded: bool = eqx.field(static=True)

    def __init__(self, low, high):
        self.low, self.high = as_parameter(low), as_parameter(high)
        self.bounded = not (is_concrete(self.high) and bool(np.all(np.isposinf(np.asarray(self.high)))))

    def at(self, position: Float[Array, "*shape"]) -> Array:
        """The point at a relative position in [0, 1], one by one for a vector; both finite ends are hit exactly."""
        if not self.bounded:
            return self.low + position / jnp.maximum(1.0 - position, 1e-12)
        return jnp.where(position >= 1.0, self.high, self.low + position * (self.high - self.low))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a position."""
        return np.broadcast_shapes(self.low.shape, self.high.shape)

    def position(self, value: Array) -> Float[Array, "*shape"]:
        """The relative position of a value, clipped to [0, 1]."""
        distance = jnp.maximum(value - self.low, 0.0)
        if not self.bounded:
            return distance / (1 + distance)
        width = self.high - self.low
        return jnp.where(width > 0, jnp.minimum(distance / jnp.where(width > 0, width, 1.0), 1.0), 1.0)

    def nearest(self, value: Array) -> Array:
        """The point of the set nearest to a value."""
        return jnp.clip(value, self.low, self.high)


class Simplex(eqx.Module):
    """Non-negative shares that sum to one; positions are unnormalised weights."""

    n: int = eqx.field(static=True)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a position."""
        return (self.n,)

    def at(self, position: Float[Array, " n"]) -> Float[Array, " n"]:
        """Normalised weights."""
        return position / jnp.sum(position)

    def position(self, value: Float[Array, " n"]) -> Float[Array, " n"]:
        """The shares themselves."""
        return value

    def nearest(self, value: Float[Array, " n"]) -> Float[Array, " n"]:
        """Weights cut at zero and normalised."""
        return self.at(jnp.maximum(value, 0.0))


class Discrete(eqx.Module):
    """Finitely many values, each a number or a vector (a joint choice); a position in [0, 1) picks one.

    `values` (n,) or (n, numbers); `size` of them are picked, each for itself (0: one, without an axis). `admitted` (n,) says
    which may be picked (None: all). A position that picks a value that is not admitted stands for the nearest that is, so
    that positions keep their meaning while bounds move.

    Raises:
        InputError: if no value is admitted.
    """

    values: Array = eqx.field(converter=as_parameter)
    size: int = eqx.field(static=True, default=0)
    admitted: Array | None = None

    def __check_init__(self):
        if self.admitted is not None and is_concrete(self.admitted) and not np.any(np.asarray(self.admitted)):
            raise InputError(
                "a mask leaves no action",
                where="Discrete",
                number=f"{np.size(self.admitted)} values, none admitted",
                remedy="Widen the bounds until they hold one of the values.",
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a position."""
        return (self.size,) if self.size else ()

    @property
    def count(self) -> Array:
        """How many values are admitted."""
        return jnp.asarray(float(self.values.shape[0])) if self.admitted is None else jnp.sum(self.admitted * 1.0)

    def stretched(self, uniform: Float[Array, "*size"]) -> Float[Array, "*size"]:
        """Positions of admitted values, each as long as any other: the place of a uniform number among them."""
        if self.admitted is None:
            return uniform
        passed = jnp.cumsum(self.admitted)
        index = jnp.sum(passed <= (uniform * passed[-1])[..., None], axis=-1)
        return (index + 0.5) / self.values.shape[0]

    def _gaps(self, value: Array) -> Array:
        """Distance of each value from the given one (leading axes kept), coordinates in units of their range."""
        known = self.values.reshape(self.values.shape[0], -1)
        width = jnp.max(known, axis=0) - jnp.min(known, axis=0)
        value = value[..., None] if self.values.ndim == 1 else value
        return jnp.sum(jnp.abs(value[..., None, :] - known) / jnp.where(width > 0, width, 1), axis=-1)

    def _index(self, value: Array) -> Array:
        gaps = self._gaps(jnp.asarray(value))
        return jnp.argmin(gaps if self.admitted is None else jnp.where(self.admitted, gaps, jnp.inf), axis=-1)

    def at(self, position: Float[Array, "*size"]) -> Array:
        """The value at the position, one by one for a vector of positions."""
        n = self.values.shape[0]
        index = jnp.clip((position * n).astype(jnp.int32), 0, n - 1)
        return self.values[index if self.admitted is None else self._index(self.values)[index]]

    def position(self, value: Array) -> Float[Array, "*size"]:
        """The middle of the stretch of [0, 1) that picks the value (the nearest admitted one, if it is none of them)."""
        return (self._index(value) + 0.5) / self.values.shape[0]

    def nearest(self, value: Array) -> Array:
        """The nearest of the admitted values."""
        return self.at(self.position(value))


def choice_fields(agent_choice) -> tuple[str, ...]:
    """Names of the fields of a choice, in the order in which they are chosen."""
    return tuple(field.name for field in dataclasses.fields(agent_choice))


def choose(agent, own, view, positions):
    """The choice at the given positions, one per field in field order: feasible by construction.

    `positions` is a sequence, one entry per field of the type's choice.
    """
    chosen: dict = {}
    spaces = agent.feasible(own, view, chosen)
    for number, name in enumerate(choice_fields(spaces)):
        if number:
            spaces = agent.feasible(own, view, chosen)
        chosen[name] = getattr(spaces, name).at(positions[number])
    return type(spaces)(**chosen)


def nearest(agent, own, view, choice):
    """The feasible choice nearest to a given one, one field after the other."""
    chosen: dict = {}
    for name in choice_fields(choice):
        chosen[name] = getattr(agent.feasible(own, view, chosen), name).nearest(getattr(choice, name))
    return type(choice)(**chosen)


def positions_of(agent, own, view, choice) -> list:
    """The positions of a choice in the feasible set: the inverse of `choose`."""
    chosen: dict = {}
    positions = []
    for name in choice_fields(choice):
        space = getattr(agent.feasible(own, view, chosen), name)
        chosen[name] = space.at(space.position(getattr(choice, name)))
        positions.append(space.position(getattr(choice, name)))
    return positions
