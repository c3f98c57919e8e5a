"""A design from request to folder: the ledger of equilibria as it grows, resumption, summary, figure, the optimum's own run.

    design.json    what was asked, what was found          evaluations.jsonl   every equilibrium that was looked at
    surface.svg    welfare over the policies               trail.csv           path of the search
    request.json   what was asked, from the first moment   manifest.json       SHA-256 of every other file
    checkpoints/   only while it is unfinished

A search is a pure function of its seed and the values it hears; a judge begins each equilibrium where the last one ended. A
checkpoint holds both: all values heard, and what the judge remembers. An interrupted design goes on by asking again, reading
the answers, and solving the first one that is not known from where the judge stood.
"""

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from walras._core.durable import read_sealed, sealed, write_aside
from walras._core.errors import RunFolderError
from walras._core.typed import Typed
from walras.govern.design import Design, criterion_named, over_named, regime_named, search, searcher_named
from walras.govern.judges import judge_named
from walras.govern.study import Evaluation, Study
from walras.govern.welfare import Appraisal
from walras.lab import checkpoint, store
from walras.lab.checkpoint import Checkpoints
from walras.lab.lock import locked
from walras.lab.request import Name, Numbers, Request, Seed, Short, build, user_modules
from walras.lab.stopping import Stop, Stopped

LEDGER, SUMMARY, ASKED = "evaluations.jsonl", "design.json", "request.json"
STEP = "this equilibrium"


class DesignRequest(Typed):
    """A design as it was asked for. Unknown fields are errors."""

    economy: Name
    calibration: Short
    over: Name
    welfare: Name = "utilitarian"
    along: Short = "transition"
    regime: Short = "commitment"
    searcher: Short = "pathwise"
    parameters: Numbers = Field(default_factory=dict)
    preset: Short = "standard"
    seed: Annotated[Seed, Field(lt=2**63 - 1)] = 0


def is_design(folder: Path) -> bool:
    """Whether a folder holds a design, finished or not."""
    return (folder / ASKED).is_file()


def run(request: DesignRequest, folder: Path, say: Callable[[str], None]) -> Design:
    """Search, writing into a folder as it goes.

    Raises:
        InputError: before anything is solved, if something asked for cannot be used.
        RunFolderError: if the folder is in use or cannot be written.
        Stopped: if asked to stop; every equilibrium that was solved is kept.
    """
    study = _study(request)
    searcher_named(request.searcher, study.box.size)
    regime_named(request.regime)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunFolderError("it is in use", where=str(folder), remedy="Choose another --out, or go on with `walras resume`.")
    with locked(folder), Stop(say, STEP) as stop:
        write_aside(folder / ASKED, sealed({"format": store.FORMAT, **request.model_dump()}))
        store.keep_copy(folder, _solve_request(request))
        return _go_on(study, request, folder, stop)


def resume(folder: Path, say: Callable[[str], None]) -> Design:
    """Go on with an interrupted design to the same bits.

    Raises:
        RunFolderError: if the folder holds no design or a finished one, is damaged, or another process is at work in it.
        Stopped: if asked to stop.
    """
    if not is_design(folder):
        raise RunFolderError("it holds no design", where=str(folder), remedy="Start one with `walras design`.")
    with locked(folder), Stop(say, STEP) as stop:
        if store.is_finished(folder):
            store.verify(folder)
            checkpoint.clear(folder)
            raise RunFolderError("the design is finished", where=str(folder), remedy=f"See its {SUMMARY} and surface.svg.")
        asked = read_sealed(folder / ASKED)
        number = asked.pop("format", 1)
        request = DesignRequest.read(asked, str(folder / ASKED))
        user_modules(_solve_request(request), folder)  # before anything else imports them: trusted, and from the folder's copy
        study = _study(request)
        if checkpoint.present(folder):
            found = checkpoint.newest(folder, "design", lambda _: user_modules(_solve_request(request), folder))
            for error in found.damaged:
                say(f"passed over …: {error}")
            evaluations, memory = _parts(found.value, folder)
            study.judge.recall(memory)
        else:  # of format 2 nothing had been put down yet: the ledger alone does not say where the judge stood
            evaluations = _lines(folder / LEDGER) if number == 1 else []
        study.ledger.update({evaluation.policy: evaluation for evaluation in evaluations})
        return _go_on(study, request, folder, stop)


def _parts(value: Any, folder: Path) -> tuple[list[Evaluation], Any]:
    if (
        not isinstance(value, dict)
        or set(value) != {"ledger", "judge"}
        or not all(isinstance(e, Evaluation) for e in value["ledger"])
    ):
        raise RunFolderError("its checkpoint is none of a design", where=str(folder), remedy="Start another design.")
    return value["ledger"], value["judge"]


def _lines(path: Path) -> list[Evaluation]:
    """The ledger of a design of format 1: the last line may have been cut off."""
    found = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else [], 1):
        try:
            line = json.loads(text)
            appraisal = None if line["appraisal"] is None else Appraisal(**line["appraisal"])
            found.append(Evaluation(tuple(line["policy"]), appraisal, line["why"], line["seconds"]))
        except (ValueError, KeyError, TypeError) as error:
            if number > len(found) + 1:
                remedy = "Restore it, or start the design again."
                raise RunFolderError(
                    f"{path.name}, line {number - 1}: it is damaged", where=str(path.parent), remedy=remedy
                ) from error
    return found


def _solve_request(request: DesignRequest) -> Request:
    """The part of it that names the economy."""
    given = {name: getattr(request, name) for name in ("economy", "calibration", "parameters", "preset")}
    return Request(**given)


def _study(request: DesignRequest) -> Study:
    economy, learners, _ = build(_solve_request(request))
    criterion, sizes = criterion_named(request.welfare), (request.preset, request.seed)
    return Study(economy, over_named(request.over), criterion, sizes, learners, judge_named(request.along))


def _go_on(study: Study, request: DesignRequest, folder: Path, stop: Stop) -> Design:
    names, known, say = study.box.names, len(study.ledger), stop.say
    say(f"choosing {', '.join(names)} …" + (f" {known} equilibria known already" if known else ""))
    kept = Checkpoints(folder, "design", {"request": request.model_dump()})
    write_aside(folder / LEDGER, "".join(_line(evaluation) for evaluation in study.ledger.values()).encode())
    state = {"ledger": list(study.ledger.values()), "judge": study.judge.memory()}

    def begins() -> None:
        stop.at_once = False  # an equilibrium is waited for

    def heard(evaluation: Evaluation) -> None:
        state.update(ledger=list(study.ledger.values()), judge=study.judge.memory())
        kept.maybe(len(study.ledger), state, say)
        try:
            with open(folder / LEDGER, "a", encoding="utf-8") as file:
                file.write(_line(evaluation))
        except OSError as error:
            say(f"{LEDGER} was not written …: {error}")
        worth = "no equilibrium" if evaluation.appraisal is None else f"worth {evaluation.appraisal.equal_worth:.6f}"
        values = ", ".join(f"{n} {v:.4f}" for n, v in zip(names, evaluation.policy, strict=True))
        say(f"equilibrium {len(study.ledger)}: {values}: {worth} ({evaluation.seconds:.1f} s)")
        stop.at_once = True
        if stop.asked:
            raise KeyboardInterrupt

    def watch(number: int, of: int, x: np.ndarray, value: float) -> None:
        best = ", ".join(f"{n} {v:.4f}" for n, v in zip(names, study.box.point(x), strict=True))
        say(f"round {number} of at most {of} …: best so far {best}, {value:.6f}")

    study.begins, study.heard, stop.at_once = begins, heard, True
    try:
        design = search(study, request.regime, request.searcher, watch)
    except KeyboardInterrupt:
        stop.at_once = False
        if kept.newest != len(state["ledger"]):
            kept.write(len(state["ledger"]), state)
        raise Stopped(folder, f"after {len(state['ledger'])} equilibria") from None
    stop.at_once = False
    say("writing the summary …")
    _write(folder, design, request)
    return design


def _line(evaluation: Evaluation) -> str:
    return json.dumps(dataclasses.asdict(evaluation)) + "\n"


def _write(folder: Path, design: Design, request: DesignRequest) -> None:
    from walras.report.surface import draw_surface  # matplotlib is slow to import

    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(design.names)
    writer.writerows(np.asarray(design.trail).tolist())
    write_aside(folder / "trail.csv", file.getvalue().encode())
    write_aside(folder / "surface.svg", draw_surface(design))
    write_aside(folder / LEDGER, "".join(_line(evaluation) for evaluation in design.surface).encode())
    write_aside(folder / SUMMARY, store.as_json({"request": request.model_dump(), **summary(design)}))
    manifest = {"format": store.FORMAT, "kind": "design", "seed": request.seed, "files": store.hashes(folder)}
    write_aside(folder / store.MANIFEST, sealed(manifest))
    checkpoint.clear(folder)


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
