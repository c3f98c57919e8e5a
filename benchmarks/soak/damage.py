"""Damaged files of every kind: bits changed, and cut at every length (solution and simulation at 4,000 of them)."""

import sys
import tempfile
from pathlib import Path

from benchmarks.soak.rows import Row, all_of, told
from tests.faults import damage

FLIPS = 600
DEAR = ("solution", "simulation")
"""Large files for whose sake a whole run is verified each time."""


def run(given) -> list[Row]:
    """Rows of the group."""
    rows, flips, cuts, missed = [], 0, 0, 0
    for kind, (name, file, _) in damage.KINDS.items():
        size = (damage.FORMATS / name / file).stat().st_size
        lengths = 4000 if kind in DEAR else size
        with tempfile.TemporaryDirectory() as folder:
            found = damage.examine(
                kind, Path(folder), round(FLIPS * given.share), max(20, round(lengths * given.share)), given.seed
            )
        print(f"  {kind}: {found.flips} {found.cuts} {found.missed[:5]}", file=sys.stderr, flush=True)
        rows.append(told(f"{kind} ({size:,} bytes): bits changed, lengths cut to", f"{found.flips:,}, {found.cuts:,}"))
        flips, cuts, missed = flips + found.flips, cuts + found.cuts, missed + len(found.missed)
    least = round(500 * len(damage.KINDS) * given.share)
    return [
        all_of("damaged files noticed, the message naming the file and what to do", flips + cuts - missed, flips + cuts, least),
        *rows,
    ]
