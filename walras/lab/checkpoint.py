"""Checkpoints of long work: every verb that runs for long writes and reads them here.

    checkpoints/000120.safetensors   the state after step 120: one pytree, arrays and structure, no pickle
    checkpoints/000120.json          its manifest: kind of work, what was asked, size and SHA-256 of the state; sealed

Each file is written aside, flushed, renamed, and the folder flushed. A checkpoint counts from the moment its manifest is in
place; the last few are kept, and a damaged one is passed over, by name, for the one before it. They are written on a budget
of time, so that they cost at most `SHARE` of it.

A verb that runs for long has a state that is one pytree and a step that is a pure function of it: randomness comes from named
streams of the seed (`walras._core.keys`) and the number of the step, never from a generator that lives outside the state. It
makes one `Checkpoints` for its folder, calls `maybe` after every step and `write` when it is asked to stop, and begins with
`newest`.
"""

import contextlib
import dataclasses
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from walras._core.durable import PART, flush_folder, read_sealed, remove, sealed, unwritable, write_aside
from walras._core.encode import decode_bytes, encode, header, read_whole
from walras._core.errors import RunFolderError

FORMAT = 2
KEPT = 2
SHARE = 0.02
"""Largest share of wall time that checkpoints may take."""
LEAST = 1.0
"""Seconds between two checkpoints, at least."""
FOLDER = "checkpoints"


@dataclasses.dataclass(frozen=True)
class Saved:
    """A checkpoint that was read: the step, its value, what was asked, and what was passed over because it is damaged."""

    step: int
    value: Any
    about: dict[str, Any]
    damaged: tuple[RunFolderError, ...] = ()


class Budget:
    """When work may be put down: `SHARE` of the time since the start, and `LEAST` seconds since the last time.

    The clock is monotonic: what people or the network do to the time of day does not matter. A first write is taken to cost
    `guess` seconds, every other what the last one did.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, guess: float = 0.02):
        self.clock, self.cost = clock, guess
        self.start = self.last = clock()
        self.spent = 0.0

    def due(self) -> bool:
        """Whether one more write stays within the budget."""
        now = self.clock()
        return now - self.last >= LEAST and self.spent + self.cost <= SHARE * (now - self.start)

    def timed(self, work: Callable[[], Any]) -> Any:
        """Do a write and remember what it cost, also where it fails."""
        begin = self.clock()
        try:
            return work()
        finally:
            self.last = self.clock()
            self.cost = max(self.last - begin, 0.0)
            self.spent += self.cost


class Checkpoints:
    """The checkpoints of one folder, of one `kind` of work (the verb), with what was asked (`about`, plain JSON)."""

    def __init__(self, folder: Path, kind: str, about: dict[str, Any]):
        self.folder, self.kind, self.about = folder / FOLDER, kind, about
        self.budget = Budget()
        self.failed = ""
        self.newest: int | None = None
        self.written = 0

    def maybe(self, step: int, value: Any, say: Callable[[str], None]) -> bool:
        """Write if the budget allows; True if it was written.

        A write that fails does not stop the work: it is said, and tried again when the budget allows.
        """
        if not self.budget.due():
            return False
        try:
            self.write(step, value)
        except RunFolderError as error:
            if str(error) != self.failed:
                say(f"no checkpoint after step {step} …: {error}")
            self.failed = str(error)
            return False
        return True

    def write(self, step: int, value: Any) -> Path:
        """Write the state after a step; returns when it is on the disk.

        Raises:
            RunFolderError: if it cannot be written; those from before are as they were.
        """
        path = self.budget.timed(lambda: self._write(step, value))
        self.failed, self.newest = "", step
        self.written += 1
        return path

    def _write(self, step: int, value: Any) -> Path:
        path = self.folder / f"{step:06d}.safetensors"
        data = encode(value)
        about = {"format": FORMAT, "kind": self.kind, "step": step, "file": path.name, "bytes": len(data)}
        about |= {"sha256": hashlib.sha256(data).hexdigest(), "about": self.about}
        make_folder(self.folder)
        write_aside(path, data)
        write_aside(path.with_suffix(".json"), sealed(about))
        self._prune(step)
        return path

    def _prune(self, written: int) -> None:
        """Remove all but the last few up to the one just written: the manifest first, so that none is ever without its state.

        Later ones are left: they are damaged, or those of a run that went further before it was resumed from here.
        """
        kept = [int(path.stem) for path in steps(self.folder) if int(path.stem) <= written][-KEPT:]
        for path in [*steps(self.folder), *self.folder.glob("*.safetensors")]:
            if path.stem.isdigit() and int(path.stem) < kept[0]:
                remove(path)


def make_folder(folder: Path) -> None:
    """Make a folder, and its entry in the one above lasting; a link to somewhere else is none."""
    if folder.is_symlink():
        raise RunFolderError("it is a link", where=str(folder), remedy="Remove it: a run writes into its own folder only.")
    if not folder.is_dir():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            flush_folder(folder.parent)
        except OSError as error:
            raise unwritable(folder, error) from error


def steps(folder: Path) -> list[Path]:
    """Manifests in the order of their steps."""
    return sorted((path for path in folder.glob("*.json") if path.stem.isdigit()), key=lambda path: int(path.stem))


def present(folder: Path) -> bool:
    """Whether a folder holds checkpoints of any format."""
    inside = folder / FOLDER
    return (
        inside.is_dir()
        and not inside.is_symlink()
        and any(path.suffix in (".json", ".safetensors") for path in inside.iterdir())
    )


def newest(folder: Path, kind: str, modules: Callable[[dict[str, Any]], Any]) -> Saved:
    """The newest checkpoint of a folder that is what was written; `modules` gives, for what was asked, those of user's classes.

    Raises:
        RunFolderError: if there is none, if all are damaged (naming the newest), or if it is another kind of work.
    """
    inside, damaged = folder / FOLDER, []
    found = [*reversed(steps(inside))] or [*sorted(inside.glob("*.safetensors"), reverse=True)]
    for path in found:
        try:
            step, value, about = _read(path, kind, modules)
            return Saved(step, value, about, tuple(damaged))
        except RunFolderError as error:
            damaged.append(error)
    if damaged:
        raise damaged[0]
    raise RunFolderError("it holds no checkpoint to resume from", where=str(folder), remedy="Start the work again.")


def _read(path: Path, kind: str, modules: Callable[[dict[str, Any]], Any]) -> tuple[int, Any, dict[str, Any]]:
    if path.suffix == ".safetensors":  # format 1: the state alone, with the request in its header
        about = header(path)
        if not isinstance(about, dict) or "request" not in about or not path.stem.isdigit():
            raise _wrong(path, "its manifest is missing")
        return int(path.stem), decode_bytes(read_whole(path), path, modules(about))[0], about
    manifest = read_sealed(path)
    state = path.with_suffix(".safetensors")
    try:
        number, size = int(manifest["format"]), int(manifest["bytes"])
        name, digest = manifest["file"], manifest["sha256"]
        said, step, about = manifest["kind"], int(manifest["step"]), dict(manifest["about"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _wrong(path, f"it is no manifest of a checkpoint ({type(error).__name__}: {error})") from error
    if number > FORMAT:
        remedy = "Use a newer Walras to read it."
        raise RunFolderError(
            f"{path.name} has format {number}, this Walras reads up to {FORMAT}", where=str(path.parent), remedy=remedy
        )
    if name != state.name or step != int(path.stem):
        raise _wrong(path, f"it belongs to {name}")
    if said != kind:
        raise _wrong(path, f"it is of a {said}, not of a {kind}")
    data = read_whole(state)
    if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
        raise _wrong(state, "it is not what was written (its SHA-256 differs)")
    return step, decode_bytes(data, state, modules(about))[0], about


def _wrong(path: Path, why: str) -> RunFolderError:
    return RunFolderError(
        f"{path.name} cannot be used: {why}",
        where=str(path.parent),
        remedy="Restore it, go on from an older checkpoint (remove this one), or start again.",
    )


def clear(folder: Path) -> None:
    """Remove all checkpoints, of work that is finished; what cannot be removed stays."""
    inside = folder / FOLDER
    if inside.is_symlink() or not inside.is_dir():
        return
    for path in [*steps(inside), *inside.glob("*.safetensors"), *inside.glob(f"*{PART}")]:
        remove(path)
    with contextlib.suppress(OSError):  # something of somebody else's is in it
        os.rmdir(inside)
