"""Where runs that differ only by their random numbers end: kinds of ends, and how sure one may be that they are kinds.

An economy of many learners may have many equilibria. One row of numbers describes the end of one seed; rows are put into groups by
Ward's method on standardised columns, as many groups as the mean silhouette likes best; below `STRUCTURE` there is one kind only.
A group is stable if it is found again when seeds are drawn with replacement: the mean over draws of the largest Jaccard similarity of
the group and any group of the draw, none where nobody of the group was drawn (below .6 it should not be believed, from .75 on it is a
valid pattern: Hennig 2007). So one seed alone is no pattern: it is missing from a third of the draws.

    @article{hennig2007cluster, title={Cluster-wise assessment of cluster stability}, author={Hennig, Christian},
      journal={Computational Statistics \\& Data Analysis}, volume={52}, number={1}, pages={258--271}, year={2007}}
    @article{rousseeuw1987silhouettes, title={Silhouettes: a graphical aid to the interpretation and validation of cluster
      analysis}, author={Rousseeuw, Peter J}, journal={Journal of Computational and Applied Mathematics}, volume={20},
      pages={53--65}, year={1987}}
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform

from walras._core.errors import InputError

STRUCTURE = 0.5
"""Smallest mean silhouette of more than one kind (Kaufman and Rousseeuw 1990: a reasonable structure)."""
FEWEST = 6
"""Fewest seeds of which kinds can be told."""


@dataclasses.dataclass(frozen=True)
class Kinds:
    """Kinds of ends: `labels` (seeds,) from 0, the largest kind first; `silhouette`, the mean over seeds (nan for one kind);
    `stability` (kinds,), the mean Jaccard similarity to what resampled seeds show (nan for one kind)."""

    labels: Int[np.ndarray, " seeds"]
    silhouette: float
    stability: Float[np.ndarray, " kinds"]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.stability)


def kinds_of(ends: Float[np.ndarray, "seeds numbers"], *, most: int = 5, draws: int = 200, seed: int = 0) -> Kinds:
    """Kinds of ends.

    Args:
        ends: a row of numbers by seed, in any units; a column that does not vary counts for nothing.
        most: most kinds.
        draws: resamples that the stability is measured by.

    Raises:
        InputError: for fewer than six seeds, numbers that are not finite, or fewer than two kinds asked for.
    """
    if most < 2:
        raise InputError(f"at most {most} kinds", where="kinds of ends", remedy="Ask for two or more.")
    ends = np.asarray(ends, float)
    if len(ends) < FEWEST or not np.all(np.isfinite(ends)):
        bad = int((~np.isfinite(ends)).any(axis=1).sum())
        what = f"{len(ends)} seeds" if len(ends) < FEWEST else f"{bad} seeds with numbers that are not finite"
        raise InputError(what, where="kinds of ends", remedy=f"Give {FEWEST} or more runs that ended well.")
    spread = ends.std(axis=0)
    varies = spread > 1e-9 * np.maximum(np.abs(ends).max(axis=0), 1e-300)
    points = (ends[:, varies] - ends[:, varies].mean(axis=0)) / spread[varies]
    one = Kinds(np.zeros(len(ends), int), float("nan"), np.full(1, np.nan))
    if not varies.any():
        return one
    found = {count: _groups(points, count) for count in range(2, min(most, len(ends) - 1) + 1)}
    scores = {count: silhouette(points, labels) for count, labels in found.items()}
    best = max(scores, key=lambda count: scores[count])
    if scores[best] < STRUCTURE:
        return one
    order = np.argsort(-np.bincount(found[best]), kind="stable")
    labels = np.argsort(order)[found[best]]
    return Kinds(labels, scores[best], _stability(points, labels, draws, np.random.default_rng(seed)))


def silhouette(points: Float[np.ndarray, "seeds numbers"], labels: Int[np.ndarray, " seeds"]) -> float:
    """Mean over seeds of (b − a)/max(a, b): mean distances a to one's own group, b to the nearest other one; 0 for who is alone."""
    apart, groups = squareform(pdist(points)), np.unique(labels)
    sizes = np.array([(labels == g).sum() for g in groups])
    sums = np.stack([apart[:, labels == g].sum(axis=1) for g in groups], axis=1)
    own = np.searchsorted(groups, labels)
    rows = np.arange(len(labels))
    mine = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    others = sums / sizes
    others[rows, own] = np.inf
    nearest = others.min(axis=1)
    scores = (nearest - mine) / np.maximum(np.maximum(nearest, mine), 1e-300)
    return float(np.where(sizes[own] > 1, scores, 0.0).mean())


def _groups(points, count: int) -> np.ndarray:
    """Labels 0 … of at most so many groups."""
    labels = fcluster(linkage(points, "ward"), count, "maxclust")
    return np.unique(labels, return_inverse=True)[1]


def _stability(points, labels, draws: int, random: np.random.Generator) -> np.ndarray:
    count = int(labels.max()) + 1
    found = np.zeros((draws, count))
    for draw in range(draws):
        chosen = np.unique(random.integers(len(points), size=len(points)))  # a seed drawn twice is no evidence of a group
        again = _groups(points[chosen], count) if len(chosen) > count else np.arange(len(chosen))
        for g in range(count):
            mine = labels[chosen] == g
            if mine.any():
                found[draw, g] = max((mine & (again == h)).sum() / (mine | (again == h)).sum() for h in np.unique(again))
    return found.mean(axis=0)
