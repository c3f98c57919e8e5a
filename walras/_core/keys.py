"""Named, order-independent random streams from one root key.

A stream is a pure function of (root, name, number). Adding a draw somewhere never shifts the draws elsewhere, so two
policies can be compared under common random numbers and a resumed run draws what the undisturbed one would have drawn.
"""

import zlib

import jax
import numpy as np

from walras._core.types import Key


def root_key(seed: int | Key) -> Key:
    """A root key from a seed, or the key itself."""
    return jax.random.key(seed) if isinstance(seed, int) else seed


def stream(root: Key, name: str, number=0) -> Key:
    """The key of the stream `name` at position `number` (a Python integer or a traced one)."""
    return jax.random.fold_in(jax.random.fold_in(root, zlib.crc32(name.encode()) & 0x7FFFFFFF), number)


def host_generator(root: Key) -> np.random.Generator:
    """A NumPy generator that the key seeds, for draws made on the host: nothing has to be compiled for them."""
    return np.random.Generator(np.random.Philox(key=np.asarray(jax.random.key_data(root), np.uint64)))
