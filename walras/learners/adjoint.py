"""The exact pathwise gradient of an individual's lifetime payoff along recorded paths, prices taken as given.

Along a path the cross-section of a cohort is pushed forward by the lottery (weights), then values come back the same way:

    V_t = u(a_t) + E[discount · V_{t+1}(move(a_t))]        gradient at date t = weight_t · ∂V_t/∂a_t

which needs no more memory than the weights of every date. With V linear between nodes, as the lottery has it, that is what
reverse-mode differentiation of the whole path gives; but then the best choice of the next stock jumps from node to node, and
consumption goes up and down by half of what it gains over a cell. So V is smooth between nodes (`cubics`): the same in the
limit of many nodes, with an error of third instead of first order. Prices, views and outcomes are records: nothing flows through them.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras.economy import foc
from walras.economy.agent import AgentType
from walras.economy.population import Histogram, Step
from walras.economy.process import transition_matrix
from walras.economy.space import choose
from walras.economy.task import Field
from walras.numerics.interpolate import cubics, pick


class Adjoint(NamedTuple):
    """`gradient` and `scale` (path, time, own, choices): of lifetime payoff by positions, and the weighted absolute slope
    of this date's payoff alone; `value` (path, time, own): discounted value of each own state at each date."""

    gradient: Float[Array, "path time own choices"]
    scale: Float[Array, "path time own choices"]
    value: Float[Array, "path time own"]


def adjoint(
    agent: AgentType,
    cohort: Histogram,
    field: Field,
    parts: Float[Array, "path time own choices"],
    start: Float[Array, "path own"],
    terminal: Float[Array, "path own"],
    *,
    smooth: bool = True,
) -> Adjoint:
    """The gradient along every path.

    Args:
        field: records, leading axes (path, time).
        parts: positions at the histogram's nodes (risk state major) at every date.
        start: weights of the own states at the first date.
        terminal: discounted value of each own state after the last date.
        smooth: values between nodes by cubics; else by the lottery's straight lines.
    """
    one_path = lambda *along: _along(agent, cohort, smooth, *along)  # noqa: E731
    along = (field.exo, field.exo_next, field.view, field.outcome, parts)
    return jax.vmap(one_path)(along, start, terminal)


def _along(agent, cohort, smooth, along, start, terminal) -> Adjoint:
    own, states, stock = cohort.batch(agent), agent.risk.n, foc.stock_field(agent)
    risk = type(own).risk_field()
    kind = getattr(own, risk) if risk else jnp.zeros(len(start), jnp.int32)

    def forward(cross, at):
        e, e_next, v, out, part = at
        weight = cross * jax.vmap(lambda o: agent.discount(o, v, out))(own)
        moved = jax.vmap(lambda o, p: agent.move(o, choose(agent, o, v, p), v, out))(own, part)
        step = Step(e, e_next, out, jnp.zeros((), jnp.int32))
        after = cohort.advance(agent, weight.reshape(states, -1), moved, None, step)
        return after.reshape(-1), weight

    weights = jax.lax.scan(forward, start, along)[1]

    def backward(value_next, at):
        e, e_next, v, out, part, weight = at
        mix = transition_matrix(agent.risk, e, e_next, out)
        ahead = mix @ value_next.reshape(states, -1)
        pieces = cubics(cohort.axis, ahead) if smooth else _lines(ahead)

        def now(o, k, p):
            choice = choose(agent, o, v, p)
            cell, right = cohort.axis.lottery(getattr(agent.move(o, choice, v, out), stock))
            piece = pick(pieces, k * (cohort.axis.n - 1) + cell)
            later = piece[-1]
            for coefficient in reversed(range(pieces.shape[1] - 1)):
                later = piece[coefficient] + right * later
            found = agent.payoff(o, choice, v, out), later
            return found, found

        slopes, (payoff, later) = jax.vmap(jax.jacfwd(now, argnums=2, has_aux=True))(own, kind, part)
        today, tomorrow = (weight[:, None] * slope for slope in slopes)
        value = jax.vmap(lambda o: agent.discount(o, v, out))(own) * (payoff + later)
        return value, (today + tomorrow, jnp.abs(today), value)

    _, (gradient, scale, value) = jax.lax.scan(backward, terminal, (*along, weights), reverse=True)
    return Adjoint(gradient, scale, value)


def _lines(values: Float[Array, "rows n"]) -> Float[Array, "cells 2"]:
    """Straight lines in each cell, as `cubics`."""
    return jnp.stack([values[:, :-1], values[:, 1:] - values[:, :-1]], axis=-1).reshape(-1, 2)


def residual_of(found: Adjoint, parts: Float[Array, "path time own choices"]) -> Array:
    """How far the first-order conditions are from zero on average over the stretch, as a share of marginal payoff.

    Summed over dates with its sign, node by node; corners do not count.
    """
    inside = (parts > 0.005) & (parts < 0.995)
    signed = jnp.abs(jnp.sum(jnp.where(inside, found.gradient, 0.0), axis=(0, 1)))
    return jnp.sum(signed) / jnp.sum(jnp.where(inside, found.scale, 0.0))
