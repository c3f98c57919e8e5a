"""Policy problems whose optimum is known in closed form: what a planner is tested on.

Households answer by conditions that are derived from their payoff by automatic differentiation, never by the closed form.
`optimum()` is the closed form, with its derivation in the docstring.
"""

from walras.testing.optima.dynamic import CarbonTax, LabourAndCapital, PublicCapital, RiskyOldAge
from walras.testing.optima.static import IncomeTax, ProgressiveTax, RandomWalkWages, TopRate
from walras.testing.optima.trust import BarroGordon, Stabilisation

__all__ = [
    "BarroGordon",
    "CarbonTax",
    "IncomeTax",
    "LabourAndCapital",
    "ProgressiveTax",
    "PublicCapital",
    "RandomWalkWages",
    "RiskyOldAge",
    "Stabilisation",
    "TopRate",
]
