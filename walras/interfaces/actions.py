"""What an agent type may do, as one row of numbers for each individual."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.errors import InputError
from walras.economy.space import Discrete, choice_fields


class Heads(NamedTuple):
    """The numbers that an individual chooses, field by field of its choice.

    `fields` names, `shapes` shapes of positions, `counts` numbers of values of a discrete field (0: a number in [0, 1], a share
    of what is feasible, or an unnormalised weight of a simplex). An action is a row of `size` numbers: the number of a value
    (0, 1, …) for a discrete head, a position in [0, 1] for another.
    """

    fields: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, spaces: Any) -> "Heads":
        """From a choice with spaces as fields."""
        fields = choice_fields(spaces)
        each = [getattr(spaces, name) for name in fields]
        counts = tuple(s.values.shape[0] if isinstance(s, Discrete) else 0 for s in each)
        return cls(fields, tuple(s.shape for s in each), counts)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Heads of each field."""
        return tuple(int(np.prod(shape)) for shape in self.shapes)

    @property
    def size(self) -> int:
        """Heads in all: length of an action."""
        return sum(self.sizes)

    @property
    def values(self) -> tuple[int, ...]:
        """Number of values of each head, 0 for a continuous one."""
        return tuple(n for n, size in zip(self.counts, self.sizes, strict=True) for _ in range(size))

    @property
    def discrete(self) -> bool:
        """Whether all heads are."""
        return all(self.values)

    def positions(self, actions: Array) -> list[Array]:
        """Positions by field from actions [individual, head]."""
        if actions.ndim != 2 or actions.shape[1] != self.size:
            raise InputError(
                f"an action has {self.size} numbers ({', '.join(self.fields)}), one row for each individual",
                where="actions", number=f"an array of shape {actions.shape}", remedy="Look at `heads` of the environment.",
            )  # fmt: skip
        found, at = [], 0
        for shape, size, n in zip(self.shapes, self.sizes, self.counts, strict=True):
            part = actions[:, at : at + size].reshape(-1, *shape)
            found.append((part + 0.5) / n if n else jnp.clip(part, 0.0, 1.0))
            at += size
        return found

    def masks(self, spaces: Any) -> Array:
        """Which values may be chosen: all discrete heads one after the other, shape (sum of `values`,)."""
        parts = []
        for name, size, n in zip(self.fields, self.sizes, self.counts, strict=True):
            admitted = getattr(getattr(spaces, name), "admitted", None)
            parts.append(jnp.tile(jnp.ones(n, bool) if admitted is None else admitted, size))
        return jnp.concatenate(parts)

    def uniform(self, key: Array, individuals: int, dtype: Any) -> Float[Array, "individuals heads"]:
        """Random actions: positions and numbers of values, each as likely as any other (masks are not looked at)."""
        drawn = jax.random.uniform(key, (individuals, self.size), dtype)
        n = jnp.asarray(self.values)
        return jnp.where(n > 0, jnp.floor(drawn * n), drawn).astype(jnp.int32 if self.discrete else dtype)
