"""Where the rounds of `EulerIteration` start: a rule without coordinates, and the place of the first grids.

One type on a histogram starts from its stationary equilibrium at a frozen exogenous state; a representative agent, and a
type among others, from a rule of constant positions.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.compiling import brief_jit
from walras._core.errors import SolveError
from walras._core.module import as_parameter
from walras.economy import period as periods
from walras.economy.agent import Institution
from walras.economy.economy import Formula
from walras.economy.population import Histogram
from walras.economy.space import choice_fields
from walras.learners import stationary
from walras.learners.grids import CROWDED, LENGTHENED, top_of, wide_axis
from walras.learners.learner import Setup
from walras.learners.staying import at_rest, placed, willing
from walras.learners.table import TableRule
from walras.numerics.interpolate import Axis


class Opening(eqx.Module):
    """Where the rounds start: a rule without coordinates, the date it was found at, and the search that found it."""

    rule: TableRule
    now: periods.Now
    population: Histogram | None
    search: stationary.StationaryState | None
    problem: stationary.StationaryProblem | None

    @staticmethod
    def of(nodes: int, setup: Setup) -> "Opening":
        """Blank rule on a wide grid, then a stationary search (one type on a histogram) or a rule that stays put."""
        agent, sizes = setup.agent, setup.preset.euler
        if setup.rest is not None:
            population = setup.rest.histogram if setup.name == setup.rest.saver else None
            return Opening(setup.rest.rules[setup.name], setup.rest.now, population, None, None)
        others = [a for name, a in periods.agents(setup.economy).items() if name != setup.name]
        alone = all(isinstance(a, Institution) for a in others) and agent.risk.n > 1
        wide, first = wide_axis(agent, setup.exo, nodes, sizes, sizes.wide if alone else 4.0)
        choices = _choices(setup, wide)
        blank = jax.device_put(np.full((1, agent.risk.n, nodes, choices), 0.5))
        rule = TableRule(agent, blank, (), wide, setup.information, ())
        if not alone:
            return _stay_put(rule, setup)
        return _stationary(rule, setup, first)

    @staticmethod
    def staying(nodes: int, setup: Setup) -> "Opening":
        """A rule that stays put, whatever else could be found: the start of those who are not to know the stationary rule."""
        wide, _ = wide_axis(setup.agent, setup.exo, nodes, setup.preset.euler, setup.preset.euler.wide)
        blank = jax.device_put(np.full((1, setup.agent.risk.n, nodes, _choices(setup, wide)), 0.5))
        return _stay_put(TableRule(setup.agent, blank, (), wide, setup.information, ()), setup)

    def sees_next(self, setup: Setup) -> bool:
        """Whether the coordinates depend on the exogenous state of the same date (a price does, a stock does not)."""
        _, coordinates = self.now.infos[setup.name]
        if setup.economy.exogenous.n == 1 or not coordinates:
            return False
        own = self.rule.own_axis
        populations = placed(setup.populations, setup.name, Histogram(own, own.n))
        populations = populations if self.population is None else {**populations, setup.name: self.population}
        mass = None if self.search is None else self.search.mass
        rules = {**setup.rules, setup.name: self.rule}
        if setup.rest is not None:
            rules = {**setup.rules, **setup.rest.rules}
            populations, mass = {**populations, setup.rest.saver: setup.rest.histogram}, None
        seen = _coordinates_at_ends(setup, populations, rules, mass)
        return any(abs(float(c[0]) - float(c[1])) > 1e-9 * abs(float(c[0])) for c in seen)


@brief_jit
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
        now = periods.led(economy, populations, rules, there, setup.key)  # no other rule needs to be asked
        now = dataclasses.replace(now, prices=economy.market().prices(now))
        view = economy.timing().moves()[name].sees(now)
        information = rules[name].information
        return information.read(information.start(), view, now if information.full else now.public())[1]

    return jax.vmap(at)(jnp.asarray([0, economy.exogenous.n - 1]))


def _choices(setup: Setup, axis: Axis) -> int:
    """Number of fields of the type's choice."""
    economy, populations = setup.economy, placed(setup.populations, setup.name, Histogram(axis, axis.n))

    def spaces():
        state = periods.start(economy, populations, setup.rules, setup.key, setup.exo, memory=False)
        return periods.spaces(economy, populations, setup.rules, state, setup.key, setup.name)

    return len(choice_fields(eqx.filter_eval_shape(spaces)))


def _stay_put(rule: TableRule, setup: Setup) -> Opening:
    """A rule of constant positions, that which keeps the stock where it is, at the stock where that is optimal.

    Constant, because a rule that keeps *every* stock where it is leaves the aggregate a unit root. With formula prices
    of one stock, the stock is where the Euler equation holds at rest; otherwise, that at birth.
    """
    live = stationary.live_stocks(rule.agent)
    searching = isinstance(setup.economy.market(), Formula) and len(live) == 1
    stock, positions, now = at_rest(rule, setup, live[0] if searching else None)
    if rule.table.shape[-1] == 2 and searching:
        stock, positions, now = willing(rule, setup, live[0])
    table = np.broadcast_to(np.asarray(positions)[None, :, None], (1, *rule.table.shape[1:]))
    low, high = float(rule.own_axis.low), float(rule.own_axis.high)
    axis = dataclasses.replace(rule.own_axis, high=as_parameter(max(high, low + 4.0 * (float(stock) - low))))
    rule = dataclasses.replace(rule, table=jnp.asarray(table), own_axis=axis)
    return Opening(rule, now, None, None, None)


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
        middle = 0.5 * (bounds[0] + bounds[1])
        x = middle if economy.market().guess is None else float(next(iter(economy.market().guess.values())))
        width = 0.1 * (bounds[1] - bounds[0])
    coarse = stationary.StationarySettings(1e-7)
    mass_axis = dataclasses.replace(rule.own_axis, n=nodes)
    final, lengthened = False, 0
    while True:
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
        x = float(search.x)
        crowd = float(np.asarray(search.mass)[:, -1].sum())
        if crowd > CROWDED and lengthened < LENGTHENED:  # the rich would still go on: look further up
            lengthened += 1
            mass_axis = dataclasses.replace(mass_axis, high=as_parameter(5.0 * float(mass_axis.high)))
            rule = _on_axis(search.rule, dataclasses.replace(rule.own_axis, high=mass_axis.high))
            continue
        final, width = True, 0.02 * width
        top = as_parameter(top_of(search.mass, mass_axis, sizes.tail_share))
        rule = _on_axis(search.rule, dataclasses.replace(rule.own_axis, high=top))
        mass_axis = dataclasses.replace(mass_axis, high=top)
    now = _date(problem, search.x, search.rule, search.mass)
    return Opening(search.rule, now, populations[setup.name], search, problem)


_on_axis = brief_jit(lambda rule, axis: rule.on(axis))
_date = brief_jit(lambda problem, x, rule, mass: problem.now(x, rule, mass))


def _no_bracket(search: stationary.StationaryState) -> None:
    if not bool(search.bracketed):
        raise SolveError(
            f"no stationary equilibrium is bracketed: at the last candidate {float(search.tried):.6g} the excess is still "
            f"{float(search.excess):.3g}",
            where="stationary search",
            remedy="With β(1 + r) ≥ 1 savings have no bound; a stock behind formula prices has to be positive (who may borrow "
            "may owe on balance); otherwise widen the bracket of the market.",
        )
