"""Taxes that answer the state of the economy: the best constant, the best rules, what they gain, how cyclical they are; and the
frontier between inequality and efficiency.

python benchmarks/government.py                        half an hour on one core
"""

import argparse
import csv
import dataclasses
import sys
import time

import common

common.one_core()

import numpy as np  # noqa: E402

import walras as w  # noqa: E402
from walras._core.keys import root_key, stream  # noqa: E402
from walras.economies.fiscal_rules import SCALE, Network  # noqa: E402
from walras.govern import contingent  # noqa: E402
from walras.govern.design import over_named, searched, searcher_named  # noqa: E402
from walras.govern.judges import OverTheCycle  # noqa: E402
from walras.govern.searchers import CMAES, PPO, AnnealedES  # noqa: E402
from walras.govern.study import Study  # noqa: E402
from walras.govern.welfare import InequalityAverse, Utilitarian  # noqa: E402

HERE = "government.labour."
LEVEL = f"{HERE}level=0.39:0.45"
ANSWERS = {"z, H": "by_z=-0.6:0.2,by_H=-0.25:1.25", "z, K, H": "by_z=-0.6:0.2,by_H=-0.25:1.25,by_K=-0.25:0.25"}
AVERSIONS = (0.0, 1.0, 2.0, 4.0, 8.0)
SETS, PRESET, KEY = 16, "fast", 0
ROUNDS, REACH = 16, 0.03
"""Generations of the network's search; outer weight of the unit with which it begins."""
COLUMNS = [
    "rule", "by", "level", "by_z", "by_K", "by_H", "gain_in_search_percent", "gain_percent", "low", "high", "sd_of_rate",
    "correlation_with_log_z", "slope_in_log_z", "response_to_a_shock", "verdict", "equilibria", "seconds",
]  # fmt: skip


def say(*what) -> None:
    """Progress."""
    print(*what, sep="  ", file=sys.stderr, flush=True)


def named(answers: str) -> str:
    """Parameters by their full names."""
    return ",".join(HERE + part for part in answers.split(","))


def rules(economy) -> list[list]:
    """One row for each family of rules and searcher."""
    rows = []
    for seen, answers in ANSWERS.items():
        study, wider = contingent.studies(economy, LEVEL, named(answers), Utilitarian(), (PRESET, KEY))
        constant = contingent.best_constant(study)
        ways = {"pathwise": searcher_named("pathwise:4", 3), "ppo": PPO(draws=1), "es": AnnealedES(draws=1)}
        ways = ways if wider.box.size == 3 else {"cma-es": searcher_named("cma-es:25", 4)}
        for way, searcher in ways.items():
            start, before = time.process_time(), len(wider.ledger)
            found = contingent.best_rule(study, wider, constant, searcher)
            seconds, solved = time.process_time() - start, len(wider.ledger) - before
            say(
                seen,
                way,
                wider.box.point(found.x),
                wider.worth(wider.box.point(found.x)) / constant.value - 1,
                f"{seconds:.0f} s",
            )
            if way in ("pathwise", "cma-es"):
                result = contingent.verified(study, wider, (constant.x, found.x), way, SETS)
                rows.append(row(f"slopes in {seen}", way, result, solved, seconds))
                say(dict(zip(COLUMNS, rows[-1], strict=True)))
            else:
                believed = wider.worth(wider.box.point(found.x)) / study.worth(study.box.point(constant.x)) - 1
                values = wider.box.point(found.x)
                rows.append([f"slopes in {seen}", way, *(f"{v:.3f}" for v in point(wider, values)), f"{100 * believed:.4f}",
                             *[""] * 8, solved, f"{seconds:.0f}"])  # fmt: skip
    return rows


def point(wider, values) -> list[float]:
    """Level and slopes in z, K, H."""
    known = dict(zip(wider.box.names, values, strict=True))
    return [known.get(HERE + name, 0.0) for name in ("level", "by_z", "by_K", "by_H")]


def row(rule: str, way: str, found, solved: int, seconds: float) -> list:
    """What is shown of a verified rule."""
    cycle = found.cyclicality["government_tau_n"]
    values = [found.rule.get(HERE + name, 0.0) for name in ("level", "by_z", "by_K", "by_H")]
    gain = [found.believed, found.gain.mean, found.gain.low, found.gain.high]
    moves = [cycle.sd, cycle.correlation, cycle.slope, cycle.response[0]]
    return [rule, way, *(f"{v:.3f}" for v in values), *(f"{100 * g:.4f}" for g in gain), *(f"{m:.3f}" for m in moves),
            found.verdicts[1], solved, f"{seconds:.0f}"]  # fmt: skip


def network(economy, best: dict[str, float]) -> list:
    """The row of the best small network, sought from the best slopes on: one hidden unit nearly straight, the other at rest."""
    blind = dataclasses.replace(economy, government=dataclasses.replace(economy.government, labour=Network.blank(0.42)))
    answers = named("inner=-1:1,shift=-1:1,outer=-0.06:0.06")
    study, wider = contingent.studies(blind, LEVEL, answers, Utilitarian(), (PRESET, KEY))
    constant = contingent.best_constant(study)
    begin = dict.fromkeys(wider.box.names, 0.0) | {f"{HERE}level": best["level"], f"{HERE}outer[0]": REACH}
    begin |= {f"{HERE}inner[{i}]": best[name] * SCALE / REACH for i, name in enumerate(("by_z", "by_K", "by_H"))}
    x = np.clip(wider.box.unit(np.asarray([begin[name] for name in wider.box.names])), 0.0, 1.0)
    start = time.process_time()
    watch = lambda n, of, x, v: say(n, of, f"{100 * (v / constant.value - 1):.5f} %")  # noqa: E731
    found = searched(wider, CMAES(ROUNDS, spread=0.08), stream(root_key(KEY), "network"), x, watch)
    seconds = time.process_time() - start
    result = contingent.verified(study, wider, (constant.x, found.x), "cma-es", SETS)
    say(result.rule, result.gain, result.verdicts)
    return row("network in z, K, H", "cma-es", result, len(wider.ledger), seconds)


def frontier(economy, best: dict[str, float]) -> list[list]:
    """Best levels by aversion to inequality: constant, and with the best slopes."""
    answering = w.with_parameters(economy, {HERE + name: best[name] for name in ("by_z", "by_K", "by_H")})
    sizes, over, shown = (PRESET, KEY), over_named(f"{HERE}level=0.3:0.55"), []
    judge = OverTheCycle(economy, Utilitarian(), sizes)  # all begin where the economy as it is begins
    for title, start in (("constant", economy), ("answers", answering)):
        study = Study(start, over, Utilitarian(), sizes, along=lambda *_: judge)
        for at in contingent.frontier(study, [InequalityAverse(a) for a in AVERSIONS], "pathwise:9"):
            numbers = (at.consumption, at.gini, at.mean_worth)
            shown.append([title, at.welfare, f"{at.values[HERE + 'level']:.3f}", *(f"{x:.4f}" for x in numbers)])
            say(*shown[-1])
    return shown


def best_slopes(way: str) -> dict[str, float]:
    """Level and slopes of the last row of the table that a searcher found."""
    with open(common.RESULTS / "government.csv", encoding="utf-8") as file:
        lines = list(csv.DictReader(line for line in file if not line.startswith("#")))
    last = [line for line in lines if line["by"] == way][-1]
    return {name: float(last[name]) for name in ("level", "by_z", "by_K", "by_H")}


def main() -> None:
    """Search and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", default="rules,frontier,network", help="rules, frontier, network; the last two begin at the table"
    )
    parts = parser.parse_args().only.split(",")
    economy = w.economies.TaxCycle.countercyclical()
    about = (
        f"gain over the best constant in per cent of consumption for ever, 95 % interval over {SETS} sets of 32 paths, "
        "from scratch; seconds and equilibria: of the search, what a searcher before had solved left out"
    )
    if "rules" in parts:
        common.write("government.csv", COLUMNS, rules(economy), about=about)
    if "frontier" in parts:
        what = "best level by aversion to inequality: constant, and with the slopes in z and H that are best by utilitarian welfare; one date, the same shocks"
        header = ["policy", "criterion", "level", "mean_consumption", "gini_of_worth", "mean_worth"]
        common.write("government-frontier.csv", header, frontier(economy, best_slopes("pathwise")), about=what)
    if "network" in parts:
        common.write("government-network.csv", COLUMNS, [network(economy, best_slopes("cma-es"))], about=about)


if __name__ == "__main__":
    main()
