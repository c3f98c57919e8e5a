"""Digests of the whole state of a solve: 100 repetitions, one and two threads, rounds cut into other chunks each time."""

import subprocess
import sys

from benchmarks.soak.rows import Row, at_least, exactly

REPEATS, ROUNDS, PROCESSES = 100, 12, 2


def run(given) -> list[Row]:
    """Count distinct digests over processes with one and with two threads, for a tabular and a recurrent learner."""
    rows = []
    for learner, share in (("euler", 1.0), ("recurrent", 0.2)):
        each = max(int(REPEATS * share * given.share / (2 * PROCESSES)), 1)
        found: dict[int, list[str]] = {1: [], 2: []}
        for number in range(PROCESSES):
            for threads, digests in found.items():
                first = each * (2 * number + threads - 1)
                command = [sys.executable, "-m", "tests.digests", "--learner", learner, "--threads", str(threads)]
                command += ["--repeats", str(each), "--rounds", str(ROUNDS), "--first", str(first)]
                digests += subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        count = sum(len(digests) for digests in found.values())
        rows.append(at_least(f"{learner} learner: repetitions with 1 and with 2 threads", count, REPEATS * share * given.share))
        rows.append(exactly(f"{learner} learner: distinct digests", len({d for digests in found.values() for d in digests}), 1))
    return rows
