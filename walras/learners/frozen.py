"""A date whose exogenous state stands still, as a function of what it cannot know without its market."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras._core.types import Key
from walras.economy import period as periods
from walras.economy.economy import Clear, Economy, Formula
from walras.economy.rule import Rule


class FrozenDate(eqx.Module):
    """The economy with its exogenous state frozen, seen from one type on a histogram.

    A candidate x is the stock behind formula prices (`live` names it), or the prices of a market that clears: a vector, or a
    number where there is one.
    """

    economy: Economy
    state: periods.EconomyState
    populations: dict[str, Any]
    rules: dict[str, Rule]
    key: Key
    name: str = eqx.field(static=True)
    live: tuple[str, ...] = eqx.field(static=True)

    @property
    def agent(self):
        """The type."""
        return periods.agents(self.economy)[self.name]

    def now(self, x, rule: Rule, mass) -> periods.Now:
        """The date at candidate x when the type uses `rule` and its cross-section is `mass`."""
        state = dataclasses.replace(self.state, cross={**self.state.cross, self.name: mass})
        given = (self.economy, self.populations, {**self.rules, self.name: rule}, state, self.key)
        market, x = self.economy.market(), jnp.atleast_1d(x)
        if isinstance(market, Clear):
            template = jax.tree_util.tree_map(jnp.asarray, market.template)
            return periods.hypothetical(*given, prices=jax.flatten_util.ravel_pytree(template)[1](x))
        stocks = periods.opening(self.economy, self.populations, state).stocks
        return periods.hypothetical(*given, stocks={**stocks, self.name: {**stocks[self.name], self.live[0]: x[0]}})

    def excess(self, x, now: periods.Now) -> Float[Array, " unknowns"]:
        """Supply minus demand at the candidate: of the stock behind the formula (in logs), or of the markets."""
        market = self.economy.market()
        if isinstance(market, Formula):
            cross = now.cross[self.name]
            held = cross.total(jax.vmap(self.agent.holds)(cross.own)[self.live[0]])
            ratio = held / x
            # A log that goes on along its tangent below 1/e: people who owe on balance are an excess too, not a missing number.
            shrunk = jnp.maximum(ratio, jnp.exp(-1.0))
            return jnp.atleast_1d(jnp.where(ratio >= shrunk, jnp.log(shrunk), ratio * jnp.e - 2.0))
        return jax.flatten_util.ravel_pytree(market.excess(now))[0]
