"""Oligopoly: firms that choose quantities (Cournot 1838) or prices (Bertrand, logit demand), with shocks to demand.

    Cournot     p = a z − b Σ q_j         profit_i = (p + s − c_i) q_i − d q_i²/2
    Bertrand    q_i = z exp((v − p_i)/μ)/D,  D = 1 + Σ exp((v − p_j)/μ)       profit_i = (p_i + s − c_i) q_i

Whether a firm knows what it does to the market is in its task, not here: a taker is told p (or D) as it comes about, a
strategic one learns within the economy. With c_i net of the subsidy:

    Cournot     takers p = c_i + d q_i, Nash p = c_i + (d + b) q_i
    Bertrand    takers p_i = c_i + μ (Chamberlin's large group), Nash p_i = c_i + μ/(1 − q_i/z)

| symbol | field | meaning | unit |
|---|---|---|---|
| c_i, d | `firm.cost`, `firm.slope` | marginal cost of the first unit, its slope | money, money per good |
| s | `firm.subsidy` | subsidy on every unit sold | money |
| a, b | `intercept`, `tilt` | demand: price at which nothing is bought, its slope | money, money per good |
| v, μ | `firm.worth`, `firm.taste` | worth of a good, s.d. of tastes for brands | money |
| z | `exogenous` | demand | – |

Calibrations are own: numbers that keep every firm in the market.
"""

import numpy as np
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.rival import Firm, Market
from walras.economy.agent import View
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import Chain, Process


class DemandView(View):
    """The state of demand."""

    state: Int
    z: Scalar

    def info(self):
        """The state."""
        return self.state, ()


class Oligopoly(Economy):
    """The economy of the module docstring; `firm.posts` says whether firms post prices (Bertrand) or bring quantities."""

    firm: Firm
    exogenous: Process
    intercept: Array = parameter("price at which nothing is bought", "money", 0)
    tilt: Array = parameter("slope of demand", "money per good", 0)
    years_per_period: Array = parameter("length of a period", "years", 0)

    def timing(self):
        """All firms at once; the market comes about afterwards."""
        return Timing(market={"firm": Move(self.firm, self.firm_sees, self.firm_gets)})

    def market(self):
        """No price is known before everybody has chosen."""
        return Formula(lambda now: {})

    def firm_sees(self, now):
        """Demand."""
        return DemandView(now.exo, self.exogenous.value(now.exo))

    def firm_gets(self, now):
        """Cournot: the price. Bertrand: what all brands together are worth to buyers."""
        z, flow = self.exogenous.value(now.exo), now.flows["firm"]
        price = self.intercept * z - self.tilt * flow["Q"]
        return Market(price, 1 + flow["A"], z)

    def accounts(self, now, after):
        """Bertrand: no more is sold than there are buyers' orders; Cournot stores nothing."""
        market = self.firm_gets(now)
        return {"orders": market.z * (now.flows["firm"]["A"] + 1) / market.total - market.z}

    def benchmark(self, conduct: str) -> dict[str, np.ndarray]:
        """Prices and quantities (states, firms) under `taker`, `nash` or `cartel` conduct, every firm in the market.

        Cournot in closed form; Bertrand by the fixed point of the markups of the module docstring, μ/(share of no brand) for a cartel.
        """
        firm, z = self.firm, np.asarray([float(self.exogenous.value(i)) for i in range(self.exogenous.n)])[:, None]
        cost = np.asarray(firm.cost) - float(firm.subsidy)
        n = len(cost)
        if not firm.posts:
            a, b, d = float(self.intercept) * z, float(self.tilt), float(firm.slope)
            if conduct == "cartel":
                total = (n * a - cost.sum()) / (d + 2 * b * n)
                return {"p": np.broadcast_to(a - b * total, (len(z), n)), "q": (a - 2 * b * total - cost) / d}
            steep = {"taker": d, "nash": d + b}[conduct]
            price = (a + b * cost.sum() / steep) / (1 + b * n / steep)
            return {"p": np.broadcast_to(price, (len(z), n)), "q": (price - cost) / steep}
        mu, price, share = float(firm.taste), cost + float(firm.taste), np.zeros(n)
        for _ in range(2000):
            drawn = np.exp((float(firm.worth) - price) / mu)
            share = drawn / (1 + drawn.sum())
            lost = {"taker": 0.0 * share, "nash": share, "cartel": np.full(n, share.sum())}[conduct]
            price = 0.5 * price + 0.5 * (cost + mu / (1 - lost))
        return {"p": np.broadcast_to(price, (len(z), n)), "q": z * share}

    def collusion(self, price: np.ndarray) -> float:
        """Collusion index of prices, whatever their shape: 0 where their mean is that of Nash, 1 where it is the cartel's."""
        nash, cartel = (self.benchmark(conduct)["p"].mean() for conduct in ("nash", "cartel"))
        return float((np.mean(price) - nash) / (cartel - nash))

    @classmethod
    def cournot(cls, n: int = 5, spread: float = 0.4):
        """`n` firms with marginal costs 1 ± `spread`, slope 1, p = 10 z − Q, demand 10 % below or above."""
        return cls.of(np.linspace(1 - spread, 1 + spread, n), False)

    @classmethod
    def bertrand(cls, n: int = 5, spread: float = 0.2):
        """`n` firms with marginal costs 1 ± `spread`, logit demand with v = 3, μ = .5."""
        return cls.of(np.linspace(1 - spread, 1 + spread, n), True)

    @classmethod
    def of(cls, costs, posts: bool):
        """One firm per marginal cost."""
        demand = Chain([0.9, 1.1], np.array([[0.8, 0.2], [0.2, 0.8]]))
        costs = np.asarray(costs, float)
        firm = Firm(costs, 0.0 if posts else 1.0, 0.0, 5.0, 0.95, float(len(costs)), posts, 3.0, 0.5)
        return cls(firm, demand, 10.0, 1.0, 0.25)
