"""A solve from request to run folder: progress, checkpoints on a time budget, interruption, report."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from walras.lab import store
from walras.lab.request import Request, build, information
from walras.learners.preset import preset
from walras.loop import Laboratory, LoopState, tolerances
from walras.solution import Solution
from walras.solve import Interrupted, Timer, finish, solve

CHECKPOINT_SHARE = 0.02
"""Largest share of wall time that checkpoints may take."""

Report = Callable[[str], None]


def compile_cache() -> None:
    """Keep compiled programs in a private folder of the user, so that the second run starts fast."""
    folder = os.environ.get("WALRAS_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "walras"
    )
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError:
        return  # no cache is slower, nothing else
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


class Watcher:
    """Called between chunks: prints progress, writes checkpoints, notices that the user asked to stop."""

    def __init__(self, folder: Path, request: Request, say: Report, total: Callable[[], float]):
        self.folder, self.request, self.say, self.total = folder, request, say, total
        self.stop = False
        self.started = time.monotonic()
        self.spent, self.last_checkpoint = 0.0, time.monotonic()
        self._old = {s: signal.signal(s, self._asked) for s in (signal.SIGINT, signal.SIGTERM)}

    def _asked(self, signum, frame):
        self.stop = True
        self.say("stopping after this chunk of rounds …")

    def close(self) -> None:
        """Give the signals back."""
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def __call__(self, lab: Laboratory, loop: LoopState) -> bool:
        """True if the solve should stop; then a checkpoint has been written."""
        self.say(progress_line(lab, loop, time.monotonic() - self.started))
        elapsed = time.monotonic() - self.last_checkpoint
        if self.stop or (self.spent < CHECKPOINT_SHARE * (time.monotonic() - self.started) and elapsed > 1.0):
            begin = time.monotonic()
            store.write_checkpoint(self.folder, lab, loop, self.request)
            self.spent += time.monotonic() - begin
            self.last_checkpoint = time.monotonic()
        return self.stop


def progress_line(lab: Laboratory, loop: LoopState, elapsed: float) -> str:
    """Round, distances to the fixed point, and the time that is left if they go on shrinking as they did."""
    number = int(loop.round)
    if number == 0:
        return "round 0: grids placed, first guess made"
    if lab.stationary:
        search = next((s.search for s in loop.learners.values() if getattr(s, "search", None) is not None), None)
        if search is None:  # several types: where they rest was found before the first round
            return f"round {number}: at rest"
        return f"round {number}: candidate {float(search.tried):.8g}, excess {float(search.excess):.2e}"
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
        Interrupted: after a checkpoint was written.
    """
    preset(request.preset)
    economy, learners, populations = build(request)
    seen = information(request, economy)
    work = store.prepare(folder, force)
    watcher = Watcher(work, request, say, total)
    try:
        given = {"populations": populations, "information": seen, "preset": request.preset, "key": request.seed}
        solution = solve(economy, learners, **given, watch=watcher)
    except Interrupted as stopped:
        stopped.folder = work
        raise
    except BaseException:
        _remove_if_empty(work)
        raise
    finally:
        watcher.close()
    conclude(work, folder, solution, request, say, total)
    return solution


def resume(folder: Path, say: Report, total: Callable[[], float]) -> tuple[Solution, Path]:
    """Go on from the newest checkpoint of a folder; the result has the same bits as the undisturbed run."""
    lab, loop, request = store.read_checkpoint(folder)
    target = folder.with_name(folder.name.removesuffix(".new")) if folder.name.endswith(".new") else folder
    watcher = Watcher(folder, request, say, total)
    try:
        solution = finish(lab, loop, name=type(lab.economy).__name__, seed=request.seed, watch=watcher, timer=Timer())
    except Interrupted as stopped:
        stopped.folder = folder
        raise
    finally:
        watcher.close()
    conclude(folder, target, solution, request, say, total)
    return solution, target


def conclude(work: Path, folder: Path, solution: Solution, request: Request, say: Report, total) -> None:
    """Write the run folder and its report."""
    from walras.report.page import write_report  # matplotlib is slow to import: only when a page is drawn

    say("writing the run folder and its report …")
    store.finish(work, folder, solution, request, total())
    write_report(folder)
    store.reseal(folder)


def _remove_if_empty(work: Path) -> None:
    checkpoints = work / "checkpoints"
    try:
        checkpoints.rmdir()
        work.rmdir()
    except OSError:
        pass  # something is in it: leave it
