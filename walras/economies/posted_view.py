"""What everybody sees where prices are posted, and what a menu of choices is.

Menus are grids, as in the released code of Curry et al. (2022), or intervals. Their bounds are parameters: a curriculum opens them
by a schedule, and what they exclude is no longer in the feasible set, whoever chooses.
"""

import abc
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError
from walras._core.module import Parameters, is_concrete
from walras._core.types import Int, Scalar
from walras.economy.agent import Choice, View


class Posted(View):
    """Prices and wages by firm, both tax rates; whether this date is the first, the last; all that is public, scaled."""

    p: Array
    w: Array
    tau: Scalar
    sigma: Scalar
    first: Scalar
    last: Scalar
    state: Int
    seen: Array
    scaled: ClassVar[bool] = True

    def info(self):
        """Exogenous state; p, w, y, over-demand by firm, τ, σ, time, all of order one."""
        return self.state, tuple(self.seen)


class Menu(Parameters):
    """What a type may choose, and how a choice reads."""

    @abc.abstractmethod
    def spaces(self, firms: int) -> Choice:
        """The choice with spaces as fields; `firms` is their number."""

    @abc.abstractmethod
    def read(self, choice, firms: int) -> tuple[Array, ...]:
        """A consumer's (goods, hours) by firm; a firm's (p, w, hires, invests); a government's (τ, σ)."""


def joint(*grids: Array) -> Array:
    """All pairs, the second moving fastest."""
    return jnp.stack(jnp.meshgrid(*grids, indexing="ij"), -1).reshape(-1, len(grids))


def within(pairs: Array, low: tuple[Array, ...], high: tuple[Array, ...]) -> Array:
    """Which pairs lie between their bounds."""
    return jnp.all((pairs >= jnp.stack(low)) & (pairs <= jnp.stack(high)), axis=-1)


def check_bounds(what: str, grid, low, high) -> None:
    """Raise InputError if nothing of a grid lies within its bounds."""
    if not all(is_concrete(x) for x in (grid, low, high)) or not all(np.ndim(x) == 0 for x in (low, high)):
        return
    grid, low, high = (np.asarray(x) for x in (grid, low, high))
    if not np.any((grid >= low) & (grid <= high)):
        raise InputError(
            f"{what} lies within its bounds: a mask leaves no action",
            where="bounds of posted prices",
            number=f"[{low:g}, {high:g}] against {grid.tolist()}",
            remedy="Widen the bounds until they hold one of the values.",
        )
