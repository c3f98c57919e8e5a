"""A solve from request to run folder: progress, checkpoints on a time budget, interruption, report."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from walras._core.errors import RunFolderError
from walras.lab import checkpoint, store
from walras.lab.checkpoint import Checkpoints
from walras.lab.lock import locked
from walras.lab.request import Request, build, curriculum, information
from walras.lab.stopping import Stop, Stopped
from walras.lab.trust import cache_folder
from walras.learners.preset import preset
from walras.loop import Laboratory, LoopState, tolerances
from walras.solution import Solution
from walras.solve import Interrupted, Timer, diagnose, finish, goes_on, solve

Report = Callable[[str], None]


def compile_cache() -> None:
    """Keep compiled programs in a private folder of the user, so that the second run starts fast."""
    folder = str(cache_folder())
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError:
        return  # no cache is slower, nothing else
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


class Watcher:
    """Called between chunks: prints progress, writes checkpoints on their budget, notices that somebody asked to stop."""

    def __init__(self, kept: Checkpoints, stop: Stop, say: Report):
        self.kept, self.stop, self.say = kept, stop, say
        self.started = time.monotonic()
        self.at: tuple[Laboratory, LoopState] | None = None

    def __call__(self, lab: Laboratory, loop: LoopState) -> bool:
        """True if the solve should stop."""
        self.at = lab, loop
        self.stop.at_once = not goes_on(lab, loop)  # what follows is the certificate, which a resumed run makes again
        self.say(progress_line(lab, loop, time.monotonic() - self.started))
        if not self.stop.asked:
            self.kept.maybe(_step(lab, loop), {"lab": lab, "loop": loop}, self.say)
        return self.stop.asked

    def put_down(self, folder: Path) -> Stopped:
        """Write where the solve stands; what to raise then."""
        assert self.at is not None  # it was called
        lab, loop = self.at
        if self.kept.newest != _step(lab, loop):
            self.kept.write(_step(lab, loop), {"lab": lab, "loop": loop})
        return Stopped(folder, f"after round {int(loop.round)}")


def _step(lab: Laboratory, loop: LoopState) -> int:
    """A number that grows from checkpoint to checkpoint: the round, and all rounds for each stage that began again."""
    return int(loop.round) + (0 if loop.anchor is None else int(loop.anchor.restarts) * lab.rounds)


def progress_line(lab: Laboratory, loop: LoopState, elapsed: float) -> str:
    """Round, distances to the fixed point, and the time that is left if they go on shrinking as they did."""
    number = int(loop.round)
    if number == 0:
        return "round 0: grids placed, first guess made"
    if lab.stationary:
        state = next((s for s in loop.learners.values() if getattr(s, "search", None) is not None), None)
        if state is None:  # several types: where they rest was found before the first round
            return f"round {number}: at rest"
        tried = " ".join(f"{x:.8g}" for x in np.atleast_1d(state.search.tried))
        text = f"candidate {tried}, excess {float(state.search.excess):.2e}"
        if (residual := getattr(state, "residual", None)) is None:
            return f"round {number}: {text}"
        left = elapsed / number * (lab.rounds - number)
        return f"round {number} of {lab.rounds}: {text}, residual {float(residual):.1e}, about {left:.0f} s left"
    if lab.fresh:
        residual, left = float(loop.trace[number - 1, 0]), elapsed / number * (lab.rounds - number)
        what = ", ".join(dict.fromkeys(learner.progress for learner in lab.learners.values() if learner.fresh))
        return f"round {number} of {lab.rounds}: {what} {residual:.1e}, about {left:.0f} s left"
    distance = np.asarray(loop.distance)
    worst = float((distance / tolerances(lab, loop)).max())
    text = "round {}: estimated distance of rule {:.1e}, law {:.1e}, cross-section {:.1e}".format(number, *distance)
    trace = np.asarray(loop.trace)[:number].max(axis=1)
    if np.isfinite(worst) and number > 5 and trace[-1] < trace[-5]:
        rate = (trace[-1] / trace[-5]) ** 0.25
        rounds = np.log(max(worst, 1.0)) / -np.log(rate)
        text += f", about {rounds * elapsed / number:.0f} s left"
    return text


def run(request: Request, folder: Path, force: bool, say: Report, total: Callable[[], float]) -> Solution:
    """Solve a request into a run folder.

    Raises:
        InputError: before anything is computed, if something asked for cannot be used.
        Stopped: if asked to stop, after a checkpoint was written.
    """
    preset(request.preset)
    economy, learners, populations = build(request)
    seen, staged = information(request, economy), curriculum(request)
    with store.prepare(folder, force) as work, Stop(say, "this chunk of rounds") as stop:
        store.keep_copy(work, request)
        watcher = Watcher(store.checkpoints(work, request), stop, say)
        given = {
            "populations": populations,
            "information": seen,
            "preset": request.preset,
            "key": request.seed,
            "curriculum": staged,
        }
        solution = _watched(lambda: solve(economy, learners, **given, watch=watcher), watcher, work)
        _conclude(work, folder, solution, request, say, total)
    return solution


def _watched(work_on: Callable[[], Solution], watcher: Watcher, folder: Path) -> Solution:
    """Solve; put down what there is where somebody asks to stop, or does not wait for the step."""
    try:
        return work_on()
    except Interrupted:
        raise watcher.put_down(folder) from None
    except KeyboardInterrupt:
        if watcher.at is None:
            raise
        raise watcher.put_down(folder) from None
    finally:
        watcher.stop.at_once = False


def resume(folder: Path, say: Report, total: Callable[[], float]) -> tuple[Solution, Path]:
    """Go on from the newest checkpoint of a folder; the result has the same bits as the undisturbed run.

    Raises:
        RunFolderError: if there is nothing to go on from, or another process is at work in it.
        Stopped: if asked to stop, after a checkpoint was written.
    """
    store.settle(folder)
    target = folder.with_name(folder.name.removesuffix(".new")) if folder.name.endswith(".new") else folder
    left_over = folder != target or (folder / checkpoint.FOLDER).is_dir()  # of a run that was cut off at its very end
    if not checkpoint.present(folder) and not (left_over and store.is_finished(folder)):
        store.read_checkpoint(folder)  # says what is wrong with it
    with locked(folder), Stop(say, "this chunk of rounds") as stop:
        if store.is_finished(folder):
            return _concluded(folder, target, say), target
        lab, loop, request, damaged = store.read_checkpoint(folder)
        for error in damaged:
            say(f"passed over …: {error}")
        say(f"going on after round {int(loop.round)} …")
        watcher = Watcher(store.checkpoints(folder, request), stop, say)
        name = type(lab.economy).__name__
        work_on = lambda: finish(lab, loop, name=name, seed=request.seed, watch=watcher, timer=Timer())  # noqa: E731
        solution = _watched(work_on, watcher, folder)
        _conclude(folder, target, solution, request, say, total)
    return solution, target


def _conclude(work: Path, folder: Path, solution: Solution, request: Request, say: Report, total: Callable[[], float]) -> None:
    """Write the run folder and its report, then put it in its place."""
    say("writing the run folder and its report …")
    try:
        store.finish(work, solution, request, total())
        draw(work)
        store.replace(work, folder)
    except OSError as error:
        raise RunFolderError(
            f"the run could not be written: {error.strerror or error}",
            where=str(work),
            remedy=f"Mend that, then: walras resume {work}.",
        ) from error


def _concluded(work: Path, folder: Path, say: Report) -> Solution:
    """A run that was cut off after its manifest was written: its report, its place, its certificate made anew."""
    say("the run is complete: putting it in its place …")
    store.verify(work)
    if not (work / "report.html").exists():
        draw(work)
    store.replace(work, folder)
    return diagnose(store.load(folder))


def draw(folder: Path) -> Path:
    """Draw the report of a run, by one who holds its lock."""
    from walras.report.page import page_of  # matplotlib is slow to import: only when a page is drawn

    return store.put(folder, "report.html", page_of(folder).encode())
