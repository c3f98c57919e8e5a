"""Taxes that answer the state of the economy: the best constant, the best rules, what they gain, how cyclical they are; and the
frontier between inequality and efficiency.

python benchmarks/government.py                        half an hour on one core
"""

import sys
import time

import common

common.one_core()

import walras as w  # noqa: E402
from walras.govern import contingent  # noqa: E402
from walras.govern.design import over_named, searcher_named  # noqa: E402
from walras.govern.judges import OverTheCycle  # noqa: E402
from walras.govern.searchers import PPO, AnnealedES  # noqa: E402
from walras.govern.study import Study  # noqa: E402
from walras.govern.welfare import InequalityAverse, Utilitarian  # noqa: E402

HERE = "government.labour."
LEVEL = f"{HERE}level=0.39:0.45"
ANSWERS = {"z, H": "by_z=-0.6:0.2,by_H=-0.25:1.25", "z, K, H": "by_z=-0.6:0.2,by_H=-0.25:1.25,by_K=-0.25:0.25"}
AVERSIONS = (0.0, 1.0, 2.0, 4.0, 8.0)
SETS, PRESET, KEY = 16, "fast", 0


def say(*what) -> None:
    """Progress."""
    print(*what, sep="  ", file=sys.stderr, flush=True)


def named(answers: str) -> str:
    """Parameters by their full names."""
    return ",".join(HERE + part for part in answers.split(","))


def rules(economy, columns: list[str]) -> list[list]:
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
                say(dict(zip(columns, rows[-1], strict=True)))
            else:
                believed = wider.worth(wider.box.point(found.x)) / study.worth(study.box.point(constant.x)) - 1
                values = wider.box.point(found.x)
                rows.append([f"slopes in {seen}", way, *(f"{v:.3f}" for v in point(wider, values)), f"{100 * believed:.4f}",
                             *[""] * 7, solved, f"{seconds:.0f}"])  # fmt: skip
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


def main() -> None:
    """Search and write."""
    economy = w.economies.TaxCycle.countercyclical()
    columns = ["rule", "by", "level", "by_z", "by_K", "by_H", "gain_in_search_percent", "gain_percent", "low", "high", "sd_of_rate",
               "correlation_with_log_z", "slope_in_log_z", "response_to_a_shock", "verdict", "equilibria", "seconds"]  # fmt: skip
    rows = rules(economy, columns)
    about = f"gain over the best constant in per cent of consumption for ever, 95 % interval over {SETS} sets of 32 paths; seconds: of the search"
    common.write("government.csv", columns, rows, about=about)
    common.show(columns, rows)
    best = {name: float(value) for name, value in zip(("by_z", "by_K", "by_H"), rows[-1][3:6], strict=True)}
    answering = w.with_parameters(economy, {HERE + name: value for name, value in best.items()})
    shown = []
    sizes, over = (PRESET, KEY), over_named(f"{HERE}level=0.15:0.6")
    judge = OverTheCycle(economy, Utilitarian(), sizes)  # all begin where the economy as it is begins
    for title, start in (("constant", economy), ("answers", answering)):
        study = Study(start, over, Utilitarian(), sizes, along=lambda *_: judge)
        for at in contingent.frontier(study, [InequalityAverse(a) for a in AVERSIONS], "pathwise:9"):
            shown.append([title, at.welfare, f"{at.values[HERE + 'level']:.3f}", f"{at.consumption:.4f}", f"{at.gini:.4f}", f"{at.mean_worth:.4f}"])  # fmt: skip
            say(*shown[-1])
    header = ["policy", "criterion", "level", "mean_consumption", "gini_of_worth", "mean_worth"]
    about = "best level by aversion to inequality, constant and with the slopes of the best utilitarian rule; from the same date, on the same shocks"
    common.write("frontier.csv", header, shown, about=about)
    common.show(header, shown)


if __name__ == "__main__":
    main()
