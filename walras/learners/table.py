"""A rule stored as a table of positions in the feasible set."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras.economy.agent import AgentType
from walras.economy.foc import stock_field
from walras.economy.rule import Information, Rule
from walras.economy.space import choose, nearest
from walras.numerics.interpolate import Axis, EvenAxis, along_first, pick


class TableRule(Rule):
    """Positions (0 … 1 within the feasible set) on index × coordinates × risk state × own stock.

    Cubic in the coordinates, linear in the own stock, where rules have kinks.

    `table` has shape (index, *coordinates, risk, nodes, choices). Coordinates are read in logs where `logs` says so.
    A position of one is the upper end of the feasible set exactly, so a binding limit stays exact between nodes.
    """

    agent: AgentType
    table: Float[Array, "..."]
    axes: tuple[EvenAxis, ...]
    own_axis: Axis
    information: Information
    logs: tuple[bool, ...] = eqx.field(static=True)

    def at(self, index, transformed) -> Float[Array, "risk nodes choices"]:
        """The part of the table at this information (coordinates transformed)."""
        index = index if self.table.shape[0] > 1 else 0
        if not self.axes:
            return self.table[index]
        # Index and first coordinate at once: a slice of the index alone would be read, and differentiated, whole.
        axis, *others = self.axes
        rows = self.table.reshape(-1, *self.table.shape[2:])
        part = along_first(rows, axis, transformed[0], index * axis.n)
        for j, axis in enumerate(others, start=1):
            part = along_first(part, axis, transformed[j])
        return part

    def transformed(self, coordinates) -> list[Array]:
        """Coordinates in logs where the table has them so."""
        # A rule without coordinate axes (a stationary start) reads none, whatever the information offers.
        used = coordinates[: len(self.axes)]
        return [jnp.log(c) if log else c for c, log in zip(used, self.logs, strict=True)]

    def part(self, view, info) -> Float[Array, "risk nodes choices"]:
        """Positions of all own states at this date."""
        index, coordinates = info
        return self.at(index, self.transformed(coordinates))

    def __call__(self, own, view, info, *, key=None):
        """The choice of one individual."""
        return between_nodes(self, self.part(view, info), own, view)

    def tabulated(self) -> "TableRule":
        """The rule as nothing but its table."""
        return self

    def moved_to(self, axes: tuple[EvenAxis, ...]) -> "TableRule":
        """The same rule on other coordinate nodes."""
        table = self.table
        for j, (old, new) in enumerate(zip(self.axes, axes, strict=True)):
            first = jnp.moveaxis(table, j + 1, 0)
            moved = jax.vmap(lambda x: along_first(first, old, x))(new.nodes)  # noqa: B023
            table = jnp.moveaxis(moved, 0, j + 1)
        return eqx.tree_at(lambda r: (r.table, r.axes), self, (table, axes))

    def on(self, own_axis: Axis) -> "TableRule":
        """The same rule on other nodes of the own stock; beyond the present ones positions stay."""
        last = jnp.moveaxis(self.table, -2, 0)
        cell, weight = self.own_axis.locate(own_axis.nodes)
        weight = jnp.clip(weight, 0.0, 1.0).reshape(-1, *(1,) * (last.ndim - 1))
        moved = last[cell] * (1 - weight) + last[cell + 1] * weight
        return eqx.tree_at(lambda r: (r.table, r.own_axis), self, (jnp.moveaxis(moved, 0, -2), own_axis))


def between_nodes(rule: TableRule, part: Float[Array, "risk nodes choices"], own, view):
    """The choice of one individual by positions at the nodes of a table's own stock."""
    agent, axis = rule.agent, rule.own_axis
    part = part.reshape(-1, part.shape[-1])
    nodes, risk, field = axis.nodes, own.risk_field(), stock_field(agent)
    state = getattr(own, risk) if risk else 0
    cell, weight = axis.locate(getattr(own, field))
    row = state * axis.n

    def at_node(n):
        there = own.to(**{field: pick(nodes, n)})
        return choose(agent, there, view, pick(part, row + n))

    # The choices at the two nodes are interpolated, not the positions: consumption is nearly linear in wealth, its
    # share in cash is not. The result is put back into the feasible set of the point itself.
    left, right = at_node(cell), at_node(cell + 1)
    between = jax.tree_util.tree_map(lambda x, y: x + jnp.maximum(weight, 0.0) * (y - x), left, right)
    return nearest(agent, own, view, between)
