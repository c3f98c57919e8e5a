"""What a network's outputs say about a whole choice: one head for each of its fields."""

import dataclasses
import functools
import operator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.errors import InputError
from walras.economy.space import Discrete, Interval, choice_fields
from walras.learners.heads import Categorical, Head, Squashed


class Heads(eqx.Module):
    """All fields of a choice, in their order: independent of each other given the state."""

    heads: tuple[Head, ...]

    @classmethod
    def of(cls, spaces, masks: dict[str, tuple[bool, ...]], where: str) -> "Heads":
        """Heads for a choice with spaces as fields; `masks` says by field which values of a discrete one are admitted, of
        those that the economy admits.

        Raises:
            InputError: for a simplex, an interval of several axes, a mask of the wrong length or that admits nothing.
        """
        heads: list[Head] = []
        for name in choice_fields(spaces):
            space = getattr(spaces, name)
            shape = jnp.broadcast_shapes(space.low.shape, space.high.shape) if isinstance(space, Interval) else ()
            if not isinstance(space, Interval | Discrete) or len(shape) > 1:
                remedy = "Write it as intervals or discrete values."
                raise InputError(
                    f"a model-free learner has no head for '{name}', a {type(space).__name__}", where=where, remedy=remedy
                )
            if isinstance(space, Interval):
                heads.append(Squashed(*shape) if shape else Squashed(0))
                continue
            values = space.values.shape[0]
            mask = np.asarray(masks.get(name, (True,) * values), bool)
            admitted = np.ones(values, bool) if space.admitted is None else np.asarray(space.admitted, bool)
            if mask.shape != (values,) or not (mask & admitted).any():
                what = "leaves no action" if mask.shape == (values,) else "has another length"
                raise InputError(
                    f"the mask of '{name}' {what}", where=where, number=mask.tolist(), remedy="Admit one value at least."
                )
            wanted = jax.device_put(mask) if name in masks else None
            heads.append(Categorical(jax.device_put(mask & admitted), space.size, wanted))
        return cls(tuple(heads))

    def under(self, spaces, masks: dict[str, Array]) -> "Heads":
        """The heads for other bounds of the economy and other masks, by field; traceable: nothing is checked."""
        heads = []
        for name, head in zip(choice_fields(spaces), self.heads, strict=True):
            if isinstance(head, Categorical):
                given = (head.wanted, getattr(spaces, name).admitted, masks.get(name))
                mask = functools.reduce(operator.and_, (x for x in given if x is not None), jnp.ones_like(head.mask))
                head = dataclasses.replace(head, mask=mask)
            heads.append(head)
        return Heads(tuple(heads))

    @property
    def continuous(self) -> bool:
        """Whether no field is discrete."""
        return all(isinstance(head, Squashed) for head in self.heads)

    @property
    def discrete(self) -> bool:
        """Whether a field is discrete."""
        return any(isinstance(head, Categorical) for head in self.heads)

    @property
    def outputs(self) -> int:
        """Numbers that a network gives."""
        return sum(head.outputs for head in self.heads)

    @property
    def draws(self) -> int:
        """Numbers that are drawn."""
        return sum(head.draws for head in self.heads)

    def _parts(self, array, kind: str):
        ends = np.cumsum([getattr(head, kind) for head in self.heads])[:-1]
        return jnp.split(array, ends)

    def middle(self, out) -> list[Array]:
        """Positions without chance, one per field."""
        return [head.middle(part) for head, part in zip(self.heads, self._parts(out, "outputs"), strict=True)]

    def middle_numbers(self, out) -> Float[Array, " draws"]:
        """What would have been drawn to be in the middle."""
        return self.numbers(self.middle(out))

    def draw(self, out, sd, uniform: Float[Array, " draws"]) -> list[Array]:
        """Positions at these uniforms."""
        parts = zip(self.heads, *self._all(out, sd, uniform), strict=True)
        return [head.draw(*part) for head, *part in parts]

    def numbers(self, positions) -> Float[Array, " draws"]:
        """What was drawn, from its positions."""
        return jnp.concatenate([head.number(p) for head, p in zip(self.heads, positions, strict=True)])

    def log_prob(self, out, sd, numbers) -> Array:
        """Log density of what was drawn."""
        return _sum(head.log_prob(*part) for head, *part in zip(self.heads, *self._all(out, sd, numbers), strict=True))

    def log_chance(self, out, numbers) -> Array:
        """Log probability of what was drawn of the discrete fields."""
        parts = zip(self.heads, *self._all(out, 1.0, numbers), strict=True)
        return _sum(head.log_prob(*part) for head, *part in parts if isinstance(head, Categorical))

    def entropy(self, out, sd) -> Array:
        """Entropy of the whole choice."""
        return _sum(head.entropy(*part) for head, *part in zip(self.heads, *self._all(out, sd), strict=True))

    def opening(self, positions) -> Float[Array, " outputs"]:
        """Outputs at which the middle is there."""
        return jnp.concatenate([head.opening(p) for head, p in zip(self.heads, positions, strict=True)])

    def _all(self, out, sd, *drawn):
        sd = jnp.broadcast_to(sd, (self.draws,))
        return self._parts(out, "outputs"), *(self._parts(x, "draws") for x in (sd, *drawn))


def _sum(parts) -> Array:
    """Over fields, in their own precision."""
    return functools.reduce(operator.add, parts)
