"""A rule stored as a table of positions in the feasible set."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras.economy.agent import AgentType
from walras.economy.foc import stock_field
from walras.economy.rule import Information, Rule
from walras.economy.space import choose
from walras.numerics.interpolate import Axis, along_first


class TableRule(Rule):
    """Positions (0 … 1 within the feasible set) on index × coordinates × risk state × own stock, interpolated linearly.

    `table` has shape (index, *coordinates, risk, nodes, choices). Coordinates are read in logs where `logs` says so.
    A position of one is the upper end of the feasible set exactly, so a binding limit stays exact between nodes.
    """

    agent: AgentType
    table: Float[Array, "..."]
    axes: tuple[Axis, ...]
    own_axis: Axis
    information: Information
    logs: tuple[bool, ...] = eqx.field(static=True)

    def at(self, index, transformed) -> Float[Array, "risk nodes choices"]:
        """The part of the table at this information (coordinates transformed)."""
        part = self.table[index] if self.table.shape[0] > 1 else self.table[0]
        for j, axis in enumerate(self.axes):
            part = along_first(part, *axis.locate(transformed[j]))
        return part

    def __call__(self, own, view, info, *, key=None):
        """The choice of one individual."""
        index, coordinates = info
        # A rule without coordinate axes (a stationary start) reads none, whatever the information offers.
        used = coordinates[: len(self.axes)]
        part = self.at(index, [jnp.log(c) if log else c for c, log in zip(used, self.logs, strict=True)])
        risk = own.risk_field()
        state = getattr(own, risk) if risk else 0
        cell, weight = self.own_axis.locate(getattr(own, stock_field(self.agent)))
        weight = jnp.maximum(weight, 0.0)
        positions = part[state, cell] * (1 - weight) + part[state, cell + 1] * weight
        return choose(self.agent, own, view, jnp.clip(positions, 0.0, 1.0))

    def moved_to(self, axes: tuple[Axis, ...]) -> "TableRule":
        """The same rule on other coordinate nodes."""
        table = self.table
        for j, (old, new) in enumerate(zip(self.axes, axes, strict=True)):
            first = jnp.moveaxis(table, j + 1, 0)
            moved = jax.vmap(lambda x: along_first(first, *old.locate(x)))(new.nodes)  # noqa: B023
            table = jnp.moveaxis(moved, 0, j + 1)
        return eqx.tree_at(lambda r: (r.table, r.axes), self, (table, axes))

    def on(self, own_axis: Axis) -> "TableRule":
        """The same rule on other nodes of the own stock."""
        last = jnp.moveaxis(self.table, -2, 0)
        moved = jax.vmap(lambda x: along_first(last, *self.own_axis.locate(x)))(own_axis.nodes)
        return eqx.tree_at(lambda r: (r.table, r.own_axis), self, (jnp.moveaxis(moved, 0, -2), own_axis))
