"""The learners: one file each."""

from walras.learners.deep_euler import DeepEuler
from walras.learners.euler import EulerIteration
from walras.learners.fixed import Fixed
from walras.learners.ppo import PPO
from walras.learners.structural import StructuralRL

__all__ = ["DeepEuler", "EulerIteration", "PPO", "Fixed", "StructuralRL"]
