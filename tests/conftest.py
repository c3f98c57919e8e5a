"""What all tests share: shapes and types of public signatures are checked, solved economies are kept.

x64 comes with `import walras`, warnings are errors by `pyproject.toml`.
"""

from jaxtyping import install_import_hook

# Before the first import of walras. Left out: what passes pytrees of spaces where numbers stand (`economy`, `economies`).
CHECKED = ["walras.numerics", "walras.diagnose", "walras.learners", "walras.loop", "walras.moments", "walras.solution"]
install_import_hook(CHECKED, "beartype.beartype")
