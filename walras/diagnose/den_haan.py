"""Den Haan's dynamic forecast error of the law that agents believe.

The law is iterated on its own forecasts along the shock path of the fresh simulation, never put right by what came about,
and compared with what came about. An R² of .9999 can hide a law whose capital is twice as volatile as the truth.

    @article{denhaan2010assessing, title={Assessing the accuracy of the aggregate law of motion in models with heterogeneous
      agents}, author={Den Haan, Wouter J}, journal={Journal of Economic Dynamics and Control}, volume={34}, number={1},
      pages={79--99}, year={2010}}
"""

import jax
import jax.numpy as jnp
import numpy as np

from walras._core.compiling import brief_jit
from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding, worst


class DenHaan(Check):
    """Figures `den_haan_mean_percent` and `den_haan_max_percent`: each of the type and coordinate where it is largest."""

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        found = []
        for name in evidence.learning:
            logs = evidence.law(name)[0].shape.logs
            for number, (actual, forecast) in enumerate(dynamic_forecast(evidence, name)):
                positive = logs[number] and (actual > 0).all() and (forecast > 0).all()
                # A number in levels, a net rate say, may pass through zero: percentage points, or per cent of a large mean.
                far = 100 * np.abs(forecast - actual) / max(1.0, float(np.abs(actual).mean()))
                gap = 100 * np.abs(np.log(forecast / actual)) if positive else far
                where = f"{name}, coordinate {number}, date {int(np.argmax(gap))}"
                found.append((float(gap.mean()), float(gap.max()), where))
        if not found:
            return []
        mean, where_mean = worst((mean, where) for mean, _, where in found)
        largest, where = worst((most, where) for _, most, where in found)
        remedy = "a law of higher degree (learner law_degree, preset precise)"
        limit_mean, limit_max = thresholds["den_haan_mean_percent"], thresholds["den_haan_max_percent"]
        return [
            Finding(
                "den_haan_mean_percent",
                "Law of motion, dynamic forecast error, mean",
                mean,
                "%",
                limit_mean,
                where_mean,
                remedy,
            ),
            Finding(
                "den_haan_max_percent",
                "Law of motion, dynamic forecast error, largest",
                largest,
                "%",
                limit_max,
                where,
                remedy,
            ),
        ]


def dynamic_forecast(evidence: Evidence, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each coordinate of a type: what came about and what the law forecast from the first date on."""
    belief, (index, coordinates) = evidence.law(name)
    coordinates = coordinates[: len(belief.shape.logs)]  # what a rule remembers may follow
    if not coordinates:
        return []
    forecast = _iterate(belief, index, coordinates)
    return [(np.asarray(c), np.asarray(f)) for c, f in zip(coordinates, forecast, strict=True)]


@brief_jit
def _iterate(belief, index, coordinates):
    """The law on its own forecasts, from the first date's coordinates."""

    def step(at, pair):
        i, j = pair
        return belief.step(i, at, j), at

    start = belief.transform(tuple(c[0] for c in coordinates))
    last, seen = jax.lax.scan(step, start, (index[:-1], index[1:]))
    return belief.raw(jnp.concatenate([seen, last[None]]))
