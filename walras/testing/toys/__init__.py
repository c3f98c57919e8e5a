"""Toy economies: one file each, small enough to be solved by hand or checked by an identity.

They are there for tests, ours and those of anybody who writes a learner or a population, and cover between them what an
economy can ask of `period`: a cleared price, two cleared prices, followers, leaders, outcomes of current choices,
rationing, births and deaths, several stocks.
"""

from walras.testing.toys.bandit import Bandit
from walras.testing.toys.cournot import Cournot
from walras.testing.toys.hank_block import HankBlock
from walras.testing.toys.hidden_income import HiddenIncome
from walras.testing.toys.huggett_risk import HuggettRisk
from walras.testing.toys.overlapping import Overlapping
from walras.testing.toys.regulator import Regulator
from walras.testing.toys.two_stocks import TwoStocks

__all__ = [
    "Bandit",
    "Cournot",
    "HankBlock",
    "HiddenIncome",
    "HuggettRisk",
    "Overlapping",
    "Regulator",
    "TwoStocks",
]
