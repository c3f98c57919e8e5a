"""Walras: a laboratory for economies of many different agents.

import walras as w

solution = w.solve(w.economies.KrusellSmith.dhjj2010(), {"household": w.learners.EulerIteration()}, key=0)
print(solution)
"""

import importlib
import importlib.metadata as _metadata
from typing import TYPE_CHECKING as _TYPE_CHECKING

import jax

jax.config.update("jax_enable_x64", True)  # before any module holds a number

from walras import economies, learners  # noqa: E402
from walras._core.errors import InputError, RunFolderError, SolveError, UnknownName, WalrasError  # noqa: E402
from walras.compare import compare  # noqa: E402
from walras.diagnose.long_horizon import long_horizon  # noqa: E402
from walras.diagnose.stability import stability  # noqa: E402
from walras.govern.contingent import RuleDesign, design_rule  # noqa: E402
from walras.govern.design import Design, design  # noqa: E402
from walras.govern.plan import Plan, plan  # noqa: E402
from walras.impulse import impulse_response  # noqa: E402
from walras.inputs import with_parameters  # noqa: E402
from walras.lab.store import load  # noqa: E402
from walras.rest import Standing, rest, standing  # noqa: E402
from walras.simulate import simulate  # noqa: E402
from walras.solution import Solution  # noqa: E402
from walras.solve import Interrupted, diagnose, solve  # noqa: E402
from walras.transition import Transition, transition  # noqa: E402

if _TYPE_CHECKING:
    from walras import testing

try:
    __version__ = _metadata.version("walras")
except _metadata.PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0.0.0"


def __getattr__(name: str):
    """`walras.testing` on first use: the suites and their toy economies are not needed to solve anything."""
    if name == "testing":
        return importlib.import_module("walras.testing")
    raise AttributeError(f"module 'walras' has no attribute '{name}'")


__all__ = [
    "Design",
    "InputError",
    "Interrupted",
    "Plan",
    "RuleDesign",
    "RunFolderError",
    "Solution",
    "SolveError",
    "Standing",
    "Transition",
    "UnknownName",
    "WalrasError",
    "compare",
    "design",
    "design_rule",
    "diagnose",
    "economies",
    "impulse_response",
    "learners",
    "load",
    "long_horizon",
    "plan",
    "rest",
    "simulate",
    "solve",
    "stability",
    "standing",
    "testing",
    "transition",
    "with_parameters",
]
