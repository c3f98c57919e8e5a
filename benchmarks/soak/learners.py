"""Kills of every learner: each form of each, killed at the points of a checkpoint's write and at random instants."""

import sys
import tempfile
from pathlib import Path

from benchmarks.soak.rows import Row, exactly, told
from tests.faults import harness

SIZES = (60, 24)


def run(given) -> list[Row]:
    """Rows of the group."""
    rows: list[Row] = []
    sizes = (round(SIZES[0] * given.share), round(SIZES[1] * given.share))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with harness.serving(root / "cache", root / "errors") as server:
            for number, case in enumerate(harness.CASES[1:]):
                stored = case.stored(server, root / f"program-{number}")
                tally = harness.campaign(server, root / f"run-{number}", stored, sizes, given)
                print(f"  {case.name}: {tally}", file=sys.stderr, flush=True)
                rows.append(told(f"{case.name}: kills, of which inside a write", f"{tally.kills}, {tally.within}"))
                rows.append(exactly(f"{case.name}: differences in {tally.compared} states", tally.different, 0))
                rows.append(exactly(f"{case.name}: acknowledged checkpoints lost", tally.lost, 0))
    return rows
