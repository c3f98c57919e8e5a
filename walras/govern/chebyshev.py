"""Interpolation in a policy through exact solutions: tensor Chebyshev nodes, any pytree of answers.

Error of an analytic function falls geometrically in the number of nodes. Barycentric form: no coefficients, one pass.
"""

import itertools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.types import PyTree


def nodes_of(n: int) -> np.ndarray:
    """The n Chebyshev extreme points in [0, 1]."""
    return 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / (n - 1))


class Interpolant(eqx.Module):
    """`values`: the answers at the tensor nodes, leading axis nodes^dimensions (last dimension fastest)."""

    values: PyTree
    low: Float[Array, " d"]
    high: Float[Array, " d"]
    n: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, " d"]) -> PyTree:
        """The answer at a point of the region."""
        share = (x - self.low) / (self.high - self.low)
        weight = jnp.ones(1)
        for i in range(len(self.low)):
            weight = (weight[:, None] * cardinal(share[i], self.n)[None, :]).reshape(-1)
        return jax.tree_util.tree_map(lambda v: jnp.tensordot(weight, v, axes=(0, 0)), self.values)


def cardinal(x: Array, n: int) -> Float[Array, " n"]:
    """The cardinal polynomials at x in [0, 1]: entry i is one at node i, zero at the others.

    T_k-sums instead of the barycentric quotient, which has no derivative at a node.
    """
    k = jnp.arange(n)
    at = jnp.cos(k[:, None] * np.pi * jnp.arange(n)[None, :] / (n - 1))  # T_k at node j (from 1 down to −1)
    half = jnp.where((k == 0) | (k == n - 1), 0.5, 1.0)
    here = _polynomials(1.0 - 2.0 * x, n)
    return half * ((2.0 / (n - 1)) * (half * here) @ at)


def _polynomials(t: Array, n: int) -> Float[Array, " n"]:
    """T_0 … T_{n−1} at t, by the recurrence."""
    found = [jnp.ones_like(t), t]
    for _ in range(n - 2):
        found.append(2 * t * found[-1] - found[-2])
    return jnp.stack(found[:n])


def anchors(low: np.ndarray, high: np.ndarray, n: int) -> np.ndarray:
    """The tensor nodes of a region, shape (n^d, d)."""
    share = np.asarray(list(itertools.product(nodes_of(n), repeat=len(low))))
    return low + (high - low) * share


def interpolant(exact: Callable[[Array], Any], low: Array, high: Array, n: int) -> Interpolant:
    """Through `exact` at the anchors; `exact` can be traced."""
    share = jnp.asarray(list(itertools.product(nodes_of(n), repeat=len(low))))
    return Interpolant(jax.lax.map(exact, low + (high - low) * share), low, high, n)
