"""Hostile and broken input from a seed: requests, options of the command line, parameters, manifests, states, data files.

Whatever comes in, what comes out is a value or one error of Walras; nothing hangs, no file is opened for writing, no process is
started, no connection made. Files whose SHA-256 would give a change away are sealed again after it, so that what lies behind the
seal is tried too.
"""

import collections
import dataclasses
import hashlib
import json
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from tests.faults.damage import FORMATS
from tests.faults.harness import BROCK_MIRMAN
from walras import cli
from walras._core import encode as encoding
from walras._core.durable import read_sealed, sealed
from walras._core.errors import WalrasError
from walras.economies import BrockMirman
from walras.govern.design import criterion_named, over_named, regime_named, searcher_named
from walras.govern.judges import judge_named
from walras.inputs import with_parameters
from walras.lab import checkpoint, designing, request, store
from walras.report.reading import read_run

LONGEST = 1.0
"""Processor seconds after which a call counts as a hang."""

ODD = [None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**40, 0.5, -0.0, 1e308, float("inf"), float("nan"), "", "x", "0", "-1", "²", "1e9",
       "nan", "../../x", "/etc/passwd", "a\0b", "\ud800", "é", "x" * 5000, "household.beta", "histogram:", "panel:x", ":", "=", ",", "walras",
       "os.system", "__class__", "%s", "{0}", "[", "[0]", "[99]", "x.py:Y", [], {}, [[]], {"": 0}, ["x"] * 50, {"a": {"b": []}}]  # fmt: skip
WORDS = ["rawlsian", "utilitarian", "inequality-averse", "weighted", "grid", "cma-es", "ppo", "es", "pathwise", "implicit", "commitment",
         "discretion", "rest", "cycle", "panel", "finite", "histogram", "representative", "household.beta", "alpha", "delta", "policy", "seed",
         ":", ":", ",", "=", ".", "[", "]", "0", "1", "9", "-", "e", "5", "nan", "inf", " ", "²", "\0", "é", "x"]  # fmt: skip


def odd_text(generator: random.Random) -> str:
    """A text near to what options look like."""
    return "".join(generator.choice(WORDS) for _ in range(generator.randrange(1, 7)))


def mutated(value: Any, generator: random.Random, depth: int = 0) -> Any:
    """A copy of plain data with some things changed, added, taken away or nested."""
    if generator.random() < 0.08 or depth > 30:
        return generator.choice(ODD) if generator.random() < 0.8 else odd_text(generator)
    if isinstance(value, dict):
        found = {k: mutated(v, generator, depth + 1) for k, v in value.items() if generator.random() > 0.03}
        if generator.random() < 0.1:
            found[generator.choice([*map(str, ODD), odd_text(generator), *value])] = generator.choice(ODD)
        if generator.random() < 0.05 and found:
            old = generator.choice(list(found))
            found[old[:-1] + odd_text(generator)[:1]] = found.pop(old)
        return found
    if isinstance(value, list):
        found = [mutated(v, generator, depth + 1) for v in value if generator.random() > 0.03]
        return found * generator.choice((1, 1, 1, 0, 2)) if len(found) < 1000 else found
    if isinstance(value, str) and value and generator.random() < 0.1:
        at = generator.randrange(len(value))
        return value[:at] + generator.choice(WORDS) + value[at + 1 :]
    return value


def spoiled(data: bytes, generator: random.Random) -> bytes:
    """Bytes with some changed, cut, doubled or inserted."""
    found = bytearray(data)
    for _ in range(generator.randrange(1, 6)):
        at, how = generator.randrange(len(found) + 1), generator.randrange(5)
        if how == 0 and at < len(found):
            found[at] = generator.randrange(256)
        elif how == 1:
            del found[at : at + generator.randrange(1, 40)]
        elif how == 2:
            found[at:at] = bytes(generator.randrange(256) for _ in range(generator.randrange(1, 9)))
        elif how == 3:
            found[at:at] = generator.choice(
                [b"{" * 2000, b"[" * 5000, b'"', b"null", b"1e999", b"\xff\xfe", b"__class__", b"-"]
            )
        else:
            del found[at:]
        if not found:
            break
    return bytes(found)


def nested(depth: int) -> bytes:
    """JSON that is nested deeper than any reader's stack."""
    return b"[" * depth + b"]" * depth


def resealed_state(structure: Any, arrays: dict[str, np.ndarray], extra: Any, number: Any) -> bytes:
    """A file of `encode` with any structure, its digest right."""
    about = {"format": number, "sha256": "0" * 64, "structure": structure, "extra": extra}
    data = encoding.to_bytes(arrays, metadata={"walras": json.dumps(about)})
    at = encoding._place(data)
    return data[:at] + hashlib.sha256(data).hexdigest().encode() + data[at + 64 :]


class Fuzz:
    """All targets, on copies of small run folders in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / "x.safetensors"
        self.run, self.stopped = folder / "run", folder / "stopped"
        self.run.mkdir(parents=True)
        (self.run / "summary.json").write_bytes((FORMATS / "solve" / "summary.json").read_bytes())
        (self.run / "x.nc").write_bytes(b"x" * 100)
        shutil.copytree(FORMATS / "interrupted", self.stopped)
        real = read_sealed(FORMATS / "solve" / "manifest.json")
        real["files"] = store.hashes(self.run)
        self.manifest, self.saved = real, read_sealed(self.stopped / "checkpoints" / "000000.json")
        self.value = {"a": jnp.arange(3.0), "b": (1, None, "x"), "economy": BrockMirman.textbook()}
        self.data = encoding.encode(self.value, {"x": 1})
        self.about = encoding._about(self.data)
        self.arrays = {name: encoding._array(found) for name, found in encoding.deserialize(self.data)}
        self.state = encoding._about((self.stopped / "checkpoints" / "000000.safetensors").read_bytes())
        self.simulation = (FORMATS / "solve" / "simulation.nc").read_bytes()
        self.asked = designing.DesignRequest(
            economy="tax-economy", calibration="standard", over="government.tau_k=0:0.5"
        ).model_dump()
        self.economy = BrockMirman.textbook()
        self.targets: dict[str, tuple[float, Callable[[random.Random], Any]]] = {
            "requests": (500, lambda g: request.Request.read(mutated(BROCK_MIRMAN.request, g), "here")),
            "designs": (400, lambda g: designing.DesignRequest.read(mutated(self.asked, g), "here")),
            "options": (500, self._option),
            "parameters": (3, lambda g: with_parameters(self.economy, {odd_text(g): g.choice([0.5, float("nan"), 1e9, -1.0])})),
            "JSON": (100, self._json),
            "manifests": (30, self._manifest),
            "states": (60, lambda g: encoding.decode_bytes(spoiled(self.data, g), self.path)),
            "sealed states": (40, self._state),
            "checkpoints": (8, self._checkpoint),
            "data files": (0.5, self._data),
        }

    def _option(self, g: random.Random) -> Any:
        text = odd_text(g)
        return g.choice([
            lambda: request._population("household", text), lambda: criterion_named(text), lambda: regime_named(text),
            lambda: judge_named(text), lambda: searcher_named(text, g.randrange(1, 5)), lambda: over_named(text),
            lambda: cli.common.numbers_of([text], "--set"), lambda: cli.common.pairs([text], "--learner"), lambda: request._learner(text.replace(".py", "")),
        ])()  # fmt: skip

    def _json(self, g: random.Random) -> Any:
        path = self.folder / "x.json"
        data = sealed(self.manifest)
        path.write_bytes(nested(g.choice((10, 100_000))) if g.random() < 0.01 else spoiled(data, g))
        return read_sealed(path)

    def _manifest(self, g: random.Random) -> Any:
        value = mutated(self.manifest, g)
        try:
            data = sealed(value) if isinstance(value, dict) else json.dumps(value).encode()
        except UnicodeEncodeError:
            data = json.dumps(value).encode()
        (self.run / "manifest.json").write_bytes(data)
        found = store.verify(self.run)
        return request.Request.read(found.get("request"), "here")

    def _state(self, g: random.Random) -> Any:
        real = self.about if g.random() < 0.7 else self.state
        number = mutated(real["format"], g)
        data = resealed_state(mutated(real["structure"], g), self.arrays, mutated(real["extra"], g), number)
        return encoding.decode_bytes(data, self.path)

    def _checkpoint(self, g: random.Random) -> Any:
        value = mutated(self.saved, g)
        if isinstance(value, dict):
            try:
                (self.stopped / "checkpoints" / "000000.json").write_bytes(sealed(value))
            except UnicodeEncodeError:
                return None
        return checkpoint.newest(self.stopped, "solve", lambda about: request.Request.read(about.get("request"), "here") and ())

    def _data(self, g: random.Random) -> Any:
        (self.run / "simulation.nc").write_bytes(spoiled(self.simulation, g))
        try:
            return read_run(self.run)
        finally:
            (self.run / "simulation.nc").unlink()


@dataclasses.dataclass
class Outcome:
    """Inputs by target and how they ended; crashes, hangs and escapes in words."""

    inputs: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    ends: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    crashes: list[str] = dataclasses.field(default_factory=list)
    hangs: list[str] = dataclasses.field(default_factory=list)
    escapes: list[str] = dataclasses.field(default_factory=list)


class Watch:
    """An audit hook that writes down what input must never do; it stays in the process, and listens while `on`."""

    def __init__(self, folder: Path):
        self.folder, self.on, self.seen = str(folder), False, []
        sys.addaudithook(self._heard)

    def _heard(self, event: str, given: tuple) -> None:
        if not self.on:
            return
        if event in (
            "os.system",
            "subprocess.Popen",
            "os.fork",
            "os.exec",
            "os.posix_spawn",
            "socket.connect",
            "pickle.find_class",
        ):
            self.seen.append(f"{event} {given}")
        if (
            event == "open"
            and isinstance(given[0], str | bytes)
            and (given[2] or 0) & 0o3
            and not str(given[0]).startswith(self.folder)
        ):
            self.seen.append(f"open for writing {given[0]!r}")


def fuzz(folder: Path, inputs: int, seed: int = 0, minutes: float = 600.0) -> Outcome:
    """Try so many inputs, spread over the targets by their weights."""
    tried, found = Fuzz(folder), Outcome()
    read_run(FORMATS / "solve")  # what the libraries do when they are first used is not the input's doing
    watch = Watch(folder)
    generator, until = random.Random(seed), time.monotonic() + 60 * minutes
    names, weights = list(tried.targets), [weight for weight, _ in tried.targets.values()]
    for number in range(inputs):
        if number % 100 == 0 and time.monotonic() > until:
            break
        name = generator.choices(names, weights)[0]
        begin, watch.on = time.process_time(), True
        try:
            tried.targets[name][1](generator)
            found.ends["taken"] += 1
        except WalrasError:
            found.ends["refused"] += 1
        except Exception as error:
            found.ends["crashed"] += 1
            found.crashes.append(f"{name}, input {number}: {type(error).__name__}: {str(error)[:200]}")
        watch.on = False
        found.inputs[name] += 1
        if (spent := time.process_time() - begin) > LONGEST:
            found.hangs.append(f"{name}, input {number}: {spent:.1f} s")
        if watch.seen:
            found.escapes.append(f"{name}, input {number}: {watch.seen[:3]}")
            watch.seen.clear()
    return found
