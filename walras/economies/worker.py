"""Households that save in bonds and choose hours, with uninsured risk to what an hour is worth.

    max E Σ βᵗ (log c − n²/2)    c + b' = R b + w y(e) n + transfer,   b' ≥ 0

Hours follow from their own condition, n = w y/c, exactly: consumption is the only choice. Who saves nothing chooses them
too, so that the most that can be consumed is the positive root of c² = (R b + transfer) c + (w y)².
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.huggett import BondOwn
from walras.economies.saver import Consumption
from walras.economy.agent import AgentType, Invertible, View
from walras.economy.process import Process
from walras.economy.space import Interval


class WorkerView(View):
    """Gross real return, wage and transfer [goods], gross nominal rates of this date and the next, moment of wealth,
    exogenous state."""

    R: Scalar
    w: Scalar
    transfer: Scalar
    gross: Scalar
    gross_next: Scalar
    h: Scalar
    state: Int

    def info(self):
        """Exogenous state; gross nominal rate and moment of wealth."""
        return self.state, (self.gross, self.h)

    def ahead(self):
        """The bank has set the next rate."""
        return (self.gross_next,)


class Worker(AgentType, Invertible):
    """Saves in bonds against income risk and works n = w y/c hours."""

    beta: Array = parameter("discount factor", "per period", 0, 1)
    b_birth: Array = parameter("bonds at birth", "goods", 0)
    mass: Array = parameter("mass of households", "persons", 0)
    risk: Process

    def birth(self, i, exo):
        """Everybody holds `b_birth`."""
        return self.risk.start(exo).map(lambda e: BondOwn(self.b_birth, e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """b' ≥ 0."""
        return BondOwn(Interval(0.0, jnp.inf))

    def feasible(self, own, view, chosen):
        """0 ≤ c ≤ what is spent by those who save nothing: c² = (R b + transfer) c + (w y)²."""
        assets, wage = view.R * own.b + view.transfer, view.w * self.risk.value(own.e)
        return Consumption(Interval(0.0, 0.5 * (assets + jnp.sqrt(assets**2 + 4 * wage**2))))

    def hours(self, own, choice, view):
        """n = w y/c."""
        return view.w * self.risk.value(own.e) / choice.c

    def payoff(self, own, choice, view, outcome):
        """log c − n²/2."""
        return jnp.log(choice.c) - self.hours(own, choice, view) ** 2 / 2

    def move(self, own, choice, view, outcome):
        """b' = R b + w y n + transfer − c."""
        earned = view.w * self.risk.value(own.e) * self.hours(own, choice, view)
        return own.to(b=view.R * own.b + earned + view.transfer - choice.c)

    def holds(self, own):
        """Bonds, and the moment log(1 + b)."""
        return {"B": own.b, "h": jnp.log1p(own.b)}

    def does(self, own, choice, view):
        """Consumption, efficient hours, and the bonds asked for."""
        hours = self.risk.value(own.e) * self.hours(own, choice, view)
        return {"C": choice.c, "L": hours, "S": self.move(own, choice, view, ()).b}

    def invert(self, W, own, view, outcome, next_own):
        """1/c = W, then the budget for b."""
        choice = Consumption(1 / W)
        earned = view.w * self.risk.value(own.e) * self.hours(own, choice, view)
        return choice, own.to(b=(next_own.b + choice.c - earned - view.transfer) / view.R)
