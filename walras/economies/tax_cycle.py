"""A government that answers booms, slumps and inequality: capital, labour choice, uninsured risk that is larger in slumps.

    household   `earner`: max E Σ βᵗ u(c − v(n)),  c + k' = (1 + r_net) k + w_net y(e) n + T,  k' ≥ 0
    government  `government`: τ_n, τ_k by rules of (z, K, H), announced and believed; T = τ_n w L + τ_k r K − spending
    firm        Y = z K^α L^(1−α)    r = α Y/K − δ    w = (1 − α) Y/L
    labour      L = [((1 − τ_n)(1 − α) z K^α/ψ) H^η]^(1/(η+α)),   H = Σ y^(1+1/η)

H is the dispersion of earnings: hours follow ability, so that it is what everybody's labour is worth at a given wage. Ability
has mean one in every cross-section, and a conditional s.d. that depends on the exogenous state. Everybody conditions on
(z, K, H), which settle prices and taxes of a date exactly.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β, γ, η, ψ | `household.…` | see `earner` | | own |
| y(e) | `household.risk` | ability: persistence .95, innovations of .21 in a slump, .12 in a boom | – | Storesletten, Telmer, Yaron (2004) |
| τ_n, τ_k | `government.labour.…`, `government.capital.…` | see `fiscal_rules` | – | own |
| z | `exogenous` | productivity | – | own |
| α, δ | `alpha`, `delta` | capital share, depreciation rate | –, per year | own |
| | `spending` | public consumption | goods | own |
"""

import numpy as np
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.earner import Earner
from walras.economies.fiscal_rules import RateRule, constant
from walras.economies.government import AggregateView, Government
from walras.economy.agent import View
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import ConditionalChain, NoRisk, Process, log_chain
from walras.numerics import markov


class NetView(View):
    """Interest rate and wage after taxes, transfer; exogenous state, capital, dispersion of earnings."""

    r: Scalar
    w: Scalar
    T: Scalar
    state: Int
    K: Scalar
    H: Scalar

    def info(self):
        """Exogenous state, capital, dispersion of earnings."""
        return self.state, (self.K, self.H)


class TaxCycle(Economy):
    """The economy of the module docstring."""

    household: Earner
    government: Government
    exogenous: Process
    alpha: Array = parameter("capital share", "–", 0, 1)
    delta: Array = parameter("depreciation rate", "per period", 0, 1, closed=True)
    spending: Array = parameter("public consumption", "goods", 0, closed=True)
    years_per_period: Array = parameter("length of a period", "years", 0)

    def timing(self):
        """The government leads; households move at given prices."""
        return Timing(
            before={"government": Move(self.government, self.government_sees)},
            market={"household": Move(self.household, self.household_sees)},
        )

    def market(self):
        """Prices are marginal products."""
        return Formula(self.prices)

    def prices(self, now):
        """r, w, transfer, output and labour from counted stocks and the rates of the date."""
        held, rates, z = now.stocks["household"], now.flows["government"], self.exogenous.value(now.exo)
        who, share = self.household, (1 - self.alpha) * z * held["K"] ** self.alpha / self.household.psi
        # H is counted over people: per head it is what the wage has to draw labour from.
        L = (((1 - rates["tau_n"]) * share) * held["H"] ** who.eta) ** (1 / (who.eta + self.alpha))
        Y = z * held["K"] ** self.alpha * L ** (1 - self.alpha)
        r, w = self.alpha * Y / held["K"] - self.delta, (1 - self.alpha) * Y / L
        paid = rates["tau_n"] * w * L + rates["tau_k"] * r * held["K"]
        return {"r": r, "w": w, "T": (paid - self.spending) / who.mass, "Y": Y, "L": L}

    def government_sees(self, now):
        """Productivity, capital, dispersion of earnings."""
        held = now.stocks["household"]
        return AggregateView(self.exogenous.value(now.exo), held["K"], held["H"], now.exo)

    def household_sees(self, now):
        """After taxes."""
        p, rates, held = now.prices, now.flows["government"], now.stocks["household"]
        net = ((1 - rates["tau_k"]) * p["r"], (1 - rates["tau_n"]) * p["w"])
        return NetView(*net, p["T"], now.exo, held["K"], held["H"])

    def accounts(self, now, after):
        """Labour: as many hours as prices say. Budget: what is paid is spent. Goods: Y = C + G + K' − (1 − δ) K."""
        flow, rates, p = now.flows["household"], now.flows["government"], now.prices
        K, K_next = now.stocks["household"]["K"], after.stocks["household"]["K"]
        paid = rates["tau_n"] * p["w"] * flow["L"] + rates["tau_k"] * p["r"] * K
        left = paid - p["T"] * self.household.mass - self.spending
        invested = K_next - (1 - self.delta) * K
        return {"labour": p["L"] - flow["L"], "budget": left, "goods": p["Y"] - flow["C"] - self.spending - invested}

    @classmethod
    def countercyclical(cls):
        """Annual; productivity 3 % below and above, kept at .75; innovations of ability of .21 and .12; labour taxed at .42."""
        return cls.of(constant(0.42), 0.03, (0.21, 0.12))

    @classmethod
    def of(cls, labour: RateRule, swing: float, risks: tuple[float, float]):
        """β = .96, γ = η = 2, α = .36, δ = .08; log productivity ∓ swing, innovations of ability by state, no tax on capital."""
        values = np.exp(np.linspace(-1.5, 1.7, 7))
        moves = [markov.moment_matched(values, 1 + 0.95 * (values - 1), risk * values) for risk in risks]
        moves = np.stack([np.stack([m, m]) for m in moves])
        initial = np.stack([markov.stationary(moves.mean(axis=(0, 1)))] * 2)
        household = Earner(0.96, 2.0, 2.0, 1.0, 6.2, 1.0, ConditionalChain(values, moves, initial))
        government = Government(labour, constant(0.0), 6.2, 1.12, 1.0, NoRisk())
        exogenous = log_chain(2, 0.5, swing, normalise=False)
        return cls(household, government, exogenous, 0.36, 0.08, 0.0, 1.0)
