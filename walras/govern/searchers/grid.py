"""Exhaustive grid: every node of the box, then the cells around the best one, finer and finer.

When: one or two instruments; what all other searchers are judged by. When not: more, or when a value is dear.
Cost: nodes^instruments, then 5^instruments for each refinement (each shrinks the cell fourfold).
"""

import itertools
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.compiling import brief_jit
from walras._core.errors import InputError
from walras.govern.searchers.searcher import Found, Objective, Searcher

MOST = 50_000
"""Most points of a first grid."""


class Grid(Searcher):
    """`nodes` in each dimension, then `zooms` refinements; all on the same `draws`."""

    name: ClassVar[str] = "grid"
    nodes: int = eqx.field(static=True, default=41)
    zooms: int = eqx.field(static=True, default=8)
    draws: int = eqx.field(static=True, default=4096)

    def search(self, objective, key, begin, watch=None):
        """See the class.

        Raises:
            InputError: where the first grid has more points than anybody would wait for.
        """
        if self.nodes**objective.size > MOST:
            remedy = "Use a searcher that follows a gradient, or CMA-ES."
            raise InputError(
                "a grid over so many instruments has too many points", number=self.nodes**objective.size, remedy=remedy
            )
        low, high = np.zeros(objective.size), np.ones(objective.size)
        best, value, trail, values, count = np.asarray(begin), -np.inf, [], [], 0
        for number in range(1 + self.zooms):
            axes = [np.linspace(a, b, self.nodes if number == 0 else 5) for a, b in zip(low, high, strict=True)]
            points = np.asarray(list(itertools.product(*axes)))
            found = evaluate(objective, points, 0, self.draws)
            count += len(points)
            at = int(np.nanargmax(found))
            best, value = points[at], float(found[at])
            trail.append(best)
            values.append(value)
            step = np.asarray([axis[1] - axis[0] for axis in axes])
            low, high = np.maximum(best - step, 0.0), np.minimum(best + step, 1.0)
            if watch is not None:
                watch(number + 1, 1 + self.zooms, best, value)
        return Found(best, value, np.asarray(trail), np.asarray(values), count)


def evaluate(objective: Objective, points: np.ndarray, number: int, draws: int) -> np.ndarray:
    """Values at many points on common draws."""
    if objective.traced:
        return np.asarray(_values(objective, jnp.asarray(points), number, draws))
    return np.asarray([float(objective.value(x, number, draws)) for x in points])


@brief_jit
def _values(objective: Objective, points, number, draws: int):
    return jax.lax.map(lambda x: objective.value(x, number, draws), points, batch_size=64)
