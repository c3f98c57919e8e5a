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
from walras._core.keys import root_key
from walras._core.types import Key
from walras.economy import period as periods
from walras.economy.economy import Economy, Formula
from walras.economy.population import Histogram
from walras.economy.rule import ViewInformation
from walras.inputs import check_parameters
from walras.learners import stationary
from walras.learners.euler import EulerIteration
from walras.learners.preset import preset as preset_named
from walras.learners.table import TableRule
from walras.loop import advance, arrived
from walras.solution import Solution
from walras.solve import laboratory, why_stopped


class Dates(eqx.Module):
    """Dates of an economy of one type as functions of the candidate x, the rule and the cross-section."""

    economy: Economy
    state: periods.EconomyState
    population: Histogram
    key: Key
    name: str = eqx.field(static=True)
    live: tuple[str, ...] = eqx.field(static=True)

    @property
    def agent(self):
        """The type."""
        return periods.agents(self.economy)[self.name]

    @property
    def populations(self) -> dict[str, Histogram]:
        """The histogram by name."""
        return {self.name: self.population}

    def now(self, x: Float[Array, " unknowns"], rule: TableRule, mass) -> periods.Now:
        """The date at candidate x when the type uses `rule` and its cross-section is `mass`."""
        state = dataclasses.replace(self.state, cross={self.name: mass})
        given = (self.economy, self.populations, {self.name: rule}, state, self.key)
        market = self.economy.market()
        if not isinstance(market, Formula):
            return periods.hypothetical(*given, prices=self.unravel(x))
        stocks = periods.opening(self.economy, self.populations, state).stocks
        return periods.hypothetical(*given, stocks={self.name: {**stocks[self.name], self.live[0]: x[0]}})

    def unravel(self, x):
        """The candidate as the market's dictionary of prices."""
        market = self.economy.market()
        assert not isinstance(market, Formula)
        template = market.guess if market.guess is not None else market.bracket[0]  # type: ignore[index]
        return jax.flatten_util.ravel_pytree(jax.tree_util.tree_map(jnp.asarray, template))[1](x)

    def excess(self, x: Float[Array, " unknowns"], now: periods.Now) -> Float[Array, " unknowns"]:
        """What does not clear at the candidate: of the stock behind the formula (in logs), or of the markets."""
        market = self.economy.market()
        if isinstance(market, Formula):
            cross = now.cross[self.name]
            return jnp.log(cross.total(jax.vmap(self.agent.holds)(cross.own)[self.live[0]]) / x[0])[None]
        return jax.flatten_util.ravel_pytree(market.excess(now))[0]


class Standing(eqx.Module):
    """A stationary equilibrium: dates, candidate, rule, cross-section (risk states, nodes), what is left of the markets."""

    dates: Dates
    x: Float[Array, " unknowns"]
    rule: TableRule
    mass: Float[Array, "risk nodes"]
    residual: Float[Array, ""]

    @property
    def economy(self) -> Economy:
        """The economy that stands still."""
        return self.dates.economy

    def now(self) -> periods.Now:
        """The date that repeats itself."""
        return _now(self.dates, self.x, self.rule, self.mass)


_now = brief_jit(lambda dates, x, rule, mass: dates.now(x, rule, mass))


def standing(solution: Solution) -> Standing:
    """The stationary equilibrium of a solution without aggregate risk, of one type solved by `EulerIteration`.

    Raises:
        InputError: for any other solution.
    """
    if solution.lab is None:
        raise InputError("there is no stationary equilibrium in a solution that failed", where=solution.name)
    return _standing(solution.lab, solution.loop)


def _only_type(economy: Economy) -> str:
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
    economy, name = lab.economy, _only_type(lab.economy)
    if not isinstance(lab.populations[name], Histogram):
        raise InputError(f"{name} is no histogram", where=type(economy).__name__, remedy="Use the default population.")
    learned = loop.learners[name]
    rule, search = lab.learners[name].rule(learned), getattr(learned, "search", None)
    start = jax.tree_util.tree_map(lambda leaf: jnp.asarray(np.asarray(leaf)[0]), loop.economy)
    mass = start.cross[name] if search is None else search.mass
    live = stationary.live_stocks(rule.agent) if isinstance(economy.market(), Formula) else ()
    dates = Dates(economy, start, lab.populations[name], loop.key, name, live)
    x = _candidate(dates, rule, mass) if search is None else jnp.atleast_1d(search.tried)
    return Standing(dates, x, rule, mass, jnp.max(jnp.abs(_excess(dates, x, rule, mass))))


@brief_jit
def _candidate(dates: Dates, rule, mass):
    """The prices that clear the date."""
    state = dataclasses.replace(dates.state, cross={dates.name: mass})
    now, _ = periods.open_market(dates.economy, dates.populations, {dates.name: rule}, state, dates.key)
    return jax.flatten_util.ravel_pytree(now.prices)[0]


@brief_jit
def _excess(dates: Dates, x, rule, mass):
    return dates.excess(x, dates.now(x, rule, mass))


def rest(economy: Economy, *, near: Standing | None = None, preset: str = "standard", key: int = 0) -> Standing:
    """The stationary equilibrium of an economy of one type without aggregate risk.

    Args:
        economy: the economy.
        near: an equilibrium of the same economy at other parameters, from which the search begins, on its grid.
        preset: sizes and tolerances where there is none, and the tolerance of the household's problem.
        key: seed.

    Raises:
        InputError: for parameters outside their intervals, or an economy of another kind.
        SolveError: where none is found.
    """
    check_parameters(economy)
    name = _only_type(economy)
    sizes = preset_named(preset)
    if near is not None:
        try:
            return _near(economy, near, sizes.euler.household_tolerance)
        except SolveError:
            pass  # too far, or too rich for that grid: from scratch
    lab, loop = laboratory(economy, {name: EulerIteration()}, None, None, sizes, root_key(key))
    while not (bool(arrived(lab, loop)) or int(loop.round) >= lab.rounds or not bool(loop.finite)):
        loop = advance(lab, loop, 1)
    reason, _ = why_stopped(lab, loop)
    if reason:
        raise SolveError(reason, where=type(economy).__name__)
    return _standing(lab, loop)


def _near(economy: Economy, near: Standing, tolerance: float) -> Standing:
    agent = periods.agents(economy)[near.dates.name]
    dates = dataclasses.replace(near.dates, economy=economy)
    rule = dataclasses.replace(near.rule, agent=agent, information=ViewInformation())
    search = _Search(dates, rule, near.mass, tolerance)
    x = np.asarray(near.x, float)
    found: Any = scipy.optimize.root(search, x, method="hybr", options={"xtol": 1e-12, "eps": 1e-7})
    gap = np.abs(search(found.x)).max()
    top = float(np.asarray(search.mass)[:, -1].sum())
    if not gap < 1e-9 or not top < 1e-9:
        raise SolveError(f"the markets miss by {gap:.3g}, and {top:.3g} of the people are at the top node", where="rest")
    return Standing(dates, jnp.asarray(found.x), search.rule, search.mass, jnp.asarray(gap))


class _Search:
    """Excess as a function of the candidate; rule and cross-section of the last one start the next one."""

    def __init__(self, dates: Dates, rule: TableRule, mass, tolerance: float):
        self.dates, self.rule, self.mass = dates, rule, mass
        self.settings = stationary.StationarySettings(tolerance)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        at = jax.device_put(np.asarray(x, float))
        solved = stationary.solved_household(self.dates, at, self.rule, self.mass, self.settings)
        if not bool(np.isfinite(np.asarray(solved[0].table)).all()):
            return np.full(len(x), 1e3)
        self.rule, self.mass = solved[0], jax.device_put(Histogram.resting(*solved[5]))
        return np.asarray(_excess(self.dates, at, self.rule, self.mass))
