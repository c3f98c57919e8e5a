"""Forms of a rule: what its parameters are, and what follows from them.

A form gives positions at all own nodes at every date of a field (what `StructuralRL` differentiates) and a rule (what is
simulated). The forms here fill a table: one logit for each of its nodes. `FreeForm` has one parameter a node; `SmoothForm`
lets nodes of information share parameters: for each own state its logits are a polynomial in the (scaled) coordinates and
the exogenous value. Prices that are seldom seen then learn from those that are often seen, and a supply curve keeps its
slope. Networks, and forms that remember, are in `networks`.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from walras.economy.rule import Rule
from walras.economy.task import Field
from walras.learners.beliefs import PolynomialBelief, Powers, least_squares, monomials
from walras.learners.table import TableRule


class Form(eqx.Module):
    """Parameters of a rule. `table` gives nodes and shapes, its numbers are not read; `belief` scales coordinates."""

    @abc.abstractmethod
    def logits(self, regressors: Float[Array, "info variables"]) -> Float[Array, "info own"]:
        """Logits at nodes of information (`regressors`: scaled coordinates and exogenous values) and of the own state, where
        nothing is remembered."""

    @abc.abstractmethod
    def fitted(self, regressors: Float[Array, "info variables"], logits: Float[Array, "info own"]) -> "Form":
        """The form of this kind that is nearest to given logits."""

    @abc.abstractmethod
    def rule(self, table: TableRule, belief: PolynomialBelief) -> Rule:
        """The rule."""

    @abc.abstractmethod
    def parts(self, table: TableRule, belief: PolynomialBelief, field: Field) -> Float[Array, "path time own choices"]:
        """Positions at all own nodes (risk state major) at every date of a field."""

    @abc.abstractmethod
    def seen(self, field: Field, placing: Bool[Array, ""]) -> "Form":
        """The form after it has seen a field while nodes are placed: what it takes from data instead of learning it."""


class TableForm(Form):
    """A form whose rule is a table; `logits` and `fitted` are its kind's own."""

    def rule(self, table, belief):
        """The table with the form's positions."""
        return filled(self, table, belief)

    def parts(self, table, belief, field):
        """The table read at what was seen."""
        rule = filled(self, table, belief)

        def at(view, info):
            part = rule.part(view, info)
            return part.reshape(-1, part.shape[-1])

        return jax.vmap(jax.vmap(at))(field.view, field.info)

    def seen(self, field, placing):
        """Nothing."""
        return self


class FreeForm(TableForm):
    """One parameter for every node."""

    table: Float[Array, "info own"]

    def logits(self, regressors):
        """The parameters themselves."""
        return self.table

    def fitted(self, regressors, logits):
        """Exactly these."""
        return FreeForm(logits)


class SmoothForm(TableForm):
    """For each own state a polynomial in coordinates and exogenous values."""

    coefficients: Float[Array, "terms own"]
    powers: Powers = eqx.field(static=True)

    def logits(self, regressors):
        """The polynomials at the nodes."""
        return monomials(regressors, self.powers) @ self.coefficients

    def fitted(self, regressors, logits):
        """Least squares over the nodes of information."""
        return SmoothForm(least_squares(monomials(regressors, self.powers), logits), self.powers)


def filled(form: Form, table: TableRule, belief: PolynomialBelief) -> TableRule:
    """The table with the form's positions, where nothing is remembered."""
    found = positions(form.logits(_regressors(table, belief))).reshape(table.table.shape)
    return eqx.tree_at(lambda t: t.table, table, found)


def near(form: Form, table: TableRule, belief: PolynomialBelief) -> Form:
    """The form of this kind that is nearest to a table."""
    info = int(np.prod(table.table.shape[: 1 + len(table.axes)]))
    return form.fitted(_regressors(table, belief), logits_of(table.table).reshape(info, -1))


def _regressors(table: TableRule, belief: PolynomialBelief):
    """Regressors at all nodes of information, index major."""
    grids = jnp.meshgrid(jnp.arange(table.table.shape[0]), *(axis.nodes for axis in table.axes), indexing="ij")
    states = grids[0].reshape(-1)
    coordinates = jnp.stack([g.reshape(-1) for g in grids[1:]], -1) if table.axes else jnp.zeros((len(states), 0))
    return jax.vmap(belief.regressors)(states, coordinates)


def positions(logits: Array) -> Array:
    """Positions in the feasible set."""
    return jax.nn.sigmoid(logits)


def logits_of(positions_: Array) -> Array:
    """Logits of positions, which are kept a ten-thousandth away from both ends."""
    inside = jnp.clip(positions_, 1e-4, 1 - 1e-4)
    return jnp.log(inside) - jnp.log1p(-inside)
