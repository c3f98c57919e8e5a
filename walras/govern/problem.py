"""What a policy problem is: instruments in a box, households that answer by their conditions, and what it is all worth.

    max W(policy, x)    such that    F(x, policy) = 0

F are the households' first-order conditions and whatever else makes an equilibrium, x what they do (and what they
expect). The answer x(policy) is found by Newton's method and differentiated by the implicit function theorem,
dx = −F_x⁻¹ F_policy, so a gradient of W(policy, x(policy)) contains how households adapt.
"""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.errors import InputError
from walras._core.types import Key, PyTree

Response = dict[str, Array]
"""What households do and expect, by name: numbers, or one number for each household that was drawn."""


@dataclasses.dataclass(frozen=True)
class Box:
    """The instruments by name, and the interval in which each is sought.

    Raises:
        InputError: where an interval is empty or has no end.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self):
        for name, low, high in zip(self.names, self.low, self.high, strict=True):
            if not (np.isfinite(low) and np.isfinite(high) and low < high):
                remedy = "Give each instrument two finite ends, the lower one first."
                raise InputError(
                    "a search needs an interval with two ends", where=name, number=f"[{low:g}, {high:g}]", remedy=remedy
                )

    @property
    def size(self) -> int:
        """Number of instruments."""
        return len(self.names)

    def point(self, x: Any) -> Any:
        """From the unit cube to the instruments, arrays of either kind, shape (n,)."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        return low + (high - low) * x

    def unit(self, point: Any) -> Any:
        """From the instruments to the unit cube."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        return (point - low) / (high - low)


class Policy(eqx.Module):
    """What a government does given what it sees."""

    @abc.abstractmethod
    def __call__(self, seen: Float[Array, " k"]) -> Float[Array, " n"]:
        """The instruments."""


class Constant(Policy):
    """The same at every date."""

    values: Float[Array, " n"]

    def __call__(self, seen):
        """See the class."""
        return self.values


class NetworkPolicy(Policy):
    """Instruments in their box as a small network of what is seen: low + (high − low) σ(b + v tanh(W seen + a))."""

    weights: tuple[Array, ...]
    low: tuple[float, ...] = eqx.field(static=True)
    high: tuple[float, ...] = eqx.field(static=True)

    def __call__(self, seen):
        """See the class."""
        inner, shift, outer, bias = self.weights
        hidden = jnp.tanh(inner @ jnp.atleast_1d(seen) + shift)
        share = jax.nn.sigmoid(outer @ hidden + bias)
        return jnp.asarray(self.low) + (jnp.asarray(self.high) - jnp.asarray(self.low)) * share


class Problem(eqx.Module):
    """A policy problem. A subclass declares its parameters as fields, and these methods.

    `sunk` names the parts of the response that are settled before the government acts: expectations, capital. `separate` says
    that each condition is one household's own, so that the Jacobian is diagonal. `observables` is how many numbers a
    state-contingent policy sees, 0 where nothing ever differs.
    """

    sunk: eqx.AbstractClassVar[tuple[str, ...]]
    separate: eqx.AbstractClassVar[bool]
    observables: eqx.AbstractClassVar[int]

    @abc.abstractmethod
    def box(self) -> Box:
        """Instruments and the intervals in which they are sought."""

    @abc.abstractmethod
    def draws(self, key: Key, n: int) -> PyTree:
        """Households or shocks, `n` of them (fewer where one is enough): whatever policies are compared, they meet the same."""

    @abc.abstractmethod
    def start(self, draws: PyTree) -> Response:
        """Where the search for the response begins; says its shape."""

    @abc.abstractmethod
    def conditions(self, response: Response, policy: Policy, draws: PyTree) -> Response:
        """F: zero where every household does the best it can; same names and shapes as the response."""

    @abc.abstractmethod
    def welfare(self, policy: Policy, response: Response, draws: PyTree) -> Array:
        """W, a number."""


def respond(problem: Problem, policy: Policy, draws: PyTree, settled: Response | None = None, steps: int = 30) -> Response:
    """The response to a policy, by at most `steps` of Newton's method on the conditions; its derivative is the implicit one.

    `settled` are parts of the response that are what they are: their conditions are left out.
    """
    settled = settled or {}
    start = {name: value for name, value in problem.start(draws).items() if name not in settled}
    if not start:
        return dict(settled)
    flat, unravel = jax.flatten_util.ravel_pytree(start)

    def gaps(x):
        found = problem.conditions({**unravel(x), **settled}, policy, draws)
        return jax.flatten_util.ravel_pytree({name: found[name] for name in start})[0]

    def solve(f, x):
        def step(carry):
            number, x, gap = carry
            x = x - _solved(problem.separate, lambda v: jax.jvp(f, (x,), (v,))[1], gap)
            return number + 1, x, f(x)

        def on(carry):
            return (carry[0] < steps) & (jnp.max(jnp.abs(carry[2])) > 1e-13)

        return jax.lax.while_loop(on, step, (0, x, f(x)))[1]

    x = jax.lax.custom_root(gaps, flat, solve, lambda g, y: _solved(problem.separate, g, y))
    return {**unravel(x), **settled}


def _solved(separate: bool, linear: Callable[[Array], Array], y: Array) -> Array:
    """x with linear(x) = y."""
    if separate:
        return y / linear(jnp.ones_like(y))
    return jnp.linalg.solve(jax.jacfwd(linear)(jnp.zeros_like(y)), y)


def largest_gap(problem: Problem, policy: Policy, response: Response, draws: PyTree) -> Array:
    """Largest absolute value of the conditions."""
    found: Any = problem.conditions(response, policy, draws)
    return jnp.max(jnp.stack([jnp.max(jnp.abs(value)) for value in found.values()]))
