"""Paths: the same `period`, date after date, inside compiled loops."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras._core.keys import host_generator, stream
from walras._core.types import Key, PyTree
from walras.economy.economy import Economy
from walras.economy.period import EconomyState, Now, period
from walras.economy.population import Population
from walras.economy.process import Process
from walras.economy.rule import Rule


def exogenous_path(economy: Economy, exo, periods: int, key: Key):
    """The exogenous states of the dates after `exo`, shape (periods,); a pure function of the key. Not for tracing."""
    return np.asarray(_states_after(economy.exogenous, exo, host_generator(stream(key, "exogenous")).random(periods)))


def states_after(process: Process, exo, draws: Float[Array, " periods"]):
    """The states after `exo`, each at the quantile that was drawn for it."""

    def step(state, u):
        state = process.given(state, None, None, None).at(u)
        return state, state

    return jax.lax.scan(step, exo, draws)[1]


_states_after = brief_jit(states_after)


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
    begin: tuple[EconomyState, Now | None],
    exo_path,
    key: Key,
    record: Callable[[Now, Any], PyTree],
) -> tuple[EconomyState, Now | None, PyTree]:
    """Go on with a simulation: as `run`, from a state and the public record of the date before it.

    With None for that record, `record` is called with None for it at every date.

    Returns:
        The state after the last date, the public record of the last date (or None), and the records.
    """
    chained = begin[1] is not None
    packers = _Packers()

    def step(carry, exo_next):
        state, now = period(economy, populations, rules, carry[0], key, exo_next)
        return (state, now.public() if chained else None), packers.pack(record(now, carry[1]))

    (state, before), records = jax.lax.scan(step, begin, exo_path)
    return state, before, packers.unpack(records)


class _Packers:
    """A packer for each module in a record, so that the compiler can drop the parts that nobody reads."""

    def pack(self, value: PyTree) -> list[dict[str, Any]]:
        """The packed parts."""
        parts, self.tree = jax.tree_util.tree_flatten(value, is_leaf=lambda node: isinstance(node, eqx.Module))
        self.packers = [_Packer() for _ in parts]
        return [packer.pack(part) for packer, part in zip(self.packers, parts, strict=True)]

    def unpack(self, packed: list[dict[str, Any]]) -> PyTree:
        """The record again, leading axis time."""
        parts = [jax.vmap(packer.unpack)(part) for packer, part in zip(self.packers, packed, strict=True)]
        return jax.tree_util.tree_unflatten(self.tree, parts)


class _Packer:
    """Between a pytree of small arrays and one vector per dtype: storing thirty scalars costs as much as a date.

    `pack` remembers the shape of what it saw when it was traced, for `unpack`.
    """

    def pack(self, value: PyTree) -> dict[str, Any]:
        """One vector per dtype."""
        self.leaves, self.tree = jax.tree_util.tree_flatten(value)
        self.shapes = [(str(leaf.dtype), leaf.shape, leaf.size) for leaf in self.leaves]
        kinds = sorted({kind for kind, _, _ in self.shapes})
        parts = {kind: [leaf.reshape(-1) for leaf in self.leaves if str(leaf.dtype) == kind] for kind in kinds}
        self.leaves = None  # tracers must not outlive the trace
        return {kind: jnp.concatenate(part) for kind, part in parts.items()}

    def unpack(self, packed: dict[str, Any]) -> PyTree:
        """The pytree again."""
        at, filled = dict.fromkeys(packed, 0), []
        for kind, shape, size in self.shapes:
            filled.append(packed[kind][at[kind] : at[kind] + size].reshape(shape))
            at[kind] += size
        return jax.tree_util.tree_unflatten(self.tree, filled)
