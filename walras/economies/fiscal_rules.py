"""Tax rates that answer the state of the economy, announced for ever.

    rate = level + answer to x, kept within [low, high]        x = (log z, log K, log H) less their usual values

`Slopes` answers by s·x, `Network` by v·tanh(W x/scale + a). Where nothing answers (slopes or outer weights of zero) the rate is
`level`, bit for bit: the constant policies are among the rules.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.errors import InputError
from walras._core.module import Parameters, is_concrete, parameter

SEEN = ("z", "K", "H")
"""What a rule sees, in logs: productivity, capital, dispersion of earnings."""

SCALE = 0.03
"""What a network takes for a large deviation [logs]: so large is a standard deviation of each."""


class RateRule(Parameters):
    """Interface: a tax rate given what is seen."""

    level: eqx.AbstractVar[Array]
    low: eqx.AbstractVar[Array]
    high: eqx.AbstractVar[Array]

    def __check_init__(self):
        if not all(is_concrete(v) for v in (self.level, self.low, self.high)):
            return
        low, high, level = (float(np.asarray(v)) for v in (self.low, self.high, self.level))
        if not low < high:
            raise InputError("no rate is allowed: the interval is empty", where=type(self).__name__,
                             number=f"[{low:g}, {high:g}]", remedy="Give `low` below `high`.")  # fmt: skip
        if not low <= level <= high:
            raise InputError("the level lies outside the interval of the rate", where=type(self).__name__,
                             number=f"{level:g} in [{low:g}, {high:g}]", remedy="Widen the interval or move the level.")  # fmt: skip

    @abc.abstractmethod
    def answer(self, x: Float[Array, " 3"]) -> Array:
        """What is added to the level."""

    def __call__(self, x: Float[Array, " 3"]) -> Array:
        """The rate, kept within the ends of its interval."""
        return jnp.clip(self.level + self.answer(x), self.low, self.high)


class Slopes(RateRule):
    """Answers by s·x."""

    level: Array = parameter("rate at the usual state", "–", -np.inf, 1)
    by_z: Array = parameter("slope in log productivity", "–")
    by_K: Array = parameter("slope in log capital", "–")
    by_H: Array = parameter("slope in log dispersion of earnings", "–")
    low: Array = parameter("lowest rate", "–", -np.inf, 1)
    high: Array = parameter("highest rate", "–", -np.inf, 1)

    def answer(self, x):
        """s·x."""
        return self.by_z * x[0] + self.by_K * x[1] + self.by_H * x[2]


class Network(RateRule):
    """Answers by v·tanh(W x/scale + a)."""

    level: Array = parameter("rate where nothing answers", "–", -np.inf, 1)
    inner: Array = parameter("weights W of what is seen, by hidden unit", "–")
    shift: Array = parameter("a of each hidden unit", "–")
    outer: Array = parameter("weight v of each hidden unit", "–")
    low: Array = parameter("lowest rate", "–", -np.inf, 1)
    high: Array = parameter("highest rate", "–", -np.inf, 1)

    def answer(self, x):
        """v·tanh(W x/scale + a)."""
        return self.outer @ jnp.tanh(self.inner.reshape(-1, len(SEEN)) @ (x / SCALE) + self.shift)

    @classmethod
    def blank(cls, level: float, hidden: int = 2, low: float = -0.9, high: float = 0.9):
        """A network that does not answer."""
        return cls(level, np.zeros(hidden * len(SEEN)), np.zeros(hidden), np.zeros(hidden), low, high)


def constant(level: float, low: float = -0.9, high: float = 0.9) -> Slopes:
    """The same rate always."""
    return Slopes(level, 0.0, 0.0, 0.0, low, high)
