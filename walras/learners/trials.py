"""What a model-free learner lives through, and what it starts from.

Takers of prices live as a cohort of measure zero along the recorded field (`MeanField`): prices are those that the rule without
exploration makes, whatever the cohort tries, so that market power never depends on how many were simulated. A cohort goes
on living from round to round; a share of it starts again where the economy's people are, its stocks scattered. Who is to
learn what he does to prices (`conduct` strategic, the default of a finite population) explores inside the economy, all at
once, each credited with its own payoff, as is standard among many learners.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras._core.errors import InputError
from walras._core.keys import stream
from walras.economy import period as periods
from walras.economy.agent import Mortal
from walras.economy.economy import Clear
from walras.economy.information import sees_state
from walras.economy.population import Finite, Histogram, Panel, Population, Representative, like
from walras.economy.process import Distribution, transition_matrix
from walras.economy.rule import ConductRule, FunctionRule, ViewInformation
from walras.economy.space import choice_fields, choose, positions_of
from walras.economy.task import MeanField, Roll, Task
from walras.learners.frames import framed
from walras.learners.heads_of_choice import Heads
from walras.learners.learner import Setup
from walras.learners.network_inputs import Inputs
from walras.learners.opening import Opening
from walras.learners.policy import ExploringRule, NetworkRule, TypeNetwork
from walras.numerics.interpolate import Axis

SCATTER = 0.5
"""Standard deviation of the logs of the stocks with which people of a cohort start again."""


class Trials(eqx.Module):
    """Experience in the numbers of the learner: leading axes (path, time, individual), of `public` (path, time).

    `payoff` of every date, `discount` between it and the next (its last entry is not used), `numbers` what was drawn, `luck` what nobody
    could know of the next date's chance: scaled values of own and aggregate risk less their expectations.
    """

    own: Float[Array, "path time individual own"]
    public: Float[Array, "path time public"]
    numbers: Float[Array, "path time individual draws"]
    payoff: Float[Array, "path time individual"]
    discount: Float[Array, "path time individual"]
    luck: Float[Array, "path time individual risks"]


class Beginning(eqx.Module):
    """What a model-free learner starts from: its rule, a blank critic's inputs are the rule's; where the certificate can judge it
    by first-order conditions, the histogram on which it does (else None)."""

    rule: NetworkRule
    cohort: Histogram | None


def is_strategic(conduct: str | None, population: Population) -> bool:
    """Whether individuals explore inside the economy."""
    return isinstance(population, Finite) if conduct is None else conduct == "strategic"


def check(setup: Setup, conduct: str | None, subject: str) -> None:
    """Refuse what no model-free learner takes.

    Raises:
        InputError: for an unknown conduct, a strategic continuum, mortal takers of prices.
    """
    population = setup.populations[setup.name]
    if conduct not in (None, "taker", "strategic"):
        raise InputError(f"{subject} knows no conduct '{conduct}'", where=setup.name, remedy="Use `taker` or `strategic`.")
    if conduct == "strategic" and not isinstance(population, Finite | Representative):
        kind = type(population).__name__
        remedy = "Use `taker`, or a finite population."
        raise InputError(f"individuals of a {kind} are too small to move prices", where=setup.name, remedy=remedy)
    if isinstance(setup.agent, Mortal) and not is_strategic(conduct, population):
        remedy = "Use EulerIteration, or a finite population whose individuals explore inside the economy."
        raise InputError(f"{subject} takes price-taking types that live for ever", where=setup.name, remedy=remedy)


def begin(setup: Setup, opening_: tuple, units: int) -> Beginning:
    """The first rule: the positions that keep the economy where it rests, or those in the middle; and the inputs' scale.

    `opening_`: masks by field, and `rest` or `middle`.
    """
    masks, where = opening_
    if where not in ("rest", "middle"):
        raise InputError(f"no rule starts at '{where}'", where=setup.name, remedy="Use `rest` or `middle`.")
    own, now, positions, opening = _place(setup)
    positions = positions if where == "rest" else [0.5] * len(positions)
    view = now.views[setup.name]
    example = (jax.tree_util.tree_map(lambda leaf: leaf[0], own), view)
    heads = Heads.of(setup.agent.feasible(*example, {}), dict(masks), setup.name)
    scaled = isinstance(setup.information, ViewInformation) and view.scaled
    inputs = Inputs.of(setup.agent, setup.economy.exogenous, own, now.infos[setup.name], scaled)
    network = TypeNetwork.random(inputs.sizes, units, heads.outputs, stream(setup.key, "actor"), 0.01)
    network = network.biased(heads.opening([jnp.asarray(p) for p in positions]))
    frame = belief = cohort = None
    if opening is not None:
        frame, belief = framed(setup, opening, setup.preset.deep.coordinate_nodes)
        axis: Axis = dataclasses.replace(frame.own_axis, n=setup.preset.histogram_nodes)
        cohort = opening.population or Histogram(axis, axis.n)
    rule = NetworkRule(setup.agent, inputs, network, heads, setup.information, frame, belief, example)
    return Beginning(rule, cohort)


def _place(setup: Setup):
    """(own states at birth, record of a date, positions there, opening): from a rule that stays put where there is one."""
    if _judged_by_conditions(setup):
        opening = Opening.staying(setup.preset.deep.nodes, setup)
        if not opening.sees_next(setup):
            positions = np.clip(np.asarray(opening.rule.table)[0].mean(axis=(0, 1)), 0.02, 0.98)
            own = jax.tree_util.tree_map(lambda x: np.asarray(x), setup.agent.birth(0, setup.exo).nodes()[0])
            return own, opening.now, positions, opening
    own, now = _born(setup)
    return own, now, [0.5] * len(choice_fields(now.choices[setup.name])), None


def _judged_by_conditions(setup: Setup) -> bool:
    """Whether the certificate's checks of first-order conditions apply: one stock with a lower limit, no trait, finite chances,
    prices by formula."""
    limits, population = setup.agent.limits(), setup.populations[setup.name]
    kind = type(limits)
    if len(kind.endogenous()) != 1 or not np.all(np.isfinite(np.asarray(getattr(limits, kind.endogenous()[0]).low))):
        return False
    return (
        not kind.traits()
        and setup.agent.risk.n is not None
        and len(periods.agents(setup.economy)) == 1
        and not isinstance(setup.economy.market(), Clear)
        and sees_state(setup.information)
        and isinstance(population, Histogram | Panel | Representative)
    )


@brief_jit
def _born(setup: Setup):
    """Own states at birth and the record of the first date, rules that are not known yet in the middle of everything."""
    rules = dict(setup.rules)
    for name, agent in periods.agents(setup.economy).items():
        if name not in rules:
            rules[name] = ConductRule(agent) if hasattr(agent, "conduct") else _middle(agent)
    populations = {n: Panel(64) if isinstance(p, Histogram) else p for n, p in setup.populations.items()}
    rules[setup.name] = dataclasses.replace(_middle(setup.agent), information=setup.information)
    state = periods.start(setup.economy, populations, rules, setup.key, setup.exo)
    now = periods.open_market(setup.economy, populations, rules, state, setup.key)[0]
    return now.cross[setup.name].own, now


def _middle(agent) -> FunctionRule:
    def rule(own, view, info):
        spaces = agent.feasible(own, view, {})
        shapes = [getattr(getattr(spaces, n), "low", jnp.zeros(())).shape for n in choice_fields(spaces)]
        return choose(agent, own, view, [jnp.full(s, 0.5) for s in shapes])

    return FunctionRule(rule)


def lived(key, rule: ExploringRule, task: Task, people, again, conduct: str | None) -> tuple[Trials, object]:
    """One round of experience under an exploring rule, and the people of the cohort after it (None where there is none).

    Args:
        people: the cohort's own states, leading axes (path, individual); None where individuals explore in the economy.
        again: share of them that starts again, and how many there are.
    """
    restart, size = again
    if is_strategic(conduct, task.cohort):
        return in_numbers(task, rule.rule, task.roll), None
    population = task.cohort if isinstance(task.cohort, Finite) else Panel(size)
    paths = task.field.exo.shape[0]

    def one(number, field, start, before):
        k = stream(key, "path", number)
        if isinstance(task.cohort, Finite):
            begun = start
        else:
            fresh = _scattered(stream(k, "scatter"), task, start, size)
            chosen = jax.random.uniform(stream(k, "again"), (size,)) < restart
            begun = jax.tree_util.tree_map(lambda a, b: jnp.where(like(chosen, a), a, b), fresh, before)
        return MeanField(task.agent, population, field).rollout(stream(k, "life"), rule, begun)

    roll = jax.vmap(one)(jnp.arange(paths), task.field, task.start, people)
    return in_numbers(task, rule.rule, roll), roll.final


def first_people(setup: Setup, conduct: str | None, paths: int, size: int):
    """People who only have the right shapes: in the first round all of them start where the economy's people are."""
    population = setup.populations[setup.name]
    if is_strategic(conduct, population):
        return None
    listed = population if isinstance(population, Finite) else Panel(size)
    born = brief_jit(lambda key: listed.birth(setup.agent, key, setup.exo))(setup.key)
    return jax.tree_util.tree_map(lambda x: jax.device_put(np.broadcast_to(np.asarray(x), (paths, *x.shape))), born)


def _scattered(key, task: Task, start, size: int):
    """People drawn from a cross-section of the economy, stocks above a lower limit multiplied by chance."""
    agent = task.agent
    own, weight = task.cohort.individuals(agent, start)
    drawn = Panel(size).place(agent, Distribution(own, weight), stream(key, "who"))
    limits = agent.limits()
    for name in type(limits).endogenous():
        low, high = (jnp.asarray(getattr(getattr(limits, name), end)) for end in ("low", "high"))
        noise = jnp.exp(SCATTER * jax.random.normal(stream(key, name), getattr(drawn, name).shape))
        value = getattr(drawn, name)
        open_above = jnp.isfinite(low) & ~jnp.isfinite(high)
        drawn = drawn.to(**{name: jnp.where(open_above, low + (value - low) * noise, value)})
    return drawn


def in_numbers(task: Task, rule: NetworkRule, roll: Roll) -> Trials:
    """Experience, leading axes (path, time, individual), as the learner's numbers."""
    agent, field, inputs_ = task.agent, task.field, rule.inputs

    def date(own, choice, view, info):
        def one(o, c):
            return rule.inputs.own(o), rule.heads.numbers(positions_of(agent, o, view, c)).astype(jnp.float32)

        inputs, numbers = jax.vmap(one)(own, choice)
        return inputs, rule.inputs.public(info), numbers

    risk = type(agent.limits()).risk_field()
    kind = getattr(roll.own, risk) if risk else jnp.zeros(roll.payoff.shape, jnp.int32)
    moves = transition_matrix(task.exogenous, None, None, None)

    def luck(exo, exo_next, outcome, now, following):
        parts = [jnp.zeros((len(now), 0))]  # where chance has one value, there is none
        if agent.risk.n != 1:
            chances = transition_matrix(agent.risk, exo, exo_next, outcome)
            parts.append(inputs_.risks[following] - (chances @ inputs_.risks)[now])
        if task.exogenous.n != 1:
            common = inputs_.states[exo_next] - moves[exo] @ inputs_.states
            parts.append(jnp.broadcast_to(common, (len(now), len(common))))
        return jnp.concatenate(parts, axis=-1).astype(jnp.float32)

    own, public, numbers = jax.vmap(jax.vmap(date))(roll.own, roll.choice, field.view, field.info)
    following = lambda x: jnp.roll(x, -1, axis=1)  # noqa: E731
    lucky = jax.vmap(jax.vmap(luck))(field.exo, field.exo_next, field.outcome, kind, following(kind))
    return Trials(own, public, numbers, roll.payoff, following(roll.discount), lucky)
