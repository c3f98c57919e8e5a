"""The one converter that makes every parameter of an economy an array leaf, and parameters by name.

A Python number in a field would be part of the compiled program: every new value would be compiled again, and its
gradient would be `None` without a word. A weakly typed array would take its precision from its neighbour. So the
fields of economies, agent types and processes are converted once, when the value is built.
"""

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

AnyModule = TypeVar("AnyModule", bound=eqx.Module)


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


def indexed(name: str) -> tuple[str, int | None]:
    """The name of a parameter and, where it says "name[i]", the number of an entry."""
    head, bracket, rest = name.partition("[")
    number = rest.removesuffix("]")
    return (head, int(number)) if bracket and number.isascii() and number.isdigit() and len(number) < 10 else (name, None)


def number_of(module: Any, name: str) -> float:
    """The value of a parameter that is one number, or of an entry of one that is an array."""
    head, at = indexed(name)
    value = np.asarray({n: v for n, v, _ in parameters_of(module)}[head])
    return float(value if at is None else value[at])


def replaced(module: AnyModule, changes: dict[str, Any]) -> AnyModule:
    """The module with parameters replaced by dotted name, of an array an entry; values may be traced: nothing is checked."""
    for name, value in changes.items():
        module = _replaced(module, name.split("."), value)
    return module


def _replaced(module: Any, path: list[str], value: Any) -> Any:
    (head, at), rest = indexed(path[0]), path[1:]
    if rest:
        inner = _replaced(getattr(module, head), rest, value)
    elif at is None:
        inner = as_parameter(value if isinstance(value, jax.Array) else float(value))
    elif isinstance(value, jax.Array):
        inner = jnp.asarray(getattr(module, head)).at[at].set(value)
    else:
        array = np.array(getattr(module, head))
        array[at] = value
        inner = as_parameter(array)
    return dataclasses.replace(module, **{head: inner})
