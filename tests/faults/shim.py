"""The operating system, with faults: counts every write, flush, rename and removal below a folder, and lets one go wrong.

It stands in for functions of `os` in a process of its own. Every call on a file of the folder is a *point*: its name says what
is done to which kind of file ("write state", "flush manifest", "rename report"). At the n-th point one thing happens: the process is
killed (`kill`: before, in the middle of, or after the call), or the call fails with an error number, once or from then on.
"""

import dataclasses
import errno
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

CALLS = ("open", "write", "fsync", "replace", "rename", "unlink", "mkdir", "rmdir")
WORDS = {"open": "open", "write": "write", "fsync": "flush", "replace": "rename", "rename": "rename", "unlink": "remove",
         "mkdir": "make", "rmdir": "remove"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens at the n-th point (from 0) whose name matches `where`.

    `what`: "kill before", "kill within", "kill after", or the name of an error (`ENOSPC`); `lasting`: it stays that way.
    """

    what: str
    at: int = 0
    where: str = ""
    lasting: bool = False


class Shim:
    """Install with `install`; `log` receives one line for each event, whole at once, so that it survives a kill."""

    def __init__(self, folder: Path, log: Path, fault: Fault | None):
        self.folder, self.fault, self.count = os.fspath(folder), fault, 0
        self.real = {name: getattr(os, name) for name in (*CALLS, "close")}
        self.handles: dict[int, str] = {}
        self.log = self.real["open"](log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def install(self) -> None:
        """Stand in for the functions of `os`."""
        for name in CALLS:
            setattr(os, name, self._standing_in(name))
        close = self.real["close"]

        def closed(handle: int) -> None:
            self.handles.pop(handle, None)
            close(handle)

        os.close = closed

    def __enter__(self) -> "Shim":
        self.install()
        return self

    def __exit__(self, *_) -> None:
        for name, function in self.real.items():
            setattr(os, name, function)
        os.close(self.log)

    def note(self, text: str) -> None:
        """One line of the log."""
        self.real["write"](self.log, (text + "\n").encode())

    def _standing_in(self, name: str) -> Callable:
        real = self.real[name]

        def call(first, *rest, **named):
            path = self.handles.get(first) if isinstance(first, int) else os.fspath(first)
            if path is None or not str(path).startswith(self.folder):
                return real(first, *rest, **named)
            if name == "open" and not rest[0] & os.O_CREAT:
                handle = real(first, *rest, **named)
                self.handles[handle] = str(path)
                return handle
            self._before(name, str(path), first, rest)
            found = real(first, *rest, **named)
            if name == "open":
                self.handles[found] = str(path)
            self._after(name, str(path))
            self.note("done")
            return found

        return call

    def _due(self, point: str) -> bool:
        return self.fault is not None and bool(re.search(self.fault.where, point)) and self.count == self.fault.at

    def _before(self, name: str, path: str, first, rest) -> None:
        point = point_of(name, path)
        self.note(f"point {point}")
        if not self._due(point):
            return
        assert self.fault is not None
        if self.fault.what == "kill before":
            self._kill(point)
        if self.fault.what == "kill within" and name == "write":
            self.real["write"](first, rest[0][: max(1, len(rest[0]) // 2)])
            self._kill(point)
        if self.fault.what.startswith("E"):
            if not self.fault.lasting:
                self.count += 1
            if name == "write" and len(rest[0]) > 1:
                self.real["write"](first, rest[0][: len(rest[0]) // 2])
            self.note(f"failed {point}")
            number = getattr(errno, self.fault.what)
            raise OSError(number, os.strerror(number))

    def _after(self, name: str, path: str) -> None:
        point = point_of(name, path)
        if self.fault is not None and re.search(self.fault.where, point):
            if self.fault.what in ("kill after", "kill within") and self.count == self.fault.at:
                self._kill(point)
            self.count += 1

    def _kill(self, point: str) -> None:
        assert self.fault is not None
        self.note(f"killed {self.fault.what.removeprefix('kill ')} {point}")
        os.kill(os.getpid(), signal.SIGKILL)


def point_of(name: str, path: str) -> str:
    """The name of a point: what is done to which kind of file."""
    last = os.path.basename(path).removesuffix(".part")
    inside = os.path.basename(os.path.dirname(path)) == "checkpoints"
    kind = re.sub(r"\d+", "N", last)
    if inside:
        kind = "state" if last.endswith(".safetensors") else "manifest of the state"
    elif os.path.isdir(path):
        kind = "folder of checkpoints" if last == "checkpoints" else "folder"
    return f"{WORDS[name]} {kind}"
