"""Contracts that anybody can run on an economy or a learner of their own, and toy economies to run them on."""

from walras.testing import optima, toys
from walras.testing.economies import check_economy
from walras.testing.learners import check_learner
from walras.testing.probe import Situation, Sizes

__all__ = ["Situation", "Sizes", "check_economy", "check_learner", "optima", "toys"]
