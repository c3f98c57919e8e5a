"""The one converter that makes every parameter of an economy an array leaf.

A Python number in a field would be part of the compiled program: every new value would be compiled again, and its
gradient would be `None` without a word. A weakly typed array would take its precision from its neighbour. So the
fields of economies, agent types and processes are converted once, when the value is built.
"""

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import numpy as np


def as_parameter(value: Any) -> Any:
    """Convert a number or a numeric sequence to a strongly typed float64 array; leave everything else as it is."""
    if isinstance(value, bool | str) or value is None or isinstance(value, jax.Array):
        return value
    if isinstance(value, int | float | np.number):
        return jax.device_put(np.float64(value))
    if isinstance(value, np.ndarray):
        return jax.device_put(value)
    if isinstance(value, list | tuple) and value and all(isinstance(x, int | float | np.number) for x in value):
        return jax.device_put(np.asarray(value, dtype=np.float64))
    return value


def is_concrete(value: Any) -> bool:
    """Whether a value is a number that can be looked at, not one being traced by a transformation."""
    try:
        return not isinstance(value, jax.Array) or bool(value.is_fully_addressable)
    except (AttributeError, jax.errors.ConcretizationTypeError):
        return False


def parameter(meaning: str, unit: str, low: float = -np.inf, high: float = np.inf, *, closed: bool = False) -> Any:
    """A field that is a parameter: what it means, its unit, and the (open, or closed) interval it must lie in."""
    about = {"meaning": meaning, "unit": unit, "low": low, "high": high, "closed": closed}
    return eqx.field(converter=as_parameter, metadata={"walras.parameter": about})


def parameters_of(module, prefix: str = "") -> Iterator[tuple[str, Any, dict]]:
    """All described parameters below a module: dotted name, value, description."""
    for field in dataclasses.fields(module):
        name, value = prefix + field.name, getattr(module, field.name)
        about = field.metadata.get("walras.parameter")
        if about is not None:
            yield name, value, about
        elif isinstance(value, Parameters):
            yield from parameters_of(value, name + ".")


class Parameters(eqx.Module):
    """Base of every module whose fields are parameters: each annotated field is converted by `as_parameter`."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name, annotation in inspect.get_annotations(cls).items():
            if name not in cls.__dict__ and "AbstractVar" not in repr(annotation):
                setattr(cls, name, eqx.field(converter=as_parameter))
