"""How what does not clear answers to what is unknown, at every pair of dates, around a stationary equilibrium (fake news).

A person's rule today depends on what will be, not on when it was heard: what an unknown s dates ahead does today, and to the
next cross-section, is known for all dates once it is known for s = 0 … n − 1.

    @article{auclert2021using, title={Using the sequence-space {J}acobian to solve and estimate heterogeneous-agent models},
      author={Auclert, Adrien and Bard{\\'o}czy, Bence and Rognlie, Matthew and Straub, Ludwig}, journal={Econometrica},
      volume={89}, number={5}, pages={2375--2408}, year={2021}}
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras.economy import period as periods
from walras.economy.process import transition_matrix
from walras.learners.egm import Prospect, answer, marginal_values
from walras.learners.frozen import FrozenDate
from walras.learners.table import TableRule


class Still(NamedTuple):
    """A stationary equilibrium: its date, candidate (unknowns,), rule and cross-section (risk states, nodes)."""

    date: FrozenDate
    x: Float[Array, " unknowns"]
    rule: TableRule
    mass: Float[Array, "risk nodes"]


def view_of(date: FrozenDate, x, rule, mass):
    """What the type sees and gets at a date."""
    now = date.now(x, rule, mass)
    return now.views[date.name], now.outcome[date.name]


def _lead(tree):
    return jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf)[None], tree)


def back(date: FrozenDate, rule: TableRule, ahead, now):
    """The rule of a date, given that of the next; `ahead` and `now` are (view, outcome)."""
    agent, exo = date.agent, date.state.exo
    mix = transition_matrix(agent.risk, exo, exo, ahead[1])
    values = marginal_values(rule, Prospect(_lead(ahead[0]), _lead(ahead[1]), jnp.ones((1, 1, 1)), mix[None, None]))[0]
    W = jnp.einsum("ef,fa->ea", mix, values, precision="highest")
    table = answer(agent, rule.own_axis, W, *now, rule.table[0])
    return dataclasses.replace(rule, table=table[None])


def forward(date: FrozenDate, x, rule: TableRule, mass):
    """The record of a date and the next cross-section."""
    now, rules = date.now(x, rule, mass), {date.name: rule}
    state = dataclasses.replace(date.state, cross={date.name: mass})
    after = periods.move_on(date.economy, date.populations, rules, state, now, date.key, state.exo)
    return now, after.cross[date.name]


@brief_jit
def _news(end: Still, n: int, size: float):
    """Fake news at the end: what an unknown s dates ahead does to the excess today (n, out, in) and to the next
    cross-section (n, in, cells), and what a person at each cell does to the excess u dates ahead (n, out, cells)."""
    unknowns = len(end.x)
    date, x, rule, mass = end
    view = view_of(date, x, rule, mass)

    def shifted(direction, sign):
        def step(carry, s):
            later, ahead = carry
            here_x = jnp.where(s == 0, x + sign * size * direction, x)
            here = view_of(date, here_x, rule, mass)
            new = back(date, later, ahead, here)
            now, after = forward(date, here_x, new, mass)
            return (new, here), (date.excess(here_x, now), after.reshape(-1))

        return jax.lax.scan(step, (rule, view), jnp.arange(n))[1]

    def both(direction):
        (up, far_up), (down, far_down) = shifted(direction, 1.0), shifted(direction, -1.0)
        return (up - down) / (2 * size), (far_up - far_down) / (2 * size)

    today, spread = jax.lax.map(both, jnp.eye(unknowns))
    reads = jax.jacrev(lambda m: date.excess(x, date.now(x, rule, m)))(mass)
    _, transpose = jax.vjp(lambda m: forward(date, x, rule, m)[1], mass)

    def dated(read, _):
        return jax.vmap(lambda r: transpose(r)[0])(read), read.reshape(unknowns, -1)

    return jnp.moveaxis(today, 0, -1), jnp.swapaxes(spread, 0, 1), jax.lax.scan(dated, reads, None, length=n)[1]


def jacobian(end: Still, n: int) -> np.ndarray:
    """Response of every excess at every date to every unknown at every date, (n × unknowns, n × unknowns), at the end."""
    size = 1e-5 * max(float(np.abs(end.x).max()), 1e-2)  # a rate may be zero
    today, spread, reads = (np.asarray(part) for part in _news(end, n, size))
    m = len(end.x)
    J = np.zeros((n, m, n, m))
    J[0] = np.moveaxis(today, 0, 1)
    J[1:] = np.einsum("uoc,sic->uosi", reads[:-1], spread, optimize=True)
    for t in range(1, n):
        J[t, :, 1:] += J[t - 1, :, :-1]
    return J.reshape(n * m, n * m)
