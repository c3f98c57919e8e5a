"""Writes that fail: every call of a checkpoint's write and of additions to a finished run, with every error, once and for good."""

import sys
import tempfile
from pathlib import Path

from benchmarks.soak.rows import Row, all_of
from tests.faults import writing


def run(given) -> list[Row]:
    """Rows of the group."""
    rows = []
    works = (
        ("failed calls in the write of a checkpoint: survived, nothing acknowledged lost", writing.failing_checkpoints, 100),
        ("failed calls in additions to a finished run: survived, the run intact", writing.failing_additions, 300),
        ("writes refused by the kernel (limit on file size): survived, message names the file", writing.full_disk, 50),
    )
    for what, work, least in works:
        with tempfile.TemporaryDirectory() as folder:
            found = work(Path(folder))
        print(f"  {what}: {found.cases} cases, {found.wrong[:10]}", file=sys.stderr, flush=True)
        rows.append(all_of(what, found.cases - len(found.wrong), found.cases, least))
    return rows
