"""Chance: distributions, and the Markov processes that draw from them.

One object serves simulation (`sample`) and expectation (`nodes`), so that the two can never disagree. A process of an
individual may depend on the economy's exogenous state at both ends of the step, and on the individual's outcome.
"""

import abc
import functools
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from walras._core.errors import InputError
from walras._core.module import Parameters, is_concrete
from walras._core.types import Key, PyTree
from walras.numerics import markov


class Distribution(eqx.Module):
    """Finitely many values (a pytree with a leading axis) and their probabilities, shape (n,)."""

    values: PyTree
    weights: Float[Array, " n"]

    def nodes(self) -> tuple[PyTree, Float[Array, " n"]]:
        """The values and their probabilities."""
        return self.values, self.weights

    def at(self, u: Float[Array, ""]) -> PyTree:
        """The value at the quantile u in [0, 1): inverse of the distribution function."""
        if len(self.weights) == 1:  # nothing is drawn
            return self._pick(0)
        # A count, not a binary search: distributions are short, and it compiles to nothing.
        index = jnp.sum(jnp.cumsum(self.weights) <= u)
        return self._pick(jnp.clip(index, 0, len(self.weights) - 1))

    def sample(self, key: Key) -> PyTree:
        """One draw."""
        return self.at(jax.random.uniform(key, dtype=self.weights.dtype))

    def map(self, function: Callable[[Any], PyTree]) -> "Distribution":
        """The distribution of a function of the value."""
        return Distribution(jax.vmap(function)(self.values), self.weights)

    def _pick(self, index):
        return jax.tree_util.tree_map(lambda leaf: leaf[index], self.values)


def point(value: PyTree) -> Distribution:
    """The distribution that always gives `value`."""
    return Distribution(jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf)[None], value), jnp.ones(1))


class Gaussian(eqx.Module):
    """A normal distribution; its nodes are Gauss–Hermite, its draws exact."""

    mean: Float[Array, ""]
    sd: Float[Array, ""]
    n: int = eqx.field(static=True, default=7)

    def nodes(self) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        """Gauss–Hermite nodes and probabilities (exact for polynomials up to degree 2n - 1)."""
        x, w = np.polynomial.hermite_e.hermegauss(self.n)
        return self.mean + self.sd * jnp.asarray(x), jnp.asarray(w / w.sum())

    def at(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """The value at the quantile u."""
        return self.mean + self.sd * jax.scipy.special.ndtri(u)

    def sample(self, key: Key) -> Float[Array, ""]:
        """One draw."""
        return self.mean + self.sd * jax.random.normal(key, dtype=self.mean.dtype)

    def map(self, function: Callable[[Any], PyTree]) -> "Mapped":
        """The distribution of a function of the value."""
        return Mapped(self, function)


class Mapped(eqx.Module):
    """The distribution of a function of a draw from a continuum."""

    base: Gaussian
    function: Callable[[Any], PyTree]

    def nodes(self) -> tuple[PyTree, Float[Array, " n"]]:
        """The function at the base's nodes, and their probabilities."""
        values, weights = self.base.nodes()
        return jax.vmap(self.function)(values), weights

    def at(self, u: Float[Array, ""]) -> PyTree:
        """The function of the base's value at the quantile u."""
        return self.function(self.base.at(u))

    def sample(self, key: Key) -> PyTree:
        """One draw."""
        return self.function(self.base.sample(key))


class Process(Parameters):
    """A Markov process. `exo`, `exo_next` and `outcome` are what an individual's chance may depend on."""

    @property
    @abc.abstractmethod
    def n(self) -> int | None:
        """Number of states; None for a process on a continuum."""

    @abc.abstractmethod
    def start(self, exo) -> Distribution:
        """Distribution of the first state, given the economy's exogenous state."""

    @abc.abstractmethod
    def given(self, state, exo, exo_next, outcome) -> Any:
        """Distribution of the next state."""

    @abc.abstractmethod
    def value(self, state) -> Array:
        """What the equations read at this state."""

    @abc.abstractmethod
    def chain(self, n: int) -> "Process":
        """The process on finitely many states (itself if it is one already)."""


class NoRisk(Process):
    """One state for ever."""

    @property
    def n(self) -> int:
        """One."""
        return 1

    def start(self, exo) -> Distribution:
        """State 0."""
        return point(jnp.asarray(0))

    def given(self, state, exo, exo_next, outcome) -> Distribution:
        """State 0."""
        return point(jnp.asarray(0))

    def value(self, state) -> Array:
        """One."""
        return jnp.ones(())

    def chain(self, n: int) -> "NoRisk":
        """Itself."""
        return self


class Chain(Process):
    """A finite chain: `values` of shape (n,) or (n, numbers), row-stochastic `transition` of shape (n, n).

    `names` of the numbers, where there are several.

    Raises:
        InputError: if a row of the transition matrix does not sum to one.
    """

    values: Array
    transition: Array
    names: tuple[str, ...] = eqx.field(static=True, default=())

    def __check_init__(self):
        if is_concrete(self.transition):
            markov.check_transition(np.asarray(self.transition), type(self).__name__)

    @property
    def n(self) -> int:
        """Number of states."""
        return self.values.shape[0]

    def start(self, exo) -> Distribution:
        """The stationary distribution (by repeated squaring of the transition matrix, so that it differentiates)."""
        power = self.transition
        for _ in range(30):
            power = power @ power
            power = power / power.sum(axis=1, keepdims=True)
        return Distribution(jnp.arange(self.n), power.mean(axis=0))

    def given(self, state, exo, exo_next, outcome) -> Distribution:
        """The row of the present state."""
        return Distribution(jnp.arange(self.n), self.transition[state])

    def value(self, state) -> Array:
        """The value of the state."""
        return self.values[state]

    def chain(self, n: int) -> "Chain":
        """Itself."""
        return self


class ConditionalChain(Process):
    """A chain whose transition depends on the economy's exogenous state now and next.

    `values` (n,), `transition` (exo, exo_next, n, n), `initial` (exo, n): the distribution at each exogenous state from
    which a cross-section starts.

    Raises:
        InputError: if a row of a transition matrix does not sum to one.
    """

    values: Array
    transition: Array
    initial: Array

    def __check_init__(self):
        if is_concrete(self.transition):
            markov.check_transition(np.asarray(self.transition), type(self).__name__)

    @property
    def n(self) -> int:
        """Number of states."""
        return self.values.shape[0]

    def start(self, exo) -> Distribution:
        """The initial distribution at the exogenous state."""
        return Distribution(jnp.arange(self.n), self.initial[exo])

    def given(self, state, exo, exo_next, outcome) -> Distribution:
        """The row of the present state, of the matrix of this change of the exogenous state."""
        return Distribution(jnp.arange(self.n), self.transition[exo, exo_next, state])

    def value(self, state) -> Array:
        """The value of the state."""
        return self.values[state]

    def chain(self, n: int) -> "ConditionalChain":
        """Itself."""
        return self


class LogAR1(Process):
    """log x' = persistence · log x + innovation_sd · ε on a continuum; the state is log x, the value x times `scale`.

    `scale` is 1 for productivity, `exp(-sd²/2)` with the unconditional sd for an income of mean one.
    """

    persistence: Array
    innovation_sd: Array
    scale: Array
    nodes: int = eqx.field(static=True, default=7)

    @property
    def n(self) -> None:
        """None: a continuum."""
        return None

    @property
    def unconditional_sd(self) -> Array:
        """Unconditional standard deviation of log x."""
        return self.innovation_sd / jnp.sqrt(1 - self.persistence**2)

    def start(self, exo) -> Gaussian:
        """The stationary distribution."""
        return Gaussian(jnp.zeros(()), self.unconditional_sd, self.nodes)

    def given(self, state, exo, exo_next, outcome) -> Gaussian:
        """Normal around persistence · state."""
        return Gaussian(self.persistence * state, self.innovation_sd, self.nodes)

    def value(self, state) -> Array:
        """scale · exp(state)."""
        return self.scale * jnp.exp(state)

    def chain(self, n: int) -> Chain:
        """Rouwenhorst's chain with the same persistence and unconditional s.d.; mean exactly one if the scale asks."""
        scale, sd = float(self.scale), float(self.unconditional_sd)
        normalise = abs(scale - math.exp(-0.5 * sd**2)) < 1e-12 and scale != 1.0
        levels = log_chain(n, float(self.persistence), sd, normalise=normalise)
        return levels if normalise else Chain(scale * levels.values, levels.transition)


class SquareRoot(Process):
    """x' = (1 − persistence) mean + persistence x + innovation_sd √max(x, 0) ε on a continuum; state and value are x."""

    mean: Array
    persistence: Array
    innovation_sd: Array
    nodes: int = eqx.field(static=True, default=7)

    @property
    def n(self) -> None:
        """None: a continuum."""
        return None

    def start(self, exo) -> Distribution:
        """The mean."""
        return point(self.mean)

    def given(self, state, exo, exo_next, outcome) -> Gaussian:
        """Normal, its variance proportional to the state."""
        sd = self.innovation_sd * jnp.sqrt(jnp.maximum(state, 0.0))
        return Gaussian((1 - self.persistence) * self.mean + self.persistence * state, sd, self.nodes)

    def value(self, state) -> Array:
        """The state."""
        return state

    def chain(self, n: int) -> Chain:
        """`n` nodes, evenly spaced in logs over 99 % of the gamma distribution of the same mean and variance, with the
        conditional means and variances of the process (`markov.moment_matched`)."""
        import scipy.stats  # slow to import, and needed only here

        mean, rho, nu = (float(x) for x in (self.mean, self.persistence, self.innovation_sd))
        shape = mean * (1 - rho**2) / nu**2
        low, high = scipy.stats.gamma(shape, scale=mean / shape).ppf([0.005, 0.995])
        nodes = np.exp(np.linspace(np.log(low), np.log(high), n))
        return Chain(nodes, markov.moment_matched(nodes, (1 - rho) * mean + rho * nodes, nu * np.sqrt(nodes)))


def log_chain(n: int, persistence: float, sd: float, *, normalise: bool) -> Chain:
    """Rouwenhorst's chain of a log AR(1) with *unconditional* s.d. `sd`; values in levels, of mean one if `normalise`.

    Raises:
        InputError: see `walras.numerics.markov.rouwenhorst`.
    """
    nodes, transition = markov.rouwenhorst(n, persistence, sd)
    values = np.exp(nodes)
    if normalise:
        values = values / (markov.stationary(transition) @ values)
    return Chain(values, transition)


def joint(*chains: Chain, names: tuple[str, ...] = ()) -> Chain:
    """Independent chains as one: the value is the vector of theirs, shape (n, chains); the last one moves fastest.

    `names` are those of the chains, for labels and shocks; 0, 1, … where none are given.
    """
    if names and len(names) != len(chains):
        raise InputError("every chain needs a name, or none", where="joint", number=f"{len(names)} names, {len(chains)} chains")
    values = np.stack(np.meshgrid(*(np.asarray(c.values) for c in chains), indexing="ij"), -1).reshape(-1, len(chains))
    transition = functools.reduce(np.kron, [np.asarray(c.transition) for c in chains])
    return Chain(values, transition, names)


def transition_matrix(process: Process, exo, exo_next, outcome) -> Float[Array, "n n"]:
    """The matrix of a finite process, read off `given`, so that no economy ever writes one twice."""
    states = jnp.arange(process.n)
    return jax.vmap(lambda state: process.given(state, exo, exo_next, outcome).weights)(states)


def simulate_chain(process: Process, start: Int[Array, ""], periods: int, key: Key) -> Int[Array, " periods"]:
    """A path of an exogenous process, its first element the state after `start`."""

    def step(state, u_key):
        state = process.given(state, None, None, None).sample(u_key)
        return state, state

    return jax.lax.scan(step, start, jax.random.split(key, periods))[1]
