"""What a learner is given: one type's decision problem inside the economy, and experience of it.

Price-taking sits here and nowhere else. `MeanField.rollout` runs a cohort of measure zero along a recorded `Field`:
whatever the cohort does, prices stay what they were. `Strategic.rollout` runs `period` itself with one individual's
rule swapped: whatever it moves, moves. Learners get experience from these two only, by name.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.errors import InputError
from walras._core.types import Key, PyTree
from walras.economy import path as paths
from walras.economy.agent import AgentType
from walras.economy.economy import Economy
from walras.economy.period import EconomyState, Now
from walras.economy.population import Histogram, Panel, Population, Step, mortality
from walras.economy.rule import Beside, Information, Rule


class Field(eqx.Module):
    """What one type saw and got along simulated paths; leading axes (time,) or (path, time). No individuals."""

    exo: Array
    exo_next: Array
    view: PyTree
    outcome: PyTree
    info: PyTree
    public: Now

    def rebuilt(self, information: Information, memory: PyTree = None) -> PyTree:
        """The information along one path, rebuilt from the public record, so that a learned memory has a gradient.

        `memory` is the one with which the path begins; the first one of all if not given.
        """

        def step(memory, at):
            view, public = at
            return information.step(memory, public), information.read(memory, view, public)

        begin = information.start() if memory is None else memory
        return jax.lax.scan(step, begin, (self.view, self.public))[1]


def record_of(name: str):
    """What `path.run` keeps of a date for the field of one type (all but the exogenous states)."""

    def record(now: Now, before: Now):
        return now.views[name], now.outcome[name], now.infos[name], now.public()

    return record


def life_of(name: str, agent: AgentType):
    """What `path.run` keeps of a date for the roll of one type's individuals."""

    def record(now: Now, before: Now):
        own, view, outcome = now.cross[name].own, now.views[name], now.outcome[name]
        discount = jax.vmap(lambda o: agent.discount(o, view, outcome))(own)
        return own, now.choices[name], now.payoff[name], discount, now.cross[name].weight

    return record


def as_field(records, exo, exo_path) -> Field:
    """The field of one path from its records, its first exogenous state and those after."""
    view, outcome, info, public = records
    return Field(jnp.concatenate([exo[None], exo_path[:-1]]), exo_path, view, outcome, info, public)


class Roll(eqx.Module):
    """Experience by date and individual (time, individuals).

    `discount` is the factor between the date before and this one; `weight` sums to one at each date; `final` is the
    cross-section (or the state of the economy) after the last date.
    """

    own: PyTree
    choice: PyTree
    payoff: Array
    discount: Array
    weight: Array
    final: PyTree


class Schedule(eqx.Module):
    """Where a curriculum stands: the round (a learner that stood still has learned in fewer), factors on entropy bonus and rates."""

    round: Array
    entropy: Array
    pace: Array


class Task(eqx.Module):
    """One type's decision problem.

    `field` is data, leading axes (path, time), None where there is no aggregate risk; `cohort` is how the measure-zero
    group of deviators is represented; `preset` carries the sizes chosen by name; `start` is the cross-section in which each
    path began (leading axis path). `roll` is what the individuals of a finite population lived through who explored in the economy
    all at once, each with its own payoff (leading axes path, time, individual); None for takers of prices. `schedule`: None where there
    is no curriculum.
    """

    agent: AgentType
    exogenous: Any
    cohort: Population
    field: Field | None
    preset: Any = eqx.field(static=True)
    start: PyTree = None
    roll: Roll | None = None
    schedule: Schedule | None = None


class MeanField(eqx.Module):
    """Experience of an atomistic individual: prices are data."""

    agent: AgentType
    cohort: Population
    field: Field

    def rollout(self, key: Key, rule: Rule, cross: PyTree, memory: PyTree = None) -> Roll:
        """Run the cohort along one recorded path (leading axis of the field: time), from what it remembers at its start."""
        agent, cohort = self.agent, self.cohort
        field = jax.lax.stop_gradient(self.field)
        information = rule.information
        # The rule's own information, which need not be the one that was recorded; what is not public cannot be rebuilt.
        infos = field.info if information.full else field.rebuilt(information, memory)

        def step(carry, at):
            cross, number = carry
            exo, exo_next, view, outcome, info = at
            k = jax.random.fold_in(key, number)
            own, share = cohort.individuals(agent, cross)
            keys = jax.random.split(jax.random.fold_in(k, 0), len(share))
            choice = jax.vmap(lambda o, kk: rule(o, view, info, key=kk))(own, keys)
            payoff = jax.vmap(lambda o, c: agent.payoff(o, c, view, outcome))(own, choice)
            moved = jax.vmap(lambda o, c: agent.move(o, c, view, outcome))(own, choice)
            survival = mortality(agent, own, view, outcome)
            if survival is not None:
                survival = cohort.fate(survival, jax.random.fold_in(k, 2))
            discount = jax.vmap(lambda o: agent.discount(o, view, outcome))(own)
            chance = Step(exo, exo_next, outcome, jax.random.fold_in(k, 1))
            cross = cohort.advance(agent, cross, moved, survival, chance)
            return (cross, number + 1), (own, choice, payoff, discount, share)

        start = (cross, jnp.asarray(0))
        along = (field.exo, field.exo_next, field.view, field.outcome, infos)
        (final, _), (own, choice, payoff, discount, share) = jax.lax.scan(step, start, along)
        return Roll(own, choice, payoff, discount, share, final)


class Strategic(eqx.Module):
    """Experience of an individual whose choices move the economy: `period` with the rule of individual `i` (his place in the list) swapped.

    Raises:
        InputError: if the type is a continuum, where one individual's weight is an artefact of its representation.
    """

    economy: Economy
    populations: dict[str, Population]
    others: dict[str, Rule]
    name: str = eqx.field(static=True)
    i: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        if isinstance(self.populations[self.name], Panel | Histogram):
            kind = type(self.populations[self.name]).__name__
            raise InputError(
                f"{self.name} is a {kind}: its individuals are too small to move prices",
                where="Strategic",
                remedy="Use MeanField, or a finite population.",
            )

    def rollout(self, key: Key, rule: Rule, state: EconomyState, exo_path) -> Roll:
        """Run the whole economy; the roll lists every individual of the type, individual `i` is the deviator."""
        swapped = Beside(rule, self.others[self.name], jnp.asarray(self.i))
        name = self.name
        rules = {**self.others, name: swapped}
        # The deviator's memory starts here, the others' goes on.
        memory = {**state.memory, name: (rule.information.start(), state.memory[name])}
        state = dataclasses.replace(state, memory=memory)

        record = life_of(name, self.economy.timing().moves()[name].agent)
        final, rolled = paths.run(self.economy, self.populations, rules, state, exo_path, key, record)
        return Roll(*rolled, final)
