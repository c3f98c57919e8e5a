"""Structural reinforcement learning at 512 paths on a GPU: seconds, memory, accuracy; and what same bits cost there.

    python benchmarks/gpu.py measure --out DIR      on the machine with the GPU: solves, and leaves the last rounds in DIR
    python benchmarks/gpu.py judge --out DIR        anywhere: certifies them and compares them with `EulerIteration`, writes gpu.csv

The start of a solve (a stationary solution) and its certificate are on the processor, as in every solve.
"""

import argparse
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
sys.path.insert(0, str(Path(__file__).parent))

import jax
import numpy as np
from sizes import hank_learners, hank_preset

import walras as w
from walras import loop as loops
from walras._core.encode import decode, encode
from walras.diagnose.certificate import certify
from walras.economies.hank import Hank
from walras.economies.huggett_partial import HuggettPartial
from walras.economies.huggett_risk import HuggettRisk
from walras.economies.krusell_smith import KrusellSmith
from walras.economy import period as periods
from walras.learners.preset import PRESETS, Preset
from walras.solve import Timer, default_learner, fitted, gather_for, goes_on, laboratory, why_stopped

PATHS = 512
A100 = {"krusell-smith": 56.6, "huggett-risk": 75.3, "huggett-partial": 39.5, "hank": 199.5}
"""Seconds on an A100, Yang, Wang, Schaab and Moll (2025), Table 1."""


def tasks(paths: int) -> dict[str, tuple]:
    """Economy, learners and sizes by name. With so many paths a round has little noise: fewer rounds do."""
    alone, sizes = {"household": w.learners.StructuralRL()}, {"rounds": 200, "paths": paths, "average_rounds": 100}
    standard: Preset = PRESETS["standard"]
    preset = dataclasses.replace(standard, structural=dataclasses.replace(standard.structural, **sizes))
    return {
        "krusell-smith": (KrusellSmith.srl2025(), alone, preset),
        "huggett-partial": (HuggettPartial.srl2025(), alone, preset),
        "huggett-risk": (HuggettRisk.srl2025(), alone, preset),
        "hank": (Hank.srl2025(), hank_learners(), hank_preset(rounds=300, paths=paths, average_rounds=100)),
    }


def measured(economy, learners: dict, preset: Preset, repeats: int, turn) -> tuple[dict, tuple]:
    """Seconds to start, compile and run; bytes on the device; digest of the last state; and that state."""
    economy, populations = fitted(economy, {})
    learners = {n: default_learner(agent) for n, agent in periods.agents(economy).items()} | learners
    device, timer = jax.devices()[0], Timer()
    lab, first = laboratory(economy, learners, populations, None, preset, 0)
    found: dict = {"start": timer.seconds()["run"], "rounds": lab.rounds}
    timer = Timer()
    jax.block_until_ready(loops.advance_compiled(lab, first, np.int64(1)))
    found["compile"] = sum(timer.seconds().values())
    with turn():
        found["run"], digests, last = [], set(), first
        for _ in range(repeats):
            begin, last = time.perf_counter(), first
            while goes_on(lab, last):
                last = loops.advance(lab, last, 20)
            jax.block_until_ready(last)
            found["run"].append(time.perf_counter() - begin)
            leaves = jax.device_get([_plain(leaf) for leaf in jax.tree_util.tree_leaves(last)])
            digests.add(hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)).hexdigest()[:12])
    found |= {"digests": sorted(digests), "done": int(last.round), "finite": bool(last.finite), "device": device.device_kind}
    found["bytes"] = (device.memory_stats() or {}).get("peak_bytes_in_use", 0)
    return found, (lab, last)


@contextlib.contextmanager
def turn(folder: Path):
    """Several processes may start and compile at a time; one of them has the device while it is timed."""
    with (folder / "turn").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _plain(leaf):
    return jax.random.key_data(leaf) if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def measure(given) -> None:
    """Solve what is asked, one line of JSON each."""
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.only.split(","):
        economy, learners, preset = tasks(given.paths)[name]
        if given.preset:
            preset = PRESETS[given.preset]
        if given.rounds:
            sizes = dataclasses.replace(preset.structural, rounds=given.rounds, average_rounds=max(given.rounds // 2, 1))
            preset = dataclasses.replace(preset, structural=sizes)
        found, state = measured(economy, learners, preset, given.repeats, lambda: turn(given.out))
        line = {
            "economy": name,
            "paths": preset.structural.paths,
            "preset": preset.name,
            "label": given.label,
            "jax": jax.__version__,
            **found,
        }
        print(json.dumps(line), flush=True)
        with (given.out / "measured.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        (given.out / f"{name}{given.label}.safetensors").write_bytes(encode(state))


def judge(given) -> None:
    """Certificate of every state that was left, and its distance from the exact solution on common shocks."""
    import common
    import hank

    rows, devices = [], set()
    for line in (json.loads(text) for text in (given.out / "measured.jsonl").read_text().splitlines()):
        name, path = line["economy"], given.out / f"{line['economy']}{line['label']}.safetensors"
        row = [name, line["label"] or "default", line["done"], f"{line['start']:.1f}", f"{line['compile']:.1f}"]
        row += [f"{min(line['run']):.2f}", A100[name], f"{line['bytes'] / 2**30:.2f}", len(line["digests"])]
        row += _gaps(name, path, hank)
        devices.add(f"{line['paths']} paths on {line['device']}")
        rows.append(row)
        common.show(COLUMNS, [row])
    about = (
        f"StructuralRL, {', '.join(sorted(devices))}; judged on a processor; gap: c in per cent, mean and 99 %; huggett-risk r"
    )
    common.write("gpu.csv", COLUMNS, rows, about=about + "; hank Pi, R, w, Y, i in per cent of the s.d.")


COLUMNS = ["economy", "mode", "rounds", "start_s", "compile_s", "rounds_s", "a100_s", "peak_gib", "digests", "verdict", "gap"]


def _gaps(name: str, path: Path, hank) -> list:
    """Verdict, and the figure that has a target with its value; nothing where no state was left."""
    if not path.exists():
        return ["", ""]
    (lab, loop), _ = decode(path)
    economy, _, preset = tasks(PATHS)[name]
    PRESETS[preset.name] = preset
    evidence = gather_for(lab, loop, 0)
    certificate = certify(evidence, preset.name, why_stopped(lab, loop)[0])
    title = type(lab.economy).__name__
    solution = w.Solution(title, preset.name, 0, lab, loop, certificate, evidence, {"run": 0.0, "compile": 0.0})
    if name == "hank":
        reference = w.solve(economy, preset=hank.LEARNED)
        found = hank.apart(reference, solution, w.compare(reference, solution))
        return [solution.verdict, ", ".join(f"{found[k]:.2f}" for k in ("Pi", "R", "w", "Y", "i"))]
    gap = w.compare(w.solve(economy, preset="precise"), solution)
    if name == "huggett-risk":
        return [solution.verdict, f"{gap.paths['price_r'][2]:.2e}"]
    mean, top = gap.rules["household"]
    return [solution.verdict, f"{mean:.3f}, {top:.3f}"]


def main() -> None:
    """Measure or judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=["measure", "judge"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default=",".join(A100), help="economies")
    parser.add_argument("--paths", type=int, default=PATHS)
    parser.add_argument("--rounds", type=int, default=0, help="other than those of the table (a trial)")
    parser.add_argument("--preset", default="", help="a named one in place of those of the table, e.g. `paper`")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--label", default="", help="names a variant, e.g. of XLA_FLAGS")
    given = parser.parse_args()
    {"measure": measure, "judge": judge}[given.verb](given)


if __name__ == "__main__":
    main()
