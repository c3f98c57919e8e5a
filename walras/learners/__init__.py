"""The learners: one file each."""

from walras.learners.curriculum import Collapse, Curriculum, Stage
from walras.learners.deep_euler import DeepEuler
from walras.learners.euler import EulerIteration
from walras.learners.fixed import Fixed
from walras.learners.ppo import PPO
from walras.learners.reinforce import Reinforce
from walras.learners.sac import SAC
from walras.learners.structural import StructuralRL

__all__ = ["PPO", "SAC", "Collapse", "Curriculum", "DeepEuler", "EulerIteration", "Fixed", "Reinforce", "Stage", "StructuralRL"]
