"""Many learners in the economy of Curry et al. (2022): does it collapse, where does it end, and is that an equilibrium?

python benchmarks/curry.py collapse                2 × 2: curriculum, entropy floor; ten seeds each, a quarter of an hour on one core
python benchmarks/curry.py equilibria --seeds 10   long runs with both, their ends, and what best responses gain

Rows of the arms and seeds that are run replace those of before; the others stay.
"""

import argparse
import dataclasses
import time

import common

common.one_core()

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

import walras as w  # noqa: E402
from walras.economy import path as paths  # noqa: E402
from walras.economy import period as periods  # noqa: E402
from walras.economy.population import Finite  # noqa: E402
from walras.inputs import fitted, with_parameters  # noqa: E402
from walras.learners import Curriculum, Reinforce  # noqa: E402
from walras.learners.preset import ModelFreeSizes, preset  # noqa: E402
from walras.loop import advance  # noqa: E402
from walras.solve import laboratory  # noqa: E402

POPULATIONS = {"consumer": Finite(20), "firm": Finite(4), "government": Finite(1)}
DATES, EPISODES, DEAD = 10, 512, 26.0
"""Dates of an episode; episodes on which final rules are judged; hours below which an economy counts as dead."""
SHORT = ModelFreeSizes(600, 64, DATES + 1, 0, units=32, epochs=1, rates=(2e-3, 2e-3), clip_norm=2.0, hold=0.55, warm_rounds=5)
LONG = dataclasses.replace(SHORT, rounds=4000)
FLOOR = 0.05
LIVING = ("hours", "price", "wage", "wage_tax", "profit_tax", "made", "consumed", "exported", "profit", "utility", "welfare")
ARMS = [(curriculum, floor) for curriculum in (True, False) for floor in (True, False)]


def economy():
    """20 consumers, 4 firms, a government; as much can be exported for each consumer as in the released economy."""
    small = fitted(with_parameters(w.economies.CurryRBC.open(), {"export_cap": 50.0}), dict(POPULATIONS))
    return small[0]


def learner(sizes: ModelFreeSizes, floor: bool) -> Reinforce:
    """The same for every type."""
    return Reinforce(entropy=FLOOR if floor else 0.0, sizes=sizes, start="middle")


def curriculum_of(arm: bool) -> Curriculum | None:
    """The released stages, without going back where the economy dies: that is what is measured."""
    return dataclasses.replace(Curriculum.curry2022(), collapse=None) if arm else None


@eqx.filter_jit
def _living(lab, rules, key):
    def record(now, _):
        flows, prices = now.flows["consumer"], now.prices
        done = {n: now.outcome["consumer"][n] for n in ("served", "taken")}
        served = flows["goods"] * done["served"]
        worked = flows["hours"] * done["taken"]
        sold = jnp.maximum(jnp.sum(served), 1e-9)
        price = jnp.sum(prices["p"] * served) / sold
        wage = jnp.sum(prices["w"] * worked) / jnp.maximum(jnp.sum(worked), 1e-9)
        profit = jnp.mean(now.payoff["firm"])
        return (jnp.sum(worked) / lab.economy.consumer.mass, jnp.mean(prices["p"]), jnp.mean(prices["w"]), prices["tau"],
                prices["sigma"], price, jnp.sum(served), wage, profit, jnp.mean(now.payoff["consumer"]),
                now.payoff["government"][0])  # fmt: skip

    def one(number):
        k = jax.random.fold_in(key, number)
        state = periods.start(lab.economy, lab.populations, rules, k)
        exo = jnp.broadcast_to(state.exo, (DATES,))
        return paths.run_on(lab.economy, lab.populations, rules, (state, None), exo, k, record)[2]

    return jax.tree_util.tree_map(jnp.mean, jax.lax.map(one, jnp.arange(EPISODES), batch_size=64))


SEEN = ("hours", "price", "wage", "wage_tax", "profit_tax", "price_paid", "goods", "wage_paid", "profit", "utility", "welfare")


def living(lab, loop) -> dict[str, float]:
    """Means over dates and episodes under the final rules: hours of a consumer, prices and wages posted and paid, tax rates, goods bought,
    profit of a firm, utility of a consumer, welfare."""
    rules = {name: each.rule(loop.learners[name]) for name, each in lab.learners.items()}
    return dict(zip(SEEN, (float(x) for x in _living(lab, rules, jax.random.key(7))), strict=True))


def run(sizes: ModelFreeSizes, floor: bool, curriculum: Curriculum | None, seed: int):
    """(laboratory, last state, seconds without compiling)."""
    everybody = dict.fromkeys(POPULATIONS, learner(sizes, floor))
    lab, loop = laboratory(economy(), everybody, dict(POPULATIONS), None, preset("fast"), seed, curriculum)
    jax.block_until_ready(advance(lab, loop, 1))  # compiles
    began = time.perf_counter()
    loop = jax.block_until_ready(advance(lab, loop, lab.rounds))
    return lab, loop, time.perf_counter() - began


def collapse(seeds: int) -> None:
    """The 2 × 2 table."""
    columns = ["curriculum", "floor", "seed", "collapsed", *SEEN, "seconds"]
    rows = {tuple(row[:3]): row for row in common.read("curry-collapse.csv")}
    for staged, floor in ARMS:
        for seed in range(seeds):
            lab, loop, seconds = run(SHORT, floor, curriculum_of(staged), seed)
            found = living(lab, loop)
            dead = found["hours"] < DEAD
            row = [staged, floor, seed, dead, *(f"{found[name]:.4g}" for name in SEEN), f"{seconds:.1f}"]
            rows[tuple(str(x) for x in row[:3])] = row
            print(*row, flush=True)
            about = f"curry-rbc, 20 + 4 + 1, {SHORT.rounds} rounds of {SHORT.paths} episodes; collapsed: fewer than {DEAD:g} hours a consumer"
            common.write("curry-collapse.csv", columns, rows.values(), about=about)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["collapse", "equilibria"])
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    {"collapse": collapse}[given.what](given.seeds)


if __name__ == "__main__":
    main()
