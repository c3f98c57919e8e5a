"""A rule that is a network over a frozen base rule: what `DeepEuler` learns.

The base gives consumption (the type's one choice) from own state and view; the network gives the logarithm of the ratio by
which the rule departs from it. The ratio is a sum of features of the own state (`trunk`), weighed by the aggregate
information (`branch`): at one date all own states share the weights, at one own state all dates share the features, so that
an expectation over a grid of both costs the sum of their numbers in evaluations, not the product.

    @article{lu2021learning, title={Learning nonlinear operators via {DeepONet} based on the universal approximation theorem
      of operators}, author={Lu, Lu and Jin, Pengzhan and Pang, Guofei and Zhang, Zhongqiang and Karniadakis, George Em},
      journal={Nature Machine Intelligence}, volume={3}, pages={218--229}, year={2021}}
"""

import abc
import dataclasses
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras._core.types import Key
from walras.economy.agent import AgentType
from walras.economy.foc import stock_field
from walras.economy.rule import Information, Rule
from walras.economy.space import Interval, choice_fields, positions_of
from walras.learners.beliefs import PolynomialBelief
from walras.learners.table import TableRule
from walras.numerics.interpolate import Axis, pick
from walras.numerics.roots import bracketed


class Perceptron(eqx.Module):
    """Two hidden layers of hyperbolic tangents and a linear one, in single precision; arrays only, so that it can be saved."""

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    @classmethod
    def random(cls, sizes: tuple[int, ...], key: Key, last: float = 1.0) -> "Perceptron":
        """Weights uniform within ±√(3/inputs) (those of the last layer times `last`), biases zero."""
        draw = np.random.Generator(np.random.Philox(key=np.asarray(jax.random.key_data(key), np.uint64)))
        weights = []
        for number, (n, m) in enumerate(itertools.pairwise(sizes)):
            spread = (3.0 / max(n, 1)) ** 0.5 * (last if number == len(sizes) - 2 else 1.0)
            weights.append(jax.device_put((spread * draw.uniform(-1, 1, (m, n))).astype(np.float32)))
        return cls(tuple(weights), tuple(jax.device_put(np.zeros(m, np.float32)) for m in sizes[1:]))

    def __call__(self, x: Float[Array, "*batch in"]) -> Float[Array, "*batch out"]:
        """The outputs."""
        x = x.astype(jnp.float32)
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight.T + bias
            x = jnp.tanh(x) if number < len(self.weights) - 1 else x
        return x


class Network(eqx.Module):
    """Log ratio to the base: features of the own state times weights that depend on aggregate information."""

    trunk: Perceptron
    branch: Perceptron
    weights: Float[Array, " features"]
    size: Float[Array, ""]

    @classmethod
    def blank(cls, inputs: tuple[int, int], hidden: tuple[int, int], size: float, key: Key) -> "Network":
        """A network that says zero everywhere; `inputs` (own, information), `hidden` (units, features)."""
        (own, seen), (units, features) = inputs, hidden
        trunk = Perceptron.random((own, units, units, features), jax.random.fold_in(key, 0), last=0.0)
        branch = Perceptron.random((seen, units, units, features), jax.random.fold_in(key, 1), last=0.3)
        draw = np.random.default_rng(np.asarray(jax.random.key_data(key), np.uint32)).uniform(-1, 1, features)
        return cls(trunk, branch, *(jax.device_put(np.float32(x)) for x in ((3.0 / features) ** 0.5 * draw, size)))

    def features(self, own: Float[Array, "*batch own"]) -> Float[Array, "*batch features"]:
        """Features of own states."""
        return self.trunk(own)

    def weigh(self, seen: Float[Array, "*batch seen"]) -> Float[Array, "*batch features"]:
        """Weights of the features under aggregate information."""
        size = jax.lax.stop_gradient(self.size)
        if not seen.shape[-1]:
            return jnp.broadcast_to(size * self.weights, (*seen.shape[:-1], len(self.weights)))
        return size * (self.weights + self.branch(seen))


class Base(eqx.Module):
    """Consumption as a share of what is feasible at nodes of the own stock; above one where the limit binds.

    Between nodes consumption is interpolated, not its share; beyond them it goes on linearly. Where the limit binds the
    table has what consumption would be if the lower limit of the next stock were a little lower: the kink lies where this
    crosses what is feasible, and moves with prices.
    """

    axis: Axis
    shares: Float[Array, "risk nodes"]

    def __call__(self, agent: AgentType, own, view) -> Array:
        """Consumption of one individual if nothing were to bind."""
        risk, field = own.risk_field(), stock_field(agent)
        state = getattr(own, risk) if risk else 0
        cell, weight = self.axis.locate(getattr(own, field))
        nodes, shares = self.axis.nodes, self.shares.reshape(-1)

        def at(n):
            space = space_of(agent, own.to(**{field: pick(nodes, n)}), view)
            return space.low + pick(shares, state * self.axis.n + n) * (space.high - space.low)

        left, right = at(cell), at(cell + 1)
        return left + jnp.maximum(weight, 0.0) * (right - left)


def space_of(agent: AgentType, own, view) -> Interval:
    """What one individual may choose from."""
    spaces = agent.feasible(own, view, {})
    return getattr(spaces, choice_fields(spaces)[0])


class Head(eqx.Module):
    """How a choice is made of base and log ratio: feasible whatever the network says."""

    @abc.abstractmethod
    def __call__(self, base: Array, log_ratio: Array, space: Interval) -> Array:
        """The choice."""


class Capped(Head):
    """base × ratio, at most what is feasible: the kink at the limit is there from the first step.

    It has no slope where the limit binds, which is right for `Regression` (its points are interior by construction) and
    wrong for residuals, which would never leave the limit.
    """

    def __call__(self, base, log_ratio, space):
        """See the class."""
        return jnp.minimum(space.low + (base - space.low) * jnp.exp(log_ratio), space.high)


class Share(Head):
    """A logistic share of what is feasible; the limit binds only nearly, and the kink is learned slowly."""

    def __call__(self, base, log_ratio, space):
        """See the class."""
        width = space.high - space.low
        share = jnp.clip((base - space.low) / width, 1e-3, 1.0 - 1e-3)
        return space.low + width * jax.nn.sigmoid(jnp.log(share) - jnp.log1p(-share) + log_ratio)


class DeepRule(Rule):
    """The rule. `frame` has nodes at which it may be tabulated, `belief` the scaling of coordinates and, there, the view."""

    frame: TableRule
    base: Base
    network: Network
    belief: PolynomialBelief
    risks: Float[Array, "risk values"]
    information: Information
    head: Head

    def own_inputs(self, own) -> Float[Array, " own"]:
        """Scaled stock (in logs from the limit on) and value of the risk state."""
        axis, risk = self.frame.own_axis, own.risk_field()
        distance = jnp.maximum(getattr(own, stock_field(self.frame.agent)) - axis.low, 0.0)
        stock = 2.0 * jnp.log1p(distance / axis.pivot) / jnp.log1p((axis.high - axis.low) / axis.pivot) - 1.0
        return jnp.concatenate([stock[None], self.risks[getattr(own, risk) if risk else 0]])

    def from_parts(self, own, view, features, weights) -> Array:
        """The choice given features of the own state and their weights."""
        base = self.base(self.frame.agent, own, view)
        log_ratio = jnp.sum(features * weights, axis=-1).astype(base.dtype)
        return self.head(base, log_ratio, space_of(self.frame.agent, own, view))

    def value(self, own, view, index, transformed) -> Array:
        """The choice as a number, at transformed coordinates."""
        weights = self.network.weigh(self.belief.regressors(index, transformed))
        return self.from_parts(own, view, self.network.features(self.own_inputs(own)), weights)

    def __call__(self, own, view, info, *, key=None):
        """The choice of one individual."""
        index, coordinates = info
        return as_choice(self.frame.agent, own, view, self.value(own, view, index, self.belief.transform(coordinates)))

    def tabulated(self) -> TableRule:
        """The rule at the nodes of its frame, with the views that the belief forecasts there."""
        frame, agent = self.frame, self.frame.agent
        template, field = agent.limits(), stock_field(agent)
        risk = template.risk_field()
        grids = jnp.meshgrid(jnp.arange(frame.table.shape[0]), *(axis.nodes for axis in frame.axes), indexing="ij")
        index = grids[0].reshape(-1)
        seen = jnp.stack([g.reshape(-1) for g in grids[1:]], -1) if frame.axes else jnp.zeros((len(index), 0))

        def at(i, there, state, stock):
            own = template.to(**{field: stock})
            own = own.to(**{risk: state}) if risk else own
            view, _ = self.belief.forecast(i, there)
            return jnp.stack(positions_of(agent, own, view, as_choice(agent, own, view, self.value(own, view, i, there))))

        over = jax.vmap(at, in_axes=(None, None, None, 0))
        over = jax.vmap(over, in_axes=(None, None, 0, None))
        table = jax.vmap(over, in_axes=(0, 0, None, None))(index, seen, jnp.arange(agent.risk.n), frame.own_axis.nodes)
        return dataclasses.replace(frame, table=table.reshape(frame.table.shape))


def as_choice(agent: AgentType, own, view, value):
    """The type's choice with this number in its one field."""
    spaces = agent.feasible(own, view, {})
    return type(spaces)(**{choice_fields(spaces)[0]: value})


@brief_jit
def at_rest(rule: TableRule, view, outcome):
    """(low, high) of the choice, its positions (first index) and those that keep the stock, at all own nodes (risk, nodes)."""
    agent, field = rule.agent, stock_field(rule.agent)
    template = agent.limits()
    risk = template.risk_field()

    def at(e, stock):
        own = template.to(**{field: stock})
        own = own.to(**{risk: e}) if risk else own
        space = space_of(agent, own, view)
        moved = lambda p: getattr(agent.move(own, as_choice(agent, own, view, space.at(p)), view, outcome), field)  # noqa: E731
        return (space.low, space.high), bracketed(lambda p: moved(p) - stock, jnp.zeros(()), jnp.ones(())).value

    over = jax.vmap(jax.vmap(at, in_axes=(None, 0)), in_axes=(0, None))
    ends, kept = over(jnp.arange(agent.risk.n), rule.own_axis.nodes)
    return ends, rule.table[0, ..., 0], jnp.clip(kept, 0.02, 1.0)


def unconstrained(positions: np.ndarray, ends, nodes: np.ndarray) -> np.ndarray:
    """Positions (risk, nodes) of a rule, gone on linearly in consumption below where its limit binds; `ends` of the choice."""
    low, high = (np.asarray(x) for x in ends)
    shares = np.array(positions)
    for e, row in enumerate(shares):
        free = np.nonzero(row < 1.0)[0]
        if not len(free) or free[0] == 0 or free[0] + 1 >= len(row):
            continue
        i = free[0]
        c = low[e] + row * (high[e] - low[e])
        slope = (c[i + 1] - c[i]) / (nodes[i + 1] - nodes[i])
        extended = c[i] + slope * (nodes[:i] - nodes[i])
        row[:i] = np.maximum((extended - low[e, :i]) / (high[e, :i] - low[e, :i]), 1.0)
    return shares
