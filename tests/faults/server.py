"""A process that has imported everything and is forked for each piece of work: `python -m tests.faults.server`.

Work is one JSON line on the standard input, its answer one line on the standard output. The child does the real work (the same
functions as the command line) with the shim installed; the server itself never computes, so that forking it is safe. A child can
be told to use a compiled program of the loop that was stored before: a start then costs a fraction of a second instead of
several, and the bits are those of the program that any other process compiles (`harness.Economy.reference` compares).
"""

import contextlib
import importlib
import json
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOOP = "walras.loop"


def main() -> None:
    """Answer until the standard input ends."""
    sys.stdout, answers = sys.stderr, sys.stdout  # nobody else writes answers
    for module in ("walras.economies", "walras.learners", "walras.lab.experiment", "walras.lab.designing", "walras.report.page",
                   "xarray", "h5netcdf", "optax"):  # fmt: skip
        importlib.import_module(module)
    print(json.dumps({"ready": os.getpid()}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        begin = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _child(asked)
        status, cpu = _waited(pid, asked.get("kill_after"))
        answer = {"status": status, "seconds": time.monotonic() - begin, "cpu": cpu}
        print(json.dumps(answer), file=answers, flush=True)


def _waited(pid: int, kill_after: float | None) -> tuple[int, float]:
    """Exit status of a child (minus the signal that ended it) and its processor time; killed after so many seconds if asked."""
    deadline = None if kill_after is None else time.monotonic() + kill_after
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG if deadline is not None else 0)
        if done:
            return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(pid, signal.SIGKILL)
            deadline = None
        time.sleep(0.001)


def _child(asked: dict[str, Any]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    status = 70
    try:
        status = WORKS[asked["do"]](asked)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def solve(asked: dict[str, Any]) -> int:
    """Begin or go on with a solve, every round checkpointed; what happened is in the log.

    Events: "acknowledged N DIGEST" (a checkpoint of round N is on the disk), "resumed N DIGEST", "arrived DIGEST" (of the last
    state of the loop), "finished DIGEST" (of the run folder's figures), "refused TEXT" (an error of Walras), "said TEXT".
    """
    from tests.faults.shim import Fault, Shim
    from walras._core.errors import WalrasError
    from walras.lab import experiment, store
    from walras.lab.request import Request
    from walras.lab.stopping import Stopped

    folder, request = Path(asked["folder"]), Request.read(asked["request"], "test")
    shim = Shim(folder, Path(asked["log"]), Fault(**asked["fault"]) if asked.get("fault") else None)
    experiment.compile_cache()
    _of_form(asked)
    if asked.get("program"):
        _use_program(Path(asked["program"]))
    _every_round(shim, asked)
    shim.install()
    say = lambda text: shim.note(f"said {text}")  # noqa: E731
    try:
        if folder.exists() and (store.checkpoint.present(folder) or store.is_finished(folder)):
            solution, _ = experiment.resume(folder, say, lambda: 0.0)
        else:
            solution = experiment.run(request, folder, bool(asked.get("force")), say, lambda: 0.0)
    except _Arrived:
        return 0
    except Stopped:
        return 130
    except WalrasError as error:
        shim.note(f"refused {error}".replace("\n", " "))
        return error.exit_status
    shim.note(f"finished {figures(folder)} {solution.verdict}")
    return 0


class _Arrived(Exception):
    """The loop has ended; the certificate is not asked for."""


def _every_round(shim, asked: dict[str, Any]) -> None:
    """Checkpoints after every round, whatever they cost; events go to the log."""
    from walras.lab import checkpoint, experiment, store

    checkpoint.LEAST, checkpoint.SHARE = 0.0, float("inf")
    solving = importlib.import_module("walras.solve")
    one_by_one = solving.advance
    solving.advance = lambda lab, loop, _: one_by_one(lab, loop, 1)
    write, read = checkpoint.Checkpoints.write, store.read_checkpoint

    def acknowledged(self, step, value):
        path = write(self, step, value)
        shim.note(f"acknowledged {step} {digest(value['loop'])}")
        return path

    def told(folder):
        found = read(folder)
        shim.note(f"resumed {int(found[1].round)} {digest(found[1])}")
        return found

    call = experiment.Watcher.__call__

    def watched(self, lab, loop):
        stop = call(self, lab, loop)
        if asked.get("pause"):
            time.sleep(asked["pause"])
        if not stop and (not solving.goes_on(lab, loop) or int(loop.round) >= asked.get("until", 1e9)):
            shim.note(f"arrived {digest(loop)}")
            if not asked.get("whole"):
                raise _Arrived
        return stop

    checkpoint.Checkpoints.write, store.read_checkpoint, experiment.Watcher.__call__ = acknowledged, told, watched
    if asked.get("whole"):  # the page is drawn elsewhere: seconds for pictures that say nothing about faults
        experiment_page = importlib.import_module("walras.report.page")
        experiment_page.page_of = lambda folder: f"<p>{figures(folder)}</p>"


def _of_form(asked: dict[str, Any]) -> None:
    """A form of `StructuralRL` other than the preset's, which the command line cannot name."""
    if asked.get("form"):
        from walras.lab import request
        from walras.learners import StructuralRL

        named = request._learner
        request._learner = lambda text: StructuralRL(form=asked["form"]) if text == "structural" else named(text)


def digest(tree: Any) -> str:
    """SHA-256 over all leaves of a state: paths, types, shapes and bits."""
    import hashlib

    from walras._core.tree import named_arrays

    found = hashlib.sha256()
    for name, array in sorted(named_arrays(tree).items()):
        found.update(f"{name}{array.dtype}{array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def figures(folder: Path) -> str:
    """SHA-256 of what a run folder says: summary without seconds."""
    import hashlib

    summary = json.loads((folder / "summary.json").read_text())
    summary.pop("seconds", None)
    return hashlib.sha256(json.dumps(summary, sort_keys=True).encode()).hexdigest()


def store_program(asked: dict[str, Any]) -> int:
    """Compile one round of a request's loop and store it as a file."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache
    from jax.experimental.serialize_executable import serialize

    from walras.lab import experiment
    from walras.lab.request import Request, build, information
    from walras.learners.preset import preset
    from walras.solve import default_learner, laboratory

    experiment.compile_cache()
    _of_form(asked)
    request = Request.read(asked["request"], "test")
    economy, learners, populations = build(request)
    from walras.economy import period as periods

    learners = {n: default_learner(a) for n, a in periods.agents(economy).items()} | learners
    lab, loop = laboratory(economy, learners, populations, information(request, economy), preset(request.preset), request.seed)
    flat, unflatten = _flat(lab, loop)

    def one_round(leaves):
        from walras.loop import advance_compiled

        return _flat(None, advance_compiled(*unflatten(leaves), 1))[0]

    jax.config.update("jax_enable_compilation_cache", False)  # a program that was read from the cache cannot be stored again
    compilation_cache.reset_cache()
    compiled = jax.jit(one_round).lower(flat).compile()
    Path(asked["program"]).write_bytes(pickle.dumps(serialize(compiled)))
    return 0


def _flat(lab: Any, loop: Any) -> tuple[list, Callable]:
    """Arrays of both, random keys as their data, and how to put them together again."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    arrays, static = eqx.partition((lab, loop), eqx.is_array)
    leaves, tree = jax.tree_util.tree_flatten(arrays)
    typed = [jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) for leaf in leaves]

    def unflatten(given):
        again = [jax.random.wrap_key_data(x) if key else x for x, key in zip(given, typed, strict=True)]
        return eqx.combine(jax.tree_util.tree_unflatten(tree, again), static)

    return [jax.random.key_data(x) if key else x for x, key in zip(leaves, typed, strict=True)], unflatten


def _use_program(path: Path) -> None:
    """The stored program in place of the loop's (a pickle that this harness wrote itself a moment ago)."""
    from jax.experimental.serialize_executable import deserialize_and_load
    from jaxlib import lapack

    lapack._lapack.initialize()  # tracing does this where a program calls LAPACK
    solving, program = importlib.import_module("walras.solve"), deserialize_and_load(*pickle.loads(path.read_bytes()))

    def advance(lab, loop, _):
        _, unflatten = _flat(None, loop)
        return unflatten(program(_flat(lab, loop)[0]))[1]

    solving.advance = advance


def end(asked: dict[str, Any]) -> int:
    """The end of a run whose solution is known: write it down ("finish"), replace a finished run by it ("force"), add a file to
    a finished run ("add"), go on after a kill ("resume"), or only look whether the finished run is intact ("verify")."""
    from tests.faults.shim import Fault, Shim
    from walras._core.errors import WalrasError
    from walras.lab import experiment, store

    folder, known, mode = Path(asked["folder"]), Path(asked["known"]), asked["mode"]
    shim = Shim(folder, Path(asked["log"]), Fault(**asked["fault"]) if asked.get("fault") else None)
    experiment.compile_cache()
    say = lambda text: shim.note(f"said {text}")  # noqa: E731
    try:
        if mode == "verify":
            store.verify(folder)
        elif mode == "add":
            shim.install()
            store.add(folder, "simulation-0.nc", (known / "simulation.nc").read_bytes())
        else:
            _end(mode, folder, known, (shim, say))
    except WalrasError as error:
        shim.note(f"refused {error}".replace("\n", " "))
        return error.exit_status
    if mode != "resume":
        shim.note(f"intact {json.loads((folder / 'summary.json').read_text())['seed']}")
    return 0


def _end(mode: str, folder: Path, known: Path, told: tuple) -> None:
    """Write down what `known` holds, or go on with that after a kill."""
    import dataclasses

    import xarray as xr

    from walras._core.encode import decode
    from walras.lab import experiment, store
    from walras.lab.request import Request
    from walras.solution import Solution, loaded

    shim, say = told
    value, extra = decode(known / "solution.safetensors")
    data, summary = (
        xr.load_dataset(known / "simulation.nc", engine="h5netcdf"),
        json.loads((known / "summary.json").read_text()),
    )
    # Seed 2 marks the new run; its figures are those that are known.
    request = Request.read({**extra["request"], "seed": 2}, "test")
    evidence: Any = object()
    solution = Solution("BrockMirman", request.preset, request.seed, value["lab"], value["loop"], loaded(), evidence, {})
    store.dataset, store.summary = lambda _: data, lambda *_: {**summary, "seed": 2}
    importlib.import_module("walras.report.page").page_of = lambda _: "<p>a page</p>"
    experiment.finish, experiment.diagnose = (
        lambda *_, **__: solution,
        lambda found: dataclasses.replace(found, evidence=evidence),
    )
    if mode == "resume":
        shim.install()
        experiment.resume(folder, say, lambda: 0.0)
        return
    with store.prepare(folder, mode == "force") as work:
        store.checkpoints(work, request).write(int(value["loop"].round), value)
        shim.install()
        experiment._conclude(work, folder, solution, request, say, lambda: 0.0)


WORKS: dict[str, Callable[[dict[str, Any]], int]] = {"solve": solve, "store program": store_program, "end": end}


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
