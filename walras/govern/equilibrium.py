"""People of a stationary equilibrium: what each lifetime is worth, so that societies can be compared.

Lifetime utilities solve V = u + A'(d V) exactly, by one sparse solve: A moves the histogram one date on under the rules that
were found, d is the discount factor. The worth of an individual is the constant consumption, other choices at their
average, whose utility is (1 − d) V.
"""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Array

from walras._core.compiling import brief_jit
from walras._core.errors import InputError, SolveError
from walras._core.keys import root_key, stream
from walras._core.tree import entry
from walras.economy import foc
from walras.economy import period as periods
from walras.economy.agent import AgentType, Institution, Mortal, ProfitSeeker
from walras.economy.economy import Economy
from walras.economy.population import Histogram
from walras.economy.process import transition_matrix
from walras.economy.space import choice_fields
from walras.govern.welfare import People
from walras.learners.learner import Learner
from walras.learners.preset import preset as preset_named
from walras.loop import Laboratory, LoopState
from walras.rest import Standing
from walras.solution import Solution, loaded
from walras.solve import default_learner, settled, why_stopped
from walras.transition import Transition


@dataclasses.dataclass(frozen=True)
class Society:
    """People of an equilibrium, their average consumption, and the utility of a constant consumption."""

    people: People
    consumption: float
    utility_of: Callable[[Array], Array]


def judged_type(economy: Economy) -> str:
    """The type whose lifetimes count: the one that is no institution and not paid in money.

    Raises:
        InputError: if there is none, several, or one whose people die: their welfare along a stationary cross-section is not
            what one of them can expect.
    """
    types = periods.agents(economy)
    names = [n for n, a in types.items() if not isinstance(a, Institution | ProfitSeeker)]
    where = type(economy).__name__
    if len(names) != 1:
        remedy = "Welfare is taken over one type for now."
        raise InputError(
            "the types whose welfare counts must be one", where=where, number=", ".join(names) or "none", remedy=remedy
        )
    if isinstance(types[names[0]], Mortal):
        raise InputError(f"people of type '{names[0]}' die", where=where, remedy="Welfare over generations is not offered yet.")
    return names[0]


def check_still(economy: Economy) -> None:
    """Raise InputError if the economy has aggregate risk, so that nothing of it is stationary."""
    if economy.exogenous.n != 1:
        remedy = "Judge it along shocks (along='cycle', commitment), or choose a calibration without aggregate risk."
        number = f"{economy.exogenous.n or 'a continuum of'} exogenous states"
        raise InputError("there is aggregate risk", where=type(economy).__name__, number=number, remedy=remedy)


def settle(economy: Economy, learners: dict[str, Learner] | None, preset: str, key: int) -> Solution:
    """The equilibrium without its certificate: for the many that a search looks at.

    Raises:
        SolveError: if no equilibrium is found.
    """
    learners = {n: default_learner(agent) for n, agent in periods.agents(economy).items()} | (learners or {})
    lab, loop = settled(economy, learners, preset_named(preset), key)
    reason, fatal = why_stopped(lab, loop)
    if fatal:
        raise SolveError(reason, where=type(economy).__name__)
    return Solution(type(economy).__name__, preset, key, lab, loop, loaded(), None, {})


def society(solution: Solution) -> Society:
    """Everybody's lifetime in a stationary equilibrium.

    Raises:
        InputError: if people are not on a histogram, or their welfare has no bound.
        SolveError: if the cross-section is not at rest.
    """
    lab, loop = solution.lab, solution.loop
    if lab is None or loop is None:
        raise InputError("the solve failed, there is nobody to ask", where=solution.name)
    name = judged_type(lab.economy)
    if not isinstance(lab.populations[name], Histogram):
        raise InputError(f"type '{name}' is not on a histogram", where=solution.name, remedy="Leave its population out.")
    begin = entry(loop.economy, 0)
    date = _date(lab, loop, begin, name, stream(root_key(solution.seed), "society"))
    utility, discount, weight, spent, cell, right, matrix, state = (np.asarray(x) for x in date[0])
    if not np.all(discount < 1):
        remedy = "Lifetime utility has a bound only below one."
        raise InputError(
            f"the discount factor of '{name}' is not below one",
            where=solution.name,
            number=float(discount.max()),
            remedy=remedy,
        )
    value = _lifetimes(utility, discount, cell, right, matrix)
    # At rest the average lifetime is the average date, for ever.
    unrest = abs(float(weight @ (value - discount * value - utility))) if np.ptp(discount) == 0 else 0.0
    if not unrest < 1e-6 * max(1.0, float(np.abs(utility).max())):
        raise SolveError(
            "the cross-section does not rest",
            where=solution.name,
            number=f"{unrest:.2g} utils a date",
            remedy="Use a finer preset.",
        )
    return society_of((1 - discount) * value, weight, state, float(weight @ spent), Constant(*date[1]))


def society_on_the_way(start: Standing, path: Transition) -> Society:
    """Everybody's lifetime from the first date of a transition on, in constant consumption of the average individual at the start.

    Raises:
        InputError: where people differ in their discount factor, or it is not below one.
    """
    agent, name = path.end.date.agent, path.end.date.name
    judged_type(path.end.economy)
    average, discounts = _at_start(start)
    discounts = np.asarray(discounts)
    if np.ptp(discounts) > 0 or not np.all(discounts < 1):
        raise InputError("along transitions people must have one discount factor, below one", where=name,
                         number=f"{discounts.min():g} to {discounts.max():g}", remedy="Compare resting states: along='rest'.")  # fmt: skip
    beta = float(discounts[0])
    own, weight = path.end.population.individuals(agent, jnp.asarray(path.start))
    risk = own.risk_field()
    state = getattr(own, risk) if risk else jnp.zeros(len(weight), int)
    last = path.end.now()
    later = float(last.cross[name].weight @ _spent(last.choices[name]))
    dates = beta ** np.arange(path.horizon)
    level = (1 - beta) * float(dates @ np.asarray(path.path.spent)) + beta**path.horizon * later
    flow = (1 - beta) * np.asarray(path.value).reshape(-1)
    return society_of(flow, np.asarray(weight), np.asarray(state), level, Constant(*average))


def society_of(flow, weight, state, consumption: float, constant: "Constant") -> Society:
    """People by (1 − β) of their lifetime utility, weight and state of own risk."""
    worth = constant.inverse(flow)
    people = People(jnp.asarray(flow), jnp.asarray(worth), jnp.asarray(weight), jnp.asarray(state))
    return Society(people, consumption, constant)


def averaged(now: periods.Now, name: str):
    """Choices and own state of the average individual of a date."""
    cross = now.cross[name]
    share = cross.weight / jnp.sum(cross.weight)
    mean = lambda x: jnp.tensordot(share, x, axes=(0, 0)) if jnp.issubdtype(x.dtype, jnp.inexact) else x[0]  # noqa: E731
    return jax.tree_util.tree_map(mean, (now.choices[name], cross.own))


@brief_jit
def _at_start(start: Standing):
    """The average individual at rest, and everybody's discount factor."""
    agent, name, now = start.date.agent, start.date.name, start.date.now(start.x, start.rule, start.mass)
    view, outcome = now.views[name], now.outcome[name]
    discount = jax.vmap(lambda o: agent.discount(o, view, outcome))(now.cross[name].own)
    return (agent, *averaged(now, name), view, outcome), discount


def _spent(choices):
    return getattr(choices, choice_fields(choices)[-1])


@brief_jit
def _date(lab: Laboratory, loop: LoopState, begin, name: str, key):
    """The resting date of one type, node by node; and an average individual of it."""
    agent, population = periods.agents(lab.economy)[name], lab.populations[name]
    assert isinstance(population, Histogram) and population.axis is not None  # `society` has seen to it
    rules = {n: learner.rule(loop.learners[n]) for n, learner in lab.learners.items()}
    now, _ = periods.open_market(lab.economy, lab.populations, rules, begin, key)
    own, choice, view, outcome = now.cross[name].own, now.choices[name], now.views[name], now.outcome[name]
    moved = jax.vmap(lambda o, c: agent.move(o, c, view, outcome))(own, choice)
    cell, right = population.axis.lottery(getattr(moved, foc.stock_field(agent)))
    discount = jax.vmap(lambda o: agent.discount(o, view, outcome))(own)
    matrix = transition_matrix(agent.risk, begin.exo, begin.exo, outcome) if agent.risk.n > 1 else jnp.ones((1, 1))
    risk, weight = own.risk_field(), now.cross[name].weight
    state = getattr(own, risk) if risk else jnp.zeros(len(weight), int)
    return (now.payoff[name], discount, weight, _spent(choice), cell, right, matrix, state), (
        agent,
        *averaged(now, name),
        view,
        outcome,
    )


def _lifetimes(utility, discount, cell, right, matrix) -> np.ndarray:
    """V = u + A'(d V), risk state major."""
    ahead = Histogram.moves(cell, right, matrix).T  # from whom to where, not to where from whom
    system = scipy.sparse.identity(len(utility), format="csc") - ahead @ scipy.sparse.diags(discount)
    return np.asarray(scipy.sparse.linalg.spsolve(system.tocsc(), utility))


class Constant(eqx.Module):
    """Utility of a constant consumption of the average individual, and its inverse."""

    agent: AgentType
    choice: eqx.Module
    own: eqx.Module
    view: eqx.Module
    outcome: object

    def __call__(self, c):
        """u at consumption c (a number)."""
        return _utility_now(self, jnp.asarray(c, float))

    def inverse(self, utility: np.ndarray) -> np.ndarray:
        """The consumption with that utility, by bisection in logs."""
        return np.asarray(_inverse(self, jnp.asarray(utility)))


def _utility(constant: Constant, c):
    last = choice_fields(constant.choice)[-1]
    chosen = dataclasses.replace(constant.choice, **{last: c})
    return constant.agent.payoff(constant.own, chosen, constant.view, constant.outcome)


_utility_now = brief_jit(_utility)


@brief_jit
def _inverse(constant: Constant, utility):
    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        # Below the least that can be lived on (work, after GHH) utility is no number: that is below, too.
        below = ~(jax.vmap(lambda x: _utility(constant, jnp.exp(x)))(middle) >= utility)
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    ends = jax.lax.fori_loop(0, 64, halve, (jnp.full_like(utility, -40.0), jnp.full_like(utility, 40.0)))
    return jnp.exp(0.5 * (ends[0] + ends[1]))
