"""Anderson mixing of rounds: where one round leads to the next by an affine map, a few of them tell where it rests.

Several types that meet in one market correct each other slowly and in circles (prices answer demand, demand the rate, the
rate prices). The last rounds are combined so that what is believed would change least; the same combination is taken of rules
and worths.

    @article{walker2011anderson, title={Anderson acceleration for fixed-point iterations}, author={Walker, Homer F and Ni,
      Peng}, journal={SIAM Journal on Numerical Analysis}, volume={49}, number={4}, pages={1715--1735}, year={2011}}
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.types import PyTree

DEPTH = 8
"""Rounds that are combined."""

MOST = np.finfo(np.float64).max
"""The change of beliefs before any is known: a learner's state holds finite numbers only, so that one that is not is noticed."""


class Mixing(eqx.Module):
    """What the last rounds started from and led to: `before` and `after` with a leading axis (`DEPTH`,), newest first;
    `known` of them, `residual` the change of beliefs in the last one."""

    before: PyTree
    after: PyTree
    known: Array
    residual: Float[Array, ""]


def mixable(states: dict) -> bool:
    """Whether the learners' states are of those that are mixed."""
    return any(getattr(state, "worth", None) is not None for state in states.values())


def _parts(states: dict) -> dict:
    """What is mixed of each type: table, worth, law and views."""
    kept = {n: s for n, s in states.items() if getattr(s, "worth", None) is not None}
    return {n: (s.table.table, s.worth, s.belief.law, s.belief.views) for n, s in kept.items()}


def _believed(parts: dict) -> Float[Array, " numbers"]:
    return jnp.concatenate(
        [
            jnp.concatenate([4 * table.ravel() / table.size**0.5, law.ravel(), views.ravel()])
            for table, _, law, views in parts.values()
        ]
    )


def start(states: dict) -> Mixing | None:
    """No memory yet; None where nothing is mixed."""
    if not mixable(states):
        return None
    blank = jax.tree_util.tree_map(lambda leaf: jnp.zeros((DEPTH, *leaf.shape)), _parts(states))
    return Mixing(blank, blank, jnp.asarray(0), jnp.asarray(MOST))


def mixed(memory: Mixing, before: dict, after: dict, active: Array) -> tuple[Mixing, dict]:
    """The memory with this round in it, and the states to go on from; plain ones where mixing is not `active` yet.

    The memory is dropped where the change of beliefs has doubled: the map was not affine there.
    """
    x, g = _parts(before), _parts(after)
    residual = jnp.linalg.norm(_believed(g) - _believed(x))
    keep = active & (residual < 2 * memory.residual)
    known = jnp.where(keep, jnp.minimum(memory.known + 1, DEPTH), jnp.where(active, 1, 0))
    push = lambda old, new: jnp.concatenate([new[None], old[:-1]])  # noqa: E731
    befores = jax.tree_util.tree_map(push, memory.before, x)
    afters = jax.tree_util.tree_map(push, memory.after, g)
    changes = jax.vmap(_believed)(afters) - jax.vmap(_believed)(befores)
    valid = (jnp.arange(1, DEPTH) < known)[:, None]
    steps = jnp.where(valid, changes[:-1] - changes[1:], 0.0)
    gram = steps @ steps.T
    ridge = 1e-9 * jnp.trace(gram) + jnp.where(valid[:, 0], 0.0, 1.0) + 1e-300
    weights = jnp.linalg.solve(gram + jnp.diag(ridge * jnp.ones(DEPTH - 1)), steps @ changes[0])
    share = lambda leaf: leaf[0] - jnp.tensordot(weights, leaf[:-1] - leaf[1:], axes=1)  # noqa: E731
    combined = jax.tree_util.tree_map(share, afters)
    return Mixing(befores, afters, known, jnp.where(active, residual, MOST)), {
        name: _with(state, combined[name]) if name in combined else state for name, state in after.items()
    }


def _with(state, parts):
    table, worth, law, views = parts
    belief = dataclasses.replace(state.belief, law=law, views=views)
    table = eqx.tree_at(lambda t: t.table, state.table, jnp.clip(table, 0.0, 1.0))
    return dataclasses.replace(state, table=table, worth=worth, belief=belief)
