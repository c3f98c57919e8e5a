"""What rules make of less or other information, and what richer information would be worth.

    python benchmarks/information.py                       a quarter of an hour on one core

Each row is a solve with the preset `standard`, its rule and its path compared with those of `EulerIteration` on what the
economy's view says, over 2,000 dates of common shocks.
"""

import sys
import time

import common

common.one_core()

import walras as w  # noqa: E402
from walras.diagnose.restricted import Restricted, applies  # noqa: E402
from walras.economies import HuggettPartial, HuggettRisk, KrusellSmith  # noqa: E402
from walras.economy.information import Prices  # noqa: E402
from walras.economy.rule import ViewInformation  # noqa: E402
from walras.learners import EulerIteration, StructuralRL  # noqa: E402

NAME = "household"
COLUMNS = [
    "economy", "learner", "information", "price_percent", "standard_error", "rule_gap_mean_percent", "path_gap_percent",
    "verdict", "cpu_s", "euler_log10_mean", "rule_gap_99_percent",
]  # fmt: skip
CASES = {
    "krusell-smith srl2025": (KrusellSmith.srl2025, "household_K", ("r", "w"), "productivity and K"),
    "huggett-risk srl2025_rate": (HuggettRisk.srl2025_rate, "price_r", ("r",), "endowment and R"),
    "huggett-partial srl2025": (HuggettPartial.srl2025, "household_C", ("r",), "state of r"),
}


def main() -> None:
    """Solve, compare, write."""
    rows = []
    for economy, (calibration, series, names, view) in CASES.items():
        reference = None
        for learner, seen, what in (
            (EulerIteration(), ViewInformation(), f"view: {view}"),
            (StructuralRL(), ViewInformation(), f"view: {view}"),
            (StructuralRL(), Prices(names), f"prices: {', '.join(names)}"),
            (StructuralRL(), Prices(("r",), state=True), "prices+state: r"),
            (StructuralRL(form="recurrent"), ViewInformation(), f"remembered: {', '.join(names)}"),
        ):
            start = time.process_time()
            solution = w.solve(calibration(), {NAME: learner}, information={NAME: seen})
            seconds = time.process_time() - start
            reference = reference or solution
            gap, figure = w.compare(reference, solution), solution.certificate.figure
            mean, _, path, _ = gap.paths[series]
            # A memory of its own is no information that another rule could be given beside it.
            asked = applies(solution.evidence, NAME)
            worth, error = Restricted().worth(solution.evidence, NAME) if asked else (float("nan"), float("nan"))
            mean_gap, top_gap = gap.rules[NAME]
            found = {"price_percent": f"{worth:.4f}" if asked else "–", "standard_error": f"{error:.1g}" if asked else "–",
                     "rule_gap_mean_percent": f"{mean_gap:.3f}", "path_gap_percent": f"{100 * path / abs(mean):.2f}",
                     "verdict": solution.verdict, "cpu_s": f"{seconds:.0f}",
                     "euler_log10_mean": f"{figure('euler_log10_mean'):.2f}", "rule_gap_99_percent": f"{top_gap:.3f}"}  # fmt: skip
            rows.append([economy, type(learner).__name__, what, *(found[name] for name in COLUMNS[3:])])
            print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    about = "information by economy, preset standard; gaps against the first row of each economy; cpu_s: with compiling and certificate"
    common.write("information.csv", COLUMNS, rows, about=about)


if __name__ == "__main__":
    main()
