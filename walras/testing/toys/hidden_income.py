"""Income of two parts of which only the sum is seen: Muth's (1960) signal extraction inside a permanent-income household.

    max E Σ βᵗ −(c − c̄)²/2    b' = (1 + r) b + y − c    y = ȳ + p + v    p' = ρ p + ε

p persists, v is gone tomorrow, and everybody has the same y. With β(1 + r) = 1 consumption is the annuity of wealth,

    c = r b + ȳ/(1 + r) + r/(1 + r) [y + E(p | income so far) ρ/(1 + r − ρ)],

far from the limit on debt. It answers an income surprise by r/(1 + r) [1 + K ρ/(1 + r − ρ)], K the share of a surprise that is
believed to last: Kalman's gain for those who remember, var p/(var p + var v) for those who see the present alone.

| symbol | field | meaning | unit |
|---|---|---|---|
| β, c̄ | `household.beta`, `household.bliss` | discount factor, bliss point | –, goods |
| b_min, b_birth | `household.b_min`, `household.b_birth` | limit on debt, wealth at birth | goods |
| r, ȳ | `r`, `mean` | interest rate, mean income | –, goods |
| p, v | `exogenous` | both parts of income: a chain over pairs whose value is p + v | goods |
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Own, View
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import Chain, NoRisk, Process, point
from walras.economy.space import Interval
from walras.numerics import markov


class WealthOwn(Own):
    """Wealth [goods]."""

    b: Scalar


class IncomeView(View):
    """Gross return, mean income, income less its mean, and a state that says nothing."""

    R: Scalar
    mean: Scalar
    extra: Scalar
    state: Int

    def info(self):
        """Income; not the exogenous state, which would tell both parts."""
        return self.state, (self.extra,)


class Consumption(Choice):
    """Consumption [goods]."""

    c: Scalar


class Household(AgentType):
    """Saves against an income that it does not see through."""

    beta: Array
    bliss: Array
    b_min: Array
    b_birth: Array
    mass: Array
    risk: Process

    def birth(self, i, exo):
        """Everybody starts with the same wealth."""
        return point(WealthOwn(self.b_birth))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """b' ≥ b_min."""
        return WealthOwn(Interval(self.b_min, jnp.inf))

    def cash(self, own, view):
        """(1 + r) b + y."""
        return view.R * own.b + view.mean + view.extra

    def feasible(self, own, view, chosen):
        """0 ≤ c ≤ cash − b_min."""
        return Consumption(Interval(0.0, self.cash(own, view) - self.b_min))

    def payoff(self, own, choice, view, outcome):
        """−(c − c̄)²/2."""
        return -0.5 * (choice.c - self.bliss) ** 2

    def move(self, own, choice, view, outcome):
        """b' = cash − c."""
        return own.to(b=self.cash(own, view) - choice.c)

    def holds(self, own):
        """Wealth."""
        return {"B": own.b}

    def does(self, own, choice, view):
        """Consumption."""
        return {"C": choice.c}


class HiddenIncome(Economy):
    """The economy of the module docstring."""

    household: Household
    exogenous: Process
    r: Array
    mean: Array
    years_per_period: Array

    def timing(self):
        """Households move; nobody else is there."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """Nothing is bought or sold; what everybody sees of income is public."""
        return Formula(lambda now: {"y": self.exogenous.value(now.exo)})

    def household_sees(self, now):
        """Income, not its parts."""
        return IncomeView(1 + self.r, self.mean, now.prices["y"], jnp.zeros_like(now.exo))

    def accounts(self, now, after):
        """Budget: C + B' = (1 + r) B + y."""
        B, B_next = now.stocks["household"]["B"], after.stocks["household"]["B"]
        return {"goods": now.flows["household"]["C"] + B_next - (1 + self.r) * B - self.mean - now.prices["y"]}

    @classmethod
    def muth(cls, lasting: int = 11, passing: int = 5):
        """r = .1, ρ = .95; s.d. of ε .2, of v .3, on chains of so many states; wealth ten above its limit."""
        rho = 0.95
        p, moves = markov.rouwenhorst(lasting, rho, 0.2 / np.sqrt(1 - rho**2))
        v, draws = markov.rouwenhorst(passing, 0.0, 0.3)
        chain = Chain((p[:, None] + v[None, :]).reshape(-1), np.kron(moves, draws))
        household = Household(1 / 1.1, 10.0, 0.0, 10.0, 1.0, NoRisk())
        return cls(household, chain, 0.1, 5.0, 1.0)
