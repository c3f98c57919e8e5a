"""Taxes and transfers, one interface: what is paid on a base x, the rate on the last unit, and what is left.

A schedule says what is paid; marginal rate and inverse follow from it by automatic differentiation and by Newton's method.
Bases are in goods per period. A government collects several of them and closes its budget by the instrument that it names.

| schedule | tax on x | pathology that its threshold removes |
|---|---|---|
| `Linear` | τ x | |
| `Progressive` | x − (1 − τ) x^(1−ξ)/(1 − ξ) above `floor`, straight on below it | marginal subsidy without bound at x = 0 |
| `Brackets` | Σ (τ_j − τ_(j−1)) s(x − b_j), s a smoothed kink | hours without a condition at a kink |
| `Wealth` | nothing up to `exempt`; above, what is left of the last unit is (1 − τ) (x/exempt)^(−ξ) | see below |
| `Transfer` | − amount, whatever x is | |

`Progressive` on wealth would let the marginal unit of a poor saver be worth (1 − τ) a^(−ξ) → ∞: nobody would ever be at the
borrowing limit. `Wealth` leaves holdings up to `exempt` alone.

    @article{heathcote2017optimal, title={Optimal tax progressivity: an analytical framework}, author={Heathcote, Jonathan and
      Storesletten, Kjetil and Violante, Giovanni L}, journal={The Quarterly Journal of Economics}, volume={132}, number={4},
      pages={1693--1754}, year={2017}}
"""

import abc
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError
from walras._core.module import Parameters, is_concrete, parameter
from walras.numerics.roots import increasing


class Schedule(Parameters):
    """Interface: the tax on one person's base. `straight`: whether it is a straight line."""

    straight: ClassVar[bool] = False

    @abc.abstractmethod
    def tax(self, x: Array) -> Array:
        """What is paid on a base x [goods]; negative where it is a subsidy."""

    def marginal(self, x: Array) -> Array:
        """T'(x): the share of the next unit that is paid."""
        return jax.jvp(self.tax, (jnp.asarray(x, float),), (jnp.ones_like(x, float),))[1]

    def after(self, x: Array) -> Array:
        """x − T(x): what is left [goods]."""
        return x - self.tax(x)

    def before(self, net: Array) -> Array:
        """The base of which `net` is left: the inverse of `after`, for marginal rates below one."""
        return increasing(lambda x: self.after(x) - net, jnp.asarray(net, float), straight=self.straight)


class Linear(Schedule):
    """τ x."""

    straight: ClassVar[bool] = True
    tau: Array = parameter("rate", "–", -np.inf, 1)

    def tax(self, x):
        """τ x."""
        return self.tau * x


class Progressive(Schedule):
    """Heathcote, Storesletten and Violante: after tax (1 − τ) x^(1−ξ)/(1 − ξ) above `floor`, a straight line below it."""

    tau: Array = parameter("one less the share of the last unit that is left at a base of one", "–", -np.inf, 1)
    xi: Array = parameter("progressivity", "–", -np.inf, 1)
    floor: Array = parameter("base below which the marginal rate stays", "goods", 0)

    def tax(self, x):
        """x − (1 − τ) x^(1−ξ)/(1 − ξ)."""
        above = jnp.maximum(x, self.floor)
        left = (1 - self.tau) * jnp.exp(-self.xi * jnp.log(above))
        return x - left * above / (1 - self.xi) - left * (x - above)


class Brackets(Schedule):
    """Rates τ_0 below the first threshold, τ_j above the j-th; each kink is spread over about `width`.

    Raises:
        InputError: unless there is one rate more than thresholds and these ascend.
    """

    thresholds: Array = parameter("where the next rate begins", "goods")
    rates: Array = parameter("marginal rates, lowest first", "–", -np.inf, 1)
    width: Array = parameter("width over which a kink is spread", "goods", 0)

    def __check_init__(self):
        if not is_concrete(self.thresholds):
            return
        edges, rates = np.asarray(self.thresholds), np.asarray(self.rates)
        if edges.ndim != 1 or len(rates) != len(edges) + 1 or np.any(np.diff(edges) <= 0):
            raise InputError(
                "brackets need ascending thresholds and one rate more than thresholds",
                where="Brackets",
                number=f"thresholds {edges.tolist()}, rates {rates.tolist()}",
            )

    def tax(self, x):
        """τ_0 x + Σ (τ_j − τ_(j−1)) width log(1 + exp((x − b_j)/width)), the sum zero at x = 0."""
        steps = jnp.diff(self.rates)
        soft = lambda y: self.width * jax.nn.softplus((y - self.thresholds) / self.width)  # noqa: E731
        return self.rates[0] * x + jnp.sum(steps * (soft(x) - soft(jnp.zeros(()))))


class Wealth(Schedule):
    """Nothing on holdings up to `exempt`; above, (1 − τ) (x/exempt)^(−ξ) of the last unit is left."""

    tau: Array = parameter("rate on the first unit above the exemption", "–", -np.inf, 1)
    xi: Array = parameter("progressivity above the exemption", "–", 0, 1, closed=True)
    exempt: Array = parameter("exemption", "goods", 0)

    def tax(self, x):
        """(x − e) − (1 − τ) e log(x/e) (ξ = 1), (x − e) − (1 − τ) e ((x/e)^(1−ξ) − 1)/(1 − ξ) else, e the exemption."""
        ratio = jnp.log(jnp.maximum(x, self.exempt) / self.exempt)
        power = 1 - self.xi
        safe = jnp.where(power == 0, 1.0, power)
        grown = jnp.where(power == 0, ratio, jnp.expm1(power * ratio) / safe)
        return jnp.maximum(x - self.exempt, 0.0) - (1 - self.tau) * self.exempt * grown


class Transfer(Schedule):
    """The same amount to everybody."""

    straight: ClassVar[bool] = True
    amount: Array = parameter("amount", "goods")

    def tax(self, x):
        """− amount."""
        return -self.amount + 0.0 * x
