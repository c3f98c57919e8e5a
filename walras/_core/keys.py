"""Named, order-independent random streams from one root key.

A stream is a pure function of (root, name, number). Adding a draw somewhere never shifts the draws elsewhere, so two
policies can be compared under common random numbers and a resumed run draws what the undisturbed one would have drawn.
"""

import zlib
from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np

from walras._core.types import Key


def root_key(seed: int | Key) -> Key:
    """A root key from a seed, or the key itself."""
    return jax.random.key(seed) if isinstance(seed, int) else seed


def stream(root: Key, name: str, number=0) -> Key:
    """The key of the stream `name` at position `number` (a Python integer or a traced one)."""
    return jax.random.fold_in(jax.random.fold_in(root, _number(name)), number)


def streams(root: Key, names: Iterable[str]) -> dict[str, Key]:
    """The first key of several streams, the same as `stream` gives: made at once, because on a processor each call of the
    generator costs as much as a small date."""
    names = list(names)
    folded = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(root, jnp.asarray([_number(n) for n in names], jnp.uint32))
    firsts = jax.vmap(jax.random.fold_in, in_axes=(0, None))(folded, 0)
    return {name: firsts[i] for i, name in enumerate(names)}


def _number(name: str) -> int:
    return zlib.crc32(name.encode()) & 0x7FFFFFFF


def host_generator(root: Key) -> np.random.Generator:
    """A NumPy generator that the key seeds, for draws made on the host: nothing has to be compiled for them."""
    return np.random.Generator(np.random.Philox(key=np.asarray(jax.random.key_data(root), np.uint64)))
