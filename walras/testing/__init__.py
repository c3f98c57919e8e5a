"""Contracts that anybody can run on an economy or a learner of their own, and toy economies to run learners on."""

from walras.testing import toys
from walras.testing.economies import check_economy
from walras.testing.probe import Sizes

__all__ = ["Sizes", "check_economy", "toys"]
