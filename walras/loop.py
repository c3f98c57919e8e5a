"""The one loop of learning: simulate with the present rules, let every learner update, measure how far there is to go.

Everything a round does is inside one compiled chunk whose length is traced; the host does progress, interruption and
checkpoints between chunks. Chunking never changes a bit of the result.

The shock paths are the same in every round and return to where they began, so that a round is a fixed map: the
cross-section at a path's end is the next round's start. With fresh shocks the law would hover at the sampling error. A learner
that asks for them (`Learner.fresh`) gets them all the same, and is judged by a residual instead of a distance.
"""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras import health, lessons
from walras._core.compiling import brief_jit
from walras._core.host import on_host
from walras._core.keys import host_generator, stream
from walras._core.tree import all_finite
from walras._core.types import Key
from walras.economy import path as paths
from walras.economy import period as periods
from walras.economy.economy import Economy
from walras.economy.population import Histogram, Panel, Population
from walras.economy.process import Process
from walras.economy.task import Roll, Task, as_field, life_of, record_of
from walras.learners.curriculum import Curriculum
from walras.learners.learner import Experience, Learner
from walras.learners.mixing import Mixing, mixed
from walras.learners.preset import Preset

MEASURES = ("rule", "law", "cross")


class Laboratory(eqx.Module):
    """Everything that stays the same from round to round. `exo` (paths,), `shocks` (paths, dates; where every round has new
    shocks only their shape matters)."""

    economy: Economy
    populations: dict[str, Population]
    learners: dict[str, Learner]
    exo: Array
    shocks: Array
    preset: Preset = eqx.field(static=True)
    stationary: bool = eqx.field(static=True)
    curriculum: Curriculum | None = eqx.field(static=True, default=None)

    @property
    def fresh(self) -> bool:
        """Whether every round has new shocks."""
        return not self.stationary and any(learner.fresh for learner in self.learners.values())

    def explores(self, name: str) -> bool:
        """Whether individuals of a type explore inside the economy."""
        return self.learners[name].explores(self.populations[name])

    @property
    def rounds(self) -> int:
        """Most rounds."""
        return self.experience.rounds

    @property
    def experience(self) -> Experience:
        """How much learners are shown: those that ask for new shocks in every round decide."""
        return experience_of(self.learners, self.preset)


def experience_of(learners: dict[str, Learner], preset: Preset) -> Experience:
    """Rounds, paths, dates and tolerance of a laboratory with these learners."""
    fresh = [learner for learner in learners.values() if learner.fresh]
    return max(learner.experience(preset) for learner in fresh or learners.values())


class Anchor(eqx.Module):
    """Where the present stage of a curriculum began, for one that may be begun again: learners, economy, what rounds are mixed by; how
    alive the economy has been of late, and how often stages were begun again."""

    learners: dict
    economy: periods.EconomyState
    mixing: Mixing | None
    alive: Array
    restarts: Array

    @classmethod
    def at_first(cls, learners: dict, economy: periods.EconomyState, mixing: Mixing | None) -> "Anchor":
        """That of the first stage."""
        return cls(learners, economy, mixing, jnp.zeros(()), jnp.asarray(np.int64(0)))


class LoopState(eqx.Module):
    """Everything that a round hands to the next: one pytree, one checkpoint.

    `learners` states by type; `economy` the start of every path (leading axis path); `trace` (max_rounds, 3) changes of
    rule, law and cross-section by round; `distance` (3,) estimated distances to the fixed point; `finite` whether all
    learner states are finite; `returns` how often the solve went back to its last good state; `anchor` None where no stage of a
    curriculum may be begun again.
    """

    round: Array
    key: Key
    learners: dict
    economy: periods.EconomyState
    trace: Float[Array, "rounds measures"]
    distance: Float[Array, " measures"]
    finite: Array
    mixing: Mixing | None = None
    returns: Array | None = None  # none in a checkpoint of before November 2026
    anchor: Anchor | None = None


def stationary_people(learners: dict[str, Learner], states: dict) -> dict[str, tuple[Histogram, np.ndarray]]:
    """Stationary cross-sections that learners found: the histogram and its mass."""
    found = {}
    for name, learner in learners.items():
        histogram, search = learner.histogram(states[name]), getattr(states[name], "search", None)
        if histogram is not None and search is not None:
            found[name] = (histogram, search.mass)
    return found


def shock_paths(economy: Economy, size: tuple[int, int], key: Key) -> tuple[Array, Array]:
    """Starting exogenous states (paths,) and the states after each date, `size` = (paths, dates); the last is the first."""
    draws = host_generator(stream(key, "paths")).random(size)
    return _shock_paths(economy.exogenous, draws)


@brief_jit
def _shock_paths(process: Process, draws: Float[Array, "paths dates"]) -> tuple[Array, Array]:
    exo = jax.vmap(process.start(None).at)(draws[:, -1])
    shocks = jax.vmap(lambda e, u: paths.states_after(process, e, u))(exo, draws)
    return exo, shocks.at[:, -1].set(exo)


def one_round(lab: Laboratory, loop: LoopState) -> LoopState:
    """One round: simulate, update every learner, measure."""
    key = stream(loop.key, "round", loop.round)
    begun, schedules = loop, {}
    if lab.curriculum is not None:
        lab, loop, schedules = lessons.at_round(lab, loop)
    rules = {name: learner.explore(loop.learners[name]) if lab.explores(name) else learner.rule(loop.learners[name])
             for name, learner in lab.learners.items()}  # fmt: skip
    if lab.stationary:
        economy, fields, rolls, priced = loop.economy, dict.fromkeys(lab.learners), {}, jnp.asarray(True)
    else:
        economy, fields, rolls, priced = _experience(lab, loop, rules)
    states, rule_change, law_change = {}, jnp.zeros(()), jnp.zeros(())
    types = periods.agents(lab.economy)
    for name, learner in lab.learners.items():
        start = loop.economy.cross[name]
        given = (types[name], lab.economy.exogenous, lab.populations[name], fields[name], lab.preset, start)
        task = Task(*given, rolls.get(name), schedules.get(name))
        update = functools.partial(learner.update, stream(key, f"learner.{name}"), loop.learners[name], task)
        states[name], progress = update() if lab.curriculum is None else lessons.if_it_learns(lab, loop, name, update)
        rule_change = jnp.maximum(rule_change, progress.rule_change)
        law_change = jnp.maximum(law_change, progress.law_change)
    mixing = loop.mixing
    if mixing is not None:
        active = _placed(states)
        mixing, states = mixed(mixing, loop.learners, states, active)
        # Every round then begins where the last one before began: what is mixed is all that one round hands to the next.
        economy = jax.tree_util.tree_map(lambda old, new: jnp.where(active, old, new), loop.economy, economy)
    economy = _resting(lab, states, economy)
    cross_change = _cross_change(loop.economy, economy)
    trace = loop.trace.at[loop.round].set(jnp.stack([rule_change, law_change, cross_change]))
    distance = estimated_distance(trace, loop.round)
    if mixing is not None:
        distance = largest_change(trace, loop.round, mixing.known)
    seen = [(field.view, field.outcome, field.info) for field in fields.values() if field is not None]
    finite = priced & all_finite((states, economy, seen, rolls, mixing, trace[loop.round]))
    new = LoopState(loop.round + 1, loop.key, states, economy, trace, distance, finite, mixing, loop.returns, loop.anchor)
    return new if loop.anchor is None else lessons.guarded(lab, begun, new, fields)


def _placed(states: dict) -> Array:
    """Whether all learners' nodes have come to rest."""
    return jnp.all(jnp.stack([s.rounds > s.pace.placing for s in states.values() if hasattr(s, "pace")]))


def _experience(lab: Laboratory, loop: LoopState, rules):
    """Simulate all paths: the states at the paths' ends, put back to date 0, fields by type, rolls of those who explored, and whether
    all prices were finite."""
    types = periods.agents(lab.economy)
    records = {name: record_of(name) for name in lab.learners}
    lives = {name: life_of(name, types[name]) for name in lab.learners if lab.explores(name)}

    def record(now, before):
        kept = ({name: keep(now, before) for name, keep in kind.items()} for kind in (records, lives))
        # Prices that nobody reads are looked at here, date by date: to keep them all would cost a tenth of the round.
        return *kept, all_finite(now.prices)

    final, (seen, lived, priced), shocks = _simulated(lab, loop, rules, record)
    rolls = {name: Roll(*lived[name], final.cross[name]) for name in lives}
    fields = {name: jax.vmap(as_field)(seen[name], loop.economy.exo, shocks) for name in lab.learners}
    final = dataclasses.replace(final, cross=_dealt(lab, final.cross), date=jnp.zeros_like(final.date))
    return final, fields, rolls, jnp.all(priced)


def _simulated(lab: Laboratory, loop: LoopState, rules, record):
    """Final states, records and the exogenous states after each date, by path."""

    def along(state, shocks, key):
        final, _, seen = paths.run_on(lab.economy, lab.populations, rules, (state, None), shocks, key, record)
        return final, seen

    exo, shocks = loop.economy.exo, lab.shocks
    chance = stream(loop.key, "chance", loop.round if lab.fresh else 0)
    if lab.fresh:
        draws = jax.random.uniform(stream(loop.key, "shocks", loop.round), shocks.shape)
        shocks = jax.vmap(lambda e, u: paths.states_after(lab.economy.exogenous, e, u))(exo, draws)
    final, seen = jax.vmap(along)(loop.economy, shocks, jax.random.split(chance, len(exo)))
    return final, seen, shocks


def _dealt(lab: Laboratory, cross: dict) -> dict:
    """People of a panel take the next place in the list.

    A place has the same luck in every round of a learner that simulates the same shocks again; whoever kept it would be
    lucky for ever.
    """
    panels = {name for name, population in lab.populations.items() if isinstance(population, Panel)}
    moved = lambda people: jax.tree_util.tree_map(lambda leaf: jnp.roll(leaf, 1, axis=1), people)  # noqa: E731
    return {name: moved(people) if name in panels else people for name, people in cross.items()}


@brief_jit
def training_fields(lab: Laboratory, loop: LoopState) -> dict:
    """What each type would see in the next round, leading axes (path, date): the states on which its rule was trained."""
    return _experience(lab, loop, {name: learner.rule(loop.learners[name]) for name, learner in lab.learners.items()})[1]


def _resting(lab: Laboratory, states, economy):
    """Without aggregate risk the learner itself knows the resting cross-section."""
    if not lab.stationary:
        return economy
    cross = {
        name: jnp.broadcast_to(states[name].search.mass, old.shape) if getattr(states[name], "search", None) else old
        for name, old in economy.cross.items()
    }
    return dataclasses.replace(economy, cross=cross)


def _cross_change(before, after) -> Array:
    """Largest over types: mean absolute change of the start, relative to the mean absolute value (sum over leaves)."""
    changes = [jnp.zeros(())]
    for name in after.cross:
        pairs = zip(jax.tree_util.tree_leaves(after.cross[name]), jax.tree_util.tree_leaves(before.cross[name]), strict=True)
        for new, old in pairs:
            if jnp.issubdtype(new.dtype, jnp.inexact):
                size = jnp.sum(jnp.abs(old))
                size = jnp.where(size > 0, size, jnp.maximum(jnp.sum(jnp.abs(new)), 1.0))  # nobody had anything
                changes.append(0.5 * jnp.sum(jnp.abs(new - old)) / size)
    return jnp.max(jnp.stack(changes))


def estimated_distance(trace: Float[Array, "rounds measures"], round_: Array) -> Float[Array, " measures"]:
    """change/(1 − rate), the rate by the last four rounds; infinite before there are four, or where nothing contracts.

    A last change says little: at a rate of .965 a round a change of 7e-5 was still 2e-3 away.
    """
    now = trace[round_]
    then = trace[jnp.maximum(round_ - 4, 0)]
    rate = jnp.where(then > 0, (now / jnp.where(then > 0, then, 1.0)) ** 0.25, 0.0)
    distance = jnp.where(rate < 1, now / jnp.maximum(1 - rate, 1e-12), jnp.inf)
    return jnp.where(round_ >= 4, jnp.where(now == 0, 0.0, distance), jnp.inf)


def largest_change(trace: Float[Array, "rounds measures"], round_: Array, mixed_: Array) -> Float[Array, " measures"]:
    """Largest change of the last three rounds, infinite before so many were mixed: mixed rounds have no rate to speak of."""
    last = trace[jnp.maximum(round_ - jnp.arange(3), 0)]
    return jnp.where(mixed_ > 3, jnp.max(last, axis=0), jnp.inf)


def tolerances(lab: Laboratory, loop: LoopState) -> np.ndarray:
    """What the estimated distances of rule, law and cross-section must fall below; of mixed rounds, their changes."""
    rule = lab.preset.tolerance if loop.mixing is None else lab.preset.mixed_tolerance
    return np.array([rule, rule, lab.preset.cross_tolerance])


def arrived(lab: Laboratory, loop: LoopState) -> Array:
    """Whether all three distances are below tolerance; without aggregate risk, whether the candidate stands still. Before the last stage
    of a curriculum nothing has arrived."""
    settled = True if lab.curriculum is None else lab.curriculum.settled(loop.round, lab.rounds)
    return _at_rest(lab, loop) & settled


def _at_rest(lab: Laboratory, loop: LoopState) -> Array:
    if lab.stationary:
        return (loop.round > 0) & (loop.trace[loop.round - 1, 0] < lab.preset.stationary_tolerance)
    if lab.fresh:  # a residual, no distance: with new shocks in every round nothing comes to rest
        return (loop.round > 0) & (loop.trace[loop.round - 1, 0] < lab.experience.tolerance)
    return jnp.all(loop.distance < tolerances(lab, loop))


def stuck(lab: Laboratory, loop: LoopState) -> bool:
    """Whether a stationary search has come to the end of where candidates may lie without having bracketed anything."""
    searches = [s.search for s in loop.learners.values() if getattr(s, "search", None) is not None] if lab.stationary else []
    return any(not bool(s.bracketed) and np.array_equal(s.x, s.tried) and int(loop.round) > 0 for s in searches)


def advance(lab: Laboratory, loop: LoopState, rounds: int) -> LoopState:
    """Up to `rounds` rounds; stops early where it has arrived or a number is not finite.

    A round that leaves such a number does not count: what comes back is the state before it, with `finite` false.
    """
    if not lab.stationary:
        return advance_compiled(lab, loop, np.int64(rounds))
    return _searched(lab, loop, rounds)


@on_host()
def _searched(lab: Laboratory, loop: LoopState, rounds: int) -> LoopState:
    """A stationary search solves sparse systems on the host: its rounds are few and run one by one."""
    for _ in range(rounds):
        if arrived(lab, loop) or not loop.finite or loop.round >= lab.rounds or stuck(lab, loop):
            break
        loop = _counted(loop, one_round(lab, loop)) if _sound(loop) else dataclasses.replace(loop, finite=jnp.asarray(False))
    return loop


def _counted(old: LoopState, new: LoopState) -> LoopState:
    return new if bool(new.finite) else dataclasses.replace(old, finite=new.finite)


@brief_jit
def _sound(loop: LoopState):
    """Whether what a round begins with is finite: it was when the last one ended."""
    return all_finite((loop.learners, loop.economy, loop.mixing))


@eqx.filter_jit
def advance_compiled(lab: Laboratory, loop: LoopState, rounds: Array) -> LoopState:
    """Up to `rounds` rounds, compiled for any number of them; a curriculum may go back to an earlier round among them."""

    def going(carry):
        loop, left = carry
        return (left > 0) & (loop.round < lab.rounds) & ~arrived(lab, loop) & loop.finite

    def step(carry):
        loop, left = carry
        new = one_round(lab, loop)
        return jax.lax.cond(new.finite, lambda: new, lambda: dataclasses.replace(loop, finite=new.finite)), left - 1

    loop = dataclasses.replace(loop, finite=loop.finite & all_finite((loop.learners, loop.economy, loop.mixing)))
    return jax.lax.while_loop(going, step, (loop, rounds))[0]


def origin(lab: Laboratory, loop: LoopState) -> health.Origin | None:
    """Where the first number went wrong in the round that does not count, of a loop that is no longer `finite`.

    Looks at what the round begins with, then at its simulation, then at what every learner makes of it.
    """
    begun = ((lab.economy, "parameter "), (loop.learners, ""), (loop.economy, "economy."), (loop.mixing, "mixing."))
    for tree, prefix in begun:
        if (found := health.first_bad(tree, prefix)) is not None:
            return found
    if not lab.stationary:
        seen, shocks = _looked(lab, loop)
        if (found := health.in_simulation(seen, np.asarray(loop.economy.exo), np.asarray(shocks), lab)) is not None:
            return found
    new = one_round(lab, loop) if lab.stationary else _one_round(lab, loop)
    for tree, prefix in (
        (new.learners, ""),
        (new.economy, "economy."),
        (new.trace[loop.round], "change of (rule, law, cross)"),
    ):
        if (found := health.first_bad(tree, prefix)) is not None:
            return found
    return None


_one_round = brief_jit(one_round)


@brief_jit
def _looked(lab: Laboratory, loop: LoopState):
    """The round's simulation again: `health.looks` of every date, and the exogenous states after each."""
    if lab.curriculum is not None:
        lab, loop, _ = lessons.at_round(lab, loop)
    rules = {name: learner.rule(loop.learners[name]) for name, learner in lab.learners.items()}
    _, seen, shocks = _simulated(lab, loop, rules, health.looks(lab.economy))
    return seen, shocks
