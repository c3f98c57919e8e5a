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
from walras._core.module import parameters_of
from walras.economy import period as periods
from walras.economy.economy import Economy
from walras.economy.task import Schedule
from walras.inputs import indexed, replaced, with_parameters
from walras.learners.curriculum import Curriculum
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
    moved = dataclasses.replace(kept, learners=new.learners, economy=new.economy)
    on = dataclasses.replace(new, anchor=_either(ends, moved, kept))
    again = dataclasses.replace(
        new,
        round=old.round - passed,
        key=stream(old.key, "again", anchor.restarts),
        learners=anchor.learners,
        economy=anchor.economy,
        anchor=dataclasses.replace(anchor, restarts=anchor.restarts + 1),
    )
    return _either(died, again, on)


def _either(condition, yes, no):
    return jax.tree_util.tree_map(lambda a, b: jnp.where(condition, a, b), yes, no)


def check(curriculum: Curriculum, economy: Economy, learners: dict[str, Learner], states: dict) -> None:
    """Look at both ends of every stage before the first round.

    Raises:
        UnknownName: for a type or a parameter that does not exist.
        InputError: for a value outside its interval, bounds or masks that leave no action, an end in another economy.
    """
    where, types = f"curriculum for {type(economy).__name__}", periods.agents(economy)
    curriculum.check(types, type(economy).__name__)
    own = _values(economy, curriculum.named())
    for number, stage in enumerate(curriculum.stages):
        for end in (0, 1):
            changed = with_parameters(economy, {name: ends[end] for name, ends in stage.parameters})
            for name, agent in periods.agents(changed).items():
                masks = {full.partition(".")[2]: jnp.asarray(m) for full, m in stage.masks if full.partition(".")[0] == name}
                _check_masks(
                    learners[name].under(states[name], agent, masks), masks, f"stage {number + 1} of the {where}", name
                )
    for name, ends in curriculum.stages[-1].parameters:
        if ends[1] != float(own[name]):
            remedy = "Let the last stage end at the value of the economy that is to be solved, or leave the parameter out."
            what = f"it ends with {name} at {ends[1]:g}, which in the economy is {float(own[name]):g}"
            raise InputError(what, where=where, number=ends[1], remedy=remedy)


def _check_masks(state, masks: dict, where: str, name: str) -> None:
    heads = getattr(getattr(state, "rule", None), "heads", None)
    if heads is None and masks:
        raise InputError(
            f"the learner of '{name}' takes no masks", where=where, number=sorted(masks), remedy="Use Reinforce, PPO or SAC."
        )
    for head in heads.heads if heads is not None else ():
        if hasattr(head, "mask") and not np.any(np.asarray(head.mask)):
            raise InputError(
                f"bounds and masks of '{name}' leave no action together", where=where, remedy="Admit one value at least."
            )
