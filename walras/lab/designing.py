"""A design from request to folder: the ledger of equilibria as it grows, resumption, summary, figure, the optimum's own run.

    design.json    what was asked, what was found          evaluations.jsonl   every equilibrium that was looked at
    surface.svg    welfare over the policies               trail.csv           path of the search
    manifest.json  SHA-256 of every other file

The ledger is written line by line. A search is a pure function of its seed and the values it hears: an interrupted one goes
on by asking again and reading the answers.
"""

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from walras._core.errors import RunFolderError
from walras.govern.design import Design, criterion_named, over_named, regime_named, search, searcher_named
from walras.govern.judges import judge_named
from walras.govern.study import Evaluation, Study
from walras.govern.welfare import Appraisal
from walras.lab import store
from walras.lab.request import Request, build

LEDGER, SUMMARY = "evaluations.jsonl", "design.json"


class DesignRequest(BaseModel):
    """A design as it was asked for. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    economy: str
    calibration: str
    over: str
    welfare: str = "utilitarian"
    along: str = "transition"
    regime: str = "commitment"
    searcher: str = "pathwise"
    parameters: dict[str, float] = Field(default_factory=dict)
    preset: str = "standard"
    seed: int = 0


def is_design(folder: Path) -> bool:
    """Whether a folder holds a design, finished or not."""
    return (folder / "request.json").is_file()


def run(request: DesignRequest, folder: Path, say: Callable[[str], None]) -> Design:
    """Search, writing into a folder as it goes.

    Raises:
        InputError: before anything is solved, if something asked for cannot be used.
        RunFolderError: if the folder is in use.
    """
    study = _study(request)
    searcher_named(request.searcher, study.box.size)
    regime_named(request.regime)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunFolderError("it is in use", where=str(folder), remedy="Choose another --out, or go on with `walras resume`.")
    folder.mkdir(parents=True, exist_ok=True)
    store.write_aside(folder / "request.json", request.model_dump_json(indent=2).encode())
    return _go_on(study, request, folder, say)


def resume(folder: Path, say: Callable[[str], None]) -> Design:
    """Go on with an interrupted design, or read a finished one's ledger and conclude it again.

    Raises:
        RunFolderError: if the folder holds no design.
    """
    if not is_design(folder):
        raise RunFolderError("it holds no design", where=str(folder), remedy="Start one with `walras design`.")
    request = DesignRequest.model_validate(store.read_json(folder / "request.json"))
    study, lines = _study(request), _lines(folder / LEDGER)
    # What was cut off goes: the next line must not be glued to it.
    store.write_aside(folder / LEDGER, "".join(json.dumps(line) + "\n" for line in lines).encode())
    for line in lines:
        found = None if line["appraisal"] is None else Appraisal(**line["appraisal"])
        policy = tuple(line["policy"])
        study.ledger[policy] = Evaluation(policy, found, line["why"], line["seconds"])
    return _go_on(study, request, folder, say)


def _lines(path: Path) -> list[dict]:
    """The whole lines of a ledger: the last one may have been cut off."""
    if not path.exists():
        return []
    found = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(text))
        except ValueError:
            continue
    return found


def _study(request: DesignRequest) -> Study:
    asked = Request(
        economy=request.economy, calibration=request.calibration, parameters=request.parameters, preset=request.preset
    )
    economy, learners, _ = build(asked)
    criterion, sizes = criterion_named(request.welfare), (request.preset, request.seed)
    return Study(economy, over_named(request.over), criterion, sizes, learners, judge_named(request.along))


def _go_on(study: Study, request: DesignRequest, folder: Path, say: Callable[[str], None]) -> Design:
    names, known = study.box.names, len(study.ledger)
    say(f"choosing {', '.join(names)} …" + (f" {known} equilibria known already" if known else ""))

    def heard(evaluation: Evaluation) -> None:
        with open(folder / LEDGER, "a", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(evaluation)) + "\n")
        worth = "no equilibrium" if evaluation.appraisal is None else f"worth {evaluation.appraisal.equal_worth:.6f}"
        values = ", ".join(f"{n} {v:.4f}" for n, v in zip(names, evaluation.policy, strict=True))
        say(f"equilibrium {len(study.ledger)}: {values}: {worth} ({evaluation.seconds:.1f} s)")

    def watch(number: int, of: int, x: np.ndarray, value: float) -> None:
        best = ", ".join(f"{n} {v:.4f}" for n, v in zip(names, study.box.point(x), strict=True))
        say(f"round {number} of at most {of} …: best so far {best}, {value:.6f}")

    study.heard = heard
    design = search(study, request.regime, request.searcher, watch)
    say("writing the summary …")
    _write(folder, design, request)
    return design


def _write(folder: Path, design: Design, request: DesignRequest) -> None:
    from walras.report.surface import draw_surface  # matplotlib is slow to import

    with open(folder / "trail.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(design.names)
        writer.writerows(np.asarray(design.trail).tolist())
    draw_surface(design, folder / "surface.svg")
    store.write_aside(folder / SUMMARY, store.as_json({"request": request.model_dump(), **summary(design)}))
    manifest = {"format": store.FORMAT, "kind": "design", "seed": request.seed, "files": store.hashes(folder)}
    store.write_aside(folder / "manifest.json", store.as_json(manifest))


def summary(design: Design) -> dict:
    """What `design.json` holds beside the request."""
    kept = (
        "economy",
        "values",
        "intervals",
        "corners",
        "regime",
        "welfare",
        "along",
        "searcher",
        "preset",
        "gap",
        "settled",
        "note",
    )
    found = {name: getattr(design, name) for name in kept}
    parts = ("appraisal", "status_quo", "gain")
    found |= {name: None if (value := getattr(design, name)) is None else dataclasses.asdict(value) for name in parts}
    found["verdict"] = design.solution.verdict
    found["accuracy"] = design.solution.accuracy()
    found["moments"] = design.solution.moments()
    found["equilibria"] = len(design.surface)
    return found
