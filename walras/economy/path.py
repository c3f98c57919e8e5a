"""Paths: the same `period`, date after date, inside compiled loops."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from walras._core.keys import stream
from walras._core.types import Key, PyTree
from walras.economy.economy import Economy
from walras.economy.period import EconomyState, Now, period
from walras.economy.population import Population
from walras.economy.rule import Rule


def exogenous_path(economy: Economy, exo, periods: int, key: Key):
    """The exogenous states of the dates after `exo`, shape (periods,); a pure function of the key."""

    def step(state, k):
        state = economy.exogenous.given(state, None, None, None).sample(k)
        return state, state

    return jax.lax.scan(step, exo, jax.random.split(stream(key, "exogenous"), periods))[1]


def run(
    economy: Economy,
    populations: dict[str, Population],
    rules: dict[str, Rule],
    state: EconomyState,
    exo_path,
    key: Key,
    record: Callable[[Now, Now], PyTree],
) -> tuple[EconomyState, PyTree]:
    """Simulate along a given exogenous path.

    Args:
        exo_path: exogenous states of the dates after the state's own, shape (periods,).
        record: what is kept of each date, from (record of this date, public part of the one before). At the first
            date the one before is the date itself.

    Returns:
        The state after the last date, and the records with a leading time axis (periods,): dates state.date, …
    """

    def one(state, before, exo_next):
        state, now = period(economy, populations, rules, state, key, exo_next)
        return state, now.public(), record(now, now.public() if before is None else before)

    _, first, kept = jax.eval_shape(lambda: one(state, None, exo_path[0]))
    before = jax.tree_util.tree_map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), first)
    pack, unpack = _packer(kept)

    def step(carry, exo_next):
        state, public, seen = one(*carry, exo_next)
        return (state, public), pack(seen)

    (state, _), records = jax.lax.scan(step, (state, before), exo_path)
    return state, jax.vmap(unpack)(records)


def _packer(example: PyTree):
    """Functions between a pytree of small arrays and one vector per dtype: storing thirty scalars costs as much as a date."""
    leaves, tree = jax.tree_util.tree_flatten(example)
    kinds = sorted({leaf.dtype for leaf in leaves}, key=str)

    def pack(value):
        flat = jax.tree_util.tree_leaves(value)
        return {
            str(kind): jnp.concatenate([leaf.reshape(-1) for leaf in flat if leaf.dtype == kind]) for kind in kinds
        }

    def unpack(packed):
        at, filled = dict.fromkeys(packed, 0), []
        for leaf in leaves:
            kind = str(leaf.dtype)
            filled.append(packed[kind][at[kind] : at[kind] + leaf.size].reshape(leaf.shape))
            at[kind] += leaf.size
        return jax.tree_util.tree_unflatten(tree, filled)

    return pack, unpack
