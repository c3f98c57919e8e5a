"""What all tests share: shapes and types of public signatures are checked, solved economies are kept.

x64 comes with `import walras`, warnings are errors by `pyproject.toml`.
"""

import pytest
from jaxtyping import install_import_hook

# Before the first import of walras. Left out: `economy` and `economies`, which pass spaces where numbers stand, and the
# loop, whose first state is made of NumPy arrays.
CHECKED = ["walras.numerics", "walras.diagnose", "walras.learners", "walras.moments", "walras.solution", "walras.report"]
install_import_hook(CHECKED, "beartype.beartype")


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
