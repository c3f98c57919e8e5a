"""Tabular first-order conditions, learned from simulated price paths.

The economy is simulated with the present rule on a shock path that is the same in every round; the view, and tomorrow's
information, are fitted to what was seen; the rule takes endogenous-grid sweeps at all nodes, with conditions derived
from `payoff` and `move`. The fixed point of these rounds is the rule that is optimal given the law that it generates.

Use it for types with one continuous endogenous stock and a handful of aggregate coordinates: it is the fastest and most
exact learner there is for them, and the reference for the others. Do not use it for many stocks or for information of
more than two or three coordinates: the table grows as their product.

Cost: a round is one simulation (some 6 µs a date and 400 nodes) and `sweeps` sweeps (some 30 ns a node and next state).

    @techreport{walras2026euler, title={Fitted {E}uler iteration on simulated prices}, note={The loop is that of Krusell
      and Smith (1998) without its nesting; the step is Carroll's (2006); the cross-section is Young's (2010)}, year={2026}}
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError, SolveError
from walras._core.module import as_parameter
from walras.economy import period as periods
from walras.economy.economy import Formula
from walras.economy.foc import stock_field
from walras.economy.population import Histogram, Representative
from walras.economy.space import choice_fields, choose
from walras.economy.task import Task
from walras.learners import beliefs, stationary
from walras.learners.egm import prospect, sweep
from walras.learners.learner import Learner, Progress, Setup
from walras.learners.preset import Preset
from walras.learners.table import TableRule
from walras.numerics.interpolate import Axis, EvenAxis

REPRESENTATIVE_STEP = 0.03


class EulerState(eqx.Module):
    """Rule, belief, number of rounds done, and the stationary search with its problem (None where there is none)."""

    table: TableRule
    belief: beliefs.PolynomialBelief
    rounds: Array
    search: stationary.StationaryState | None
    problem: stationary.StationaryProblem | None


class EulerIteration(Learner):
    """Fitted Euler iteration. Sizes and tolerances left at None come from the preset.

    Args:
        nodes: nodes of the own stock.
        coordinate_nodes: nodes of each aggregate coordinate.
        sweeps: endogenous-grid sweeps a round.
        law_degree: degree of the law in the coordinates (1: log-linear by state for a two-state economy).
        view_degree: degree of the fit of today's view.
    """

    nodes: int | None = eqx.field(static=True, default=None)
    coordinate_nodes: int | None = eqx.field(static=True, default=None)
    sweeps: int | None = eqx.field(static=True, default=None)
    law_degree: int | None = eqx.field(static=True, default=None)
    view_degree: int | None = eqx.field(static=True, default=None)

    def sized(self, preset: Preset, states: int) -> "EulerIteration":
        """The learner with its sizes filled in from a preset."""
        sizes = preset.euler
        given = {
            "nodes": preset.stationary_nodes if states == 1 else sizes.nodes,
            "coordinate_nodes": sizes.coordinate_nodes,
            "sweeps": sizes.sweeps,
            "law_degree": sizes.law_degree if states <= 2 else max(sizes.law_degree, 2),
            "view_degree": sizes.view_degree,
        }
        return dataclasses.replace(self, **{k: v for k, v in given.items() if getattr(self, k) is None})

    def init(self, setup: Setup) -> EulerState:
        """A stationary start where the type has one, else a rule that stays put; then the first grid of coordinates."""
        _check(setup)
        economy, name = setup.economy, setup.name
        learner = self.sized(setup.preset, economy.exogenous.n)
        opening = Opening.of(learner, setup)
        now = opening.now
        view, outcome, (_, coordinates) = now.views[name], now.outcome[name], now.infos[name]
        values = beliefs.exogenous_values(economy.exogenous)
        logs = tuple(float(c) > 0 for c in coordinates)
        degrees = (learner.law_degree, learner.view_degree)
        shape = beliefs.shape_of(*values.shape, logs, degrees, opening.sees_next(setup))
        centre = np.array([np.log(float(c)) if log else float(c) for c, log in zip(coordinates, logs, strict=True)])
        axes = tuple(EvenAxis(c - 0.4, c + 0.4, learner.coordinate_nodes) for c in centre)
        belief = beliefs.blank(values, centre, (view, outcome), shape)
        rule = opening.rule
        lead = (economy.exogenous.n, *(axis.n for axis in axes))
        grown = np.asarray(rule.table).reshape(rule.table.shape[0], *(1 for _ in axes), *rule.table.shape[1:])
        grown = jnp.asarray(np.broadcast_to(grown, (*lead, *rule.table.shape[1:])))
        table = TableRule(setup.agent, grown, axes, rule.own_axis, setup.information, logs)
        return EulerState(table, belief, jnp.asarray(np.int64(0)), opening.search, opening.problem)

    def update(self, key, state: EulerState, task: Task) -> tuple[EulerState, Progress]:
        """One round: fit the belief to the field, then sweep; without aggregate risk, one candidate of the search."""
        if task.exogenous.n == 1 and state.search is not None:
            return self._search(state, task)
        learner = self.sized(task.preset, task.exogenous.n)
        rule, belief = state.table, state.belief
        alone = isinstance(task.cohort, Representative)
        if rule.axes and not alone:
            rule, belief = _place(rule, belief, task.field, task.preset.euler, state.rounds)
        fitted = belief.fit(task.field)
        if alone:
            # A representative agent's best answer to a law overshoots it many times (in Brock and Mirman's economy, 44
            # times the error): the law moves by a small step, on coordinate nodes that stay where they are.
            step = jnp.where(state.rounds == 0, 1.0, REPRESENTATIVE_STEP)
            fitted = eqx.tree_at(lambda b: b.law, fitted, belief.law + step * (fitted.law - belief.law))
        ahead = prospect(rule.agent, task.exogenous, fitted, rule.axes)
        new = jax.lax.fori_loop(0, learner.sweeps, lambda _, r: sweep(r, ahead), rule)
        change = jnp.max(jnp.abs(new.table - rule.table))
        law_change = _law_change(belief, fitted, task.field) if rule.axes else jnp.zeros(())
        return dataclasses.replace(state, table=new, belief=fitted, rounds=state.rounds + 1), Progress(change, law_change)

    def _search(self, state: EulerState, task: Task) -> tuple[EulerState, Progress]:
        sizes = task.preset.euler
        settings = stationary.StationarySettings(sizes.household_tolerance)
        found = stationary.stationary_round(state.problem, state.search, settings)
        # The rule change is the relative width of the bracket: it vanishes with the distance to the root.
        width = jnp.where(found.bracketed, jnp.abs(found.x - found.tried) / jnp.abs(found.tried), 1.0)
        state = dataclasses.replace(state, table=found.rule, rounds=state.rounds + 1, search=found)
        return state, Progress(jnp.minimum(width, jnp.abs(found.excess)), jnp.zeros(()))

    def rule(self, state: EulerState) -> TableRule:
        """The table."""
        return state.table

    def histogram(self, state: EulerState) -> Histogram:
        """The histogram on which the rule was started, for populations that were not placed by hand."""
        if state.problem is not None:
            return state.problem.populations[state.problem.name]
        return Histogram(state.table.own_axis, state.table.own_axis.n)


class Opening(eqx.Module):
    """Where the rounds start: a rule without coordinates, the date it was found at, and the search that found it."""

    rule: TableRule
    now: periods.Now
    population: Histogram | None
    search: stationary.StationaryState | None
    problem: stationary.StationaryProblem | None

    @staticmethod
    def of(learner: EulerIteration, setup: Setup) -> "Opening":
        """Blank rule on a wide grid, then a stationary search (one type on a histogram) or a rule that stays put."""
        agent, sizes = setup.agent, setup.preset.euler
        low, mean = (float(x) for x in _stock_at_birth(agent, setup.exo))
        scale = max(mean - low, 1e-3)
        alone = len(periods.agents(setup.economy)) == 1 and agent.risk.n > 1
        wide = Axis(low, low + scale * (sizes.wide if alone else 4.0), scale * sizes.bend, learner.nodes)
        choices = _choices(setup, wide)
        blank = jnp.asarray(np.full((1, agent.risk.n, learner.nodes, choices), 0.5))
        rule = TableRule(agent, blank, (), wide, setup.information, ())
        if not alone:
            return _stay_put(rule, setup)
        return _stationary(rule, setup, scale + low)

    def sees_next(self, setup: Setup) -> bool:
        """Whether the coordinates depend on the exogenous state of the same date (a price does, a stock does not)."""
        _, coordinates = self.now.infos[setup.name]
        if setup.economy.exogenous.n == 1 or not coordinates:
            return False
        population = self.population or setup.populations[setup.name]
        mass = None if self.search is None else self.search.mass
        rules = {**setup.rules, setup.name: self.rule}
        populations = {**setup.populations, setup.name: population}
        seen = _coordinates_at_ends(setup, populations, rules, mass)
        return any(abs(float(c[0]) - float(c[1])) > 1e-9 * abs(float(c[0])) for c in seen)


@eqx.filter_jit
def _coordinates_at_ends(setup: Setup, populations, rules, mass):
    """The type's coordinates at the first and the last exogenous state, the cross-section being the same."""
    economy, name = setup.economy, setup.name
    state = periods.start(economy, populations, rules, setup.key, setup.exo)
    if mass is not None:
        state = dataclasses.replace(state, cross={**state.cross, name: mass})

    def at(exo):
        there = dataclasses.replace(state, exo=exo)
        if not isinstance(economy.market(), Formula):
            return periods.open_market(economy, populations, rules, there, setup.key)[0].infos[name][1]
        now = periods.opening(economy, populations, there)  # no rule needs to be asked
        now = dataclasses.replace(now, prices=economy.market().prices(now))
        view = economy.timing().moves()[name].sees(now)
        information = rules[name].information
        return information.read(information.start(), view, now if information.full else now.public())[1]

    return jax.vmap(at)(jnp.asarray([0, economy.exogenous.n - 1]))


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


@eqx.filter_jit
def _stock_at_birth(agent, exo):
    """Lower limit and mean at birth of the endogenous stock."""
    own, weights = agent.birth(0, exo).nodes()
    stock = stock_field(agent)
    return getattr(agent.limits(), stock).low, jnp.sum(weights * getattr(own, stock))


def _choices(setup: Setup, axis: Axis) -> int:
    """Number of fields of the type's choice."""

    def spaces():
        populations = placed(setup.populations, setup.name, Histogram(axis, axis.n))
        state = periods.start(setup.economy, populations, setup.rules, setup.key, setup.exo, memory=False)
        now = periods.opening(setup.economy, populations, state)
        market = setup.economy.market()
        prices = market.prices(now) if isinstance(market, Formula) else (market.guess or market.bracket[0])
        view = setup.economy.timing().moves()[setup.name].sees(dataclasses.replace(now, prices=prices))
        own = jax.tree_util.tree_map(lambda leaf: leaf[0], setup.agent.birth(0, setup.exo).nodes()[0])
        return setup.agent.feasible(own, view, {})

    return len(choice_fields(eqx.filter_eval_shape(spaces)))


def _stay_put(rule: TableRule, setup: Setup) -> Opening:
    """A rule of constant positions, that which keeps the stock at birth where it is.

    Constant, because a rule that keeps *every* stock where it is leaves the aggregate a unit root.
    """
    agent, stock = rule.agent, stock_field(rule.agent)
    populations = placed(setup.populations, setup.name, Histogram(rule.own_axis, rule.own_axis.n))
    rules = {**setup.rules, setup.name: rule}
    state = periods.start(setup.economy, populations, rules, setup.key, setup.exo)
    now = periods.open_market(setup.economy, populations, rules, state, setup.key)[0]
    view, outcome = now.views[setup.name], now.outcome[setup.name]
    template = agent.limits()
    risk = template.risk_field()
    grid = jnp.linspace(0.0, 1.0, 201)

    def best(state, s):
        own = template.to(**{stock: s})
        own = own.to(**{risk: state}) if risk else own
        middle = [jnp.asarray(0.5)] * (rule.table.shape[-1] - 1)
        moved = jax.vmap(lambda p: getattr(agent.move(own, choose(agent, own, view, [*middle, p]), view, outcome), stock))(grid)
        p = grid[jnp.argmin(jnp.abs(moved - s))]
        return jnp.stack([*middle, jnp.clip(p, 0.02, 0.98)])

    own, weights = agent.birth(0, setup.exo).nodes()
    mean = jnp.sum(weights * getattr(own, stock))
    middle = jax.vmap(lambda e: best(e, mean))(jnp.arange(agent.risk.n))
    table = jnp.broadcast_to(middle[:, None], rule.table.shape[1:])
    return Opening(eqx.tree_at(lambda r: r.table, rule, table[None]), now, None, None, None)


def _stationary(rule: TableRule, setup: Setup, x: float) -> Opening:
    """The stationary equilibrium on a wide grid, then again on the grid that its cross-section asks for."""
    preset, agent, economy, sizes = setup.preset, setup.agent, setup.economy, setup.preset.euler
    live = stationary.live_stocks(agent)
    bounds = stationary.candidate_limits(economy, live)
    nodes = preset.stationary_nodes if economy.exogenous.n == 1 else preset.histogram_nodes
    if isinstance(economy.market(), Formula):
        x = x * float(agent.mass)
        width = 0.1 * x
    else:
        x, width = 0.5 * (bounds[0] + bounds[1]), 0.1 * (bounds[1] - bounds[0])
    coarse = stationary.StationarySettings(1e-7)
    mass_axis = dataclasses.replace(rule.own_axis, n=nodes)
    for final in (False, True):
        populations = {**setup.populations, setup.name: Histogram(mass_axis, nodes)}
        problem, search = stationary.begin(setup, populations, rule, bounds, live, (x, width))
        if final and economy.exogenous.n == 1:
            break  # the rounds of the loop do the rest, one candidate each
        for _ in range(30):
            search = stationary.stationary_round(problem, search, coarse)
            # Only a start: the first search places the grid, the second gives the rule and the cross-section.
            near = abs(float(search.excess)) < 5e-2 or abs(float(search.x) / float(search.tried) - 1) < 5e-4
            if bool(search.bracketed) and near:
                break
        else:
            _no_bracket(search)
        if final:
            break
        x, width = float(search.x), 0.02 * width
        old, low = rule.own_axis, float(rule.own_axis.low)
        top = stationary.tail_node(search.mass, mass_axis, sizes.tail_share)
        top = as_parameter(min(float(old.high), low + 1.4 * (top - low)))
        rule = _on_axis(search.rule, dataclasses.replace(old, high=top))
        mass_axis = dataclasses.replace(mass_axis, high=top)
    now = _date(problem, search.x, search.rule, search.mass)
    return Opening(search.rule, now, populations[setup.name], search, problem)


_on_axis = eqx.filter_jit(lambda rule, axis: rule.on(axis))
_date = eqx.filter_jit(lambda problem, x, rule, mass: problem.now(x, rule, mass))


def _no_bracket(search: stationary.StationaryState) -> None:
    if not bool(search.bracketed):
        raise SolveError(
            f"no stationary equilibrium is bracketed: at the last candidate {float(search.tried):.6g} the excess is still "
            f"{float(search.excess):.3g}",
            where="stationary search",
            remedy="With β(1 + r) ≥ 1 savings have no bound; otherwise widen the bracket of the market.",
        )


def placed(populations: dict, name: str, histogram: Histogram) -> dict:
    """The populations, with the type's histogram (if it is one and has no axis yet) put on this one."""
    population = populations[name]
    if not isinstance(population, Histogram) or population.axis is not None:
        return populations
    return {**populations, name: histogram}


def _place(rule: TableRule, belief, field, sizes, rounds):
    """Coordinate nodes around what was seen, with guard bands; frozen after the placing rounds."""
    _, coordinates = field.info
    seen = belief.transform(coordinates)
    low, high = jnp.min(seen, axis=(0, 1)), jnp.max(seen, axis=(0, 1))
    guard = sizes.guard * jnp.maximum(high - low, 1e-4)
    moving = rounds < sizes.placing_rounds
    axes = []
    for j, axis in enumerate(rule.axes):
        new = EvenAxis(low[j] - guard[j], high[j] + guard[j], axis.n)
        axes.append(jax.tree_util.tree_map(lambda a, b: jnp.where(moving, a, b), new, axis))
    centre = jnp.where(moving, 0.5 * (low + high), belief.centre)
    scale = jnp.where(moving, 0.5 * (high - low) + guard, belief.scale)
    return rule.moved_to(tuple(axes)), dataclasses.replace(belief, centre=centre, scale=scale)


def _law_change(old, new, field):
    """Largest difference of the two laws' forecasts at what was seen (in logs, where coordinates are in logs)."""
    index, coordinates = field.info
    seen = new.transform(coordinates)
    forecast = lambda b: jax.vmap(jax.vmap(b.step))(index[:, :-1], seen[:, :-1], index[:, 1:])  # noqa: E731
    return jnp.max(jnp.abs(forecast(new) - forecast(old)))
