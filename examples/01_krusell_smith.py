"""Krusell and Smith's economy from equations to certificate: solve, simulate, shock.

    python examples/01_krusell_smith.py --preset standard

`walras solve krusell-smith` does the first of the three, and draws a report.
"""

import argparse

import walras as w


def main() -> None:
    """Solve the calibration of Den Haan, Judd and Juillard (2010) and look at it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="standard")
    preset = parser.parse_args().preset

    economy = w.economies.KrusellSmith.dhjj2010()
    solution = w.solve(economy, {"household": w.learners.EulerIteration()}, preset=preset, key=0)
    print(solution)

    # A fresh history of the solved economy, as a labelled data set.
    history = w.simulate(solution, periods=1000, key=1)
    for name in ("price_Y", "household_C", "household_K"):
        mean, sd = float(history[name].mean()), float(history[name].std())
        print(f"{history[name].attrs['long_name']:12s} mean {mean:8.4f}   s.d. {100 * sd / mean:5.2f} %")

    # The exogenous process is a chain of two states: a shock is the state switched to (1, good), against staying in bad.
    response = w.impulse_response(solution, size=1, horizon=12, paths=64)
    percent = response["household_C_percent"].values
    print("consumption after a switch to the good state, %: " + " ".join(f"{x:.2f}" for x in percent))
    print(f"krusell-smith: {solution.verdict}")


if __name__ == "__main__":
    main()
