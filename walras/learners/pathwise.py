"""The exact pathwise gradient for listed individuals: each lives along a recorded path, prices taken as given.

What lies beyond the stretch is worth, at the margin, what the stock is worth there (the envelope tail):

    J = Σ_t D_t u(s_t, a_t) + D_T V_s(T) s_T        V_s(T) = u_s − u_a m_s/m_a at the last date, held fixed

D is the product of discount factors. One individual that stands for all is nowhere else than where it is: its rule has the
same positions at all own nodes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras.economy import foc
from walras.economy.agent import AgentType
from walras.economy.space import choose
from walras.economy.task import Field
from walras.learners.adjoint import Adjoint


def pathwise(agent: AgentType, field: Field, parts: Float[Array, "path time own choices"], start) -> Adjoint:
    """The gradient of a representative's lifetime payoff by positions, which are the same at all own nodes.

    Args:
        field: records, leading axes (path, time); the last date is where the tail begins.
        parts: positions at the own nodes at every date.
        start: own state at the first date, leading axes (path, 1).

    Returns:
        Gradients (zero at the last date) and the size of today's part of them; `value` is that of the first date's stretch.
    """

    def one_path(own, view, outcome, part):
        def life(p):
            return _life(agent, own, view, outcome, p)[0]

        value, gradient = jax.value_and_grad(life)(part)
        _, today = _life(agent, own, view, outcome, part)
        return gradient, jnp.broadcast_to(today[:, None], gradient.shape) / part.shape[1], value

    first = jax.tree_util.tree_map(lambda leaf: leaf[:, 0], start)
    gradient, scale, value = jax.vmap(one_path)(first, field.view, field.outcome, parts)
    return Adjoint(gradient, scale, jnp.broadcast_to(value[:, None, None], parts.shape[:3]))


def _life(agent, own, view, outcome, part):
    """Discounted payoff with its tail, and discounted |∂u/∂position| by date."""
    position = jnp.mean(part, axis=1)  # the same number everywhere: so every node gets an equal share of the gradient

    def step(carry, at):
        s, weight = carry
        v, out, p = at
        weight = weight * agent.discount(s, v, out)

        def payoff(q):
            return agent.payoff(s, choose(agent, s, v, q), v, out)

        slope = jnp.abs(weight * jax.jacfwd(payoff)(p))
        moved = agent.move(s, choose(agent, s, v, p), v, out)
        return (moved, weight), (weight * payoff(p), slope)

    lives = jax.tree_util.tree_map(lambda leaf: leaf[:-1], (view, outcome, position))
    (last, weight), (paid, today) = jax.lax.scan(step, (own, jnp.ones(())), lives)
    v, out, p = jax.tree_util.tree_map(lambda leaf: leaf[-1], (view, outcome, position))
    frozen = jax.lax.stop_gradient((last, p))
    worth = foc.marginal_value(agent, frozen[0], choose(agent, frozen[0], v, frozen[1]), v, out)
    worth = jax.lax.stop_gradient(worth * agent.discount(frozen[0], v, out))
    tail = weight * worth * getattr(last, foc.stock_field(agent))
    return jnp.sum(paid) + tail, jnp.concatenate([today, jnp.zeros((1, *today.shape[1:]))])
