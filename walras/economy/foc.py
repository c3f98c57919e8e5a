"""First-order conditions of a type, derived from `payoff` u and `move` m by automatic differentiation.

With one endogenous stock s and choices c, the marginal value of the stock along a fixed next stock is

    V_s = u_s − u_c m_s / m_c                                     (envelope)

and an interior choice k satisfies  u_k + m_k W = 0,  W = E[discount · V_s'].  Both hold in the interior and where a
limit on the *next stock* binds. Where a cap on a *choice* binds, or stocks outnumber choices, V_s is not implied by
today's choice: carry the co-state λ = u_s + m_sᵀ E[discount λ'] (`costate`).
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from walras.economy.agent import AgentType, Invertible
from walras.economy.space import choice_fields


class Margins(eqx.Module):
    """Partial derivatives of payoff and next stock: `u_s`, `m_s` scalars; `u_c`, `m_c` one entry per choice field."""

    u_s: Array
    m_s: Array
    u_c: Array
    m_c: Array

    @property
    def value(self) -> Array:
        """V_s, the marginal value of the stock along a fixed next stock.

        By the last choice: earlier choices shape its interval, so its corner is the limit on the next stock, where the
        formula still holds.
        """
        return self.u_s - self.u_c[-1] * self.m_s / self.m_c[-1]


def stock_field(agent: AgentType) -> str:
    """Name of the type's first endogenous stock."""
    return type(agent.limits()).endogenous()[0]


def margins(agent: AgentType, own, choice, view, outcome) -> Margins:
    """All first derivatives of one individual's payoff and next stock."""
    stock, names = stock_field(agent), choice_fields(choice)

    def values(s, c):
        state = own.to(**{stock: s})
        chosen = type(choice)(**dict(zip(names, c, strict=True)))
        return (
            agent.payoff(state, chosen, view, outcome),
            getattr(agent.move(state, chosen, view, outcome), stock),
        )

    s = jnp.asarray(getattr(own, stock), float)
    c = tuple(jnp.asarray(getattr(choice, name), float) for name in names)
    # Two payoffs, few inputs: forward mode compiles to less than reverse mode and runs as fast.
    (u_s, u_c), (m_s, m_c) = jax.jacfwd(values, argnums=(0, 1))(s, c)
    return Margins(u_s, m_s, jnp.stack(u_c), jnp.stack(m_c))


def marginal_value(agent: AgentType, own, choice, view, outcome) -> Array:
    """V_s of one individual."""
    return margins(agent, own, choice, view, outcome).value


def residual(agent: AgentType, own, choice, view, outcome, W) -> Array:
    """u_k + m_k W, one entry per choice: zero at an interior optimum."""
    slopes = margins(agent, own, choice, view, outcome)
    return slopes.u_c + slopes.m_c * W


def costate(agent: AgentType, own, choice, view, outcome, W) -> Array:
    """λ = u_s + m_s W: right also where a cap on a choice binds."""
    slopes = margins(agent, own, choice, view, outcome)
    return slopes.u_s + slopes.m_s * W


def implied_choice(agent: AgentType, own, choice, view, outcome, W, steps: int = 3) -> Array:
    """The value of the last choice at which its condition holds for this W, the other choices kept.

    By the type's own inversion where it offers one; else by Newton in logs, `log(−u_c/m_c) = log W`: exact in one step for
    power utility. This is what Euler errors are measured in: consumption units.
    """
    name = choice_fields(choice)[-1]
    if isinstance(agent, Invertible) and len(choice_fields(choice)) == 1:
        return getattr(agent.invert(W, own, view, outcome, agent.move(own, choice, view, outcome))[0], name)

    def gap(log_c):
        moved = dataclasses.replace(choice, **{name: jnp.exp(log_c)})
        slopes = margins(agent, own, moved, view, outcome)
        return jnp.log(-slopes.u_c[-1] / slopes.m_c[-1]) - jnp.log(W)

    x = jnp.log(getattr(choice, name))
    for _ in range(steps):
        value, slope = jax.jvp(gap, (x,), (jnp.ones_like(x),))
        x = x - value / slope
    return jnp.exp(x)


def invert(agent: AgentType, W, own, view, outcome, next_own, guess=None, steps: int = 8):
    """Choices and present stock at which W is the discounted expected marginal value of the next stock.

    By the type's own `invert` where it offers one; otherwise Newton, in logs, on
    `log(−u_k/m_k) = log W` for every choice and `m(s, choice) = next stock`. `guess` is (choice, own).
    """
    if isinstance(agent, Invertible):
        return agent.invert(W, own, view, outcome, next_own)
    stock = stock_field(agent)
    choice, start = guess
    names = choice_fields(choice)
    target = getattr(next_own, stock)

    def unpack(x):
        logs, s = x[:-1], x[-1]
        return type(choice)(**{n: jnp.exp(v) for n, v in zip(names, logs, strict=True)}), own.to(**{stock: s})

    def gaps(x):
        chosen, state = unpack(x)
        slopes = margins(agent, state, chosen, view, outcome)
        moved = getattr(agent.move(state, chosen, view, outcome), stock)
        return jnp.append(jnp.log(jnp.abs(slopes.u_c / slopes.m_c)) - jnp.log(W), moved - target)

    x = jnp.append(jnp.stack([jnp.log(getattr(choice, n)) for n in names]), getattr(start, stock))
    for _ in range(steps):
        step = jnp.linalg.solve(jax.jacfwd(gaps)(x), gaps(x))
        # Steps in logs are cut at a factor of e³: far starts cannot throw the iteration out of the positive numbers.
        x = x - jnp.append(jnp.clip(step[:-1], -3.0, 3.0), step[-1])
    return unpack(x)
