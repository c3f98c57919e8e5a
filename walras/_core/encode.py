"""Values as one safetensors file: arrays as tensors, structure as JSON in its header. No pickle, nothing evaluated.

The structure names classes by module and name. Reading imports nothing but modules of Walras and the one module, given by
the caller, in which a user's economy lives; anything else is refused.
"""

import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from walras._core.errors import RunFolderError

FORMAT = 1


def encode(value: Any, extra: dict[str, Any] | None = None) -> bytes:
    """The bytes of a file that holds the value, and `extra` (plain JSON)."""
    arrays: dict[str, np.ndarray] = {}
    structure = _encode(value, "", arrays)
    metadata = {"format": str(FORMAT), "structure": json.dumps(structure), "extra": json.dumps(extra or {})}
    return to_bytes(arrays, metadata=metadata)


def decode(path: Path, user_module: Any = None) -> tuple[Any, dict[str, Any]]:
    """The value of a file, and its extra.

    Raises:
        RunFolderError: if the file is damaged, of a newer format, or names a class that may not be read.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if int(metadata["format"]) > FORMAT:
            raise RunFolderError(f"{path.name} has format {metadata['format']}", remedy="Use a newer Walras to read it.")
        return _decode(json.loads(metadata["structure"]), arrays, user_module), json.loads(metadata["extra"])
    except (SafetensorError, KeyError, ValueError, TypeError, OSError) as error:
        raise _damaged(path, error) from error


def header(path: Path) -> dict[str, Any]:
    """The extra of a file, without its value.

    Raises:
        RunFolderError: if the file is damaged.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            return json.loads((file.metadata() or {})["extra"])
    except (SafetensorError, KeyError, ValueError, TypeError, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> RunFolderError:
    return RunFolderError(
        f"{path.name} cannot be read ({type(error).__name__}: {error})",
        where=str(path.parent),
        remedy="The file is damaged or incomplete: restore it, resume from an older checkpoint, or solve again.",
    )


def _encode(value: Any, path: str, arrays: dict[str, np.ndarray]):
    if value is None or isinstance(value, bool | int | float | str):
        return {"plain": value}
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        typed_key = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        arrays[path] = np.array(jax.random.key_data(value) if typed_key else value, order="C")
        return {"key" if typed_key else "array": path}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(v, f"{path}[{i}]", arrays) for i, v in enumerate(value)]}
    if isinstance(value, dict):
        return {"dict": {k: _encode(v, f"{path}['{k}']", arrays) for k, v in value.items()}}
    if isinstance(value, eqx.Module) or dataclasses.is_dataclass(value):
        fields = {f.name: _encode(getattr(value, f.name), f"{path}.{f.name}", arrays) for f in dataclasses.fields(value)}
        return {"class": [type(value).__module__, type(value).__qualname__], "fields": fields}
    if callable(value):
        return {"function": [value.__module__, value.__qualname__]}
    raise TypeError(f"{path or 'value'} of type {type(value).__name__} cannot be saved")


def _decode(node: dict, arrays: dict[str, np.ndarray], user_module: Any):
    (kind, content), *more = node.items()
    if kind == "plain":
        return content
    if kind == "array":
        return jnp.asarray(arrays[content])
    if kind == "key":
        return jax.random.wrap_key_data(jnp.asarray(arrays[content]))
    if kind in ("tuple", "list"):
        items = [_decode(v, arrays, user_module) for v in content]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict":
        return {k: _decode(v, arrays, user_module) for k, v in content.items()}
    if kind == "function":
        return _named(content, user_module)
    if kind != "class":
        raise ValueError(f"unknown kind '{kind}'")
    cls = _named(content, user_module)
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise ValueError(f"{content} is no class that can be read")
    value = object.__new__(cls)
    for name, field in dict(more)["fields"].items():
        object.__setattr__(value, name, _decode(field, arrays, user_module))
    return value


def _named(content: list[str], user_module: Any):
    module_name, name = content
    if user_module is not None and module_name == user_module.__name__:
        module = user_module
    elif module_name == "walras" or module_name.startswith("walras."):
        module = importlib.import_module(module_name)
    else:
        raise ValueError(f"it names {module_name}.{name}, which is neither Walras nor the economy's own file")
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    return found
