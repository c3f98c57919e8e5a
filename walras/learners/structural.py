"""Structural reinforcement learning: individuals know their own law of motion and learn prices from simulated paths.

The economy is simulated with the present rule, on fresh shocks, a short stretch a round; every individual's lifetime payoff
along the recorded prices is differentiated exactly (`adjoint`), prices taken as given; the parameters of the rule take a step
of Adam. No law of motion is estimated and no Bellman equation is solved: what lies beyond the stretch is worth what a critic
says, a linear function of the terms in information, fitted to the values that the adjoint found, older rounds counting less.

Use it where there is no first-order condition to invert, where information is rich, or to see what price-taking learners make
of an economy. Do not use it where `EulerIteration` works and the last digit matters: sampling noise of some .0005 of consumption
stays.

Where one type is on a histogram the rule starts as the best answer to a world that returns to the stationary solution. Half of the
weight lies on the people who are there, half on all nodes alike; rates decay and the parameters are averaged over the last rounds. The
preset `paper` has the settings that are printed there. The belief that the state carries scales coordinates; its law is fitted by the
certificate alone: nobody decides by it.

    @techreport{yang2025structural, title={Structural Reinforcement Learning for Heterogeneous Agent Macroeconomics},
      author={Yang, Yucheng and Wang, Chiyuan and Schaab, Andreas and Moll, Benjamin}, year={2025}}
"""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError
from walras.economy import period as periods
from walras.economy.agent import Mortal
from walras.economy.economy import Clear
from walras.economy.population import Histogram, Panel, Representative
from walras.economy.rule import Rule, ViewInformation
from walras.economy.task import Field, Task
from walras.learners import beliefs, unseen
from walras.learners.adjoint import residual_of
from walras.learners.answering import answering, pairs
from walras.learners.critic import MEMORY, Critic, powers_of, rescaled, terms_of, valued
from walras.learners.euler import EulerIteration
from walras.learners.forms import Form, FreeForm, SmoothForm, filled, near
from walras.learners.learner import Experience, Learner, Progress, Setup
from walras.learners.networks import blank, public_prices
from walras.learners.pace import left, place, slower
from walras.learners.pathwise import pathwise
from walras.learners.reverting import reverting
from walras.learners.table import TableRule

SHRINK, GUARD, SEVERAL = 0.5, 0.5, 0.35
"""Of nodes: share of their interval kept at least; bands beside what was seen, as a share of its width, and where several types meet."""


class StructuralState(eqx.Module):
    """Parameters now and averaged, numbers of the optimiser (its own class could not be saved), critic, rounds done, residual,
    the table that they fill, the belief that scales coordinates, the stationary search that gave the start, the histogram that
    it was found on, whether coordinates are prices sought in a bracket, and what the critic of a rule that does not see the
    exogenous state sees."""

    form: Form
    average: Form
    optimiser: tuple[Array, ...]
    critic: Critic
    rounds: Array
    residual: Array
    table: TableRule
    belief: beliefs.PolynomialBelief
    search: Any
    cohort: Histogram | None
    bracketed: bool = eqx.field(static=True)
    several: bool = eqx.field(static=True)
    insight: unseen.Insight | None


class StructuralRL(Learner):
    """Structural reinforcement learning of one type. Sizes left at None come from the preset.

    On a `Panel` the economy moves by its people, and the gradient is that of the same people put on the nodes of the
    stationary histogram, their own chance averaged exactly.

    Args:
        form: `smooth` (nodes of information share parameters), `free` (a parameter each), `network` (smooth, and a network) or
            `recurrent` (smooth, and a network with a memory).
        degree: total degree of the polynomials of every form but the free one.
        rate: longest step of the logits, after the first rounds; falls from there.
        answer: slopes of the logits in prices of the date, by name in the view (`answering`). Where several types meet in a market,
            prices should find an answer at once: without one they are learned of a round late.
        width: outputs of the network.
        memory: numbers that the recurrent form remembers.
        observe: what it reads once a date, after prices are settled: a function of the public record that gives a vector of
            numbers; one of Walras or of the economy's own file, or a run folder cannot be read.
    """

    form: str | None = eqx.field(static=True, default=None)
    degree: int = eqx.field(static=True, default=2)
    rate: float | None = eqx.field(static=True, default=None)
    answer: tuple[tuple[str, float], ...] = eqx.field(static=True, default=(), converter=pairs)
    width: int = eqx.field(static=True, default=16)
    memory: int = eqx.field(static=True, default=8)
    observe: Callable = eqx.field(static=True, default=public_prices)
    fresh: ClassVar[bool] = True

    def experience(self, preset):
        """The sizes of the preset for this learner."""
        return Experience.of(preset.structural)

    def init(self, setup: Setup) -> StructuralState:
        """The best answer to a world that returns to where the stationary solution has it (`reverting`), or a rule at rest."""
        self._check(setup)
        setup = setup.on_nodes(setup.preset.structural.nodes)
        kind = self.form or setup.preset.structural.form
        whole = unseen.everything_seen(setup)
        several = setup.rest is not None
        per_axis = None if several else setup.preset.structural.coordinate_nodes
        start = EulerIteration(setup.preset.histogram_nodes, per_axis).init(whole)
        table, belief = start.table, start.belief
        cohort = None if isinstance(setup.populations[setup.name], Representative) else EulerIteration().histogram(start)
        if several and cohort is not None:
            cohort = setup.rest.histogram
            table = table.on(cohort.axis)
        returning = not several and start.search is not None and len(table.axes) > 0
        if returning:
            table, belief = reverting(whole, start)
        table, belief = unseen.as_seen(setup, table, belief)
        powers = beliefs.powers([self.degree] * belief.variables, self.degree)
        remembered = self.memory if kind == "recurrent" else 0
        if kind in ("network", "recurrent"):
            form = blank(setup, table, cohort, powers, (self.width, remembered), self.observe)
        else:
            form = FreeForm(jnp.zeros((0, 0))) if kind == "free" else SmoothForm(jnp.zeros((0, 0)), powers)
        form = near(form, table, belief)
        table = answering(table, dict(self.answer), start.belief.template[0], setup.name)
        insight = unseen.insight(setup, start.belief.template[0])
        known = belief.variables if insight is None else insight.size
        critic = Critic.blank(len(powers_of(known)) + remembered, table.table.shape[-3] * table.table.shape[-2])
        moments, zero = tuple(jax.tree_util.tree_leaves(self._optimiser(setup.preset).init(form))), jax.device_put(np.int64(0))
        bracketed = returning and isinstance(setup.economy.market(), Clear)
        last = (table, belief, start.search, cohort, bracketed, several, insight)
        return StructuralState(form, form, moments, critic, zero, jnp.ones(()), *last)

    def _check(self, setup: Setup) -> None:
        def refuse(why: str, remedy="Use EulerIteration for this type."):
            raise InputError(why, where=setup.name, remedy=remedy)

        kind = self.form or setup.preset.structural.form
        if kind not in ("smooth", "free", "network", "recurrent"):
            refuse(f"StructuralRL has no form '{kind}'", "Use `smooth`, `free`, `network` or `recurrent`.")
        if kind == "recurrent" and not isinstance(setup.information, ViewInformation):
            refuse(f"a recurrent form has its own memory beside {type(setup.information).__name__}", "Give no information.")
        if self.answer and kind not in ("smooth", "free"):
            refuse(f"the form '{kind}' has no answer to prices by name", "Use `smooth`.")
        if setup.economy.exogenous.n == 1:
            refuse("there is no aggregate risk to learn from")
        population = setup.populations[setup.name]
        if not isinstance(population, Histogram | Panel | Representative):
            refuse(f"StructuralRL needs a histogram, a panel or a representative, not a {type(population).__name__}")
        if isinstance(population, Representative) and kind not in ("smooth", "free"):
            refuse(f"the form '{kind}' is not for a representative", "Use `smooth`.")
        if isinstance(setup.agent, Mortal):
            refuse("StructuralRL takes types that live for ever")
        if isinstance(setup.economy.market(), Clear) and len(periods.agents(setup.economy)) > 1 and setup.rest is None:
            refuse("StructuralRL has no start for a clearing market of several types")

    def _optimiser(self, preset):
        import optax  # slow to import, and needed only by those who learn this way

        sizes = preset.structural
        steps, first = max(sizes.rounds - sizes.warm_rounds, 1), self.rate or sizes.rate
        if not sizes.ramp_rounds:
            return optax.adam(optax.exponential_decay(first, steps, sizes.decay))
        given = (first / sizes.ramp_rounds, first, sizes.ramp_rounds, max(steps - sizes.ramp_rounds, 1), sizes.decay)
        return optax.adam(optax.warmup_exponential_decay_schedule(*given))

    def update(self, key, state: StructuralState, task: Task) -> tuple[StructuralState, Progress]:
        """One round: values and gradient along the recorded paths, the critic again, one step of the parameters."""
        sizes, field = task.preset.structural, task.field
        warm = state.rounds < sizes.warm_rounds
        # Under the first guess the economy wanders: the nodes are placed again when the rule has learned a little, and for one type
        # the last time only if it has left them. Where a market clears they stay over its whole bracket, all of which is asked for.
        early, last = (jnp.isin(state.rounds, sizes.warm_rounds * jnp.asarray(times)) for times in ((3, 6), (15,)))
        placing = warm | early | (last & (state.several | left(state.table, state.belief, field)))
        now = (state.form, state.average, state.critic, state.table, state.belief)
        if state.table.axes and not state.bracketed:
            now = jax.lax.cond(placing, lambda: _placed(state, field, last), lambda: now)
        form, average, critic, table, belief = now
        form, average = form.seen(field, placing), average.seen(field, placing)
        # A cubic between nodes may leave the interval that the nodes are in.
        seen, pull = jax.vjp(lambda f: jnp.clip(f.parts(table, belief, field), 1e-4, 1.0), form)
        if state.cohort is None:
            found = pathwise(task.agent, field, seen, task.start)
            gradient = found.gradient
        else:
            nodes = state.cohort if isinstance(task.cohort, Panel) else task.cohort
            terms = terms_of(state.insight, belief, field)
            remembers = len(field.info[1]) > len(belief.shape.logs)
            kept = jnp.where(placing & remembers, 0.0, MEMORY)  # a form that remembers scales what it reads anew
            found, critic = valued(critic, task, nodes, seen, terms, kept, state.rounds == 0)
            gradient = jnp.pad(found.gradient, [(0, 0), (0, 1), (0, 0), (0, 0)])
        (slope,) = pull(jax.tree_util.tree_map(jnp.negative, gradient))
        adam = self._optimiser(task.preset)
        known = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(adam.init(form)), state.optimiser)
        change, known = adam.update(slope, known)
        stepped = eqx.apply_updates(form, change), tuple(jax.tree_util.tree_leaves(known))
        still = lambda a, b: jnp.where(warm, a, b)  # noqa: E731
        form, optimiser = jax.tree_util.tree_map(still, (form, state.optimiser), stepped)
        window = self._window(sizes, state)
        average = jax.tree_util.tree_map(lambda a, f: a + (f - a) / window, average, form)
        residual = 0.98 * state.residual + 0.02 * residual_of(found, seen[:, : found.gradient.shape[1]])
        tail = (table, belief, state.search, state.cohort, state.bracketed, state.several, state.insight)
        learned = StructuralState(form, average, optimiser, critic, state.rounds + 1, residual, *tail)
        return learned, Progress(residual, jnp.zeros(()))

    def _window(self, sizes, state: StructuralState):
        """Rounds that are averaged; few until the last third where several types meet, or one stands for all and saves as others
        do: each would chase an average that lags."""
        if not state.several and state.cohort is not None:
            return jnp.clip(state.rounds - sizes.warm_rounds + 1, 1, sizes.average_rounds)
        return jnp.clip(state.rounds - (2 * sizes.rounds) // 3, sizes.chasing_rounds, sizes.average_rounds)

    def rule(self, state: StructuralState) -> Rule:
        """The rule of the averaged parameters."""
        return state.average.rule(state.table, state.belief)

    def calmer(self, state: StructuralState, preset):
        """Half the rate."""
        return slower(self, self.rate or preset.structural.rate), state

    def histogram(self, state: StructuralState) -> Histogram | None:
        """The histogram on which the rule was started."""
        return state.cohort


def _placed(state: StructuralState, field: Field, last):
    """Form, average, critic, table and belief on coordinate nodes around what was seen. The average begins anew from the form, but the `last` time."""

    def moved(form):
        table = filled(form, state.table, state.belief)
        table, belief = place(table, state.belief, field, SEVERAL if state.several else GUARD, True, SHRINK)
        return near(form, table, belief), table, belief

    form, table, belief = moved(state.form)
    average = jax.tree_util.tree_map(lambda a, f: jnp.where(last, a, f), moved(state.average)[0], form)
    sees_these = state.cohort is not None and state.insight is None
    critic = rescaled(state.critic, state.belief, belief) if sees_these else state.critic
    return form, average, critic, table, belief
