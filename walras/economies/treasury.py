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
import jax
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

    def base(self, r: Array, w: Array, K: Array) -> Array:
        """What one worker with capital K has to be taxed by the closing instrument [goods]; all income where there is none."""
        of_labour, of_capital = self.closes == "tau_n", self.closes == "tau_k"
        return w if of_labour else r * K if of_capital else w + r * K

    def check(self, r: float, w: float, K: float, people: float) -> None:
        """Raise InputError if of somebody's last unit nothing is left, or if no value of the closing instrument can do.

        By what one worker with capital K earns at interest rate r and wage w: more than that no tax collects.
        """
        incomes = np.geomspace(1e-2, 1e4, 25)
        rates = np.asarray(_marginals(self.income, incomes))
        for name, flat in (("labour", float(self.tau_n)), ("capital", float(self.tau_k))):
            worst = int(np.argmax(rates + flat))
            if not rates[worst] + flat < 1:
                raise InputError(
                    f"of the last unit of {name} income nothing is left at an income of {incomes[worst]:.3g}",
                    where="government",
                    number=f"a marginal rate of {rates[worst] + flat:.3g}",
                    remedy="Flat rate and schedule together must stay below one.",
                )
        parts = {"spending": self.spending, "transfer": self.transfer * people, "interest": r * self.debt}
        spent = sum(float(part) for name, part in parts.items() if name != self.closes)
        most = float(self.base(r, w, K)) * people
        if not spent < most:
            raise InputError(
                f"no value of '{self.closes}' closes the budget: more is spent than there is to be taxed",
                where="government",
                number=f"{spent:.3g} of at most {most:.3g} goods",
                remedy="Spend or transfer less, or name an instrument with a larger base.",
            )

    def surplus(self, paid: Array, r: Array, people: Array) -> Array:
        """Taxes paid less what is spent, transferred and paid on debt [goods]."""
        return paid - self.transfer * people - r * self.debt - self.spending


_marginals = jax.jit(lambda schedule, x: jax.vmap(schedule.marginal)(x))
