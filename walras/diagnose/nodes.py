"""Whether the simulated economy stays where the rule was solved: aggregate nodes, and the top of the own stock."""

import numpy as np

from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding, worst


class Nodes(Check):
    """Figures `outside_nodes_percent` (share of dates) and `top_mass` (largest share at the highest node)."""

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        findings = []
        for name in evidence.learning:
            table = evidence.learner_states[name].table
            _, coordinates = evidence.dates["infos"][name]
            if not table.axes:
                continue
            known = coordinates[: len(table.logs)]  # what a rule remembers may follow
            seen = np.stack([np.log(c) if log else c for c, log in zip(known, table.logs, strict=True)], -1)
            low = np.array([float(axis.low) for axis in table.axes])
            high = np.array([float(axis.high) for axis in table.axes])
            share = 100 * float((~((seen >= low) & (seen <= high))).any(axis=1).mean())
            findings.append((share, name))
        figures = []
        if findings:
            share, name = worst(findings)
            limit = thresholds["outside_nodes_percent"]
            remedy = "longer paths, or a wider guard band of the coordinate nodes"
            figures.append(Finding("outside_nodes_percent", "Dates outside the nodes", share, "%", limit, name, remedy))
        tops = [(float(np.max(mass)), name) for name, mass in evidence.dates["top_mass"].items()]
        if tops:
            top, name = worst(tops)
            remedy = "a higher top of the histogram, or look for β(1 + r) ≥ 1"
            figures.append(Finding("top_mass", "Mass at the top node", top, "share", thresholds["top_mass"], name, remedy))
        return figures
