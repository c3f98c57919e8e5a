"""A stationary equilibrium by itself, without a certificate: for those who need many of them, or only where one ends.

One type on a histogram, no aggregate risk. Unknown is what a date cannot know without its market: the stock behind formula
prices, or the prices that clear. Near one equilibrium the next is a root of few unknowns (MINPACK's), rule and cross-section
beginning where the last ones were; from scratch it is the search of `EulerIteration`.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras._core.errors import InputError, SolveError
from walras._core.module import number_of, parameters_of
from walras.economy import period as periods
from walras.economy.agent import AgentType
from walras.economy.economy import Economy, Formula
from walras.economy.foc import stock_field
from walras.economy.population import Histogram
from walras.economy.rule import ViewInformation
from walras.inputs import check_parameters
from walras.learners import stationary
from walras.learners.deep_root import at_nodes, euler_gap
from walras.learners.euler import EulerIteration
from walras.learners.frozen import FrozenDate
from walras.learners.news import Still
from walras.learners.preset import preset as preset_named
from walras.learners.resting_place import DeepRestState
from walras.learners.table import TableRule
from walras.solution import Solution
from walras.solve import discretised, settled, why_stopped

HOUSEHOLD = 1e-13
"""Last change of a rule near an equilibrium: it leaves some thirty times as much, and markets are to be met to 1e-9."""

MARKETS, TOP = 1e-9, 1e-9
"""Excess up to which markets are met, and share of people at the top node up to which a grid is long enough."""

LEARNED = 3e-3
"""Mean residual of the household's condition, as a share of consumption, up to which a rule that was learned is used."""

IMPOSSIBLE = 1e3
"""The excess where nothing can be computed: the search turns back."""


class Standing(eqx.Module):
    """A stationary equilibrium: its date, candidate, rule, cross-section (risk states, nodes), what is left of the markets."""

    date: FrozenDate
    x: Float[Array, " unknowns"]
    rule: TableRule
    mass: Float[Array, "risk nodes"]
    residual: Float[Array, ""]

    @property
    def economy(self) -> Economy:
        """The economy that stands still."""
        return self.date.economy

    @property
    def still(self) -> Still:
        """What its linear answers are made of."""
        return Still(self.date, self.x, self.rule, self.mass)

    @property
    def population(self) -> Histogram:
        """The histogram that people live on."""
        return self.date.populations[self.date.name]

    def now(self) -> periods.Now:
        """The date that repeats itself."""
        return _now(self.date, self.x, self.rule, self.mass)


_now = brief_jit(lambda date, x, rule, mass: date.now(x, rule, mass))


def standing(solution: Solution) -> Standing:
    """The stationary equilibrium of a solution without aggregate risk, of one type solved by `EulerIteration` or `DeepEuler`.

    Raises:
        InputError: for any other solution.
    """
    if solution.lab is None:
        raise InputError("there is no stationary equilibrium in a solution that failed", where=solution.name)
    return _standing(solution.lab, solution.loop)


def only_type(economy: Economy) -> str:
    """The name of the one type.

    Raises:
        InputError: if there are several, or aggregate risk.
    """
    names = list(periods.agents(economy))
    if len(names) > 1 or economy.exogenous.n != 1:
        raise InputError(
            f"types {names}, {economy.exogenous.n} exogenous states: needed are one type on a histogram and no aggregate risk",
            where=type(economy).__name__,
            remedy="Use a calibration without aggregate risk.",
        )
    return names[0]


def _standing(lab, loop) -> Standing:
    economy, name = lab.economy, only_type(lab.economy)
    if not isinstance(lab.populations[name], Histogram):
        raise InputError(f"{name} is no histogram", where=type(economy).__name__, remedy="Use the default population.")
    learned = loop.learners[name]
    rule, search = lab.learners[name].rule(learned), getattr(learned, "search", None)
    start = jax.tree_util.tree_map(lambda leaf: jnp.asarray(np.asarray(leaf)[0]), loop.economy)
    mass = start.cross[name] if search is None else search.mass
    live = stationary.live_stocks(rule.agent) if isinstance(economy.market(), Formula) else ()
    date = FrozenDate(economy, start, lab.populations, {}, loop.key, name, live)
    x = _candidate(date, rule, mass) if search is None else jnp.atleast_1d(search.tried)
    return Standing(date, x, rule, mass, jnp.max(jnp.abs(_excess(date, x, rule, mass))))


@brief_jit
def _candidate(date: FrozenDate, rule, mass):
    """The prices that clear the date."""
    state = dataclasses.replace(date.state, cross={date.name: mass})
    now, _ = periods.open_market(date.economy, date.populations, {date.name: rule}, state, date.key)
    return jax.flatten_util.ravel_pytree(now.prices)[0]


@brief_jit
def _excess(date: FrozenDate, x, rule, mass):
    return date.excess(x, date.now(x, rule, mass))


def rest(
    economy: Economy,
    *,
    near: Standing | None = None,
    learned: Solution | None = None,
    preset: str = "standard",
    key: int = 0,
) -> Standing:
    """The stationary equilibrium of an economy of one type without aggregate risk.

    Args:
        economy: the economy.
        near: an equilibrium of the same economy at other parameters, from which the search begins, on its grid.
        learned: a solution by `DeepEuler(over=…)` of this economy at other values of the parameters that it was trained over: no
            household's problem is solved, only the markets, under the rule that was learned; the other arguments are not used then.
        preset: sizes and tolerances of a search from scratch.
        key: seed.

    Raises:
        InputError: for parameters outside their intervals, or an economy of another kind.
        SolveError: where none is found.
    """
    check_parameters(economy)
    name = only_type(economy)
    sizes = preset_named(preset)
    if learned is not None:
        return _learned(economy, learned, name)
    if near is not None:
        try:
            return _near(economy, near)
        except SolveError:
            pass  # too far, or another grid is needed: from scratch
    lab, loop = settled(economy, {name: EulerIteration()}, sizes, key)
    reason, _ = why_stopped(lab, loop)
    if reason:
        raise SolveError(reason, where=type(economy).__name__)
    return _standing(lab, loop)


def _near(economy: Economy, near: Standing) -> Standing:
    agent = periods.agents(economy)[near.date.name]
    low, grid = lowest(agent), float(near.rule.own_axis.low)
    if low != grid:
        raise SolveError("the lower limit is another", where="rest", number=f"{low:g}, not {grid:g}")
    date = dataclasses.replace(near.date, economy=economy)
    rule = dataclasses.replace(near.rule, agent=agent, information=ViewInformation())
    search = _Search(date, rule, near.mass)
    x = np.asarray(near.x, float)
    found: Any = scipy.optimize.root(search, x, method="hybr", options={"xtol": 1e-10, "eps": 1e-7})
    gap = np.abs(search(found.x)).max()
    top = float(np.asarray(search.mass)[:, -1].sum())
    if not gap < MARKETS or not top < TOP:
        raise SolveError(f"the markets miss by {gap:.3g}, and {top:.3g} of the people are at the top node", where="rest")
    return Standing(date, jnp.asarray(found.x), search.rule, search.mass, jnp.asarray(gap))


def _learned(economy: Economy, solution: Solution, name: str) -> Standing:
    """Where the economy rests under a rule that was trained over the parameters by which it differs from the one that was solved."""
    state = None if solution.loop is None else solution.loop.learners.get(name)
    if not isinstance(state, DeepRestState):
        raise InputError("there is no rule in it that was trained over parameters", where=f"learned, {solution.name}",
                         remedy='Solve with DeepEuler(over=(("government.tau_k", 0.0, 0.4),)), say.')  # fmt: skip
    candidates = state.candidates
    policy = np.array([number_of(economy, parameter) for parameter in candidates.names], float)
    for parameter, value, low, high in zip(candidates.names, policy, *np.asarray(candidates.ends), strict=True):
        if not low <= value <= high:
            raise InputError(f"'{parameter}' lies outside of what was learned", where="learned", number=f"{value:g} not in [{low:g}, {high:g}]",
                             remedy="Train over a wider interval, or solve this economy by itself.")  # fmt: skip
    date = candidates.under(state.date, jnp.asarray(policy))
    economy = discretised(economy, solution.lab.preset.exogenous_states)
    if not bool(eqx.tree_equal(date.economy, economy)):
        there, given = ({n: np.asarray(v) for n, v, _ in parameters_of(e)} for e in (date.economy, economy))
        other = [n for n in given if n not in there or not np.array_equal(there[n], given[n])]
        what = ", ".join(other) or "what is no parameter, as its risk or how its budget closes"
        raise InputError(f"it differs from the economy that was solved in {what}", where="learned",
                         remedy=f"Only {', '.join(candidates.names) or 'nothing'} may differ.")  # fmt: skip
    root = state.root_under(policy, 1e-12)
    if not float(root.excess) < MARKETS:
        raise SolveError("no resting place is found under the rule that was learned", where="rest", number=f"excess {float(root.excess):.2g}",
                         remedy="Train it for longer, or solve this economy by itself.")  # fmt: skip
    if not (top := float(np.asarray(root.mass)[:, -1].sum())) < TOP:
        raise SolveError("people are at the top node of the grid, which is that of the economy that was solved", where="rest",
                         number=f"a share of {top:.2g}", remedy="Train around an economy whose people hold more, or solve this one by itself.")  # fmt: skip
    rule = at_nodes(date, root.x, state.rule, root.mass)[1]
    gap = float(euler_gap(date, root.x, rule, root.mass))
    if not gap < LEARNED:
        raise SolveError("the rule that was learned misses the household's condition there", where=f"rest, {name}",
                         number=f"{100 * gap:.2g} % of consumption, on average", remedy="Train it for longer, or solve this economy by itself.")  # fmt: skip
    return Standing(date, root.x, rule, root.mass, root.excess)


def lowest(agent: AgentType) -> float:
    """The lower limit of a type's stock."""
    return float(_lowest(agent))


_lowest = brief_jit(lambda agent: jnp.asarray(getattr(agent.limits(), stock_field(agent)).low, float))


class _Search:
    """Excess as a function of the candidate; rule and cross-section of the last one start the next one."""

    def __init__(self, date: FrozenDate, rule: TableRule, mass):
        self.date, self.rule, self.mass = date, rule, mass
        self.settings = stationary.StationarySettings(HOUSEHOLD)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        at = jax.device_put(np.asarray(x, float))
        solved = stationary.solved_household(self.date, at, self.rule, self.mass, self.settings)
        if not bool(np.isfinite(np.asarray(solved[0].table)).all()):
            return np.full(len(x), IMPOSSIBLE)
        try:
            mass = Histogram.resting(*solved[5])
        except SolveError:
            return np.full(len(x), IMPOSSIBLE)
        self.rule, self.mass = solved[0], jax.device_put(mass)
        return np.asarray(_excess(self.date, at, self.rule, self.mass))
