"""Types at whose rule no check can look: no answer that nobody looked at is called an equilibrium."""

from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding


class Unseen(Check):
    """Figure `unseen_types`: types that no check looks at. Institutions, which do what they do by themselves, do not count."""

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        if not evidence.unseen:
            return []
        remedy = "a population and a learner that the certificate knows, or judge the rule with `exploit` or `compare`"
        return [
            Finding(
                "unseen_types", "Types whose rule no check looks at", float(len(evidence.unseen)), "types", thresholds["unseen_types"],
                ", ".join(evidence.unseen), remedy,
            )
        ]  # fmt: skip
