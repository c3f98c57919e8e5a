"""The learners: one file each."""

from walras.learners.deep_euler import DeepEuler
from walras.learners.euler import EulerIteration
from walras.learners.fixed import Fixed
from walras.learners.structural import StructuralRL

__all__ = ["DeepEuler", "EulerIteration", "Fixed", "StructuralRL"]
