"""Whether people who should differ are all alike: the mark of a rule that is stuck at a bound."""

import numpy as np

from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding, worst
from walras.economy import period as periods
from walras.economy.foc import stock_field

ALL = 99.9
"""Per cent of people with one stock from which on they are called identical."""


class Collapse(Check):
    """Figure `identical_percent`: the largest share of a type with uncertain incomes whose people all hold one stock.

    Reported, without a threshold: households may be right to live from hand to mouth. Where all do, it says so by name.
    """

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        found = []
        for name, sample in evidence.samples.items():
            agent = periods.agents(evidence.lab.economy)[name]
            if agent.risk.n in (None, 1):
                continue
            stock, weight = np.asarray(getattr(sample["own"], stock_field(agent))), np.asarray(sample["weight"])
            if not np.isfinite(stock).all() or not np.isfinite(weight).all():
                continue  # other checks say so
            _, place = np.unique(stock[-1], return_inverse=True)
            share = 100 * float(np.bincount(place, weight[-1]).max())
            limit = 100 * float(np.sum(weight[-1] * sample["binding"][-1]))
            what = f"{name}: {limit:.3g} % are at the limit of the next stock"
            found.append((share, f"all alike, {what}" if share >= ALL else what))
        if not found:
            return []
        share, where = worst(found)
        return [Finding("identical_percent", "People who hold the same stock, largest share", share, "%", None, where)]
