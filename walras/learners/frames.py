"""The box of aggregate coordinates in which a rule that is no table may be tabulated: it grows to what is seen."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from walras.economy.information import in_logs
from walras.learners import beliefs
from walras.learners.learner import Setup
from walras.learners.opening import Opening
from walras.learners.table import TableRule
from walras.numerics.interpolate import EvenAxis

LEAK, GUARD, SCALE = 0.04, 0.15, 0.2
"""How fast the box of coordinates forgets in a round; its margin as a share of its width; unit of coordinates (logs)."""


def framed(setup: Setup, opening: Opening, nodes: int) -> tuple[TableRule, beliefs.PolynomialBelief]:
    """An empty table on a first box of coordinates, and a belief that scales them."""
    economy, name, now = setup.economy, setup.name, opening.now
    view, outcome, (_, coordinates) = now.views[name], now.outcome[name], now.infos[name]
    values = beliefs.exogenous_values(economy.exogenous)
    degrees = (3, 5)
    if not coordinates and economy.exogenous.n > 1:
        values, degrees = np.eye(economy.exogenous.n), (0, 1)
    logs = in_logs(setup.information, coordinates)
    shape = beliefs.shape_of(*values.shape, logs, degrees, False)
    centre = np.array([np.log(float(c)) if log else float(c) for c, log in zip(coordinates, logs, strict=True)])
    belief = beliefs.blank(values, centre, (view, outcome), shape)
    belief = dataclasses.replace(belief, scale=jax.device_put(np.full((len(centre),), SCALE)))
    axes = tuple(EvenAxis(c - 0.05, c + 0.05, nodes) for c in centre)
    lead = (economy.exogenous.n, *(axis.n for axis in axes))
    table = jax.device_put(np.zeros((*lead, setup.agent.risk.n, opening.rule.own_axis.n, opening.rule.table.shape[-1])))
    return TableRule(setup.agent, table, axes, opening.rule.own_axis, setup.information, logs), belief


def boxed(frame: TableRule, belief: beliefs.PolynomialBelief, field) -> TableRule:
    """The box grown to what was seen, with a margin; what was not seen for long is forgotten."""
    if not frame.axes:
        return frame
    seen = belief.transform(field.info[1])
    axes = []
    for j, axis in enumerate(frame.axes):
        margin = GUARD * (axis.high - axis.low) / (1 + 2 * GUARD)
        low, high = jnp.min(seen[..., j]) - margin, jnp.max(seen[..., j]) + margin
        low = jnp.minimum(low, axis.low + LEAK * (low - axis.low))
        axes.append(EvenAxis(low, jnp.maximum(high, axis.high + LEAK * (high - axis.high)), axis.n))
    return dataclasses.replace(frame, axes=tuple(axes))
