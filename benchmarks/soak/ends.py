"""Kills at every point of the end of a run, of replacing a finished one, and of adding a file to it."""

import tempfile
from pathlib import Path

from benchmarks.soak.rows import Row, exactly, told
from tests.faults import finishing, harness


def run(given) -> list[Row]:
    """Rows of the group."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with harness.serving(root / "cache", root / "errors") as server:
            ends = finishing.exhausted(server, root / "ends", every=max(1, round(1 / given.share)))
    return [
        told("kills at every point of the end of a run, of replacing one, of adding a file: all of them", ends.kills),
        exactly("finished results damaged or lost", ends.lost, 0),
        exactly("runs that could not be completed afterwards", len(ends.refused), 0),
    ]
