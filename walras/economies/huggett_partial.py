"""Saving at an interest rate that moves by itself: Huggett's household in partial equilibrium.

    max E Σ βᵗ u(c)    c + b' = (1 + r) b + y(e),  b' ≥ b_min
    r' = (1 − ρ) r̄ + ρ r + ν √max(r, 0) ε

No market clears: the interest rate is exogenous. What one individual does can be compared with endogenous grids alone, so
that this is where a learner of rules is tested by itself.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β, γ | `household.beta`, `household.gamma` | discount factor, risk aversion | per year, – | Yang et al. (2025), Table 2 |
| b_min | `household.b_min` | borrowing limit | goods | Table 2 |
| y(e) | `household.risk` | own endowment, three states | goods | Table 2: log AR(1) |
| r | `exogenous` | interest rate | per year | Yang et al.: r̄ .038, ρ .8, ν .02 |
"""

import numpy as np

from walras.economies.huggett import BondView, Household, Huggett
from walras.economy.economy import Formula
from walras.economy.process import Chain, SquareRoot
from walras.numerics import markov


class HuggettPartial(Huggett):
    """The economy of the module docstring."""

    def market(self):
        """The rate is what it is."""
        return Formula(lambda now: {"r": self.exogenous.value(now.exo)})

    def household_sees(self, now):
        """A bond costs one and pays 1 + r; endowments do not move."""
        r = now.prices["r"]
        return BondView(1.0 + r, 0.0 * r + 1.0, 0.0 * r + 1.0, now.exo)

    @classmethod
    def srl2025(cls):
        """β = .96, σ = 2, b ≥ −1; log y .6, .2; the rate as in the accuracy test of the paper."""
        nodes, transition = markov.binned(3, 0.6, 0.2)
        household = Household(0.96, 2.0, -1.0, 5.0, 1.0, Chain(np.exp(nodes), transition))
        return cls(household, SquareRoot(0.038, 0.8, 0.02), 0.0, 0.0, -0.05, 0.06, 1.0)
