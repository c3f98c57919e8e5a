"""Frozen rules that a network departs from, and the one number that is chosen."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras.economy.agent import AgentType
from walras.economy.foc import stock_field
from walras.economy.space import Interval, choice_fields
from walras.learners.table import TableRule
from walras.numerics.interpolate import Axis, pick
from walras.numerics.roots import bracketed


class Base(eqx.Module):
    """Consumption as a share of what is feasible at nodes of the own stock; above one where the limit binds.

    Between nodes consumption is interpolated, not its share; beyond them it goes on linearly. Where the limit binds the
    table has what consumption would be if the lower limit of the next stock were a little lower: the kink lies where this
    crosses what is feasible, and moves with prices.
    """

    axis: Axis
    shares: Float[Array, "risk nodes"]

    def __call__(self, agent: AgentType, own, view) -> Array:
        """Consumption of one individual if nothing were to bind."""
        risk, field = own.risk_field(), stock_field(agent)
        state = getattr(own, risk) if risk else 0
        cell, weight = self.axis.locate(getattr(own, field))
        nodes, shares = self.axis.nodes, self.shares.reshape(-1)

        def at(n):
            space = space_of(agent, own.to(**{field: pick(nodes, n)}), view)
            return space.low + pick(shares, state * self.axis.n + n) * (space.high - space.low)

        left, right = at(cell), at(cell + 1)
        return left + jnp.maximum(weight, 0.0) * (right - left)


class Everything(eqx.Module):
    """All that is feasible: what is consumed on the last date of a life. Has nodes for their ends alone."""

    axis: Axis

    def __call__(self, agent: AgentType, own, view) -> Array:
        """Consumption of one individual."""
        return space_of(agent, own, view).high


def space_of(agent: AgentType, own, view) -> Interval:
    """What one individual may choose from."""
    spaces = agent.feasible(own, view, {})
    return getattr(spaces, choice_fields(spaces)[0])


def as_choice(agent: AgentType, own, view, value):
    """The type's choice with this number in its one field."""
    spaces = agent.feasible(own, view, {})
    return type(spaces)(**{choice_fields(spaces)[0]: value})


@brief_jit
def at_rest(rule: TableRule, view, outcome):
    """(low, high) of the choice, its positions (first index) and those that keep the stock, at all own nodes (risk, nodes)."""
    agent, field = rule.agent, stock_field(rule.agent)
    template = agent.limits()
    risk = template.risk_field()

    def at(e, stock):
        own = template.to(**{field: stock})
        own = own.to(**{risk: e}) if risk else own
        space = space_of(agent, own, view)
        moved = lambda p: getattr(agent.move(own, as_choice(agent, own, view, space.at(p)), view, outcome), field)  # noqa: E731
        return (space.low, space.high), bracketed(lambda p: moved(p) - stock, jnp.zeros(()), jnp.ones(())).value

    over = jax.vmap(jax.vmap(at, in_axes=(None, 0)), in_axes=(0, None))
    ends, kept = over(jnp.arange(agent.risk.n), rule.own_axis.nodes)
    return ends, rule.table[0, ..., 0], jnp.clip(kept, 0.02, 1.0)


def unconstrained(positions: np.ndarray, ends, nodes: np.ndarray) -> np.ndarray:
    """Positions (risk, nodes) of a rule, gone on linearly in consumption below where its limit binds; `ends` of the choice."""
    low, high = (np.asarray(x) for x in ends)
    shares = np.array(positions)
    for e, row in enumerate(shares):
        free = np.nonzero(row < 1.0)[0]
        if not len(free) or free[0] == 0 or free[0] + 1 >= len(row):
            continue
        i = free[0]
        c = low[e] + row * (high[e] - low[e])
        slope = (c[i + 1] - c[i]) / (nodes[i + 1] - nodes[i])
        extended = c[i] + slope * (nodes[:i] - nodes[i])
        row[:i] = np.maximum((extended - low[e, :i]) / (high[e, :i] - low[e, :i]), 1.0)
    return shares
