"""One round of Krusell and Smith's economy, written by hand: the yardstick of `generic_vs_hand.py`.

What somebody who knows the economy would write in JAX for this economy alone: prices by formula, consumption by its
closed form, one array operation for all paths, expectation and interpolation in one matrix. It does the same work as one
round of the generic loop on the same nodes, and gives the same numbers: it simulates the paths, fits the log-linear law
by state, and takes the endogenous-grid sweeps. It shares no code with the library, only the numbers it is handed.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Constants(NamedTuple):
    """Parameters, nodes and shocks.

    `nodes` (n,) of the rule, `grid` (m,) of the histogram, `left` and `weight` (m,) where the grid lies among the nodes,
    `income` (2, 2) = wage units by aggregate state and income state, `moves` (2, 2) and `chance` (2, 2, 2, 2) transition
    probabilities of the aggregate and, given it, of the income state; `exo` (paths,) and `shocks` (paths, dates).
    """

    beta: jax.Array
    gamma: jax.Array
    alpha: jax.Array
    delta: jax.Array
    k_min: jax.Array
    mu: jax.Array
    labour: jax.Array
    z: jax.Array
    moves: jax.Array
    chance: jax.Array
    nodes: jax.Array
    grid: jax.Array
    left: jax.Array
    weight: jax.Array
    ends: jax.Array  # low, high, pivot of the histogram
    exo: jax.Array
    shocks: jax.Array


class State(NamedTuple):
    """What a round hands to the next: shares of cash consumed (2, K, 2, n), their log K nodes, masses (paths, 2, m), law."""

    table: jax.Array
    coordinate: jax.Array
    mass: jax.Array
    law: jax.Array


def locate(grid, ends, x):
    """Cell and weight of the right node on a grid bent by a logarithm."""
    low, high, pivot = ends
    stretch = (len(grid) - 1) / jnp.log(1 + (high - low) / pivot)
    inside = jnp.clip(x, low, high)
    cell = jnp.clip((jnp.log(1 + (inside - low) / pivot) * stretch).astype(jnp.int32), 0, len(grid) - 2)
    return cell, (x - grid[cell]) / (grid[cell + 1] - grid[cell])


def cubic(coordinate, x):
    """First of four nodes and Lagrange weights on even nodes; linear for a quarter of the axis beyond them."""
    last = len(coordinate) - 1
    u = jnp.clip((x - coordinate[0]) / (coordinate[-1] - coordinate[0]) * last, -0.25 * last, 1.25 * last)
    first = jnp.clip(jnp.floor(u).astype(jnp.int32) - 1, 0, last - 3)
    t = u - first
    a, b, c, d = t, t - 1, t - 2, t - 3
    inner = jnp.stack([-b * c * d / 6, a * c * d / 2, -a * b * d / 2, a * b * c / 6], -1)
    zero = jnp.zeros_like(t)
    below, above = jnp.stack([1 - t, t, zero, zero], -1), jnp.stack([zero, zero, 3 - t, t - 2], -1)
    return first, jnp.where((u < 0)[..., None], below, jnp.where((u > last)[..., None], above, inner))


def prices(k: Constants, z, K, L, U):
    """Gross return and the income of either state."""
    Y = k.z[z] * K**k.alpha * L ** (1 - k.alpha)
    wage, tax = (1 - k.alpha) * Y / L, k.mu * U / L
    return 1 + k.alpha * Y / K - k.delta, wage[..., None] * jnp.stack(
        [jnp.broadcast_to(k.mu, L.shape), (1 - tax) * k.labour], -1
    )


def simulate(k: Constants, state: State):
    """All paths at once. Returns masses after the last date and log K (dates, paths)."""
    paths, m = len(k.exo), len(k.grid)
    offsets = (jnp.arange(2 * paths) * m).reshape(paths, 2, 1)

    def step(carry, z_next):
        mass, z = carry
        people = mass.sum(-1)
        K = mass.sum(1) @ k.grid
        R, income = prices(k, z, K, k.labour * people[:, 1], people[:, 0])
        first, weights = cubic(state.coordinate, jnp.log(K))
        around = state.table[z[:, None], first[:, None] + jnp.arange(4)]
        shares = jnp.einsum("pq,pqea->pea", weights, around, precision="highest")
        at_nodes = shares * (R[:, None, None] * k.nodes + income[:, :, None] - k.k_min)
        low = at_nodes[..., k.left]
        c = low + k.weight * (at_nodes[..., k.left + 1] - low)
        cash = R[:, None, None] * k.grid + income[:, :, None]
        saved = cash - jnp.clip(c, 0.0, cash - k.k_min)
        cell, right = locate(k.grid, k.ends, saved)
        right = jnp.clip(right, 0.0, 1.0)
        flat, up = (cell + offsets).reshape(-1), (mass * right).reshape(-1)
        moved = jnp.zeros(2 * paths * m).at[flat].add(mass.reshape(-1) - up, mode="promise_in_bounds")
        moved = moved.at[flat + 1].add(up, mode="promise_in_bounds").reshape(paths, 2, m)
        mixed = jnp.einsum("pef,pea->pfa", k.chance[z, z_next], moved, precision="highest")
        return (mixed, z_next), jnp.log(K)

    (mass, _), seen = jax.lax.scan(step, (state.mass, k.exo), k.shocks.T)
    return mass, seen


def fit(k: Constants, seen):
    """Coefficients (2, 2) = (state, constant and slope) of log K' on log K, centred."""
    z = jnp.concatenate([k.exo[None], k.shocks.T[:-1]])[:-1]
    x, y = seen[:-1], seen[1:]

    def line(state):
        here = (z == state).astype(x.dtype)
        count = here.sum()
        mean_x, mean_y = (here * x).sum() / count, (here * y).sum() / count
        slope = (here * (x - mean_x) * (y - mean_y)).sum() / (here * (x - mean_x) ** 2).sum()
        return jnp.stack([mean_y - slope * mean_x, slope])

    return jnp.stack([line(0), line(1)])


def node_prices(k: Constants, coordinate):
    """Gross return (2, K) and income (2, K, 2) at the nodes: what follows from the formulas."""
    z = jnp.broadcast_to(jnp.arange(2)[:, None], (2, len(coordinate)))
    idle = jnp.broadcast_to(unemployment(k)[:, None], z.shape)
    K = jnp.broadcast_to(jnp.exp(coordinate), z.shape)
    return prices(k, z, K, k.labour * (1 - idle), idle)


def unemployment(k: Constants):
    """Unemployment by aggregate state: the share that the chain gives back when the state does not change."""
    stay = k.chance[jnp.arange(2), jnp.arange(2)]
    return stay[:, 1, 0] / (stay[:, 1, 0] + stay[:, 0, 1])


def sweeps(k: Constants, table, coordinate, law, R, income, number: int):
    """Endogenous-grid sweeps at all nodes. Expectation and interpolation are one matrix over (z, K, e), made once."""
    size, n = 4 * len(coordinate), len(k.nodes)
    first, weights = cubic(coordinate, law[:, :1] + law[:, 1:] * coordinate)
    spread = jnp.zeros((2, size // 4, size // 4))
    z, row = jnp.arange(2)[:, None, None], jnp.arange(size // 4)[None, :, None]
    spread = spread.at[z, row, first[..., None] + jnp.arange(4)].add(weights)
    chance = k.moves[:, :, None, None] * k.chance
    ahead = k.beta * jnp.einsum("zjef,zkl,jl->zkejlf", chance, spread, R).reshape(size, size)
    gross, base = R[:, :, None, None], k.nodes - income[..., None]
    cash = gross * k.nodes + income[..., None] - k.k_min
    per_gross, per_cash = 1 / gross, 1 / cash

    def sweep(_, table):
        marginal = jnp.exp(-k.gamma * jnp.log(table * cash))
        W = (ahead @ marginal.reshape(size, n)).reshape(table.shape)
        c = jnp.exp(-jnp.log(W) / k.gamma)
        start = (c + base) * per_gross
        onto = lines_through(k, start.reshape(size, n), c.reshape(size, n)).reshape(table.shape)
        return jnp.where(k.nodes < start[..., :1], 1.0, jnp.clip(onto * per_cash, 0.0, 1.0))

    return jax.lax.fori_loop(0, number, sweep, table)


def lines_through(k: Constants, x, y):
    """At the nodes: the lines through the points (x, y) of each row, x ascending; linear beyond both ends.

    How many points lie below each node is counted from where the points lie among the nodes, which is arithmetic.
    """
    rows, n = x.shape
    cell, _ = locate(k.nodes, jnp.stack([k.nodes[0], k.nodes[-1], k.ends[2]]), x)
    cell = jnp.where(x >= k.nodes[-1], n, cell + (k.nodes[cell] <= x))
    flat = (cell + (n + 1) * jnp.arange(rows)[:, None]).reshape(-1)
    counts = jnp.zeros(rows * (n + 1), jnp.int32).at[flat].add(1, mode="promise_in_bounds").reshape(rows, n + 1)
    left = jnp.clip(jnp.cumsum(counts[:, :n], axis=1), 1, n - 1) - 1
    slope = (y[:, 1:] - y[:, :-1]) / (x[:, 1:] - x[:, :-1])
    level = y[:, :-1] - slope * x[:, :-1]

    def at(line):
        return jnp.take_along_axis(line, left, axis=1, mode="promise_in_bounds")

    return at(level) + at(slope) * k.nodes


def one_round(k: Constants, state: State, number: int) -> tuple[State, jax.Array]:
    """Simulate, fit, sweep; returns the next state and the changes of rule, law and cross-section."""
    mass, seen = simulate(k, state)
    law = fit(k, seen)
    R, income = node_prices(k, state.coordinate)
    table = sweeps(k, state.table, state.coordinate, law, R, income, number)
    x = jnp.stack([jnp.ones_like(state.coordinate), state.coordinate])
    changes = jnp.stack([
        jnp.max(jnp.abs(table - state.table)),
        jnp.max(jnp.abs((law - state.law) @ x)),
        0.5 * jnp.abs(mass - state.mass).sum() / state.mass.sum(),
    ])  # fmt: skip
    return State(table, state.coordinate, mass, law), changes


def constants(lab, rule) -> Constants:
    """The numbers of a laboratory of the library, for the kernels above."""
    economy, axis, own = lab.economy, lab.populations["household"].axis, rule.own_axis
    household, risk = economy.household, economy.household.risk
    grid, nodes = axis.nodes, own.nodes
    left = np.clip(np.searchsorted(np.asarray(nodes), np.asarray(grid), side="right") - 1, 0, len(nodes) - 2)
    weight = (grid - nodes[left]) / (nodes[left + 1] - nodes[left])
    return Constants(
        household.beta, household.gamma, economy.alpha, economy.delta, household.k_min, household.mu, risk.values[1],
        economy.exogenous.values, economy.exogenous.transition, risk.transition, nodes, grid, jnp.asarray(left), weight,
        jnp.stack([jnp.asarray(x, float) for x in (axis.low, axis.high, axis.pivot)]), lab.exo, lab.shocks,
    )  # fmt: skip


def state_of(loop) -> State:
    """The state of the library's loop, for the kernels above."""
    learner = loop.learners["household"]
    table, belief = learner.table, learner.belief
    return State(table.table[..., 0], table.axes[0].nodes, loop.economy.cross["household"], law_lines(belief))


def law_lines(belief) -> jax.Array:
    """A log-linear law of the library as constant and slope by state."""
    ends = jnp.asarray([[0.0], [1.0]])
    at = jax.vmap(jax.vmap(lambda z, x: belief.step(z, x, z)[0], in_axes=(None, 0)), in_axes=(0, None))(jnp.arange(2), ends)
    return jnp.stack([at[:, 0], at[:, 1] - at[:, 0]], axis=-1)
