"""The real-business-cycle economy of many learning households (MARL-BC: Gabriele, Glielmo, Taboga 2025).

    max E Σ βᵗ [u(c) + b log(1 − l)]      a = (ρ κ + 1 − δ) k + w [(1 − τ) λ l + μ 1{λ = 0}]      c = s a    k' = (1 − s) a
    K = Σ κ k   L = Σ λ l   Y = z K^α L^(1−α)    ρ = α Y/K   w = (1 − α) Y/L   τ = μ U/L    (counted over the population)

Everybody decides at once what share s of cash a to consume and how long to work; the wage comes about from all hours, so that
both are outcomes. Households differ by how productive their capital (κ) and their hours (λ) are, for ever or by chance: the
state of their risk, whose value is the pair; nobody leaves a permanent type. The unemployed have λ = 0.

With δ = 1, u = log: s = 1 − αβ and, for one household, l = (1 − α)/(b (1 − αβ) + 1 − α), whatever the process of z. (Equation 13 of the
paper is reported to have α and 1 − α exchanged.) With permanent κ and no risk only the highest κ holds capital in the long run
(Becker 1980).

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β, γ | `household.beta`, `household.gamma` | discount factor, risk aversion (1: log) | per period, – | MARL-BC's code |
| b | `household.leisure` | weight of leisure; hours are 1 where they are not chosen (`elastic`) | utils | MARL-BC's code |
| μ | `household.mu` | unemployment benefit / wage | – | Den Haan, Judd, Juillard (2010) |
| κ, λ | `household.risk` | productivity of capital, of hours | – | MARL-BC's code |
| z | `exogenous` | total factor productivity | – | MARL-BC's code |
| α, δ | `alpha`, `delta` | capital share, depreciation rate | –, per period | MARL-BC's code |

`closed_form` and `rbc`: one household; `heterogeneous`: permanent types; `krusell_smith` has chances, benefits and taxes of `krusell_smith.dhjj2010`.
"""

import numpy as np
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.krusell_smith import KrusellSmith
from walras.economies.producer import Household
from walras.economy.agent import View
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import Chain, ConditionalChain, LogAR1, Process


class CapitalView(View):
    """Productivity state and productive capital."""

    z: Int
    K: Scalar

    def info(self):
        """Both."""
        return self.z, (self.K,)


class MarlRbc(Economy):
    """The economy of the module docstring."""

    household: Household
    exogenous: Process
    alpha: Array = parameter("capital share", "–", 0, 1)
    delta: Array = parameter("depreciation rate", "per period", 0, 1, closed=True)
    years_per_period: Array = parameter("length of a period", "years", 0)

    def timing(self):
        """Everybody at once."""
        return Timing(market={"household": Move(self.household, self.household_sees, self.household_gets)})

    def market(self):
        """No price is known before hours are."""
        return Formula(lambda now: {})

    def household_sees(self, now):
        """Productivity state, productive capital."""
        return CapitalView(now.exo, now.stocks["household"]["K"])

    def household_gets(self, now):
        """Gross return of productive and undepreciated capital, wage, tax rate; output and consumption."""
        held, flow = now.stocks["household"], now.flows["household"]
        Y = self.exogenous.value(now.exo) * held["K"] ** self.alpha * flow["L"] ** (1 - self.alpha)
        rent, w, tau = self.alpha * Y / held["K"], (1 - self.alpha) * Y / flow["L"], self.household.mu * held["U"] / flow["L"]
        spent = (
            rent * flow["sK"] + (1 - self.delta) * flow["sk"] + w * ((1 - tau) * flow["sL"] + self.household.mu * flow["sU"])
        )
        return {"rent": rent, "kept": 1 - self.delta + 0 * rent, "w": w, "tau": tau, "Y": Y, "C": spent}

    def accounts(self, now, after):
        """Goods: Y = C + K' − (1 − δ) K."""
        market = self.household_gets(now)
        k, k_next = now.flows["household"]["k"], after.flows["household"]["k"]
        return {"goods": market["Y"] - market["C"] - (k_next - (1 - self.delta) * k)}

    @classmethod
    def closed_form(cls):
        """One household, δ = 1, α = .36, β = .95, b = 5: s = .658, l = .162852."""
        return cls.of(0.95, 5.0, [[1.0, 1.0]], 0.03, 1.0)

    @classmethod
    def rbc(cls):
        """One household, δ = .025, β = .99, b = 5: the textbook's quarterly real business cycle."""
        return cls.of(0.99, 5.0, [[1.0, 1.0]], 8.0, 0.025)

    @classmethod
    def krusell_smith(cls):
        """Chances of work, benefits and taxes of Den Haan, Judd and Juillard (2010); hours are not chosen."""
        base = KrusellSmith.dhjj2010()
        work, home = base.household.risk, base.household
        assert isinstance(work, ConditionalChain)
        pairs = np.stack([np.ones(2), np.asarray(work.values)], axis=1)
        chance = ConditionalChain(pairs, work.transition, work.initial)
        parts = (home.beta, home.gamma, 1.0, home.mu, home.k_birth, home.mass, False, chance)
        return cls(Household(*parts), base.exogenous, base.alpha, base.delta, base.years_per_period)

    @classmethod
    def heterogeneous(cls, levels: int = 3):
        """`levels`² permanent types, κ and λ evenly spaced in [.98, 1.02] (9; 23 levels: 529); else as `rbc`."""
        grid = np.linspace(0.98, 1.02, levels)
        return cls.of(0.99, 5.0, np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).reshape(-1, 2), 8.0, 0.025)

    @classmethod
    def of(cls, beta: float, leisure: float, types, k_birth: float, delta: float):
        """Log utility, α = .36, productivity log AR(1) with persistence .9 and innovations of 1 %; `types`: pairs (κ, λ)."""
        types = np.asarray(types, float)
        household = Household(beta, 1.0, leisure, 0.0, k_birth, 1.0, True, Chain(types, np.eye(len(types))))
        return cls(household, LogAR1(0.9, 0.01, 1.0), 0.36, delta, 0.25)
