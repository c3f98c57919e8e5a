"""The economy of Curry, Trott, Phade, Bai and Zheng (2022), small and closed: no price clears anything.

Firms post prices and wages for the next date; consumers ask for goods, choose hours and an employer; who is asked for
more than it has in stock serves everybody the same share. A government taxes and pays all of it back at the same date.

    consumer   Σ_i ((c_i + 1)^(1−η) − 1)/(1 − η) − θ/2 h      m' = m − Σ p c + (1 − τ) w h + rebate
    firm       y' = y − sold + A k^(1−α) L^α    gross = p sold − w L    k' = k + ι max(gross, 0)
               profit = gross − ι max(gross, 0), less σ max(profit, 0)
    government moves first: τ of this date (a leader's choice), σ of the next (its own state); it is paid the consumers'
               payoffs

Money and capital are conserved together: Σ m' + Σ k' = Σ m + Σ k. What a type cannot see when it chooses (how much it
is served, the rebate, the welfare it is paid) is in `gets`.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| η, θ | `consumer.eta`, `consumer.theta` | curvature, disutility of hours by consumer | – | .1; .01 (1 − i/n)^¼ |
| A, α | `firm.productivity`, `firm.alpha` | productivity, exponent of labour by firm | – | .01; two of theirs |
| ι | `firm.invests` | share of gross income invested | – | .1 |
| – | `firm.prices`, `firm.wages` | grids of posted prices and wages | money | theirs |

    @article{curry2022analyzing, title={Analyzing micro-founded general equilibrium models with many agents using deep
      reinforcement learning}, author={Curry, Michael and Trott, Alexander and Phade, Soham and Bai, Yu and Zheng,
      Stephan}, journal={arXiv:2201.01163}, year={2022}}
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.types import Int, Scalar
from walras.economy.agent import AgentType, Choice, Own, View, trait
from walras.economy.economy import Economy, Formula, Move, Timing
from walras.economy.process import NoRisk, Process, point
from walras.economy.space import Discrete, Interval


class ConsumerOwn(Own):
    """Money m and disutility of hours θ."""

    m: Scalar
    theta: Scalar = trait()


class FirmOwn(Own):
    """Money m, capital k, stock of goods y, posted price p and wage w, number."""

    m: Scalar
    k: Scalar
    y: Scalar
    p: Scalar
    w: Scalar
    id: Int = trait()


class GovernmentOwn(Own):
    """Tax rate on profits, announced at the last date."""

    sigma: Scalar


class Posted(View):
    """Prices, wages and stocks by firm; both tax rates."""

    p: Array
    w: Array
    y: Array
    tau: Scalar
    sigma: Scalar

    def info(self):
        """Everything posted."""
        return jnp.asarray(0), (self.p, self.w, self.y, self.tau, self.sigma)


class Announced(View):
    """The tax rate on profits of this date."""

    sigma: Scalar

    def info(self):
        """The rate."""
        return jnp.asarray(0), (self.sigma,)


class Wish(Choice):
    """Goods asked for by firm, hours, employer."""

    goods: Array
    hours: Scalar
    employer: Int


class Posting(Choice):
    """Price and wage of the next date."""

    p: Scalar
    w: Scalar


class Taxes(Choice):
    """τ of this date, σ of the next."""

    tau: Scalar
    sigma: Scalar


class Consumer(AgentType):
    """Buys with the money it has, works for the firm it likes."""

    eta: Array
    theta: Array
    m_birth: Array
    firms: Array
    mass: Array
    risk: Process

    @property
    def identities(self) -> int:
        """One consumer per disutility."""
        return self.theta.shape[0]

    def birth(self, i, exo):
        """Consumer number i."""
        return point(ConsumerOwn(self.m_birth, theta=self.theta[i]))

    def discount(self, own, view, outcome):
        """None within the ten dates that they live."""
        return jnp.ones(())

    def limits(self):
        """m' ≥ 0."""
        return ConsumerOwn(Interval(0.0, jnp.inf))

    def feasible(self, own, view, chosen):
        """Up to ten of each good, up to a thousand hours, one employer; what cannot be paid is cut in `basket`."""
        none = jnp.zeros_like(view.p)
        return Wish(Interval(none, none + 10.0), Interval(0.0, 1040.0), Discrete(self.firms))

    def basket(self, own, choice, view):
        """What is asked for, cut in proportion to what the money pays."""
        cost = jnp.sum(view.p * choice.goods)
        return choice.goods * jnp.where(cost > own.m, own.m / jnp.where(cost > 0, cost, 1.0), 1.0)

    def payoff(self, own, choice, view, outcome):
        """Goods as served, less hours."""
        c = self.basket(own, choice, view) * outcome["served"]
        return jnp.sum(((c + 1) ** (1 - self.eta) - 1) / (1 - self.eta)) - own.theta / 2 * choice.hours

    def move(self, own, choice, view, outcome):
        """Money less goods as served, wages after tax, rebate."""
        paid = jnp.sum(view.p * self.basket(own, choice, view) * outcome["served"])
        wages = (1 - view.tau) * view.w[choice.employer] * choice.hours
        return own.to(m=own.m - paid + wages + outcome["rebate"])

    def holds(self, own):
        """Money."""
        return {"m": own.m}

    def does(self, own, choice, view):
        """Goods asked for and hours offered, by firm."""
        here = jax.nn.one_hot(choice.employer, view.p.shape[0])
        return {"goods": self.basket(own, choice, view), "hours": choice.hours * here}


class Firm(AgentType):
    """Posts a price and a wage, pays whoever comes. One entry of `alpha` and `k_birth` per firm."""

    productivity: Array
    alpha: Array
    k_birth: Array
    m_birth: Array
    invests: Array
    prices: Array
    wages: Array
    mass: Array
    risk: Process

    @property
    def identities(self) -> int:
        """One firm per exponent."""
        return self.alpha.shape[0]

    def birth(self, i, exo):
        """Firm number i: nothing in stock, the middle of both grids posted."""
        p, w = self.prices[len(self.prices) // 2], self.wages[len(self.wages) // 2]
        return point(FirmOwn(self.m_birth, self.k_birth[i], 0.0, p, w, id=i))

    def discount(self, own, view, outcome):
        """None."""
        return jnp.ones(())

    def limits(self):
        """Debt is allowed."""
        positive = Interval(0.0, jnp.inf)
        return FirmOwn(Interval(-jnp.inf, jnp.inf), positive, positive, positive, positive)

    def feasible(self, own, view, chosen):
        """The two grids."""
        return Posting(Discrete(self.prices), Discrete(self.wages))

    def makes(self, k, hours, alpha):
        """A k^(1−α) L^α."""
        return self.productivity * k ** (1 - alpha) * hours**alpha

    def payoff(self, own, choice, view, outcome):
        """Profit after tax."""
        return outcome["profit"][own.id]

    def move(self, own, choice, view, outcome):
        """Books, capital, stock, postings."""
        i = own.id
        goods = own.y - outcome["sold"][i] + self.makes(own.k, outcome["hours"][i], self.alpha[i])
        return own.to(m=own.m + outcome["profit"][i], k=own.k + outcome["invested"][i], y=goods, p=choice.p, w=choice.w)

    def holds(self, own):
        """Everything, by firm."""
        here = jax.nn.one_hot(own.id, self.alpha.shape[0])
        return {"m": own.m, "k": own.k * here, "y": own.y * here, "p": own.p * here, "w": own.w * here}

    def does(self, own, choice, view):
        """Nothing but posting."""
        return {}


class Government(AgentType):
    """Taxes wages at once and profits with notice."""

    sigma_birth: Array
    mass: Array
    risk: Process

    def birth(self, i, exo):
        """A first tax rate on profits."""
        return point(GovernmentOwn(self.sigma_birth))

    def discount(self, own, view, outcome):
        """None."""
        return jnp.ones(())

    def limits(self):
        """Rates are shares."""
        return GovernmentOwn(Interval(0.0, 1.0))

    def feasible(self, own, view, chosen):
        """Rates are shares."""
        return Taxes(Interval(0.0, 1.0), Interval(0.0, 1.0))

    def payoff(self, own, choice, view, outcome):
        """What the consumers got."""
        return outcome["welfare"]

    def move(self, own, choice, view, outcome):
        """The announcement."""
        return own.to(sigma=choice.sigma)

    def holds(self, own):
        """The announced rate."""
        return {"sigma": own.sigma}

    def does(self, own, choice, view):
        """The rate of this date."""
        return {"tau": choice.tau}


class CurrySmall(Economy):
    """The economy of the module docstring."""

    consumer: Consumer
    firm: Firm
    government: Government
    exogenous: Process
    years_per_period: Array

    def timing(self):
        """The government leads; consumers and firms move at posted prices."""
        return Timing(
            before={
                "government": Move(
                    self.government,
                    lambda now: Announced(now.stocks["government"]["sigma"]),
                    lambda now: {"welfare": now.welfare("consumer")},
                )
            },
            market={
                "consumer": Move(self.consumer, self.posted, self.consumer_gets),
                "firm": Move(self.firm, self.posted, self.books),
            },
        )

    def market(self):
        """Posted prices are stocks of their owners, the wage tax a leader's flow."""
        return Formula(
            lambda now: {
                "p": now.stocks["firm"]["p"],
                "w": now.stocks["firm"]["w"],
                "tau": now.flows["government"]["tau"],
                "sigma": now.stocks["government"]["sigma"],
            }
        )

    def posted(self, now):
        """Everything posted."""
        p = now.prices
        return Posted(p["p"], p["w"], now.stocks["firm"]["y"], p["tau"], p["sigma"])

    def books(self, now):
        """Sales after rationing and what follows from them, by firm."""
        asked, stock, hours = now.flows["consumer"]["goods"], now.stocks["firm"]["y"], now.flows["consumer"]["hours"]
        sold = jnp.minimum(asked, stock)
        gross = now.prices["p"] * sold - now.prices["w"] * hours
        invested = self.firm.invests * jnp.maximum(gross, 0.0)
        tax = now.prices["sigma"] * jnp.maximum(gross - invested, 0.0)
        served = jnp.where(asked > stock, stock / jnp.where(asked > 0, asked, 1.0), 1.0)
        profit = gross - invested - tax
        return {"sold": sold, "served": served, "hours": hours, "invested": invested, "tax": tax, "profit": profit}

    def consumer_gets(self, now):
        """The share served by each firm, and an equal part of all taxes."""
        books = self.books(now)
        revenue = now.prices["tau"] * jnp.sum(now.prices["w"] * books["hours"]) + jnp.sum(books["tax"])
        return {"served": books["served"], "rebate": revenue / self.consumer.mass}

    def accounts(self, now, after):
        """Money with capital; and goods: what was in stock or made is sold or in stock, firm by firm."""
        held, following, books = now.stocks, after.stocks, self.books(now)
        wealth = [s["consumer"]["m"] + s["firm"]["m"] + jnp.sum(s["firm"]["k"]) for s in (held, following)]
        made = self.firm.makes(held["firm"]["k"], books["hours"], self.firm.alpha)
        left = following["firm"]["y"] - (held["firm"]["y"] - books["sold"] + made)
        return {"money": wealth[1] - wealth[0], "goods": jnp.max(jnp.abs(left))}

    @classmethod
    def five_and_two(cls):
        """Five consumers with 2,000 each, two firms with 2.2 million each, capital 5,000 and 10,000: 4.425 million."""
        theta = 0.01 * (1 - jnp.arange(5) / 5) ** 0.25
        consumer = Consumer(0.1, theta, 2000.0, jnp.arange(2), 5.0, NoRisk())
        prices, wages = [0.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0], [0.0, 11.0, 22.0, 33.0, 44.0]
        firm = Firm(0.01, [0.4, 0.8], [5000.0, 10000.0], 2.2e6, 0.1, prices, wages, 2.0, NoRisk())
        return cls(consumer, firm, Government(0.2, 1.0, NoRisk()), NoRisk(), 0.25)
