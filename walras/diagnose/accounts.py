"""What must always add up: the economy's identities, and mass."""

import numpy as np

from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding, worst


class Accounts(Check):
    """Figures `accounts_max` (relative to the sum of flows) and `mass_error_max`."""

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        scale = flow_scale(evidence)
        gaps = [
            (float(np.max(np.abs(v))) / scale, (k, int(np.argmax(np.abs(v))))) for k, v in evidence.dates["accounts"].items()
        ]
        figures = []
        if gaps:
            value, (identity, date) = worst(gaps)
            remedy = "an equation of the economy leaks: compare its budget constraints with its prices"
            where = f"identity '{identity}', date {date}"
            figures.append(
                Finding(
                    "accounts_max",
                    "Accounts, largest gap",
                    value,
                    "of flows",
                    thresholds["accounts_max"],
                    where,
                    remedy,
                    True,
                )
            )
        error, name = worst((float(np.max(e)), name) for name, e in evidence.dates["mass_error"].items())
        figures.append(
            Finding(
                "mass_error_max",
                "Mass, largest gap from one",
                error,
                "share",
                thresholds["mass_error_max"],
                name,
                "",
                True,
            )
        )
        return figures


def flow_scale(evidence: Evidence) -> float:
    """Mean over dates of the sum of the absolute flows of all types: what identities are measured against."""
    flows = evidence.dates["public"].flows
    total = sum(np.abs(np.asarray(v)).reshape(len(v), -1).sum(axis=1) for kind in flows.values() for v in kind.values())
    return float(np.mean(total)) if np.ndim(total) else 1.0
