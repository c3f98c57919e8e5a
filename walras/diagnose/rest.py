"""Whether an economy without aggregate risk stands still, as a stationary equilibrium must.

Rules of such an economy know nothing but their own state: they are solved for prices that never move. A cross-section that is
not the one that rests under them, or prices other than those they were solved for, set stocks and prices in motion.
"""

import jax
import numpy as np

from walras.diagnose.accounts import flow_scale
from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding, worst


class Rest(Check):
    """Figure `rest_drift`: how far any stock or price moves in the fresh simulation, relative to its size.

    Stocks that are smaller than the flows are measured by the flows, prices below one by one (a rate in its own units).
    Absent where there is aggregate risk.
    """

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        if not evidence.lab.stationary:
            return []
        public = evidence.dates["public"]
        found = []
        for kind, values, least in (("stock", public.stocks, flow_scale(evidence)), ("price", public.prices, 1.0)):
            for path, leaf in jax.tree_util.tree_leaves_with_path(values):
                series = np.asarray(leaf, float).reshape(len(leaf), -1)
                size = np.maximum(np.abs(series).mean(axis=0), least)
                drift = float(np.max(np.ptp(series, axis=0) / size, initial=0.0))
                found.append((drift, f"{kind} {jax.tree_util.keystr(path, simple=True, separator='.')}"))
        if not found:
            return []
        drift, where = worst(found)
        remedy = "the cross-section does not rest at these prices: a longer search (preset precise), or another learner"
        return [
            Finding(
                "rest_drift",
                "Rest, largest drift of a stock or price",
                drift,
                "relative",
                thresholds["rest_drift"],
                where,
                remedy,
            )
        ]
