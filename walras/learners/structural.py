"""Structural reinforcement learning: individuals know their own law of motion and learn prices from simulated paths.

The economy is simulated with the present rule, on fresh shocks, a short stretch a round; every individual's lifetime payoff
along the recorded prices is differentiated exactly (`adjoint`), prices taken as given; the parameters of the rule take a step
of Adam. No law of motion is estimated and no Bellman equation is solved: what lies beyond the stretch is worth what a critic
says, a linear function of the terms in information, fitted anew in each round to the values that the adjoint found.

Use it where there is no first-order condition to invert, where information is rich, or to see what price-taking learners make
of an economy. Do not use it where `EulerIteration` works and the last digit matters: sampling noise of about a thousandth of
consumption stays.

The rule starts at the stationary solution; half of the weight lies on the people who are there, half on all nodes alike; rates
decay and the parameters are averaged over the last rounds. The law of motion that the state carries is fitted for the
certificate alone: nobody decides by it.

    @techreport{yang2025structural, title={Structural Reinforcement Learning for Heterogeneous Agent Macroeconomics},
      author={Yang, Yucheng and Wang, Chiyuan and Schaab, Andreas and Moll, Benjamin}, year={2025}}
"""

import dataclasses
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from walras._core.errors import InputError
from walras.economy import period as periods
from walras.economy.economy import Clear, Formula
from walras.economy.population import Histogram
from walras.economy.task import Field, Task
from walras.learners import beliefs, egm
from walras.learners.adjoint import Critic, adjoint
from walras.learners.euler import EulerIteration, EulerState, place
from walras.learners.forms import Form, FreeForm, SmoothForm, logits_of, positions
from walras.learners.learner import Learner, Progress, Setup
from walras.learners.table import TableRule
from walras.numerics.interpolate import EvenAxis

REVERSION = 0.6  # a first guess of how much of today's price is still there tomorrow, for markets that clear


class StructuralState(eqx.Module):
    """Parameters now and averaged, optimiser, critic, rounds done, residual, the table that they fill, the law fitted for the
    certificate, the stationary search that gave the start, and the histogram that it was found on."""

    form: Form
    average: Form
    optimiser: Any
    critic: Critic
    rounds: Array
    residual: Array
    table: TableRule
    belief: beliefs.PolynomialBelief
    search: Any
    cohort: Histogram


class StructuralRL(Learner):
    """Structural reinforcement learning of one type on a histogram. Sizes left at None come from the preset.

    Args:
        form: `free` (a parameter for every node) or `smooth` (nodes of information share parameters); `smooth` where a market
            clears if not given.
        degree: total degree of the polynomials of the smooth form.
        rate: first step of the logits; falls to a tenth over the rounds.
    """

    form: str | None = eqx.field(static=True, default=None)
    degree: int = eqx.field(static=True, default=1)
    rate: float | None = eqx.field(static=True, default=None)
    fresh: ClassVar[bool] = True

    def init(self, setup: Setup) -> StructuralState:
        """The stationary solution; where a market clears, the best answer to prices that return to it."""
        if setup.economy.exogenous.n == 1:
            raise InputError("there is no aggregate risk to learn from", where=setup.name, remedy="Use EulerIteration.")
        sizes = setup.preset.structural
        start = EulerIteration(setup.preset.histogram_nodes, sizes.coordinate_nodes).init(setup)
        table, belief = start.table, start.belief
        kind = self.form or ("free" if isinstance(setup.economy.market(), Formula) else "smooth")
        if isinstance(setup.economy.market(), Clear):
            table, belief = _reverting(setup, start)
        powers = beliefs.powers([self.degree] * _variables(belief), self.degree)
        blank = {"free": FreeForm(jnp.zeros((0, 0))), "smooth": SmoothForm(jnp.zeros((0, 0)), powers)}[kind]
        form = _fitted(blank, table, belief)
        own = table.table.shape[-3] * table.table.shape[-2]
        critic = Critic(jax.device_put(np.zeros((len(_critic_powers(belief)), own))))
        moments = self._optimiser(setup.preset).init(eqx.filter(form, eqx.is_inexact_array))
        zero = jax.device_put(np.int64(0))
        cohort = EulerIteration().histogram(start)
        return StructuralState(form, form, moments, critic, zero, jnp.ones(()), table, belief, start.search, cohort)

    def _optimiser(self, preset) -> optax.GradientTransformation:
        sizes = preset.structural
        steps = max(sizes.rounds - sizes.warm_rounds, 1)
        return optax.adam(optax.exponential_decay(self.rate or sizes.rate, steps, 0.1))

    def update(self, key, state: StructuralState, task: Task) -> tuple[StructuralState, Progress]:
        """One round: values and gradient along the recorded paths, the critic again, one step of the parameters."""
        sizes, field = task.preset.structural, task.field
        warm = state.rounds < sizes.warm_rounds
        table, belief = place(state.table, state.belief, field, task.preset.euler, warm)
        moved = _fitted(state.form, table, belief)
        form, average = (_where(warm, moved, old) for old in (state.form, state.average))
        index, coordinates = field.info
        transformed = belief.transform(coordinates)
        flatten = lambda part: part.reshape(-1, part.shape[-1])  # noqa: E731

        def parts(f):
            rule = _filled(f, table, belief)
            return jax.vmap(jax.vmap(lambda i, t: flatten(rule.at(i, t))))(index, transformed)

        seen, pull = jax.vjp(parts, form)
        terms = jax.vmap(jax.vmap(lambda i, t: _critic_terms(belief, i, t)))(index, transformed)
        before = lambda tree: jax.tree_util.tree_map(lambda leaf: leaf[:, :-1], tree)  # noqa: E731
        people = task.start.reshape(len(index), -1)
        weights = 0.5 * people + 0.5 / people.shape[1]
        found = adjoint(task.agent, task.cohort, before(field), seen[:, :-1], weights, state.critic(terms[:, -1]))
        rows = terms[:, :-1].reshape(-1, terms.shape[-1])
        critic = Critic(beliefs.least_squares(rows, found.value.reshape(len(rows), -1)))
        gradient = jnp.pad(found.gradient, [(0, 0), (0, 1), (0, 0), (0, 0)])
        (slope,) = pull(jax.tree_util.tree_map(jnp.negative, gradient))
        change, optimiser = self._optimiser(task.preset).update(slope, state.optimiser)
        stepped = eqx.apply_updates(form, change)
        form, optimiser = _where(warm, form, stepped), _where(warm, state.optimiser, optimiser)
        share = 1.0 / jnp.clip(state.rounds - sizes.warm_rounds + 1, 1, sizes.average_rounds)
        average = jax.tree_util.tree_map(lambda a, f: a + share * (f - a), average, form)
        residual = 0.98 * state.residual + 0.02 * _residual(found, seen[:, :-1])
        law = belief.fit(field, state.belief, jnp.where(warm, 1.0, 1.0 / sizes.average_rounds))
        learned = StructuralState(
            form, average, optimiser, critic, state.rounds + 1, residual, table, law, state.search, state.cohort
        )
        return learned, Progress(residual, jnp.zeros(()))

    def rule(self, state: StructuralState) -> TableRule:
        """The table that the averaged parameters fill."""
        return _filled(state.average, state.table, state.belief)

    def histogram(self, state: StructuralState) -> Histogram:
        """The histogram on which the rule was started."""
        return state.cohort


def _where(condition, one, other):
    return jax.tree_util.tree_map(lambda a, b: jnp.where(condition, a, b), one, other)


def _variables(belief: beliefs.PolynomialBelief) -> int:
    return belief.exo.shape[1] + len(belief.shape.logs)


def _critic_powers(belief: beliefs.PolynomialBelief) -> beliefs.Powers:
    return beliefs.powers([2] * _variables(belief), 2)


def _critic_terms(belief: beliefs.PolynomialBelief, index, transformed):
    return beliefs.monomials(belief.regressors(index, transformed), _critic_powers(belief))


def _regressors(table: TableRule, belief: beliefs.PolynomialBelief):
    """Regressors at all nodes of information, index major."""
    grids = jnp.meshgrid(jnp.arange(table.table.shape[0]), *(axis.nodes for axis in table.axes), indexing="ij")
    coordinates = jnp.stack([g.reshape(-1) for g in grids[1:]], -1)
    return jax.vmap(belief.regressors)(grids[0].reshape(-1), coordinates)


def _filled(form: Form, table: TableRule, belief: beliefs.PolynomialBelief) -> TableRule:
    """The table with the form's positions."""
    filled = positions(form.logits(_regressors(table, belief))).reshape(table.table.shape)
    return eqx.tree_at(lambda t: t.table, table, filled)


def _fitted(form: Form, table: TableRule, belief: beliefs.PolynomialBelief) -> Form:
    """The form nearest to a table."""
    info = int(np.prod(table.table.shape[: 1 + len(table.axes)]))
    return form.fitted(_regressors(table, belief), logits_of(table.table).reshape(info, -1))


def _residual(found, parts):
    """How far the first-order conditions are from zero on average over the stretch, as a share of marginal payoff.

    Summed over dates with its sign, node by node; corners do not count.
    """
    inside = (parts > 0.005) & (parts < 0.995)
    signed = jnp.abs(jnp.sum(jnp.where(inside, found.gradient, 0.0), axis=(0, 1)))
    return jnp.sum(signed) / jnp.sum(jnp.where(inside, found.scale, 0.0))


def _reverting(setup: Setup, start: EulerState) -> tuple[TableRule, beliefs.PolynomialBelief]:
    """The best answer to prices that go back to their stationary level: a smooth rule whose demand has a slope."""
    field, resting = _hypothetical(setup, start)
    belief = start.belief
    seen = belief.transform(field.info[1])
    low, high = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
    belief = dataclasses.replace(belief, centre=0.5 * (low + high), scale=0.5 * (high - low))
    belief = belief.fit(field)
    x = (belief.transform(resting) - belief.centre) / belief.scale
    law = np.zeros(belief.law.shape)
    for number, power in enumerate(belief.shape.law):
        for j in range(len(x)):
            if sum(power) == 0:
                law[number, j] = (1 - REVERSION) * float(x[j])
            if sum(power) == 1 and power[j] == 1:
                law[number, j] = REVERSION
    belief = eqx.tree_at(lambda b: b.law, belief, jax.device_put(law))
    axes = tuple(EvenAxis(low[j], high[j], axis.n) for j, axis in enumerate(start.table.axes))
    return _best_answer(eqx.tree_at(lambda t: t.axes, start.table, axes), belief, setup.economy.exogenous), belief


@eqx.filter_jit
def _best_answer(table: TableRule, belief, exogenous) -> TableRule:
    ahead = egm.prospect(table.agent, exogenous, belief, table.axes)
    return jax.lax.fori_loop(0, 150, lambda _, rule: egm.sweep(rule, ahead), table)


def _hypothetical(setup: Setup, start: EulerState) -> tuple[Field, tuple]:
    """What the type would see at prices all over the bracket, by exogenous state (path) and candidate (time); and the
    coordinates at the stationary price."""
    problem, search, name = start.problem, start.search, setup.name
    assert problem is not None and search is not None
    economy, rules = setup.economy, {**setup.rules, name: search.rule}

    def at(exo, share):
        low, high = economy.market().bracket
        price = jax.tree_util.tree_map(lambda a, b: a + share * (b - a), low, high)
        state = dataclasses.replace(problem.state, exo=exo, cross={**problem.state.cross, name: search.mass})
        now = periods.hypothetical(economy, problem.populations, rules, state, setup.key, prices=price)
        return Field(exo, exo, now.views[name], now.outcome[name], now.infos[name], now.public())

    over = jax.vmap(jax.vmap(at, in_axes=(None, 0)), in_axes=(0, None))
    field = eqx.filter_jit(over)(jnp.arange(economy.exogenous.n), jnp.linspace(0.0, 1.0, 15))
    return field, problem.now(search.x, search.rule, search.mass).infos[name][1]
