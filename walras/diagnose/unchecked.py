"""Rules that were learned and whose optimality no other check looks at: said, so that nothing is certified by silence."""

from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding
from walras.learners.fixed import Fixed


class Unchecked(Check):
    """Figure `unchecked_types`: how many types learned a rule that no check of optimality covers; allowed none.

    First-order conditions are looked at where a type has one stock that it accumulates, no trait, and takes prices as given.
    """

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        learned = [name for name, learner in evidence.lab.learners.items() if not isinstance(learner, Fixed)]
        left = [name for name in learned if name not in evidence.learning]
        if not left:
            return []
        what = "compare with a closed form, or retrain one type against the others"
        limit = thresholds["unchecked_types"]
        return [
            Finding(
                "unchecked_types", "Types whose rule was not judged", float(len(left)), "types", limit, ", ".join(left), what
            )
        ]
