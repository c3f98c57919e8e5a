"""A first rule for one type: the best answer to a world that returns to where the stationary solution has it.

The stationary solution alone does not know how demand answers a price, nor what leads a stock back: capital in a quarterly economy drifted
to three times its level before a rule had learned that. A rule that spends all cash whenever today's price stayed for ever is not smooth, and
state-by-state gradients never leave its corners; this one is smooth, concave, and sloped.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.errors import InputError
from walras.economy.economy import Clear
from walras.economy.task import Field
from walras.learners import beliefs, egm
from walras.learners.euler import EulerState
from walras.learners.learner import Setup
from walras.learners.table import TableRule
from walras.numerics.interpolate import EvenAxis

REVERSION = 0.6  # a first guess of how much of a price's distance from where it rests is still there after a year
STAYING = 0.9  # and of how much of a stock's
AROUND = 0.3  # logs of the stock behind formula prices on either side of where it rests


def reverting(setup: Setup, start: EulerState) -> tuple[TableRule, beliefs.PolynomialBelief]:
    """The best answer to prices, or to the stock behind formula prices, that go back to their stationary level; the stationary rule, if
    some coordinate of the information does not move with that stock.

    Raises:
        InputError: if a coordinate of the information does not depend on the price that clears the market.
    """
    field, resting = _hypothetical(setup, start)
    belief = start.belief
    seen = belief.transform(field.info[1])
    low, high = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
    moves = np.asarray(jnp.ptp(seen, axis=1)).max(axis=0)  # with the candidate, in some exogenous state
    still, cleared = np.flatnonzero(moves < 1e-9), isinstance(setup.economy.market(), Clear)
    if len(still) and not cleared:
        return start.table, start.belief
    if len(still):
        raise InputError(
            f"coordinate {still[0]} of the information does not move with the price that clears the market",
            where=f"StructuralRL of {setup.name}",
            remedy="Use prices, lags of them, or EulerIteration.",
        )
    belief = dataclasses.replace(belief, centre=0.5 * (low + high), scale=0.5 * (high - low))
    belief = belief.fit(field)
    x = (belief.transform(resting) - belief.centre) / belief.scale
    kept = (REVERSION if cleared else STAYING) ** float(setup.economy.years_per_period)
    law = np.zeros(belief.law.shape)
    for number, power in enumerate(belief.shape.law):
        for j in range(len(x)):
            if sum(power) == 0:
                law[number, j] = (1 - kept) * float(x[j])
            if sum(power) == 1 and power[j] == 1:
                law[number, j] = kept
    belief = eqx.tree_at(lambda b: b.law, belief, jax.device_put(law))
    axes = tuple(EvenAxis(low[j], high[j], axis.n) for j, axis in enumerate(start.table.axes))
    return _best_answer(eqx.tree_at(lambda t: t.axes, start.table, axes), belief, setup.economy.exogenous), belief


@eqx.filter_jit
def _best_answer(table: TableRule, belief, exogenous) -> TableRule:
    ahead = egm.prospect(table.agent, exogenous, belief, table.axes)
    return jax.lax.fori_loop(0, 150, lambda _, rule: egm.sweep(rule, ahead), table)


def _hypothetical(setup: Setup, start: EulerState) -> tuple[Field, tuple]:
    """What the type would see at prices all over the bracket, or at stocks around the stationary one, by exogenous state (path) and
    candidate (time); and the coordinates at the stationary candidate."""
    problem, search, name = start.problem, start.search, setup.name
    assert problem is not None and search is not None
    economy = setup.economy

    def at(exo, share):
        there = dataclasses.replace(problem, state=dataclasses.replace(problem.state, exo=exo))
        if isinstance(economy.market(), Clear):
            low, high = problem.limits
            x = low + share * (high - low)
        else:
            x = search.x * jnp.exp(AROUND * (2 * share - 1))
        now = there.now(x, search.rule, search.mass)
        return Field(exo, exo, now.views[name], now.outcome[name], now.infos[name], now.public())

    over = jax.vmap(jax.vmap(at, in_axes=(None, 0)), in_axes=(0, None))
    field = eqx.filter_jit(over)(jnp.arange(economy.exogenous.n), jnp.linspace(0.0, 1.0, 15))
    return field, problem.now(search.x, search.rule, search.mass).infos[name][1]
