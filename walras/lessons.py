"""A curriculum at work in the loop of learning: the economy of a round, who learns in it, and going back where an economy died."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError, UnknownName
from walras._core.keys import stream
from walras._core.module import indexed, parameters_of, replaced
from walras.economy import period as periods
from walras.economy.economy import Economy
from walras.economy.space import choice_fields
from walras.economy.task import Schedule
from walras.inputs import with_parameters
from walras.learners.actor_critic import ModelFreeState
from walras.learners.curriculum import Curriculum, Stage
from walras.learners.heads import Categorical
from walras.learners.learner import Learner

if TYPE_CHECKING:
    from walras.loop import Laboratory, LoopState


def _values(economy: Economy, names) -> dict[str, Array]:
    known = {name: value for name, value, _ in parameters_of(economy)}
    found = {}
    for name in names:
        head, at = indexed(name)
        if head not in known:
            raise UnknownName("parameter", head, known, where=f"curriculum for {type(economy).__name__}")
        found[name] = known[head] if at is None else known[head][at]
        if jnp.ndim(found[name]):
            what, remedy = f"{name} is {jnp.size(found[name])} numbers", f"Name one of them: {name}[0]."
            raise InputError(what, where=f"curriculum for {type(economy).__name__}", number=found[name].tolist(), remedy=remedy)
    return found


def at_round(lab: "Laboratory", loop: "LoopState") -> "tuple[Laboratory, LoopState, dict[str, Schedule]]":
    """The laboratory and the state as they are in this round, and where the curriculum stands for each type."""
    assert lab.curriculum is not None
    curriculum, at = lab.curriculum, (loop.round, lab.rounds)
    economy = replaced(lab.economy, curriculum.parameters(*at, _values(lab.economy, curriculum.named())))
    types = periods.agents(economy)
    states = {n: lab.learners[n].under(s, types[n], curriculum.masks(n, *at)) for n, s in loop.learners.items()}
    factors = {n: [curriculum.factor(what, n, *at) for what in ("entropy", "pace")] for n in lab.learners}
    schedules = {n: Schedule(loop.round, *both) for n, both in factors.items()}
    return dataclasses.replace(lab, economy=economy), dataclasses.replace(loop, learners=states), schedules


def if_it_learns(lab: "Laboratory", loop: "LoopState", name: str, update: Callable[[], tuple]) -> tuple:
    """What `update` gives where the type learns in this round; else its state as it is, and no change."""
    assert lab.curriculum is not None
    nothing = jax.tree_util.tree_map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(update)[1])
    learns = lab.curriculum.learns(name, loop.round, lab.rounds)
    return jax.lax.cond(learns, update, lambda: (loop.learners[name], nothing))


def guarded(lab: "Laboratory", old: "LoopState", new: "LoopState", fields: dict) -> "LoopState":
    """The state after a round: where the economy has died in it, that in which the stage began, with other random numbers."""
    curriculum, anchor = lab.curriculum, new.anchor
    assert curriculum is not None and curriculum.collapse is not None and anchor is not None
    rule = curriculum.collapse
    flows = fields[rule.who].public.flows[rule.who]
    if rule.flow not in flows:
        raise UnknownName("flow", rule.flow, flows, where=f"collapse of a curriculum, {rule.who}")
    flow = flows[rule.flow]
    mass = periods.agents(lab.economy)[rule.who].mass
    seen = jnp.mean(jnp.sum(flow.reshape(*flow.shape[:2], -1), axis=-1)) / mass
    begins = jnp.asarray(curriculum.begins(lab.rounds))
    passed = old.round - begins[curriculum.number(old.round, lab.rounds)]
    alive = jnp.where(passed == 0, seen, anchor.alive + (seen - anchor.alive) / rule.memory)
    died = (alive < rule.below) & (passed >= rule.patience) & (anchor.restarts < rule.restarts)
    kept = dataclasses.replace(anchor, alive=alive)
    ends = jnp.any(new.round == begins)
    moved = dataclasses.replace(kept, learners=new.learners, economy=new.economy, mixing=new.mixing)
    on = dataclasses.replace(new, anchor=_either(ends, moved, kept))
    again = dataclasses.replace(
        new,
        round=old.round - passed,
        key=stream(old.key, "again", anchor.restarts),
        learners=anchor.learners,
        economy=anchor.economy,
        mixing=anchor.mixing,
        anchor=dataclasses.replace(anchor, restarts=anchor.restarts + 1),
    )
    return _either(died, again, on)


def _either(condition, yes, no):
    return jax.tree_util.tree_map(lambda a, b: jnp.where(condition, a, b), yes, no)


def check(curriculum: Curriculum, economy: Economy, learners: dict[str, Learner], states: dict, rounds: int) -> None:
    """Look at both ends of every stage before the first round.

    Raises:
        UnknownName: for a type, a parameter or a field of a choice that does not exist.
        InputError: for a value outside its interval, bounds or masks that leave no action, an end in another economy, a stage without
            rounds, what a type's learner does not take.
    """
    where, types = f"curriculum for {type(economy).__name__}", periods.agents(economy)
    curriculum.check(types, type(economy).__name__)
    own = _values(economy, curriculum.named())
    if rounds < 1:
        remedy = "Solve it as it is, or give a learner that simulates (StructuralRL, PPO)."
        raise InputError("a search without aggregate risk has candidates, no rounds", where=where, remedy=remedy)
    lengths = np.diff(curriculum.begins(rounds))
    if lengths.min() < 1:
        what = f"stage {int(lengths.argmin()) + 1} has no round of {rounds}"
        raise InputError(
            what, where=where, number=curriculum.stages[int(lengths.argmin())].share, remedy="Make its share larger."
        )
    for number, stage in enumerate(curriculum.stages):
        here = f"stage {number + 1} of the {where}"
        for name in learners:
            _check_learner(stage, name, states[name], here)
        for end in (0, 1):
            changed = with_parameters(economy, {name: ends[end] for name, ends in stage.parameters})
            for name, agent in periods.agents(changed).items():
                _check_actions(learners[name].under(states[name], agent, _masks(stage, name)), here, name)
    last = curriculum.stages[-1]
    for name, ends in last.parameters:
        if ends[1] != float(own[name]):
            remedy = "Let the last stage end at the value of the economy that is to be solved, or leave the parameter out."
            what = f"it ends with {name} at {ends[1]:g}, which in the economy is {float(own[name]):g}"
            raise InputError(what, where=where, number=ends[1], remedy=remedy)
    if last.masks:
        remedy = "Leave masks out of it; one that lasts belongs to the learner (`masks`)."
        raise InputError("its last stage masks choices of the economy that is to be solved", where=where, remedy=remedy)


def _masks(stage: Stage, name: str) -> dict[str, Array]:
    return {full.partition(".")[2]: jnp.asarray(mask) for full, mask in stage.masks if full.partition(".")[0] == name}


def _check_learner(stage: Stage, name: str, state, where: str) -> None:
    """A learner that is not model-free takes neither masks nor factors; masks are for discrete fields and as long as these."""
    masks, remedy = _masks(stage, name), "Use Reinforce, PPO or SAC, or leave them out."
    if not isinstance(state, ModelFreeState):
        factors = [what for what in ("entropy", "pace") for who, _ in getattr(stage, what) if who == name]
        for what in (["masks"] if masks else []) + factors:
            raise InputError(f"the learner of '{name}' takes no {what}", where=where, remedy=remedy)
        return
    assert state.rule.example is not None  # every rule made since November 2026 has one
    heads = dict(zip(choice_fields(state.rule.agent.feasible(*state.rule.example, {})), state.rule.heads.heads, strict=True))
    for field, mask in masks.items():
        if field not in heads:
            raise UnknownName("field of a choice", field, heads, where=f"masks of '{name}', {where}")
        values = getattr(heads[field], "values", None)
        if values != len(mask):
            what = f"the mask of '{name}.{field}' " + (
                "is for a continuous choice" if values is None else f"needs {values} values"
            )
            raise InputError(what, where=where, number=len(mask), remedy="Mask discrete choices, value by value.")


def _check_actions(state, where: str, name: str) -> None:
    for head in state.rule.heads.heads if isinstance(state, ModelFreeState) else ():
        if isinstance(head, Categorical) and not np.any(np.asarray(head.mask)):
            raise InputError(
                f"bounds and masks of '{name}' leave no action together", where=where, remedy="Admit one value at least."
            )
