"""The one converter that makes every parameter of an economy an array leaf.

A Python number in a field would be part of the compiled program: every new value would be compiled again, and its
gradient would be `None` without a word. A weakly typed array would take its precision from its neighbour. So the
fields of economies, agent types and processes are converted once, when the value is built.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


def as_parameter(value: Any) -> Any:
    """Convert a number or a numeric sequence to a strongly typed float64 array; leave everything else as it is."""
    if isinstance(value, bool | str) or value is None or isinstance(value, jax.Array):
        return value
    if isinstance(value, int | float | np.number):
        return jnp.asarray(np.float64(value))
    if isinstance(value, np.ndarray):
        return jnp.asarray(value)
    if isinstance(value, list | tuple) and value and all(isinstance(x, int | float | np.number) for x in value):
        return jnp.asarray(np.asarray(value, dtype=np.float64))
    return value


class Parameters(eqx.Module):
    """Base of every module whose fields are parameters: each annotated field is converted by `as_parameter`."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name, annotation in cls.__dict__.get("__annotations__", {}).items():
            if name not in cls.__dict__ and "AbstractVar" not in repr(annotation):
                setattr(cls, name, eqx.field(converter=as_parameter))
