"""Walras against its peers: seconds, memory and accuracy, whole processes on one core.

    make bench                                   all of them, about five minutes
    python benchmarks/run.py --only walras,ssj   some of them; rows of the others are kept from the last time

HARK 0.17 and sequence-jacobian 1.0 run what their own examples run. The three do not solve the same problem: HARK's is
Krusell and Smith's economy without unemployment benefit; sequence-jacobian's is linearised, without aggregate risk.
"Run" leaves out imports and compilation where they can be told apart, "total" is the life of the process.
"""

import argparse
import csv
import json
import shutil
import sys
import tempfile
from pathlib import Path

import common

common.one_core()

HERE = Path(__file__).parent
COLUMNS = [
    "program", "run_s", "total_s", "cpu_s", "memory_gib",
    "K_dhjj_units", "den_haan_mean_percent", "den_haan_max_percent", "load", "note",
]  # fmt: skip
TARGET = 50.0


def row(name: str, run_s: float, process: dict, found: dict) -> dict:
    """One row of the table."""
    number = lambda key, form: format(found[key], form) if found.get(key) is not None else ""  # noqa: E731
    return dict(
        zip(
            COLUMNS,
            [
                name,
                f"{run_s:.2f}",
                f"{process['wall']:.1f}",
                f"{process['cpu']:.1f}",
                f"{process['memory']:.2f}",
                number("K_dhjj", ".2f"),
                number("den_haan_mean_percent", ".3f"),
                number("den_haan_max_percent", ".3f"),
                common.load(),
                found.get("note", ""),
            ],
            strict=True,
        )
    )


def walras() -> list[dict]:
    """`walras solve krusell-smith --preset standard` with an empty and then with a full cache of compiled programs."""
    work = Path(tempfile.mkdtemp(prefix="walras-bench-"))
    program = Path(sys.executable).with_name("walras")
    command = [str(program), "solve", "krusell-smith", "--preset", "standard", "--out", str(work / "run"), "--force"]
    rows = []
    try:
        for name in ("walras, cold cache", "walras, warm cache"):
            process = common.measured_process(command, {"WALRAS_CACHE": str(work / "cache")})
            if process["status"] not in (0, 3):
                raise SystemExit(f"{name} failed with status {process['status']}:\n{process['output'][-2000:]}")
            summary = json.loads((work / "run" / "summary.json").read_text())
            found = _walras_accuracy(summary)
            rows.append(row(name, summary["seconds"]["run"], process, found))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return rows


def _walras_accuracy(summary: dict) -> dict:
    value = lambda x: x["value"] if isinstance(x, dict) else x  # noqa: E731
    accuracy, moments = summary["accuracy"], summary["moments"]
    return {
        "K_dhjj": value(moments["capital_mean"]),
        "den_haan_mean_percent": value(accuracy["den_haan_mean_percent"]),
        "den_haan_max_percent": value(accuracy["den_haan_max_percent"]),
        "note": f"{summary['verdict']}, dhjj2010, 10000 fresh dates, certificate and report included",
    }


def peer(name: str) -> list[dict]:
    """One peer, by `peers.py`."""
    process = common.measured_process([sys.executable, str(HERE / "peers.py"), name])
    if process["status"] != 0:
        raise SystemExit(f"{name} failed with status {process['status']}:\n{process['output'][-2000:]}")
    found = json.loads(process["output"].strip().splitlines()[-1])
    title = {"hark": f"HARK {_version('econ-ark')}", "ssj": f"sequence-jacobian {_version('sequence-jacobian')}"}[name]
    if name == "ssj":
        found["note"] += f"; first call {found['first_s']:.1f} s; goods market {found['goods_residual']:.0e}"
    return [row(title, found["run_s"], process, found)]


def _version(package: str) -> str:
    return common.versions(package).split()[-1]


def kept(chosen: list[str]) -> dict[str, list[dict]]:
    """Rows of the programs that are not run now, from the last table."""
    path = common.RESULTS / "peers.csv"
    if not path.exists():
        return {}
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    starts = {"walras": "walras", "hark": "HARK", "ssj": "sequence"}
    rows = list(csv.DictReader(lines))
    return {p: [r for r in rows if r["program"].startswith(s)] for p, s in starts.items() if p not in chosen}


def ratios(rows: list[dict]) -> None:
    """Ours against HARK's, run against run and total against total."""
    of = lambda start: next((r for r in rows if r["program"].startswith(start)), None)  # noqa: E731
    theirs, cold, warm = of("HARK"), of("walras, cold"), of("walras, warm")
    if not (theirs and cold and warm):
        return
    run = float(theirs["run_s"]) / float(warm["run_s"])
    print(
        f"\nHARK / Walras, run against run: {run:.0f} (target: at least {TARGET:.0f}): {'met' if run >= TARGET else 'missed'}"
    )
    for name, ours in (("cold", cold), ("warm", warm)):
        wall, cpu = (float(theirs[key]) / float(ours[key]) for key in ("total_s", "cpu_s"))
        memory = float(theirs["memory_gib"]) / float(ours["memory_gib"])
        print(
            f"HARK / Walras, total against total, {name} cache: {wall:.1f} (processor seconds: {cpu:.1f}); memory {memory:.1f}"
        )


def main() -> None:
    """Run what was asked for, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="walras,ssj,hark")
    chosen = parser.parse_args().only.split(",")
    rows = kept(chosen)
    for name in chosen:
        print(f"running {name} …", file=sys.stderr, flush=True)
        rows[name] = walras() if name == "walras" else peer(name)
    table = [r for name in ("walras", "hark", "ssj") for r in rows.get(name, [])]
    common.show(COLUMNS[:-1], [[r[c] for c in COLUMNS[:-1]] for r in table])
    for r in table:
        print(f"{r['program']}: {r['note']}")
    ratios(table)
    about = "whole processes pinned to one core, one thread per maths library; single runs; K in units of DHJJ 2010"
    common.write(
        "peers.csv",
        COLUMNS,
        [[r[c] for c in COLUMNS] for r in table],
        about=about,
        packages=("econ-ark", "sequence-jacobian", "numba"),
    )


if __name__ == "__main__":
    main()
