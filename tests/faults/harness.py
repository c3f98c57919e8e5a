"""Kills by the dozen: a server of children, the log of a run's life, and what must be true after each kill."""

import collections
import contextlib
import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
QUIET = {
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


class Server:
    """A server of children (see `server`)."""

    def __init__(self, cache: Path, errors: Path):
        environment = {**os.environ, **QUIET, "WALRAS_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
        self.errors = open(errors, "wb")  # noqa: SIM115 (closed by `close`)
        command = [sys.executable, "-W", "ignore", "-m", "tests.faults.server"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server died: {Path(self.errors.name).read_text()[-2000:]}")
        return json.loads(line)

    def ask(self, **asked) -> dict[str, Any]:
        """Do one piece of work in a child; its exit status (minus the signal that ended it), seconds, processor time."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the server."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.errors.close()


@contextlib.contextmanager
def serving(cache: Path, errors: Path) -> Iterator[Server]:
    """A server for a while."""
    server = Server(cache, errors)
    try:
        yield server
    finally:
        server.close()


@dataclasses.dataclass(frozen=True)
class Case:
    """What is solved: a request, the form of its learner, the round at which it counts as arrived, a stored program."""

    name: str
    request: dict[str, Any]
    form: str = ""
    until: int = 10**9
    program: Path | None = None

    def asked(self) -> dict[str, Any]:
        """As the server takes it."""
        return {
            "request": self.request,
            "form": self.form,
            "until": self.until,
            "program": None if self.program is None else str(self.program),
        }

    def stored(self, server: Server, path: Path) -> "Case":
        """With its loop compiled and stored."""
        answer = server.ask(do="store program", **{**self.asked(), "program": str(path)})
        if answer["status"] != 0:
            raise RuntimeError(f"{self.name}: the program could not be stored ({answer})")
        return dataclasses.replace(self, program=path)


def case(name: str, economy: str, calibration: str, learners: dict[str, str] | None = None, **more) -> Case:
    """A case at the preset `fast`."""
    request = {"economy": economy, "calibration": calibration, "preset": "fast", "seed": 1, "learners": learners or {}}
    return Case(name, request, **more)


BROCK_MIRMAN = case("Brock-Mirman, EulerIteration", "brock-mirman", "textbook")
CASES = [
    BROCK_MIRMAN,
    case("one saver, DeepEuler", "consumption-saving", "maliar2021", {"household": "deep-euler"}, until=8),
    *(
        case(
            f"Huggett partial, StructuralRL {form}",
            "huggett-partial",
            "srl2025",
            {"household": "structural"},
            form=form,
            until=8,
        )
        for form in ("smooth", "free", "network", "recurrent")
    ),
]


@dataclasses.dataclass
class Tally:
    """What was done and what was found."""

    kills: int = 0
    within: int = 0
    missed: int = 0
    different: int = 0
    lost: int = 0
    refused: list[str] = dataclasses.field(default_factory=list)
    acknowledged: int = 0
    compared: int = 0
    points: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    arrived: int = 0

    @property
    def ways(self) -> set[str]:
        """Points of a checkpoint's write at which the harness placed a kill, with before, within or after."""
        return {way for way in self.points if not way.startswith("during ")}


class Life:
    """One run, killed and resumed until it arrives."""

    def __init__(self, server: Server, folder: Path, case: Case):
        self.server, self.folder, self.case = server, folder, case
        self.log = folder.with_name(folder.name + ".log")
        self.acknowledged, self.read = -1, 0

    def go(self, fault: dict[str, Any] | None = None, **more) -> tuple[dict[str, Any], list[str]]:
        """One child; its answer, and the events that it logged."""
        given = {"folder": str(self.folder), "log": str(self.log), **self.case.asked()}
        answer = self.server.ask(do="solve", **given, fault=fault, **more)
        events = self.log.read_text().splitlines()[self.read :] if self.log.exists() else []
        self.read += len(events)
        return answer, events

    def judged(self, events: list[str], tally: Tally, expected: dict[str, set[str]]) -> bool:
        """Look at the events of one child; True if it arrived. Every state must be the undisturbed run's of that round (one of
        them, where it went back to it), and a child must go on from what was acknowledged before, or later."""
        arrived = False
        for event in events:
            kind, *rest = event.split(" ")
            if kind == "resumed" and int(rest[0]) < self.acknowledged:
                tally.lost += 1
            if kind == "acknowledged":
                self.acknowledged = int(rest[0])
                tally.acknowledged += 1
            if kind in ("acknowledged", "resumed"):
                tally.compared += 1
                tally.different += rest[1] not in expected.get(rest[0], set())
            if kind == "refused":
                tally.refused.append(" ".join(rest))
            if kind == "arrived":
                arrived = True
                tally.arrived += 1
                tally.different += rest[0] not in expected["arrived"]
        return arrived

    def wipe(self, begun: Path | None = None) -> None:
        """Remove everything, and begin with a copy of a folder whose first checkpoint has been acknowledged."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        self.acknowledged, self.read = -1, 0
        if begun is not None:
            shutil.copytree(begun, self.folder)
            self.acknowledged = 0


def reference(server: Server, folder: Path, case: Case, **more) -> tuple[dict[str, set[str]], list[str]]:
    """The digests of the undisturbed run's states by round, and all its points in order."""
    life = Life(server, folder, case)
    answer, events = life.go(**more)
    found: dict[str, set[str]] = {}
    for _, number, digest in (event.split(" ") for event in events if event.startswith("acknowledged ")):
        found.setdefault(number, set()).add(digest)
    arrived = [event.split(" ")[1] for event in events if event.startswith("arrived ")]
    if answer["status"] != 0 or not arrived:
        raise RuntimeError(f"the undisturbed run ended with {answer} {events[-3:]}")
    points = [event.removeprefix("point ") for event in events if event.startswith("point ")]
    life.wipe()
    return {**found, "arrived": {arrived[0]}}, points


def kill_at(life: Life, tally: Tally, expected: dict[str, set[str]], fault: dict[str, Any]) -> bool:
    """Kill the next child at a point; True if it arrived before. Whether the kill hit is counted."""
    answer, events = life.go(fault)
    hit = [event for event in events if event.startswith("killed ")]
    return _counted(life, tally, expected, answer, events, hit[0].removeprefix("killed ") if hit else None)


def kill_soon(life: Life, tally: Tally, expected: dict[str, set[str]], generator: random.Random, longest: float) -> bool:
    """Kill the next child after a random time; a kill counts as inside a write if the last event began a part of one."""
    answer, events = life.go(kill_after=generator.uniform(0.0, longest))
    last = events[-1] if events else ""
    inside = last.startswith("point ") and "state" in last and answer["status"] == -9
    return _counted(life, tally, expected, answer, events, f"during {last.removeprefix('point ')}" if inside else None)


def _counted(life: Life, tally: Tally, expected: dict[str, set[str]], answer, events, hit: str | None) -> bool:
    arrived = life.judged(events, tally, expected)
    if answer["status"] == -9:
        tally.kills += 1
        if hit is None:
            tally.missed += 1
        else:
            tally.within += 1
            tally.points[hit] += 1
    elif answer["status"] not in (0, 2):
        tally.refused.append(f"exit status {answer['status']}")
    return arrived


def begun(server: Server, folder: Path, case: Case) -> Path:
    """A folder whose run was killed when its first checkpoint had just been acknowledged: where lives may begin."""
    life = Life(server, folder, case)
    life.go({"what": "kill before", "at": 1, "where": "open state"})
    life.log.unlink()
    return folder


def points_of_a_checkpoint(points: list[str]) -> list[str]:
    """The distinct points of writing checkpoints, in order."""
    return [point for point in dict.fromkeys(points) if "state" in point or "checkpoints" in point]


@dataclasses.dataclass(frozen=True)
class Limits:
    """Seed of the random instants, and minutes after which a campaign ends with what it has."""

    seed: int = 0
    minutes: float = 10.0


def campaign(server: Server, folder: Path, case: Case, sizes: tuple[int, int], limits: Any = Limits()) -> Tally:
    """Kills until there are `sizes` = (all, inside a write): the point of a checkpoint's write that was hit least so far,
    before, within and after it, and in turn with these random instants. Runs are resumed until they arrive, then begun anew.
    """
    plain, points = reference(server, folder, dataclasses.replace(case, program=None))
    expected, _ = reference(server, folder, case)
    template, differences = begun(server, folder.with_name(folder.name + "-begun"), case), plain != expected
    until = time.monotonic() + 60 * limits.minutes
    generator, tally = random.Random(limits.seed), Tally(different=int(differences))
    ways = [f"{how} {point}" for point in points_of_a_checkpoint(points)[1:] for how in ("before", "within", "after")]
    life, longest, turn = Life(server, folder, case), 1.0, 0
    life.wipe(template)
    while (tally.kills < sizes[0] or tally.within < sizes[1]) and turn < 20 * sizes[0] and time.monotonic() < until:
        turn += 1
        if turn % 2 and tally.kills < sizes[0]:
            done = kill_soon(life, tally, expected, generator, longest)
            longest = 0.9 * longest + 0.1 * (3.0 if done else 0.2)  # so that most children are killed at work
        else:
            least = min(ways, key=lambda way: (tally.points[way], generator.random()))
            how, _, where = least.partition(" ")
            fault = {"what": f"kill {how}", "at": generator.randrange(3), "where": f"^{where}$"}
            done = kill_at(life, tally, expected, fault)
        if done:
            life.wipe(template)
    _, events = life.go()
    life.judged(events, tally, expected)
    life.wipe()
    shutil.rmtree(template)
    return tally
