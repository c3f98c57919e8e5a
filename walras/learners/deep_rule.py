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
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.types import Key
from walras.economy.foc import stock_field
from walras.economy.rule import Information, Rule
from walras.economy.space import Interval, positions_of
from walras.learners.beliefs import PolynomialBelief
from walras.learners.deep_base import Base, Everything, as_choice, space_of
from walras.learners.table import TableRule


class Perceptron(eqx.Module):
    """Two hidden layers of hyperbolic tangents and a linear one, in single precision unless its arrays are wider; arrays only, so that it can be saved."""

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
        x = x.astype(self.weights[0].dtype)
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
    base: Base | Everything
    network: Network
    belief: PolynomialBelief
    risks: Float[Array, "risk values"]
    information: Information
    head: Head
    scales: ClassVar[tuple[float, ...]] = (1.0,)
    """Pivots of the logs in which the own stock is read, as shares of that of its nodes."""

    def own_inputs(self, own) -> Float[Array, " own"]:
        """Scaled stock (in logs from the limit on, one for each of `scales`) and value of the risk state."""
        axis, risk = self.base.axis, own.risk_field()
        distance = jnp.maximum(getattr(own, stock_field(self.frame.agent)) - axis.low, 0.0)
        pivots = [axis.pivot * scale for scale in self.scales]
        stock = [2.0 * jnp.log1p(distance / p) / jnp.log1p((axis.high - axis.low) / p) - 1.0 for p in pivots]
        return jnp.concatenate([jnp.stack(stock), self.risks[getattr(own, risk) if risk else 0]])

    def read(self, view, index, transformed) -> Float[Array, " seen"]:
        """What the network reads of a date beside the own state."""
        return self.belief.regressors(index, transformed)

    def from_parts(self, own, view, features, weights) -> Array:
        """The choice given features of the own state and their weights."""
        base = self.base(self.frame.agent, own, view)
        log_ratio = jnp.sum(features * weights, axis=-1).astype(base.dtype)
        return self.head(base, log_ratio, space_of(self.frame.agent, own, view))

    def value(self, own, view, index, transformed) -> Array:
        """The choice as a number, at transformed coordinates."""
        weights = self.network.weigh(self.read(view, index, transformed))
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
