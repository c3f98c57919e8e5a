"""Perfect foresight from any cross-section to a stationary equilibrium, all markets cleared at every date.

Rules are swept backward from the end by endogenous grids, the cross-section is pushed forward through them, and what does
not clear at each date is driven to zero by a quasi-Newton method. Its first Jacobian is that of the end (fake-news
algorithm), its later ones Broyden's. The horizon is doubled until welfare stands still.

    @article{auclert2021using, title={Using the sequence-space {J}acobian to solve and estimate heterogeneous-agent models},
      author={Auclert, Adrien and Bard{\\'o}czy, Bence and Rognlie, Matthew and Straub, Ludwig}, journal={Econometrica},
      volume={89}, number={5}, pages={2375--2408}, year={2021}}
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras._core.errors import InputError, SolveError
from walras.economy import foc
from walras.economy import period as periods
from walras.economy.economy import Economy
from walras.economy.process import Distribution, transition_matrix
from walras.economy.space import choice_fields
from walras.learners.frozen import FrozenDate
from walras.learners.news import back, forward, jacobian, view_of
from walras.rest import Standing, lowest, rest, standing
from walras.simulate import attributes
from walras.solution import Solution

TOLERANCE = 1e-10
"""Largest excess, relative, that is left at any date."""


SEEN = 1e-8
"""Largest relative gap between the views that rules were swept back with and those of the path: a hundred times what the markets may miss."""


class Path(eqx.Module):
    """What happens along a candidate, leading axis date: the public record, what does not clear; payoffs, consumption and what
    a unit of it is worth (sums over people); the accounts' gaps relative to flows."""

    public: periods.Now
    excess: Float[Array, "dates unknowns"]
    payoff: Float[Array, " dates"]
    spent: Float[Array, " dates"]
    worth: Float[Array, " dates"]
    accounts: dict[str, Array]


@dataclasses.dataclass(frozen=True)
class Transition:
    """A transition that clears.

    `x` (horizon, unknowns) the candidate path; `value` (risk states, nodes) lifetime payoff at the first date by node of
    `start`; `welfare` its mean over people; `moved` by how much doubling the horizon moved it, in shares of consumption
    (None where the horizon was given); `inverse` of the Jacobian where it ended, to begin a transition nearby.
    """

    start: Float[Array, "risk nodes"]
    end: Standing
    x: np.ndarray
    path: Path
    value: np.ndarray
    welfare: float
    moved: float | None
    inverse: np.ndarray

    @property
    def horizon(self) -> int:
        """Number of dates before the end is taken to be reached."""
        return len(self.x)

    @property
    def excess(self) -> float:
        """Largest excess of any market at any date."""
        return float(np.abs(np.asarray(self.path.excess)).max())

    @property
    def accounts(self) -> dict[str, float]:
        """Largest gap of each identity, relative to the flows of a date."""
        return {name: float(np.abs(np.asarray(gap)).max()) for name, gap in self.path.accounts.items()}

    def dataset(self) -> xr.Dataset:
        """Prices, stocks and flows by date, dimension `horizon`, with names and units; stocks and flows carry the name of their type."""
        public, data = self.path.public, {}
        for name, values in (public.prices or {}).items():
            data[name] = ("horizon", np.asarray(values))
        for kind in (public.stocks, public.flows):
            for who, parts in kind.items():
                data |= {f"{who}_{name}": ("horizon", np.asarray(values)) for name, values in parts.items()}
        about = {
            "welfare": self.welfare,
            "largest_excess": self.excess,
            **{f"accounts_{k}": v for k, v in self.accounts.items()},
        }
        found = xr.Dataset(data, {"horizon": np.arange(self.horizon)}, about)
        for name, labels in attributes(self.end.economy, data).items():
            found[name].attrs.update(labels)
        return found


class _Tables(NamedTuple):
    tables: Array
    view: Any
    outcome: Any


def _proxy(date: FrozenDate, mass, n: int):
    """Cross-sections that have the risk states right at every date: all that a view may read besides the candidate."""
    exo = date.state.exo
    mix = transition_matrix(date.agent.risk, exo, exo, ())

    def step(m, _):
        return mix.T @ m, jnp.zeros_like(mass).at[:, 0].set(m)

    return jax.lax.scan(step, mass.sum(axis=1), None, length=n)[1]


def _rules(date: FrozenDate, x, end: Standing, proxies) -> Array:
    """Tables at every date, (date, index, risk, nodes, choices)."""
    last = view_of(date, end.x, end.rule, end.mass)

    def step(carry, at):
        rule, ahead = carry
        here = view_of(date, *at[:1], rule, at[1])
        rule = back(date, rule, ahead, here)
        return (rule, here), rule.table

    return jax.lax.scan(step, (end.rule, last), (x, proxies), reverse=True)[1]


@brief_jit
def _excesses(date: FrozenDate, x, mass, end: Standing):
    """What does not clear at each date of a candidate."""
    tables = _rules(date, x, end, _proxy(date, mass, len(x)))

    def step(mass, at):
        here, table = at
        now, mass_next = forward(date, here, dataclasses.replace(end.rule, table=table), mass)
        return mass_next, date.excess(here, now)

    return jax.lax.scan(step, mass, (x, tables))[1]


@brief_jit
def _recorded(date: FrozenDate, x, mass, end: Standing):
    """The path of a candidate, the lifetime payoff at the first date by node, and how far off views were."""
    agent, name = date.agent, date.name
    proxies = _proxy(date, mass, len(x))
    tables = _rules(date, x, end, proxies)

    def moved(now):
        view, outcome = now.views[name], now.outcome[name]
        return jax.vmap(lambda o, c: agent.move(o, c, view, outcome))(now.cross[name].own, now.choices[name])

    def ahead(outcome, stocks, value):
        """Expected value of the next date at every node."""
        cell, right = end.population.axis.lottery(getattr(stocks, foc.stock_field(agent)))
        mix = transition_matrix(agent.risk, date.state.exo, date.state.exo, outcome[name])
        flat, state = (mix @ value).reshape(-1), jnp.repeat(jnp.arange(len(value)), value.shape[1])
        at = state * value.shape[1] + cell
        return (flat[at] * (1 - right) + flat[at + 1] * right).reshape(value.shape)

    def spent(now):
        return getattr(now.choices[name], choice_fields(now.choices[name])[-1])

    def worth(now):
        """What a unit of consumption is worth, times consumption, summed over people."""
        view, outcome, cross = now.views[name], now.outcome[name], now.cross[name]
        slopes = jax.vmap(lambda o, c: foc.margins(agent, o, c, view, outcome))(cross.own, now.choices[name])
        return cross.weight @ (-slopes.u_c[:, -1] / slopes.m_c[:, -1] * spent(now))

    def step(mass, at):
        here, table, proxy = at
        rule = dataclasses.replace(end.rule, table=table)
        now, after = forward(date, here, rule, mass)
        paid = now.payoff[name]
        weight = now.cross[name].weight
        kept = (now.public(), date.excess(here, now), weight @ paid, weight @ spent(now), worth(now))
        off = _farthest(now.views[name], view_of(date, here, rule, proxy)[0])
        return after, (kept, (paid.reshape(mass.shape), moved(now), now.outcome), off)

    after, ((public, *sums), along, off) = jax.lax.scan(step, mass, (x, tables, proxies))
    final = date.now(end.x, end.rule, end.mass)
    still, rest_paid, beta = moved(final), final.payoff[name].reshape(mass.shape), _beta(date, final)

    def worthwhile(carry):
        value, _, n = carry
        new = rest_paid + beta * ahead(final.outcome, still, value)
        return new, jnp.max(jnp.abs(new - value)), n + 1

    going = lambda c: (c[1] > 1e-11 * jnp.max(jnp.abs(c[0]))) & (c[2] < 20_000)  # noqa: E731
    value, _, _ = jax.lax.while_loop(going, worthwhile, (rest_paid / (1 - beta), jnp.ones(()), 0))

    def earlier(value, at):
        paid, stocks, outcome = at
        return paid + beta * ahead(outcome, stocks, value), None

    value = jax.lax.scan(earlier, value, along, reverse=True)[0]
    state = jax.tree_util.tree_map(lambda a, b: jnp.concatenate([a[1:], b[None]]), public, _closing(date, after, end))
    gaps = jax.vmap(date.economy.accounts)(public, state)
    flows = sum(jnp.sum(jnp.abs(leaf)) for leaf in jax.tree_util.tree_leaves(public.flows)) / len(x)
    return Path(public, *sums, {k: v / flows for k, v in gaps.items()}), value, jnp.max(off)


def _farthest(one, other):
    """Largest relative gap between two views."""
    pairs = zip(jax.tree_util.tree_leaves(one), jax.tree_util.tree_leaves(other), strict=True)
    return jnp.max(jnp.stack([jnp.max(jnp.abs(a - b) / (1.0 + jnp.abs(b))) for a, b in pairs]))


def _closing(date: FrozenDate, mass, end: Standing):
    """The record of the first date after the last one, its stocks counted."""
    state = dataclasses.replace(date.state, cross={date.name: mass})
    counted = periods.opening(date.economy, date.populations, state).stocks
    return dataclasses.replace(date.now(end.x, end.rule, mass).public(), stocks=counted)


def _beta(date: FrozenDate, now):
    own = jax.tree_util.tree_map(lambda leaf: leaf[0], now.cross[date.name].own)
    return date.agent.discount(own, now.views[date.name], now.outcome[date.name])


def transition(
    start: Standing | Solution | Float[Array, "risk nodes"],
    economy: Economy,
    *,
    end: Standing | None = None,
    near: Transition | None = None,
    horizon: int | None = None,
    first: int = 150,
    longest: int = 1200,
) -> Transition:
    """From a cross-section to the stationary equilibrium of an economy, foreseen by everybody from the first date on.

    Args:
        start: an equilibrium of the economy at other parameters, or a cross-section on the histogram of `end`.
        economy: the economy from the first date on.
        end: its stationary equilibrium, searched for near the start if not given.
        near: a transition from the same start at other parameters: its path and Jacobian begin the search.
        horizon: number of dates; if None, `first` is doubled until welfare moves by less than 1e-6 of consumption.
        first, longest: first horizon that is tried, and the longest.

    Raises:
        InputError: for an economy of several types or with aggregate risk, or a cross-section on another histogram.
        SolveError: where no equilibrium, or no path that clears, is found.
    """
    begin = standing(start) if isinstance(start, Solution) else start
    if end is None:
        close = near.end if near is not None else begin if isinstance(begin, Standing) else None
        end = rest(economy, near=close)
    mass = _placed(begin, end)
    n = horizon or (near.horizon if near is not None else first)
    inverse = near.inverse if near is not None and near.horizon == n else None
    guess = near.x if near is not None and near.horizon == n else np.broadcast_to(np.asarray(end.x), (n, len(end.x)))
    found = _solved(end, mass, np.array(guess), inverse)
    while horizon is None:
        longer = np.concatenate([found.x, np.broadcast_to(np.asarray(end.x), found.x.shape)])
        if len(longer) > longest:
            raise SolveError(f"welfare still moves at a horizon of {found.horizon} dates", where="transition")
        after = _solved(end, mass, longer, None)
        beta = float(_discount(end))
        worth = float(np.asarray(after.path.worth) @ beta ** np.arange(after.horizon))
        moved = abs(after.welfare - found.welfare) / worth
        found = dataclasses.replace(after, moved=moved)
        if moved < 1e-6:
            break
    return found


_discount = brief_jit(lambda end: _beta(end.date, end.date.now(end.x, end.rule, end.mass)))


def _placed(begin, end: Standing):
    """The first cross-section on the histogram of the end."""
    mass = begin.mass if isinstance(begin, Standing) else jnp.asarray(begin)
    if not isinstance(begin, Standing):
        if mass.shape != end.mass.shape:
            raise InputError(f"a cross-section of shape {mass.shape}", where="transition", number=f"not {end.mass.shape}")
        return mass
    low, floor = lowest(begin.date.agent), lowest(end.date.agent)
    if low < floor:
        raise InputError("people of the start may hold less than people of the end must", where=type(end.economy).__name__,
                         number=f"{low:g} < {floor:g}", remedy="Leave the limit where it is, or lower it.")  # fmt: skip
    return _regridded(begin, end.population)


@brief_jit
def _regridded(begin: Standing, population):
    agent = begin.date.agent
    return population.place(agent, Distribution(*begin.population.individuals(agent, begin.mass)), None)


def _solved(end: Standing, mass, x: np.ndarray, inverse: np.ndarray | None) -> Transition:
    """The path that clears, by Broyden's method from the Jacobian of the end."""
    if inverse is None:
        inverse = np.linalg.inv(jacobian(end.still, len(x)))
    evaluate = lambda v: np.asarray(_excesses(end.date, jnp.asarray(v.reshape(x.shape)), mass, end)).reshape(-1)  # noqa: E731
    flat, gap = x.reshape(-1), evaluate(x.reshape(-1))
    for _ in range(60):
        if np.abs(gap).max() < TOLERANCE or not np.isfinite(gap).all():
            break
        step = -inverse @ gap
        for _ in range(8):  # a step so long that nothing can be computed, or everything is worse, is halved
            new = evaluate(flat + step)
            if np.isfinite(new).all() and np.abs(new).max() < 2 * np.abs(gap).max():
                break
            step = 0.5 * step
        change = inverse @ (new - gap)
        inverse = inverse + np.outer(step - change, step @ inverse) / (step @ change)
        flat, gap = flat + step, new
    if not np.abs(gap).max() < 100 * TOLERANCE:
        raise SolveError(f"no path clears: {np.abs(gap).max():.3g} is left", where="transition",
                         remedy="Go to the new parameters in smaller steps, each `near` the one before.")  # fmt: skip
    recorded = _recorded(end.date, jnp.asarray(flat.reshape(x.shape)), mass, end)
    path, value, off = jax.tree_util.tree_map(np.asarray, recorded)
    if not off < SEEN:
        raise InputError("what people see depends on the whole cross-section, which rules are swept back without knowing",
                         where=type(end.economy).__name__, number=f"{off:.3g} of a view",
                         remedy="Let views read prices, and stocks that nobody chooses.")  # fmt: skip
    return Transition(mass, end, flat.reshape(x.shape), path, value, float(np.sum(np.asarray(mass) * value)), None, inverse)
