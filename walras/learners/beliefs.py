"""Beliefs: what a type expects of prices, fitted to what it saw.

A belief forecasts three things by least squares on a recorded field, in float64 and on centred regressors: the view and
the outcome at given information, and tomorrow's information given tomorrow's exogenous state. It knows no price formula.

`PolynomialBelief` uses polynomials in the (log) coordinates s and in the exogenous value x. With two exogenous states
and degree one its law is Krusell and Smith's log-linear law by state. The den Haan test (`diagnose`) judges it: an R²
never does.

A coordinate that is bounded below (`View.bounded`), such as a policy rate, has a kink where the bound begins to bind. The
polynomial forecasts what it would be without the bound; the forecast is the larger of that and the bound.

    @article{krusell1998income, title={Income and wealth heterogeneity in the macroeconomy}, author={Krusell, Per and
      Smith, Jr, Anthony A}, journal={Journal of Political Economy}, volume={106}, number={5}, pages={867--896}, year={1998}}
"""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.types import PyTree
from walras.economy.task import Field

Powers = tuple[tuple[int, ...], ...]


def powers(variables: list[int], total: int) -> Powers:
    """Exponents of all monomials with at most `variables[i]` in variable i and `total` together."""
    ranges = [range(limit + 1) for limit in variables]
    return tuple(p for p in itertools.product(*ranges) if sum(p) <= total)


def monomials(x: Float[Array, "*batch variables"], exponents: Powers) -> Float[Array, "*batch terms"]:
    """All monomials; integer powers by repeated multiplication (a float power costs eighty times as much)."""
    columns = []
    for exponent in exponents:
        column = jnp.ones(x.shape[:-1])
        for variable, power in enumerate(exponent):
            for _ in range(power):
                column = column * x[..., variable]
        columns.append(column)
    return jnp.stack(columns, axis=-1)


def least_squares(X: Float[Array, "rows terms"], y: Float[Array, "rows targets"]) -> Float[Array, "terms targets"]:
    """Normal equations with a ridge of 1e-13 of the trace: collinear columns (a state never visited) share a weight."""
    return solved(X.T @ X, X.T @ y)


def with_rows(
    known: tuple[Array, Array], x: Float[Array, "rows terms"], y: Float[Array, "rows numbers"], kept
) -> tuple[Array, Array]:
    """Normal equations (gram, moment) of least squares with more rows, the ones that are known weighted `kept`."""
    gram, moment = known
    return kept * gram + x.T @ x, kept * moment + x.T @ y


def solved(gram: Float[Array, "terms terms"], moment: Float[Array, "terms targets"]) -> Float[Array, "terms targets"]:
    """Coefficients by normal equations, with the ridge of `least_squares`."""
    ridge = 1e-13 * jnp.trace(gram) * jnp.eye(len(gram))
    return jax.scipy.linalg.solve(gram + ridge, moment, assume_a="pos")


class Shape(eqx.Module):
    """The parts of a belief that decide compiled shapes."""

    law: Powers = eqx.field(static=True)
    views: Powers = eqx.field(static=True)
    logs: tuple[bool, ...] = eqx.field(static=True)
    sees_next: bool = eqx.field(static=True)
    bounded: bool = eqx.field(static=True, default=False)


class PolynomialBelief(eqx.Module):
    """Forecasts of view, outcome and next information at (index, coordinates).

    Fields: `exo` (states, m) centred values of the exogenous process, `centre` and `scale` (coordinates,) of the (log)
    coordinates, `least` (coordinates,) their smallest values (the least float: none), `law` (terms, coordinates) and `views` (terms, numbers in view and outcome) coefficients, `template` the
    view and outcome whose numbers are forecast.
    """

    exo: Float[Array, "states values"]
    centre: Float[Array, " coordinates"]
    scale: Float[Array, " coordinates"]
    law: Float[Array, "terms coordinates"]
    views: Float[Array, "view_terms numbers"]
    template: PyTree
    shape: Shape
    least: Float[Array, " coordinates"]

    def transform(self, coordinates) -> Float[Array, "*batch coordinates"]:
        """Coordinates in logs (where positive) as one array, last axis. What a rule remembers may follow them: no belief
        forecasts that."""
        known = coordinates[: len(self.shape.logs)]
        parts = [jnp.log(c) if log else c for c, log in zip(known, self.shape.logs, strict=True)]
        return jnp.stack(jnp.broadcast_arrays(*parts), axis=-1) if parts else jnp.zeros((0,))

    def raw(self, transformed) -> tuple[Array, ...]:
        """The inverse of `transform`."""
        return tuple(jnp.exp(transformed[..., j]) if log else transformed[..., j] for j, log in enumerate(self.shape.logs))

    @property
    def variables(self) -> int:
        """How many numbers `regressors` gives."""
        return self.exo.shape[1] + len(self.shape.logs)

    def regressors(self, index, transformed) -> Float[Array, " variables"]:
        """Scaled coordinates and exogenous values: what polynomials are made of."""
        return jnp.concatenate([(transformed - self.centre) / self.scale, self.exo[index]], axis=-1)

    def _law_terms(self, index, transformed, index_next):
        x = self.regressors(index, transformed)
        if self.shape.sees_next:
            x = jnp.concatenate([x, self.exo[index_next]], axis=-1)
        return monomials(x, self.shape.law)

    def step(self, index, transformed, index_next) -> Float[Array, " coordinates"]:
        """Transformed coordinates of the next date, given the next exogenous state."""
        return jnp.maximum(self.unbounded_step(index, transformed, index_next), self.least)

    def unbounded_step(self, index, transformed, index_next) -> Float[Array, " coordinates"]:
        """As `step`, without the bounds."""
        return self.centre + self.scale * (self._law_terms(index, transformed, index_next) @ self.law)

    def forecast(self, index, transformed) -> PyTree:
        """(view, outcome) at this information; integer fields are the index."""
        numbers = monomials(self.regressors(index, transformed), self.shape.views) @ self.views
        leaves, tree = jax.tree_util.tree_flatten(self.template)
        filled, at = [], 0
        for leaf in leaves:
            if jnp.issubdtype(leaf.dtype, jnp.integer):
                filled.append(jnp.asarray(index, leaf.dtype))
                continue
            size = int(np.prod(leaf.shape, dtype=int))
            filled.append(numbers[at : at + size].reshape(leaf.shape))
            at += size
        return jax.tree_util.tree_unflatten(tree, filled)

    def fit(self, field: Field, before: "PolynomialBelief | None" = None, step=1.0, view_step=None) -> "PolynomialBelief":
        """Least squares on a field with leading axes (path, time).

        With `before` the law moves only the share `step` of the way from what that belief forecast to what was seen, and the
        forecast of views and outcomes only the share `view_step` (None: all of it).
        """
        index, coordinates = field.info
        t = self.transform(coordinates) if self.shape.logs else jnp.zeros((*index.shape, 0))
        paths, dates = index.shape
        x = jax.vmap(jax.vmap(self.regressors))(index, t)
        leaves = [leaf for leaf in jax.tree_util.tree_leaves((field.view, field.outcome)) if eqx.is_inexact_array(leaf)]
        numbers = jnp.concatenate([leaf.reshape(paths * dates, -1) for leaf in leaves], axis=1)
        terms = monomials(x.reshape(paths * dates, -1), self.shape.views)
        if before is not None and view_step is not None:
            known = jax.vmap(jax.vmap(before.regressors))(index, t).reshape(paths * dates, -1)
            forecast = monomials(known, before.shape.views) @ before.views
            numbers = forecast + view_step * (numbers - forecast)
        views = least_squares(terms, numbers)
        belief = eqx.tree_at(lambda b: b.views, self, views)
        if not self.shape.logs:
            return belief
        terms = jax.vmap(jax.vmap(self._law_terms))(index[:, :-1], t[:, :-1], index[:, 1:])
        seen = self._free(field, coordinates)[:, 1:]
        if before is not None:
            forecast = jax.vmap(jax.vmap(before.unbounded_step))(index[:, :-1], t[:, :-1], index[:, 1:])
            seen = forecast + step * (seen - forecast)
        target = (seen - self.centre) / self.scale
        rows = paths * (dates - 1)
        law = least_squares(terms.reshape(rows, -1), target.reshape(rows, -1))
        return eqx.tree_at(lambda b: (b.law, b.least), belief, (law, self._bounds(field)))

    def _bounds(self, field: Field) -> Float[Array, " coordinates"]:
        """The bounds that the view of the first date shows."""
        if not self.shape.bounded:
            return self.least
        return bounds(jax.tree_util.tree_map(lambda leaf: leaf[0, 0], field.view), self.shape)

    def _free(self, field: Field, coordinates) -> Float[Array, "path time coordinates"]:
        """Transformed coordinates as they would be without bounds."""
        if self.shape.bounded:
            pairs = jax.vmap(jax.vmap(lambda view: view.bounded()))(field.view)
            coordinates = tuple(c if pair is None else pair[1] for c, pair in zip(coordinates, pairs, strict=True))
        return self.transform(coordinates)


def exogenous_values(process) -> np.ndarray:
    """Values of a finite process (in logs where positive), scaled to [-1, 1], shape (states, m); m = 0 for one state."""
    if process.n == 1:
        return np.zeros((1, 0))
    values = np.asarray(jax.jit(jax.vmap(process.value))(np.arange(process.n))).reshape(process.n, -1)
    values = np.where((values > 0).all(axis=0), np.log(np.where(values > 0, values, 1.0)), values)
    low, high = values.min(axis=0), values.max(axis=0)
    return (values - (low + high) / 2) / np.where(high > low, (high - low) / 2, 1.0)


def blank(values: np.ndarray, centre: np.ndarray, template: PyTree, shape: Shape) -> PolynomialBelief:
    """A belief that nothing moves: coordinates stay at their centre (in logs where so read), views are the template.

    Bounds, where the shape says that there are some, are those of the template's view.
    """
    template = jax.tree_util.tree_map(jnp.asarray, template)
    leaves = [np.ravel(leaf) for leaf in jax.tree_util.tree_leaves(template) if eqx.is_inexact_array(leaf)]
    views = np.zeros((len(shape.views), sum(len(leaf) for leaf in leaves)))
    views[0] = np.concatenate([*leaves, np.zeros(0)])  # the first monomial is the constant
    law, views = jax.device_put(np.zeros((len(shape.law), len(centre)))), jax.device_put(views)
    scale = jax.device_put(np.full((len(centre),), 0.4))
    parts = (jax.device_put(values), jax.device_put(centre), scale, law, views, template, shape)
    return PolynomialBelief(*parts, bounds(template[0], shape))


def bounds(view, shape: Shape) -> Float[Array, " coordinates"]:
    """Smallest values of the (log) coordinates of one view, the least float where they have none: rules hold finite numbers."""
    pairs = view.bounded() if shape.bounded else (None,) * len(shape.logs)
    none = jnp.finfo(float).min
    lows = [none if pair is None else jnp.log(pair[0]) if log else pair[0] for pair, log in zip(pairs, shape.logs, strict=True)]
    return jnp.maximum(jnp.stack([jnp.asarray(low) for low in lows]) if lows else jnp.zeros(0), none)


def shape_of(states: int, values: int, logs: tuple[bool, ...], degrees: tuple[int, int], sees_next: bool) -> Shape:
    """Which monomials a belief uses, for `degrees` = (law, views).

    With two states every power of the coordinates is interacted with the state (a law by state); with more, the law has
    total degree max(degree, 2) in coordinates and exogenous values together.
    """
    law, views = degrees
    most = 1 if states == 2 else 2
    exo = [most] * values
    total = law + 1 if states == 2 else max(law, 2)
    law_variables = [law] * len(logs) + exo + (exo if sees_next else [])
    view_exo = [min(states - 1, views)] * values
    return Shape(powers(law_variables, total), powers([views] * len(logs) + view_exo, views + (states == 2)), logs, sees_next)
