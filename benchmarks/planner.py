"""Every searcher on every policy problem whose optimum is known: largest error over five seeds, processor seconds after compiling.

python benchmarks/planner.py                           four minutes on one core
"""

import statistics
import sys
import time

import common

common.one_core()


from walras.govern.plan import plan  # noqa: E402
from walras.govern.regimes import Commitment, Discretion, Regime  # noqa: E402
from walras.govern.searchers import CMAES, PPO, AnnealedES, Grid, Implicit, Pathwise  # noqa: E402
from walras.govern.welfare import Rawlsian  # noqa: E402
from walras.testing import optima  # noqa: E402

SEARCHERS = {
    "pathwise": Pathwise(),
    "implicit": Implicit(),
    "grid": Grid(),
    "cma-es": CMAES(),
    "ppo": PPO(),
    "es": AnnealedES(),
}
RATES = {
    "T1 linear tax, log welfare": optima.IncomeTax(),
    "T1 linear tax, Rawls": optima.IncomeTax(criterion=Rawlsian(), idle=True),
    "T2 top rate": optima.TopRate(),
    "T3 progressive tax": optima.ProgressiveTax(),
    "T4 random-walk wages": optima.RandomWalkWages(),
    "T4 the same, budget balanced": optima.RandomWalkWages(balanced=True),
    "T5 public capital": optima.PublicCapital(),
    "T6 carbon": optima.CarbonTax(),
    "T7 carbon, 1.5 %": optima.CarbonTax.ghkt(0.015),
    "T7 carbon, .1 %": optima.CarbonTax.ghkt(0.001),
    "T8 old age, less risk": optima.RiskyOldAge(),
    "T8 old age, more risk": optima.RiskyOldAge(theta=0.3, sd=1.5),
    "T10 no reason to tax": optima.LabourAndCapital(),
}
TRUST: dict[str, tuple[Regime, str]] = {
    "T9 commitment": (Commitment(), "commitment"),
    "T9 discretion": (Discretion(), "discretion"),
}
SEEDS = 5


def errors(problem, searcher, regime: Regime, best: dict[str, float], relative: bool) -> tuple[float, float]:
    """Largest error over seeds, median processor seconds of those after the first."""
    worst, seconds = 0.0, []
    for seed in range(SEEDS):
        start = time.process_time()
        found = plan(problem, searcher, regime=regime, key=seed)
        seconds.append(time.process_time() - start)
        for name, value in found.values.items():
            worst = max(worst, abs(value - best[name]) / (abs(best[name]) if relative else 1.0))
    return worst, statistics.median(seconds[1:])


def main() -> None:
    """Search and write."""
    rows = []
    cases = [(name, problem, Commitment(), problem.optimum(), name[:2] in ("T6", "T7")) for name, problem in RATES.items()]
    trust = optima.BarroGordon()
    cases += [(name, trust, regime, {"pi": trust.optimum()[key]}, False) for name, (regime, key) in TRUST.items()]
    for name, problem, regime, best, relative in cases:
        shown = [f"{best[n]:.4g}" for n in problem.box().names]
        found = {by: errors(problem, searcher, regime, best, relative) for by, searcher in SEARCHERS.items()}
        slowest = max(seconds for _, seconds in found.values())
        rows.append([name, " ".join(shown), *(f"{error:.1g}" for error, _ in found.values()), f"{slowest:.1f}"])
        print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    about = "largest error over 5 seeds, absolute (carbon: relative); slowest: median processor seconds of the slowest searcher, compiled"
    common.write("planner.csv", ["problem", "optimum", *SEARCHERS, "slowest_s"], rows, about=about)
    common.show(["problem", "optimum", *SEARCHERS, "slowest_s"], rows)


if __name__ == "__main__":
    main()
