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
    now = jax.eval_shape(lambda: period(economy, populations, rules, state, key, exo_path[0])[1].public())
    nothing = jax.tree_util.tree_map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), now)
    opening = state.date

    def keep(now: Now, before: Now):
        # Where the record does not ask for the date before, the compiler drops it and this choice with it.
        first = now.date == opening
        return record(now, jax.tree_util.tree_map(lambda b, n: jnp.where(first, n, b), before, now.public()))

    state, _, records = run_on(economy, populations, rules, (state, nothing), exo_path, key, keep)
    return state, records


def run_on(
    economy: Economy,
    populations: dict[str, Population],
    rules: dict[str, Rule],
    begin: tuple[EconomyState, Now],
    exo_path,
    key: Key,
    record: Callable[[Now, Now], PyTree],
) -> tuple[EconomyState, Now, PyTree]:
    """Go on with a simulation: as `run`, from a state and the public record of the date before it.

    Returns:
        The state after the last date, the public record of the last date, and the records.
    """

    def one():
        _, now = period(economy, populations, rules, begin[0], key, exo_path[0])
        return record(now, now.public())

    pack, unpack = _packer(jax.eval_shape(one))

    def step(carry, exo_next):
        state, now = period(economy, populations, rules, carry[0], key, exo_next)
        return (state, now.public()), pack(record(now, carry[1]))

    (state, before), records = jax.lax.scan(step, begin, exo_path)
    return state, before, jax.vmap(unpack)(records)


def _packer(example: PyTree):
    """Functions between a pytree of small arrays and one vector per dtype: storing thirty scalars costs as much as a date."""
    leaves, tree = jax.tree_util.tree_flatten(example)
    kinds = sorted({leaf.dtype for leaf in leaves}, key=str)

    def pack(value):
        flat = jax.tree_util.tree_leaves(value)
        return {str(kind): jnp.concatenate([leaf.reshape(-1) for leaf in flat if leaf.dtype == kind]) for kind in kinds}

    def unpack(packed):
        at, filled = dict.fromkeys(packed, 0), []
        for leaf in leaves:
            kind = str(leaf.dtype)
            filled.append(packed[kind][at[kind] : at[kind] + leaf.size].reshape(leaf.shape))
            at[kind] += leaf.size
        return jax.tree_util.tree_unflatten(tree, filled)

    return pack, unpack
