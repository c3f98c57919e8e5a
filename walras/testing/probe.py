"""What the contract suites look at: an economy brought to life by rules that nobody has learnt.

A contract about equations needs points at which to ask them, and an arbitrary economy does not say where it can be. So
every type is given a smooth feasible rule with random coefficients, the economy is run for some dates from its births,
and the states, views and outcomes that came about, scattered around, are the points.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.keys import root_key, stream
from walras._core.results import RootStatus
from walras._core.types import Key, PyTree
from walras.economy import path as paths
from walras.economy import period as periods
from walras.economy.agent import AgentType, Institution
from walras.economy.economy import Clear, Economy
from walras.economy.population import Finite, Panel, Population
from walras.economy.process import Distribution
from walras.economy.rule import ConductRule, Information, Rule, ViewInformation
from walras.economy.space import choice_fields, choose
from walras.solve import discretised


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is looked at: individuals of a panel, dates of a run, random points, nodes of a histogram, seed."""

    individuals: int = 200
    dates: int = 6
    points: int = 200
    nodes: int = 60
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Situation:
    """Where to look, if births and random rules lead nowhere.

    `rules` by type, where markets clear only under sensible behaviour; `openings` by type, distributions of own states
    where births alone give no economy (all young, no capital).
    """

    rules: dict[str, Rule] = dataclasses.field(default_factory=dict)
    openings: dict[str, Distribution] = dataclasses.field(default_factory=dict)


def require(ok, subject: str, contract: str, what: str) -> None:
    """Raise AssertionError, naming the contract that the subject breaks, unless `ok`."""
    if not bool(ok):
        raise AssertionError(f"{subject} breaks the contract '{contract}': {what}")


def position_shapes(agent: AgentType, own, view) -> list[tuple[int, ...]]:
    """The shape of a position in each space of the type's choice, in field order."""
    spaces = agent.feasible(own, view, {})
    return [getattr(spaces, name).shape for name in choice_fields(spaces)]


class GenericRule(Rule):
    """A smooth rule with random coefficients: positions around `level` that move with own state and information."""

    agent: AgentType
    level: Array
    seed: Array
    information: Information = ViewInformation()

    def __call__(self, own, view, info, *, key=None):
        """Positions level^exp(½ tanh(b·x)), inside (0, 1)."""
        numbers = [jnp.ravel(jnp.asarray(leaf, float)) for leaf in jax.tree_util.tree_leaves((own, info))]
        x = jnp.tanh(0.3 * jnp.concatenate([jnp.ones(1), *numbers]))
        positions = []
        for number, shape in enumerate(position_shapes(self.agent, own, view)):
            weights = jax.random.normal(jax.random.fold_in(jax.random.key(self.seed), number), (*shape, x.shape[0]))
            positions.append(self.level ** jnp.exp(0.5 * jnp.tanh(weights @ x)))
        return choose(self.agent, own, view, positions)


class Points(eqx.Module):
    """Points of one type, leading axis (points,): own state, view, outcome and what it read."""

    own: PyTree
    view: PyTree
    outcome: PyTree
    info: PyTree


@dataclasses.dataclass(frozen=True)
class Probe:
    """An economy (processes on finite chains), listed populations, rules, and where a run led.

    `record` is the public record by date, `points` the scattered points by type, `cleared` the dates whose market did.
    """

    name: str
    economy: Economy
    populations: dict[str, Population]
    rules: dict[str, Rule]
    openings: dict[str, Distribution]
    state: periods.EconomyState
    exo_path: Array
    record: periods.Now
    points: dict[str, Points]
    cleared: np.ndarray
    key: Key
    sizes: Sizes

    @property
    def agents(self) -> dict[str, AgentType]:
        """Types by name."""
        return periods.agents(self.economy)

    def require(self, ok, contract: str, what: str) -> None:
        """Raise AssertionError unless `ok`."""
        require(ok, self.name, contract, what)


def listed(economy: Economy, individuals: int) -> dict[str, Population]:
    """A population of listed individuals for every type: a census where they have numbers, else a sample."""
    sizes = {name: getattr(agent, "identities", None) for name, agent in periods.agents(economy).items()}
    return {name: Finite(size) if size else Panel(individuals) for name, size in sizes.items()}


def generic_rules(economy: Economy, level: float, seed: int = 0) -> dict[str, Rule]:
    """A generic rule for every type."""
    return {
        name: ConductRule(agent)
        if isinstance(agent, Institution)
        else GenericRule(agent, jnp.asarray(level), jnp.asarray(1000 * seed + number))
        for number, (name, agent) in enumerate(periods.agents(economy).items())
    }


@eqx.filter_jit
def run(economy, populations, rules, state, exo_path, key):
    """Run the economy and keep (public record, {type: (own, view, outcome, info)}, weights) of every date."""

    def record(now: periods.Now, before: periods.Now):
        seen = {n: (c.own, now.views[n], now.outcome[n], now.infos[n]) for n, c in now.cross.items()}
        return now.public(), seen, {n: c.weight for n, c in now.cross.items()}

    return paths.run(economy, populations, rules, state, exo_path, key, record)


@eqx.filter_jit
def _cleared(economy, populations, rules, state, exo_path, key):
    """Dates whose market cleared, for each of many levels of the generic rules (leading axis of their `level`)."""

    def one(level):
        used = {n: dataclasses.replace(r, level=level) if isinstance(r, GenericRule) else r for n, r in rules.items()}
        status = paths.run(economy, populations, used, state, exo_path, key, lambda now, _: now.status[0])[1]
        return jnp.sum(status == int(RootStatus.BRACKETED))

    levels = jax.nn.sigmoid(jnp.linspace(-3.5, 3.5, 128))
    return levels, jax.lax.map(one, levels)


def opened(economy, populations, rules, key, openings: dict[str, Distribution]) -> periods.EconomyState:
    """The first state: births, or the given distributions."""
    state = periods.start(economy, populations, rules, key, jnp.asarray((economy.exogenous.n - 1) // 2))
    types = periods.agents(economy)
    placed = {n: populations[n].place(types[n], d, stream(key, f"birth.{n}")) for n, d in openings.items()}
    return dataclasses.replace(state, cross={**state.cross, **placed})


def probe(economy: Economy, situation: Situation | None = None, sizes: Sizes = Sizes()) -> Probe:
    """Bring an economy to life."""
    name, key, situation = type(economy).__name__, root_key(sizes.seed), situation or Situation()
    economy = discretised(economy, 3)
    populations = listed(economy, sizes.individuals)
    rules = generic_rules(economy, 0.3, sizes.seed) | situation.rules
    state = opened(economy, populations, rules, key, situation.openings)
    exo_path = paths.exogenous_path(economy, state.exo, sizes.dates, key)
    generic = any(isinstance(rule, GenericRule) for rule in rules.values())
    if isinstance(economy.market(), Clear) and generic:
        levels, dates = _cleared(economy, populations, rules, state, exo_path, key)
        rules = generic_rules(economy, float(levels[jnp.argmax(dates)]), sizes.seed) | situation.rules
    _, (record, seen, _) = run(economy, populations, rules, state, exo_path, key)
    cleared = np.asarray(record.status[0]) == int(RootStatus.BRACKETED)
    points = {n: scattered(periods.agents(economy)[n], *seen[n], stream(key, f"scatter.{n}")) for n in seen}
    return Probe(name, economy, populations, rules, situation.openings, state, exo_path, record, points, cleared, key, sizes)


def scattered(agent: AgentType, own, view, outcome, info, key: Key) -> Points:
    """Points of all dates and individuals, endogenous fields stretched by a factor between ½ and 1½ above their limit."""
    dates, count = jax.tree_util.tree_leaves(own)[0].shape[:2]
    flat = jax.tree_util.tree_map(lambda leaf: leaf.reshape(dates * count, *leaf.shape[2:]), own)
    limits = agent.limits()
    moved = {}
    for number, field in enumerate(type(limits).endogenous()):
        value, low = getattr(flat, field), getattr(limits, field).low
        factor = jax.random.uniform(jax.random.fold_in(key, number), value.shape, minval=0.5, maxval=1.5)
        floor = jnp.where(jnp.isfinite(low), low, 0.0)
        moved[field] = jnp.clip(floor + factor * (value - floor), low, getattr(limits, field).high)
    each = lambda tree: jax.tree_util.tree_map(lambda leaf: jnp.repeat(leaf, count, axis=0), tree)  # noqa: E731
    return Points(flat.to(**moved), each(view), each(outcome), each(info))


def sample(points: Points, count: int, seed: int = 1) -> Points:
    """`count` of the points, drawn at random."""
    size = jax.tree_util.tree_leaves(points)[0].shape[0]
    chosen = np.random.default_rng(seed).choice(size, count)
    return jax.tree_util.tree_map(lambda leaf: leaf[chosen], points)


def picked_by(agent: AgentType, own, view, positions):
    """The choice at these positions; an institution's is what it does by itself."""
    return agent.conduct(own, view) if isinstance(agent, Institution) else choose(agent, own, view, positions)


def random_choices(agent: AgentType, points: Points, key: Key, low: float = 0.0, high: float = 1.0, logs: bool = False):
    """Choices at random positions between `low` and `high`, even in logs if asked, one for each point."""
    ends = (jnp.log(low), jnp.log(high)) if logs else (low, high)

    def one(own, view, k):
        shapes = position_shapes(agent, own, view)
        keys = jax.random.split(k, len(shapes))
        drawn = [jax.random.uniform(kk, s, minval=ends[0], maxval=ends[1]) for kk, s in zip(keys, shapes, strict=True)]
        drawn = [jnp.exp(x) for x in drawn] if logs else drawn
        return picked_by(agent, own, view, drawn)

    count = jax.tree_util.tree_leaves(points)[0].shape[0]
    return jax.vmap(one)(points.own, points.view, jax.random.split(key, count))
