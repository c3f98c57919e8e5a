"""What a round costs as nodes of the own stock, nodes of the aggregate coordinate, and dates grow.

    python benchmarks/scaling.py       writes results/scaling.csv

Den Haan, Judd and Juillard's economy from the sizes of the preset `standard`, one size varied at a time: median processor
milliseconds of a compiled round and of its two parts, and the exponent of growth (slope in logs by least squares).
"""

import dataclasses
import functools

import common

common.one_core()

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from walras import loop as loops  # noqa: E402
from walras.economies import KrusellSmith  # noqa: E402
from walras.learners import EulerIteration  # noqa: E402
from walras.learners.egm import prospect, sweep  # noqa: E402
from walras.learners.preset import preset  # noqa: E402
from walras.numerics.interpolate import EvenAxis  # noqa: E402
from walras.solve import laboratory  # noqa: E402

NAME = "household"
SIZES = {"own nodes": (100, 200, 400, 800), "aggregate nodes": (5, 10, 20, 40), "dates": (125, 250, 500, 1000)}
COLUMNS = ["varied", "size", "simulation_ms", "sweeps_ms", "round_ms"]


def resized(lab, loop, what: str, size: int):
    """The laboratory and its state with one size changed."""
    learner = loop.learners[NAME]
    rule = learner.table
    if what == "dates":
        copies = -(-size // lab.shocks.shape[1])
        return dataclasses.replace(lab, shocks=jnp.tile(lab.shocks, (1, copies))[:, :size].at[:, -1].set(lab.exo)), loop
    if what == "aggregate nodes":
        rule = rule.moved_to(tuple(EvenAxis(axis.low, axis.high, size) for axis in rule.axes))
    else:
        rule = rule.on(dataclasses.replace(rule.own_axis, n=size))
        old = lab.populations[NAME]
        nodes = size * old.axis.n // loop.learners[NAME].table.own_axis.n
        population = dataclasses.replace(old, axis=dataclasses.replace(old.axis, n=nodes), nodes=nodes)
        born = jax.vmap(lambda e: population.birth(lab.economy.household, loop.key, e))(lab.exo)
        state = dataclasses.replace(loop.economy, cross={NAME: born})
        lab = dataclasses.replace(lab, populations={NAME: population})
        loop = dataclasses.replace(loop, economy=state)
    learner = dataclasses.replace(learner, table=rule, search=None, problem=None)
    return lab, dataclasses.replace(loop, learners={NAME: learner})


def parts(lab, loop, sweeps: int):
    """Compiled calls: simulation, sweeps, round."""

    @eqx.filter_jit
    def simulated(lab, loop):
        rules = {name: learner.rule(loop.learners[name]) for name, learner in lab.learners.items()}
        ends, fields = loops._experience(lab, loop, rules)
        return ends, fields[NAME].info  # what a learner reads; the rest is dropped, as in a round

    @eqx.filter_jit
    def swept(rule, ahead):
        return jax.lax.fori_loop(0, sweeps, lambda _, r: sweep(r, ahead), rule)

    learner = loop.learners[NAME]
    facing = eqx.filter_jit(lambda r, b: prospect(r.agent, lab.economy.exogenous, b, r.axes))
    ahead, one_round = facing(learner.table, learner.belief), eqx.filter_jit(loops.one_round)
    return {
        "simulation": functools.partial(simulated, lab, loop),
        "sweeps": functools.partial(swept, learner.table, ahead),
        "round": functools.partial(one_round, lab, loop),
    }


def exponent(sizes, times) -> float:
    """Slope of log time on log size."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def main() -> None:
    """Measure, fit, print, write."""
    sizes = preset("standard")
    lab, loop = laboratory(KrusellSmith.dhjj2010(), {NAME: EulerIteration()}, None, None, sizes, 0)
    loop = loops.advance(lab, loop, 3)
    rows, fits = [], []
    for what, values in SIZES.items():
        measured = []
        for size in values:
            calls = parts(*resized(lab, loop, what, size), sizes.euler.sweeps)
            measured.append(common.interleaved(calls, jax.block_until_ready, 9))
            rows.append([what, size, *(f"{measured[-1][part]:.2f}" for part in ("simulation", "sweeps", "round"))])
            print(*rows[-1], flush=True)
        slopes = [exponent(values, [m[part] for m in measured]) for part in ("simulation", "sweeps", "round")]
        fits.append([what, "exponent", *(f"{slope:.2f}" for slope in slopes)])
    common.show(COLUMNS, rows + fits)
    about = (
        "one round of dhjj2010 around the preset standard (200 own nodes, 250 in the histogram, 10 aggregate, 8 x 250 dates)"
    )
    common.write("scaling.csv", COLUMNS, rows + fits, about=f"{about}; median CPU ms; exponent: slope in logs")


if __name__ == "__main__":
    main()
