"""Where an economy rests under a rule that is a network: roots of its markets, and the rule at nodes there."""

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
from walras._core.errors import SolveError
from walras._core.host import on_host
from walras.economy.population import Histogram
from walras.economy.space import choice_fields
from walras.learners import stationary
from walras.learners.egm import sweep
from walras.learners.frozen import FrozenDate
from walras.learners.priced_rule import PricedRule, numbers_of
from walras.learners.table import TableRule

MET = 1e-2
"""Excess (of the market, as it is written) up to which a root counts as found: the loop judges it by a tolerance of its own."""


class Root(eqx.Module):
    """A candidate at which markets clear: the largest excess that is left, the cross-section that rests there, whether it is a root."""

    x: Float[Array, " unknowns"]
    excess: Float[Array, ""]
    mass: Float[Array, "risk nodes"]
    found: Array


@on_host()
def root_of(date: FrozenDate, rule: PricedRule, where, mass, tolerance: float) -> Root:
    """The root of the markets of a date that repeats itself, under a rule in double precision.

    `where` has centre, width and limits of the candidates, the search beginning at the centre; `tolerance` is in units of the width.
    """
    (centre, width, limits), last = (np.asarray(part) for part in where), {"mass": mass}

    def excess(u) -> np.ndarray:
        x = jax.device_put(np.clip(centre + width * np.atleast_1d(u), *limits))
        try:
            mass = jax.device_put(Histogram.resting(*_moves(date, x, rule, last["mass"])))
        except SolveError:  # where people come to rest depends on where they begin: no candidate
            return np.full(len(centre), np.nan)
        missed = np.asarray(_excess(date, x, rule, mass))
        if np.all(np.isfinite(missed)):
            last.update(x=x, mass=mass, excess=missed)
        return missed

    found = _searched(excess, len(centre), tolerance)
    most = float(np.abs(last["excess"]).max()) if "x" in last else np.inf
    numbers = (np.float64(min(most, np.finfo(np.float64).max)), np.bool_(found and most < MET))
    excess_left, met = (jax.device_put(number) for number in numbers)
    return Root(last.get("x", jax.device_put(centre)), excess_left, last["mass"], met)


def _searched(excess, unknowns: int, tolerance: float) -> bool:
    """Whether a root was found; the last call of `excess` is at it."""
    if unknowns > 1:
        found: Any = scipy.optimize.root(excess, np.zeros(unknowns), method="hybr", options={"xtol": tolerance, "factor": 0.5})
        return bool(np.all(np.isfinite(excess(found.x))))
    for reach in (1.0, 2.0, 4.0):
        low, high = (float(excess(u)[0]) for u in (-reach, reach))
        if low * high < 0:
            try:
                excess(scipy.optimize.brentq(lambda u: float(excess(u)[0]), -reach, reach, xtol=tolerance, rtol=1e-15))
            except ValueError:  # between the two is a candidate at which nothing can be computed
                return False
            return True
    return False


@brief_jit
def _moves(date: FrozenDate, x, rule, mass):
    return stationary.moves(date, date.now(x, rule, mass), rule, mass)[3]


@brief_jit
def _excess(date: FrozenDate, x, rule, mass):
    return date.excess(x, date.now(x, rule, mass))


@brief_jit
def at_nodes(date: FrozenDate, x, rule: PricedRule, mass) -> tuple[PricedRule, TableRule]:
    """The rule believing that the date at a candidate repeats itself for ever, and that at the nodes of its frame."""
    now = date.now(x, rule, mass)
    numbers = numbers_of((now.views[date.name], now.outcome[date.name]))
    belief = dataclasses.replace(rule.belief, views=numbers[None].astype(rule.belief.views.dtype))
    rule = dataclasses.replace(rule, belief=belief)
    return rule, rule.tabulated()


@brief_jit
def euler_gap(date: FrozenDate, x, rule: TableRule, mass) -> Float[Array, ""]:
    """How far one step of time iteration moves consumption at a resting place: mean over people, as a share of it."""
    now = date.now(x, rule, mass)
    step = sweep(rule, stationary.frozen_prospect(date, now))
    own, weight = date.populations[date.name].individuals(date.agent, mass)
    view, info = now.views[date.name], now.infos[date.name]

    def spent(used):
        choice = jax.vmap(lambda o: used(o, view, info))(own)
        return getattr(choice, choice_fields(choice)[-1])

    return jnp.sum(weight * jnp.abs(spent(step) / spent(rule) - 1.0)) / jnp.sum(weight)


@brief_jit
def moved_mass(old, new, mass: Float[Array, "risk nodes"]) -> Float[Array, "risk nodes"]:
    """The people of one grid on another, with the same mean as far as it goes."""
    cell, right = new.lottery(old.nodes)
    return jnp.zeros(mass.shape).at[:, cell].add(mass * (1 - right)).at[:, jnp.minimum(cell + 1, new.n - 1)].add(mass * right)
