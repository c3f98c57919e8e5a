"""A rule stored as a table of positions in the feasible set."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras.economy.agent import AgentType
from walras.economy.foc import stock_field
from walras.economy.rule import Information, Rule
from walras.economy.space import choose, nearest, positions_of
from walras.numerics.interpolate import Axis, EvenAxis, along_first, curved, pick


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


def tabulate(rule: Rule, frame: TableRule, belief) -> TableRule:
    """Any rule at the nodes of a frame, with the views that a belief forecasts there."""
    agent, template, field = frame.agent, frame.agent.limits(), stock_field(frame.agent)
    risk = template.risk_field()
    grids = jnp.meshgrid(jnp.arange(frame.table.shape[0]), *(axis.nodes for axis in frame.axes), indexing="ij")
    index = grids[0].reshape(-1)
    seen = jnp.stack([g.reshape(-1) for g in grids[1:]], -1) if frame.axes else jnp.zeros((len(index), 0))

    def at(i, there, state, stock):
        own = template.to(**{field: stock})
        own = own.to(**{risk: state}) if risk else own
        view, _ = belief.forecast(i, there)
        return jnp.stack(positions_of(agent, own, view, rule(own, view, (i, belief.raw(there)))))

    over = jax.vmap(at, in_axes=(None, None, None, 0))
    over = jax.vmap(over, in_axes=(None, None, 0, None))
    table = jax.vmap(over, in_axes=(0, 0, None, None))(index, seen, jnp.arange(agent.risk.n), frame.own_axis.nodes)
    return dataclasses.replace(frame, table=table.reshape(frame.table.shape))


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
    if left.amounts:
        between = jax.tree_util.tree_map(lambda x, y: x + jnp.maximum(weight, 0.0) * (y - x), left, right)
    else:
        around = jnp.clip(cell + jnp.arange(-1, 3), 0, axis.n - 1)
        kinked = jnp.any(part[row + cell + jnp.arange(2), -1] == 1.0)
        four = [at_node(n) for n in around]
        curve = lambda *x: curved(jnp.stack(x), pick(nodes, around), jnp.clip(weight, 0.0, 1.0), kinked)  # noqa: E731
        between = jax.tree_util.tree_map(curve, *four)
    return nearest(agent, own, view, between)
