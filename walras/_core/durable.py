"""Files that are there whole or not at all, whatever happens while they are written.

Bytes are written aside, flushed to the disk, renamed, and the folder is flushed: a reader, and whoever comes after a crash, sees
the old file or the new one. JSON files can be sealed: their last entry is the SHA-256 of the file with zeros in its place, so
that a changed bit anywhere in it is noticed.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from walras._core.errors import RunFolderError

PART = ".part"
"""Ending of a file that is being written."""
MOST_JSON = 64 * 2**20
"""Largest JSON file that is read [bytes]."""

_BLANK = b"0" * 64
_SEAL = re.compile(rb'"seal": "([0-9a-f]{64})"\n}\n\Z')
_REMEDIES = {
    errno.ENOSPC: "Free space on the disk",
    errno.EDQUOT: "Free space within your quota",
    errno.EROFS: "The file system is read-only: choose another folder",
    errno.EACCES: "You may not write there: change the permissions, or choose another folder",
    errno.EIO: "The disk reported an error: check it, or choose another one",
}


def write_aside(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all; returns when it is on the disk.

    Raises:
        RunFolderError: if it cannot be written, naming the file and its size; what stood there before stands there still.
    """
    aside = path.with_name(path.name + PART)
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(aside, path)
        flush_folder(path.parent)
    except OSError as error:
        remove(aside)
        raise unwritable(path, error, len(data)) from error


def flush_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file if it is there and can be removed."""
    with contextlib.suppress(OSError):  # it is not there, or stays: nothing depends on it
        os.unlink(path)


def unwritable(path: Path, error: OSError, size: int | None = None) -> RunFolderError:
    """The error that names a file that could not be written, why, and what to do."""
    how = "" if size is None else f" ({size} bytes)"
    return RunFolderError(
        f"{path.name}{how} could not be written: {error.strerror or error}",
        where=str(path.parent),
        remedy=f"{_REMEDIES.get(error.errno or 0, 'Check the disk and the permissions of the folder')}. What was written "
        "before is as it was.",
    )


def sealed(value: dict[str, Any]) -> bytes:
    """A JSON object as indented bytes that end in their own SHA-256 (entry `seal`)."""
    data = json.dumps({**value, "seal": _BLANK.decode()}, indent=2, ensure_ascii=False).encode() + b"\n"
    at = len(data) - len(_BLANK) - len(b'"\n}\n')
    return data[:at] + hashlib.sha256(data).hexdigest().encode() + data[at + 64 :]


def read_sealed(path: Path) -> dict[str, Any]:
    """The object of a sealed JSON file, without its seal. Files of format 1, or that name no format, had none.

    Raises:
        RunFolderError: if the file is missing or is not what was written.
    """
    data = read_limited(path)
    value = as_object(data, path)
    found = _SEAL.search(data)
    if found is None:
        if "seal" in value or value.get("format", 1) != 1:
            raise _damaged(path, "its seal is missing or damaged")
        return value
    at = found.start(1)
    if hashlib.sha256(data[:at] + _BLANK + data[at + 64 :]).hexdigest().encode() != found.group(1):
        raise _damaged(path, "it is not what was written")
    del value["seal"]
    return value


def read_limited(path: Path) -> bytes:
    """The bytes of a small file; a link or a large one is refused.

    Raises:
        RunFolderError: if it cannot be read.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise _damaged(path, "it is missing, or no plain file")
        if (size := path.stat().st_size) > MOST_JSON:
            raise _damaged(path, f"{size} bytes are more than the {MOST_JSON} that are read")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def as_object(data: bytes, path: Path) -> dict[str, Any]:
    """Bytes as a JSON object.

    Raises:
        RunFolderError: if they are none.
    """
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    if not isinstance(value, dict):
        raise _damaged(path, "it does not hold a JSON object")
    return value


def _damaged(path: Path, why: str) -> RunFolderError:
    return RunFolderError(
        f"{path.name} is missing or damaged ({why})",
        where=str(path.parent),
        remedy="Restore it; or go on with `walras resume` if the run was interrupted, or solve again.",
    )
