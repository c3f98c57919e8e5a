"""The learners: one file each."""

from walras.learners.euler import EulerIteration
from walras.learners.fixed import Fixed

__all__ = ["EulerIteration", "Fixed"]
