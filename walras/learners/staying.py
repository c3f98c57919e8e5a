"""Where individuals stay put: a stock at rest, and the positions that keep it."""

import dataclasses

import jax
import jax.numpy as jnp

from walras._core.compiling import brief_jit
from walras.economy import period as periods
from walras.economy.foc import margins, stock_field
from walras.economy.population import Histogram
from walras.economy.space import choose
from walras.learners.learner import Setup
from walras.learners.table import TableRule
from walras.numerics.roots import bracketed


@brief_jit
def willing(rule: TableRule, setup: Setup, live: str):
    """As `at_rest`, the first of two choices such that nobody at rest would rather choose another, others doing the same."""

    def at(position):
        there = dataclasses.replace(rule, table=rule.table.at[..., 0].set(position))
        return _rest_of(there, setup, live, [position])

    def gap(position):
        stock, positions, now = at(position)
        agent, name = rule.agent, setup.name
        own = _own(agent, stock, jnp.asarray(0))
        view, outcome = now.views[name], now.outcome[name]
        slopes = margins(agent, own, choose(agent, own, view, list(positions[0])), view, outcome)
        return slopes.u_c[0] - slopes.m_c[0] * slopes.u_c[1] / slopes.m_c[1]  # what a little more of it is worth

    found = bracketed(gap, jnp.asarray(0.02), jnp.asarray(0.98))
    return at(jnp.where(found.status == 0, found.value, 0.5))


@brief_jit
def at_rest(rule: TableRule, setup: Setup, live: str | None):
    """The individual stock at rest, positions (risk, choices) that keep it, and the date there."""
    return _rest_of(rule, setup, live, [jnp.asarray(0.5)] * (rule.table.shape[-1] - 1))


def _own(agent, stock, risk):
    """An individual with this stock in this state of risk."""
    template = agent.limits()
    own = template.to(**{stock_field(agent): stock})
    return own.to(**{template.risk_field(): risk}) if template.risk_field() else own


def _rest_of(rule: TableRule, setup: Setup, live: str | None, middle: list):
    """See `at_rest`; `middle` are the positions of all choices but the last."""
    agent, name, economy, field = rule.agent, setup.name, setup.economy, stock_field(rule.agent)
    populations = placed(setup.populations, name, Histogram(rule.own_axis, rule.own_axis.n))
    rules = {**setup.rules, name: rule}
    state = periods.start(economy, populations, rules, setup.key, setup.exo)
    opening = periods.opening(economy, populations, state)

    def date(s):
        if live is None:
            return periods.open_market(economy, populations, rules, state, setup.key)[0]
        stocks = {**opening.stocks, name: {**opening.stocks[name], live: s * agent.mass}}
        return periods.hypothetical(economy, populations, rules, state, setup.key, stocks=stocks)

    def staying(s, e, now):
        own = _own(agent, s, e)
        view, outcome = now.views[name], now.outcome[name]
        moved = lambda p: getattr(agent.move(own, choose(agent, own, view, [*middle, p]), view, outcome), field)  # noqa: E731
        p = bracketed(lambda p: moved(p) - s, jnp.zeros(()), jnp.ones(())).value
        return own, [*middle, jnp.clip(p, 0.02, 0.98)]

    def gap(log_s):
        """log of what the next unit of stock is worth over what it costs, at rest."""
        s = jnp.exp(log_s)
        now = date(s)
        view, outcome = now.views[name], now.outcome[name]
        own, positions = staying(s, jnp.asarray(0), now)
        slopes = margins(agent, own, choose(agent, own, view, positions), view, outcome)
        return jnp.log(agent.discount(own, view, outcome) * slopes.value) - jnp.log(-slopes.u_c[-1] / slopes.m_c[-1])

    own, weights = agent.birth(0, setup.exo).nodes()
    stock = jnp.sum(weights * getattr(own, field))
    if live is not None:
        found = bracketed(gap, jnp.log(stock / 20.0), jnp.log(stock * 20.0))
        stock = jnp.where(found.status == 0, jnp.exp(found.value), stock)
    now = date(stock)
    positions = jax.vmap(lambda e: jnp.stack(staying(stock, e, now)[1]))(jnp.arange(agent.risk.n))
    return stock, positions, now


def placed(populations: dict, name: str, histogram: Histogram) -> dict:
    """The populations, with the type's histogram (if it is one and has no axis yet) put on this one."""
    population = populations[name]
    if not isinstance(population, Histogram) or population.axis is not None:
        return populations
    return {**populations, name: histogram}
