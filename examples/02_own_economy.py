"""An economy of one's own in its own file: capital income is taxed and the revenue handed back, the same to everybody.

    max E Σ βᵗ u(c)    c + k' = (1 + (1 − τ) r) k + w y(e) + T,  k' ≥ 0
    Y = K^α L^(1−α)    r = α Y/K − δ    w = (1 − α) Y/L    T = τ r K per head

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| β, γ | `household.beta`, `household.gamma` | discount factor, risk aversion | per year, – | Aiyagari (1994) |
| y(e) | `household.risk` | efficiency units of labour | – | log AR(1) |
| α, δ | `alpha`, `delta` | capital share, depreciation rate | –, per year | Aiyagari (1994) |
| τ | `tau` | tax on capital income | – | illustration |

    python examples/02_own_economy.py --preset standard
    walras solve examples/02_own_economy.py:OwnEconomy --set tau=0.4
"""

import argparse

import walras as w
from walras.economy import (
    AgentType,
    Choice,
    Economy,
    Formula,
    Int,
    Interval,
    Invertible,
    Move,
    NoRisk,
    Own,
    Process,
    Scalar,
    Timing,
    View,
    crra,
    crra_inverse_marginal,
    log_chain,
    parameter,
    risk,
)


class CapitalOwn(Own):
    """Capital k [goods] and income state e."""

    k: Scalar
    e: Int = risk()


class PriceView(View):
    """Gross return after tax, wage, transfer."""

    R: Scalar
    w: Scalar
    T: Scalar
    z: Int

    def info(self):
        """The one state of a world without aggregate risk."""
        return self.z, ()


class Consumption(Choice):
    """Consumption [goods]."""

    c: Scalar


class Household(AgentType, Invertible):
    """Saves in capital against income risk."""

    beta: Scalar = parameter("discount factor", "per period", 0, 1)
    gamma: Scalar = parameter("relative risk aversion", "–", 0)
    k_birth: Scalar = parameter("capital at birth", "goods", 0)
    mass: Scalar = parameter("mass of households", "persons", 0)
    risk: Process

    def birth(self, i, exo):
        """Everybody starts with `k_birth`."""
        return self.risk.start(exo).map(lambda e: CapitalOwn(self.k_birth, e=e))

    def discount(self, own, view, outcome):
        """β."""
        return self.beta

    def limits(self):
        """k' ≥ 0."""
        return CapitalOwn(Interval(0.0, float("inf")))

    def cash(self, own, view):
        """R k + w y + T."""
        return view.R * own.k + view.w * self.risk.value(own.e) + view.T

    def feasible(self, own, view, chosen):
        """0 ≤ c ≤ cash."""
        return Consumption(Interval(0.0, self.cash(own, view)))

    def payoff(self, own, choice, view, outcome):
        """u(c)."""
        return crra(choice.c, self.gamma)

    def move(self, own, choice, view, outcome):
        """k' = cash − c."""
        return own.to(k=self.cash(own, view) - choice.c)

    def holds(self, own):
        """Capital and labour."""
        return {"K": own.k, "L": self.risk.value(own.e)}

    def does(self, own, choice, view):
        """Consumption."""
        return {"C": choice.c}

    def invert(self, W, own, view, outcome, next_own):
        """u'(c) = W, then the budget for k."""
        c = crra_inverse_marginal(W, self.gamma)
        income = self.cash(own.to(k=0.0), view)
        return Consumption(c), own.to(k=(c + next_own.k - income) / view.R)


class OwnEconomy(Economy):
    """The economy of the module docstring."""

    household: Household
    exogenous: Process
    alpha: Scalar = parameter("capital share", "–", 0, 1)
    delta: Scalar = parameter("depreciation rate", "per period", 0, 1, closed=True)
    tau: Scalar = parameter("tax on capital income", "–", 0, 1, closed=True)
    years_per_period: Scalar = parameter("length of a period", "years", 0)

    def timing(self):
        """Households move at given prices."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """Prices are marginal products; the transfer is what the tax brings."""
        return Formula(self.prices)

    def prices(self, now):
        """r, w, T and output from the counted stocks."""
        K, L = now.stocks["household"]["K"], now.stocks["household"]["L"]
        Y = K**self.alpha * L ** (1 - self.alpha)
        r = self.alpha * Y / K - self.delta
        return {"r": r, "w": (1 - self.alpha) * Y / L, "T": self.tau * r * K / self.household.mass, "Y": Y}

    def household_sees(self, now):
        """Prices after tax, and the transfer."""
        p = now.prices
        return PriceView(1 + (1 - self.tau) * p["r"], p["w"], p["T"], now.exo)

    def accounts(self, now, after):
        """Goods: Y = C + K' − (1 − δ) K."""
        K, K_next = now.stocks["household"]["K"], after.stocks["household"]["K"]
        return {"goods": now.prices["Y"] - now.flows["household"]["C"] - (K_next - (1 - self.delta) * K)}

    @classmethod
    def calibration(cls):
        """Annual; Aiyagari's benchmark with a tax of a quarter on capital income."""
        income = log_chain(7, 0.6, 0.2, normalise=True)
        return cls(Household(0.96, 1.0, 5.0, 1.0, income), NoRisk(), 0.36, 0.08, 0.25, 1.0)


def main() -> None:
    """Check the equations, solve with and without the tax, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="standard")
    preset = parser.parse_args().preset

    economy = OwnEconomy.calibration()
    w.testing.check_economy(economy)
    for tau in (0.0, 0.25):
        solution = w.solve(w.with_parameters(economy, {"tau": tau}), preset=preset)
        found = solution.moments()
        r, K = found["interest_rate_mean"], found["capital_mean"]
        print(f"tau {tau:.2f}   K {K:.4f}   r before tax {100 * r:.4f} %   {solution.verdict}")


if __name__ == "__main__":
    main()
