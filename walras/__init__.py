"""Walras: a laboratory for economies of many different agents."""

import jax

jax.config.update("jax_enable_x64", True)  # before any module holds a number

from walras import economies, learners  # noqa: E402
from walras.solution import Solution  # noqa: E402
from walras.solve import diagnose, solve  # noqa: E402

__all__ = ["Solution", "diagnose", "economies", "learners", "solve"]
