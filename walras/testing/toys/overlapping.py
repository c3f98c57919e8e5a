"""Two-period overlapping generations (Diamond 1965): birth, death, and what the dead leave behind.

    max log c_y + β s log c_o     c_y + k' = w + g,  c_o = R k      (s: chance of growing old)
    Y = z K^α N^(1−α)    R = α Y/K    w = (1 − α) Y/N    g = R · estates/N     (full depreciation)

Everybody who grows old dies then. Those who die young leave their savings, which are at work at the next date and go
to the young, g each. The closed form: the young save the share β s/(1 + β s), K' = β s/(1 + β s) ((1 − α) Y + N g),
which is β/(1 + β) (1 − α) Y where s = 1. K and N are counted: it holds in any population.

| symbol | field | meaning | unit |
|---|---|---|---|
| β | `household.beta` | discount factor | per generation |
| s | `household.grows_old` | chance of growing old | – |
| z | `exogenous` | productivity | – |
| α | `alpha` | capital share | – |
"""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Mortal, Own, View, risk
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import Chain, Distribution, Process, log_chain, point
from walras.economy.space import Interval


class CohortOwn(Own):
    """Capital k [goods] and age: 0 young, 1 old."""

    k: Scalar
    age: Int = risk()


class IncomeView(View):
    """Gross return, wage, gift to each of the young, state of productivity."""

    R: Scalar
    w: Scalar
    g: Scalar
    state: Int

    def info(self):
        """The state of productivity."""
        return self.state, ()


class Consumption(Choice):
    """Consumption [goods]."""

    c: Scalar


class Household(AgentType, Mortal):
    """Works when young, lives on its savings when old. `risk` is the clock: the old would be young again."""

    beta: Array
    grows_old: Array
    mass: Array
    risk: Process

    def birth(self, i, exo):
        """Young, without capital."""
        return point(CohortOwn(0.0, age=jnp.asarray(0)))

    def discount(self, own, view, outcome):
        """β s on the way to old age, nothing after it."""
        return jnp.where(own.age == 1, self.beta * self.grows_old, 0.0)

    def limits(self):
        """k' ≥ 0."""
        return CohortOwn(Interval(0.0, jnp.inf))

    def cash(self, own, view):
        """w + g when young, R k when old."""
        return jnp.where(own.age == 0, view.w + view.g, view.R * own.k)

    def feasible(self, own, view, chosen):
        """0 ≤ c ≤ cash."""
        return Consumption(Interval(0.0, self.cash(own, view)))

    def payoff(self, own, choice, view, outcome):
        """log c."""
        return jnp.log(choice.c)

    def move(self, own, choice, view, outcome):
        """k' = cash − c."""
        return own.to(k=self.cash(own, view) - choice.c)

    def survives(self, own, view, outcome):
        """s when young, nobody when old."""
        return jnp.where(own.age == 0, self.grows_old, 0.0)

    def holds(self, own):
        """Capital, and one if young."""
        return {"K": own.k, "N": jnp.where(own.age == 0, 1.0, 0.0)}

    def does(self, own, choice, view):
        """Consumption."""
        return {"C": choice.c}


class Overlapping(Economy):
    """The economy of the module docstring."""

    household: Household
    exogenous: Process
    alpha: Array
    years_per_period: Array

    def timing(self):
        """Households move at given prices."""
        return Timing(market={"household": Move(self.household, self.household_sees)})

    def market(self):
        """Prices are marginal products."""
        return Formula(self.prices)

    def capital(self, now):
        """What the living and the dead have put to work."""
        return now.stocks["household"]["K"] + now.estates["household"]["K"]

    def prices(self, now):
        """Gross return, wage and output."""
        K, N = self.capital(now), now.stocks["household"]["N"]
        Y = self.exogenous.value(now.exo) * K**self.alpha * N ** (1 - self.alpha)
        return {"R": self.alpha * Y / K, "w": (1 - self.alpha) * Y / N, "Y": Y}

    def household_sees(self, now):
        """Prices, and the estates with what they earned, among the young."""
        R = now.prices["R"]
        return IncomeView(R, now.prices["w"], R * now.estates["household"]["K"] / now.stocks["household"]["N"], now.exo)

    def accounts(self, now, after):
        """Goods: Y = C + K'."""
        return {"goods": now.prices["Y"] - now.flows["household"]["C"] - self.capital(after)}

    def opening(self, K: float) -> Distribution:
        """Half the mass young, the other half old with capital K each: a cross-section that births cannot give."""
        return Distribution(CohortOwn(jnp.asarray([0.0, K]), age=jnp.asarray([0, 1])), jnp.asarray([0.5, 0.5]))

    @classmethod
    def diamond(cls, grows_old: float = 1.0):
        """A mass of one young and one old; thirty years a period, β = .96³⁰ = .294, α = .3; productivity by chain."""
        clock = Chain([0.0, 1.0], jnp.asarray([[0.0, 1.0], [1.0, 0.0]]))
        return cls(Household(0.96**30, grows_old, 2.0, clock), log_chain(3, 0.5, 0.1, normalise=True), 0.3, 30.0)
