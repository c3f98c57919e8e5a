"""Candidates for a resting place, from which a rule learns before anybody knows which of them it is.

A candidate is the vector of prices of a market that clears. A rule may also be trained over an interval of each of some
parameters (a policy): where its resting places lie, as a quadratic function of these, is fitted to roots of the rule so far.
"""

import dataclasses
import itertools

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
        market = economy.market()
        assert isinstance(market, Clear)
        flat = lambda tree: np.asarray(jax.flatten_util.ravel_pytree(tree)[0], float)  # noqa: E731
        if market.bracket is None:
            centre, end = flat(market.guess), float(np.finfo(np.float64).max)
            limits, width = np.stack([np.full(len(centre), -end), np.full(len(centre), end)]), 0.5 * np.abs(centre) + 1e-3
        else:
            limits = np.stack([flat(end) for end in market.bracket])
            centre = limits.mean(axis=0) if market.guess is None else flat(market.guess)
            width = 0.25 * (limits[1] - limits[0])
        ends = np.array([[low, high] for _, low, high in over], float).reshape(-1, 2).T
        own = np.array([number_of(economy, name) for name in names], float)
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
        if not self.names:
            return np.zeros((1, 0))
        count, (low, high) = len(self.names), np.asarray(self.ends)
        steps = [z for z in itertools.product((-1.0, 0.0, 1.0), repeat=count) if np.count_nonzero(z) in (0, 1, count)]
        return np.concatenate([np.asarray(self.own)[None], (low + high) / 2 + (high - low) / 2 * np.array(steps)])

    def around(self, policies: np.ndarray, roots: np.ndarray) -> "Candidates":
        """Around roots under some policies: narrower, but no narrower than twice the way that they have moved."""
        terms = np.asarray(jax.vmap(self.terms)(jnp.asarray(policies)))
        middle = np.asarray(self.middle)
        if len(roots) >= terms.shape[1]:
            middle = np.linalg.lstsq(terms, roots, rcond=None)[0]
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


def _checked(economy: Economy, over: tuple[Interval, ...], learning: str) -> tuple[str, ...]:
    known = [name for name, _, _ in parameters_of(economy)]
    for name, low, high in over:
        if indexed(name)[0] not in known:
            raise UnknownName("parameter", name, known, where=f"over, of DeepEuler of {learning}")
        if name.split(".")[0] == learning:
            raise InputError(f"'{name}' belongs to the type that learns, which reads prices and policies alone", where="over",
                             remedy="Train over parameters that its view shows, such as those of a government.")  # fmt: skip
        own = number_of(economy, name)
        if not low <= own <= high or not low < high:
            raise InputError(f"the interval of '{name}' must hold the economy's own value, {own:g}", where="over",
                             number=f"[{low:g}, {high:g}]", remedy="Give two ends around it, the lower one first.")  # fmt: skip
    return tuple(name for name, _, _ in over)
