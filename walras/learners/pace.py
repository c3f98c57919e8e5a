"""How fast rounds go, and where the nodes of aggregate coordinates lie."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras.economy.economy import Formula, nothing
from walras.economy.population import Representative
from walras.learners.learner import Setup
from walras.learners.table import TableRule
from walras.numerics.interpolate import EvenAxis


class Pace(eqx.Module):
    """Share of the way that the law moves in a round, sweeps a round, rounds in which the coordinate nodes may move, the
    band left and right of what was seen, as a share of its width, and share of the way that the forecast of views moves
    (None: all of it)."""

    law: Array
    sweeps: Array
    placing: Array
    guard: Array
    views: Array | None = None


def pace_of(setup: Setup, law_step: float | None, sweeps: int | None) -> Pace:
    """The pace for this kind of market; `law_step` and `sweeps` where they are given.

    Where prices clear a market they answer the rule at once: the law goes half the way and the rule takes few sweeps, or the
    rounds diverge.
    """
    sizes = setup.preset.euler
    made = setup.economy.timing().moves()[setup.name].gets is not nothing and setup.rest is None
    forecasts = sizes.outcome_step
    if setup.rest is not None:
        law, count, placing = sizes.several
    elif not isinstance(setup.economy.market(), Formula):
        law, count, placing = sizes.clearing
    elif isinstance(setup.populations[setup.name], Representative):
        law, count, placing = sizes.representative
        if made:  # hours answer the wage that is forecast, and the law again
            law = forecasts = sizes.outcome_alone if law_step is None else law_step
    else:
        law, count, placing = 1.0, sizes.sweeps, sizes.placing_rounds
    law = law if law_step is None else law_step
    count = count if sweeps is None else sweeps
    guard = sizes.guard if setup.rest is None else sizes.several_guard
    views = jax.device_put(np.float64(forecasts)) if made else None
    numbers = (np.float64(law), np.int64(count), np.int64(placing), np.float64(guard))
    return Pace(*(jax.device_put(x) for x in numbers), views)


def slower(learner, rate: float):
    """A learner whose longest step is half as long as `rate`."""
    return dataclasses.replace(learner, rate=0.5 * rate)


def place(rule: TableRule, belief, field, guard_share, moving, shrink: float = 0.0):
    """Coordinate nodes around what was seen, with guard bands; as they were where not `moving`. None of their intervals becomes
    narrower than the share `shrink` of what it was."""
    _, coordinates = field.info
    seen = belief.transform(coordinates)
    low, high = jnp.min(seen, axis=(0, 1)), jnp.max(seen, axis=(0, 1))
    if shrink:
        before = jnp.stack([axis.high - axis.low for axis in rule.axes])
        missing = jnp.maximum(shrink * before / (1 + 2 * guard_share) - (high - low), 0.0)
        wider = jnp.maximum(low - 0.5 * missing, jnp.minimum(belief.least, low))  # what a bound takes below is given above
        low, high = wider, high + missing - (low - wider)
    guard = guard_share * jnp.maximum(high - low, 1e-4)
    bottom = jnp.maximum(low - guard, belief.least)  # a bound is the first node: nothing lies below it
    axes = []
    for j, axis in enumerate(rule.axes):
        new = EvenAxis(bottom[j], high[j] + guard[j], axis.n)
        axes.append(jax.tree_util.tree_map(lambda a, b: jnp.where(moving, a, b), new, axis))
    centre = jnp.where(moving, 0.5 * (low + high), belief.centre)
    scale = jnp.where(moving, 0.5 * (high - low) + guard, belief.scale)
    return rule.moved_to(tuple(axes)), dataclasses.replace(belief, centre=centre, scale=scale)


def left(rule: TableRule, belief, field) -> Array:
    """Whether coordinates were seen outside their nodes."""
    seen = belief.transform(field.info[1])
    outside = [jnp.any((seen[..., j] < axis.low) | (seen[..., j] > axis.high)) for j, axis in enumerate(rule.axes)]
    return jnp.any(jnp.stack([jnp.asarray(False), *outside]))
