"""What a searcher is given and what it returns.

Points lie in the unit cube. All points of one round meet the same draws (`number` names them): what differs between two of
them is the policy alone. Without that PPO and evolution strategies miss by the sampling error of a difference.
"""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras._core.keys import stream
from walras._core.types import Key, PyTree

Watch = Callable[[int, int, np.ndarray, float], None]
"""Called with the round, the rounds in all, the best point so far and its value; may raise to stop."""


class Objective(eqx.Module):
    """What is maximised over the unit cube of `size` dimensions.

    `traced`: a pure function that can be compiled and differentiated; else each value is a computation of its own, on the host.
    """

    size: eqx.AbstractVar[int]
    traced: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def value(self, x: Float[Array, " size"], number: Any, draws: int) -> Array:
        """The value at a point, on the draws of that number (`draws` of them)."""

    @abc.abstractmethod
    def conditioned(self, low: np.ndarray, high: np.ndarray, nodes: int, draws: int) -> "Conditioned":
        """A cheap stand-in on a part of the cube, exact at `nodes` anchors in each dimension."""


class Conditioned(eqx.Module):
    """A stand-in that answers any policy of a region without solving again, and knows how far it is off."""

    @abc.abstractmethod
    def value(self, x: Float[Array, " size"]) -> Array:
        """The value at a point; can be compiled and differentiated."""

    @abc.abstractmethod
    def gap(self, x: np.ndarray) -> float:
        """How far it is off at a point: what the exact conditions, or an exact solution, say there."""


@dataclasses.dataclass(frozen=True)
class Found:
    """The point found, its value by what the searcher looked at, the path of the search, evaluations, and what to know."""

    x: np.ndarray
    value: float
    trail: np.ndarray
    values: np.ndarray
    evaluations: int
    note: str = ""


class Searcher(eqx.Module):
    """A way to search."""

    name: eqx.AbstractClassVar[str]

    @abc.abstractmethod
    def search(self, objective: Objective, key: Key, begin: np.ndarray, watch: Watch | None = None) -> Found:
        """The best point it finds, starting at `begin`."""


class Rounds(eqx.Module):
    """A searcher's inside, where it goes round by round: points out, values in. Pure functions of pytrees.

    `slopes` says whether it wants derivatives as well.
    """

    slopes: eqx.AbstractClassVar[bool]
    rounds: eqx.AbstractVar[int]
    draws: eqx.AbstractVar[int]

    @abc.abstractmethod
    def start(self, begin: Float[Array, " size"]) -> PyTree:
        """The first state."""

    @abc.abstractmethod
    def ask(self, state: PyTree, key: Key) -> Float[Array, "points size"]:
        """Points whose values it wants."""

    @abc.abstractmethod
    def tell(self, state: PyTree, points: Array, values: Array, slopes: Array | None) -> PyTree:
        """The state after it heard them."""

    @abc.abstractmethod
    def answer(self, state: PyTree) -> Float[Array, " size"]:
        """The best point it knows."""


def run(inside: Rounds, objective: Objective, key: Key, begin: np.ndarray, watch: Watch | None = None) -> Found:
    """All rounds: compiled as one program where the objective can be, else one after the other on the host."""
    first = jnp.asarray(begin, float)
    if objective.traced:
        state, points, trail, values = _compiled(inside, objective, key, first)
    else:
        state, points, trail, values = _hosted(inside, objective, key, first, watch)
    x = np.asarray(inside.answer(state))
    return Found(x, float(values[-1]), np.asarray(trail), np.asarray(values), int(points))


def _evaluated(inside: Rounds, objective: Objective, points, number):
    """Values (and slopes) at points; those outside the cube are judged by the nearest one inside."""

    def one(x):
        return objective.value(jnp.clip(x, 0.0, 1.0), number, inside.draws)

    if inside.slopes:
        return jax.vmap(jax.value_and_grad(one))(points)
    return jax.vmap(one)(points), None


@brief_jit
def _compiled(inside: Rounds, objective: Objective, key: Key, begin):
    def step(carry, number):
        state, count = carry
        points = inside.ask(state, stream(key, "ask", number))
        values, slopes = _evaluated(inside, objective, points, number)
        state = inside.tell(state, points, values, slopes)
        return (state, count + len(points)), (inside.answer(state), jnp.mean(values))

    (state, count), (trail, values) = jax.lax.scan(step, (inside.start(begin), 0), jnp.arange(inside.rounds))
    return state, count, trail, values


def _hosted(inside: Rounds, objective: Objective, key: Key, begin, watch: Watch | None):
    state, count, trail, values = inside.start(begin), 0, [], []
    for number in range(inside.rounds):
        points = inside.ask(state, stream(key, "ask", number))
        found = jnp.asarray([float(objective.value(x, number, inside.draws)) for x in np.clip(np.asarray(points), 0, 1)])
        state = inside.tell(state, points, found, None)
        count += len(points)
        trail.append(np.asarray(inside.answer(state)))
        values.append(float(jnp.mean(found)))
        if watch is not None:
            watch(number + 1, inside.rounds, trail[-1], values[-1])
    return state, count, trail, values
