"""Kills by the thousand: a solve killed at every point of a checkpoint's write and at random instants, and resumed."""

import sys
import tempfile
from pathlib import Path

from benchmarks.soak.rows import Row, at_least, exactly, told
from tests.faults import harness


def run(given) -> list[Row]:
    """Rows of the group."""
    sizes = (round(1000 * given.share), round(400 * given.share))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with harness.serving(root / "cache", root / "errors") as server:
            stored = harness.BROCK_MIRMAN.stored(server, root / "program")
            tally = harness.campaign(server, root / "run", stored, sizes, given)
    print(f"  {tally}", file=sys.stderr, flush=True)
    return rows_of(tally, given.share)


def rows_of(tally: harness.Tally, share: float) -> list[Row]:
    """The figures of a campaign."""
    every = 3 * 11
    return [
        at_least("hard kills (SIGKILL) of a solve", tally.kills, 1000 * share),
        at_least("of which inside the write of a checkpoint", tally.within, 200 * share),
        at_least("points of that write that were hit, each before, within and after", len(tally.ways), every),
        told("kills that hit no write (the run was computing, or starting)", tally.missed),
        exactly("state differences to the undisturbed run", tally.different, 0),
        told("states compared, bit by bit", f"{tally.compared:,}"),
        exactly("acknowledged checkpoints lost", tally.lost, 0),
        told("acknowledged checkpoints", f"{tally.acknowledged:,}"),
        exactly("resumed runs that refused or ended otherwise", len(tally.refused), 0),
        told("runs that arrived", tally.arrived),
    ]
