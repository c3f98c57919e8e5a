"""Run folders: written aside and moved into place, verified when read.

    manifest.json  versions, seed, device, parameters with units, SHA-256 of every other file
    summary.json   verdict, seconds, accuracy with thresholds, moments
    solution.safetensors   simulation.nc   report.html   checkpoints/

A finished result is never overwritten without being asked to: with `force`, the new run is written beside the old one,
which is replaced when the new one is complete. A file that is added to a finished run, or drawn again, is announced in the
manifest first: whenever the process dies, every file is one that the manifest knows.

Format 2; format 1 had manifests without a seal and checkpoints without manifests.
"""

import contextlib
import datetime
import hashlib
import importlib.metadata
import inspect
import json
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from walras._core.durable import PART, flush_folder, read_sealed, remove, sealed, unwritable, write_aside
from walras._core.encode import decode, encode, read_whole
from walras._core.errors import RunFolderError
from walras._core.module import parameters_of
from walras.dataset import dataset
from walras.diagnose.certificate import thresholds
from walras.lab import checkpoint
from walras.lab.lock import LOCK, locked
from walras.lab.request import COPY, Request, user_file, user_modules
from walras.loop import Laboratory, LoopState
from walras.solution import Solution, loaded

FORMAT = 2
MANIFEST = "manifest.json"
_PACKAGES = ("walras", "jax", "jaxlib", "numpy", "equinox", "xarray")


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a complete run."""
    return (folder / MANIFEST).exists()


@contextlib.contextmanager
def prepare(folder: Path, force: bool) -> Iterator[Path]:
    """The folder to write into, locked: `folder` itself, or one beside it that will take its place.

    Raises:
        RunFolderError: if the folder cannot be written, is in use by another process, or is full and `force` was not given.
    """
    if folder.exists() and not folder.is_dir():
        raise RunFolderError("it is a file, not a folder", where=str(folder), remedy="Choose another --out.")
    settle(folder)
    used = _used(folder)
    if used and (folder / LOCK).exists():
        with locked(folder):
            pass  # nobody is at work there
    if used and not force:
        what = "it already holds a finished run" if is_finished(folder) else "it is not empty"
        unfinished = "" if is_finished(folder) else " or go on with `walras resume` if it was interrupted"
        remedy = f"Choose another --out, give --force to replace it{unfinished}."
        raise RunFolderError(what, where=str(folder), remedy=remedy)
    if used and not is_finished(folder) and not (folder / checkpoint.FOLDER).exists():
        raise RunFolderError("it holds files that no run wrote", where=str(folder), remedy="--force replaces runs only.")
    work = folder.with_name(folder.name + ".new") if used else folder
    with locked(work):
        if work != folder:
            _emptied(work)
        elif _used(work):
            raise RunFolderError("another process began to use it", where=str(folder), remedy="Choose another --out.")
        checkpoint.make_folder(work / checkpoint.FOLDER)
        try:
            yield work
        finally:
            _removed_if_empty(work)


def _removed_if_empty(work: Path) -> None:
    """Leave nothing behind where nothing was written."""
    inside, left = work / checkpoint.FOLDER, {checkpoint.FOLDER, LOCK, COPY}
    if not work.is_dir() or not {path.name for path in work.iterdir()} <= left or (inside.is_dir() and any(inside.iterdir())):
        return
    for path in (work / LOCK, work / COPY):
        remove(path)
    for path in (inside, work):
        with contextlib.suppress(OSError):
            path.rmdir()


def _used(folder: Path) -> bool:
    return folder.is_dir() and any(path.name != LOCK for path in folder.iterdir())


def _emptied(work: Path) -> None:
    """Remove what a replacement that was given up has left."""
    for path in work.iterdir():
        if path.name == LOCK:
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def settle(folder: Path) -> None:
    """Complete a replacement that was cut off between taking the old run away and putting the new one there."""
    new, old = folder.with_name(folder.name + ".new"), _replaced(folder)
    if not folder.exists() and old.is_dir() and is_finished(new):
        with locked(new):
            try:
                new.rename(folder)
            except OSError as error:
                raise unwritable(folder, error) from error
            remove(folder / LOCK)
    if old.is_dir() and is_finished(folder):
        shutil.rmtree(old, ignore_errors=True)


def _replaced(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")


def checkpoints(folder: Path, request: Request) -> checkpoint.Checkpoints:
    """Where a solve is put down."""
    return checkpoint.Checkpoints(folder, "solve", {"request": request.model_dump(mode="json")})


def read_checkpoint(folder: Path) -> tuple[Laboratory, LoopState, Request, tuple[RunFolderError, ...]]:
    """The newest checkpoint of a folder that is whole, and what was passed over.

    Raises:
        RunFolderError: if there is none.
    """
    if not folder.is_dir():
        raise RunFolderError("there is no such run folder", where=str(folder), remedy="Check the path.")
    if not checkpoint.present(folder):
        remedy = "A finished run needs no resuming." if is_finished(folder) else "Start it with `walras solve`."
        raise RunFolderError("it holds no checkpoint to resume from", where=str(folder), remedy=remedy)
    # The request first: it says where the economy's own file is.
    asked = lambda about: Request.read(about.get("request"), str(folder))  # noqa: E731
    found = checkpoint.newest(folder, "solve", lambda about: user_modules(asked(about), folder))
    lab, loop = _pair(found.value, folder / checkpoint.FOLDER)
    return lab, loop, asked(found.about), found.damaged


def _pair(value: Any, where: Path) -> tuple[Laboratory, LoopState]:
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("lab"), Laboratory)
        or not isinstance(value.get("loop"), LoopState)
    ):
        raise RunFolderError(
            "it holds no laboratory and state of a solve", where=str(where), remedy="It is another kind of file."
        )
    return value["lab"], value["loop"]


def finish(work: Path, solution: Solution, request: Request, total: float) -> None:
    """Write everything but the report, then the manifest."""
    if solution.lab is not None:
        value = {"lab": solution.lab, "loop": solution.loop}
        write_aside(work / "solution.safetensors", encode(value, {"request": request.model_dump(mode="json")}))
    if solution.evidence is not None:
        write_aside(work / "simulation.nc", netcdf(dataset(solution)))
    write_aside(work / "summary.json", as_json(summary(solution, request, total)))
    keep_copy(work, request)
    seal(work, solution, request)


def keep_copy(work: Path, request: Request) -> None:
    """Copy an economy's own file into its run folder, once: what is resumed is what was begun."""
    own_file = user_file(request)
    if own_file is not None and own_file.is_file() and not (work / COPY).exists():
        write_aside(work / COPY, own_file.read_bytes())


def replace(work: Path, folder: Path) -> None:
    """Put a complete run in its place; the one that stood there goes."""
    checkpoint.clear(work)
    if work == folder:
        return
    remove(work / LOCK)
    if folder.exists():
        shutil.rmtree(_replaced(folder), ignore_errors=True)
        os.rename(folder, _replaced(folder))
    os.rename(work, folder)
    flush_folder(folder.parent)
    shutil.rmtree(_replaced(folder), ignore_errors=True)


def netcdf(data: Any) -> bytes:
    """A dataset as the bytes of a netCDF file."""
    return bytes(data.to_netcdf(None, engine="h5netcdf"))


def seal(work: Path, solution: Solution, request: Request) -> None:
    """Write the manifest with the hash of every file that is there now."""
    manifest = {
        "format": FORMAT,
        "walras": importlib.metadata.version("walras"),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "seed": request.seed,
        "device": str(jax.devices()[0].platform),
        "platform": platform.platform(terse=True),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "request": request.model_dump(mode="json"),
        "parameters": _parameters(solution),
        "description": _description(solution),
        "files": hashes(work),
    }
    write_aside(work / MANIFEST, sealed(manifest))


def add(folder: Path, name: str, data: bytes) -> Path:
    """Write a file into a finished run, or write it again; the manifest knows it at every moment.

    Raises:
        RunFolderError: if another process is at work in the folder, or it cannot be written.
    """
    with locked(folder):
        return put(folder, name, data)


def put(folder: Path, name: str, data: bytes) -> Path:
    """As `add`, for one who holds the lock."""
    manifest = {"files": {}, **read_sealed(folder / MANIFEST)}
    digest = hashlib.sha256(data).hexdigest()
    if manifest["files"].get(name) != digest:
        manifest["replacing"] = {name: digest}
        write_aside(folder / MANIFEST, sealed(manifest))
    write_aside(folder / name, data)
    manifest["files"][name] = digest
    manifest.pop("replacing", None)
    write_aside(folder / MANIFEST, sealed({**manifest, "format": FORMAT}))
    return folder / name


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a run but the manifest and the checkpoints."""
    files = [p for p in sorted(folder.iterdir()) if p.is_file() and not p.is_symlink()]
    skipped = lambda name: name in (MANIFEST, LOCK) or name.endswith(PART)  # noqa: E731
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files if not skipped(p.name)}


def _parameters(solution: Solution) -> list[dict[str, Any]]:
    if solution.lab is None:
        return []
    found = []
    for name, value, about in parameters_of(solution.economy):
        number = np.asarray(value).tolist()
        found.append({"name": name, "value": number, "unit": about["unit"], "meaning": about["meaning"]})
    return found


def _description(solution: Solution) -> str:
    if solution.lab is None:
        return ""
    return inspect.getdoc(inspect.getmodule(type(solution.economy))) or ""


def curriculum_of(solution: Solution) -> dict[str, Any]:
    """Stages of the curriculum, a line each, and how often one was begun again; nothing where there was none."""
    lab = solution.lab
    if lab is None or lab.curriculum is None:
        return {}
    anchor = solution.loop.anchor
    restarts = {} if anchor is None else {"restarts": int(anchor.restarts)}
    return {"curriculum": {"stages": lab.curriculum.lines(lab.rounds), **restarts}}


def summary(solution: Solution, request: Request, total: float) -> dict[str, Any]:
    """What `summary.json` holds."""
    accuracy = solution.accuracy()
    limits = thresholds(solution.preset)
    return {
        "economy": request.economy,
        "calibration": request.calibration,
        "learners": _learners(solution, request),
        **curriculum_of(solution),
        "preset": solution.preset,
        "seed": solution.seed,
        "verdict": solution.verdict,
        "reasons": list(solution.certificate.reasons),
        "seconds": {**solution.seconds, "total": total},
        "accuracy": {**accuracy, "by_type": {f.figure: f.by_type for f in solution.certificate.findings if f.by_type}},
        "thresholds": {k: v for k, v in limits.items() if k in accuracy},
        "moments": solution.moments(),
        "checks": [
            {
                "figure": f.figure,
                "meaning": f.meaning,
                "value": float(f.value),
                "unit": f.unit,
                "threshold": f.threshold,
                "passed": f.passed,
                "where": f.where,
                "remedy": f.remedy,
            }
            for f in solution.certificate.findings
        ],
    }


def _learners(solution: Solution, request: Request) -> dict[str, str]:
    """The learner of each type by the name of its file, also where none was asked for."""
    if solution.lab is None:
        return request.learners
    name = lambda learner: type(learner).__module__.rsplit(".", 1)[-1].replace("_", "-")  # noqa: E731
    return {who: request.learners.get(who) or name(learner) for who, learner in solution.lab.learners.items()}


def as_json(value: dict[str, Any]) -> bytes:
    """A value as indented JSON, ending in a newline; arrays as lists."""
    return (json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n").encode()


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON")


def verify(folder: Path) -> dict[str, Any]:
    """The manifest, after every file it lists was found with the hash it lists.

    Raises:
        RunFolderError: naming the first file that is missing or differs.
    """
    settle(folder)
    if not folder.is_dir():
        raise RunFolderError("there is no such run folder", where=str(folder), remedy="Check the path.")
    manifest = read_sealed(folder / MANIFEST)
    while (wrong := _mismatch(folder, manifest)) is not None:
        again = read_sealed(folder / MANIFEST)
        if again == manifest:
            raise wrong
        manifest = again  # another process wrote a file in between
    return manifest


def _mismatch(folder: Path, manifest: dict[str, Any]) -> RunFolderError | None:
    files, coming = manifest.get("files"), manifest.get("replacing", {})
    if not isinstance(files, dict) or not isinstance(coming, dict):
        return RunFolderError("manifest.json lists no files", where=str(folder), remedy="It is no run folder: solve again.")
    for name in [*files, *(name for name in coming if name not in files)]:
        path = folder / name
        if not name or Path(name).name != name or name in ("..", ".") or "\0" in name or len(name) > 200:
            what = f"manifest.json names {name[:200]!r}, which is no file of the folder"
            return RunFolderError(what, where=str(folder), remedy="The folder was tampered with: do not use it.")
        if path.is_symlink() or not path.is_file():
            if name not in files:
                continue  # announced, not written yet
            return RunFolderError(
                f"{name} is missing, or no plain file", where=str(folder), remedy="Restore it, or solve again."
            )
        if hashlib.sha256(read_whole(path)).hexdigest() not in (files.get(name), coming.get(name)):
            return RunFolderError(
                f"{name} is not what the run wrote (its hash differs from the manifest)",
                where=str(folder),
                remedy="The file was damaged or edited: restore it, or solve again with --force.",
            )
    return None


def load(folder: str | Path) -> Solution:
    """The solution of a finished run folder, verified. Its certificate is made anew by `diagnose`.

    Raises:
        RunFolderError: if the folder is missing, unfinished, or damaged.
    """
    folder = Path(folder)
    manifest = verify(folder)
    request = Request.read(manifest.get("request"), str(folder / MANIFEST))
    path = folder / "solution.safetensors"
    if path.name not in manifest["files"]:
        raise RunFolderError("the run failed and holds no solution", where=str(folder), remedy="See its summary.json.")
    lab, loop = _pair(decode(path, user_modules(request, folder))[0], path)
    return Solution(type(lab.economy).__name__, request.preset, request.seed, lab, loop, loaded(), None, {})
