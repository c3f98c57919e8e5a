"""What a network's outputs say about one field of a choice: a head draws a position and knows its chance.

A position in an interval is the logistic function of a normal variable, so that whatever is drawn is feasible; its density
has the Jacobian in it. A discrete choice is drawn from its admissible values. Every number is drawn from ONE uniform, by
the inverse of its distribution function: a generator by logit costs several times as much on a processor, and two rules that
are given the same uniforms are paired.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

FAR = 12.0
"""Log-odds beyond which a position is taken to be there: 6e-6 from an end."""


def _product(x: Array, matrix) -> Array:
    return jnp.dot(x, matrix, precision="highest")


class Head(eqx.Module):
    """One field of a choice, for one individual."""

    @property
    @abc.abstractmethod
    def outputs(self) -> int:
        """Numbers that the network gives it."""

    @property
    @abc.abstractmethod
    def draws(self) -> int:
        """Numbers that it draws."""

    @abc.abstractmethod
    def middle(self, out: Float[Array, " outputs"]) -> Array:
        """The position without chance: the median, or the likeliest value."""

    @abc.abstractmethod
    def draw(self, out, sd: Float[Array, " draws"], uniform: Float[Array, " draws"]) -> Array:
        """The position at these uniforms."""

    @abc.abstractmethod
    def number(self, position: Array) -> Float[Array, " draws"]:
        """What was drawn, from its position: log-odds, or the number of a value."""

    @abc.abstractmethod
    def log_prob(self, out, sd, number: Float[Array, " draws"]) -> Array:
        """Log density of the position (of an interval, in its own width), or log probability."""

    @abc.abstractmethod
    def entropy(self, out, sd) -> Array:
        """Entropy of the position."""

    @abc.abstractmethod
    def opening(self, position: Array) -> Float[Array, " outputs"]:
        """Outputs at which the middle is this position; every admissible value as likely as any other."""


class Squashed(Head):
    """Position = logistic(x), x normal: `size` numbers (0: one, without an axis)."""

    size: int = eqx.field(static=True)

    @property
    def outputs(self):
        """Medians of the log-odds."""
        return max(self.size, 1)

    @property
    def draws(self):
        """As many."""
        return max(self.size, 1)

    def _shaped(self, x):
        return x.reshape((self.size,) if self.size else ())

    def middle(self, out):
        """See the class."""
        return self._shaped(jax.nn.sigmoid(out))

    def draw(self, out, sd, uniform):
        """See the class."""
        return self._shaped(jax.nn.sigmoid(out + sd * jax.scipy.special.ndtri(jnp.clip(uniform, 1e-7, 1 - 1e-7))))

    def number(self, position):
        """Log-odds."""
        p = jnp.reshape(position, (self.draws,))
        return jnp.clip(jnp.log(p) - jnp.log1p(-p), -FAR, FAR)

    def log_prob(self, out, sd, number):
        """Normal density of the log-odds, less log p (1 − p)."""
        normal = -0.5 * ((number - out) / sd) ** 2 - jnp.log(sd) - 0.5 * np.log(2 * np.pi)
        return jnp.sum(normal + jax.nn.softplus(number) + jax.nn.softplus(-number))

    def entropy(self, out, sd):
        """That of the normal plus E log p (1 − p), by five Gauss–Hermite nodes."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(5)
        x = out[:, None] + sd[:, None] * jnp.asarray(nodes, out.dtype)
        slope = -(jax.nn.softplus(x) + jax.nn.softplus(-x)) @ jnp.asarray(weights / weights.sum(), out.dtype)
        return jnp.sum(0.5 * np.log(2 * np.pi * np.e) + jnp.log(sd) + slope)

    def opening(self, position):
        """Its log-odds."""
        return self.number(jnp.broadcast_to(position, (self.draws,)))


class Categorical(Head):
    """One of finitely many values, those that `mask` admits; `size` of them are picked, each for itself (0: one, without an axis).

    `wanted`: the user's own mask, where a curriculum changes the rest of it (None: all)."""

    mask: Bool[Array, " values"]
    size: int = eqx.field(static=True, default=0)
    wanted: Bool[Array, " values"] | None = None

    @property
    def values(self) -> int:
        """How many there are, admitted or not."""
        return self.mask.shape[0]

    @property
    def outputs(self):
        """A logit for each value of each pick."""
        return self.values * self.draws

    @property
    def draws(self):
        """As many as are picked."""
        return max(self.size, 1)

    @property
    def _picks(self) -> np.ndarray:
        """Which pick an output belongs to, (outputs, draws): sums by pick are products with it, three times as fast as sums along
        a short axis."""
        return np.repeat(np.eye(self.draws, dtype=np.float32), self.values, axis=0)

    def _chances(self, out):
        """By output: logits less the largest that its pick admits, 0 for what is not admitted; their exponentials, which are in proportion
        to chances. And the sums of these by pick."""
        by_pick = jnp.where(self.mask, out.reshape(self.draws, self.values), -jnp.inf)
        top = jax.lax.stop_gradient(jnp.max(by_pick, axis=-1, keepdims=True))
        logits = jnp.where(self.mask, by_pick - top, 0.0).reshape(self.outputs)
        powers = jnp.where(jnp.tile(self.mask, self.draws), jnp.exp(logits), 0.0)
        return logits, powers, _product(powers, self._picks)

    def _at(self, index):
        return ((index + 0.5) / self.values).reshape((self.size,) if self.size else ())

    def middle(self, out):
        """See the class."""
        _, powers, _ = self._chances(out)
        return self._at(jnp.argmax(powers.reshape(self.draws, self.values), axis=-1))

    def draw(self, out, sd, uniform):
        """The inverse of the distribution function: never a value that is not admitted."""
        _, powers, total = self._chances(out)
        below = _product(powers, np.kron(np.eye(self.draws), np.triu(np.ones((self.values,) * 2))).astype(np.float32))
        reached = _product((below <= _product(uniform * total, self._picks.T)).astype(jnp.float32), self._picks)
        first, last = jnp.argmax(self.mask), self.values - 1 - jnp.argmax(self.mask[::-1])
        return self._at(jnp.clip(reached, first, last))

    def number(self, position):
        """The numbers of the values."""
        return jnp.floor(jnp.reshape(position, (self.draws,)) * self.values)

    def log_prob(self, out, sd, number):
        """See the class."""
        logits, _, total = self._chances(out)
        drawn = np.tile(np.arange(self.values, dtype=np.float32), self.draws) == _product(number, self._picks.T)
        chosen = _product(jnp.where(drawn, logits, 0.0), np.ones(self.outputs, np.float32))
        return chosen - _product(jnp.log(total), np.ones(self.draws, np.float32))

    def entropy(self, out, sd):
        """−Σ p log p over what is admitted, summed over the picks."""
        logits, powers, total = self._chances(out)
        return _product(jnp.log(total) - _product(powers * logits, self._picks) / total, np.ones(self.draws, np.float32))

    def opening(self, position):
        """All alike."""
        return jnp.zeros(self.outputs)
