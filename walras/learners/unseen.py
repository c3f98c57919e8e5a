"""Rules that do not see the exogenous state: how they start, and what a critic may know that they do not.

They start from what would be done on average over exogenous states by somebody who sees it. What such a rule is worth
still depends on the state: the critic, which takes no part in decisions, sees it.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras._core.types import PyTree
from walras.economy.information import seeing, sees_state
from walras.learners import beliefs
from walras.learners.learner import Setup
from walras.learners.table import TableRule


def everything_seen(setup: Setup) -> Setup:
    """The setup with an information that also sees the exogenous state."""
    return dataclasses.replace(setup, information=seeing(setup.information))


def as_seen(setup: Setup, table: TableRule, belief: PyTree) -> tuple[TableRule, PyTree]:
    """Table and belief of a setup that sees everything, for the setup's own information."""
    if sees_state(setup.information):
        return table, belief
    weights = _weights(setup.economy.exogenous)
    mean = jnp.einsum("i,i...->...", weights, table.table)[None]
    shape = beliefs.shape_of(1, 0, belief.shape.logs, (1, 1), False)
    blank = beliefs.blank(np.zeros((1, 0)), np.asarray(belief.centre), belief.template, shape)
    table = eqx.tree_at(lambda t: t.table, table, jax.device_put(np.asarray(mean)))
    return dataclasses.replace(table, information=setup.information), dataclasses.replace(blank, scale=belief.scale)


@brief_jit
def _weights(process):
    return process.start(None).weights


class Insight(eqx.Module):
    """What the critic of such a rule conditions on: exogenous values and what the economy's view says, scaled.

    Not what the rule sees and the exogenous values besides: where these follow from prices the critic would be fitted to
    columns that depend on each other, and its errors would grow from round to round.
    """

    values: Float[Array, "states values"]
    centre: Float[Array, " coordinates"]
    scale: Float[Array, " coordinates"]

    @property
    def size(self) -> int:
        """How many numbers it gives."""
        return self.values.shape[1] + self.centre.shape[0]

    def __call__(self, exo, view) -> Float[Array, " numbers"]:
        """The numbers at one date."""
        coordinates = jnp.stack(view.info()[1]) if self.centre.shape[0] else jnp.zeros(0)
        return jnp.concatenate([self.values[exo], (coordinates - self.centre) / self.scale])


def insight(setup: Setup, view) -> Insight | None:
    """The insight of a critic, scaled around a first view; None where the rule sees the exogenous state itself."""
    if sees_state(setup.information):
        return None
    centre = np.array([float(c) for c in view.info()[1]])
    values = beliefs.exogenous_values(setup.economy.exogenous)
    return Insight(*(jax.device_put(x) for x in (values, centre, 0.4 * np.maximum(np.abs(centre), 1.0))))
