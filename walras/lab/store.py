"""Run folders: written aside and moved into place, verified when read.

    manifest.json  versions, seed, device, parameters with units, SHA-256 of every other file
    summary.json   verdict, seconds, accuracy with thresholds, moments
    solution.safetensors   simulation.nc   report.html   checkpoints/

A finished result is never overwritten without being asked to: with `force`, the new run is written beside the old one,
which is replaced when the new one is complete.
"""

import datetime
import hashlib
import importlib.metadata
import inspect
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np

from walras._core.encode import decode, encode, header
from walras._core.errors import RunFolderError
from walras._core.module import parameters_of
from walras.dataset import dataset
from walras.diagnose.certificate import thresholds
from walras.lab.request import COPY, Request, user_file, user_module
from walras.loop import Laboratory, LoopState
from walras.solution import Solution, loaded

FORMAT = 1
KEPT_CHECKPOINTS = 2
_PACKAGES = ("walras", "jax", "jaxlib", "numpy", "equinox", "xarray")


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a complete run."""
    return (folder / "manifest.json").exists()


def prepare(folder: Path, force: bool) -> Path:
    """The folder to write into: `folder` itself, or one beside it that will take its place.

    Raises:
        RunFolderError: if the folder cannot be written, or is in use and `force` was not given.
    """
    used = folder.exists() and any(folder.iterdir()) if folder.is_dir() else folder.exists()
    if folder.exists() and not folder.is_dir():
        raise RunFolderError("it is a file, not a folder", where=str(folder), remedy="Choose another --out.")
    if used and not force:
        what = "it already holds a finished run" if is_finished(folder) else "it is not empty"
        unfinished = "" if is_finished(folder) else " or go on with `walras resume` if it was interrupted"
        remedy = f"Choose another --out, give --force to replace it{unfinished}."
        raise RunFolderError(what, where=str(folder), remedy=remedy)
    if used and not is_finished(folder) and not (folder / "checkpoints").exists():
        raise RunFolderError("it holds files that no run wrote", where=str(folder), remedy="--force replaces runs only.")
    work = folder.with_name(folder.name + ".new") if used else folder
    try:
        if work != folder and work.exists():
            shutil.rmtree(work)
        (work / "checkpoints").mkdir(parents=True, exist_ok=True)
        probe = work / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise RunFolderError(
            f"it cannot be written ({error.strerror})",
            where=str(folder),
            remedy="Choose a folder you may write with --out.",
        ) from error
    return work


def write_aside(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all: aside, flushed, renamed, the folder flushed."""
    aside = path.with_name(path.name + ".part")
    with open(aside, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_checkpoint(folder: Path, lab: Laboratory, loop: LoopState, request: Request) -> Path:
    """Write the state of an unfinished solve; the last few are kept."""
    path = folder / "checkpoints" / f"{int(loop.round):06d}.safetensors"
    write_aside(path, encode({"lab": lab, "loop": loop}, {"request": request.model_dump(mode="json")}))
    for old in sorted(path.parent.glob("*.safetensors"))[:-KEPT_CHECKPOINTS]:
        old.unlink()
    return path


def read_checkpoint(folder: Path) -> tuple[Laboratory, LoopState, Request]:
    """The newest readable checkpoint of a folder.

    Raises:
        RunFolderError: if there is none.
    """
    if not folder.is_dir():
        raise RunFolderError("there is no such run folder", where=str(folder))
    damaged = None
    for path in sorted((folder / "checkpoints").glob("*.safetensors"), reverse=True):
        try:
            # The request first: it says where the economy's own file is.
            request = Request.model_validate(header(path)["request"])
            value, _ = decode(path, user_module(request))
            return value["lab"], value["loop"], request
        except RunFolderError as error:
            damaged = error
    if damaged is not None:
        raise damaged
    remedy = "A finished run needs no resuming." if is_finished(folder) else "Start it with `walras solve`."
    raise RunFolderError("it holds no checkpoint to resume from", where=str(folder), remedy=remedy)


def finish(work: Path, folder: Path, solution: Solution, request: Request, total: float) -> None:
    """Write everything but the report, then the manifest; put the folder in its place."""
    if solution.lab is not None:
        write_aside(work / "solution.safetensors", encode(_saved(solution), {"request": request.model_dump(mode="json")}))
    if solution.evidence is not None:
        aside = work / "simulation.nc.part"
        dataset(solution).to_netcdf(aside, engine="h5netcdf")
        os.replace(aside, work / "simulation.nc")
    write_aside(work / "summary.json", as_json(summary(solution, request, total)))
    own_file = user_file(request)
    if own_file is not None and own_file.is_file():
        write_aside(work / COPY, own_file.read_bytes())
    seal(work, solution, request)
    shutil.rmtree(work / "checkpoints", ignore_errors=True)
    if work != folder:
        old = folder.with_name(folder.name + ".old")
        folder.rename(old)
        work.rename(folder)
        shutil.rmtree(old)


def _saved(solution: Solution) -> dict[str, Any]:
    return {"lab": solution.lab, "loop": solution.loop}


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
    write_aside(work / "manifest.json", as_json(manifest))


def reseal(folder: Path) -> None:
    """Bring the hashes of the manifest up to date after a file was added or replaced on purpose."""
    manifest = read_json(folder / "manifest.json")
    manifest["files"] = hashes(folder)
    write_aside(folder / "manifest.json", as_json(manifest))


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a run but the manifest and the checkpoints."""
    skipped = {"manifest.json"}
    files = [p for p in sorted(folder.iterdir()) if p.is_file() and p.name not in skipped and not p.name.endswith(".part")]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


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


def summary(solution: Solution, request: Request, total: float) -> dict[str, Any]:
    """What `summary.json` holds."""
    accuracy = solution.accuracy()
    limits = thresholds(solution.preset)
    return {
        "economy": request.economy,
        "calibration": request.calibration,
        "learners": _learners(solution, request),
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


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a run folder.

    Raises:
        RunFolderError: if the file is missing or not JSON.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(
            f"{path.name} is missing or damaged ({type(error).__name__})",
            where=str(path.parent),
            remedy="It is no complete run folder: solve again, or resume if it was interrupted.",
        ) from error
    if not isinstance(value, dict):
        raise RunFolderError(f"{path.name} does not hold a JSON object", where=str(path.parent))
    return value


def verify(folder: Path) -> dict[str, Any]:
    """The manifest, after every file it lists was found with the hash it lists.

    Raises:
        RunFolderError: naming the first file that is missing or differs.
    """
    if not folder.is_dir():
        raise RunFolderError("there is no such run folder", where=str(folder), remedy="Check the path.")
    manifest = read_json(folder / "manifest.json")
    for name, expected in manifest.get("files", {}).items():
        path = folder / name
        if Path(name).name != name or path.is_symlink() or not path.is_file():
            raise RunFolderError(f"{name} is missing", where=str(folder), remedy="Restore it, or solve again.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise RunFolderError(
                f"{name} is not what the run wrote (its hash differs from the manifest)",
                where=str(folder),
                remedy="The file was damaged or edited: restore it, or solve again with --force.",
            )
    return manifest


def load(folder: str | Path) -> Solution:
    """The solution of a finished run folder, verified. Its certificate is made anew by `diagnose`.

    Raises:
        RunFolderError: if the folder is missing, unfinished, or damaged.
    """
    folder = Path(folder)
    manifest = verify(folder)
    request = Request.model_validate(manifest["request"])
    path = folder / "solution.safetensors"
    if not path.exists():
        raise RunFolderError("the run failed and holds no solution", where=str(folder), remedy="See its summary.json.")
    value, _ = decode(path, user_module(request, folder))
    name = type(value["lab"].economy).__name__
    return Solution(name, request.preset, request.seed, value["lab"], value["loop"], loaded(), None, {})
