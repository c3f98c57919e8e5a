"""Lifetimes along shocks: what everybody alive expects of the rest of life when a policy is announced in a moving economy.

Households are solved again for every policy, on simulated paths that begin where the economy is when the policy is announced,
so that the law they believe in holds on the way too. Lifetimes are then taken backward along paths, node by node, on shocks
that all policies have in common: V = u + β A'V', A moving the histogram one date on. The average of V over paths is what each
of the people alive expects.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.errors import InputError, SolveError
from walras._core.keys import host_generator, stream
from walras._core.tree import strong
from walras._core.types import Key
from walras.diagnose.certificate import thresholds
from walras.diagnose.evidence import euler_errors
from walras.economy import foc
from walras.economy import path as paths
from walras.economy import period as periods
from walras.economy.economy import Economy
from walras.economy.population import Histogram
from walras.economy.process import transition_matrix
from walras.economy.rule import ConductRule
from walras.economy.space import choice_fields
from walras.govern.equilibrium import Constant, Society, averaged, judged_type, society_of
from walras.impulse import long_run_state
from walras.learners.fixed import Fixed
from walras.loop import Laboratory, LoopState, advance_compiled
from walras.shocks import middle
from walras.simulate import series
from walras.solution import Solution

LEFT = 1e-4
"""Weight β^T of what comes after the last date of a path."""


class Opening(eqx.Module):
    """The economy as it is when policies are announced: state, people by node, discount factor, who gets constant consumption."""

    state: periods.EconomyState
    weight: Array
    group: Array
    constant: Constant
    beta: float = eqx.field(static=True)
    name: str = eqx.field(static=True)

    @property
    def dates(self) -> int:
        """Dates until what comes after weighs `LEFT`."""
        return int(np.ceil(np.log(LEFT) / np.log(self.beta)))


def opening(solution: Solution) -> Opening:
    """The state nearest to the long-run means, in the middle exogenous state, of a solved economy.

    Raises:
        InputError: where people are not on a histogram, differ in their discount factor, or it is not below one.
    """
    lab, evidence = solution.lab, solution.evidence
    assert lab is not None and evidence is not None
    name = judged_type(lab.economy)
    if not isinstance(lab.populations[name], Histogram):
        raise InputError(f"type '{name}' is not on a histogram", where=solution.name, remedy="Leave its population out.")
    state = long_run_state(evidence, middle(lab.economy.exogenous))
    state = strong(dataclasses.replace(state, date=np.zeros_like(state.date)))
    average, weight, group, discounts = _at(lab, solution.rules, state, name)
    discounts = np.asarray(discounts)
    if np.ptp(discounts) > 0 or not np.all(discounts < 1):
        raise InputError("along shocks people must have one discount factor, below one", where=name,
                         number=f"{discounts.min():g} to {discounts.max():g}", remedy="Choose another calibration.")  # fmt: skip
    return Opening(state, weight, group, Constant(*average), float(discounts[0]), name)


@eqx.filter_jit
def _at(lab: Laboratory, rules, state, name: str):
    agent = periods.agents(lab.economy)[name]
    now, _ = periods.open_market(lab.economy, lab.populations, rules, state, jax.random.key(0))
    own, view, outcome = now.cross[name].own, now.views[name], now.outcome[name]
    discount = jax.vmap(lambda o: agent.discount(o, view, outcome))(own)
    weight, risk = now.cross[name].weight, own.risk_field()
    group = getattr(own, risk) if risk else jnp.zeros(len(weight), int)
    return (agent, *averaged(now, name), view, outcome), weight, group, discount


def shocks_from(economy: Economy, exo, size: tuple[int, int], key: Key) -> Array:
    """Exogenous states of the dates after `exo`, shape `size` = (paths, dates); half of the paths mirror the other half."""
    half = host_generator(stream(key, "cycle")).random((size[0] // 2, size[1]))
    return _after(economy.exogenous, exo, np.concatenate([half, 1 - half]))


@eqx.filter_jit
def _after(process, exo, draws):
    return jax.vmap(lambda u: paths.states_after(process, exo, u))(draws)


def under(lab: Laboratory, loop: LoopState, economy: Economy) -> tuple[Laboratory, LoopState]:
    """Laboratory and loop with another policy, before the first round; rules and laws begin as they are."""
    types = periods.agents(economy)
    learners, states = dict(lab.learners), dict(loop.learners)
    for name, learner in lab.learners.items():
        if isinstance(learner, Fixed):
            if isinstance(learner.given, ConductRule):
                states[name] = ConductRule(types[name], learner.given.information)
                learners[name] = Fixed(states[name])
        else:
            states[name] = dataclasses.replace(states[name], rounds=jax.device_put(np.int64(0)))
    empty = (np.int64(0), np.zeros(np.shape(loop.trace)), np.full(np.shape(loop.distance), np.inf), np.bool_(True))
    fresh = dict(zip(("round", "trace", "distance", "finite"), jax.device_put(empty), strict=True))
    return strong(
        (dataclasses.replace(lab, economy=economy, learners=learners), dataclasses.replace(loop, learners=states, **fresh))
    )


def beginning(lab: Laboratory, loop: LoopState, state: periods.EconomyState, shocks) -> tuple[Laboratory, LoopState]:
    """Laboratory and loop whose paths all begin at one state and meet these shocks (paths, dates)."""
    spread = lambda leaf: np.broadcast_to(np.asarray(leaf), (len(shocks), *np.shape(leaf)))  # noqa: E731
    starts = jax.tree_util.tree_map(spread, state)
    return strong((dataclasses.replace(lab, exo=starts.exo, shocks=shocks), dataclasses.replace(loop, economy=starts)))


def settled_on_the_way(lab: Laboratory, loop: LoopState) -> LoopState:
    """Rounds until rule and law stand still, each beginning where the first one did.

    Raises:
        SolveError: where they do not.
    """
    begin, where = loop.economy, type(lab.economy).__name__
    while int(loop.round) < lab.rounds:
        loop = dataclasses.replace(advance_compiled(lab, loop, np.int64(1)), economy=begin)
        if not bool(loop.finite):
            raise SolveError(f"a rule or a law is no number after round {int(loop.round)}", where=where)
        if bool(np.all(np.asarray(loop.distance)[:2] < lab.preset.tolerance)):
            return loop
    rule, law = (float(d) for d in np.asarray(loop.distance)[:2])
    raise SolveError(f"households do not settle in {lab.rounds} rounds", where=where, number=f"rule {rule:.2g}, law {law:.2g}",
                     remedy="A rule that answers capital strongly may have no equilibrium nearby: narrow its interval.")  # fmt: skip


class Lives(eqx.Module):
    """What simulated paths say: (1 − β) V by path and node of the opening, discounted consumption by path, series by name
    (paths, dates), Euler errors at the ends of the paths: mean of the logs (base ten) and signed mean."""

    utility: Float[Array, "paths nodes"]
    consumption: Float[Array, " paths"]
    series: dict[str, Array]
    euler: Float[Array, "paths 2"]

    def mean(self, weight: Array) -> np.ndarray:
        """Average lifetime utility a date of each path."""
        return np.asarray(self.utility @ weight)


def lives(lab: Laboratory, loop: LoopState, begin: Opening, shocks, key: Key) -> Lives:
    """Simulate paths from the opening under the rules of a loop; shocks (paths, dates)."""
    rules = {name: learner.rule(loop.learners[name]) for name, learner in lab.learners.items()}
    return _lives(lab, rules, begin.state, shocks, key, (begin.name, begin.beta))


@eqx.filter_jit
def _lives(lab: Laboratory, rules, begin, shocks, key, who: tuple[str, float]) -> Lives:
    economy, (name, beta) = lab.economy, who
    agent, population = periods.agents(economy)[name], lab.populations[name]
    assert isinstance(population, Histogram) and population.axis is not None  # `opening` has seen to it
    axis, field, shape = population.axis, foc.stock_field(agent), begin.cross[name].shape

    def forward(state, exo_next):
        after, now = periods.period(economy, lab.populations, rules, state, key, exo_next)
        cross, choice, view, outcome = now.cross[name], now.choices[name], now.views[name], now.outcome[name]
        moved = jax.vmap(lambda o, c: agent.move(o, c, view, outcome))(cross.own, choice)
        lottery = axis.lottery(getattr(moved, field))
        mix = transition_matrix(agent.risk, state.exo, exo_next, outcome)
        spent = cross.weight @ getattr(choice, choice_fields(choice)[-1])
        return after, ((now.payoff[name], *lottery, mix), spent, series(economy, now.public()))

    def back(value, at):
        paid, cell, right, mix = at
        flat = (mix @ value).reshape(-1)
        index = jnp.repeat(jnp.arange(shape[0]) * shape[1], shape[1]) + cell
        ahead = flat[index] * (1 - right) + flat[index + 1] * right
        return (paid + beta * ahead).reshape(shape), None

    def one(path):
        end, (lotteries, spent, seen) = jax.lax.scan(forward, begin, path)
        value = jax.lax.scan(back, jnp.zeros(shape), lotteries, reverse=True)[0]
        weight = beta ** jnp.arange(len(path))
        weight = weight / weight.sum()  # what comes after the last date is taken to be like what came before
        found = euler_errors(lab, rules, name, end, key)
        logs = jnp.log10(jnp.maximum(jnp.abs(found["error"]), 1e-16))
        euler = jnp.stack([found["weight"] @ logs, found["weight"] @ found["error"]])
        return weight[0] * value.reshape(-1), weight @ spent, seen, euler

    return Lives(*jax.lax.map(one, shocks))


def check_euler(found: Lives, preset: str, economy: Economy) -> None:
    """Raise SolveError where the households' Euler errors are beyond what a certificate allows: such a policy is not judged."""
    limits = thresholds(preset)
    logs, signed = (float(x) for x in np.asarray(found.euler).mean(axis=0))
    allowed = (limits["euler_log10_mean"], limits["euler_signed_mean"])
    if not (logs < allowed[0] and abs(signed) < allowed[1]):
        raise SolveError("households are not at their optimum", where=type(economy).__name__,
                         number=f"Euler errors 10^{logs:.2f} (allowed 10^{allowed[0]:g}), signed mean {signed:.2g} (allowed {allowed[1]:g})",
                         remedy="Use a finer preset, or narrow the intervals.")  # fmt: skip


def society_of_lives(begin: Opening, found: Lives) -> Society:
    """Everybody alive at the opening, by what is expected of the rest of life."""
    mean: Any = np.asarray(found.utility).mean(axis=0)
    level = float(np.asarray(found.consumption).mean())
    return society_of(mean, np.asarray(begin.weight), np.asarray(begin.group), level, begin.constant)
