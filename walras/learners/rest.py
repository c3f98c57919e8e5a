"""Where an economy of several types rests: the date that repeats itself while the exogenous state stands still.

One type lives on a histogram and saves; the others are representatives. Unknown are the prices that clear the markets and
the choices of the representatives that learn: the markets' excesses and the representatives' first-order conditions at rest
vanish. Institutions move by themselves, and what they carry is carried on until it stays. At each candidate the saver's
problem is solved by endogenous-grid sweeps and its cross-section is iterated until it rests; the root is MINPACK's (SciPy).
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
from walras._core.types import Key
from walras.economy import foc
from walras.economy import period as periods
from walras.economy.economy import Clear, Economy
from walras.economy.population import Histogram, Panel, Population, Representative
from walras.economy.rule import Information, Rule
from walras.economy.space import choice_fields
from walras.learners import stationary
from walras.learners.grids import top_of, wide_axis
from walras.learners.preset import Preset
from walras.learners.table import TableRule
from walras.numerics.interpolate import Axis

PASSES = 5
"""Moves in which what institutions carry must come to rest."""


class Rest(eqx.Module):
    """The resting date: its record, the state that leads to it, tables by type (a constant one for a representative), the
    saver's histogram, and what is left of the equations there."""

    now: periods.Now
    state: periods.EconomyState
    rules: dict[str, TableRule]
    histogram: Histogram
    residual: Float[Array, ""]
    saver: str = eqx.field(static=True)


class RestProblem(eqx.Module):
    """The economy with its exogenous state frozen; a candidate is the vector of prices and of positions of `others`."""

    economy: Economy
    state: periods.EconomyState
    populations: dict[str, Population]
    rules: dict[str, Any]
    key: Key
    name: str = eqx.field(static=True)
    others: tuple[str, ...] = eqx.field(static=True)

    @property
    def agent(self):
        """The saver."""
        return periods.agents(self.economy)[self.name]

    def parts(self, x) -> tuple[Any, dict[str, TableRule]]:
        """Prices and constant rules of a candidate."""
        market = self.economy.market()
        assert isinstance(market, Clear)
        guess, unravel = jax.flatten_util.ravel_pytree(jax.tree_util.tree_map(jnp.asarray, market.guess))
        at, constant = len(guess), {}
        for name in self.others:
            rule = self.rules[name]
            size = rule.table.shape[-1]
            constant[name] = eqx.tree_at(lambda r: r.table, rule, jnp.broadcast_to(x[at : at + size], rule.table.shape))
            at += size
        return unravel(x[: len(guess)]), constant

    def now(self, x, rule: TableRule, mass) -> periods.Now:
        """The date at a candidate, with what institutions carry at rest."""
        return self.settled(x, rule, mass)[0]

    def settled(self, x, rule: TableRule, mass) -> tuple[periods.Now, periods.EconomyState]:
        """The date and the state that leads to it."""
        prices, constant = self.parts(x)
        rules = {**self.rules, **constant, self.name: rule}
        state = dataclasses.replace(self.state, cross={**self.state.cross, self.name: mass})
        date = lambda s: periods.hypothetical(self.economy, self.populations, rules, s, self.key, prices=prices)  # noqa: E731
        for _ in range(PASSES if len(rules) > 1 else 0):
            now = date(state)
            moved = periods.move_on(self.economy, self.populations, rules, state, now, self.key, state.exo)
            state = dataclasses.replace(state, cross={**moved.cross, self.name: mass})
        return date(state), state

    def residuals(self, x, now: periods.Now):
        """Excess of every market, and the first-order condition at rest of every choice of the others."""
        market, gaps = self.economy.market(), []
        assert isinstance(market, Clear)
        for name in self.others:
            agent = periods.agents(self.economy)[name]
            first = lambda tree: jax.tree_util.tree_map(lambda leaf: leaf[0], tree)  # noqa: E731
            own, choice = first(now.cross[name].own), first(now.choices[name])
            view, outcome = now.views[name], now.outcome[name]
            W = agent.discount(own, view, outcome) * foc.marginal_value(agent, own, choice, view, outcome)
            gaps.append(foc.residual(agent, own, choice, view, outcome, W))
        return jnp.concatenate([jax.flatten_util.ravel_pytree(market.excess(now))[0], *gaps])


def applies(economy: Economy, populations: dict[str, Population]) -> bool:
    """Whether markets clear from a guess, and one of several types is on a histogram, or the only one is where nothing is
    sought in a bracket and there is no aggregate risk.

    Raises:
        InputError: if it would be, were the panel among its types a histogram.
    """
    market = economy.market()
    panels = [name for name, p in populations.items() if isinstance(p, Panel)]
    if isinstance(market, Clear) and market.guess is not None and len(populations) > 1 and panels:
        raise InputError(
            f"{panels[0]} is a panel beside {len(populations) - 1} other types in markets that clear",
            where="populations",
            remedy="Give it a histogram: from where such an economy rests its rounds begin, and a sample does not rest.",
        )
    savers = [name for name, p in populations.items() if isinstance(p, Histogram)]
    rest = all(isinstance(p, Representative) for name, p in populations.items() if name not in savers)
    if not isinstance(market, Clear) or market.guess is None or len(savers) != 1:
        return False
    return rest if len(populations) > 1 else market.bracket is None and economy.exogenous.n == 1


def find(
    economy: Economy,
    populations,
    given: dict[str, Rule],
    information: dict[str, Information],
    start,
    preset: Preset,
    first: np.ndarray | None = None,
):
    """The resting date of an economy to which `applies` says yes; `start` is (key, exogenous state), `given` fixed rules.

    `first`: prices of the market, then positions (0 … 1) of the representatives' choices, from which the search begins; the
    market's guess and the middles of the choice sets, if None. An economy may rest at several dates. The saver's grid is wide at
    first, then ends where its cross-section does.

    Raises:
        SolveError: if no resting date is found.
    """
    key, exo = start
    saver = next(name for name, p in populations.items() if isinstance(p, Histogram))
    steady = economy.exogenous.n == 1
    nodes = preset.stationary_nodes if steady else preset.euler.nodes
    cells = preset.stationary_nodes if steady else preset.histogram_nodes
    wide, _ = wide_axis(periods.agents(economy)[saver], exo, nodes, preset.euler, preset.euler.wide)
    x, rule, found = first, None, None
    for final in (False, True):
        mass_axis = dataclasses.replace(wide, n=cells)
        here = {**populations, saver: Histogram(mass_axis, cells)}
        problem = _problem(economy, here, given, information, (key, exo), {saver: wide})
        rule = problem.rules[saver] if rule is None else rule.on(wide)
        x = _first(problem) if x is None else x
        search = _Search(problem, rule, preset.euler.household_tolerance if final else 1e-7)
        x = search.root(x, 1e-11 if final else 1e-6)
        rule, found = search.rule, search
        if not final:
            top = top_of(search.mass, mass_axis, preset.euler.tail_share)
            wide = dataclasses.replace(wide, high=jax.device_put(np.float64(top)))
    now, state, constant = _settled(found.problem, jax.device_put(x), found.rule, found.mass)
    residual = jax.device_put(np.float64(np.abs(found.last).max()))
    return Rest(now, state, {**constant, saver: found.rule}, problem.populations[saver], residual, saver)


class _Search:
    """MINPACK's root of the residuals; rule and cross-section of the last candidate start the next one."""

    def __init__(self, problem: RestProblem, rule: TableRule, tolerance: float):
        self.problem, self.rule, self.tolerance = problem, rule, tolerance
        self.mass = problem.state.cross[problem.name]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        at = jax.device_put(np.asarray(x, float))
        settings = stationary.StationarySettings(self.tolerance)
        self.rule, _, _, _, _, lottery = stationary.solved_household(self.problem, at, self.rule, self.mass, settings)
        self.mass = jax.device_put(Histogram.resting(*lottery))
        self.last = np.asarray(_residuals(self.problem, at, self.rule, self.mass))
        return self.last

    def root(self, x: np.ndarray, tolerance: float) -> np.ndarray:
        """The root nearest to a first guess."""
        found: Any = scipy.optimize.root(self, x, method="hybr", options={"xtol": tolerance, "eps": 1e-7})
        gap = float(np.abs(self(found.x)).max())
        if not gap < 1e-4:
            raise SolveError(
                f"no resting date is found: at {np.array2string(found.x, precision=5)} the equations miss by {gap:.3g}",
                where="stationary search",
                remedy="Give the market a guess nearer to the steady state; with β R ≥ 1 savings have no bound.",
            )
        return found.x


@brief_jit
def _residuals(problem: RestProblem, x, rule, mass):
    return problem.residuals(x, problem.now(x, rule, mass))


@brief_jit
def _settled(problem: RestProblem, x, rule, mass):
    return *problem.settled(x, rule, mass), problem.parts(x)[1]


def _first(problem: RestProblem) -> np.ndarray:
    """The market's guess, and the middle of every choice set."""
    market = problem.economy.market()
    assert isinstance(market, Clear)
    guess = np.asarray(jax.flatten_util.ravel_pytree(market.guess)[0], float)
    return np.concatenate([guess, *(np.full(problem.rules[n].table.shape[-1], 0.5) for n in problem.others)])


def _around_birth(agent, exo, n: int = 9) -> Axis:
    """Evenly spaced nodes of a representative's stock, a tenth on either side of that at birth."""
    stock = float(getattr(agent.birth(0, exo).nodes()[0], foc.stock_field(agent))[0])
    return Axis(0.9 * stock, 1.1 * stock, 1e4 * stock, n)


def _problem(economy, populations, given, information, start, axes: dict[str, Axis]) -> RestProblem:
    """The problem, with a blank table for every type that has no rule yet."""
    key, exo = start
    state = periods.start(economy, populations, given, key, exo, memory=False)

    rules = dict(given)
    for other, agent in periods.agents(economy).items():  # in the order of moves
        if other in rules:
            continue
        spaces = eqx.filter_eval_shape(lambda n=other: periods.spaces(economy, populations, rules, state, key, n))
        axis = axes.get(other) or _around_birth(agent, exo)
        table = np.full((1, agent.risk.n, axis.n, len(choice_fields(spaces))), 0.5)
        rules[other] = TableRule(agent, jax.device_put(table), (), axis, information[other], ())
    state = periods.start(economy, populations, rules, key, exo)
    others = tuple(n for n in rules if n not in given and n not in axes)
    (name,) = axes
    return RestProblem(economy, state, populations, rules, key, name, others)
