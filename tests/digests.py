"""One number for everything that a solve holds, and programs that compute it again and again under other threads.

python -m tests.digests --threads 1 --repeats 3 --rounds 8      one digest a line
"""

import argparse
import hashlib
import os


def digest(tree) -> str:
    """SHA-256 of all arrays of a pytree, with their paths, shapes and dtypes."""
    from walras._core.tree import named_arrays

    whole = hashlib.sha256()
    for name, array in sorted(named_arrays(tree).items()):
        whole.update(f"{name}{array.shape}{array.dtype}".encode())
        whole.update(array.tobytes())
    return whole.hexdigest()


def chunks(number: int, rounds: int) -> list[int]:
    """A way to cut rounds into chunks, another one for every number."""
    import numpy as np

    rng, left, cut = np.random.default_rng(number), rounds, []
    while left:
        cut.append(int(rng.integers(1, left + 1)))
        left -= cut[-1]
    return cut


def solved_digests(repeats: int, rounds: int, first: int = 0, learner: str = "euler") -> list[str]:
    """Digests of Krusell and Smith's economy after so many rounds, each cut into other chunks."""
    import walras as w
    from walras.learners.preset import preset
    from walras.loop import advance
    from walras.solve import laboratory

    learners = {"euler": w.learners.EulerIteration(), "recurrent": w.learners.StructuralRL(form="recurrent", memory=3, width=4)}
    found = []
    for number in range(first, first + repeats):
        lab, loop = laboratory(
            w.economies.KrusellSmith.dhjj2010(), {"household": learners[learner]}, None, None, preset("fast"), 0
        )
        for many in chunks(number, rounds):
            loop = advance(lab, loop, many)
        assert int(loop.round) == rounds
        found.append(digest((loop, lab)))
    return found


def main() -> None:
    """Print digests; the number of threads is set before JAX is imported."""
    parser = argparse.ArgumentParser()
    for name, default in (("threads", 1), ("repeats", 1), ("rounds", 8), ("first", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--learner", default="euler")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: given.threads]))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(given.threads)
    print("\n".join(solved_digests(given.repeats, given.rounds, given.first, given.learner)))


if __name__ == "__main__":
    main()
