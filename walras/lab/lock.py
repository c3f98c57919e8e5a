"""One process at a time works in a run folder.

The lock is the operating system's (`flock`) on a file in the folder: it ends with the process, however that ends, so that a
killed run leaves nothing that has to be removed by hand. Processes that only read need none.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from walras._core.durable import unwritable
from walras._core.errors import RunFolderError

try:
    import fcntl
except ImportError:  # Windows: no lock is taken
    fcntl = None

LOCK = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made if need be.

    Raises:
        RunFolderError: if another process holds it, or it cannot be written.
    """
    handle = _acquired(folder)
    try:
        yield
    finally:
        try:
            if os.stat(folder / LOCK).st_ino == os.fstat(handle).st_ino:
                os.unlink(folder / LOCK)
        except OSError:
            pass  # the folder was moved, or may no longer be written
        os.close(handle)


def _acquired(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        handle = os.open(folder / LOCK, flags, 0o666)
    except OSError as error:
        raise unwritable(folder / LOCK, error) from error
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_still(folder / LOCK, handle):  # its last holder removed it in between
                os.close(handle)
                return _acquired(folder)
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
    except BlockingIOError as error:
        who = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise RunFolderError(
            f"it is in use by another process (number {who})",
            where=str(folder),
            remedy="Wait until it has ended, or stop it with Ctrl-C, which keeps its work; or choose another --out.",
        ) from error
    except OSError:  # the number of the process is for the message only
        pass
    return handle


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False
