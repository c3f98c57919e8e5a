"""Writes that fail: at every point of a checkpoint's write, of an addition to a finished run, of its end, with every error."""

import dataclasses
import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.faults.finishing import KNOWN
from tests.faults.shim import Fault, Shim
from walras._core.errors import RunFolderError
from walras.lab import checkpoint, store

ERRORS = ("ENOSPC", "EIO", "EROFS", "EACCES", "EDQUOT")
SAID = {"ENOSPC": "Free space", "EIO": "disk", "EROFS": "read-only", "EACCES": "permissions", "EDQUOT": "quota"}


@dataclasses.dataclass
class Survived:
    """Cases, and what went wrong in which."""

    cases: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)


def state(number: int) -> dict:
    """A small state."""
    return {"round": np.int64(number), "rule": np.full((40, 3), float(number)), "name": "x"}


def checkpoints(folder: Path) -> checkpoint.Checkpoints:
    """Where it is put down."""
    return checkpoint.Checkpoints(folder, "test", {"asked": 1})


def newest(folder: Path) -> int:
    """The step of the newest checkpoint, after its value was compared."""
    found = checkpoint.newest(folder, "test", lambda _: ())
    assert np.array_equal(found.value["rule"], state(found.step)["rule"])
    return found.step


def points_of(work: Callable[[], object], folder: Path, log: Path) -> list[str]:
    """The points of a piece of work."""
    log.unlink(missing_ok=True)
    with Shim(folder, log, None):
        work()
    return [line.removeprefix("point ") for line in log.read_text().splitlines() if line.startswith("point ")]


def failing_checkpoints(folder: Path, errors: tuple[str, ...] = ERRORS) -> Survived:
    """Every call of the fourth checkpoint's write fails once, and for good, with every error: the third must be there."""
    found, log, run = Survived(), folder / "log", folder / "run"

    def begin() -> checkpoint.Checkpoints:
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir(parents=True)
        kept = checkpoints(run)
        for number in (1, 2, 3):
            kept.write(number, state(number))
        return kept

    kept = begin()
    points = points_of(lambda: kept.write(4, state(4)), run, log)
    for at, point in enumerate(points):
        for error in errors:
            for lasting in (False, True):
                kept = begin()
                found.cases += 1
                where = f"{error} at {point}{' for good' if lasting else ''}"
                with Shim(run, log, Fault(error, at, lasting=lasting)):
                    failed = _failure(lambda kept=kept: kept.write(4, state(4)), error, where, found)
                if newest(run) < (3 if failed else 4):
                    found.wrong.append(f"{where}: an acknowledged checkpoint is lost")
                kept.write(4, state(4))
                if newest(run) != 4:
                    found.wrong.append(f"{where}: it could not be written afterwards")
    return found


def failing_additions(folder: Path, errors: tuple[str, ...] = ERRORS) -> Survived:
    """Every call of an addition to a finished run, and of drawing one of its files again, fails: the run must be whole."""
    found, log, run = Survived(), folder / "log", folder / "run"
    for name in ("irf.nc", "report.html"):
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(KNOWN, run)
        add = lambda name=name: store.add(run, name, b"something new")  # noqa: E731
        for at, point in enumerate(points_of(add, run, log)):
            for error in errors:
                for lasting in (False, True):
                    shutil.rmtree(run)
                    shutil.copytree(KNOWN, run)
                    found.cases += 1
                    where = f"{name}: {error} at {point}{' for good' if lasting else ''}"
                    with Shim(run, log, Fault(error, at, lasting=lasting)):
                        _failure(add, error, where, found)
                    _whole(run, where, found)
                    add()
                    _whole(run, where, found)
    return found


def full_disk(folder: Path) -> Survived:
    """The kernel itself refuses: a limit on the size of files, in place of a disk that is full, at many sizes."""
    found, run = Survived(), folder / "run"
    kept = checkpoints(run)
    kept.write(1, state(1))
    size = (run / "checkpoints" / "000001.safetensors").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in range(0, size, max(1, size // 50)):
        found.cases += 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            kept.write(2, state(2))
            found.wrong.append(f"limit {limit}: no error")
        except RunFolderError as error:
            if "000002.safetensors" not in str(error):
                found.wrong.append(f"limit {limit}: {error}")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        if newest(run) != 1:
            found.wrong.append(f"limit {limit}: the checkpoint is lost")
    return found


def _failure(work: Callable[[], object], error: str, where: str, found: Survived) -> bool:
    """Whether it failed; then with an error of Walras that says why. A failed removal of old files is no failure."""
    try:
        work()
    except RunFolderError as refused:
        if "could not be written" not in str(refused) or SAID[error] not in refused.remedy:
            found.wrong.append(f"{where}: {refused}")
        return True
    return False


def _whole(run: Path, where: str, found: Survived) -> None:
    try:
        store.verify(run)
        json.loads((run / "summary.json").read_text())
    except Exception as error:
        found.wrong.append(f"{where}: the finished run is damaged: {error}")
