"""What all tests share: shapes and types of public signatures are checked, solved economies are kept.

x64 comes with `import walras`, warnings are errors by `pyproject.toml`.
"""

import gc
from pathlib import Path

import jax
import pytest
from jaxtyping import install_import_hook

# Before the first import of walras. Left out: `economy` and `economies`, which pass spaces where numbers stand, and the
# loop, whose first state is made of NumPy arrays.
CHECKED = ["walras.numerics", "walras.diagnose", "walras.learners", "walras.moments", "walras.solution", "walras.report"]
install_import_hook(CHECKED, "beartype.beartype")


MAPS = Path("/proc/self/maps")
MOST_MAPS = 30_000
"""Memory maps at which compiled programs are thrown away: each holds some, and Linux allows 65,530 a process by default; the
compiler crashes beyond."""


@pytest.fixture(autouse=True, scope="module")
def few_programs():
    """Compiled programs are thrown away between files where there are too many."""
    if MAPS.exists() and MAPS.read_text(encoding="utf-8").count("\n") > MOST_MAPS:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def solved():
    """`solved(constructor, preset, **parameters)`: the solution, each one computed once a session."""
    import walras as w

    kept = {}

    def solve(constructor, preset="fast", **parameters):
        name = (constructor.__qualname__, preset, tuple(parameters.items()))
        if name not in kept:
            kept[name] = w.solve(w.with_parameters(constructor(), parameters), preset=preset, key=0)
        return kept[name]

    return solve
