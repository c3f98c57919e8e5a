"""Laws of motion fitted to a simulation for the certificate alone: of information that a rule does not use.

A rule that does not see the exogenous state has no law that could forecast from state to state. Its den Haan test, and the
individual who knows more than it does, look at what the economy's view says instead.
"""

import dataclasses

import jax
import numpy as np

from walras._core.compiling import brief_jit
from walras.economy.task import Field
from walras.learners import beliefs
from walras.learners.preset import Preset


def of_view(field: Field) -> Field:
    """The field with the information that the economy's view gives."""
    return dataclasses.replace(field, info=view_info(field.view))


@brief_jit
def view_info(views):
    """(index, coordinates) of recorded views, leading axis time."""
    return jax.vmap(lambda view: view.info())(views)


def fitted(field: Field, process, logs: tuple[bool, ...], degrees: tuple[int, int], sees_next: bool):
    """A polynomial belief in the information of a field (leading axis time), its degrees those of (law, views).

    `logs` says which coordinates are read in logs, `sees_next` whether they depend on the exogenous state of their date.
    """
    index, coordinates = field.info
    values = beliefs.exogenous_values(process)
    if not coordinates:  # all that is seen follows from the exogenous state: one number each
        values, degrees = np.eye(process.n), (0, 1)
    parts = [np.log(c) if log else np.asarray(c) for c, log in zip(coordinates, logs, strict=True)]
    seen = np.stack(parts, axis=-1) if parts else np.zeros((len(index), 0))
    low, high = seen.min(axis=0), seen.max(axis=0)
    shape = beliefs.shape_of(*values.shape, logs, degrees, sees_next)
    template = jax.tree_util.tree_map(lambda leaf: np.asarray(leaf)[0], (field.view, field.outcome))
    blank = beliefs.blank(values, 0.5 * (low + high), template, shape)
    return fit(dataclasses.replace(blank, scale=jax.device_put(np.maximum(0.5 * (high - low), 1e-6))), field)


@brief_jit
def fit(belief, field: Field):
    """The belief's coefficients anew, on one path."""
    return belief.fit(jax.tree_util.tree_map(lambda leaf: leaf[None], field))


def of_state(field: Field, process, preset: Preset):
    """The law of what the economy's view says, with the degrees of a preset; and that information along the field."""
    field = of_view(field)
    logs = tuple(bool(np.all(np.asarray(c) > 0)) for c in field.info[1])
    degree = preset.euler.law_degree if process.n <= 2 else max(preset.euler.law_degree, 2)
    return fitted(field, process, logs, (degree, preset.euler.view_degree), True)


def degrees_of(belief: beliefs.PolynomialBelief) -> tuple[int, int]:
    """Degrees of a belief's law and views in one coordinate."""
    degree = lambda powers: max((max(p, default=0) for p in powers), default=0)  # noqa: E731
    return degree(belief.shape.law), degree(belief.shape.views)
