"""One-asset HANK with a lower bound on the policy rate: `hank`, and a central bank that cannot go below a floor.

    1 + i' = max(1 + floor, 1 + i*')      1 + i*' = (1 + ī) (1 + Π)^φ exp(v)

All else is `hank`. The rate i* that the Taylor rule asks for (the shadow rate) is public. People condition on (i, h, z, v) as
there: of i* nothing remains but i. Exactly one of the two, bound or rule, holds at every date, by construction.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| floor | `bank.floor` | lowest nominal rate | per year | zero |
| all others | | as in `hank` | | Yang, Wang, Schaab, Moll (2025), Tables 6-7 |
"""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Scalar
from walras.economies.central_bank import Bank
from walras.economies.hank import Hank
from walras.economies.sticky_prices import FirmView
from walras.economies.worker import WorkerView
from walras.economy.process import Chain, joint, log_chain
from walras.numerics import markov


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
    def short_shocks(cls):
        """Shocks of persistence .6, s.d. .04 of productivity and .005 of policy: zero binds in a tenth of all years."""
        z = log_chain(7, 0.6, 0.04, normalise=False)
        nodes, transition = markov.rouwenhorst(5, 0.6, 0.005)
        exogenous = joint(z, Chain(nodes, transition), names=("z", "v"))
        return cls.of(dataclasses.replace(Hank.srl2025(), exogenous=exogenous), 0.0)

    @classmethod
    def srl2025(cls):
        """The calibration of `hank` with a floor of zero: no equilibrium is found."""
        return cls.of(Hank.srl2025(), 0.0)

    @classmethod
    def steady(cls):
        """Without aggregate risk."""
        return cls.of(Hank.steady(), 0.0)

    @classmethod
    def of(cls, hank: Hank, floor: float):
        """An economy of `hank`, with a floor [per period]; −1 never binds."""
        return cls(**{**vars(hank), "bank": BoundedBank(**vars(hank.bank), floor=floor)})
