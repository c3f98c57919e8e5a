"""What a model-free learner's network sees: numbers of order one.

Stocks in logs from their limit on, coordinates in logs around where the economy began (as they are where the view says that they
are scaled), chance by its scaled values, numbered individuals one by one.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras.economy.agent import AgentType
from walras.learners.beliefs import exogenous_values

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
