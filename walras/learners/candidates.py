"""Candidates for a resting place, from which a rule learns before anybody knows which of them it is.

A candidate is the vector of prices of a market that clears. A rule may also be trained over an interval of each of some
parameters (a policy): where its resting places lie, as a quadratic function of these, is fitted to roots of the rule so far.
"""

import dataclasses
import itertools
from typing import Any

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.errors import InputError, UnknownName
from walras._core.keys import stream
from walras._core.module import indexed, number_of, parameters_of, replaced
from walras._core.types import Key
from walras.economy import period as periods
from walras.economy.economy import Clear, Economy
from walras.learners.frozen import FrozenDate

SHRINK = 0.6
"""Width of the candidates after they were put around roots, as a share of the one before."""

Interval = tuple[str, float, float]
"""A parameter by dotted name, and the ends between which a rule is trained."""


class Candidates(eqx.Module):
    """Where candidates lie: around a quadratic function of the policy, `width` to either side, within the limits of the market.

    `names` of the policy's parameters, its `ends` (2, parameters), and `own`: that of the economy as it is. `middle` has a row for
    each term of the function.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    ends: Float[Array, "2 parameters"]
    own: Float[Array, " parameters"]
    middle: Float[Array, "terms unknowns"]
    width: Float[Array, " unknowns"]
    limits: Float[Array, "2 unknowns"]

    @classmethod
    def of(cls, economy: Economy, over: tuple[Interval, ...], learning: str) -> "Candidates":
        """A quarter of the bracket to either side of the guess (its middle); half the guess where there is no bracket.

        Raises:
            UnknownName: for a parameter that does not exist.
            InputError: for an empty interval, one without the economy's own value, or a parameter of the type that learns.
        """
        names = _checked(economy, over, learning)
        ends = np.array([[low, high] for _, low, high in over], float).reshape(-1, 2).T
        own = np.array([number_of(economy, name) for name in names], float)
        market = economy.market()
        assert isinstance(market, Clear)
        if market.bracket is None:
            centre, end = _flat(market.guess), float(np.finfo(np.float64).max)
            limits, width = np.stack([np.full(len(centre), -end), np.full(len(centre), end)]), 0.5 * np.abs(centre) + 1e-3
        else:
            limits = np.stack([_flat(end) for end in market.bracket])
            centre = limits.mean(axis=0) if market.guess is None else _flat(market.guess)
            width = 0.25 * (limits[1] - limits[0])
            limits = _hull(economy, names, _design(ends, own))  # a bracket may move with the policy
        middle = np.zeros((1 + len(names) + len(names) * (len(names) + 1) // 2, len(centre)))
        middle[0] = centre
        return cls(names, *(jax.device_put(part) for part in (ends, own, middle, width, limits)))

    def terms(self, policy: Float[Array, " parameters"]) -> Float[Array, " terms"]:
        """Constant, linear and quadratic terms of the policy, scaled to ±1 at the ends."""
        z = (2 * policy - self.ends[0] - self.ends[1]) / (self.ends[1] - self.ends[0])
        pairs = itertools.combinations_with_replacement(range(len(self.names)), 2)
        return jnp.stack([jnp.ones(()), *(z[n] for n in range(len(self.names))), *(z[i] * z[j] for i, j in pairs)])

    def centre(self, policy: Float[Array, " parameters"]) -> Float[Array, " unknowns"]:
        """The middle of the candidates under a policy."""
        return self.terms(policy) @ self.middle

    def drawn(self, key: Key, count: int) -> tuple[Float[Array, "count parameters"], Float[Array, "count unknowns"]]:
        """Policies and candidates, each number of them spread evenly."""
        unknowns = len(self.width)
        u = jax.random.uniform(key, (count, len(self.names) + unknowns))
        orders = jax.random.split(stream(key, "order"), u.shape[1])
        u = (jax.vmap(lambda k: jax.random.permutation(k, count))(orders).T + u) / count
        policies = self.ends[0] + (self.ends[1] - self.ends[0]) * u[:, unknowns:]
        around = jax.vmap(self.centre)(policies) + self.width * (2 * u[:, :unknowns] - 1)
        return policies, jnp.clip(around, *self.limits)

    def design(self) -> np.ndarray:
        """Policies at which roots are looked for: the economy's own, and of the box the middle, the middles of its faces, its corners."""
        return _design(np.asarray(self.ends), np.asarray(self.own))

    def around(self, policies: np.ndarray, roots: np.ndarray) -> "Candidates":
        """Around roots under some policies: narrower, but no narrower than twice the way that they have moved."""
        terms = np.asarray(jax.vmap(self.terms)(jnp.asarray(policies)))
        # Of all functions through few roots that which is nearest to the present one.
        middle = np.asarray(self.middle)
        middle = middle + np.linalg.lstsq(terms, roots - terms @ middle, rcond=None)[0]
        moved = np.abs(roots - terms @ np.asarray(self.middle)).max(axis=0)
        missed = np.abs(roots - terms @ middle).max(axis=0)
        width = np.asarray(self.width)
        width = np.maximum(SHRINK * width, np.minimum(2 * np.maximum(moved, missed), width / SHRINK))
        return dataclasses.replace(self, middle=jax.device_put(middle), width=jax.device_put(width))

    def wider(self) -> "Candidates":
        """What they were before they were last narrowed: nothing was found among them."""
        return dataclasses.replace(self, width=self.width / SHRINK)

    def under(self, date: FrozenDate, policy: Float[Array, " parameters"]) -> FrozenDate:
        """The date in the economy under a policy."""
        changes = {name: policy[n] for n, name in enumerate(self.names)}
        return dataclasses.replace(date, economy=replaced(date.economy, changes)) if changes else date


def _flat(prices) -> np.ndarray:
    return np.asarray(jax.flatten_util.ravel_pytree(prices)[0], float)


def _design(ends: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The economy's own policy, and of the box the middle, the middles of its faces and its corners."""
    if not own.size:
        return np.zeros((1, 0))
    (low, high), count = ends, own.size
    steps = [z for z in itertools.product((-1.0, 0.0, 1.0), repeat=count) if np.count_nonzero(z) in (0, 1, count)]
    return np.concatenate([own[None], (low + high) / 2 + (high - low) / 2 * np.array(steps)])


def _hull(economy: Economy, names: tuple[str, ...], policies: np.ndarray) -> np.ndarray:
    """The lowest lower and the highest upper end of the brackets under some policies."""
    markets: list[Any] = [replaced(economy, dict(zip(names, policy, strict=True))).market() for policy in policies]
    low, high = (np.stack([_flat(market.bracket[n]) for market in markets]) for n in (0, 1))
    return np.stack([low.min(axis=0), high.max(axis=0)])


def _checked(economy: Economy, over: tuple[Interval, ...], learning: str) -> tuple[str, ...]:
    """The names, where the box can be used."""
    about = {name: (np.ndim(value), limits) for name, value, limits in parameters_of(economy)}
    names, agent = tuple(name for name, _, _ in over), periods.agents(economy)[learning]
    for name, low, high in over:
        head, at = indexed(name)
        if head not in about:
            raise UnknownName("parameter", name, about, where=f"over, of DeepEuler of {learning}")
        dimensions, limits = about[head]
        if (at is None) != (dimensions == 0) or names.count(name) > 1:
            raise InputError(f"'{name}' is no single number, or named twice", where="over",
                             remedy="Name a number once; an entry of an array as name[i].")  # fmt: skip
        own, ends = number_of(economy, name), (low, high)
        if not low <= own <= high or not low < high:
            raise InputError(f"the interval of '{name}' must hold the economy's own value, {own:g}", where="over",
                             number=f"[{low:g}, {high:g}]", remedy="Give two ends around it, the lower one first.")  # fmt: skip
        inside = [
            limits["low"] <= x <= limits["high"] and (limits["closed"] or limits["low"] < x < limits["high"]) for x in ends
        ]
        if not all(inside):
            raise InputError(f"'{name}' must lie between {limits['low']:g} and {limits['high']:g}", where="over",
                             number=f"[{low:g}, {high:g}]", remedy="Give ends inside.")  # fmt: skip
        if not eqx.tree_equal(agent, periods.agents(replaced(economy, {name: low if own > low else high}))[learning]):
            raise InputError(f"'{name}' belongs to the type that learns, which reads prices and policies alone", where="over",
                             remedy="Train over parameters that its view shows, such as those of a government.")  # fmt: skip
    for corner in itertools.product(*(ends for _, *ends in over)):
        replaced(economy, dict(zip(names, corner, strict=True)))  # what an economy refuses is refused here, before any training
    return names
