"""Pytrees by name: the path of a leaf is its name in files."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.types import PyTree


def named_arrays(tree: PyTree) -> dict[str, np.ndarray]:
    """All array leaves of a pytree, keyed by their path; typed random keys as their raw data."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): _raw(leaf) for path, leaf in leaves if eqx.is_array(leaf)}


def fill_arrays(tree: PyTree, arrays: dict[str, np.ndarray]) -> PyTree:
    """The same pytree with its array leaves replaced by those of the same path.

    Raises KeyError if a leaf is missing and ValueError if a shape differs.
    """

    def replace(path, leaf):
        if not eqx.is_array(leaf):
            return leaf
        name = jax.tree_util.keystr(path)
        value = arrays[name]
        if value.shape != _raw(leaf).shape:
            raise ValueError(f"{name} has shape {value.shape}, expected {_raw(leaf).shape}")
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(jnp.asarray(value))
        return jnp.asarray(value, dtype=leaf.dtype)

    return jax.tree_util.tree_map_with_path(replace, tree)


def _raw(leaf) -> np.ndarray:
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(leaf))
    return np.asarray(leaf)


def strong(tree: PyTree) -> PyTree:
    """The same pytree with all arrays on the device and none weakly typed: a compiled loop returns such, and would be
    compiled twice for others."""

    def one(leaf):
        if isinstance(leaf, np.ndarray | np.generic):
            return jax.device_put(leaf)
        return jax.device_put(np.asarray(leaf)) if isinstance(leaf, jax.Array) and getattr(leaf, "weak_type", False) else leaf

    return jax.tree_util.tree_map(one, tree)


def entry(tree: PyTree, index) -> PyTree:
    """`leaf[index]` of every leaf, taken on the host: outside compiled programs an index would be compiled by itself."""
    return jax.tree_util.tree_map(lambda leaf: np.asarray(leaf)[index], tree)


def all_finite(tree: PyTree) -> jax.Array:
    """True if every floating leaf of the pytree is finite."""
    leaves = [leaf for leaf in jax.tree_util.tree_leaves(tree) if eqx.is_inexact_array(leaf)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves])) if leaves else jnp.asarray(True)


def precision(tree: PyTree) -> np.dtype:
    """The floating type of the real arrays in a tree; double where there are none."""
    real = [leaf.dtype for leaf in jax.tree_util.tree_leaves(tree) if eqx.is_inexact_array(leaf)]
    return jnp.result_type(*real) if real else np.dtype(float)
