"""NaN and infinite numbers put into learners, markets and networks, at every place of the state and many times.

Tabular, recurrent and network learners on Krusell and Smith's economy, and the stationary search of Huggett's.
"""

import dataclasses
import time

import numpy as np

from benchmarks import common
from benchmarks.soak.rows import Row, all_of, at_most, told

INTO_STATE, INTO_EQUATIONS = 270, 240
"""Injections into the state, of each learner; into equations, of the tabular one."""


def run(given) -> list[Row]:
    """Inject, and count what was caught within the round and named."""
    common.one_core()
    import jax.numpy as jnp

    import walras as w
    from tests import injections as faults
    from walras.learners.preset import preset
    from walras.loop import advance
    from walras.solve import laboratory

    learners = {
        "tabular": (faults.faulty(), w.learners.EulerIteration(), 5),
        "stationary": (w.economies.Huggett.tutorial(), w.learners.EulerIteration(), 2),
        "network": (w.economies.KrusellSmith.dhjj2010(), w.learners.DeepEuler(rounds=12), 5),
        "recurrent": (w.economies.KrusellSmith.dhjj2010(), w.learners.StructuralRL(form="recurrent", memory=3, width=4), 9),
    }
    rng, rows, cases, hits = np.random.default_rng(given.seed), [], 0, 0
    for name, (economy, learner, most) in learners.items():
        lab, loop = laboratory(economy, {"household": learner}, None, None, preset("fast"), 0)
        loops = [loop]
        for _ in range(most):
            loops.append(advance(lab, loops[-1], 1))
        where = faults.places(loops[-1])
        count, found = max(int(INTO_STATE * given.share), 10), 0
        for number in range(count):
            place, at = where[number % len(where)], loops[int(rng.integers(len(loops)))]
            bad = faults.into_state(at, place, rng.random(), faults.VALUES[int(rng.integers(3))])
            seen = faults.caught(lab, bad)
            found += seen.stopped and seen.rounds == 0 and seen.named.startswith((place, f"{place}["))
        rows.append(all_of(f"{name} learner: numbers of the state, {len(where)} leaves", found, count, count))
        cases, hits = cases + count, hits + found
        if name == "tabular":
            count, found = max(int(INTO_EQUATIONS * given.share), 10), 0
            for _ in range(count):
                found += _equation(faults, lab, loops[int(rng.integers(len(loops)))], rng)
            rows.append(all_of("prices, shocks, payoffs and moves of one date or of some own states", found, count, count))
            cases, hits = cases + count, hits + found
            rows += _cost(lab, loops[-1], advance, jnp)
    return [all_of("injections caught within the round, origin named", hits, cases, int(1000 * given.share)), *rows]


def _equation(faults, lab, loop, rng) -> bool:
    """Whether a wrong equation stops the round in which it is used, and is named with date and state."""
    number = int(rng.integers(3))
    if rng.random() < 0.5:
        what, date = int(rng.integers(5)), int(rng.integers(lab.shocks.shape[1]))
        seen = faults.caught(faults.in_equation(lab, price=(what, date, number)), loop)
        named = "prices." in seen.named and f"at date {date} " in seen.named and "exogenous state" in seen.named
    else:
        what, low = int(rng.integers(1, 3)), float(np.exp(rng.uniform(0, np.log(200))))
        fault = (what, low, 1.5 * low + 2, number)
        seen = faults.caught(faults.in_equation(lab, household=fault), faults.with_fault(loop, fault))
        named = ("payoff.household" if what == 1 else "moved.household.k") in seen.named and "k = " in seen.named
    return seen.stopped and seen.rounds == 0 and named


def _cost(lab, loop, advance, jnp) -> list[Row]:
    """What looking costs: seconds of the processor in 12 rounds, with the looks and without, by turns."""
    import equinox as eqx

    from walras import loop as module

    whole, seconds = module.all_finite, {True: [], False: []}
    programs = {}
    for looking in (True, False):
        module.all_finite = whole if looking else lambda tree: jnp.asarray(True)
        programs[looking] = eqx.filter_jit(lambda a, b, n: module.advance_compiled.__wrapped__(a, b, n))
        programs[looking](lab, loop, np.int64(12)).round.block_until_ready()
    module.all_finite = whole
    for _ in range(15):
        for looking, program in programs.items():
            start = time.process_time()
            program(lab, dataclasses.replace(loop, finite=np.bool_(True)), np.int64(12)).round.block_until_ready()
            seconds[looking].append(time.process_time() - start)
    share = 100 * (min(seconds[True]) / min(seconds[False]) - 1)
    return [
        at_most("what looking costs a round of the tabular learner, fastest of 15", share, 2, " %"),
        told("load beside", common.load()),
    ]
