"""What the generic loop costs against kernels written by hand for one economy (`kernels.py`).

Den Haan, Judd and Juillard's economy at the sizes of the preset `standard`. Both sides first get the same inputs and
must give the same numbers; then they take turns, and the medians of their processor times are compared.

    python benchmarks/generic_vs_hand.py
"""

import argparse

import common

common.one_core()

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import kernels  # noqa: E402

from walras import loop as loops  # noqa: E402
from walras.economies import KrusellSmith  # noqa: E402
from walras.economy import period as periods  # noqa: E402
from walras.economy.task import Task  # noqa: E402
from walras.learners import EulerIteration  # noqa: E402
from walras.learners.egm import prospect, sweep  # noqa: E402
from walras.learners.preset import preset  # noqa: E402
from walras.solve import laboratory  # noqa: E402

NAME = "household"
AGREEMENT = 1e-8
TARGET = 1.25


@eqx.filter_jit
def simulated(lab, loop):
    """The generic simulation of all paths: states at their ends and fields."""
    rules = {name: learner.rule(loop.learners[name]) for name, learner in lab.learners.items()}
    return loops._experience(lab, loop, rules)


@eqx.filter_jit
def swept(rule, ahead, number):
    """The generic sweeps."""
    return jax.lax.fori_loop(0, number, lambda _, r: sweep(r, ahead), rule)


@eqx.filter_jit
def expected(lab, rule, belief):
    """What the household faces at the nodes, by its belief."""
    return prospect(rule.agent, lab.economy.exogenous, belief, rule.axes)


def same_numbers(lab, loop, k, state, number) -> dict[str, float]:
    """Largest differences of log K, histograms, law, and rule after the sweeps, each from the same inputs."""
    ends, fields = simulated(lab, loop)
    mass, seen = jax.jit(kernels.simulate)(k, state)
    learner, field = loop.learners[NAME], fields[NAME]
    belief = eqx.filter_jit(lambda b, f: b.fit(f))(learner.belief, field)
    law, ahead = kernels.law_lines(belief), expected(lab, learner.table, belief)
    nodes = (2, len(state.coordinate))
    gross = (1 + ahead.view.r).reshape(nodes)
    income = jnp.stack([ahead.view.w * k.mu, ahead.view.w * (1 - ahead.view.tau) * k.labour], -1).reshape(*nodes, 2)
    rule = swept(learner.table, ahead, number).table[..., 0]
    hand = jax.jit(kernels.sweeps)(k, state.table, state.coordinate, law, gross, income, number)
    largest = lambda a, b: float(jnp.max(jnp.abs(a - b)))  # noqa: E731
    K = field.info[1][0]
    x = jnp.stack([jnp.ones_like(state.coordinate), state.coordinate])
    return {
        "log K along the paths": largest(jnp.log(K).T, seen),
        "histogram at the end": largest(ends.cross[NAME], mass),
        "law at the nodes": largest(law @ x, kernels.fit(k, seen) @ x),
        "rule (share of cash)": largest(rule, hand),
    }


def main() -> None:
    """Check that both agree, then time them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=8, help="rounds before the comparison")
    given = parser.parse_args()
    sizes = preset("standard")
    lab, loop = laboratory(KrusellSmith.dhjj2010(), {NAME: EulerIteration()}, None, None, sizes, 0)
    loop = loops.advance(lab, loop, given.rounds)
    learner = loop.learners[NAME]
    k, state, number = kernels.constants(lab, learner.table), kernels.state_of(loop), sizes.euler.sweeps
    for what, gap in same_numbers(lab, loop, k, state, number).items():
        print(f"{what:24s} differs by at most {gap:.1e}")
        assert gap < AGREEMENT, f"{what} differs by {gap}"

    _, fields = simulated(lab, loop)
    ahead = expected(lab, learner.table, learner.belief)
    gross, income = kernels.node_prices(k, state.coordinate)
    by_hand = jax.jit(kernels.one_round)
    round_ = eqx.filter_jit(loops.one_round)
    simulate, sweeps = jax.jit(kernels.simulate), jax.jit(kernels.sweeps)
    task = Task(periods.agents(lab.economy)[NAME], lab.economy.exogenous, lab.populations[NAME], fields[NAME], sizes)
    update = eqx.filter_jit(lambda s, t: lab.learners[NAME].update(loop.key, s, t))
    at_nodes = (k, state.table, state.coordinate, state.law, gross, income, number)
    pairs = {
        "simulation": (lambda: simulated(lab, loop), lambda: simulate(k, state)),
        "sweeps": (lambda: swept(learner.table, ahead, number), lambda: sweeps(*at_nodes)),
        "round": (lambda: round_(lab, loop), lambda: by_hand(k, state, number)),
    }
    rows = []
    for part, (generic, hand) in pairs.items():
        found = common.interleaved({"generic": generic, "hand": hand}, jax.block_until_ready, given.repeats)
        rows.append([part, f"{found['generic']:.2f}", f"{found['hand']:.2f}", f"{found['generic'] / found['hand']:.2f}"])
    learn = common.interleaved({"update": lambda: update(learner, task)}, jax.block_until_ready, given.repeats)
    rows.append(["update (fit and sweeps)", f"{learn['update']:.2f}", "", ""])
    columns = ["part", "generic_ms", "hand_ms", "ratio"]
    common.show(columns, rows)
    ratio = float(rows[2][3])
    met = "met" if ratio <= TARGET else "missed"
    print(f"A round costs {ratio:.2f} times the kernels written by hand (target: at most {TARGET}): {met}.")
    about = f"generic loop against hand-written kernels, dhjj2010, preset standard, target {TARGET}"
    about = f"{about}; median CPU ms of {given.repeats}"
    common.write("generic_vs_hand.csv", columns, rows, about=about)


if __name__ == "__main__":
    main()
