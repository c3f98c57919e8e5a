"""How reliable repeated runs are, apart from how accurate one of them is: training seeds, or long rollouts.

@techreport{lee2026capable, title={Capable but Unreliable: Canonical Path Deviation as a Causal Mechanism of Agent
  Failure in Long-Horizon Tasks}, author={Lee, W Y}, institution={arXiv 2602.19008}, year={2026}}
"""

import dataclasses

import numpy as np
import scipy.special

from walras._core.errors import InputError


def pass_all(successes: int, runs: int, k: int) -> float:
    """Unbiased estimate of the chance that k further runs would all succeed, from how many of `runs` did.

    C(successes, k)/C(runs, k): the share of all subsets of k runs in which every one succeeded. The k-th power of the
    success share would be too high.

    Raises:
        InputError: if k is not between 1 and the number of runs, or there are more successes than runs.
    """
    if not (1 <= k <= runs and 0 <= successes <= runs):
        raise InputError(
            f"{successes} successes in {runs} runs say nothing of {k} that all succeed",
            where="pass_all",
            remedy="Make at least k runs.",
        )
    return float(scipy.special.comb(successes, k, exact=True) / scipy.special.comb(runs, k, exact=True))


@dataclasses.dataclass(frozen=True)
class RestartBottom:
    """Start the worst runs again: at the share `at` of its length, the `fraction` with the lowest score.

    A score is whatever can be seen half-way and foretells success, such as minus the distance from a reference path (a
    steady state, a linear solution, the median of all runs). It pays only if the score is related to success.

    Raises:
        InputError: if `fraction` or `at` is not between 0 and 1.
    """

    fraction: float
    at: float

    def __post_init__(self):
        for name, value in (("fraction", self.fraction), ("at", self.at)):
            if not 0 < value < 1:
                raise InputError(f"{name} is a share between 0 and 1", where="RestartBottom", number=value)

    def due(self, done: int, total: int) -> bool:
        """Whether the step `done` of `total` is the first at or beyond `at`."""
        return done - 1 < self.at * total <= done

    def chosen(self, scores: np.ndarray) -> np.ndarray:
        """Which runs to start again: as many as the fraction gives, rounded down; those without a score come first."""
        scores = np.where(np.isnan(scores), -np.inf, scores)
        chosen = np.zeros(len(scores), bool)
        chosen[np.argsort(scores, kind="stable")[: int(self.fraction * len(scores) + 1e-9)]] = True
        return chosen

    def gain(self, scores: np.ndarray, success: np.ndarray) -> float:
        """By how much the success share would rise: restarted runs succeed like all runs, no longer like the worst ones.

        fraction × (success share of all − success share of those chosen), from runs that were not restarted.
        """
        chosen = self.chosen(scores)
        if not chosen.any():
            return 0.0
        return float(chosen.mean() * (np.mean(success) - np.mean(np.asarray(success)[chosen])))
