"""Deep learning of first-order conditions: a network over a frozen base rule, trained on simulated dates.

The economy is simulated with the present rule on fresh shocks, a short stretch a round. At the dates seen, points are drawn
and the network is fitted to what an objective says, by default (`Regression`) to the targets of time iteration: the Euler
equation inverted at drawn next stocks, the next date's decision frozen. Where there is aggregate risk the network learns the
log ratio to the stationary rule without it, which is a table (errors five to eight times smaller at no cost); without, it
learns the whole rule from a constant share of what is feasible.

Use it for types with one stock and one choice where people are a panel or a smooth rule is wanted. Do not use it where
`EulerIteration` works and the last digit matters. Not yet: several choices or stocks, markets that clear, mortality.

Left out by design, because each is known to end in false solutions: gradients through the next decision, clipping inside a
loss, scaling by running moments, a start far from the share that keeps wealth where it is. `objectives` can be told to do the
first two, and `start` the last, for tests of the certificate.

    @article{maliar2021deep, title={Deep learning for solving dynamic economic models}, author={Maliar, Lilia and Maliar,
      Serguei and Winant, Pablo}, journal={Journal of Monetary Economics}, volume={122}, pages={76--101}, year={2021}}
"""

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import jax
import jax.flatten_util
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
from walras.learners import beliefs
from walras.learners.deep_rule import Base, DeepRule, Head, Network, at_rest, unconstrained
from walras.learners.frames import boxed, framed
from walras.learners.learner import Experience, Learner, Progress, Setup
from walras.learners.objectives import Objective, Regression
from walras.learners.opening import Opening
from walras.learners.scene import Regressions, Scene, known_views
from walras.learners.table import TableRule

if TYPE_CHECKING:
    from optax import GradientTransformation


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
        base: whether it learns the ratio to the stationary rule (None: where there is aggregate risk).
        head: how a choice is made of base and ratio; that of the objective if not given.
        start: without a base, the share of what is feasible that is consumed at first; the share that keeps wealth where it
            is if not given.
        rounds: how many, if not those of the preset.
        rate: first step of Adam, if not that of the preset and objective.
    """

    objective: Objective = Regression()
    base: bool | None = eqx.field(static=True, default=None)
    head: Head | None = None
    start: float | None = eqx.field(static=True, default=None)
    rounds: int | None = eqx.field(static=True, default=None)
    rate: float | None = eqx.field(static=True, default=None)
    fresh: ClassVar[bool] = True

    def experience(self, preset):
        """The sizes of the preset for this learner."""
        return Experience.of(self._sizes(preset))

    def _sizes(self, preset):
        return preset.deep if self.rounds is None else dataclasses.replace(preset.deep, rounds=self.rounds)

    def init(self, setup: Setup) -> DeepState:
        """The base, a network that says nothing yet, and a box around where the economy rests."""
        _check(setup)
        sizes, economy, agent = self._sizes(setup.preset), setup.economy, setup.agent
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
        base = Base(frame.own_axis, jax.device_put(shares))
        risks = beliefs.exogenous_values(agent.risk)
        inputs = (1 + risks.shape[1], belief.exo.shape[1] + len(belief.shape.logs))
        hidden = (sizes.units, sizes.features if inputs[1] else sizes.features // 4)  # products span more than one factor
        network = Network.blank(inputs, hidden, 0.1 if with_base else 1.0, stream(setup.key, "network"))
        head = self.head or self.objective.head
        rule = DeepRule(frame, base, network, belief, jax.device_put(risks), setup.information, head)
        moments = tuple(jax.tree_util.tree_leaves(self._optimiser(sizes).init(jax.flatten_util.ravel_pytree(network)[0])))
        zero, axis = jax.device_put(np.int64(0)), dataclasses.replace(frame.own_axis, n=setup.preset.histogram_nodes)
        cohort = opening.population or Histogram(axis, axis.n)
        blank = Regressions.blank(belief, settled, isinstance(setup.populations[setup.name], Panel))
        return DeepState(rule, moments, zero, jnp.ones(()), blank, opening.search, cohort)

    def _optimiser(self, sizes) -> "GradientTransformation":
        import optax  # slow to import, and needed only by those who learn this way

        steps = sizes.rounds * sizes.refreshes * sizes.steps
        return optax.adam(optax.cosine_decay_schedule(self.rate or self.objective.pace * sizes.rate, steps, sizes.final))

    def update(self, key, state: DeepState, task: Task) -> tuple[DeepState, Progress]:
        """One round: the regression of views, then steps on points of the dates seen, targets made anew several times."""
        sizes = self._sizes(task.preset)
        regressions, belief = state.regressions.seen(state.rule.belief, task.field)
        frame = boxed(state.rule.frame, belief, task.field)
        rule = dataclasses.replace(state.rule, frame=frame, belief=belief)
        scene, adam = Scene.of(stream(key, "scene"), task, rule), self._optimiser(sizes)
        # One vector, not a dozen arrays: steps are so small that the number of operations is what they cost.
        numbers, unravel = jax.flatten_util.ravel_pytree(rule.network)
        known = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(adam.init(numbers)), state.optimiser)
        unit = rule.network.size
        count = max(sizes.points // (scene.dates * len(state.rule.risks)), 2)

        def refresh(carry, key):
            frozen = dataclasses.replace(rule, network=unravel(carry[0]))
            points = self.objective.points(stream(key, "points"), frozen, scene, count)

            def step(carry, key):
                numbers, known = carry
                chosen = jax.random.randint(stream(key, "batch"), (sizes.batch,), 0, points.date.size)
                batch = jax.tree_util.tree_map(lambda leaf: leaf[chosen], points)

                def loss(numbers):
                    asked = dataclasses.replace(rule, network=unravel(numbers))
                    losses = self.objective.losses(stream(key, "draws"), asked, frozen, scene, batch)
                    return jnp.sum(losses).astype(jnp.float32) / (jnp.sum(batch.weight) * unit**2)

                value, slope = jax.value_and_grad(loss)(numbers)
                change, known = adam.update(slope, known)
                return (numbers + change, known), value

            return jax.lax.scan(step, carry, jax.random.split(stream(key, "steps"), sizes.steps))

        keys = jax.random.split(key, sizes.refreshes)
        (numbers, known), seen = jax.lax.scan(refresh, (numbers, known), keys)
        residual = (unit * jnp.sqrt(jnp.abs(jnp.mean(seen)))).astype(state.residual.dtype)
        residual = jnp.where(state.rounds == 0, residual, 0.9 * state.residual + 0.1 * residual)
        rule = dataclasses.replace(rule, network=unravel(numbers))
        optimiser = tuple(jax.tree_util.tree_leaves(known))
        learned = DeepState(rule, optimiser, state.rounds + 1, residual, regressions, state.search, state.cohort)
        return learned, Progress(residual, jnp.zeros(()))

    def rule(self, state: DeepState) -> DeepRule:
        """The present rule."""
        return state.rule

    def calmer(self, state: DeepState, preset):
        """Half the rate."""
        return dataclasses.replace(self, rate=0.5 * (self.rate or self.objective.pace * self._sizes(preset).rate)), state

    def histogram(self, state: DeepState) -> Histogram | None:
        """The histogram on which base and people were found."""
        return state.cohort


def _check(setup: Setup) -> None:
    agent, own = setup.agent, type(setup.agent.limits())
    reasons = {
        "endogenous fields other than one, traits, or risk on a continuum": len(own.endogenous()) != 1
        or bool(own.traits())
        or agent.risk.n is None,
        "individuals who may die": isinstance(agent, Mortal),
        "a market that clears": isinstance(setup.economy.market(), Clear),
        "several types": len(periods.agents(setup.economy)) > 1,
        "information that does not see the exogenous state": not sees_state(setup.information),
    }
    for reason, applies in reasons.items():
        if applies:
            remedy = "Use EulerIteration or StructuralRL."
            raise InputError(f"DeepEuler does not take {reason}", where=setup.name, remedy=remedy)
