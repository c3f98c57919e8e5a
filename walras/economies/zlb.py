"""One-asset HANK with a lower bound on the policy rate: `hank`, and a central bank that cannot go below a floor.

    1 + i' = max(1 + floor, 1 + i*')      1 + i*' = (1 + ī) (1 + Π)^φ exp(e)

All else is `hank`. The rate i* that the Taylor rule asks for (the shadow rate) is public. People condition on (i, h, z, e) as
there: of i* nothing remains but i. Exactly one of the two, bound or rule, holds at every date, by construction.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| floor | `bank.floor` | lowest nominal rate | per year | zero |
| all others | | as in `hank` | | Yang, Wang, Schaab, Moll (2025), Tables 6-7 |
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Scalar
from walras.economies.hank import Hank, WorkerView
from walras.economies.sticky_prices import Bank, FirmView


class BoundedBank(Bank):
    """Its own rate is the shadow rate; what others see and pay is bounded."""

    floor: Array = parameter("lowest nominal rate", "per period", -1, closed=True)

    def holds(self, own):
        """The rate of this date, and the shadow rate behind it."""
        return {"i": jnp.maximum(own.i, self.floor), "shadow": own.i}

    def does(self, own, choice, view):
        """The rate of the next date, and the shadow rate behind it."""
        return {"i": jnp.maximum(choice.i, self.floor), "shadow": choice.i}


class BoundedFirmView(FirmView):
    """What a firm sees in `hank`, and the rate's bound and shadow [gross]."""

    least: Scalar
    shadow: Scalar

    def bounded(self):
        """The rate is bounded, the moment is not."""
        return ((self.least, self.shadow), None)


class BoundedWorkerView(WorkerView):
    """What a household sees in `hank`, and the rate's bound and shadow [gross]."""

    least: Scalar
    shadow: Scalar

    def bounded(self):
        """The rate is bounded, the moment is not."""
        return ((self.least, self.shadow), None)


class Zlb(Hank):
    """The economy of the module docstring."""

    bank: BoundedBank

    def firm_sees(self, now):
        """As in `hank`, and bound and shadow."""
        return BoundedFirmView(**vars(super().firm_sees(now)), **self.limit(now))

    def household_sees(self, now):
        """As in `hank`, and bound and shadow."""
        return BoundedWorkerView(**vars(super().household_sees(now)), **self.limit(now))

    def limit(self, now):
        """Smallest gross rate, and what it would be without the bound."""
        return {"least": 1 + self.bank.floor, "shadow": 1 + now.stocks["bank"]["shadow"]}

    @classmethod
    def srl2025(cls):
        """The calibration of `hank` with a floor of zero."""
        return cls._bounded(Hank.srl2025())

    @classmethod
    def steady(cls):
        """`srl2025` without aggregate risk."""
        return cls._bounded(Hank.steady())

    @classmethod
    def _bounded(cls, hank: Hank, floor: float = 0.0):
        return cls(**{**vars(hank), "bank": BoundedBank(**vars(hank.bank), floor=floor)})
