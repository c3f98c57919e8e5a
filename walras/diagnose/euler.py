"""Euler errors off the nodes, along a fresh path, with the prices that really follow.

In consumption units, weighted by mass and date: mean and 99 % quantile of log10 of the absolute error, the largest, and
the signed mean, because a systematic error of a tenth of a per cent moves the long run by more than a per cent while
every absolute measure looks fine; the latter also as the wedge on the return (or the discount factor) that would make it
right, which is what moves the long run: where people are averse to risk a small error of consumption is a large wedge.

    @article{judd1992projection, title={Projection methods for solving aggregate growth models}, author={Judd, Kenneth L},
      journal={Journal of Economic Theory}, volume={58}, number={2}, pages={410--452}, year={1992}}
"""

import jax
import numpy as np

from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding, worst


class EulerErrors(Check):
    """Figures `euler_log10_mean`, `euler_log10_p99`, `euler_log10_max`, `euler_signed_mean`, `euler_signed_wedge`: each of the type where it is
    largest. Of every type that learned, and of given rules that can be looked at."""

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        found = [self._of(evidence, name, thresholds) for name in evidence.samples]
        # Figure by figure: the type with the largest mean need not be the one with the largest signed mean.
        return [worst((figure.value, figure) for figure in same)[1] for same in zip(*found, strict=True)]

    def _of(self, evidence: Evidence, name: str, thresholds) -> list[Finding]:
        sample = evidence.samples[name]
        error, weight = sample["error"], sample["weight"] / sample["weight"].sum()
        size = np.abs(error)
        # A perfect node would be log10 of zero; one at rounding is good enough.
        logs = np.log10(np.maximum(size, 1e-16))
        counted = ~(weight <= 1e-9 * weight.max())
        logs_99 = weighted_quantile(logs[counted], weight[counted], 0.99)
        date, node = np.unravel_index(np.argmax(np.where(counted, size, -1.0)), size.shape)
        own = jax.tree_util.tree_map(lambda leaf: leaf[date, node], sample["own"])
        state = ", ".join(f"{k} = {np.asarray(v):.4g}" for k, v in vars(own).items() if v is not None)
        where = f"{name}, date {date * evidence.stride}, {state}"
        mean, signed = float(np.sum(logs * weight)), float(np.sum(error * weight))
        # Nobody at a node: whatever the curvature is there, it counts for nothing.
        wedge = float(np.sum(np.where(weight > 0, error * sample["curvature"], 0.0) * weight))
        largest = float(size[date, node])
        few, biased = (
            "more nodes of the own stock (preset precise), or more rounds",
            "a systematic error: more nodes, or a law of higher degree",
        )
        much, more = "little" if signed > 0 else "much", "less" if wedge < 0 else "more"
        told = {
            "euler_log10_mean": ("Euler error, log10, mean", mean, "log10", name, few),
            "euler_log10_p99": ("Euler error, log10, 99 %", logs_99, "log10", name, few),
            "euler_log10_max": ("Euler error, log10, largest", float(np.log10(max(largest, 1e-16))), "log10", where, ""),
            "euler_signed_mean": (
                "Euler error, signed mean", abs(signed), "share of consumption", f"{name} consumes too {much} on average", biased
            ),
            "euler_signed_wedge": (
                "Euler error, signed mean, as a wedge on the return", abs(wedge), "share of the return", f"{name} acts as if it got {more}", biased
            ),
        }  # fmt: skip
        return [
            Finding(figure, meaning, value, unit, thresholds.get(figure), place, remedy)
            for figure, (meaning, value, unit, place, remedy) in told.items()
        ]


def weighted_quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The value below which `share` of the weight lies."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulative, share * cumulative[-1])])
