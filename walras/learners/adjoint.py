"""The exact pathwise gradient of an individual's lifetime payoff along recorded paths, prices taken as given.

Along a path the cross-section of a cohort is pushed forward by the lottery (weights), then values come back the same way:

    V_t = u(a_t) + E[discount · V_{t+1}(move(a_t))]        gradient at date t = weight_t · ∂V_t/∂a_t

which is what reverse-mode differentiation of the whole path gives, but needs no more memory than the weights of every date.
Prices, views and outcomes are records: nothing flows through them.
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
from walras.numerics.interpolate import pick


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
) -> Adjoint:
    """The gradient along every path.

    Args:
        field: records, leading axes (path, time).
        parts: positions at the histogram's nodes (risk state major) at every date.
        start: weights of the own states at the first date.
        terminal: discounted value of each own state after the last date.
    """
    one_path = lambda *along: _along(agent, cohort, *along)  # noqa: E731
    along = (field.exo, field.exo_next, field.view, field.outcome, parts)
    return jax.vmap(one_path)(along, start, terminal)


def _along(agent, cohort, along, start, terminal) -> Adjoint:
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
        slope = _slopes(cohort.axis, ahead).reshape(-1)
        width = cohort.axis.nodes[1:] - cohort.axis.nodes[:-1]
        ahead = ahead.reshape(-1)

        def now(o, k, p):
            choice = choose(agent, o, v, p)
            payoff = agent.payoff(o, choice, v, out)
            cell, right = cohort.axis.lottery(getattr(agent.move(o, choice, v, out), stock))
            here = k * cohort.axis.n + cell
            w = pick(width, cell)
            lo, hi, dl, dr = pick(ahead, here), pick(ahead, here + 1), pick(slope, here), pick(slope, here + 1)
            t = right
            return payoff, lo + t * (hi - lo) + t * (1 - t) * ((1 - t) * (dl * w - (hi - lo)) - t * (dr * w - (hi - lo)))

        (payoff, later), pull = jax.vjp(lambda p: jax.vmap(now)(own, kind, p), part)
        nothing = jnp.zeros_like(weight)
        (today,), (tomorrow,) = pull((weight, nothing)), pull((nothing, weight))
        value = jax.vmap(lambda o: agent.discount(o, v, out))(own) * (payoff + later)
        return value, (today + tomorrow, jnp.abs(today), value)

    _, (gradient, scale, value) = jax.lax.scan(backward, terminal, (*along, weights), reverse=True)
    return Adjoint(gradient, scale, value)


def _slopes(axis, value):
    width = axis.nodes[1:] - axis.nodes[:-1]
    secant = (value[:, 1:] - value[:, :-1]) / width
    inner = (width[1:] * secant[:, :-1] + width[:-1] * secant[:, 1:]) / (width[1:] + width[:-1])
    first, last = 2 * secant[:, :1] - inner[:, :1], 2 * secant[:, -1:] - inner[:, -1:]
    return jnp.concatenate([first, inner, last], axis=1)


def residual_of(found: Adjoint, parts: Float[Array, "path time own choices"]) -> Array:
    """How far the first-order conditions are from zero on average over the stretch, as a share of marginal payoff.

    Summed over dates with its sign, node by node; corners do not count.
    """
    inside = (parts > 0.005) & (parts < 0.995)
    signed = jnp.abs(jnp.sum(jnp.where(inside, found.gradient, 0.0), axis=(0, 1)))
    return jnp.sum(signed) / jnp.sum(jnp.where(inside, found.scale, 0.0))
