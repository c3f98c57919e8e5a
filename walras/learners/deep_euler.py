"""Deep learning of first-order conditions: a network over a frozen base rule, trained on simulated dates.

The economy is simulated with the present rule on fresh shocks, a short stretch a round. At the dates seen, points are drawn
and the network is fitted to what an objective says, by default (`Regression`) to the targets of time iteration: the Euler
equation inverted at drawn next stocks, the next date's decision frozen. Where there is aggregate risk the network learns the
log ratio to the stationary rule without it, which is a table (errors five to eight times smaller at no cost); without, it
learns the whole rule from a constant share of what is feasible.

Use it for types with one stock and one choice where people are a panel or a smooth rule is wanted. Do not use it where
`EulerIteration` works and the last digit matters. Not yet: several choices or stocks, markets that clear under aggregate risk,
mortality. Where markets clear and nothing aggregate moves it looks for the resting place, see `walras.learners.deep_rest`.

Left out by design, because each is known to end in false solutions: gradients through the next decision, clipping inside a
loss, scaling by running moments, a start that saves more than the share that keeps wealth where it is. `objectives` can be told to do the
first two, and `start` the last, for tests of the certificate.

    @article{maliar2021deep, title={Deep learning for solving dynamic economic models}, author={Maliar, Lilia and Maliar,
      Serguei and Winant, Pablo}, journal={Journal of Monetary Economics}, volume={122}, pages={76--101}, year={2021}}
"""

import dataclasses
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError
from walras._core.keys import stream
from walras.economy import period as periods
from walras.economy.agent import Mortal
from walras.economy.economy import Clear
from walras.economy.information import sees_state
from walras.economy.population import Histogram, Panel
from walras.economy.task import Task
from walras.learners import beliefs, deep_rest
from walras.learners.candidates import Interval
from walras.learners.deep_base import Base, Everything, at_rest, unconstrained
from walras.learners.deep_rule import DeepRule, Head, Network
from walras.learners.deep_steps import adam, moments_of, trained
from walras.learners.frames import boxed, framed
from walras.learners.learner import Experience, Learner, Progress, Setup
from walras.learners.objectives import Objective, Regression
from walras.learners.opening import Opening
from walras.learners.preset import DeepSizes
from walras.learners.resting_place import DeepRestState
from walras.learners.scene import Regressions, Scene, known_views
from walras.learners.table import TableRule


class DeepState(eqx.Module):
    """The rule, numbers of the optimiser (its own class could not be saved), rounds done, residual, the regressions
    of views and next coordinates, and the stationary search that gave base and people, with its histogram. The rule's frame is the box of what was seen."""

    rule: DeepRule
    optimiser: tuple[Array, ...]
    rounds: Array
    residual: Array
    regressions: Regressions
    search: Any
    cohort: Histogram | None

    @property
    def table(self) -> TableRule:
        """The frame of the rule."""
        return self.rule.frame

    @property
    def belief(self) -> beliefs.PolynomialBelief:
        """Scaling of coordinates and forecasts of views; its law is fitted by the certificate alone."""
        return self.rule.belief


class DeepEuler(Learner):
    """Deep learning of first-order conditions, for one type with one stock and one choice.

    Args:
        objective: what the network is made to fit.
        base: whether it learns the ratio to a tabular rule that knows no aggregate risk and no other policy (None: where there is such risk, or
            `over` something).
        head: how a choice is made of base and ratio; that of the objective if not given.
        start: without a base, the share of what is feasible that is consumed at first; if not given the share that keeps wealth where it
            is, and where only a resting place is sought everything.
        over: parameters and the two ends of each, as ("government.tau_k", -.2, .6): where the economy rests, the rule is trained for all of
            them at once.
        rounds: how many, if not those of the preset.
        rate: first step of Adam, if not that of the preset and objective.
    """

    objective: Objective = Regression()
    base: bool | None = eqx.field(static=True, default=None)
    head: Head | None = None
    start: float | None = eqx.field(static=True, default=None)
    over: tuple[Interval, ...] = eqx.field(static=True, default=())
    rounds: int | None = eqx.field(static=True, default=None)
    rate: float | None = eqx.field(static=True, default=None)
    fresh: ClassVar[bool] = True

    def experience(self, preset):
        """The sizes of the preset for this learner."""
        return Experience.of(self._sizes(preset))

    def _sizes(self, preset):
        return preset.deep if self.rounds is None else dataclasses.replace(preset.deep, rounds=self.rounds)

    def init(self, setup: Setup) -> DeepState | DeepRestState:
        """The base, a network that says nothing yet, and a box around where the economy rests."""
        _check(setup, self)
        sizes, economy = self._sizes(setup.preset), setup.economy
        if self.finds_rest(economy):
            return deep_rest.begin(self, setup, deep_rest.sizes_of(sizes))
        risky = economy.exogenous.n > 1
        opening = Opening.of(sizes.nodes, setup) if risky else Opening.staying(sizes.nodes, setup)
        if opening.sees_next(setup):
            raise InputError(
                "its coordinates depend on the exogenous state of their own date, as prices do", setup.name,
                remedy="Use EulerIteration, or give coordinates that are settled the date before, as stocks are.",
            )  # fmt: skip
        frame, belief = framed(setup, opening, sizes.coordinate_nodes)
        settled = opening.problem is not None and bool(frame.axes)
        if settled:
            belief = known_views(opening.problem, opening.rule, opening.search.mass, opening.search.x, belief)
        with_base = risky if self.base is None else self.base
        seen = opening.now.views[setup.name], opening.now.outcome[setup.name]
        ends, found, kept = at_rest(opening.rule, *seen)
        shares = np.asarray(kept) if self.start is None else np.full(kept.shape, self.start)
        if with_base:
            shares = unconstrained(np.asarray(found), ends, np.asarray(opening.rule.own_axis.nodes))
        inputs = belief.exo.shape[1] + len(belief.shape.logs)
        frame, base, network, *rest = self.blank(DeepRule, setup, sizes, frame, shares, inputs, 0.1 if with_base else 1.0)
        rule = DeepRule(frame, base, network, belief, *rest)
        moments = moments_of(self.optimiser(sizes), rule.network)
        zero, axis = jax.device_put(np.int64(0)), dataclasses.replace(frame.own_axis, n=setup.preset.histogram_nodes)
        cohort = opening.population or Histogram(axis, axis.n)
        blank = Regressions.blank(belief, settled, isinstance(setup.populations[setup.name], Panel))
        return DeepState(rule, moments, zero, jnp.ones(()), blank, opening.search, cohort)

    def finds_rest(self, economy):
        """Where markets clear and nothing aggregate moves, see `walras.learners.deep_rest`."""
        return economy.exogenous.n == 1 and isinstance(economy.market(), Clear)

    def blank(
        self, kind: type[DeepRule], setup: Setup, sizes: DeepSizes, frame: TableRule, shares, inputs: int, size: float
    ) -> tuple:
        """The parts of a rule of this kind that says what its base of `shares` says (None: everything is consumed), but for its belief:
        table, base, network, values of own risk, information, head. The network reads so many `inputs` beside the own state."""
        risks = beliefs.exogenous_values(setup.agent.risk)
        hidden = (sizes.units, sizes.features if inputs else sizes.features // 4)  # products span more than one factor
        own = len(kind.scales) + risks.shape[1]
        network = Network.blank((own, inputs), hidden, size, stream(setup.key, "network"))
        axis = frame.own_axis
        base = Everything(axis) if shares is None else Base(axis, jax.device_put(shares))
        return frame, base, network, jax.device_put(risks), setup.information, self.head or self.objective.head

    def optimiser(self, sizes: DeepSizes):
        """Adam with the rate of these sizes."""
        return adam(sizes, self._rate(sizes))

    def _rate(self, sizes) -> float:
        return self.rate or self.objective.pace * sizes.rate

    def update(self, key, state: DeepState | DeepRestState, task: Task) -> tuple[DeepState | DeepRestState, Progress]:
        """One round: the regression of views, then steps on points of the dates seen, targets made anew several times."""
        sizes = self._sizes(task.preset)
        if isinstance(state, DeepRestState):
            return deep_rest.update(self, key, state, deep_rest.sizes_of(sizes), task.preset.stationary_tolerance)
        regressions, belief = state.regressions.seen(state.rule.belief, task.field)
        frame = boxed(state.rule.frame, belief, task.field)
        rule = dataclasses.replace(state.rule, frame=frame, belief=belief)
        scene = Scene.of(stream(key, "scene"), task, rule)
        rule, moments, residual = trained(key, self.objective, self.optimiser(sizes), sizes, rule, state.optimiser, scene)
        residual = residual.astype(state.residual.dtype)
        residual = jnp.where(state.rounds == 0, residual, 0.9 * state.residual + 0.1 * residual)
        learned = DeepState(rule, moments, state.rounds + 1, residual, regressions, state.search, state.cohort)
        return learned, Progress(residual, jnp.zeros(()))

    def rule(self, state: DeepState | DeepRestState) -> DeepRule | TableRule:
        """The present rule; where the economy rests, at nodes and the prices of the candidate that was judged last."""
        return state.search.rule if isinstance(state, DeepRestState) else state.rule

    def calmer(self, state: DeepState | DeepRestState, preset):
        """Half the rate."""
        sizes = self._sizes(preset)
        sizes = deep_rest.sizes_of(sizes) if isinstance(state, DeepRestState) else sizes
        return dataclasses.replace(self, rate=0.5 * self._rate(sizes)), state

    def histogram(self, state: DeepState | DeepRestState) -> Histogram | None:
        """The histogram on which base and people were found."""
        return state.cohort


def _check(setup: Setup, learner: DeepEuler) -> None:
    agent, own = setup.agent, type(setup.agent.limits())
    reasons = {
        "endogenous fields other than one, traits, or risk on a continuum": len(own.endogenous()) != 1
        or bool(own.traits())
        or agent.risk.n is None,
        "individuals who may die": isinstance(agent, Mortal),
        "a box of parameters where prices follow a formula or there is aggregate risk": bool(learner.over)
        and not learner.finds_rest(setup.economy),
        "a market that clears, with aggregate risk": isinstance(setup.economy.market(), Clear)
        and setup.economy.exogenous.n > 1,
        "several types": len(periods.agents(setup.economy)) > 1,
        "information that does not see the exogenous state": not sees_state(setup.information),
    }
    for reason, applies in reasons.items():
        if applies:
            remedy = "Use EulerIteration or StructuralRL."
            raise InputError(f"DeepEuler does not take {reason}", where=setup.name, remedy=remedy)
