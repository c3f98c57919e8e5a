"""Many learners in the economy of Curry et al. (2022): does it collapse, where does it end, and is that an equilibrium?

python benchmarks/curry.py collapse                curriculum or none × entropy; ten seeds each, half an hour on one core
python benchmarks/curry.py equilibria               long runs with both, their ends, and what best responses gain
python benchmarks/curry.py spectrum --seeds 20      kinds of ends of the long runs, and what goes together across them
python benchmarks/curry.py throughput               steps of the economy a second, small and at the size of the paper
python benchmarks/curry.py closed --seeds 30        where the economy without exports ends
python benchmarks/curry.py planner --seeds 5        a government that learns against flat taxes, by consumers' welfare

Rows of the arms and seeds that are run replace those of before; the others stay.
"""

import argparse
import dataclasses
import itertools
import time
from pathlib import Path

import common

common.one_core()

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jaxtyping import Array  # noqa: E402

import walras as w  # noqa: E402
from walras.diagnose.deviating import Effort  # noqa: E402
from walras.diagnose.exploitability import exploitability  # noqa: E402
from walras.diagnose.spectrum import kinds_of  # noqa: E402
from walras.economies.posted_government import Announcement  # noqa: E402
from walras.economy import path as paths  # noqa: E402
from walras.economy import period as periods  # noqa: E402
from walras.economy.population import Finite  # noqa: E402
from walras.economy.rule import Rule, ViewInformation  # noqa: E402
from walras.inputs import fitted, with_parameters  # noqa: E402
from walras.learners import Curriculum, Fixed, Reinforce, Stage  # noqa: E402
from walras.learners.preset import ModelFreeSizes, preset  # noqa: E402
from walras.loop import advance  # noqa: E402
from walras.solution import Solution, loaded  # noqa: E402
from walras.solve import laboratory  # noqa: E402

POPULATIONS = {"consumer": Finite(20), "firm": Finite(4), "government": Finite(1)}
DATES, EPISODES, DEAD = 10, 512, 26.0
"""Dates of an episode; episodes on which final rules are judged; hours below which an economy counts as dead."""
SHORT = ModelFreeSizes(600, 64, DATES + 1, 0, units=32, epochs=1, rates=(2e-3, 2e-3), clip_norm=2.0, hold=0.55, warm_rounds=5)
LONG = dataclasses.replace(SHORT, rounds=4000)
FLOOR = 0.05
ENTROPIES = {"falling to a floor": (10.0, 1.0), "floor": (1.0, 1.0), "none": (0.0, 0.0)}
"""First and last bonus of a type in multiples of `FLOOR`; it falls within the first .15 of the rounds in which the type learns."""


def economy(export_cap: float = 50.0, populations: dict | None = None):
    """20 consumers, 4 firms, a government; as much can be exported for each consumer as in the released economy, or nothing."""
    small = fitted(with_parameters(w.economies.CurryRBC.open(), {"export_cap": export_cap}), dict(populations or POPULATIONS))
    return small[0]


def learner(sizes: ModelFreeSizes) -> Reinforce:
    """The same for every type."""
    return Reinforce(entropy=FLOOR, sizes=sizes, start="middle")


def curriculum_of(staged: bool, entropy: str) -> Curriculum:
    """The released stages, or everybody from the first round on in the economy as it is; without going back where the economy dies:
    that is what is measured."""
    first, last = ENTROPIES[entropy]
    if not staged:
        return Curriculum((Stage(0.15, entropy=(first, last)), Stage(0.85, entropy=last)))
    stages = Curriculum.curry2022().stages
    if entropy != "falling to a floor":
        stages = [dataclasses.replace(stage, entropy=last) for stage in stages]
    return Curriculum(stages)


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
        seen = (jnp.sum(worked) / lab.economy.consumer.mass, jnp.mean(prices["p"]), jnp.mean(prices["w"]), prices["tau"],
                prices["sigma"], price, jnp.sum(served), wage, profit, jnp.mean(now.payoff["consumer"]),
                now.payoff["government"][0])  # fmt: skip
        by_firm = (prices["p"], prices["w"], served, worked)
        return seen, by_firm

    def one(number):
        k = jax.random.fold_in(key, number)
        state = periods.start(lab.economy, lab.populations, rules, k)
        exo = jnp.broadcast_to(state.exo, (DATES,))
        return paths.run_on(lab.economy, lab.populations, rules, (state, None), exo, k, record)[2]

    return jax.tree_util.tree_map(lambda x: jnp.mean(x, axis=(0, 1)), jax.lax.map(one, jnp.arange(EPISODES), batch_size=64))


SEEN = ("hours", "price", "wage", "wage_tax", "profit_tax", "price_paid", "goods", "wage_paid", "profit", "utility", "welfare")
BY_FIRM = ("price", "wage", "sold", "hours")


def living(lab, loop, *, firms: bool = False) -> dict[str, float]:
    """Means over dates and episodes under the final rules: hours of a consumer, prices and wages posted and paid, tax rates, goods bought,
    profit of a firm, utility of a consumer, welfare; if `firms`, price, wage, goods sold at home and hours of each firm after them."""
    rules = {name: each.rule(loop.learners[name]) for name, each in lab.learners.items()}
    seen, by_firm = _living(lab, rules, jax.random.key(7))
    found = dict(zip(SEEN, (float(x) for x in seen), strict=True))
    if firms:
        for name, values in zip(BY_FIRM, by_firm, strict=True):
            found |= {f"{name}_{number}": float(x) for number, x in enumerate(values)}
    return found


def run(sizes: ModelFreeSizes, curriculum: Curriculum, seed: int, where=None):
    """(laboratory, last state, seconds without compiling); `where`: the economy, if not the open one."""
    everybody = dict.fromkeys(POPULATIONS, learner(sizes))
    lab, loop = laboratory(where or economy(), everybody, dict(POPULATIONS), None, preset("fast"), seed, curriculum)
    jax.block_until_ready(advance(lab, loop, 1))  # compiles
    began = time.perf_counter()
    loop = jax.block_until_ready(advance(lab, loop, lab.rounds))
    return lab, loop, time.perf_counter() - began


def collapse(seeds: int, only: str) -> None:
    """Curriculum or none × entropy; `only`: one cell, as `staged:none`."""
    columns = ["curriculum", "entropy", "seed", "collapsed", *SEEN, "seconds"]
    rows = {tuple(row[:3]): row for row in common.read("curry-collapse.csv")}
    for staged, entropy, seed in itertools.product((True, False), ENTROPIES, range(seeds)):
        if only and only != f"{'staged' if staged else 'none'}:{entropy}":
            continue
        lab, loop, seconds = run(SHORT, curriculum_of(staged, entropy), seed)
        found = living(lab, loop)
        row = [
            "staged" if staged else "none",
            entropy,
            seed,
            "yes" if found["hours"] < DEAD else "no",
            *(f"{found[name]:.4g}" for name in SEEN),
            f"{seconds:.1f}",
        ]
        rows[tuple(str(x) for x in row[:3])] = row
        print(*row, flush=True)
        about = f"curry-rbc, 20 + 4 + 1, {SHORT.rounds} rounds of {SHORT.paths} episodes; collapsed: fewer than {DEAD:g} hours a consumer"
        common.write("curry-collapse.csv", columns, rows.values(), about=about)


def closed(seeds: int) -> None:
    """The closed economy: where it ends, by seed. All profits of an episode together cannot be more than what consumers opened with."""
    columns, rows = ["seed", *SEEN, "most_profit", "seconds"], []
    most = 2000.0 * POPULATIONS["consumer"].n / (POPULATIONS["firm"].n * DATES)
    for seed in range(seeds):
        lab, loop, seconds = run(SHORT, curriculum_of(True, "falling to a floor"), seed, economy(0.0))
        found = living(lab, loop)
        rows.append([seed, *(f"{found[name]:.4g}" for name in SEEN), f"{most:g}", f"{seconds:.1f}"])
        print(*rows[-1], flush=True)
        about = f"curry-rbc without exports, 20 + 4 + 1, {SHORT.rounds} rounds of {SHORT.paths} episodes"
        common.write("curry-closed.csv", columns, rows, about=about)


def trained(seed: int, keep: Path) -> Solution:
    """A long run with stages and a falling floor, from `keep` where it was made before."""
    path = keep / f"curry-{seed}.safetensors"
    if path.exists():
        return Solution.load(path)
    lab, loop, seconds = run(LONG, curriculum_of(True, "falling to a floor"), seed)
    solution = Solution("CurryRBC", "fast", seed, lab, loop, loaded(), None, {"run": seconds})
    keep.mkdir(parents=True, exist_ok=True)
    solution.save(path)
    print(seed, f"{seconds:.0f} s", living(lab, loop), flush=True)
    return solution


def equilibria(seeds: int, keep: Path) -> None:
    """Where long runs end and what deviators gain there: each type; of three seeds the first consumer and the first firm, too."""
    living_at = ["seed", *SEEN]
    columns = ["seed", "who", "gain", "error", "percent", "percent_error", "of_training", "start", "checkpoint", "seconds"]
    ends, rows = [], []
    for seed in range(seeds):
        solution = trained(seed, keep)
        found = living(solution.lab, solution.loop)
        ends.append([seed, *(f"{found[name]:.4g}" for name in SEEN)])
        about = f"curry-rbc, 20 + 4 + 1, {LONG.rounds} rounds of {LONG.paths} episodes"
        common.write("curry-ends.csv", living_at, ends, about=about)
        for name in POPULATIONS:
            began = time.perf_counter()
            alone = (0,) if name != "government" and seed < 3 else ()
            for gain in exploitability(solution, name, individuals=alone, effort=Effort(episodes=4096, dates=DATES)):
                numbers = (gain.gain, gain.error, gain.percent, gain.percent_error, gain.of_training)
                seconds = f"{time.perf_counter() - began:.0f}"
                rows.append([seed, gain.who, *(f"{x:.3g}" for x in numbers), gain.start, gain.checkpoint, seconds])
                print(*rows[-1], flush=True)
            how = "400 rounds of 64 episodes from three starts, judged on 4,096 paired episodes; seconds of a type and its individual"
            common.write("curry-epsilon.csv", columns, rows, about=f"{about}; deviations: {how}")


def spectrum(seeds: int, keep: Path) -> None:
    """Kinds of ends by what firms post, sell and employ and what the government takes; and squared correlations across seeds."""
    found = []
    for seed in range(seeds):
        solution = trained(seed, keep)
        found.append(living(solution.lab, solution.loop, firms=True))
        print(seed, found[-1], flush=True)
    column = {name: np.array([end[name] for end in found]) for name in found[0]}
    posted = [f"{name}_{number}" for name in BY_FIRM for number in range(POPULATIONS["firm"].n)]
    kinds = kinds_of(np.stack([column[name] for name in (*posted, "wage_tax", "profit_tax")], axis=1))
    stability = ", ".join(f"{x:.2f}" for x in kinds.stability)
    how = f"{kinds.count} kinds, mean silhouette {kinds.silhouette:.2f}, stability {stability}"
    about = f"curry-rbc, 20 + 4 + 1, {LONG.rounds} rounds of {LONG.paths} episodes; {how}"
    rows = [[seed, kinds.labels[seed], *(f"{x:.4g}" for x in end.values())] for seed, end in enumerate(found)]
    common.write("curry-spectrum.csv", ["seed", "kind", *column], rows, about=about)
    rows = []
    for one, other in TOGETHER:
        r = np.corrcoef(column[one], column[other])[0, 1]
        rows.append([one, other, f"{r:.2f}", f"{r * r:.2f}"])
        print(*rows[-1], flush=True)
    common.write(
        "curry-together.csv", ["one", "other", "r", "r_squared"], rows, about=f"across {seeds} seeds of curry-spectrum.csv"
    )


TOGETHER = [
    ("price_paid", "goods"),
    ("utility", "profit"),
    ("wage_paid", "hours"),
    ("wage_tax", "welfare"),
    ("profit_tax", "welfare"),
]
"""Pairs whose correlations across solutions Curry et al. report: price and consumption, rewards, wage and hours, tax and welfare."""


def throughput() -> None:
    """Steps of the economy a second of the last stage, in which everybody learns, without compiling; compiling beside them."""
    rows = []
    large = {"consumer": Finite(100), "firm": Finite(10), "government": Finite(1)}
    wide = dataclasses.replace(SHORT, paths=128, units=128)
    for name, people, sizes, rounds in (("20 + 4 + 1", POPULATIONS, SHORT, 100), ("100 + 10 + 1", large, wide, 5)):
        everybody = dict.fromkeys(people, learner(sizes))
        given = (economy(populations=people), everybody, dict(people), None, preset("fast"), 0)
        lab, loop = laboratory(*given)
        began = time.perf_counter()
        loop = jax.block_until_ready(advance(lab, loop, 1))
        compiling, began = time.perf_counter() - began, time.perf_counter()
        jax.block_until_ready(advance(lab, loop, rounds))
        seconds = (time.perf_counter() - began) / rounds
        rows.append([name, sizes.paths, sizes.units, f"{sizes.paths * DATES / seconds:.0f}", f"{compiling:.0f}"])
        print(*rows[-1], flush=True)
        about = "curry-rbc, all by Reinforce, one core; a step is a date of an episode"
        common.write(
            "curry-throughput.csv", ["population", "episodes", "units", "steps_a_second", "compile_s"], rows, about=about
        )


class Flat(Rule):
    """The same rates for ever."""

    rates: Array

    @property
    def information(self):
        """What the view says."""
        return ViewInformation()

    def __call__(self, own, view, info, *, key=None):
        """Both rates."""
        return Announcement(self.rates)


def planner(seeds: int, only: str) -> None:
    """Consumers' welfare under every pair of flat rates and under a government that learns, all others trained alike in each.

    All 36 pairs with one seed, then the best five with all seeds: the best is chosen by other seeds than it is judged by.
    """
    columns = ["regime", "seed", *SEEN, "seconds"]
    rows = {tuple(row[:2]): row for row in common.read("curry-planner.csv")}
    consumers_only = with_parameters(economy(), {"government.firm_weight": 0.0})

    def judge(regime: str, seed: int, government) -> float:
        if (regime, str(seed)) not in rows:
            everybody = {"consumer": learner(SHORT), "firm": learner(SHORT), "government": government}
            given = (consumers_only, everybody, dict(POPULATIONS), None, preset("fast"), seed)
            lab, loop = laboratory(*given, curriculum_of(True, "falling to a floor"))
            began = time.perf_counter()
            loop = jax.block_until_ready(advance(lab, loop, lab.rounds))
            seconds, found = time.perf_counter() - began, living(lab, loop)
            row = [regime, str(seed), *(f"{found[name]:.4g}" for name in SEEN), f"{seconds:.1f}"]
            rows[regime, str(seed)] = row
            print(*row, flush=True)
            about = f"curry-rbc, 20 + 4 + 1, welfare of consumers alone, {SHORT.rounds} rounds of {SHORT.paths} episodes"
            common.write("curry-planner.csv", columns, rows.values(), about=about)
        return float(rows[regime, str(seed)][2 + SEEN.index("welfare")])

    if only in ("", "flat"):
        rates = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        flat = {f"flat {t:g} {s:g}": Fixed(Flat(jnp.asarray([t, s]))) for t, s in itertools.product(rates, rates)}
        found = {name: judge(name, 100, government) for name, government in flat.items()}
        for name in sorted(found, key=lambda n: -found[n])[:5]:
            for seed in range(seeds):
                judge(name, seed, flat[name])
    for seed in range(seeds) if only in ("", "learned") else ():
        judge("learned", seed, learner(SHORT))


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["collapse", "closed", "equilibria", "spectrum", "throughput", "planner"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", default="", help="of collapse: a cell, as `staged:none`; of planner: flat or learned")
    parser.add_argument("--keep", type=Path, default=Path("runs/curry"), help="folder for the solutions of long runs")
    given = parser.parse_args()
    if given.what == "collapse":
        collapse(given.seeds, given.only)
    elif given.what == "closed":
        closed(given.seeds)
    elif given.what == "planner":
        planner(given.seeds, given.only)
    elif given.what == "throughput":
        throughput()
    elif given.what == "spectrum":
        spectrum(given.seeds, given.keep)
    else:
        equilibria(given.seeds, given.keep)


if __name__ == "__main__":
    main()
