"""What `Reinforce`, `PPO` and `SAC` share: the state of a model-free learner, its schedule, and steps on one batch.

Schedule, in shares of the rounds: until `hold` exploration is wide, rates are high and the entropy bonus is at its floor; from
there on exploration narrows, rates and the bonus go to zero, and the rule is the average of the networks. Entropy left in a rule
is most of what somebody else could gain against it; taken away too soon, an economy of many learners collapses.
"""

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.keys import stream
from walras.economy.agent import AgentType
from walras.economy.population import Histogram
from walras.economy.task import Schedule, Task
from walras.learners.beliefs import PolynomialBelief
from walras.learners.frames import boxed
from walras.learners.learner import Progress, Setup
from walras.learners.policy import ExploringRule, MixedRule, NetworkRule, TypeNetwork
from walras.learners.preset import ModelFreeSizes
from walras.learners.table import TableRule
from walras.learners.trials import Trials, begin, first_people, is_strategic, lived

if TYPE_CHECKING:
    from optax import GradientTransformation

COURSE = ("payoff", "entropy", "explained")
"""What is kept of every round: mean payoff, entropy of the rule, share of the returns' variance that the critic explains."""

FEW = 32
"""Individuals of a strategic type up to which they explore one at a time."""

FIRST = 20
"""Rounds of its own in which a type finds the scale of its payoffs, however late it begins to learn."""

RESTART = 0.1
"""Share of a cohort's people that start again in a round where the economy's people are."""


class ModelFreeState(eqx.Module):
    """The rule that explores, its network averaged, the noise of exploration (s.d. of log-odds), the share who explore at a date, the critic (a pytree of the learner's), numbers of both optimisers (their own
    classes could not be saved), the scale of payoffs (mean, s.d., discount), people of the cohort, rounds done, the course, and
    for the certificate: frame, belief, and the histogram on which the rule is judged (None where it cannot be)."""

    rule: NetworkRule
    average: TypeNetwork
    sd: Array
    explorers: Array
    critic: Any
    optimisers: tuple[tuple[Array, ...], ...]
    scale: Float[Array, " three"]
    people: Any
    rounds: Array
    course: Float[Array, "rounds figures"]
    table: TableRule | None
    belief: PolynomialBelief | None
    cohort: Histogram | None
    memory: Any = None

    def present(self) -> NetworkRule | MixedRule:
        """The averaged rule: without chance, but that players of a game go on drawing their discrete choices."""
        rule = dataclasses.replace(self.rule, network=self.average, frame=self.table, belief=self.belief)
        return MixedRule(rule) if rule.heads.discrete and self.people is None else rule

    def under(self, agent: AgentType, masks: dict) -> "ModelFreeState":
        """The state where the parameters of its type are those of `agent`, discrete choices masked by field."""
        return dataclasses.replace(self, rule=self.rule.under(agent, masks))

    def exploring(self) -> ExploringRule:
        """The rule that explores."""
        return ExploringRule(self.rule, self.sd, self.explorers)


class Stage(NamedTuple):
    """Where the schedule stands: how late it is (0 until `hold`, 1 at the end), share of the first rate, weight of the round in
    the average, share of the first entropy bonus."""

    late: Array
    pace: Array
    share: Array
    bonus: Array


def stage(rounds: Array, sizes: ModelFreeSizes, schedule: Schedule | None = None) -> Stage:
    """The schedule of a round: of the learner's own count, or that of a curriculum."""
    rounds = rounds if schedule is None else schedule.round
    late = jnp.clip((rounds / sizes.rounds - sizes.hold) / (1.0 - sizes.hold), 0.0, 1.0)
    pace = sizes.final + (1 - sizes.final) * 0.5 * (1 + jnp.cos(jnp.pi * late))
    averaged = jnp.maximum(rounds - jnp.floor((1 - sizes.averaged) * sizes.rounds), 0.0) + 1.0
    bonus = 1.0 - late
    if schedule is not None:
        pace, bonus = pace * schedule.pace, bonus * schedule.entropy
    return Stage(late, pace, 1.0 / averaged, bonus)


def blank(setup: Setup, sizes: ModelFreeSizes, opening, conduct: str | None, noise: float, critic) -> ModelFreeState:
    """The first state; `opening`: masks by field and where the first rule is; `critic(rule, key)` makes the critic."""
    opened = begin(setup, opening, sizes.units)
    rule = dataclasses.replace(opened.rule, frame=None, belief=None)
    made = critic(rule, stream(setup.key, "critic"))
    adam = adams(sizes)
    optimisers = tuple(_leaves(a.init(eqx.filter(x, eqx.is_array))) for a, x in zip(adam, (rule.network, made), strict=True))
    people = first_people(setup, conduct, sizes.paths, sizes.people)
    scale, zero = jax.device_put(np.array([0.0, 1.0, 0.95])), jax.device_put(np.int64(0))
    course = jax.device_put(np.zeros((sizes.rounds, len(COURSE))))
    judged = (opened.rule.frame, opened.rule.belief, opened.cohort)
    sd, share = (jax.device_put(np.float64(x)) for x in (noise, explorers_of(setup, rule, conduct)))
    return ModelFreeState(rule, rule.network, sd, share, made, optimisers, scale, people, zero, course, *judged)


def explorers_of(setup: Setup, rule: NetworkRule, conduct: str | None) -> float:
    """How many of a type explore at a date inside the economy: one on average where they are few and choices are continuous.

    What an explorer tries is then answered by what the others do, not by what they try: the gain of a choice is not drowned in
    the noise of everybody else's.
    """
    population = setup.populations[setup.name]
    few = is_strategic(conduct, population) and getattr(population, "n", 1) <= FEW
    return 1.0 / getattr(population, "n", 1) if few and rule.heads.continuous else 1.0


def adams(sizes) -> "tuple[GradientTransformation, GradientTransformation]":
    """Optimisers of actor and critic, gradients cut at a norm; the rate of a step is that of its round."""
    import optax  # slow to import, and needed only by those who learn this way

    actor, critic = (optax.chain(optax.clip_by_global_norm(sizes.clip_norm), optax.adam(rate)) for rate in sizes.rates)
    return actor, critic


def stepped(adam, known: tuple[Array, ...], gradient, tree, pace):
    """One step of an optimiser kept as leaves: (the new tree, its new leaves)."""
    memory = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(adam.init(tree)), known)
    change, memory = adam.update(gradient, memory)
    change = jax.tree_util.tree_map(lambda c: (pace * c).astype(c.dtype), change)
    return eqx.apply_updates(tree, change), _leaves(memory)


def _leaves(tree) -> tuple[Array, ...]:
    return tuple(jax.tree_util.tree_leaves(tree))


class Lived(NamedTuple):
    """A round of experience in scaled payoffs, the people of the cohort after it, the scale, and the mean payoff."""

    trials: Trials
    people: Any
    scale: Array
    payoff: Array


def experience(key, state: ModelFreeState, task: Task, now: Stage, conduct: str | None, size: int) -> Lived:
    """One round under the exploring rule.

    Payoffs are centred, in units of their standard deviation, and multiplied by one less the discount factor, so that values are
    of order one. The scale follows what is seen until exploration narrows, and in the first rounds of a type that begins late.
    """
    restart = jnp.where(state.rounds == 0, 1.0, RESTART)
    trials, people = lived(key, state.exploring(), task, state.people, (restart, size), conduct)
    seen = jnp.stack([jnp.mean(trials.payoff), jnp.std(trials.payoff), jnp.mean(trials.discount[:, :-1])])
    seen = seen.at[1].set(jnp.maximum(seen[1], 1e-6 * jnp.abs(seen[0]) + 1e-9))
    open_ = (now.late <= 0) | (state.rounds < FIRST)
    follow = jnp.where(open_, jnp.maximum(1.0 / (state.rounds + 1.0), 0.05), 0.0)
    scale = state.scale + follow * (seen - state.scale)
    mean, unit, discount = scale
    payoff = (trials.payoff - mean) / unit * jnp.maximum(1 - discount, 0.01)
    payoff, discount = (x.astype(jnp.float32) for x in (payoff, trials.discount))
    return Lived(dataclasses.replace(trials, payoff=payoff, discount=discount), people, scale, seen[0])


class Found(NamedTuple):
    """What a round's steps led to; `figures` (entropy of the rule, share of the returns' variance that the critic explained before) go into
    the course."""

    actor: TypeNetwork
    critic: Any
    optimisers: tuple
    figures: tuple[Array, Array]
    memory: Any = None


def concluded(
    state: ModelFreeState, task: Task, sizes: ModelFreeSizes, noise: tuple[float, float], seen: Lived, found: Found
) -> tuple[ModelFreeState, Progress]:
    """The state after a round. `noise`: first and last."""
    share = stage(state.rounds, sizes, task.schedule).share
    average = jax.tree_util.tree_map(lambda a, x: (a + share * (x - a)).astype(a.dtype), state.average, found.actor)
    table = None if state.table is None else boxed(state.table, state.belief, task.field)
    pairs = zip(_leaves(found.actor), _leaves(state.rule.network), strict=True)
    moved = jnp.sqrt(sum(jnp.sum((a - b) ** 2) for a, b in pairs)).astype(float)
    figures = jnp.stack([jnp.asarray(x, float) for x in (seen.payoff, *found.figures)])
    course = jax.lax.dynamic_update_slice_in_dim(state.course, figures[None], state.rounds, 0)
    rounds, (first, last) = state.rounds + 1, noise
    ahead = None if task.schedule is None else dataclasses.replace(task.schedule, round=task.schedule.round + 1)
    sd = first * (last / first) ** stage(rounds, sizes, ahead).late
    rule = state.rule.with_network(found.actor)
    parts = (rule, average, sd, state.explorers, found.critic, found.optimisers, seen.scale, seen.people, rounds, course)
    return ModelFreeState(*parts, table, state.belief, state.cohort, found.memory), Progress(moved, jnp.zeros(()))


def state_critic(sizes: ModelFreeSizes):
    """Makes a critic of states."""
    return lambda rule, key: TypeNetwork.random(rule.inputs.sizes, sizes.units, 1, key, 0.01)
