"""A rule for dates that repeat themselves for ever: it reads what its view says, so that one rule is for many resting places."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras.learners.deep_rule import DeepRule


def numbers_of(view) -> Float[Array, " numbers"]:
    """Everything of a view that is no whole number, one after another."""
    leaves = [leaf for leaf in jax.tree_util.tree_leaves(view) if eqx.is_inexact_array(leaf)]
    return jnp.concatenate([jnp.ravel(leaf) for leaf in leaves]) if leaves else jnp.zeros(0)


class Reading(eqx.Module):
    """The numbers of a view that differ between dates on which a rule is trained, scaled: `which` of them, centre and unit."""

    which: tuple[int, ...] = eqx.field(static=True)
    centre: Float[Array, " numbers"]
    unit: Float[Array, " numbers"]

    @classmethod
    def of(cls, views) -> "Reading":
        """From many views (leading axis): middle and half the range of what differs by more than 1e-9 of its size."""
        rows = np.asarray(jax.vmap(numbers_of)(views))
        low, high = rows.min(axis=0), rows.max(axis=0)
        which = tuple(int(n) for n in np.nonzero(high - low > 1e-9 * np.maximum(np.abs(low), np.abs(high)))[0])
        low, high = low[list(which)], high[list(which)]
        return cls(which, jax.device_put((low + high) / 2), jax.device_put((high - low) / 2))

    def __call__(self, view) -> Float[Array, " numbers"]:
        """The scaled numbers."""
        numbers = numbers_of(view)
        return (jnp.stack([numbers[n] for n in self.which]) - self.centre) / self.unit if self.which else jnp.zeros(0)


class PricedRule(DeepRule):
    """A `DeepRule` that reads the scaled numbers of its view (prices, taxes)."""

    reading: Reading
    scales: ClassVar[tuple[float, ...]] = (1.0, 0.05)  # near the limit consumption bends more than one log resolves

    def read(self, view, index, transformed):
        """The scaled numbers of the view."""
        return self.reading(view)
