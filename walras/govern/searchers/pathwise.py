"""Pathwise gradient through policy-conditioned answers: solve at anchors once, learn how the answer depends on the policy,
climb, look how far it is off where the climb ended, shrink the region, again.

The policy-conditioned answer is a Chebyshev interpolant in the policy through exact solutions at its nodes, so a gradient
through it contains how households adapt. It is kept honest three ways: a climb counts only if the exact conditions hold to
`tolerance` where it ends (else the region halves around the point: a trust region), the anchors are exact, and the planner
solves again from scratch at the end. When: a solution is dear, at most three instruments. When not: more instruments. Cost:
nodes^instruments solutions for each region.
"""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError
from walras.govern.searchers.gradient import Ascent
from walras.govern.searchers.searcher import Conditioned, Found, Objective, Searcher, Watch, run


class Pathwise(Searcher):
    """`nodes` anchors in each dimension, `rounds` steps in each of at most `regions` regions, `draws` common to all."""

    name: ClassVar[str] = "pathwise"
    nodes: int = eqx.field(static=True, default=9)
    rounds: int = eqx.field(static=True, default=300)
    regions: int = eqx.field(static=True, default=5)
    draws: int = eqx.field(static=True, default=4096)
    step: float = eqx.field(static=True, default=0.05)
    tolerance: float = eqx.field(static=True, default=1e-5)

    def search(self, objective, key, begin, watch=None):
        """See the class.

        Raises:
            InputError: for more than three instruments.
        """
        climb = lambda standing, x: run(Ascent(self.rounds, 1, self.step), standing, key, x)  # noqa: E731
        sizes = (self.nodes, self.draws, self.regions, self.tolerance)
        return in_regions(objective, climb, np.asarray(begin, float), sizes, watch)


class Bounded(Objective):
    """A stand-in on its region; outside, the nearest point's value."""

    traced: ClassVar[bool] = True
    inner: Conditioned
    low: Array
    high: Array

    @property
    def size(self):
        """Instruments."""
        return len(self.low)

    def value(self, x, number, draws):
        """The stand-in's, at the point or the nearest one of the region."""
        return self.inner.value(jnp.clip(x, self.low, self.high))

    def conditioned(self, low, high, nodes, draws):
        """It is one."""
        return self.inner


def in_regions(
    objective: Objective,
    search: Callable[[Objective, np.ndarray], Found],
    x: np.ndarray,
    sizes: tuple[int, int, int, float],
    watch: Watch | None = None,
) -> Found:
    """Search a policy-conditioned stand-in of the objective, region after region, until it is exact where the search ends.

    `sizes`: anchors in each dimension, draws, most regions, largest gap.

    Raises:
        InputError: for more than three instruments.
    """
    nodes, draws, regions, tolerance = sizes
    if objective.size > 3:
        remedy = "Use implicit, es or ppo on a problem, cma-es on an economy."
        raise InputError("anchors in so many dimensions are too many", number=objective.size, remedy=remedy)
    low, high = np.zeros(objective.size), np.ones(objective.size)
    trail, values, count, gap = [], [], 0, np.inf
    for number in range(regions):
        answer = objective.conditioned(low, high, nodes, draws)
        count += nodes**objective.size
        found = search(Bounded(answer, jnp.asarray(low), jnp.asarray(high)), np.clip(x, low, high))
        x = np.clip(found.x, low, high)
        trail.append(np.clip(found.trail, low, high))
        values.append(found.values)
        gap = answer.gap(x)
        if watch is not None:
            watch(number + 1, regions, x, float(found.values[-1]))
        edge = bool(np.any(((x - low < 1e-6) & (low > 0)) | ((high - x < 1e-6) & (high < 1))))
        if gap <= tolerance and not edge:
            break
        # An end of the region that is no end of the box: the region moves. Answers that are off: it shrinks as well.
        radius = (0.5 if edge and gap <= tolerance else 0.25) * (high - low)
        low, high = np.maximum(x - radius, 0.0), np.minimum(x + radius, 1.0)
    off = "" if gap <= tolerance else f"the policy-conditioned answer is still off by {gap:.2g} where the search ended"
    return Found(x, float(values[-1][-1]), np.concatenate(trail), np.concatenate(values), count, off)
