"""Draws that cover their distribution evenly: one uniform number in each of n equal cells."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras._core.types import Key


def stratified(key: Key, n: int) -> Float[Array, " n"]:
    """One uniform draw in each cell, in random order."""
    place, order = jax.random.split(key)
    return jax.random.permutation(order, (jnp.arange(n) + jax.random.uniform(place, (n,))) / n)


def normals(key: Key, n: int) -> Float[Array, " n"]:
    """Standard normals by quantiles."""
    return jax.scipy.special.ndtri(stratified(key, n))
