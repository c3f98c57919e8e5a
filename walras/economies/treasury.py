"""A government as its instruments: taxes, transfer, spending, debt, and which of them closes the budget.

    taxes paid = spending + transfer × people + r debt          (debt is rolled over)

| symbol | field | meaning | unit |
|---|---|---|---|
| τ_n, τ_k, τ_c | `tau_n`, `tau_k`, `tau_c` | flat rates on labour income, capital income, consumption | – |
| T, T_a | `income`, `wealth` | schedules (`walras.economy.taxes`) on income and on assets, on top | goods |
| | `transfer`, `spending`, `debt` | to each person; public consumption; held by households | goods |
| | `closes` | the instrument whose value the budget sets; what its field says is then only where to look | – |
"""

import dataclasses

import equinox as eqx
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError, UnknownName
from walras._core.module import Parameters, parameter
from walras.economy.taxes import Schedule

CLOSING = ("spending", "transfer", "tau_n", "tau_k", "tau_c", "income.tau", "wealth.tau")
"""Instruments that can close a budget."""


class Treasury(Parameters):
    """The instruments of the module docstring.

    Raises:
        UnknownName: if the instrument that closes the budget is none of `CLOSING`.
    """

    tau_n: Array = parameter("tax rate on labour income", "–", -np.inf, 1)
    tau_k: Array = parameter("tax rate on capital income", "–", -np.inf, 1)
    tau_c: Array = parameter("tax rate on consumption", "–", -1, np.inf)
    income: Schedule
    wealth: Schedule
    transfer: Array = parameter("transfer to each person", "goods")
    spending: Array = parameter("public consumption", "goods", 0, closed=True)
    debt: Array = parameter("public debt", "goods")
    closes: str = eqx.field(static=True)

    def __check_init__(self):
        if self.closes not in CLOSING:
            raise UnknownName("closing instrument", self.closes, CLOSING, where="Treasury")
        head, _, rest = self.closes.partition(".")
        if rest and not hasattr(getattr(self, head), rest):
            raise InputError(
                f"the budget is to be closed by '{self.closes}', and {type(getattr(self, head)).__name__} has no such rate",
                where="Treasury",
                remedy="Name an instrument that is there, or give a schedule that has it.",
            )

    def at(self, level: Array) -> "Treasury":
        """The government whose closing instrument has this value."""
        head, _, rest = self.closes.partition(".")
        inner = dataclasses.replace(getattr(self, head), **{rest: level}) if rest else level
        return dataclasses.replace(self, **{head: inner})

    def level(self) -> Array:
        """The value of the closing instrument."""
        head, _, rest = self.closes.partition(".")
        return getattr(getattr(self, head), rest) if rest else getattr(self, head)

    def surplus(self, paid: Array, r: Array, people: Array) -> Array:
        """Taxes paid less what is spent, transferred and paid on debt [goods]."""
        return paid - self.transfer * people - r * self.debt - self.spending
