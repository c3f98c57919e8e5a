"""Random calibrations of small economies, a third of them without an equilibrium: is any certificate false?

Every certified answer is looked at by a second solver (`tests/truth/saving.py`), or the closed form.
"""

import collections
import json
import math
import os
import sys
import time

import numpy as np

from benchmarks import common
from benchmarks.soak.rows import Row, at_least, exactly, told

CASES = 2_100
PER_PROCESS = 300
"""Compiled programs are kept; a new process now and then keeps memory small."""


def run(given) -> list[Row]:
    """Draw, solve, judge."""
    common.one_core()
    count = max(int(CASES * given.share), 12)
    outcomes, begin = [], time.monotonic()
    for first in range(0, count, PER_PROCESS):
        outcomes += _apart(first, min(first + PER_PROCESS, count))
    return rows(outcomes, (time.monotonic() - begin) / max(len(outcomes), 1))


def rows(outcomes: list[dict], seconds: float) -> list[Row]:
    """The figures of the outcomes."""
    none = [o for o in outcomes if o["why_not"]]
    some = [o for o in outcomes if not o["why_not"]]
    sure = [o for o in some if o["verdict"] == "certified"]
    count = lambda found: ", ".join(f"{v} {n}" for v, n in sorted(collections.Counter(o["verdict"] for o in found).items()))  # noqa: E731
    found = [
        at_least("random calibrations", len(outcomes), 2000),
        at_least("of them without an equilibrium", len(none), 600),
        exactly("false certificates", sum(o["false"] for o in outcomes), 0),
        exactly("exceptions other than a refusal", sum(o["verdict"] == "exception" for o in outcomes), 0),
        told("verdicts where there is none", count(none)),
        told("verdicts where there is one, or nobody knows", count(some)),
        told("seconds a calibration", f"{seconds:.1f}"),
    ]
    for family in sorted({o["family"] for o in sure}):
        far = [o["distance"] for o in sure if o["family"] == family]
        allowed = next(o["allowed"] for o in sure if o["family"] == family)
        found.append(
            told(
                f"{family}, {len(far)} certified: distance from the second solver, median and largest (allowed {allowed:g})",
                f"{np.median(far):.2g}, {max(far):.2g}",
            )
        )
    return found


def _apart(first: int, last: int) -> list[dict]:
    """Outcomes of a stretch of seeds, from a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with os.fdopen(write, "w") as file:
            for seed in range(first, last):
                file.write(json.dumps(_one(seed)) + "\n")
                file.flush()
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        found = [json.loads(line) for line in file]
    os.waitpid(child, 0)
    return found


def _one(seed: int) -> dict:
    from tests.truth.calibrations import draw, judged  # not before the fork: JAX does not survive one

    case = draw(seed)
    start = time.monotonic()
    try:
        outcome = judged(case)
        verdict, reasons, distance, allowed, false = (
            outcome.verdict, outcome.reasons, outcome.distance, outcome.allowed, outcome.false,
        )  # fmt: skip
    except Exception as error:  # counted, and told
        verdict, reasons, distance, allowed, false = "exception", (f"{type(error).__name__}: {error}",), math.nan, 0.0, False
    found = {"seed": seed, "family": case.family, "why_not": case.why_not, "verdict": verdict, "false": bool(false)}
    found |= {"distance": distance, "allowed": allowed, "seconds": time.monotonic() - start}
    if false or verdict == "exception" or os.environ.get("SOAK_VERBOSE"):
        print(
            json.dumps({**found, "reasons": list(reasons[:2]), "about": {k: float(v) for k, v in case.about.items()}}),
            file=sys.stderr,
            flush=True,
        )
    return found
