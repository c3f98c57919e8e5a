"""Axes of nodes with a closed-form location, and linear interpolation along them.

An axis is its end points and a bend, not a list of numbers: where a value lies among the nodes is arithmetic, which
costs less than a search and differentiates. Nodes are `low + pivot (exp(u log(1 + (high - low)/pivot)) - 1)` for
evenly spaced u in [0, 1]: close to evenly spaced below the pivot, close to geometric above it.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from walras._core.module import as_parameter


class Axis(eqx.Module):
    """`n` nodes between `low` and `high`, bent so that they are dense near `low` (a large pivot: evenly spaced)."""

    low: Float[Array, ""] = eqx.field(converter=as_parameter)
    high: Float[Array, ""] = eqx.field(converter=as_parameter)
    pivot: Float[Array, ""] = eqx.field(converter=as_parameter)
    n: int = eqx.field(static=True)

    @property
    def nodes(self) -> Float[Array, " n"]:
        """The nodes, ascending; the first is exactly `low`, the last exactly `high`."""
        u = jnp.arange(self.n) / max(self.n - 1, 1)
        nodes = self.low + self.pivot * jnp.expm1(u * jnp.log1p((self.high - self.low) / self.pivot))
        return nodes.at[-1].set(self.high) if self.n > 1 else nodes

    def locate(self, x: Float[Array, "*batch"]) -> tuple[Int[Array, "*batch"], Float[Array, "*batch"]]:
        """The cell of each value, and its relative position there; outside [0, 1] beyond the end nodes."""
        # Everything in units of the pivot: the quotient is needed twice, and a compiler makes a quotient only once, where
        # it would make the differences that lead to it anew for each use.
        reach = (self.high - self.low) / self.pivot
        distance = (x - self.low) / self.pivot
        # log(1 + x), not log1p: it vectorises, and one cell more or less near the floor is put right by the weight.
        stretch = (self.n - 1) / jnp.log(1.0 + reach)
        cell = jnp.clip((jnp.log(1.0 + jnp.clip(distance, 0.0, reach)) * stretch).astype(jnp.int32), 0, self.n - 2)
        nodes = (self.nodes - self.low) / self.pivot
        per_width = 1.0 / (nodes[1:] - nodes[:-1])
        return cell, (distance - pick(nodes, cell)) * pick(per_width, cell)

    def lottery(self, x: Float[Array, "*batch"]) -> tuple[Int[Array, "*batch"], Float[Array, "*batch"]]:
        """Cell and probability of its right node, such that the mean is kept (Young 2010); ends are absorbing."""
        cell, weight = self.locate(x)
        return cell, jnp.clip(weight, 0.0, 1.0)

    def through(self, xp: Float[Array, " m"], fp: Float[Array, " m"]) -> Float[Array, " n"]:
        """Piecewise linear interpolation through ascending points, at the nodes; linear beyond both ends.

        How many points lie below each node is counted from where the points lie among the nodes: arithmetic, no search.
        """
        cell, _ = self.locate(xp)
        nodes = self.nodes
        cell = jnp.where(xp >= nodes[-1], self.n, cell + (pick(nodes, cell) <= xp))
        below = jnp.cumsum(
            jnp.zeros(self.n + 1, jnp.int32).at[cell].add(1, mode="promise_in_bounds", wrap_negative_indices=False)
        )[: self.n]
        left = jnp.clip(below, 1, len(xp) - 1) - 1
        slope = (fp[1:] - fp[:-1]) / (xp[1:] - xp[:-1])
        level = fp[:-1] - slope * xp[:-1]
        return pick(level, left) + pick(slope, left) * nodes


def curved(values: Float[Array, " 4"], nodes: Float[Array, " 4"], weight, straight) -> Array:
    """Between the second and the third of four nodes: a cubic with the slopes of the parabolas through neighbours, as in `cubics`.

    Args:
        values, nodes: at the first and the last cell of a grid the outer node is the inner one again.
        weight: how far towards the third node, 0 … 1.
        straight: whether a straight line is wanted instead.
    """
    width = nodes[1:] - nodes[:-1]
    steps = (values[1:] - values[:-1]) / jnp.where(width > 0, width, 1.0)
    middle = steps[1]
    steps = jnp.where(width > 0, steps, middle)  # no neighbour: the cell's own slope
    slope = lambda i: (steps[i] * width[i + 1] + steps[i + 1] * width[i]) / (width[i] + width[i + 1])  # noqa: E731
    first, last = slope(0) - middle, slope(1) - middle
    bend = width[1] * weight * (1 - weight) * (first * (1 - weight) - last * weight)
    line = values[1] + weight * (values[2] - values[1])
    return line + jnp.where(straight, 0.0, bend)


def cubics(axis: Axis, values: Float[Array, "rows n"]) -> Float[Array, "rows*(n-1) 4"]:
    """Smooth interpolation along an axis: in each cell (row major) a cubic in the relative position, constant first.

    It goes through the values at the nodes, and has there the slope of the parabola through a node and its neighbours
    (Catmull and Rom's spline for uneven nodes): one continuous derivative, parabolas exactly, an error of third order.
    """
    nodes = axis.nodes
    width = nodes[1:] - nodes[:-1]
    rise = values[:, 1:] - values[:, :-1]
    secant = rise / width
    inner = (width[1:] * secant[:, :-1] + width[:-1] * secant[:, 1:]) / (width[1:] + width[:-1])
    slope = jnp.concatenate([2 * secant[:, :1] - inner[:, :1], inner, 2 * secant[:, -1:] - inner[:, -1:]], axis=1)
    left, right = slope[:, :-1] * width, slope[:, 1:] * width
    parts = (values[:, :-1], left, 3 * rise - 2 * left - right, left + right - 2 * rise)
    return jnp.stack(parts, axis=-1).reshape(-1, 4)


def pick(table: Float[Array, "n ..."], index: Int[Array, "..."]) -> Float[Array, "..."]:
    """`table[index]` for an index known to be inside: no wrapping, no clamping, which cost as much as the reading."""
    return table.at[index].get(mode="promise_in_bounds", wrap_negative_indices=False)


class EvenAxis(eqx.Module):
    """`n` ≥ 4 evenly spaced nodes between `low` and `high`, read by four-point (cubic Lagrange) interpolation.

    Its error falls with the fourth power of the spacing, so that ten nodes do for a smooth aggregate coordinate. Beyond
    the ends it goes on linearly for a quarter of the axis, then stays: an extrapolated cubic is worse than either, while
    a rule that is constant beyond its nodes can lead an economy astray before it has learnt. The certificate counts
    such dates.
    """

    low: Float[Array, ""] = eqx.field(converter=as_parameter)
    high: Float[Array, ""] = eqx.field(converter=as_parameter)
    n: int = eqx.field(static=True)

    @property
    def nodes(self) -> Float[Array, " n"]:
        """The nodes, ascending."""
        return self.low + (self.high - self.low) * jnp.arange(self.n) / (self.n - 1)

    def stencil(self, x: Float[Array, ""]) -> tuple[Int[Array, ""], Float[Array, " 4"]]:
        """First of the four nodes used for a value, and their weights."""
        last = self.n - 1
        u = jnp.clip((x - self.low) / (self.high - self.low) * last, -0.25 * last, 1.25 * last)
        first = jnp.clip(jnp.floor(u).astype(jnp.int32) - 1, 0, self.n - 4)
        t = u - first
        cubic = jnp.stack([
            -(t - 1) * (t - 2) * (t - 3) / 6,
            t * (t - 2) * (t - 3) / 2,
            -t * (t - 1) * (t - 3) / 2,
            t * (t - 1) * (t - 2) / 6,
        ])  # fmt: skip
        zero = jnp.zeros_like(t)
        left, right = jnp.stack([1 - t, t, zero, zero]), jnp.stack([zero, zero, 3 - t, t - 2])
        return first, jnp.where(u < 0, left, jnp.where(u > last, right, cubic))


def along_first(table: Float[Array, "n *rest"], axis: EvenAxis, x: Float[Array, ""], offset=0) -> Float[Array, "*rest"]:
    """Cubic interpolation of a table along its first axis; the axis' first node is row `offset`."""
    first, weights = axis.stencil(x)
    # A product, not a sum of four: a sum would be fused into, and made anew for, every individual that reads the result.
    return jnp.tensordot(weights, table[offset + first + jnp.arange(4)], axes=1, precision="highest")
