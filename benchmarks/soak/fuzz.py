"""A million hostile inputs over requests, options, parameters, manifests, states and data files."""

import contextlib
import io
import sys
import tempfile
from pathlib import Path

from benchmarks.soak.rows import Row, at_least, exactly, told
from tests.faults import fuzzing


def run(given) -> list[Row]:
    """Rows of the group."""
    wanted = round(1_000_000 * given.share)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        sys.unraisablehook = lambda _: None  # the library of data files complains of what it was given when it is cleared away
        found = fuzzing.fuzz(Path(folder), wanted, given.seed, given.minutes)
    print(f"  {found.crashes[:20]} {found.hangs[:20]} {found.escapes[:20]}", file=sys.stderr, flush=True)
    spread = ", ".join(f"{name} {number:,}" for name, number in sorted(found.inputs.items()))
    return [
        at_least("fuzzed inputs", sum(found.inputs.values()), wanted),
        told("over", spread),
        told("of which refused with a message", f"{found.ends['refused']:,}"),
        exactly("crashes (anything but an error of Walras)", len(found.crashes), 0),
        exactly(f"hangs (more than {fuzzing.LONGEST:g} s of processor time)", len(found.hangs), 0),
        exactly("escapes (a file opened for writing elsewhere, a process, a connection)", len(found.escapes), 0),
    ]
