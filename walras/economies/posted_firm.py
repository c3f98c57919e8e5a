"""A firm that posts its price and its wage for the next date, serves from its stock and pays who works for it.

    m' = m + profit after tax    k' = (1 − δ) k + invested    y' = y − sold − exported + A z k^(1−α) L^α
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.posted_view import Menu, check_bounds, joint, within
from walras.economy.agent import AgentType, Choice, Mortal, Own, ProfitSeeker, trait
from walras.economy.process import Process, point
from walras.economy.space import Discrete, Interval


class FirmOwn(Own):
    """Money m, capital k, stock y, posted price p and wage w, whether too much was asked of it at the last date, date of the
    episode; number, exponent of labour."""

    m: Scalar
    k: Scalar
    y: Scalar
    p: Scalar
    w: Scalar
    over: Scalar
    t: Scalar
    id: Int = trait()
    alpha: Scalar = trait()


class Posting(Choice):
    """Price and wage of the next date, shape (2,)."""

    posted: Array


class Plan(Choice):
    """Price and wage of the next date; most hours taken on and share of gross income invested at this one."""

    p: Scalar
    w: Scalar
    hires: Scalar
    invests: Scalar


class PostingGrid(Menu):
    """Firms: price and wage jointly; a fixed share is invested, and everybody who comes is paid.

    Raises:
        InputError: if the bounds hold no price or no wage of the grids.
    """

    prices: Array = parameter("prices that may be posted", "money per good", 0, closed=True)
    wages: Array = parameter("wages that may be posted", "money per hour", 0, closed=True)
    p_low: Array = parameter("lowest price admitted", "money per good", 0, closed=True)
    p_high: Array = parameter("highest price admitted", "money per good", 0, closed=True)
    w_low: Array = parameter("lowest wage admitted", "money per hour", 0, closed=True)
    w_high: Array = parameter("highest wage admitted", "money per hour", 0, closed=True)
    invests: Array = parameter("share of gross income invested", "–", 0, 1, closed=True)

    def __check_init__(self):
        for name, grid, low, high in (("price", self.prices, self.p_low, self.p_high), ("wage", self.wages, self.w_low, self.w_high)):
            check_bounds(f"no {name} of the grid", grid, low, high)

    def spaces(self, firms):
        """All pairs within the bounds."""
        pairs = joint(self.prices, self.wages)
        return Posting(Discrete(pairs, 0, within(pairs, (self.p_low, self.w_low), (self.p_high, self.w_high))))

    def read(self, choice, firms):
        """No limit on hours that anybody could reach."""
        p, w = choice.posted
        return p, w, 1e9 + 0.0 * w, self.invests


class PostingIntervals(Menu):
    """Firms: any price and wage within the bounds, any labour demand, any share of gross income invested."""

    p_low: Array = parameter("lowest price admitted", "money per good", 0, closed=True)
    p_high: Array = parameter("highest price admitted", "money per good", 0, closed=True)
    w_low: Array = parameter("lowest wage admitted", "money per hour", 0, closed=True)
    w_high: Array = parameter("highest wage admitted", "money per hour", 0, closed=True)
    most_hires: Array = parameter("most hours that a firm can take on", "hours per quarter", 0)

    def spaces(self, firms):
        """Intervals."""
        price, wage = Interval(self.p_low, self.p_high), Interval(self.w_low, self.w_high)
        zero = jnp.zeros_like(self.most_hires)
        return Plan(price, wage, Interval(zero, self.most_hires), Interval(zero, zero + 1))

    def read(self, choice, firms):
        """As chosen."""
        return choice.p, choice.w, choice.hires, choice.invests


class Firm(AgentType, Mortal, ProfitSeeker):
    """Posts a price and a wage, serves and pays whoever comes. Exponents repeat; the second half begins with more capital."""

    menu: Menu
    productivity: Array = parameter("productivity", "goods", 0)
    alpha: Array = parameter("exponents of labour, repeated", "–", 0, 1)
    delta: Array = parameter("depreciation", "per quarter", 0, 1, closed=True)
    k_birth: Array = parameter("opening capital, first and second half of firms", "money", 0)
    m_birth: Array = parameter("opening money", "money")
    p_birth: Array = parameter("first price", "money per good", 0, closed=True)
    w_birth: Array = parameter("first wage", "money per hour", 0, closed=True)
    beta: Array = parameter("discount factor", "per quarter", 0, 1)
    mass: Array = parameter("number of firms", "firms", 0)
    n: int = eqx.field(static=True)
    risk: Process

    @property
    def identities(self) -> int:
        """Each firm has a good of its own."""
        return self.n

    def exponent(self, i):
        """α of firm number i."""
        return self.alpha[i % self.alpha.shape[0]]

    def birth(self, i, exo):
        """Firm number i: nothing in stock."""
        k, zero = self.k_birth[jnp.where(2 * jnp.asarray(i) < self.n, 0, 1)], jnp.zeros_like(self.m_birth)
        return point(FirmOwn(self.m_birth, k, zero, self.p_birth, self.w_birth, zero, zero, id=i, alpha=self.exponent(i)))

    def discount(self, own, view, outcome):
        """β; nothing is carried over into another episode."""
        return self.beta * (1 - view.first)

    def survives(self, own, view, outcome):
        """Until the episode ends."""
        return 1 - view.last

    def limits(self):
        """Debt is allowed."""
        positive = Interval(0.0, jnp.inf)
        return FirmOwn(Interval(-jnp.inf, jnp.inf), *(positive,) * 6)

    def feasible(self, own, view, chosen):
        """As on the menu."""
        return self.menu.spaces(self.n)

    def makes(self, k, hours, alpha, z):
        """A z k^(1−α) L^α."""
        works = hours > 0
        made = self.productivity * z * k ** (1 - alpha) * jnp.where(works, hours, 1.0) ** alpha
        return jnp.where(works, made, 0.0)

    def payoff(self, own, choice, view, outcome):
        """Profit after investment and tax."""
        return outcome["profit"][own.id]

    def move(self, own, choice, view, outcome):
        """Books, capital, stock, postings."""
        i, (p, w, _, _) = own.id, self.menu.read(choice, self.n)
        y = own.y - outcome["left"][i] + self.makes(own.k, outcome["hours"][i], own.alpha, outcome["z"])
        k = (1 - self.delta) * own.k + outcome["invested"][i]
        return own.to(m=own.m + outcome["profit"][i], k=k, y=y, p=p, w=w, over=outcome["over"][i], t=own.t + 1)

    def holds(self, own):
        """Everything, by firm."""
        here = jax.nn.one_hot(own.id, self.n, dtype=own.m.dtype)
        return {name: getattr(own, name) * here for name in type(own).endogenous()}

    def does(self, own, choice, view):
        """Hours that it takes on at most, share of gross income that it invests, by firm."""
        here = jax.nn.one_hot(own.id, self.n, dtype=own.m.dtype)
        _, _, hires, invests = self.menu.read(choice, self.n)
        return {"hires": hires * here, "invests": invests * here}
