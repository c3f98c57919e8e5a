"""What a check says: a number with its unit, its threshold, where it is worst, and what to try."""

import abc
import dataclasses
from collections.abc import Iterable
from typing import TypeVar

import equinox as eqx
import numpy as np

from walras.diagnose.evidence import Evidence

T = TypeVar("T")


def worst(found: Iterable[tuple[float, T]]) -> tuple[float, T]:
    """The pair with the largest number; one that is no number is worse than any.

    `max` would pass over it: every comparison with it is false.
    """
    return max(found, key=lambda pair: (bool(np.isnan(pair[0])), pair[0]))


@dataclasses.dataclass(frozen=True)
class Finding:
    """One figure of a certificate.

    `figure` is its name in `summary.json`, `threshold` what it must not exceed (None: reported only), `lower` a bound on
    the other side; `fatal` figures make the verdict `failed`; `by_type` the value of each agent type, where it has one.
    """

    figure: str
    meaning: str
    value: float
    unit: str
    threshold: float | None = None
    where: str = ""
    remedy: str = ""
    fatal: bool = False
    by_type: dict[str, float] | None = None

    @property
    def passed(self) -> bool:
        """Whether the value is within its threshold; a value that is no number never is."""
        return self.threshold is None or bool(self.value <= self.threshold)


class Check(eqx.Module):
    """One check. Thresholds are given by name of the figure."""

    @abc.abstractmethod
    def run(self, evidence: Evidence, thresholds: dict[str, float]) -> list[Finding]:
        """The figures that this check can give for this evidence; none where it does not apply."""
