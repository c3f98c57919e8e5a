"""Kills by the thousand: solves of every learner, killed at every point of a checkpoint's write and at random instants, and
the end of a run and additions to a finished one, killed at every point."""

import sys
import tempfile
from pathlib import Path

from benchmarks.soak.rows import Row, at_least, exactly, told
from tests.faults import finishing, harness

SIZES = {"Brock-Mirman, EulerIteration": (700, 160)}
OTHERS = (60, 24)


def run(given) -> list[Row]:
    """Rows of the group."""
    rows: list[Row] = []
    total = harness.Tally()
    points: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with harness.serving(root / "cache", root / "errors") as server:
            for number, case in enumerate(harness.CASES):
                sizes = tuple(max(6, round(given.share * n)) for n in SIZES.get(case.name, OTHERS))
                stored = case.stored(server, root / f"program-{number}")
                tally = harness.campaign(server, root / f"run-{number}", stored, sizes, given.seed)
                print(f"  {case.name}: {tally}", file=sys.stderr, flush=True)
                found = f"{tally.kills} kills, {tally.within} inside a write; {tally.compared} states compared, {tally.different} differ"
                rows.append(told(f"{case.name}: killed and resumed", found))
                points |= set(tally.points)
                for name in ("kills", "within", "missed", "different", "lost", "compared", "acknowledged", "arrived"):
                    setattr(total, name, getattr(total, name) + getattr(tally, name))
                total.refused += tally.refused
            ends = finishing.exhausted(server, root / "ends")
            print(f"  ends: {ends}", file=sys.stderr, flush=True)
    share = given.share
    return [
        at_least("hard kills (SIGKILL)", total.kills + ends.kills, 1000 * share),
        at_least("of which inside the write of a checkpoint", total.within, 200 * share),
        told("distinct points of that write at which a kill hit (each before, within, after)", len(points)),
        told("kills that hit no write (the run was computing)", total.missed),
        exactly("state differences to the undisturbed run", total.different, 0),
        told("states compared, bit by bit", total.compared),
        exactly("acknowledged checkpoints lost", total.lost, 0),
        told("acknowledged checkpoints", total.acknowledged),
        exactly("resumed runs that refused or ended otherwise", len(total.refused), 0),
        told("kills at every point of the end of a run, of replacing one and of adding a file", ends.kills),
        exactly("of these, finished results damaged or lost", ends.lost, 0),
        exactly("of these, runs that could not be completed afterwards", len(ends.refused), 0),
        *rows,
    ]
