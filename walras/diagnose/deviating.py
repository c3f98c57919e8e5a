"""Deviators: learners that play against everybody else's frozen rules, their own type's included; and where they start.

    present   goes on from the type's present network
    soft      the same, weights and biases of its last layer halved: a rule that is nearly certain tries things out again
    fresh     from the middle

Nobody is paid for entropy at the end, and `present` never is: what a deviator is to find is a gain, not a spread. While it learns its
rule is looked at after each quarter of its rounds, so that what it had found and lost again still counts.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError, UnknownName, check_least
from walras._core.keys import root_key, stream
from walras._core.tree import strong
from walras.economy import path as paths
from walras.economy import period as periods
from walras.economy.agent import Institution
from walras.economy.period import agents
from walras.economy.population import Finite
from walras.economy.rule import Beside, Rule
from walras.economy.task import Schedule, life_of
from walras.learners.fixed import Fixed
from walras.learners.learner import Learner
from walras.learners.policy import MixedRule, NetworkRule
from walras.learners.ppo import PPO
from walras.loop import Laboratory, LoopState, advance
from walras.simulate import laboratory_of
from walras.solution import Solution
from walras.solve import laboratory

WARM = ("present", "soft")
"""Starts that go on from the type's present network."""
SOFT = 0.5
"""What is left of the last layer in a soft start."""
ENTROPY = 0.01
"""Weight of the entropy of `soft` and `fresh` until `hold` (`ModelFreeSizes`); then it falls to zero."""
LOOKS = 4
"""How often a rule is looked at while its deviator learns."""


@dataclasses.dataclass(frozen=True)
class Effort:
    """How hard it is tried: `rounds` of a deviator, `paths` in each; `episodes` of `dates` dates each on which it is looked at, and
    on as many others judged; `seed`.

    A round is one date longer than an episode, so that every date of an episode is learned from.

    Raises:
        InputError: for a number below one (a seed below zero).
    """

    rounds: int = 400
    paths: int = 64
    episodes: int = 4096
    dates: int = 20
    seed: int = 0

    def __post_init__(self):
        check_least(self, "the effort of exploitability", rounds=1, paths=1, episodes=2, dates=1, seed=0)


@dataclasses.dataclass(frozen=True)
class Deviation:
    """What one start found: its best rule by the paths on which it was looked at, the share of the rounds after which it had that
    rule, and what the rule earned there at a date."""

    start: str
    checkpoint: float
    earned: float
    rule: Rule


def beside(rule: Rule, theirs: Rule, i: int | Array | None) -> Rule:
    """A rule of individual `i` beside those of the others; of all of the type (None) it stands alone."""
    return rule if i is None else Beside(rule, theirs, jnp.asarray(i))


_LIVED = ("own", "choice", "payoff", "discount", "weight")


class Deviator(Learner):
    """A learner that plays against the frozen rule of its own type: as individual `i`, or (None) as all of them. `bonus`: factor on
    its entropy bonus; a number of the state, so that all starts are one program."""

    inner: Learner
    theirs: Rule
    i: Array | None
    bonus: Array
    fresh: ClassVar[bool] = True

    def experience(self, preset):
        """That of the learner inside."""
        return self.inner.experience(preset)

    def init(self, setup):
        """The first state of the learner inside. An individual alone always explores."""
        state = self.inner.init(setup)
        if self.i is None or not hasattr(state, "explorers"):
            return state
        return dataclasses.replace(state, explorers=jnp.ones_like(state.explorers))

    def explores(self, population):
        """Always inside the economy."""
        return True

    def explore(self, state):
        """The exploring rule, beside the frozen ones."""
        return beside(self.inner.explore(state), self.theirs, self.i)

    def rule(self, state):
        """The rule, beside the frozen ones."""
        return beside(self.inner.rule(state), self.theirs, self.i)

    def update(self, key, state, task):
        """Learns from what it lived through itself."""
        schedule = Schedule(getattr(state, "rounds", jnp.zeros(())), self.bonus, jnp.ones(()))
        task = dataclasses.replace(task, schedule=schedule)
        if self.i is not None:
            cut = lambda x: jax.lax.dynamic_slice_in_dim(x, self.i, 1, axis=2)  # noqa: E731
            mine = {f: jax.tree_util.tree_map(cut, getattr(task.roll, f)) for f in _LIVED}
            roll = dataclasses.replace(task.roll, **mine)
            task = dataclasses.replace(task, roll=roll, field=dataclasses.replace(task.field, info=task.field.info[0]))
        return self.inner.update(key, state, task)


def network_of(rule: Rule) -> NetworkRule | None:
    """The rule of a network that a type follows, drawing its choices or not; None where it follows something else."""
    rule = rule.rule if isinstance(rule, MixedRule) else rule
    return rule if isinstance(rule, NetworkRule) else None


def targets(
    solution: Solution, types: tuple[str, ...] = (), individuals: tuple[tuple[str, int], ...] = ()
) -> list[tuple[str, int | None]]:
    """Who deviates: whole types (None) and single individuals (type, number), a type's after the type itself.

    Without names: all types that are finite populations, but institutions that do what they always do.

    Raises:
        UnknownName: for a type that does not exist.
        InputError: for a type that is no finite population, a number that no individual has, or where nobody can deviate.
    """
    lab = laboratory_of(solution)
    for name in (*types, *(name for name, _ in individuals)):
        finite(solution, name)
    if not types:
        types = tuple(name for name, population in lab.populations.items() if _may_deviate(lab, name, population))
    if not types and not individuals:
        what, remedy = "no type is a finite population that could deviate", "Solve it with --population TYPE=finite:N."
        raise InputError(what, where=solution.name, remedy=remedy)
    for name, i in individuals:
        last, remedy = finite(solution, name).n - 1, "Individuals are numbered from 0."
        if not 0 <= i <= last:
            raise InputError(f"{name} has individuals 0 to {last}", where="exploitability", number=i, remedy=remedy)
    names = dict.fromkeys((*types, *(name for name, _ in individuals)))
    found = [(name, i) for name in names for i in (None, *(j for n, j in individuals if n == name))]
    return list(dict.fromkeys(pair for pair in found if pair[1] is not None or pair[0] in types))


def finite(solution: Solution, name: str) -> Finite:
    """The population of a type whose individuals have a weight to deviate with.

    Raises:
        UnknownName: for a type that does not exist.
        InputError: if the type is no finite population.
    """
    lab = laboratory_of(solution)
    if name not in lab.populations:
        raise UnknownName("agent type", name, lab.populations, where="exploitability")
    population = lab.populations[name]
    if not isinstance(population, Finite):
        remedy = "Its certificate has the best response of a taker."
        raise InputError(f"{name} is a {type(population).__name__}", where="exploitability", remedy=remedy)
    return population


def _may_deviate(lab, name: str, population) -> bool:
    conducted = isinstance(agents(lab.economy)[name], Institution) and isinstance(lab.learners[name], Fixed)
    return isinstance(population, Finite) and population.n > 0 and not conducted


def deviators(solution: Solution, name: str, effort: Effort) -> dict[str, Learner]:
    """The library's own deviators of a type by their starts: `present`, `soft` and `fresh`, or `fresh` alone where the type follows
    no network.

    They have the masks of the type's learner, and sizes, noise, λ and clip of a `PPO`. Which start it is decides where one begins
    and whether it is paid for entropy, not who it is.
    """
    lab, known = laboratory_of(solution), network_of(solution.rules[name])
    learner = lab.learners[name]
    own = learner.sizes if isinstance(learner, PPO) else None  # others' rates and epochs are those of another kind of step
    sizes = own or lab.preset.model_free
    given: dict[str, Any] = {"rounds": effort.rounds, "paths": effort.paths, "dates": effort.dates + 1, "people": 1}
    given |= {"warm_rounds": min(sizes.warm_rounds, effort.rounds // 8), "tolerance": 0.0}
    if known is not None:
        given["units"] = known.network.own.shape[0]
    kept = ("masks", "noise", "mix", "clip") if isinstance(learner, PPO) else ("masks",)
    ways = {field: getattr(learner, field) for field in kept if hasattr(learner, field)}
    sizes = dataclasses.replace(sizes, **given)
    one = PPO(conduct="strategic", start="middle", entropy=ENTROPY, sizes=sizes, **ways)
    return dict.fromkeys(("fresh",) if known is None else (*WARM, "fresh"), one)


def begun(loop: LoopState, name: str, start: str, theirs: Rule) -> LoopState:
    """The first state of the loop, a warm start's network put into its deviator.

    Raises:
        InputError: if the type follows no network, or one of other sizes than the deviator's.
    """
    if start not in WARM:
        return loop
    known = network_of(theirs)
    if known is None:
        what = f"the present rule is a {type(theirs).__name__}, no network to go on from"
        raise InputError(what, where=name, remedy=f"Leave the start `{start}` out.")
    state, network = loop.learners[name], known.network
    shapes = [[leaf.shape for leaf in jax.tree_util.tree_leaves(n)] for n in (network, state.rule.network)]
    if shapes[0] != shapes[1]:
        what, remedy = f"the present network has weights {shapes[0]}", "Give the deviator its units and masks."
        raise InputError(what, where=f"{name}, start `{start}`", number=f"{shapes[1]} in the deviator", remedy=remedy)
    network = softened(network) if start == "soft" else network
    rule = dataclasses.replace(known, network=network, frame=None, belief=None)
    state = dataclasses.replace(state, rule=rule, average=network)
    return strong(dataclasses.replace(loop, learners={**loop.learners, name: state}))


def softened(network):
    """A network with the weights and biases of its last layer halved."""
    last = lambda n: (n.rest.weights[-1], n.rest.biases[-1])  # noqa: E731
    return eqx.tree_at(last, network, tuple((SOFT * x).astype(x.dtype) for x in last(network)))


def deviate(
    solution: Solution,
    who: tuple[str, int | None],
    start: str,
    learner: Learner,
    effort: Effort,
    say: Callable[[str], None] = lambda text: None,
) -> Deviation:
    """Let one deviator learn, everybody else frozen, and keep the best of the rules that it had after each quarter of its rounds.

    Args:
        who: type and number of the individual that deviates, None for all of the type.
        start: `present` and `soft` go on from the type's network; under any other name the learner starts as it does by itself.
            `present` is not paid for entropy.

    Raises:
        InputError: if a warm start has no network to go on from.
    """
    (name, i), lab, rules = who, laboratory_of(solution), solution.rules
    place, bonus = None if i is None else jnp.asarray(np.int64(i)), jnp.asarray(np.float64(start != "present"))
    deviator = Deviator(learner, rules[name], place, bonus)
    learners = {**{n: Fixed(rule) for n, rule in rules.items()}, name: deviator}
    seen = {name: rules[name].information}
    alone, loop = laboratory(lab.economy, learners, lab.populations, seen, lab.preset, effort.seed)
    loop, best = begun(loop, name, start, rules[name]), None
    for look in range(1, LOOKS + 1):
        number = max(alone.rounds * look // LOOKS, 1)
        loop = advance(alone, loop, number - int(loop.round))
        rule = learner.rule(loop.learners[name])
        earned = float(np.mean(payoffs(lab, {**rules, name: beside(rule, rules[name], i)}, who, effort, "pick")))
        say(f"{label(*who)}, {start}: {earned:.6g} a date after round {int(loop.round)} of {alone.rounds}")
        if best is None or earned > best.earned:
            best = Deviation(start, int(loop.round) / alone.rounds, earned, rule)
        if not bool(loop.finite):
            say(f"{label(*who)}, {start}: a number was not finite after round {int(loop.round)}, it stops there …")
            break
    assert best is not None
    return best


def label(name: str, i: int | None) -> str:
    """A type, or one of its individuals."""
    return name if i is None else f"{name} {i}"


def payoffs(lab: Laboratory, rules: dict[str, Rule], who: tuple[str, int | None], effort: Effort, paths_: str) -> np.ndarray:
    """Mean payoff of a date by episode, of an individual or of all of the type, on the paths of a name: the same shocks and the same
    uniforms whatever the rules."""
    name, i = who
    place = None if i is None else jnp.asarray(np.int64(i))
    key = stream(root_key(effort.seed), paths_)
    return np.asarray(_simulated(lab.economy, lab.populations, rules, key, name, place, (effort.episodes, effort.dates)))


@eqx.filter_jit
def _simulated(economy, populations, rules, key, name: str, i, sizes: tuple[int, int]):
    keep = life_of(name, agents(economy)[name])

    def one(number):
        k = stream(key, "episode", number)
        state = periods.start(economy, populations, rules, stream(k, "start"))
        draws = jax.random.uniform(stream(k, "shocks"), (sizes[1],))
        shocks = paths.states_after(economy.exogenous, state.exo, draws)
        _, _, lived = paths.run_on(economy, populations, rules, (state, None), shocks, k, lambda now, b: keep(now, b)[2])
        return jnp.mean(lived) if i is None else jnp.mean(lived[:, i])

    return jax.lax.map(one, jnp.arange(sizes[0]), batch_size=256)
