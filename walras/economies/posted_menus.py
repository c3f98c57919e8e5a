"""What a firm may post: price and wage from grids, jointly, or any within its bounds."""

import jax.numpy as jnp
from jaxtyping import Array

from walras._core.module import parameter
from walras.economies.posted_view import Menu, check_bounds, joint, within
from walras.economy.agent import Choice
from walras.economy.space import Discrete, Interval


class Posting(Choice):
    """Price and wage of the next date, shape (2,)."""

    posted: Array


class Plan(Choice):
    """Price and wage of the next date; most hours taken on and share of gross income invested at this one: shape (4,)."""

    planned: Array


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
        for name, grid, low, high in (
            ("price", self.prices, self.p_low, self.p_high),
            ("wage", self.wages, self.w_low, self.w_high),
        ):
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
        zero = jnp.zeros_like(self.most_hires)
        low, high = [self.p_low, self.w_low, zero, zero], [self.p_high, self.w_high, self.most_hires, zero + 1]
        return Plan(Interval(jnp.stack(low), jnp.stack(high)))

    def read(self, choice, firms):
        """As chosen."""
        return tuple(choice.planned)
