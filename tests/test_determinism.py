"""Same seed, same machine: the same bits, whatever the number of threads and however rounds are cut into chunks."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.digests import chunks, digest, solved_digests

ROUNDS = 6


def test_chunks_and_threads_change_nothing():
    """Three ways to cut the rounds in this process, two more in one that has a single thread."""
    here = solved_digests(3, ROUNDS)
    command = [
        sys.executable,
        "-m",
        "tests.digests",
        "--threads",
        "1",
        "--repeats",
        "2",
        "--rounds",
        str(ROUNDS),
        "--first",
        "3",
    ]
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    run = subprocess.run(command, cwd=Path(__file__).parent.parent, env=environment, capture_output=True, text=True, check=True)
    assert len({*here, *run.stdout.split()}) == 1


def test_cuts_differ():
    """The test above would say nothing if all were cut alike."""
    cuts = {tuple(chunks(number, ROUNDS)) for number in range(5)}
    assert len(cuts) >= 3 and all(sum(cut) == ROUNDS for cut in cuts)


def test_a_digest_sees_one_bit():
    array = np.ones(4)
    before = digest({"a": array})
    array.view(np.uint64)[2] ^= 1
    assert digest({"a": array}) != before
