"""The rule of a model-free learner: one network for a type, the individual's features as its inputs.

Public inputs are the same for everybody at a date: the first layer multiplies them once, not once per individual, because they
are no part of what is mapped over. Networks are in single precision; inputs are of order one: stocks in logs from their limit
on, coordinates in logs around where the economy began, chance by its scaled values, numbered individuals one by one.
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
from walras.learners.beliefs import PolynomialBelief, exogenous_values
from walras.learners.deep_rule import Perceptron
from walras.learners.heads_of_choice import Heads
from walras.learners.table import TableRule, tabulate

UNIT = 0.2
"""Unit of coordinates, in logs or as a share of their size."""

MOST_NUMBERED = 64
"""Numbered individuals beyond which a number is an input of its own, not one for each."""


class Scaling(eqx.Module):
    """How one endogenous field becomes an input: in logs from `low` on, as a share of its interval, or signed logs."""

    low: Array
    unit: Array
    centre: Array
    kind: str = eqx.field(static=True)

    @classmethod
    def of(cls, interval, typical) -> "Scaling":
        """From the limits of a field and its typical (mean) value."""
        low, high = (np.asarray(getattr(interval, end, np.nan), float) for end in ("low", "high"))
        typical = np.asarray(typical, float)
        if np.all(np.isfinite(low)) and np.all(np.isfinite(high)):
            parts, kind = (low, 0.5 * (high - low), np.ones_like(typical)), "share"
        elif np.all(np.isfinite(low)):
            unit = np.where(typical > low, 0.25 * (typical - low), 1.0)
            parts, kind = (low, unit, np.log1p((typical - low) / unit)), "logs"
        else:
            unit = np.where(typical != 0, np.abs(typical), 1.0)
            parts, kind = (np.zeros_like(typical), unit, np.arcsinh(typical / unit)), "signed"
        return cls(*(jax.device_put(np.broadcast_to(np.float64(x), typical.shape)) for x in parts), kind)

    def __call__(self, value) -> Array:
        """The input."""
        x = (value - self.low) / self.unit
        if self.kind == "logs":
            x = jnp.log1p(jnp.maximum(x, 0.0))
        return jnp.ravel((jnp.arcsinh(x) if self.kind == "signed" else x) - self.centre)


class Inputs(eqx.Module):
    """Own state and public information as numbers of order one.

    `stocks` in the order of the endogenous fields; `risks` and `states` values of own and aggregate chance by state; `traits`
    mean and unit of each, or the count of numbered individuals; `centre` and `unit` of the coordinates, in logs where `logs`.
    """

    stocks: tuple[Scaling, ...]
    risks: Float[Array, "risk values"]
    states: Float[Array, "states numbers"]
    traits: tuple[tuple[Array, Array], ...]
    counts: tuple[int, ...] = eqx.field(static=True)
    centre: Float[Array, " coordinates"]
    unit: Float[Array, " coordinates"]
    logs: tuple[bool, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, agent: AgentType, exogenous, births, info, scaled: bool = False) -> "Inputs":
        """From the first cross-section (a batch of own states) and the information (index, coordinates) of a date; `scaled`: coordinates
        are of order one as they are."""
        limits = agent.limits()
        mean = lambda name: np.asarray(getattr(births, name), float).mean(axis=0)  # noqa: E731
        stocks = tuple(Scaling.of(getattr(limits, name), mean(name)) for name in type(limits).endogenous())
        traits, counts = [], []
        for name in type(limits).traits():
            values = np.asarray(getattr(births, name))
            numbered = np.issubdtype(values.dtype, np.integer) and values.max() < MOST_NUMBERED
            counts.append(int(values.max()) + 1 if numbered else 0)
            spread = values.std(axis=0)
            pair = (values.mean(axis=0), np.where(spread > 0, spread, 1.0))
            traits.append(tuple(jax.device_put(np.float64(x)) for x in pair))
        coordinates = np.asarray([np.float64(c) for c in info[1]])
        logs = tuple(bool(c > 0) and not scaled for c in coordinates)
        centre = np.where(coordinates > 0, np.log(np.where(coordinates > 0, coordinates, 1.0)), coordinates)
        unit = np.where(np.asarray(logs, bool), UNIT, UNIT * np.maximum(np.abs(coordinates), 1.0))
        if scaled:
            centre, unit = np.zeros_like(centre), np.ones_like(unit)
        values = [np.float64(exogenous_values(process)) for process in (agent.risk, exogenous)]
        arrays = [jax.device_put(x) for x in (*values, centre, unit)]
        return cls(stocks, arrays[0], arrays[1], tuple(traits), tuple(counts), arrays[2], arrays[3], logs)

    def own(self, own) -> Float[Array, " own"]:
        """Inputs of one individual."""
        kind = type(own)
        risk, numbered = kind.risk_field(), zip(kind.traits(), self.traits, self.counts, strict=True)
        parts = [scale(getattr(own, name)) for name, scale in zip(kind.endogenous(), self.stocks, strict=True)]
        parts.append(self.risks[getattr(own, risk) if risk else 0])
        for name, (mean, unit), count in numbered:
            value = getattr(own, name)
            parts.append(jax.nn.one_hot(value, count) if count else jnp.ravel((value - mean) / unit))
        return jnp.concatenate(parts).astype(jnp.float32)

    def public(self, info) -> Float[Array, " public"]:
        """Inputs common to all individuals of a date; far from where the economy began they are cut."""
        index, coordinates = info
        seen = [jnp.log(jnp.maximum(c, 1e-12)) if log else c for c, log in zip(coordinates, self.logs, strict=True)]
        seen = jnp.stack(seen) if seen else jnp.zeros(0)
        scaled = jnp.clip((seen - self.centre) / self.unit, -10.0, 10.0)
        return jnp.concatenate([scaled, self.states[index]]).astype(jnp.float32)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many inputs there are: own, public."""
        own = sum(s.low.size for s in self.stocks) + self.risks.shape[1]
        own += sum(count or mean.size for (mean, _), count in zip(self.traits, self.counts, strict=True))
        return own, len(self.logs) + self.states.shape[1]


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


class ExploringRule(Stochastic):
    """Draws its choice around a network's: `sd` of the log-odds of continuous ones; discrete ones by their chances.

    Where all choices are continuous only the share `explorers` of individuals draws at a date; the others do what the rule says
    without chance. Mixed strategies, which discrete choices may need, are drawn by all.
    """

    rule: NetworkRule
    sd: Array
    explorers: Array

    @property
    def information(self) -> Information:
        """That of the rule."""
        return self.rule.information

    def __call__(self, own, view, info, *, key=None):
        """One draw; one uniform for each number of the choice."""
        rule = self.rule
        *uniform, chosen = jax.random.uniform(key, (rule.heads.draws + 1,), jnp.float32)
        out = rule.outputs(own, info)
        drawn = rule.heads.draw(out, jnp.asarray(self.sd, jnp.float32), jnp.stack(uniform))
        if rule.heads.continuous:
            middle = rule.heads.middle(out)
            drawn = [jnp.where(chosen < self.explorers, d, m) for d, m in zip(drawn, middle, strict=True)]
        return choose(rule.agent, own, view, [p.astype(float) for p in drawn])

    def log_prob(self, own, view, info, choice):
        """Log density of the positions of a choice in its feasible set, for one who explores."""
        rule = self.rule
        numbers = rule.heads.numbers(positions_of(rule.agent, own, view, choice))
        return rule.heads.log_prob(rule.outputs(own, info), self.sd, numbers)


class MixedRule(Stochastic):
    """A mixed strategy: discrete choices by their chances, continuous ones as the rule says without chance."""

    rule: NetworkRule

    @property
    def information(self) -> Information:
        """That of the rule."""
        return self.rule.information

    def __call__(self, own, view, info, *, key=None):
        """One draw, with the uniforms that an `ExploringRule` has."""
        rule = self.rule
        *uniform, _ = jax.random.uniform(key, (rule.heads.draws + 1,), jnp.float32)
        positions = rule.heads.draw(rule.outputs(own, info), jnp.zeros((), jnp.float32), jnp.stack(uniform))
        return choose(rule.agent, own, view, [p.astype(float) for p in positions])

    def log_prob(self, own, view, info, choice):
        """Log chance of the discrete fields of a choice."""
        rule = self.rule
        numbers = rule.heads.numbers(positions_of(rule.agent, own, view, choice))
        return rule.heads.log_chance(rule.outputs(own, info), numbers)
