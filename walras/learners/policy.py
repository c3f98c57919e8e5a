"""The rule of a model-free learner: one network for a type, the individual's features as its inputs.

Public inputs are the same for everybody at a date: the first layer multiplies them once, not once per individual, because they
are no part of what is mapped over. Networks are in single precision.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.types import Key
from walras.economy.agent import AgentType
from walras.economy.rule import Information, Rule, Stochastic
from walras.economy.space import choose, positions_of
from walras.learners.beliefs import PolynomialBelief
from walras.learners.deep_rule import Perceptron
from walras.learners.heads_of_choice import Heads
from walras.learners.network_inputs import Inputs
from walras.learners.table import TableRule, tabulate


class TypeNetwork(eqx.Module):
    """Two hidden layers of hyperbolic tangents; the first takes own and public inputs apart."""

    own: Float[Array, "units own"]
    public: Float[Array, "units public"]
    bias: Float[Array, " units"]
    rest: Perceptron

    @classmethod
    def random(cls, inputs: tuple[int, int], units: int, outputs: int, key: Key, last: float) -> "TypeNetwork":
        """Random weights, those of the last layer times `last`."""
        whole = Perceptron.random((sum(inputs), units, units, outputs), key, last)
        first = whole.weights[0]
        rest = Perceptron(whole.weights[1:], whole.biases[1:])
        return cls(first[:, : inputs[0]], first[:, inputs[0] :], whole.biases[0], rest)

    def __call__(self, own: Float[Array, "*individuals own"], public: Float[Array, " public"]):
        """Outputs for individuals of one date."""
        common = public @ self.public.T + self.bias
        return self.rest(jnp.tanh(own @ self.own.T + common))

    def biased(self, outputs: Array) -> "TypeNetwork":
        """The network with the bias of its last layer set."""
        bias = jax.device_put(np.float32(outputs))
        return eqx.tree_at(lambda n: n.rest.biases[-1], self, bias)


class NetworkRule(Rule):
    """What the network says without chance. `frame` and `belief`: where, and with what views, it may be tabulated (or None). `example`: an
    own state and a view at which feasible sets may be looked at."""

    agent: AgentType
    inputs: Inputs
    network: TypeNetwork
    heads: Heads
    information: Information
    frame: TableRule | None = None
    belief: PolynomialBelief | None = None
    example: tuple | None = None

    def under(self, agent: AgentType, masks: dict) -> "NetworkRule":
        """The rule where the parameters of its type are those of `agent`, discrete choices masked by field."""
        assert self.example is not None  # every rule made since November 2026 has one
        spaces = agent.feasible(*self.example, {})
        return dataclasses.replace(self, agent=agent, heads=self.heads.under(spaces, masks))

    def outputs(self, own, info) -> Float[Array, " outputs"]:
        """The network's numbers for one individual."""
        return self.network(self.inputs.own(own), self.inputs.public(info))

    def __call__(self, own, view, info, *, key=None):
        """The middle of every head."""
        positions = self.heads.middle(self.outputs(own, info))
        return choose(self.agent, own, view, [p.astype(float) for p in positions])

    def tabulated(self) -> TableRule:
        """The rule at the nodes of its frame."""
        assert self.frame is not None and self.belief is not None
        return tabulate(self, self.frame, self.belief)

    def with_network(self, network: TypeNetwork) -> "NetworkRule":
        """The rule of another network."""
        return dataclasses.replace(self, network=network)


class _Drawing(Stochastic):
    """Draws its choice by what a network says; one uniform for each number of it, and one more."""

    rule: NetworkRule

    @property
    def information(self) -> Information:
        """That of the rule."""
        return self.rule.information

    def _drawn(self, own, info, sd, key):
        """(outputs of the network, positions drawn, the last uniform)."""
        *uniform, last = jax.random.uniform(key, (self.rule.heads.draws + 1,), jnp.float32)
        out = self.rule.outputs(own, info)
        return out, self.rule.heads.draw(out, jnp.asarray(sd, jnp.float32), jnp.stack(uniform)), last

    def _chosen(self, own, view, positions):
        return choose(self.rule.agent, own, view, [p.astype(float) for p in positions])

    def _numbers(self, own, view, choice):
        return self.rule.heads.numbers(positions_of(self.rule.agent, own, view, choice))


class ExploringRule(_Drawing):
    """Draws its choice around a network's: `sd` of the log-odds of continuous ones; discrete ones by their chances.

    Where all choices are continuous only the share `explorers` of individuals draws at a date; the others do what the rule says
    without chance. Mixed strategies, which discrete choices may need, are drawn by all.
    """

    sd: Array
    explorers: Array

    def __call__(self, own, view, info, *, key=None):
        """One draw."""
        out, drawn, chosen = self._drawn(own, info, self.sd, key)
        if self.rule.heads.continuous:
            middle = self.rule.heads.middle(out)
            drawn = [jnp.where(chosen < self.explorers, d, m) for d, m in zip(drawn, middle, strict=True)]
        return self._chosen(own, view, drawn)

    def log_prob(self, own, view, info, choice):
        """Log density of the positions of a choice in its feasible set, for one who explores."""
        return self.rule.heads.log_prob(self.rule.outputs(own, info), self.sd, self._numbers(own, view, choice))


class MixedRule(_Drawing):
    """A mixed strategy: discrete choices by their chances, continuous ones as the rule says without chance."""

    def __call__(self, own, view, info, *, key=None):
        """One draw, with the uniforms that an `ExploringRule` has."""
        return self._chosen(own, view, self._drawn(own, info, 0.0, key)[1])

    def log_prob(self, own, view, info, choice):
        """Log chance of the discrete fields of a choice."""
        return self.rule.heads.log_chance(self.rule.outputs(own, info), self._numbers(own, view, choice))
