"""What a network is made to fit by `DeepEuler`: small pieces, all on conditions derived from `payoff` and `move`.

| objective | points | what is made small | head |
|---|---|---|---|
| `Regression` | next stocks drawn, own stock computed | log of consumption over that of the inverted Euler equation | `Capped` |
| `FischerBurmeister` | own stocks drawn | a + b − √(a² + b²), expectations over all nodes | `Share` |
| `AllInOne` | own stocks drawn | product of two such residuals, of draws that are independent | `Share` |

In all three the next date's decision is frozen: no gradient goes through it. With a gradient through both sides of an Euler
equation consumption can fall towards nothing while wealth runs away and the residual vanishes: the equation holds, the
transversality condition does not (`through=True` shows it; the certificate refuses what comes out).

    @article{maliar2021deep, title={Deep learning for solving dynamic economic models}, author={Maliar, Lilia and Maliar,
      Serguei and Winant, Pablo}, journal={Journal of Monetary Economics}, volume={122}, pages={76--101}, year={2021}}
"""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from walras._core.keys import stream
from walras._core.types import Key
from walras.economy import foc
from walras.economy.agent import Invertible
from walras.economy.space import choice_fields
from walras.learners.deep_base import as_choice, space_of
from walras.learners.deep_rule import Capped, DeepRule, Head, Share
from walras.learners.scene import Scene


class Points(eqx.Module):
    """Points at which a rule is trained: date, own stock, risk state, what the network reads of these two, target log ratio
    (where there is one), weight."""

    date: Int[Array, " points"]
    stock: Float[Array, " points"]
    state: Int[Array, " points"]
    inputs: Float[Array, "points inputs"]
    target: Float[Array, " points"]
    weight: Float[Array, " points"]


class Objective(eqx.Module):
    """What is made small. `head`: the form of choice that goes with it; `pace`: its rate as a share of the preset's."""

    head: ClassVar[Head]
    pace: ClassVar[float]

    @abc.abstractmethod
    def points(self, key: Key, rule: DeepRule, scene: Scene, count: int) -> Points:
        """Points on all dates of the scene (`count` stocks a date), and what is computed once for several steps."""

    @abc.abstractmethod
    def losses(self, key: Key, rule: DeepRule, frozen: DeepRule, scene: Scene, points: Points) -> Float[Array, " points"]:
        """Loss of each point, in squares of consumption's log; gradients go through `rule`, never through `frozen`."""


class Regression(Objective):
    """Least squares on targets of time iteration: fitted network endogenous grids, the fastest and the default.

    Next stocks are drawn, the Euler equation is inverted at them with the next decision frozen, which gives consumption and
    the own stock where it is right; the network's log ratio is regressed on that. Nothing can collapse: a target is a number.

        @article{maliar2013envelope, title={Envelope condition method versus endogenous grid method for solving dynamic
          programming problems}, author={Maliar, Lilia and Maliar, Serguei}, journal={Economics Letters}, volume={120},
          number={2}, pages={262--266}, year={2013}}
    """

    head: ClassVar[Head] = Capped()
    pace: ClassVar[float] = 1.0

    def points(self, key, rule, scene, count):
        """Next stocks from the limit on; own stock and target by inversion."""
        stocks = drawn(key, rule, scene, count)
        W = scene.expected_all(rule, stocks)
        agent, axis = scene.agent, rule.frame.own_axis

        def back(d, stock, e, w):
            view, outcome = scene.at(d)
            following = scene.own(e, stock)
            guess = None
            if not isinstance(agent, Invertible):
                guess = (
                    as_choice(agent, following, view, rule.value(following, view, scene.index[d], scene.here[d])),
                    following,
                )
            choice, own = foc.invert(agent, w, following, view, outcome, following, guess)
            start = getattr(own, foc.stock_field(agent))
            low = space_of(agent, own, view).low
            ratio = (getattr(choice, choice_fields(choice)[0]) - low) / (rule.base(agent, own, view) - low)
            # At candidates at which somebody cannot live there is nothing to learn.
            known = (start >= axis.low) & (start <= axis.high) & (ratio > 0) & jnp.isfinite(ratio)
            start = jnp.where(known, start, axis.low)
            read = rule.own_inputs(scene.own(e, start))
            target = jnp.log(jnp.where(known, ratio, 1.0))
            return (*(x.astype(jnp.float32) for x in (read, target)), start, known.astype(jnp.float32))

        over = jax.vmap(back, in_axes=(None, None, 0, 0))
        over = jax.vmap(over, in_axes=(None, 0, None, 0))
        states = jnp.arange(agent.risk.n)
        inputs, target, start, inside = jax.vmap(over, in_axes=(0, 0, None, 0))(jnp.arange(scene.dates), stocks, states, W)
        date, _, state = jnp.meshgrid(jnp.arange(scene.dates), jnp.arange(count), states, indexing="ij")
        flat = lambda x: x.reshape(date.size, *x.shape[3:])  # noqa: E731
        return Points(*(flat(x) for x in (date, start, state, inputs, target, inside)))

    def losses(self, key, rule, frozen, scene, points):
        """Squared distance of log ratio and target."""
        weights = rule.network.weigh(jax.vmap(rule.read)(scene.view, scene.index, scene.here))
        said = jnp.sum(rule.network.features(points.inputs) * weights[points.date], axis=-1)
        return points.weight * (said - points.target) ** 2


def drawn(key: Key, rule: DeepRule, scene: Scene, count: int) -> Float[Array, "dates count"]:
    """Stocks: half of them spread over the whole grid (densely near the limit, which is one of them), half where people are."""
    axis, people = rule.frame.own_axis, scene.stocks
    spread = (count + 1) // 2
    u = jax.random.uniform(stream(key, "spread"), (scene.dates, spread))
    u = (jnp.arange(spread) + u) / spread
    u = u.at[:, 0].set(0.0)
    wide = axis.low + axis.pivot * jnp.expm1(u * jnp.log1p((axis.high - axis.low) / axis.pivot))
    at = jax.random.uniform(stream(key, "people"), (scene.dates, count - spread)) * (len(people) - 1)
    low = at.astype(jnp.int32)
    near = people[low] + (at - low) * (people[low + 1] - people[low])
    return jnp.concatenate([wide, near], axis=1)


class Complementarity(Objective):
    """What residual objectives share: own stocks drawn, and the residual of one of them.

    The Euler equation in consumption units, a = c(W)/c − 1, and what could still be consumed, b = (c_max − c)/c: both are
    non-negative and one of them is zero, which is where a + b − √(a² + b²) vanishes. `through`: with the gradient through the
    next decision; `cap`: next stocks clipped at it inside the loss. Both are known to go wrong and are there to show it.

        @article{fischer1992special, title={A special {N}ewton-type optimization method}, author={Fischer, Andreas},
          journal={Optimization}, volume={24}, pages={269--284}, year={1992}}
    """

    through: eqx.AbstractVar[bool]
    cap: eqx.AbstractVar[float | None]

    def points(self, key, rule, scene, count):
        """Own stocks and all risk states; nothing is computed."""
        stocks = drawn(key, rule, scene, count)
        shape = (scene.dates, count, scene.agent.risk.n)
        date, _, state = jnp.meshgrid(*(jnp.arange(n) for n in shape), indexing="ij")
        stock = jnp.broadcast_to(stocks[:, :, None], shape)
        date, stock, state, one = date.reshape(-1), stock.reshape(-1), state.reshape(-1), jnp.ones(date.size, jnp.float32)
        inputs = jax.vmap(lambda e, s: rule.own_inputs(scene.own(e, s)))(state, stock)
        return Points(date, stock, state, inputs.astype(jnp.float32), one, one)

    def residual(self, rule: DeepRule, frozen: DeepRule, scene: Scene, at, worth) -> Array:
        """Fischer and Burmeister's residual of one point `at` = (date, own stock, risk state).

        `worth(rule, next stock)` gives the expected discounted marginal value.
        """
        d, stock, e = at
        agent, own, (view, outcome) = scene.agent, scene.own(e, stock), scene.at(d)
        c = rule.value(own, view, scene.index[d], scene.here[d])
        choice = as_choice(agent, own, view, c)
        following = getattr(agent.move(own, choice, view, outcome), foc.stock_field(agent))
        if self.cap is not None:  # what would be above it is consumed, and the network is not told
            spent = jax.lax.stop_gradient(foc.margins(agent, own, choice, view, outcome).m_c[0])
            c = c - jnp.maximum(following - self.cap, 0.0) / spent
            following, choice = jnp.minimum(following, self.cap), as_choice(agent, own, view, c)
        W = worth(rule, following) if self.through else jax.lax.stop_gradient(worth(frozen, following))
        implied = foc.implied_choice(agent, own, choice, view, outcome, W)
        implied = implied if self.through else jax.lax.stop_gradient(implied)
        a, b = implied / c - 1.0, (space_of(agent, own, view).high - c) / c
        return a + b - jnp.sqrt(a**2 + b**2 + 1e-14)


class FischerBurmeister(Complementarity):
    """Squared complementarity residuals, expectations by quadrature over all exogenous and own risk states.

    Use it to check `Regression` by another road; at the same number of steps its errors are some thirty times as large.
    """

    head: ClassVar[Head] = Share()
    pace: ClassVar[float] = 0.2
    through: bool = eqx.field(static=True, default=False)
    cap: float | None = eqx.field(static=True, default=None)

    def losses(self, key, rule, frozen, scene, points):
        """Squared residuals."""

        def one(d, stock, e):
            return self.residual(rule, frozen, scene, (d, stock, e), lambda r, k: scene.expected(r, k, e, d)) ** 2

        return jax.vmap(one)(points.date, points.stock, points.state)


class AllInOne(Complementarity):
    """Products of two residuals whose expectations are means of `draws`/2 draws each, from two independent keys.

    The product of independent means has no variance term, which the square of one mean has. In either group draws come in
    antithetic pairs. The residual is not linear in the expectation, so that few draws leave a bias (4 to 8 are few).

    Raises:
        ValueError: for fewer than four draws, or an odd number of pairs.
    """

    head: ClassVar[Head] = Share()
    pace: ClassVar[float] = 0.2
    draws: int = eqx.field(static=True, default=8)
    through: bool = eqx.field(static=True, default=False)
    cap: float | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if self.draws < 4 or self.draws % 4:
            raise ValueError(f"{self.draws} draws; two groups of antithetic pairs need 4, 8, 12, …")

    def losses(self, key, rule, frozen, scene, points):
        """Products of residuals."""
        pairs, risks = self.draws // 4, scene.agent.risk.n
        first, second = (jax.random.uniform(stream(key, g), (len(points.date), pairs)) for g in ("one", "other"))

        def group(d, stock, e, u):
            cumulative = jnp.cumsum(scene.chance(d)[:, e].reshape(-1))
            number = jnp.sum(cumulative <= jnp.concatenate([u, 1.0 - u])[:, None], axis=1).clip(0, cumulative.size - 1)

            def worth(r, k):
                return jnp.mean(jax.vmap(lambda n: scene.worth(r, scene.own(n % risks, k), d, n // risks))(number))

            return self.residual(rule, frozen, scene, (d, stock, e), worth)

        over = jax.vmap(group)
        at = (points.date, points.stock, points.state)
        return over(*at, first) * over(*at, second)
