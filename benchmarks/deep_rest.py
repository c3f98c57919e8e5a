"""`DeepEuler` where markets clear and nothing aggregate moves: against endogenous grids, alone and over a box of taxes.

python benchmarks/deep_rest.py                         some twenty minutes on one core
"""

import functools
import itertools
import sys
import time

import common

common.one_core()

import numpy as np  # noqa: E402
import scipy.optimize  # noqa: E402

import walras as w  # noqa: E402
from walras.economies import TaxEconomy  # noqa: E402
from walras.learners import DeepEuler  # noqa: E402
from walras.learners import preset as presets  # noqa: E402
from walras.loop import advance  # noqa: E402
from walras.rest import standing  # noqa: E402
from walras.solution import Solution, loaded  # noqa: E402
from walras.solve import goes_on, laboratory  # noqa: E402

SEEDS = (0, 1, 2)
# Of an independent solver, docs/economies/tax-economy.md; superstar by the same, K to .01 %.
CAPITAL = {"standard": (4.7571, "fast", 0.1), "taxai": (8.7707, "fast", 0.3), "superstar": (9.8283, "standard", 0.5)}
OVER = (("government.tau_k", -0.2, 0.6), ("government.tau_n", -0.1, 0.7))
RATES = (0.0, 0.2, 0.4)


def timed(economy, learner, preset: str, seed: int):
    """The solution without its certificate, and the seconds of its rounds, those of the first left out."""
    lab, loop = laboratory(economy, {"household": learner}, None, None, presets.preset(preset), seed)
    loop, start = advance(lab, loop, 1), time.perf_counter()
    while goes_on(lab, loop):
        loop = advance(lab, loop, 1)
    return Solution("TaxEconomy", preset, seed, lab, loop, loaded(), None, {}), time.perf_counter() - start


def capital(place) -> float:
    """What people hold."""
    return float(np.sum(np.asarray(place.mass) * np.asarray(place.population.axis.nodes)))


def welfare(place) -> float:
    """Mean payoff of a date: of log utility, its differences are relative changes of what is consumed beyond the cost of work."""
    return float(np.asarray(place.mass).reshape(-1) @ np.asarray(place.now().payoff["household"]))


def alone(rows: list) -> None:
    """One economy at a time."""
    for name, (known, preset, goal) in CAPITAL.items():
        for seed in SEEDS:
            solution, seconds = timed(getattr(TaxEconomy, name)(), DeepEuler(), preset, seed)
            place = standing(solution)
            off = 100 * (capital(place) / known - 1)
            rows.append([f"{name}, {preset}", seed, "K off, %", f"{off:.3f}", goal, met(abs(off) <= goal), f"{seconds:.0f}"])
            print(*rows[-1], sep="  ", file=sys.stderr, flush=True)


def met(yes: bool) -> str:
    """A word for it."""
    return "met" if yes else "not met"


def under(pair) -> TaxEconomy:
    """The economy at a pair of rates."""
    return w.with_parameters(TaxEconomy.ghh(), dict(zip((name for name, _, _ in OVER), pair, strict=True)))


def conditioned(rows: list) -> None:
    """One rule over a box of taxes, against equilibria solved one by one."""
    nine = list(itertools.product(RATES, RATES))
    exact = {pair: w.rest(under(pair), preset="fast") for pair in nine}
    best = {tk: highest(lambda tn, tk=tk: welfare(w.rest(under((tk, tn)), near=exact[tk, 0.0], preset="fast"))) for tk in RATES}
    for seed in SEEDS:
        solution, seconds = timed(TaxEconomy.ghh(), DeepEuler(over=OVER), "fast", seed)
        for what, value, goal in compared(functools.partial(w.rest, learned=solution), exact, best):
            rows.append(["ghh over a box, fast", seed, what, f"{value:.2g}", goal, met(value <= goal), f"{seconds:.0f}"])
            print(*rows[-1], sep="  ", file=sys.stderr, flush=True)


def compared(learned, exact: dict, best: dict) -> list[tuple[str, float, float]]:
    """What is off at nine pairs, what the rate chosen under the rule loses, and how far slopes of welfare are off; each with its goal."""
    places = {pair: learned(under(pair)) for pair in exact}
    K = max(100 * abs(capital(places[p]) / capital(exact[p]) - 1) for p in exact)
    ce = max(100 * abs(np.expm1(welfare(places[p]) - welfare(exact[p]))) for p in exact)
    chosen = {tk: highest(lambda tn, tk=tk: welfare(learned(under((tk, tn)))))[0] for tk in RATES}
    lost = max(
        -np.expm1(welfare(w.rest(under((tk, tn)), near=exact[tk, 0.0], preset="fast")) - best[tk][1])
        for tk, tn in chosen.items()
    )
    slopes = []
    for pair in ((0.2, 0.2), (0.0, 0.4)):
        solved = slope(functools.partial(w.rest, near=exact[pair], preset="fast"), pair)
        slopes += list(100 * np.abs(slope(learned, pair) / solved - 1))
    print("chosen", chosen, "best", best, file=sys.stderr, flush=True)
    return [
        ("K off, %, nine pairs", K, 0.3),
        ("consumption equivalent off, %, nine pairs", ce, 0.1),
        ("loss at the rate chosen, no refit", lost, 1e-4),
        ("slopes of welfare off, %, two pairs", max(slopes), 3.0),
    ]


def highest(value) -> tuple[float, float]:
    """The rate in the box at which a function is highest, and its value."""
    found = scipy.optimize.minimize_scalar(
        lambda x: -value(float(x)), bounds=OVER[1][1:], method="bounded", options={"xatol": 1e-4}
    )
    return float(found.x), -float(found.fun)


def slope(place, pair, step: float = 0.02) -> np.ndarray:
    """Central differences of welfare in both rates."""
    (tk, tn), h = pair, step
    moves = [((tk + h, tn), (tk - h, tn)), ((tk, tn + h), (tk, tn - h))]
    return np.array([(welfare(place(under(up))) - welfare(place(under(down)))) / (2 * h) for up, down in moves])


def main() -> None:
    """Solve and write."""
    rows: list = []
    wanted = sys.argv[1:] or ["alone", "conditioned"]
    for name in wanted:
        {"alone": alone, "conditioned": conditioned}[name](rows)
    header = ["economy, preset", "seed", "what", "largest", "goal", "", "seconds"]
    common.write(
        "deep_rest.csv",
        header,
        rows,
        about="seconds of the rounds after the first, on one core: what is compiled, and the rounds in which the grid is placed, are left out; no certificates",
    )
    common.show(header, rows)


if __name__ == "__main__":
    main()
