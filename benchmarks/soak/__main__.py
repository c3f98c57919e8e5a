"""Run groups, each in a process of its own, and write their rows to `results/soak.csv`; rows of other groups stay.

make soak                                              everything, some hours on one core
python -m benchmarks.soak --only kills --share 0.1     a tenth of the size (not written)
"""

import argparse
import csv
import importlib
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import common
from benchmarks.soak.groups import GROUPS
from benchmarks.soak.rows import Row

COLUMNS = ["group", "what", "figure", "target", "met", "minutes", "date"]
TABLE = "soak.csv"
ABOUT = "faults, damage and bad input: what was done, what was found, whether it is as it must be"


def kept(asked: list[str]) -> dict[str, list]:
    """Rows of the groups that are not run now, from the last table."""
    path, rows = common.RESULTS / TABLE, {}
    if path.exists():
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")][1:]
        for row in csv.reader(lines):
            if row[0] not in asked:
                rows.setdefault(row[0], []).append(row)
    return rows


def run_apart(name: str, given: argparse.Namespace) -> list[list[str]]:
    """Rows of a group, run in a process of its own; a group that dies is one row that says so."""
    begin = time.monotonic()
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", "benchmarks.soak", "--inside", file.name, "--only", name]
        command += ["--share", str(given.share), "--seed", str(given.seed), "--minutes", str(given.minutes)]
        status = subprocess.run(command, check=False).returncode
        found = json.loads(Path(file.name).read_text()) if status == 0 else []
    cells = found or [Row("the group ended without rows", f"exit status {status}", "rows", False).cells()]
    last = [f"{(time.monotonic() - begin) / 60:.1f}", f"{datetime.now(UTC):%Y-%m-%d}"]
    return [[name, *row, *last] for row in cells]


def main() -> None:
    """Run the groups, print the table and, at full size, write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(GROUPS), help="groups: " + ", ".join(GROUPS))
    parser.add_argument("--share", type=float, default=1.0, help="share of the full size")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=600.0, help="a group ends after so many, with what it has")
    parser.add_argument("--inside", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    asked = given.only.split(",")
    if given.inside:
        rows = importlib.import_module(GROUPS[asked[0]]).run(given)
        Path(given.inside).write_text(json.dumps([row.cells() for row in rows]))
        return
    table = kept(asked)
    for name in asked:
        print(f"{name} …", file=sys.stderr, flush=True)
        table[name] = run_apart(name, given)
        rows = [row for group in GROUPS for row in table.get(group, [])]
        if given.share == 1.0:
            common.write(TABLE, COLUMNS, rows, about=ABOUT)
    common.show(COLUMNS, [row for name in asked for row in table[name]])
    missed = [row for row in rows if row[4] == "missed"]
    print(f"\n{len(missed)} targets missed.")


if __name__ == "__main__":
    main()
