"""Huggett (1993) with aggregate risk: endowments move together, the interest rate clears the bond market at every date.

    max E Σ βᵗ u(c)    c + q b' = R b + z y(e),  b' ≥ b_min      Σ b' = 0

Bond-price form (`srl2025`): a bond costs q = 1/(1 + r) and pays 1, so that its return is known when it is bought. Rate
form (`srl2025_rate`): it costs 1 and pays 1 + r, found at the date when it pays, as Yang, Wang, Schaab and Moll time it.
Linearised, the rate form is indeterminate (winding number 1): rational expectations pin down E r' but not the surprise
in r. One solution is selected because households condition on r and expect r' to be near it; the bond-price form is
determinate (winding number 0) and therefore the default.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β, γ | `household.beta`, `household.gamma` | discount factor, risk aversion | per year, – | Yang et al. (2025), Table 2 |
| b_min | `household.b_min` | borrowing limit | goods | Table 2 |
| y(e) | `household.risk` | own endowment, three states | goods | Table 2: log AR(1) |
| z | `exogenous` | aggregate endowment, log AR(1) | – | Table 2: .9, s.d. .02 |
| r | `r_low`, `r_high` | interval in which the rate is sought | per year | numerical |

Nothing is stored: consumption is z E[y] at every date, exactly.
"""

import numpy as np

from walras.economies.huggett import BondView, Household, Huggett
from walras.economy.process import Chain, LogAR1
from walras.numerics import markov


class RateView(BondView):
    """What a bond pays and costs, the aggregate endowment and its state; prices are conditioned on."""

    def info(self):
        """State of the endowment, gross return of a bond."""
        return self.state, (self.R / self.q,)


class HuggettRisk(Huggett):
    """The economy of the module docstring."""

    def household_sees(self, now):
        """As in `Huggett`, and the price is conditioned on."""
        return RateView(**vars(super().household_sees(now)))

    @classmethod
    def srl2025(cls):
        """Bond-price form: β = .96, σ = 2, b ≥ −1, no net supply; log y .6, .2; log z .9, unconditional s.d. .02."""
        return cls._table_2(known=1.0)

    @classmethod
    def srl2025_rate(cls):
        """As `srl2025`, rate form: the timing of the paper."""
        return cls._table_2(known=0.0)

    @classmethod
    def _table_2(cls, known: float):
        nodes, transition = markov.binned(3, 0.6, 0.2)
        household = Household(0.96, 2.0, -1.0, 0.0, 1.0, Chain(np.exp(nodes), transition))
        z = LogAR1(0.9, 0.02 * np.sqrt(1 - 0.9**2), 1.0)
        return cls(household, z, 0.0, known, -0.05, 0.06, 1.0)
