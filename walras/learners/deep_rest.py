"""`DeepEuler` where markets clear and nothing aggregate moves: one network for all candidates, then the root.

What is sought is where the economy rests. The rule is trained on dates that repeat themselves for ever, at candidates (prices, and
policies if it is to know them) drawn around where the rest is thought to be, and reads the numbers of their views: no loop runs
around the household's problem. Afterwards a candidate is judged by the cross-section that rests under the rule, and the root is
SciPy's. A few times on the way candidates are put around the root of the rule so far. The first rule is that of the last date of a
life, on which everything is consumed: from there time iteration goes backwards through a life that grows longer. (A market with a guess and no bracket has its resting place found by tables before any learner begins, `walras.learners.rest`:
there the grid is that of the tables.)

    @article{maliar2021deep, title={Deep learning for solving dynamic economic models}, author={Maliar, Lilia and Maliar,
      Serguei and Winant, Pablo}, journal={Journal of Monetary Economics}, volume={122}, pages={76--101}, year={2021}}
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.compiling import brief_jit
from walras._core.errors import InputError, SolveError
from walras._core.keys import stream
from walras._core.tree import strong
from walras._core.types import Key
from walras.economy import period as periods
from walras.economy.population import Histogram
from walras.learners.candidates import Candidates
from walras.learners.deep_base import at_rest, unconstrained
from walras.learners.deep_root import Root
from walras.learners.deep_steps import moments_of, trained
from walras.learners.frames import framed
from walras.learners.frozen import FrozenDate
from walras.learners.grids import CROWDED, LENGTHENED, top_of
from walras.learners.learner import Progress, Setup
from walras.learners.opening import Opening
from walras.learners.preset import DeepSizes
from walras.learners.priced_rule import PricedRule, Reading
from walras.learners.resting_place import DeepRestState, Place, on_nodes
from walras.learners.scene import Scene
from walras.numerics.interpolate import Axis

WORLDS = 64
"""Candidates on which a round trains."""

LOOKS = 8
"""Candidates are put around the root of the rule so far after every so manieth part of the rounds, but for the last quarter."""

EARLY, STAGES, ROUGH = 8, 16, 0.15
"""Before the grid is placed: a stage is one in so many of all rounds, most stages, and the residual above which no root is looked for."""


class Worlds(Scene):
    """Dates that repeat themselves for ever: tomorrow's view is today's."""

    def after(self, rule, d, j):
        """View and outcome of the same date."""
        return self.at(d)


def _views(date: FrozenDate, candidates: Candidates, key: Key, rule, mass):
    """View and outcome of dates that are drawn."""

    def at(policy, x):
        now = candidates.under(date, policy).now(x, rule, mass)
        return now.views[date.name], now.outcome[date.name]

    return jax.vmap(at)(*candidates.drawn(key, WORLDS))


_first_views = brief_jit(_views)


@eqx.filter_jit
def _rounds(learner: Any, sizes: DeepSizes, key: Key, state: DeepRestState, count: Array) -> DeepRestState:
    """Some rounds of training, each on worlds of its own."""
    objective, optimiser, date, mass = learner.objective, learner.optimiser(sizes), state.date, state.search.mass
    axis = state.cohort.axis
    below = jnp.cumsum(jnp.sum(mass, axis=0))  # quantiles of people, as in a scene that was lived
    stocks = axis.nodes[jnp.searchsorted(below, (jnp.arange(1000) + 0.5) / 1000 * below[-1])]

    def one(number, carry):
        rule, moments, residual = carry
        mine = stream(key, "round", state.rounds + number)
        views = _views(date, state.candidates, stream(mine, "worlds"), rule, mass)
        index, none = jnp.broadcast_to(date.state.exo, (WORLDS,)), jnp.zeros((WORLDS, 0))
        scene = Worlds(date.agent, date.economy.exogenous, index, none, none, *views, stocks)
        rule, moments, seen = trained(mine, objective, optimiser, sizes, rule, moments, scene)
        return rule, moments, jnp.where(state.rounds + number == 0, seen, 0.9 * residual + 0.1 * seen).astype(residual.dtype)

    carry = jax.lax.fori_loop(0, count, one, (state.learned, state.optimiser, state.residual))
    return dataclasses.replace(state, learned=carry[0], optimiser=carry[1], rounds=state.rounds + count, residual=carry[2])


def sizes_of(sizes: DeepSizes) -> DeepSizes:
    """Sizes where no time goes into simulation: a wider network, twice the points a step, half the rate (at the whole one runs were lost)."""
    return dataclasses.replace(sizes, units=3 * sizes.units // 2, batch=2 * sizes.batch, rate=0.5 * sizes.rate)


def begin(learner: Any, setup: Setup, sizes: DeepSizes) -> DeepRestState:
    """The first state: an empty network, and after a few rounds the grid on which the rest is learned. `learner` is a `DeepEuler`."""
    candidates = Candidates.of(setup.economy, learner.over, setup.name)
    opening = Opening.staying(sizes.nodes, setup)
    if opening.now.infos[setup.name][1]:
        raise InputError("where the economy rests there is nothing to condition on but what the view says", where=setup.name,
                         remedy="Leave the information out.")  # fmt: skip
    frame, belief = framed(setup, opening, 0)
    people = setup.populations[setup.name]
    given = people.axis if isinstance(people, Histogram) else None
    axis = dataclasses.replace(frame.own_axis, n=setup.preset.stationary_nodes) if given is None else given
    frame = frame.on(axis)
    date = strong(_begun(setup, {**setup.populations, setup.name: Histogram(axis, axis.n)}, opening.rule))
    mass = jax.device_put(np.full((setup.agent.risk.n, axis.n), 1.0 / (setup.agent.risk.n * axis.n)))  # nobody knows yet
    reading = Reading.of(_first_views(date, candidates, stream(setup.key, "first"), opening.rule, mass)[0])
    anchored = bool(learner.over) if learner.base is None else learner.base
    shares = _anchor(setup, axis) if anchored else None
    if learner.start is not None and not anchored:
        shares = np.full((setup.agent.risk.n, axis.n), learner.start)
    size = 0.1 if anchored else 1.0
    frame, base, network, *rest = learner.blank(PricedRule, setup, sizes, frame, shares, len(reading.which), size)
    rule = PricedRule(frame, base, network, belief, *rest, reading)
    none, zero, one = moments_of(learner.optimiser(sizes), network), jax.device_put(np.int64(0)), jnp.ones(())
    place = Place(Root(candidates.centre(candidates.own), one, mass, jax.device_put(np.bool_(False))), frame)
    state = DeepRestState(rule, none, zero, one, date, candidates, place)
    early = np.int64(max(sizes.rounds // EARLY, 1))
    train = lambda key, state: _rounds(learner, sizes, key, state, early)  # noqa: E731
    state = _placed(state, setup.key, train, None if given else setup.preset.euler.tail_share)
    # The rate begins anew: what was learned on the way to the grid is where the rounds begin.
    return dataclasses.replace(state, rounds=zero, optimiser=moments_of(learner.optimiser(sizes), state.learned.network))


def _anchor(setup: Setup, axis: Axis) -> np.ndarray:
    """Shares of what is feasible that are consumed where the economy as it is rests, by endogenous grids, at the nodes of an axis."""
    opening = Opening.of(axis.n, setup)
    rule = on_nodes(opening.rule, axis)
    ends, positions, _ = at_rest(rule, opening.now.views[setup.name], opening.now.outcome[setup.name])
    return unconstrained(np.asarray(positions), ends, np.asarray(axis.nodes))


@brief_jit
def _begun(setup: Setup, populations, rule) -> FrozenDate:
    rules = {**setup.rules, setup.name: rule}
    state = periods.start(setup.economy, populations, rules, setup.key, setup.exo)
    return FrozenDate(setup.economy, state, populations, rules, setup.key, setup.name, ())


def _placed(state: DeepRestState, key: Key, train, share: float | None) -> DeepRestState:
    """After some rounds, `train(key, state)`, with candidates around resting places, and the grid ending where less than `share` of the
    people lie above (None: it stays).

    Raises:
        SolveError: if nowhere is found where the economy rests.
    """
    lengthened = 0
    for number in range(STAGES):
        state = train(stream(key, "early", number), state)
        if not float(state.residual) <= ROUGH:
            continue  # a rule that is half learned may lead anywhere
        state = state.looked(1e-4)
        if not bool(state.search.bracketed):
            continue
        axis, mass = state.cohort.axis, state.search.mass
        if share is None:
            return state.put_around()
        end = top_of(mass, axis, share)
        # The rule is that of a life which is still short, and will save more: its people must end far from the end of the grid.
        if (float(mass[:, -1].sum()) <= CROWDED and end < float(axis.high)) or lengthened == LENGTHENED:
            return state.on_axis(end).put_around()
        state, lengthened = state.on_axis(5.0 * float(axis.high)), lengthened + 1
    last = " ".join(f"{x:.6g}" for x in np.asarray(state.search.tried))
    raise SolveError(
        f"no resting place is found: after {int(state.rounds)} rounds the residual of the rule is {float(state.residual):.2g}, and at the last "
        f"candidate, {last}, the excess of the markets {float(state.search.excess):.2g}",
        where="DeepEuler",
        remedy="With β(1 + r) ≥ 1 savings have no bound; otherwise give the market a nearer guess, or let it learn for more rounds.",
    )


def update(learner: Any, key: Key, state: DeepRestState, sizes: DeepSizes, tolerance: float) -> tuple[DeepRestState, Progress]:
    """One round; after some of them, and after the last, the resting place of the rule so far."""
    state = _rounds(learner, sizes, key, state, np.int64(1))
    number, every = int(state.rounds), max(sizes.rounds // LOOKS, 1)
    if number >= sizes.rounds:
        state = state.looked(1e-14)
        return state, Progress(state.search.excess, jnp.zeros(()))
    if number % every == 0 and 4 * number <= 3 * sizes.rounds:
        state = state.looked(1e-4).put_around()
    # As long as it is trained it has not arrived, however small its residual.
    return state, Progress(jnp.maximum(state.residual, 2 * tolerance), jnp.zeros(()))
