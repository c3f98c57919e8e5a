"""Aiyagari's economy with an income process of one's own, against the benchmark.

    python examples/03_own_income_process.py --preset standard

The numbers of the process are made up for illustration: three states, of which the lowest is rare and lasts.
"""

import argparse

import numpy as np

import walras as w
from walras.economy.process import Chain, log_chain

VALUES = [0.3, 0.9, 1.3]
TRANSITION = np.array([
    [0.60, 0.40, 0.00],
    [0.04, 0.76, 0.20],
    [0.00, 0.20, 0.80],
])  # fmt: skip


def main() -> None:
    """Solve three incomes and print what they do to capital, the rate and inequality."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="standard")
    preset = parser.parse_args().preset

    # Any Process will do. `log_chain` is Rouwenhorst's chain of a log AR(1): states, persistence, unconditional s.d.
    economies = {
        "benchmark": w.economies.Aiyagari.benchmark(),
        "more persistent": w.economies.Aiyagari.with_income(log_chain(7, 0.8, 0.2, normalise=True), gamma=1.0),
        "rare bad state": w.economies.Aiyagari.with_income(Chain(VALUES, TRANSITION), gamma=1.0),
    }
    for name, economy in economies.items():
        solution = w.solve(economy, preset=preset)
        found = solution.moments()
        print(
            f"{name:16s} K {found['capital_mean']:.4f}   r {100 * found['interest_rate_mean']:.4f} %   "
            f"Gini {found['wealth_gini']:.3f}   {solution.verdict}"
        )


if __name__ == "__main__":
    main()
