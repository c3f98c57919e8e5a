"""`solve`: from an economy and a learner for each type to rules, and the evidence that they are an equilibrium."""

import dataclasses
import time
import weakref
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np

from walras import lessons
from walras._core.compiling import brief_jit
from walras._core.errors import InputError, SolveError, UnknownName
from walras._core.host import on_host
from walras._core.keys import root_key, stream
from walras._core.tree import entry, strong
from walras.diagnose.certificate import certify, failed
from walras.diagnose.evidence import Evidence, gather, judged
from walras.diagnose.finding import Finding
from walras.economy import period as periods
from walras.economy.agent import Institution
from walras.economy.economy import Economy
from walras.economy.population import Finite, Histogram, Panel, Population, Representative
from walras.economy.process import Distribution, Process
from walras.economy.rule import ConductRule, Information, ViewInformation
from walras.inputs import check_accounts, check_feasible, check_parameters, fitted
from walras.learners import mixing
from walras.learners import rest as resting
from walras.learners.curriculum import Curriculum
from walras.learners.euler import EulerIteration
from walras.learners.fixed import Fixed
from walras.learners.learner import Learner, Setup
from walras.learners.opening import placed
from walras.learners.preset import Preset
from walras.learners.preset import preset as preset_named
from walras.loop import (
    MEASURES,
    Anchor,
    Laboratory,
    LoopState,
    advance,
    arrived,
    experience_of,
    origin,
    shock_paths,
    stationary_people,
    stuck,
    tolerances,
)
from walras.solution import Solution


def discretised(economy: Economy, states: int) -> Economy:
    """The economy with every process on a continuum replaced by a finite chain."""

    def finite(node):
        return node.chain(states) if isinstance(node, Process) and node.n is None else node

    return jax.tree_util.tree_map(finite, economy, is_leaf=lambda node: isinstance(node, Process))


@on_host()
def laboratory(
    economy: Economy,
    learners: dict[str, Learner],
    populations: dict[str, Population] | None,
    information: dict[str, Information] | None,
    preset: Preset,
    key,
    curriculum: Curriculum | None = None,
) -> tuple[Laboratory, LoopState]:
    """Everything that the loop needs, and its first state.

    Raises:
        UnknownName: a learner, population, information or stage of a curriculum for a type that does not exist.
        InputError: a type without a learner, or one that its learner or population cannot take.
    """
    key = root_key(key)
    economy = discretised(economy, preset.exogenous_states)
    types = periods.agents(economy)
    _check_types(economy, learners, {"learner": learners, "population": populations, "information": information})
    check_feasible(economy, np.int64(0))
    stationary = economy.exogenous.n == 1 and all(learner.finds_rest(economy) for learner in learners.values())
    nodes = preset.stationary_nodes if stationary else preset.histogram_nodes
    populations = {name: (populations or {}).get(name) or default_population(types[name], nodes) for name in types}
    information = {name: (information or {}).get(name, ViewInformation()) for name in types}
    rules: dict[str, Any] = {name: learner.given for name in types if isinstance(learner := learners[name], Fixed)}
    states: dict[str, Any] = {}
    exo = jnp.asarray(np.int64((economy.exogenous.n - 1) // 2))
    rest = None
    if resting.applies(economy, populations):
        rest = resting.find(economy, populations, dict(rules), information, (stream(key, "rest"), exo), preset)
        populations = placed(populations, rest.saver, rest.histogram)
    for name in types:
        given = (economy, populations, rules, information[name], stream(key, f"init.{name}"), exo, name, preset)
        setup = Setup(*given, rest)
        states[name] = learners[name].init(setup)
        rules[name] = learners[name].rule(states[name])
        if (histogram := learners[name].histogram(states[name])) is not None:
            populations = placed(populations, name, histogram)
    sizes = experience_of(learners, preset)
    starts, shocks = shock_paths(economy, (sizes.paths, sizes.dates), key)
    if economy.exogenous.n == 1 and not _lived_along(learners, populations, states):
        starts, shocks = starts[:1], shocks[:1]
    given = rest.state.cross if rest is not None else {}
    state = _starts(economy, populations, rules, given, stationary_people(learners, states), (starts, key))
    check_accounts(economy, populations, rules, entry(state, 0), key)
    if curriculum is not None:
        lessons.check(curriculum, economy, learners, states, 0 if stationary else sizes.rounds)
    lab = Laboratory(economy, populations, learners, starts, shocks, preset, stationary, curriculum)
    nowhere, trace = np.full((3,), np.inf), np.zeros((lab.rounds, 3))
    number, finite = np.int64(0), np.bool_(True)
    mixed = mixing.start(states)
    anchor = None if curriculum is None or curriculum.collapse is None else Anchor.at_first(states, state, mixed)
    loop = LoopState(number, key, states, state, trace, nowhere, finite, mixed, np.int64(0), anchor)
    # Weakly typed or host arrays would make the compiled loop a second program on its second call.
    lab, loop = strong((lab, loop))
    return lab, loop


def _check_types(economy: Economy, learners, named: dict[str, dict | None]) -> None:
    """Every type that is named exists, and has a learner."""
    where, types = type(economy).__name__, periods.agents(economy)
    for kind, given in named.items():
        for name in given or {}:
            if name not in types:
                raise UnknownName("agent type", name, types, where=f"{kind} for {where}")
    for name in types:
        if name not in learners:
            raise InputError(f"type '{name}' has no learner", where=where, remedy="Give it one, or Fixed.")


def _lived_along(learners, populations, states: dict) -> bool:
    """Whether people explore in the paths or live along them; else, without aggregate risk, all paths are one."""
    explore = any(learner.explores(populations[name]) for name, learner in learners.items())
    return explore or any(getattr(state, "people", None) is not None for state in states.values())


def default_learner(agent) -> Learner:
    """What an institution does by itself, else `EulerIteration`."""
    return Fixed(ConductRule(agent)) if isinstance(agent, Institution) else EulerIteration()


def default_population(agent, nodes: int) -> Population:
    """A census of numbered individuals; a representative where all are alike for ever (no own risk, one kind at birth); else a
    histogram."""
    if (count := getattr(agent, "identities", None)) is not None:
        return Finite(count)
    alike = agent.risk.n == 1 and len(eqx.filter_eval_shape(lambda: agent.birth(0, 0).nodes()[1])) == 1
    return Representative() if alike else Histogram(None, nodes)


def _starts(economy, populations, rules, given: dict, found: dict, start):
    """The first state of every path: births, a cross-section that is given, or a distribution that was found at rest.

    `start` is (exogenous states, key).
    """
    exo, key = start
    types = periods.agents(economy)

    def one(e, number):
        state = periods.start(economy, populations, rules, jax.random.fold_in(key, number), e)
        cross = {**state.cross, **given}
        for name, (histogram, mass) in found.items():
            if isinstance(populations[name], Histogram):
                cross[name] = mass
            elif isinstance(populations[name], Panel):
                people = Distribution(histogram.batch(types[name]), mass.reshape(-1))
                cross[name] = populations[name].place(types[name], people, stream(key, "people", number))
        return dataclasses.replace(state, cross=cross)

    return brief_jit(jax.vmap(one))(exo, np.arange(len(exo)))


ROLLBACKS = 3
"""How often a solve goes back to its last good state and on with half the step, before it stops."""


class Interrupted(Exception):
    """The user asked to stop; `lab` and `loop` are where the solve stood."""

    def __init__(self, lab: Laboratory, loop: LoopState):
        super().__init__("interrupted")
        self.lab, self.loop = lab, loop


Watch = Callable[[Laboratory, LoopState], bool]
"""Called between chunks with the laboratory and the state of the loop; returns True to stop."""


def solve(
    economy: Economy,
    learners: dict[str, Learner] | None = None,
    *,
    populations: dict[str, Population] | None = None,
    information: dict[str, Information] | None = None,
    preset: str = "standard",
    key: int = 0,
    watch: Watch | None = None,
    curriculum: Curriculum | None = None,
) -> Solution:
    """Solve an economy and certify the result.

    Args:
        economy: the economy, e.g. `KrusellSmith.dhjj2010()`.
        learners: a learner for each type; `EulerIteration()` for every type that is not named.
        populations: how a type is represented; a histogram (a representative where all are alike) if not named.
        information: what a type conditions on; what the economy's view says if not named.
        preset: `fast`, `standard`, `precise` or `paper`.
        key: seed.
        watch: called between chunks of rounds (progress, checkpoints, interruption).
        curriculum: stages in which some types learn, in an economy that changes step by step until it is this one.

    Returns:
        The solution. Its verdict is `failed` where there is no equilibrium to be found; nothing is raised for that.

    Raises:
        InputError: if something given cannot be used; nothing has been computed then.
        Interrupted: if `watch` asked to stop.
    """
    sizes = preset_named(preset)
    check_parameters(economy)
    timer = Timer()
    name = type(economy).__name__
    economy, populations = fitted(economy, populations or {})
    types = periods.agents(economy)
    learners = {n: default_learner(agent) for n, agent in types.items()} | (learners or {})
    try:
        lab, loop = laboratory(economy, learners, populations, information, sizes, key, curriculum)
    except SolveError as error:
        return Solution(name, preset, key, None, None, failed(str(error)), None, timer.seconds())
    return finish(lab, loop, name=name, seed=key, watch=watch, timer=timer)


def settled(economy: Economy, learners: dict[str, Learner], preset: Preset, key: int) -> tuple[Laboratory, LoopState]:
    """Where the rounds of a solve end, without a certificate: for those who look at many equilibria."""
    lab, loop = laboratory(economy, learners, None, None, preset, key)
    while goes_on(lab, loop):
        loop = advance(lab, loop, 1)
    return lab, loop


def goes_on(lab: Laboratory, loop: LoopState) -> bool:
    """Whether there is another round: neither arrived, nor out of rounds, nor without numbers, nor at the end of a search."""
    return not (bool(arrived(lab, loop)) or int(loop.round) >= lab.rounds or not bool(loop.finite) or stuck(lab, loop))


def finish(lab: Laboratory, loop: LoopState, *, name: str, seed: int, watch: Watch | None, timer: "Timer") -> Solution:
    """Run the loop from where it stands to its end, then certify. Used by `solve` and by resuming."""
    chunk = 1 if lab.stationary else 20 if lab.fresh else 5
    while goes_on(lab, loop):
        if watch is not None and watch(lab, loop):
            raise Interrupted(lab, loop)
        loop = advance(lab, loop, chunk)
        if not bool(loop.finite) and _gone_back(loop) < ROLLBACKS:
            lab, loop = calmer(lab, loop)
    if watch is not None and watch(lab, loop):
        raise Interrupted(lab, loop)
    reason, fatal = why_stopped(lab, loop)
    if fatal:
        return Solution(name, lab.preset.name, seed, lab, loop, failed(reason), None, timer.seconds())
    evidence = gather_for(lab, loop, seed)
    certificate = certify(evidence, lab.preset.name, reason)
    return Solution(name, lab.preset.name, seed, lab, loop, certificate, evidence, timer.seconds())


def calmer(lab: Laboratory, loop: LoopState) -> tuple[Laboratory, LoopState]:
    """The last good state once more, all learners that have a step with half of it; as it is where none has."""
    learners, states, anchor = dict(lab.learners), dict(loop.learners), loop.anchor
    for name, learner in lab.learners.items():
        if (less := learner.calmer(states[name], lab.preset)) is not None:
            learners[name], states[name] = less
            if anchor is not None and (less := learner.calmer(anchor.learners[name], lab.preset)) is not None:
                anchor = dataclasses.replace(anchor, learners={**anchor.learners, name: less[1]})
    if all(learners[n] is lab.learners[n] and states[n] is loop.learners[n] for n in learners):
        return lab, loop
    again = {"anchor": anchor, "finite": np.bool_(True), "returns": np.int64(_gone_back(loop) + 1)}
    return strong((dataclasses.replace(lab, learners=learners), dataclasses.replace(loop, learners=states, **again)))


def _gone_back(loop: LoopState) -> int:
    return 0 if loop.returns is None else int(loop.returns)


@on_host()
def gather_for(lab: Laboratory, loop: LoopState, seed: int, dates: int | None = None) -> Evidence:
    """The fresh simulation of a solved laboratory, on shocks that its seed fixes and the solve never used."""
    lab, begin = judged(lab, loop, entry(loop.economy, 0))
    dates = dates or (1000 if lab.economy.exogenous.n == 1 else lab.preset.certificate_dates)
    return gather(lab, loop.learners, begin, dates, 10, stream(root_key(seed), "diagnose"))


def why_stopped(lab: Laboratory, loop: LoopState) -> tuple[str, bool]:
    """Why the loop ended short of arriving ("" if it arrived), and whether that leaves no answer."""
    number = int(loop.round)
    if not bool(loop.finite):
        found = origin(lab, loop)
        what = "a number was not finite, and was when the round was run again" if found is None else str(found)
        return (
            f"{what}, in round {number + 1}, which does not count: the state kept is the last good one; the rounds may not "
            "contract from this start: try another start at birth, a smaller step, or another learner",
            True,
        )
    search = next((s.search for s in loop.learners.values() if getattr(s, "search", None) is not None), None)
    if lab.stationary and search is not None and not bool(search.bracketed):
        return (
            f"no equilibrium was bracketed in {number} rounds: at the last candidate {_shown(search.tried)} the excess "
            f"was still {float(search.excess):.3g}; with β(1 + r) ≥ 1 savings have no bound, or the bracket is too narrow",
            True,
        )
    if bool(arrived(lab, loop)) or lab.fresh:  # the certificate judges what the last round left
        return "", False
    if lab.stationary:
        return (
            f"the search ended after {number} candidates, still moving by {float(loop.trace[number - 1, 0]):.2g}",
            False,
        )
    far = zip(MEASURES, np.asarray(loop.distance), tolerances(lab, loop), strict=True)
    distance = ", ".join(f"{m} {d:.2g} (allowed {t:g})" for m, d, t in far)
    return f"the rounds ended at {number} while the estimated distances were {distance}; try more rounds", False


def _shown(candidate) -> str:
    return " ".join(f"{number:.6g}" for number in np.atleast_1d(candidate))


def diagnose(solution: Solution, *, dates: int | None = None, seeds: int = 1) -> Solution:
    """The solution with its certificate made anew; `seeds` > 1 adds the spread of each figure over fresh shocks."""
    reason, fatal = why_stopped(solution.lab, solution.loop)
    if fatal:
        return dataclasses.replace(solution, certificate=failed(reason))
    evidence = gather_for(solution.lab, solution.loop, solution.seed, dates)
    certificate = certify(evidence, solution.preset, reason)
    others = [
        certify(gather_for(solution.lab, solution.loop, solution.seed + 1000 * s, dates), solution.preset)
        for s in range(1, seeds)
    ]
    if others:
        spread = [_spread(f, [c.figure(f.figure) for c in others]) for f in certificate.findings]
        certificate = dataclasses.replace(certificate, findings=tuple(spread))
    return dataclasses.replace(solution, certificate=certificate, evidence=evidence)


def _spread(finding: Finding, others: list) -> Finding:
    values = [finding.value, *(v for v in others if v is not None)]
    text = f"over {len(values)} seeds: {min(values):.3g} to {max(values):.3g}, median {float(np.median(values)):.3g}"
    return dataclasses.replace(finding, where=f"{finding.where}; {text}" if finding.where else text)


_TIMERS: weakref.WeakSet["Timer"] = weakref.WeakSet()


def _heard(event: str, seconds: float, **_):
    if event.startswith("/jax/core/compile/"):
        now = time.perf_counter()
        for timer in list(_TIMERS):
            timer.busy.append((now - seconds, now))


class Timer:
    """Seconds since it was made, and how many of them JAX spent tracing and compiling (or reading compiled programs)."""

    def __init__(self):
        self.start = time.perf_counter()
        self.busy: list[tuple[float, float]] = []
        if not _TIMERS:  # a listener stays for ever: one serves all
            jax.monitoring.register_event_duration_secs_listener(_heard)
        _TIMERS.add(self)

    def seconds(self) -> dict[str, float]:
        """{"compile": …, "run": …}; programs traced inside the tracing of others are counted once."""
        total = time.perf_counter() - self.start
        compiled, until = 0.0, 0.0
        for begin, end in sorted(self.busy):
            compiled += max(0.0, end - max(begin, until))
            until = max(until, end)
        return {"compile": compiled, "run": total - compiled}
