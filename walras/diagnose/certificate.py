"""The certificate: all checks, their thresholds, and the verdict.

Thresholds are the same for every learner. They change only with an *accuracy* entry in the CHANGELOG.
"""

import dataclasses

from walras._core.host import on_host
from walras._core.results import Verdict
from walras.diagnose.accounts import Accounts
from walras.diagnose.best_response import BestResponse
from walras.diagnose.clearing import Clearing
from walras.diagnose.collapse import Collapse
from walras.diagnose.den_haan import DenHaan
from walras.diagnose.determinacy import Determinate
from walras.diagnose.euler import EulerErrors
from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding
from walras.diagnose.nodes import Nodes
from walras.diagnose.rest import Rest
from walras.diagnose.restricted import Restricted
from walras.diagnose.uniqueness import Unique
from walras.diagnose.unseen import Unseen

STANDARD = {
    "euler_log10_mean": -3.0,
    "euler_log10_p99": -2.0,
    "euler_signed_mean": 3e-4,
    "euler_signed_wedge": 1e-3,
    "den_haan_mean_percent": 0.3,
    "den_haan_max_percent": 1.5,
    "clearing_max": 1e-8,
    "accounts_max": 1e-8,
    "mass_error_max": 1e-10,
    "outside_nodes_percent": 0.5,
    "top_mass": 1e-6,
    "rest_drift": 1e-4,
    "best_response_gain_percent": 0.02,
    "unseen_types": 0.0,
}


def thresholds(preset: str) -> dict[str, float]:
    """Thresholds of a preset: `precise` is ten times tighter than the others, in den Haan's figures three times."""
    if preset != "precise":
        return dict(STANDARD)
    tighter = {}
    for figure, value in STANDARD.items():
        if figure.startswith("euler_log10"):
            tighter[figure] = value - 1.0
        else:
            tighter[figure] = value / (3.0 if figure.startswith("den_haan") else 10.0)
    return tighter


CHECKS: tuple[Check, ...] = (
    EulerErrors(),
    DenHaan(),
    BestResponse(),
    Restricted(),
    Clearing(),
    Unique(),
    Determinate(),
    Accounts(),
    Nodes(),
    Rest(),
    Unseen(),
    Collapse(),
)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """All findings, the verdict and the reasons for it."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]

    def figure(self, name: str) -> float | None:
        """The value of a figure, None where it does not apply."""
        return next((f.value for f in self.findings if f.figure == name), None)


@on_host()
def certify(evidence: Evidence, preset: str, stopped: str = "", checks: tuple[Check, ...] = CHECKS) -> Certificate:
    """Run all checks. `stopped` says why the solver did not arrive, "" if it did."""
    limits = thresholds(preset)
    findings = [finding for check in checks for finding in check.run(evidence, limits)]
    failing = [f for f in findings if not f.passed]
    reasons = [describe(f) for f in failing]
    if stopped:
        reasons.insert(0, stopped)
    short = Verdict.FAILED if any(f.fatal for f in failing) else Verdict.NOT_CERTIFIED
    verdict = short if reasons else Verdict.CERTIFIED
    return Certificate(verdict, tuple(findings), tuple(reasons))


def failed(reason: str) -> Certificate:
    """The certificate of a computation that has no answer."""
    return Certificate(Verdict.FAILED, (), (reason,))


def describe(finding: Finding) -> str:
    """One failed check in a sentence: which, by how much, where, what to try."""
    text = f"{finding.meaning} is {finding.value:.3g} {finding.unit}, allowed {finding.threshold:.3g}"
    text += f" ({finding.where})" if finding.where else ""
    return text + (f"; try {finding.remedy}" if finding.remedy else "")
