"""Tabular first-order conditions, learned from simulated price paths.

The economy is simulated with the present rule on a shock path that is the same in every round; the view, and tomorrow's
information, are fitted to what was seen; the rule takes endogenous-grid sweeps at all nodes, with conditions derived
from `payoff` and `move`. The fixed point of these rounds is the rule that is optimal given the law that it generates.

Use it for types with one continuous endogenous stock and a handful of aggregate coordinates: it is the fastest and most
exact learner there is for them, and the reference for the others. Do not use it for many stocks or for information of
more than two or three coordinates: the table grows as their product.

Cost: a round is one simulation (some 5 µs a date and 500 nodes) and `sweeps` sweeps (some 20 ns a node).

    @techreport{walras2026euler, title={Fitted {E}uler iteration on simulated prices}, note={The loop is that of Krusell
      and Smith (1998) without its nesting; the step is Carroll's (2006); the cross-section is Young's (2010)}, year={2026}}
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError
from walras.economy.information import Named, in_logs, sees_state
from walras.economy.population import Histogram
from walras.economy.rule import ViewInformation
from walras.economy.task import Task
from walras.learners import beliefs, stationary
from walras.learners.continuation import ContinuationRule
from walras.learners.egm import expected_by_node, prospect, sweep
from walras.learners.learner import Learner, Progress, Setup
from walras.learners.opening import Opening
from walras.learners.pace import Pace, pace_of, place
from walras.learners.preset import Preset
from walras.learners.table import TableRule
from walras.numerics.interpolate import EvenAxis

MOST_COORDINATES = 3
"""Coordinates that a table takes: it grows as the product of their nodes."""


class EulerState(eqx.Module):
    """Rule, belief, rounds done, pace, and the stationary search with its problem (None where there is none)."""

    table: TableRule
    belief: beliefs.PolynomialBelief
    rounds: Array
    pace: Pace
    search: stationary.StationaryState | None
    problem: stationary.StationaryProblem | None
    worth: Array | None = None


class EulerIteration(Learner):
    """Fitted Euler iteration. Sizes and tolerances left at None come from the preset.

    Args:
        nodes: nodes of the own stock.
        coordinate_nodes: nodes of each aggregate coordinate.
        sweeps: endogenous-grid sweeps a round.
        law_degree: degree of the law in the coordinates (1: log-linear by state for a two-state economy).
        view_degree: degree of the fit of today's view.
        law_step: share of the way that the law moves in a round.
    """

    nodes: int | None = eqx.field(static=True, default=None)
    coordinate_nodes: int | None = eqx.field(static=True, default=None)
    sweeps: int | None = eqx.field(static=True, default=None)
    law_degree: int | None = eqx.field(static=True, default=None)
    view_degree: int | None = eqx.field(static=True, default=None)
    law_step: float | None = eqx.field(static=True, default=None)

    def sized(self, preset: Preset, states: int, coordinates: int = 1, sees_next: bool = False) -> "EulerIteration":
        """The learner with its sizes filled in from a preset.

        A cleared price follows the exogenous state so closely that little else is seen of it: the law of such coordinates
        is linear, or it would be wild beside what was seen. Of two coordinates each gets half as many nodes.
        """
        sizes = preset.euler
        degree = sizes.law_degree if states <= 2 else max(sizes.law_degree, 2)
        given = {
            "nodes": preset.stationary_nodes if states == 1 else sizes.nodes,
            "coordinate_nodes": max(sizes.coordinate_nodes // max(coordinates, 1), 4),
            "law_degree": 1 if sees_next else degree,
            "view_degree": sizes.view_degree if coordinates < 2 else 2,
        }
        return dataclasses.replace(self, **{k: v for k, v in given.items() if getattr(self, k) is None})

    def init(self, setup: Setup) -> EulerState:
        """A stationary start where the type has one, else a rule that stays put; then the first grid of coordinates."""
        _check(setup)
        economy, name = setup.economy, setup.name
        states = economy.exogenous.n
        opening = Opening.of(self.sized(setup.preset, states).nodes, setup)
        now, sees_next = opening.now, opening.sees_next(setup)
        view, outcome, (_, coordinates) = now.views[name], now.outcome[name], now.infos[name]
        _check_coordinates(setup, len(coordinates))
        learner = self.sized(setup.preset, states, len(coordinates), sees_next)
        values = beliefs.exogenous_values(economy.exogenous)
        logs = in_logs(setup.information, coordinates)
        degrees = (learner.law_degree, learner.view_degree)
        if not coordinates and economy.exogenous.n > 1:  # all that is seen follows from the exogenous state: one number each
            values, degrees = np.eye(economy.exogenous.n), (0, 1)
        shape = beliefs.shape_of(*values.shape, logs, degrees, sees_next)
        # Bounds are those of what the view says: other information has coordinates of its own.
        own_view = isinstance(setup.information, ViewInformation)
        shape = dataclasses.replace(shape, bounded=own_view and len(view.bounded()) > 0)
        centre = np.array([np.log(float(c)) if log else float(c) for c, log in zip(coordinates, logs, strict=True)])
        axes = tuple(EvenAxis(c - 0.4, c + 0.4, learner.coordinate_nodes) for c in centre)
        belief = beliefs.blank(values, centre, (view, outcome), shape)
        rule = opening.rule
        lead = (economy.exogenous.n, *(axis.n for axis in axes))
        grown = np.asarray(rule.table).reshape(rule.table.shape[0], *(1 for _ in axes), *rule.table.shape[1:])
        grown = jax.device_put(np.broadcast_to(grown, (*lead, *rule.table.shape[1:])))
        table = TableRule(setup.agent, grown, axes, rule.own_axis, setup.information, logs)
        pace = pace_of(setup, self.law_step, self.sweeps)
        worth = None
        if setup.rest is not None and not sees_next and table.axes:
            worth = _worth(table, setup.economy.exogenous, belief)
        return EulerState(table, belief, jax.device_put(np.int64(0)), pace, opening.search, opening.problem, worth)

    def update(self, key, state: EulerState, task: Task) -> tuple[EulerState, Progress]:
        """One round: fit the belief to the field, then sweep; without aggregate risk, one candidate of the search."""
        if task.field is None and state.search is None:  # at rest since it was made
            return dataclasses.replace(state, rounds=state.rounds + 1), Progress(jnp.zeros(()), jnp.zeros(()))
        if task.exogenous.n == 1 and state.search is not None:
            return self._search(state, task)
        rule, belief = state.table, state.belief
        if rule.axes:
            rule, belief = place(rule, belief, task.field, state.pace.guard, state.rounds < state.pace.placing)
        paces = (state.pace.law, state.pace.views)
        steps = (None if step is None else jnp.where(state.rounds == 0, 1.0, step) for step in paces)
        fitted = belief.fit(task.field, state.belief, *steps)
        ahead = prospect(rule.agent, task.exogenous, fitted, rule.axes)
        new = jax.lax.fori_loop(0, state.pace.sweeps, lambda _, r: sweep(r, ahead), rule)
        change = _rule_change(rule, new, belief, task.field)
        law_change = _law_change(belief, fitted, task.field) if rule.axes else jnp.zeros(())
        worth = None if state.worth is None else _worth(new, task.exogenous, fitted)
        state = dataclasses.replace(state, table=new, belief=fitted, rounds=state.rounds + 1, worth=worth)
        return state, Progress(change, law_change)

    def _search(self, state: EulerState, task: Task) -> tuple[EulerState, Progress]:
        sizes = task.preset.euler
        settings = stationary.StationarySettings(sizes.household_tolerance)
        found = stationary.stationary_round(state.problem, state.search, settings)
        # The rule change is the relative width of the bracket: it vanishes with the distance to the root.
        width = jnp.where(found.bracketed, jnp.abs(found.x - found.tried) / jnp.abs(found.tried), 1.0)
        state = dataclasses.replace(state, table=found.rule, rounds=state.rounds + 1, search=found)
        return state, Progress(jnp.minimum(width, jnp.abs(found.excess)), jnp.zeros(()))

    def rule(self, state: EulerState) -> TableRule:
        """The table; where several types meet in a market, the answer to the prices of the date."""
        table = state.table
        if state.worth is None:
            return table
        parts = (table.agent, table.table, table.axes, table.own_axis, table.information)
        return ContinuationRule(*parts, table.logs, state.worth, state.belief)

    def calmer(self, state: EulerState, preset: Preset):
        """The law moves half as far in a round."""
        if state.search is not None and not state.table.axes:
            return None
        return self, eqx.tree_at(lambda s: s.pace.law, state, 0.5 * state.pace.law)

    def histogram(self, state: EulerState) -> Histogram:
        """The histogram on which the rule was started, for populations that were not placed by hand."""
        if state.problem is not None:
            return state.problem.populations[state.problem.name]
        return Histogram(state.table.own_axis, state.table.own_axis.n)


def _worth(table: TableRule, exogenous, belief):
    """Expected marginal values at the nodes of tomorrow's coordinates: (index, *coordinates, risk, nodes)."""
    ahead = prospect(table.agent, exogenous, belief, table.axes)
    lead = (exogenous.n, *(axis.n for axis in table.axes))
    return expected_by_node(table, ahead).reshape(*lead, *table.table.shape[-3:-1])


def _check(setup: Setup) -> None:
    agent = setup.agent
    own = type(agent.limits())
    if len(own.endogenous()) != 1 or own.traits() or agent.risk.n is None:
        raise InputError(
            f"endogenous fields {own.endogenous()}, traits {own.traits()}, risk states {agent.risk.n}: EulerIteration "
            "needs one endogenous stock, no trait and finite risk",
            where=setup.name,
            remedy="Use another learner for this type.",
        )
    if setup.economy.exogenous.n is None:
        raise InputError("the exogenous process has no finite states", where=setup.name, remedy="Use process.chain(n).")
    if not sees_state(setup.information):
        raise InputError(
            "its law of motion forecasts from exogenous state to exogenous state, and this information does not see the state",
            where=f"EulerIteration of {setup.name}",
            remedy="Use StructuralRL, which needs no law, or let it see the state: Prices(..., state=True).",
        )


def _check_coordinates(setup: Setup, count: int) -> None:
    if count > MOST_COORDINATES:
        raise InputError(
            f"the information has {count} coordinates, and a table takes at most {MOST_COORDINATES}",
            where=setup.name,
            remedy="Use fewer prices, lags, moments or bins: the table grows as the product of their nodes.",
        )
    if count and setup.economy.exogenous.n == 1 and isinstance(setup.information, Named):
        raise InputError(
            "without aggregate risk prices and cross-sections rest, and there is nothing to condition on",
            where=f"information of {setup.name}",
            remedy="Leave the information out.",
        )


def _rule_change(old: TableRule, new: TableRule, belief, field):
    """Largest difference of the two rules' positions at some of the information that was seen.

    Not at all nodes: a clearing price follows the exogenous state so closely that most pairs of the two are never met, and
    there a rule may wander for ever.
    """
    index, coordinates = field.info
    stride = max(1, index.size // 100)
    index = index.reshape(-1)[::stride]
    seen = belief.transform(tuple(c.reshape(-1)[::stride] for c in coordinates)) if new.axes else jnp.zeros((len(index), 0))
    over = jax.vmap(lambda i, t: jnp.max(jnp.abs(new.at(i, t) - old.at(i, t))))
    return jnp.max(over(index, seen))


def _law_change(old, new, field):
    """Largest difference of the two laws' forecasts at what was seen (in logs, where coordinates are in logs)."""
    index, coordinates = field.info
    seen = new.transform(coordinates)
    forecast = lambda b: jax.vmap(jax.vmap(b.step))(index[:, :-1], seen[:, :-1], index[:, 1:])  # noqa: E731
    return jnp.max(jnp.abs(forecast(new) - forecast(old)))
