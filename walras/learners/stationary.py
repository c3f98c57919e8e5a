"""Stationary equilibrium of one type: the household's problem, its long-run cross-section, and the root in the price.

The exogenous state is frozen. At a candidate (the price of a clearing market, the aggregate stock behind formula prices)
the type solves its problem by endogenous-grid sweeps, its cross-section is iterated until it rests, and the excess is
measured. The candidate moves by secant and bisection once the root is bracketed. One candidate is one round, so that progress,
interruption and resumption work as for every other loop.

    @article{aiyagari1994uninsured, title={Uninsured idiosyncratic risk and aggregate saving}, author={Aiyagari, S Rao},
      journal={The Quarterly Journal of Economics}, volume={109}, number={3}, pages={659--684}, year={1994}}
"""

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from walras._core.compiling import brief_jit
from walras._core.errors import InputError
from walras.economy import period as periods
from walras.economy.economy import Economy, Formula
from walras.economy.foc import stock_field
from walras.economy.population import Step, mortality
from walras.economy.process import transition_matrix
from walras.learners.egm import Prospect, sweep
from walras.learners.frozen import FrozenDate
from walras.learners.learner import Setup
from walras.learners.table import TableRule


class StationaryState(eqx.Module):
    """Where the search stands.

    `x` next candidate, `tried` the last one and `excess` there; `positive` and `negative` the last (candidate, excess)
    on either side of the root, `known` whether there is one; the household's rule and cross-section at `tried`.
    """

    x: Float[Array, ""]
    tried: Float[Array, ""]
    excess: Float[Array, ""]
    positive: Float[Array, " 2"]
    negative: Float[Array, " 2"]
    known: Bool[Array, " 2"]
    width: Float[Array, ""]
    rule: TableRule
    mass: Float[Array, "risk nodes"]
    sweeps: Int[Array, ""]
    unrest: Float[Array, ""]

    @property
    def bracketed(self) -> Array:
        """Whether the root lies between two evaluated candidates."""
        return jnp.all(self.known)


class StationarySettings(eqx.Module):
    """Tolerance of the household's problem at one candidate, and most sweeps."""

    rule_tolerance: float
    max_sweeps: int = 6000


class StationaryProblem(FrozenDate):
    """A frozen date with one unknown: where it may lie, and which way a positive excess sends it."""

    limits: Float[Array, " 2"]
    direction: Float[Array, ""]


def live_stocks(agent) -> tuple[str, ...]:
    """Names of the stocks that depend on what individuals choose (by the derivative of `holds`)."""
    template = agent.limits()
    fields = type(template).endogenous()
    risk = template.risk_field()

    def held(values):
        own = template.to(**dict(zip(fields, values, strict=True)))
        return agent.holds(own.to(**{risk: jnp.asarray(0)}) if risk else own)

    slopes = brief_jit(jax.jacfwd(held))(tuple(jnp.ones(()) for _ in fields))
    return tuple(name for name, slope in slopes.items() if np.any([np.any(np.asarray(s) != 0) for s in slope]))


def frozen_prospect(problem, now: periods.Now) -> Prospect:
    """The prospect of a date that never ends: today's view is tomorrow's."""
    agent, name, exo = problem.agent, problem.name, problem.state.exo
    one = lambda leaf: jnp.asarray(leaf)[None]  # noqa: E731
    view, outcome = (jax.tree_util.tree_map(one, part[name]) for part in (now.views, now.outcome))
    mix = transition_matrix(agent.risk, exo, exo, now.outcome[name])
    return Prospect(view, outcome, jnp.ones((1, 1, 1)), mix[None, None])


def household(rule: TableRule, ahead: Prospect, settings: StationarySettings) -> tuple[TableRule, Array]:
    """Sweeps until the estimated distance to the fixed point, change/(1 − rate), is below tolerance."""

    def going(carry):
        _, change, before, n = carry
        rate = jnp.clip(change / before, 0.0, 0.999)
        return (change / (1 - rate) > settings.rule_tolerance) & (n < settings.max_sweeps) | (n < 5)

    def step(carry):
        rule, change, _, n = carry
        new = sweep(rule, ahead)
        return new, jnp.max(jnp.abs(new.table - rule.table)), change, n + 1

    rule, _, _, n = jax.lax.while_loop(going, step, (rule, jnp.ones(()), jnp.ones(()), jnp.zeros((), jnp.int64)))
    return rule, n


@brief_jit
def solved_household(problem, x, rule: TableRule, mass, settings: StationarySettings):
    """The household's rule at a candidate of a `StationaryProblem` or `RestProblem`, and where it moves every node."""
    now = problem.now(x, rule, mass)
    rule, sweeps = household(rule, frozen_prospect(problem, now), settings)
    return rule, sweeps, *moves(problem, now, rule, mass)


def moves(problem, now: periods.Now, rule, mass):
    """Where a rule moves every node of the cross-section on a frozen date: next states, survival, outcome, lottery and its chain."""
    agent, name = problem.agent, problem.name
    view, outcome, info = now.views[name], now.outcome[name], now.infos[name]
    own, _ = problem.populations[name].individuals(agent, mass)
    choice = jax.vmap(lambda o: rule(o, view, info))(own)
    moved = jax.vmap(lambda o, c: agent.move(o, c, view, outcome))(own, choice)
    cells = problem.populations[name].axis.lottery(getattr(moved, stock_field(agent)))
    mix = transition_matrix(agent.risk, problem.state.exo, problem.state.exo, outcome)
    return moved, mortality(agent, own, view, outcome), outcome, (*cells, mix)


@brief_jit
def _unrest(problem: StationaryProblem, mass, moved, survival, chance: Step, dates: int):
    """The cross-section some dates on, and how far one more date moves it."""
    population, agent = problem.populations[problem.name], problem.agent
    mass = jax.lax.fori_loop(0, dates, lambda _, m: population.advance(agent, m, moved, survival, chance), mass)
    return mass, jnp.sum(jnp.abs(population.advance(agent, mass, moved, survival, chance) - mass))


@brief_jit
def _excess(problem: StationaryProblem, x, rule, mass):
    return problem.excess(x, problem.now(x, rule, mass))[0]


def stationary_round(problem: StationaryProblem, state: StationaryState, settings: StationarySettings) -> StationaryState:
    """Evaluate the present candidate, then choose the next one."""
    x, exo, population = state.x, problem.state.exo, problem.populations[problem.name]
    rule, sweeps, moved, survival, outcome, lottery = solved_household(problem, x, state.rule, state.mass, settings)
    chance = Step(exo, exo, outcome, problem.key)
    mass = state.mass if survival is not None else jax.device_put(population.resting(*lottery))
    mass, unrest = _unrest(problem, mass, moved, survival, chance, 10 if survival is None else 2000)
    excess = _excess(problem, x, rule, mass)
    return _following(problem, state, x, excess, (rule, mass, sweeps, unrest))


@brief_jit
def _following(problem: StationaryProblem, state: StationaryState, x, excess, found) -> StationaryState:
    """The state after a candidate was evaluated: where to look next."""
    here = jnp.stack([x, excess])
    side = jnp.stack([excess > 0, excess <= 0])
    positive = jnp.where(side[0], here, state.positive)
    negative = jnp.where(side[1], here, state.negative)
    known = state.known | side
    # A secant of a supply curve that turns vertical creeps along one side: halve the interval whenever a side is kept.
    again = jnp.any(known & ~side & ((state.excess > 0) == (excess > 0)))
    gap = jnp.where(jnp.all(known), negative[1] - positive[1], 1.0)
    secant = negative[0] - negative[1] * (negative[0] - positive[0]) / gap
    outward = x + problem.direction * jnp.where(excess > 0, state.width, -state.width)
    outward = jnp.clip(outward, problem.limits[0], problem.limits[1])
    inside = jnp.where(again, 0.5 * (negative[0] + positive[0]), secant)
    following = jnp.where(jnp.all(known), inside, outward)
    return StationaryState(following, x, excess, positive, negative, known, state.width * 1.6, *found)


def candidate_limits(economy: Economy, live: tuple[str, ...]) -> tuple[float, float]:
    """The interval in which candidates lie: a clearing market's bracket, or all positive stocks.

    Raises:
        InputError: if prices depend on more than one aggregate unknown.
    """
    market = economy.market()
    if isinstance(market, Formula):
        if len(live) != 1:
            raise InputError(
                f"prices depend on the stocks {live}; a stationary start needs exactly one that individuals choose",
                where=type(economy).__name__,
                remedy="Let `holds` return one stock that depends on the endogenous state.",
            )
        return 1e-8, float(np.finfo(np.float64).max)  # finite: learners' states hold nothing else
    if market.bracket is None or len(market.bracket[0]) != 1:
        raise InputError("a stationary equilibrium needs a market with one price and a bracket", where=type(economy).__name__)
    (low,), (high,) = (list(end.values()) for end in market.bracket)
    return float(low), float(high)


def begin(setup: Setup, populations, rule: TableRule, bounds, live: tuple[str, ...], first: tuple[float, float]):
    """The problem and the search before its first candidate, on the given populations; `first` is (candidate, width)."""
    return _begin(setup, populations, rule, np.array(bounds, float), live, np.array(first, float))


@brief_jit
def _begin(setup: Setup, populations, rule: TableRule, bounds, live: tuple[str, ...], first):
    economy, key, name = setup.economy, setup.key, setup.name
    rules = {**setup.rules, name: rule}
    state = periods.start(economy, populations, rules, key, setup.exo)
    mass, width = state.cross[name], first[1]
    x = jnp.clip(first[0], bounds[0], bounds[1])
    problem = StationaryProblem(economy, state, populations, rules, key, name, live, bounds, jnp.ones(()))
    # +1 if a positive excess asks for a higher candidate, −1 if for a lower one (the rule held fixed).
    slope = jax.jvp(lambda v: problem.excess(v, problem.now(v, rule, mass))[0], (x,), (jnp.ones_like(x),))[1]
    problem = eqx.tree_at(lambda p: p.direction, problem, jnp.where(slope < -1e-9, 1.0, -1.0))
    nothing, nowhere, unknown, zero = jnp.zeros(()), jnp.zeros(2), jnp.zeros(2, bool), jnp.zeros((), jnp.int64)
    search = StationaryState(x, x, nothing, nowhere, nowhere, unknown, width, rule, mass, zero, nothing)
    return problem, search
