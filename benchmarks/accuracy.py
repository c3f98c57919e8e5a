"""The accuracy tables of the documentation: every calibration of the catalogue solved, its certificate as a table.

    python benchmarks/accuracy.py                         all economies, about five minutes on one core
    python benchmarks/accuracy.py --only huggett --preset precise

One file an economy, `results/accuracy-NAME.csv`: figures of the certificate with what is allowed, then moments; one column
a calibration. `docs/economies/NAME.md` shows it.
"""

import argparse
import sys

import common

common.one_core()

import walras as w  # noqa: E402
from walras.lab.request import calibrations, economies  # noqa: E402


def column(solution: w.Solution) -> dict[str, str]:
    """What one solution puts in its column: verdict, figures, moments."""
    cells = {"verdict": solution.verdict, "rounds": str(int(solution.loop.round))}
    cells |= {finding.meaning: f"{finding.value:.3g}" for finding in solution.certificate.findings}
    moments = solution.moments()
    if solution.lab.stationary:  # nothing moves: what is left of a s.d. is rounding
        moments = {name: value for name, value in moments.items() if not name.endswith("_sd")}
    if abs(moments.get("bonds_mean", 1.0)) < 1e-6:  # no net wealth: there is nothing to have a share of
        moments = {name: value for name, value in moments.items() if name not in ("wealth_gini", "bonds_mean")}
    return cells | {name.replace("_", " "): f"{value:.5g}" for name, value in moments.items()}


def table(cls: type, names: list[str], preset: str) -> list[list[str]]:
    """Rows of one economy: what, unit, allowed, then a cell for each calibration (empty where it does not apply)."""
    solutions = {}
    for name in names:
        solutions[name] = w.solve(getattr(cls, name)(), preset=preset)
        print(f"{cls.__name__}.{name}: {solutions[name].verdict}", file=sys.stderr, flush=True)
    findings = {f.meaning: f for s in solutions.values() for f in s.certificate.findings}
    columns = [column(solution) for solution in solutions.values()]
    rows = []
    for what in dict.fromkeys(key for cells in columns for key in cells):
        finding = findings.get(what)
        allowed = "" if finding is None or finding.threshold is None else f"{finding.threshold:.3g}"
        unit = finding.unit if finding else ""
        rows.append([what, unit, allowed, *(cells.get(what, "") for cells in columns)])
    return rows


def main() -> None:
    """Solve, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(economies()), help="economies: " + ", ".join(economies()))
    parser.add_argument("--preset", default="standard")
    given = parser.parse_args()
    for name in given.only.split(","):
        cls = economies()[name]
        names = calibrations(cls)
        rows = table(cls, names, given.preset)
        columns = ["what", "unit", "allowed", *names]
        common.show(columns, rows)
        about = f"certificate and long-run moments, preset {given.preset}, seed 0"
        if given.preset == parser.get_default("preset"):
            common.write(f"accuracy-{name}.csv", columns, rows, about=about)


if __name__ == "__main__":
    main()
