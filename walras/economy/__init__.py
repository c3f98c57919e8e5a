"""L2: the waist. What an economy is, and the one `period` through which all of them run.

Everything that a file with an economy of one's own needs is here: `from walras.economy import AgentType, Economy, …`.
"""

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Invertible, Mortal, Own, View, risk
from walras.economy.economy import Clear, Economy, Formula, Move, Timing
from walras.economy.preferences import crra, crra_inverse_marginal
from walras.economy.process import Chain, LogAR1, NoRisk, Process, log_chain
from walras.economy.space import Discrete, Interval, Simplex

__all__ = [
    "AgentType",
    "Chain",
    "Choice",
    "Clear",
    "Discrete",
    "Economy",
    "Formula",
    "Int",
    "Interval",
    "Invertible",
    "LogAR1",
    "Mortal",
    "Move",
    "NoRisk",
    "Own",
    "Process",
    "Scalar",
    "Simplex",
    "Timing",
    "View",
    "crra",
    "crra_inverse_marginal",
    "log_chain",
    "parameter",
    "risk",
]
