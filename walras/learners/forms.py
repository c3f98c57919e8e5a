"""Forms of a rule: what its parameters are. Every form gives one logit for each node of a table.

`FreeForm` has one parameter a node; `SmoothForm` lets nodes of information share parameters: for each own state its logits
are a polynomial in the (scaled) coordinates and the exogenous value. Prices that are seldom seen then learn from those
that are often seen, and a supply curve keeps its slope.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras.learners.beliefs import Powers, least_squares, monomials


class Form(eqx.Module):
    """Parameters of a rule, from which its logits follow at every node."""

    @abc.abstractmethod
    def logits(self, regressors: Float[Array, "info variables"]) -> Float[Array, "info own"]:
        """Logits at nodes of information (`regressors`: scaled coordinates and exogenous values) and of the own state."""

    @abc.abstractmethod
    def fitted(self, regressors: Float[Array, "info variables"], logits: Float[Array, "info own"]) -> "Form":
        """The form of this kind that is nearest to given logits."""


class FreeForm(Form):
    """One parameter for every node."""

    table: Float[Array, "info own"]

    def logits(self, regressors):
        """The parameters themselves."""
        return self.table

    def fitted(self, regressors, logits):
        """Exactly these."""
        return FreeForm(logits)


class SmoothForm(Form):
    """For each own state a polynomial in coordinates and exogenous values."""

    coefficients: Float[Array, "terms own"]
    powers: Powers = eqx.field(static=True)

    def logits(self, regressors):
        """The polynomials at the nodes."""
        return monomials(regressors, self.powers) @ self.coefficients

    def fitted(self, regressors, logits):
        """Least squares over the nodes of information."""
        return SmoothForm(least_squares(monomials(regressors, self.powers), logits), self.powers)


def positions(logits: Array) -> Array:
    """Positions in the feasible set."""
    return jax.nn.sigmoid(logits)


def logits_of(positions_: Array) -> Array:
    """Logits of positions, which are kept a ten-thousandth away from both ends."""
    inside = jnp.clip(positions_, 1e-4, 1 - 1e-4)
    return jnp.log(inside) - jnp.log1p(-inside)
