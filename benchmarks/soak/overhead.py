"""What checkpoints cost: Krusell-Smith, HANK and a network learner, solved as from the command line, checkpoints as by default."""

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.soak.rows import Row, below
from walras.lab import checkpoint, experiment, request, store
from walras.learners import StructuralRL

PRESET = "fast"
CASES = {
    "Krusell-Smith, EulerIteration": ("krusell-smith", "dhjj2010", {}, ""),
    "HANK, EulerIteration": ("hank", "srl2025", {}, ""),
    "Krusell-Smith, StructuralRL network": ("krusell-smith", "srl2025", {"household": "structural"}, "network"),
}


def run(given) -> list[Row]:
    """Rows of the group: wall time in the writes of checkpoints over wall time of the whole command, compilation and report included."""
    named, rows = request._learner, []
    for what, (economy, calibration, learners, form) in CASES.items():
        request._learner = lambda text, form=form: StructuralRL(form=form) if form else named(text)
        seen: list[checkpoint.Checkpoints] = []
        real = store.checkpoints
        store.checkpoints = lambda *args, real=real, seen=seen: seen.append(real(*args)) or seen[-1]
        asked = request.Request(economy=economy, calibration=calibration, learners=learners, preset=PRESET, seed=given.seed)
        with tempfile.TemporaryDirectory() as folder:
            begin = time.monotonic()
            experiment.run(asked, Path(folder) / "run", False, lambda _: None, lambda: 0.0)
            wall = time.monotonic() - begin
        store.checkpoints = real
        spent, written = seen[0].budget.spent, seen[0].written
        print(f"  {what}: {wall:.0f} s, {spent:.3f} s in {written} checkpoints", file=sys.stderr, flush=True)
        name = f"{what}, {PRESET}: {written} checkpoints in {wall:.0f} s, share of wall time"
        rows.append(below(name, 100 * spent / wall, 100 * checkpoint.SHARE, " %"))
    request._learner = named
    return rows
