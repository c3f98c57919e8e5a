"""One-asset HANK: uninsured income risk, sticky prices, a Taylor rule; two markets clear at every date.

    household   max E Σ βᵗ (log c − n²/2)   c + b' = R b + w y(e) n + d − T,  b' ≥ 0     n = w y/c (the condition for hours)
    firm        Π (1 + Π) = ε/θ (mc − (ε − 1)/ε) + E[ (Y'/Y) Π' (1 + Π')/R' ]            (`sticky_prices`)
    bank        1 + i' = (1 + ī) (1 + Π)^φ exp(v)                                        (`central_bank`)
    date        R = (1 + i)/(1 + Π)   w = z mc   d = (1 − mc − θ/2 Π²) Y   T = (R − 1) B
    markets     Σ y n = Y/z   Σ b' = B

Real marginal cost and output clear labour and bonds; goods, Y (1 − θ/2 Π²) = C, follow (Walras' law) and are a check. The
nominal rate i was set at the date before. Everybody conditions on (i, h, z, v), where h = ∫ log(1 + b): mean wealth is
always B and says nothing, without h expectations fit badly.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β | `household.beta` | discount factor | per year | Yang, Wang, Schaab, Moll (2025), Table 6 |
| y(e) | `household.risk` | efficiency, three states | – | log AR(1) .6, s.d. .2; mean not one |
| ε, θ | `firm.epsilon`, `firm.theta` | elasticity of demand, cost of price changes | – | Table 6 |
| ī, φ | `bank.target`, `bank.phi` | nominal rate at zero inflation, response | per year, – | Table 6 |
| z, v | `exogenous` | productivity, surprise of policy: log AR(1), AR(1) | – | .9, s.d. .07; .9, s.d. .002 |
| B | `supply` | public debt | goods | Table 6 |

The paper's text has β = .95 and its table .975, which alone fits its horizon. Dividends and tax are the same for all. Zero
inflation is *not* the steady state: the bond market asks for R = 1.0235, and the Taylor rule turns that into Π = −.29 %.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.module import parameter
from walras.economies.central_bank import Bank, BankView
from walras.economies.sticky_prices import Firm, FirmView
from walras.economies.worker import Worker, WorkerView
from walras.economy.economy import Clear, Economy, Move, Timing
from walras.economy.process import Chain, NoRisk, Process, joint, log_chain
from walras.numerics import markov


class Hank(Economy):
    """The economy of the module docstring."""

    household: Worker
    firm: Firm
    bank: Bank
    exogenous: Process
    supply: Array = parameter("public debt", "goods")
    years_per_period: Array = parameter("length of a period", "years", 0)

    def timing(self):
        """Firm, bank, household, at each candidate."""
        return Timing(
            market={
                "firm": Move(self.firm, self.firm_sees, lambda now: {"Pi": now.flows["firm"]["Pi"]}),
                "bank": Move(self.bank, self.bank_sees),
                "household": Move(self.household, self.household_sees),
            }
        )

    def market(self):
        """Marginal cost and output clear labour and bonds."""
        return Clear(self.excess, guess={"mc": jnp.asarray(0.9), "Y": jnp.asarray(1.0)})

    def excess(self, now):
        """Labour and bonds."""
        flow, z = now.flows["household"], self.exogenous.value(now.exo)[0]
        return {"labour": flow["L"] - now.prices["Y"] / z, "bonds": flow["S"] - self.supply}

    def firm_sees(self, now):
        """Cost, sales, the rate, the moment."""
        return FirmView(now.prices["mc"], now.prices["Y"], self.gross(now), now.stocks["household"]["h"], now.exo)

    def household_sees(self, now):
        """The real return by what firms have just chosen; profits less tax in one sum."""
        mc, Y, flow, gross = now.prices["mc"], now.prices["Y"], now.flows["firm"], self.gross(now)
        R = gross / (1 + flow["Pi"])
        transfer = (1 - mc - flow["cost"]) * Y - (R - 1) * self.supply
        w = mc * self.exogenous.value(now.exo)[0]
        gross_next = 1 + now.flows["bank"]["i"]
        return WorkerView(R, w, transfer, gross, gross_next, now.stocks["household"]["h"], now.exo)

    def bank_sees(self, now):
        """Inflation and its own surprise."""
        return BankView(now.flows["firm"]["Pi"], self.exogenous.value(now.exo)[1], now.exo)

    def gross(self, now):
        """1 + i."""
        return 1 + now.stocks["bank"]["i"]

    def accounts(self, now, after):
        """Goods: Y less the cost of price changes = C. Bonds: what was asked for is held."""
        goods = now.prices["Y"] * (1 - now.flows["firm"]["cost"]) - now.flows["household"]["C"]
        return {"goods": goods, "bonds": after.stocks["household"]["B"] - now.flows["household"]["S"]}

    @classmethod
    def srl2025(cls, shocks: float = 1.0):
        """Yang, Wang, Schaab and Moll (2025), Tables 6-7: annual; `shocks` scales both aggregate risks."""
        z = log_chain(7, 0.9, 0.07 * shocks, normalise=False)
        nodes, transition = markov.rouwenhorst(5, 0.9, 0.002 * shocks)
        return cls._table_6(joint(z, Chain(nodes, transition), names=("z", "v")))

    @classmethod
    def steady(cls):
        """`srl2025` without aggregate risk."""
        return cls._table_6(Chain(np.array([[1.0, 0.0]]), np.ones((1, 1)), ("z", "v")))

    @classmethod
    def _table_6(cls, exogenous: Chain):
        nodes, transition = markov.binned(3, 0.6, 0.2)
        household = Worker(0.975, 5.0, 1.0, Chain(np.exp(nodes), transition))
        return cls(household, Firm(10.0, 100.0, 1.0, NoRisk()), Bank(0.025, 1.5, 1.0, NoRisk()), exogenous, 5.0, 1.0)
