"""A firm that posts its price and its wage for the next date, serves from its stock and pays who works for it.

m' = m + profit after tax    k' = (1 − δ) k + invested    y' = y − sold − exported + A z k^(1−α) L^α
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras._core.types import Int, Scalar
from walras.economies.posted_view import Menu
from walras.economy.agent import AgentType, Mortal, Own, ProfitSeeker, trait
from walras.economy.process import Process, point
from walras.economy.space import Interval


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
