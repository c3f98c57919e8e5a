"""CMA-ES (Hansen), from the library `cmaes`.

A normal distribution over the box learns its own covariance from the ranks of values on common draws. When: two or more
instruments, values only, each dear. When not: a derivative exists. Cost: about 4 + 3 log(instruments) values a round.

    @article{Hansen2016CMA, author = {Hansen, Nikolaus}, title = {The {CMA} Evolution Strategy: A Tutorial},
      journal = {arXiv:1604.00772}, year = {2016}}
"""

from typing import ClassVar

import equinox as eqx
import jax
import numpy as np

from walras.govern.searchers.grid import evaluate
from walras.govern.searchers.searcher import Found, Searcher


class CMAES(Searcher):
    """At most `rounds` generations on the same `draws`, first s.d. `spread` of the box; ends where points agree to `tolerance`."""

    name: ClassVar[str] = "cma-es"
    rounds: int = eqx.field(static=True, default=60)
    draws: int = eqx.field(static=True, default=4096)
    spread: float = eqx.field(static=True, default=0.25)
    tolerance: float = eqx.field(static=True, default=1e-4)

    def search(self, objective, key, begin, watch=None):
        """See the class."""
        from cmaes import CMA  # only those who search by it need it

        size = max(2, objective.size)  # the library has no search in one dimension: there the second one does nothing
        seed = int(np.asarray(jax.random.key_data(key)).astype(np.uint64).sum() % (2**31))
        bounds = np.tile([0.0, 1.0], (size, 1))
        mean = np.full(size, 0.5)
        mean[: objective.size] = begin
        inner = CMA(mean=mean, sigma=self.spread, bounds=bounds, seed=seed)
        best, top, trail, values, count = np.asarray(begin, float), -np.inf, [], [], 0
        for number in range(self.rounds):
            points = np.clip(np.asarray([inner.ask() for _ in range(inner.population_size)]), 0.0, 1.0)
            found = evaluate(objective, points[:, : objective.size], 0, self.draws)
            found = np.where(np.isfinite(found), found, -np.inf)
            worst = np.min(found[np.isfinite(found)], initial=0.0)
            inner.tell([(x, -float(v if np.isfinite(v) else worst)) for x, v in zip(points, found, strict=True)])
            count += len(points)
            if found.max() > top:
                best, top = points[int(found.argmax()), : objective.size], float(found.max())
            trail.append(best)
            values.append(top)
            if watch is not None:
                watch(number + 1, self.rounds, best, top)
            if inner.should_stop() or float(points[:, : objective.size].std(axis=0).max()) < self.tolerance:
                break
        return Found(best, top, np.asarray(trail), np.asarray(values), count)
