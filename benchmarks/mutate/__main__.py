"""Run a seeded sample of mutants against the tests of their modules, and write score and survivors.

make mutate                                                    300 mutants, some hours on one core
python -m benchmarks.mutate --minutes 60                       go on for an hour with those that have not been run
python -m benchmarks.mutate --sample 20 --only economy/space.py     a few of one module (not written)

Every outcome is kept in `results/mutants.csv` and counts as long as module and tests are what they were.
"""

import argparse
import collections
import dataclasses
import hashlib
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import common
from benchmarks.mutate.modules import TESTS

ROOT = Path(__file__).parent.parent.parent
LEFT_OUT = ("core/NoOp", "core/Variable", "core/RemoveDecorator", "core/ExceptionReplacer")
"""Mutations of names, decorators and exception classes: most do nothing, or stop the import."""

BITS = ("LShift", "RShift", "BitAnd", "BitOr", "BitXor")
"""Arithmetic on bits, which real numbers refuse: noticed by anything that runs."""

OUTCOMES = "mutants.csv"

SLOWEST = 1800
"""Seconds after which a mutant that still runs counts as noticed."""

KILLED, SURVIVED, STILLBORN, LATE = "killed", "survived", "stillborn", "late"


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One mutation: module, operator, how many such places come before it, line, and the source that it gives."""

    module: str
    operator: str
    occurrence: int
    line: int
    source: str


def places(module: str) -> list[tuple[str, str, int, int]]:
    """(module, operator, occurrence, line) of everything that may be mutated in a module; annotations are left alone."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    tree, found = get_ast((ROOT / "walras" / module).read_text()), []
    nodes = list(ast_nodes(tree))
    for name in operator_names():
        if name.startswith(LEFT_OUT) or name.endswith(BITS):
            continue
        operator, number = get_operator(name)(), 0
        for node in nodes:
            for (line, _), _ in operator.mutation_positions(node):
                if not _annotates(node):
                    found.append((module, name, number, line))
                number += 1
    return found


def _annotates(node) -> bool:
    """Whether a node is part of an annotation, which no test could notice."""
    while node is not None:
        if node.type in ("annassign", "tfpdef") or (
            node.parent is not None and node.parent.type == "funcdef" and _returns(node)
        ):
            return True
        node = node.parent
    return False


def _returns(node) -> bool:
    before = node.get_previous_sibling()
    return before is not None and getattr(before, "value", "") == "->"


def mutant(module: str, operator: str, occurrence: int, line: int) -> Mutant:
    """The mutated source of a place."""
    from cosmic_ray.mutating import MutationVisitor
    from cosmic_ray.plugins import get_operator

    code = MutationVisitor.mutate_code((ROOT / "walras" / module).read_text(), get_operator(operator)(), occurrence)
    return Mutant(module, operator, occurrence, line, code)


def unchanged(module: str) -> Mutant:
    """The module as it is, given like a mutant: a tester that kills this one would kill everything."""
    return Mutant(module, "none", 0, 0, (ROOT / "walras" / module).read_text())


def outcome(given: Mutant, tests: tuple[str, ...], cache: str) -> str:
    """What the tests say to a mutant, in a fork of this process."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            status = _tested(given, tests, cache)
        except BaseException:
            status = 2
        os._exit(status)
    deadline = time.monotonic() + SLOWEST
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return {0: SURVIVED, 1: KILLED, 3: STILLBORN}.get(code, KILLED)
        time.sleep(0.1)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return LATE


def _tested(given: Mutant, tests: tuple[str, ...], cache: str) -> int:
    """Exit status: 0 nothing noticed, 1 noticed, 3 the module cannot be imported."""
    import importlib
    import importlib.machinery

    import jax
    import pytest

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    path, plain = str(ROOT / "walras" / given.module), importlib.machinery.SourceFileLoader.get_data
    changed = given.source.encode()
    # The source is read from here; bytecode that was kept is not asked for.
    importlib.machinery.SourceFileLoader.get_data = lambda self, p: changed if p == path else plain(self, p)
    sys.dont_write_bytecode = True
    importlib.machinery.SourceFileLoader.path_stats = _new(importlib.machinery.SourceFileLoader.path_stats, path)
    try:
        importlib.import_module("walras." + given.module.removesuffix(".py").replace("/", "."))
    except Exception:
        return 3
    for name in [n for n in sys.modules if n == "walras" or n.startswith("walras.")]:
        del sys.modules[name]  # tests import it anew, with their hooks for types
    os.chdir(ROOT)
    seen = "ignore::pytest.PytestAssertRewriteWarning"  # plugins that were imported with the module
    status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", seen, *tests])
    return 0 if status == 0 else 1


def _new(stats, path):
    """File times that fit no bytecode that was kept."""

    def read(self, p):
        return {"mtime": 1, "size": 1} if p == path else stats(self, p)

    return read


def main() -> None:
    """Sample, run, tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="modules, by commas")
    parser.add_argument("--now", default="", help="of the whole sample, run those whose module begins so, by commas (all)")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so many; the mutants done so far count")
    parser.add_argument("--cache", default="", help="folder for compiled programs")
    given = parser.parse_args()
    import jax  # noqa: F401  once, before the forks
    import numpy  # noqa: F401
    import scipy.optimize  # noqa: F401

    modules = given.only.split(",") if given.only else [m for m in TESTS if (ROOT / "walras" / m).exists()]
    everything = [place for module in modules for place in places(module)]
    sample = sorted(everything, key=lambda place: chance(given.seed, place))[: given.sample]
    cache, begin, found = given.cache or tempfile.mkdtemp(), time.monotonic(), {}
    state = {module: digest(module) for module in modules}
    known = {} if given.only else {(row[0], row[1], int(row[2])): row for row in common.read(OUTCOMES)}
    for place in sample:
        row = known.get(place[:3])
        if row is not None and row[6] == state[place[0]]:
            found[place] = row[4]
    sound: dict[tuple[str, ...], bool] = {}
    for place in sample:
        if (
            place in found
            or time.monotonic() - begin > 60 * given.minutes
            or not place[0].startswith(tuple(given.now.split(",")))
        ):
            continue
        module, tests = place[0], TESTS[place[0]]
        if tests not in sound:
            sound[tests] = outcome(unchanged(module), tests, cache) == SURVIVED
            if not sound[tests]:
                print(f"{tests} fail without a mutation of {module}", file=sys.stderr, flush=True)
        if not sound[tests]:
            continue
        start = time.monotonic()
        found[place] = outcome(mutant(*place), tests, cache)
        seconds = time.monotonic() - start
        known[place[:3]] = [*map(str, place), found[place], f"{seconds:.0f}", state[place[0]]]
        print(f"{len(found)} {place} {found[place]} {seconds:.0f} s", file=sys.stderr, flush=True)
        if not given.only:
            columns = ["module", "operator", "occurrence", "line", "outcome", "seconds", "state"]
            common.write(OUTCOMES, columns, (known[p[:3]] for p in sample if p in found), about="mutants, one by one")
    told(found, len(everything), given)


def chance(seed: int, place: tuple) -> str:
    """Where a place comes in the order of the sample: whatever happens to other modules, it keeps it."""
    return hashlib.sha256(f"{seed} {place[:3]}".encode()).hexdigest()


def digest(module: str) -> str:
    """What a module and its tests are now."""
    files = (f"walras/{module}", *TESTS[module])
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in files)).hexdigest()[:12]


def told(found: dict[tuple, str], whole: int, given) -> None:
    """Print the score and, for a whole run, write the table of modules and survivors."""
    rows = []
    for module in [*sorted({place[0] for place in found}), "all"]:
        mine = {place: verdict for place, verdict in found.items() if module in ("all", place[0])}
        counts = collections.Counter(mine.values())
        noticed, alive = counts[KILLED] + counts[LATE], counts[SURVIVED]
        score = f"{100 * noticed / (noticed + alive):.0f} %" if noticed + alive else "–"
        lines = [f"{line} {operator.removeprefix('core/')}" for (_, operator, _, line), v in mine.items() if v == SURVIVED]
        rows.append([module, noticed, alive, counts[STILLBORN], score, "; ".join(sorted(lines)) if module != "all" else ""])
    columns = ["module", "noticed", "survived", "no import", "score", "survivors"]
    print(f"{len(found)} of {whole} mutants")
    common.show(columns, [[*row[:5], row[5][:60]] for row in rows])
    if not given.only and found:
        about = f"mutants: {len(found)} run of a sample of {given.sample} of {whole} (seed {given.seed}); survivors by line"
        common.write("mutation.csv", columns, rows, about=about)


if __name__ == "__main__":
    main()
