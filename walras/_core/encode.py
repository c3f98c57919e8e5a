"""Values as one safetensors file: arrays as tensors, structure as JSON in its header. No pickle, nothing evaluated.

The structure names classes by module and name. Reading imports nothing but modules of Walras and those, given by the caller,
in which a user's economy or learner lives; anything else is refused. The header holds the SHA-256 of the whole file, taken with
zeros in its own place: safetensors itself does not notice a bit that has changed.

Format 2; format 1 had no SHA-256 and gave NumPy arrays back as JAX's.
"""

import dataclasses
import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from safetensors import deserialize
from safetensors.numpy import save as to_bytes

from walras._core.errors import RunFolderError

FORMAT = 2
LARGEST = 8 * 2**30
"""Largest file that is read [bytes]."""
MOST_STRUCTURE = 64 * 2**20
"""Largest header that is read [bytes]."""

_BLANK = b"0" * 64
_DIGEST = b'\\"sha256\\": \\"'
_TYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8,
          "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_}  # fmt: skip


def encode(value: Any, extra: dict[str, Any] | None = None) -> bytes:
    """The bytes of a file that holds the value, and `extra` (plain JSON).

    Raises:
        RunFolderError: for a value that could not be read again.
    """
    arrays: dict[str, np.ndarray] = {}
    structure = _encode(value, "", arrays)
    about = {"format": FORMAT, "sha256": _BLANK.decode(), "structure": structure, "extra": extra or {}}
    # One entry: the library writes several in an order that changes from process to process.
    data = to_bytes(arrays, metadata={"walras": json.dumps(about)})
    at = _place(data)
    return data[:at] + hashlib.sha256(data).hexdigest().encode() + data[at + 64 :]


def decode(path: Path, user_modules: Any = ()) -> tuple[Any, dict[str, Any]]:
    """The value of a file, and its extra. `user_modules`: a module or several in which a user's classes live.

    Raises:
        RunFolderError: if the file is damaged, of a newer format, or names a class that may not be read.
    """
    return decode_bytes(read_whole(path), path, user_modules)


def decode_bytes(data: bytes, path: Path, user_modules: Any = ()) -> tuple[Any, dict[str, Any]]:
    """As `decode`, of bytes that were read from `path`."""
    modules = user_modules if isinstance(user_modules, tuple) else () if user_modules is None else (user_modules,)
    try:
        about = _about(data)
        if about["format"] > FORMAT:
            what = f"{path.name} has format {about['format']}, this Walras reads up to {FORMAT}"
            raise RunFolderError(what, where=str(path.parent), remedy="Use a newer Walras to read it.")
        if "sha256" in about or about["format"] != 1:
            _check_digest(data, about["sha256"])
        arrays = {name: _array(found) for name, found in deserialize(data)}
        return _decode(about["structure"], arrays, modules), about["extra"]
    except RunFolderError:
        raise
    except Exception as error:  # whatever a damaged or hostile file makes of itself
        raise damaged(path, error) from error


def header(path: Path) -> dict[str, Any]:
    """The extra of a file, without its value.

    Raises:
        RunFolderError: if the file is damaged.
    """
    data = read_whole(path)
    try:
        return _about(data)["extra"]
    except Exception as error:
        raise damaged(path, error) from error


def read_whole(path: Path) -> bytes:
    """The bytes of a file; a link or a file that is too large is refused.

    Raises:
        RunFolderError: if it cannot be read.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise OSError("it is missing, or no plain file")
        if (size := path.stat().st_size) > LARGEST:
            raise OSError(f"{size} bytes are more than the {LARGEST} that are read")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> RunFolderError:
    """The error that names a file that cannot be read, and what to do."""
    return RunFolderError(
        f"{path.name} cannot be read ({type(error).__name__}: {str(error)[:300]})",
        where=str(path.parent),
        remedy="The file is damaged or incomplete: restore it, resume from an older checkpoint, or solve again.",
    )


def unsaved(what: str) -> RunFolderError:
    """The error of a value that cannot be written to a file."""
    return RunFolderError(
        what, remedy="Keep arrays, numbers, texts and modules in it, and define classes and functions in a file."
    )


def _about(data: bytes) -> dict[str, Any]:
    """Format, structure, extra and digest of a file."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(MOST_STRUCTURE, len(data) - 8):
        raise ValueError("the header is cut off or too long")
    metadata = json.loads(data[8 : 8 + size])["__metadata__"]
    if "walras" in metadata:
        return json.loads(metadata["walras"])
    parsed = {name: json.loads(metadata[name]) for name in ("structure", "extra")}
    return {"format": int(metadata["format"]), **parsed}  # format 1


def _place(data: bytes) -> int:
    """Where the digest stands."""
    end = 8 + int.from_bytes(data[:8], "little")
    at = data.rfind(_DIGEST, 0, end)
    if at < 0:
        raise ValueError("there is no SHA-256")
    return at + len(_DIGEST)


def _check_digest(data: bytes, digest: str) -> None:
    at = _place(data)
    if data[at : at + 64] != digest.encode() or hashlib.sha256(data[:at] + _BLANK + data[at + 64 :]).hexdigest() != digest:
        raise ValueError("its SHA-256 is not the one that was written")


def _array(about: dict) -> np.ndarray:
    return np.frombuffer(about["data"], _TYPES[about["dtype"]]).reshape(about["shape"]).copy()


def _encode(value: Any, path: str, arrays: dict[str, np.ndarray]):
    if value is None or (isinstance(value, bool | int | float | str) and not isinstance(value, np.generic)):
        return {"plain": value}
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        kind = _kind(value)
        arrays[path] = np.array(jax.random.key_data(value) if kind == "key" else value, order="C")
        if arrays[path].dtype.hasobject or arrays[path].dtype.type not in _TYPES.values():
            raise unsaved(f"{path or 'value'} is an array of {arrays[path].dtype}, which cannot be saved")
        return {kind: path}
    if isinstance(value, tuple) and (names := getattr(value, "_fields", None)) is not None:
        content = {name: _encode(getattr(value, name), f"{path}.{name}", arrays) for name in names}
        return {"named": _name_of(type(value)), "fields": content}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(v, f"{path}[{i}]", arrays) for i, v in enumerate(value)]}
    if isinstance(value, dict):
        if wrong := [k for k in value if not isinstance(k, str)]:
            raise unsaved(f"{path or 'value'} has the key {wrong[0]!r}, which is no string and cannot be saved")
        return {"dict": {k: _encode(v, f"{path}['{k}']", arrays) for k, v in value.items()}}
    if isinstance(value, eqx.Module) or dataclasses.is_dataclass(value):
        fields = {f.name: _encode(getattr(value, f.name), f"{path}.{f.name}", arrays) for f in dataclasses.fields(value)}
        return {"class": _name_of(type(value)), "fields": fields}
    if callable(value) and hasattr(value, "__qualname__"):
        return {"function": _name_of(value)}
    raise unsaved(f"{path or 'value'} of type {type(value).__name__} cannot be saved")


def _kind(value: Any) -> str:
    """How an array comes back: the same operation has other bits on NumPy's and on JAX's, and a weak type other types."""
    if isinstance(value, np.generic):
        return "number"
    if isinstance(value, np.ndarray):
        return "numpy"
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return "key"
    return "weak" if value.weak_type and value.ndim == 0 and value.dtype in (np.float64, np.int64) else "array"


def _name_of(found: Any) -> list[str]:
    if "<" in found.__qualname__:
        raise unsaved(f"{found.__module__}.{found.__qualname__} has no name by which it could be read again")
    return [found.__module__, found.__qualname__]


def _decode(node: dict, arrays: dict[str, np.ndarray], modules: tuple):
    (kind, content), *more = node.items()
    if kind == "plain":
        return content
    if kind in ("array", "numpy", "number", "weak", "key"):
        return _as_kind(kind, arrays[content])
    if kind in ("tuple", "list"):
        items = [_decode(v, arrays, modules) for v in content]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict":
        return {k: _decode(v, arrays, modules) for k, v in content.items()}
    if kind == "function":
        return _named(content, modules)
    if kind not in ("class", "named"):
        raise ValueError(f"unknown kind '{kind}'")
    cls, fields = _named(content, modules), {k: _decode(v, arrays, modules) for k, v in dict(more)["fields"].items()}
    if kind == "named" and isinstance(cls, type) and issubclass(cls, tuple):
        return cls(**fields)
    if kind == "named" or not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise ValueError(f"{content} is no class that can be read")
    return _filled(cls, fields)


def _filled(cls: type, fields: dict[str, Any]):
    """A value of a class from its fields; one that was added later has its default."""
    value, known = object.__new__(cls), {f.name: f for f in dataclasses.fields(cls)}
    if unknown := set(fields) - set(known):
        raise ValueError(f"{cls.__qualname__} has no field '{min(unknown)}' in this version of Walras")
    for name, about in known.items():
        if name in fields:
            found = fields[name]
        elif about.default is not dataclasses.MISSING:
            found = about.default
        elif about.default_factory is not dataclasses.MISSING:
            found = about.default_factory()
        else:
            raise ValueError(f"the field '{name}' of {cls.__qualname__} is missing")
        object.__setattr__(value, name, found)
    return value


def _as_kind(kind: str, found: np.ndarray):
    if kind == "numpy":
        return found
    if kind == "number":
        return found[()]
    if kind == "key":
        return jax.random.wrap_key_data(jnp.asarray(found))
    return jnp.asarray(found) if kind == "array" else jnp.asarray(found.item())


def _named(content: list[str], modules: tuple):
    module_name, name = content
    module = next((m for m in modules if m.__name__ == module_name), None)
    if module is None:
        if not (module_name == "walras" or module_name.startswith("walras.")):
            raise ValueError(f"it names {module_name}.{name}, which is neither Walras nor the economy's own file")
        module = importlib.import_module(module_name)
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    # What a module has only imported is not its own: no way to `os` by way of a module of Walras.
    if getattr(found, "__module__", None) != module_name or getattr(found, "__qualname__", None) != name:
        raise ValueError(f"{name} is not defined in {module_name}")
    return found
