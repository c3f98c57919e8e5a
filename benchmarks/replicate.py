"""Published and independently computed numbers against what the library gives.

    make replicate                                         everything, about ten minutes on one core
    python benchmarks/replicate.py --only laws,euler --seeds 3

Each row is a target, what was measured and whether it is met; a miss is printed as a miss. References without a name are
an independent solution by endogenous grids and histogram, in another language, over 200,000 dates.
"""

import argparse
import csv
import dataclasses
import sys
import time

import common

common.one_core()

import hank  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import walras as w  # noqa: E402
from walras import impulse  # noqa: E402, F401
from walras.economies import Aiyagari, Hank, Huggett, HuggettPartial, HuggettRisk, KrusellSmith  # noqa: E402
from walras.economies.huggett import BondOwn, BondView  # noqa: E402
from walras.economy.process import LogAR1  # noqa: E402

COLUMNS = ["group", "what", "target", "measured", "met"]
HORIZON = 201
_solved: dict[tuple, w.Solution] = {}


def solved(name: str, economy, preset: str = "standard", key: int = 0, learners: dict | None = None) -> w.Solution:
    """The solution, made once (`name` says which learners)."""
    asked = (name, preset, key)
    if asked not in _solved:
        start = time.perf_counter()
        _solved[asked] = w.solve(economy, learners, preset=preset, key=key)
        seconds = time.perf_counter() - start
        print(f"  {name}, {preset}, seed {key}: {_solved[asked].verdict} in {seconds:.1f} s", file=sys.stderr, flush=True)
    return _solved[asked]


def within(group: str, what: str, value: float, target: float, band: float, unit: str = "") -> list:
    """A row: a value inside target ± band."""
    met = "met" if abs(value - target) <= band else "missed"
    return [group, what, f"{target:g} ± {band:g}{unit}", f"{value:.6g}{unit}", met]


def at_most(group: str, what: str, value: float, limit: float, unit: str = "") -> list:
    """A row: a value no larger than a limit."""
    return [group, what, f"≤ {limit:g}{unit}", f"{value:.3g}{unit}", "met" if value <= limit else "missed"]


def dhjj(preset: str = "standard", key: int = 0) -> w.Solution:
    """Den Haan, Judd and Juillard's economy."""
    return solved("dhjj2010", KrusellSmith.dhjj2010(), preset, key)


def laws(_) -> list:
    """The law of motion at K = 39, and the long-run mean of K."""
    belief, rows = dhjj().loop.learners["household"].belief, []
    for z, (name, constant, slope) in enumerate((("bad", 0.124774, 0.965306), ("good", 0.137599, 0.963280))):
        x = jnp.log(39.0)[None]
        ours = float(belief.step(jnp.asarray(z), x, jnp.asarray(z))[0])
        rows.append(at_most("law", f"log K' at K = 39, {name} state, gap", abs(ours - constant - slope * np.log(39.0)), 2e-4))
    K = w.simulate(dhjj(), periods=200_000, key=1).household_K.values
    rows.append(within("law", "mean K over 200000 dates", K.mean(), 39.436, 0.05))
    return rows


def den_haan(given) -> list:
    """Dynamic forecast errors over seeds: solution and fresh shocks both change."""
    rows, listed = [], []
    for preset, share in (("standard", 1.0), ("precise", 0.5)):
        found = [dhjj(preset, seed).accuracy() for seed in range(given.seeds)]
        for which, limit, reference in (("mean", 0.08, 0.074), ("max", 0.30, 0.271)):
            values = [f[f"den_haan_{which}_percent"] for f in found]
            listed += [[preset, seed, which, f"{v:.4f}"] for seed, v in enumerate(values)]
            what = f"den Haan {which}, {preset}, {len(values)} seeds"
            note = f" (reference {reference})" if preset == "standard" else ""
            rows.append(at_most("den Haan", f"{what}, median{note}", float(np.median(values)), share * limit, " %"))
            rows.append(at_most("den Haan", f"{what}, worst", max(values), share * limit, " %"))
    about = "dynamic forecast error of the law, dhjj2010, 10000 fresh dates, per cent"
    common.write("den_haan.csv", ["preset", "seed", "figure", "percent"], listed, about=about)
    return rows


def euler(_) -> list:
    """Euler errors and identities of the certificate."""
    found, rows = dhjj().accuracy(), []
    for figure, limit in (("euler_log10_mean", -4.8), ("euler_log10_p99", -3.5)):
        rows.append(at_most("certificate", f"dhjj2010 standard, {figure}", found[figure], limit))
    for figure, limit in (("accounts_max", 1e-10), ("mass_error_max", 1e-12), ("clearing_max", 1e-10)):
        rows.append(at_most("certificate", f"dhjj2010 standard, {figure}", found[figure], limit))
    return rows


def srl(_) -> list:
    """Yang, Wang, Schaab and Moll's calibration: moments, and two grids on common shocks."""
    K = {}
    for preset in ("standard", "precise"):
        solution = solved("srl2025", KrusellSmith.srl2025(), preset)
        K[preset] = w.simulate(solution, periods=100_000, key=1).household_K.values
    standard, precise = K["standard"], K["precise"]
    same = 100 * abs(precise.mean() / standard.mean() - 1)
    return [
        within("srl2025", "mean K over 100000 dates", standard.mean(), 5.198, 0.03),
        within("srl2025", "s.d. of K", standard.std(), 0.713, 0.02),
        at_most("srl2025", "mean K, standard against precise, common shocks", same, 0.1, " %"),
    ]


def stationary(_) -> list:
    """Economies without aggregate risk."""
    tutorial = Huggett.tutorial()
    more = w.with_parameters(tutorial, {"supply": 8.0, "household.b_birth": 8.0})
    rows = []
    for name, economy, target in (("B = 5.6", tutorial, 0.5633), ("B = 8", more, 0.8920)):
        moments = solved(f"huggett tutorial, {name}", economy).moments()
        rows.append(
            within("stationary", f"Huggett tutorial, {name}, r", 100 * moments["interest_rate_mean"], target, 0.001, " %")
        )
    moments = solved("aiyagari", Aiyagari.benchmark()).moments()
    rows.append(within("stationary", "Aiyagari, r", 100 * moments["interest_rate_mean"], 4.0967, 0.001, " %"))
    rows.append(within("stationary", "Aiyagari, K", moments["capital_mean"], 5.496, 0.003))
    rows.append(within("stationary", "Aiyagari, Gini of wealth", moments["wealth_gini"], 0.4164, 0.001))
    return rows


def small_shock(given) -> list:
    """Impulse response with a tenth of the shock against sequence-jacobian (`ssj_response.py`), by `StructuralRL` a twentieth."""
    lines = (common.RESULTS / "ssj_response.csv").read_text().splitlines()
    table = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    economy = dataclasses.replace(KrusellSmith.srl2025(), exogenous=LogAR1(0.9, 0.003, 1.0))
    ours = response(solved("srl2025, small shocks", economy), given.paths)
    theirs_of = {name: np.array([float(line[name]) for line in table]) for name in ours}
    rows, curves = _response_rows(ours, theirs_of, 1.0), [[h] for h in range(HORIZON)]
    for name, (mean, _) in ours.items():
        theirs = theirs_of[name]
        curves = [[*line, f"{x:.6e}", f"{y:.6e}"] for line, x, y in zip(curves, mean, theirs, strict=True)]
    columns = ["horizon", *(f"{name}_{who}" for name in ours for who in ("walras", "ssj"))]
    about = "response to a productivity shock of .003: simulated with the global solution, and linearised"
    common.write("impulse_response.csv", columns, curves, about=about)
    half = {name: theirs / 2 for name, theirs in theirs_of.items()}
    economy = dataclasses.replace(KrusellSmith.srl2025(), exogenous=LogAR1(0.9, 0.0015, 1.0))
    learners = {"household": w.learners.StructuralRL()}
    for key in range(3):  # sampling noise stays in what is learned: three seeds
        learned = solved("srl2025 by StructuralRL, a twentieth of the shocks", economy, key=key, learners=learners)
        rows += _response_rows(response(learned, given.paths), half, 2.0, f"StructuralRL, seed {key}, ")
    return rows


def _response_rows(ours: dict, theirs: dict, limit: float, who: str = "") -> list:
    """Largest gaps of mean responses to those of the linear economy, in per cent of the peak."""
    rows = []
    for name, (mean, error) in ours.items():
        peak = np.abs(theirs[name]).max()
        gap, noise = 100 * np.abs(mean - theirs[name]).max() / peak, 100 * error.max() / peak
        what = f"{who}{name}, largest gap of the response to horizon {HORIZON - 1} (noise {noise:.2f})"
        rows.append(at_most("impulse response", what, gap, limit, " % of peak"))
    return rows


def response(solution: w.Solution, paths: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean response and standard error by name, as any user gets them."""
    found = w.impulse_response(solution, horizon=HORIZON, paths=paths)
    names = {"K": "household_K", "Y": "price_Y", "C": "household_C", "r": "price_r", "w": "price_w"}
    return {name: (found[long].values, found[f"{long}_error"].values) for name, long in names.items()}


def structural(_) -> list:
    """Structural reinforcement learning against `EulerIteration` at `precise`, on common shocks."""
    economies = {
        "krusell-smith srl2025": KrusellSmith.srl2025(),
        "huggett-risk srl2025_rate": HuggettRisk.srl2025_rate(),
        "huggett-risk srl2025": HuggettRisk.srl2025(),
    }
    rows = []
    for name, economy in economies.items():
        found = {}
        for learner, preset in ((w.learners.EulerIteration(), "precise"), (w.learners.EulerIteration(), "standard"),
                                (w.learners.StructuralRL(), "standard")):  # fmt: skip
            kind = f"{type(learner).__name__}, {preset}"
            if preset != "precise":
                w.solve(economy, {"household": learner}, preset=preset)  # so that the second time is without compiling
            found[kind] = w.solve(economy, {"household": learner}, preset=preset)
            print(f"  {name}, {kind}: {found[kind].verdict}", file=sys.stderr, flush=True)
        gaps = in_matrix(name, found, "household_K" if "krusell" in name else "price_r")
        rows += _structural_rows(name, found["StructuralRL, standard"], gaps["StructuralRL, standard"])
        if "huggett" in name:
            standard = found["EulerIteration, standard"]
            euler_mean = standard.certificate.figure("euler_log10_mean")
            rows.append(at_most("structural", f"{name}, EulerIteration, seconds", standard.seconds["run"], 6.0, " s"))
            rows.append(at_most("structural", f"{name}, EulerIteration, Euler log10 mean", euler_mean, -4.5))
    return rows


def in_matrix(name: str, found: dict[str, w.Solution], series: str) -> dict[str, tuple[float, float, float, float]]:
    """Write solutions of one economy into the table of learners by economy; the first one is what all are compared with.

    Returns the gaps of each: of the household's rule, mean and at 99 % [%], of a series of the path, absolute and in per cent of its mean.
    """
    matrix, gaps = [row for row in common.read("learners.csv") if row[0] != name], {}
    for kind, solution in found.items():
        gap, figure = w.compare(next(iter(found.values())), solution), solution.certificate.figure
        (mean, top), (level, _, absolute, share) = gap.rules["household"], gap.paths[series]
        gaps[kind] = (mean, top, absolute, 100 * absolute / abs(level))
        row = [name, kind, solution.verdict, f"{solution.seconds['run']:.1f}", f"{figure('euler_log10_mean'):.2f}"]
        matrix.append([*row, f"{mean:.3f}", f"{top:.3f}", series, f"{absolute:.2e}", f"{100 * share:.2f}"])
    columns = ["economy", "learner", "verdict", "run_s", "euler_log10_mean", "rule_gap_mean_percent", "rule_gap_99_percent",
               "series", "path_gap", "path_gap_percent_of_sd"]  # fmt: skip
    about = (
        "learner by economy against the first one, 2000 dates of common shocks; run_s: without compiling, with the certificate"
    )
    common.write("learners.csv", columns, matrix, about=about)
    return gaps


def seeds(given) -> list:
    """Spread of structural reinforcement learning over seeds, against `EulerIteration` on common shocks.

    A solution that is certified misses no target by more than three times. Economies that are not asked for keep their rows.
    """
    alone = lambda economy, key: w.solve(economy, {"household": w.learners.StructuralRL()}, key=key)  # noqa: E731
    tasks = {  # economy, how it is learned, preset of the reference, targets
        "krusell-smith srl2025": (KrusellSmith.srl2025(), alone, "precise", {"c": 0.2, "c 99 %": 1.0, "K": 0.3}),
        "huggett-risk srl2025_rate": (HuggettRisk.srl2025_rate(), alone, "precise", {"r": 4e-4}),
        "huggett-risk srl2025": (HuggettRisk.srl2025(), alone, "precise", {"r": 4e-4}),
        "hank srl2025": (Hank.srl2025(), hank.learned, hank.LEARNED, {"Pi": 3.0, "R": 3.0, "w": 3.0, "Y": 3.0, "i": 3.0}),
    }
    columns = ["economy", "seed", "verdict", "figure", "gap"]
    rows, table = [], [row for row in common.read("seeds.csv") if given.economies and row[0] not in given.economies]
    for name, (economy, learned, preset, targets) in tasks.items():
        if not given.economies or name in given.economies:
            reference = solved(f"{name}, reference", economy, preset)
            for seed in range(given.seeds):
                solution = learned(economy, key=seed)
                found = _misses(reference, solution, targets)
                table += [[name, seed, solution.verdict, k, f"{v:.3g}"] for k, v in found.items()]
                print(f"  {name}, seed {seed}: {solution.verdict} {found}", file=sys.stderr, flush=True)
        mine = [row for row in table if row[0] == name]
        for what, limit in targets.items():
            values = [float(row[4]) for row in mine if row[3] == what]
            rows.append(at_most("seeds", f"{name}, {what}, median of {len(values)} seeds", float(np.median(values)), limit))
            rows.append(at_most("seeds", f"{name}, {what}, worst", max(values), limit))
        certified = {row[1] for row in mine if row[2] == "certified"}
        liars = {row[1] for row in mine if row[1] in certified and float(row[4]) > 3 * targets[row[3]]}
        rows.append(at_most("seeds", f"{name}, certified ({len(certified)}) that miss by 3 times", len(liars), 0))
    about = "StructuralRL at standard by seed; gaps on 2000 dates of common shocks: c and K %, r absolute, hank % of the s.d."
    common.write("seeds.csv", columns, table, about=about)
    return rows


def _misses(reference: w.Solution, solution: w.Solution, targets: dict) -> dict[str, float]:
    """The figures of a comparison that have a target."""
    gap = w.compare(reference, solution)
    if "Pi" in targets:
        return {what: value for what, value in hank.apart(reference, solution, gap).items() if what in targets}
    rule = gap.rules["household"]
    named = {"c": lambda: rule[0], "c 99 %": lambda: rule[1], "r": lambda: gap.paths["price_r"][2]}
    named["K"] = lambda: 100 * gap.paths["household_K"][2] / gap.paths["household_K"][0]
    return {what: float(named[what]()) for what in targets}


def partial(_) -> list:
    """Saving at a rate that moves by itself: c by structural reinforcement learning against fine endogenous grids, b ≤ 20."""
    economy, learner = HuggettPartial.srl2025(), {"household": w.learners.StructuralRL()}
    fine = w.solve(economy, {"household": w.learners.EulerIteration(nodes=1500)}, preset="precise")
    exact, rows = consumption(fine), []
    w.solve(economy, learner)  # so that the other times are without compiling
    found = {seed: w.solve(economy, learner, key=seed) for seed in range(3)}
    kinds = {
        "EulerIteration, 1500 nodes": fine,
        "EulerIteration, standard": w.solve(economy),
        "StructuralRL, standard": found[0],
    }
    in_matrix("huggett-partial srl2025", kinds, "household_C")
    for seed, solution in found.items():
        gap, seconds = np.abs(consumption(solution) - exact), solution.seconds["run"]
        rows.append(at_most("partial", f"huggett-partial, seed {seed}, c at b ≤ 20, largest gap", float(gap.max()), 5e-3))
        rows.append(at_most("partial", f"huggett-partial, seed {seed}, c at b ≤ 20, mean gap", float(gap.mean()), 5e-4))
        rows.append(at_most("partial", f"huggett-partial, seed {seed}, seconds", seconds, 10.0, " s"))
    return rows


def consumption(solution: w.Solution) -> np.ndarray:
    """Of Huggett's household at every rate, income and 400 even points of b in [−1, 20]."""
    economy, rule = solution.lab.economy, solution.rules["household"]

    def at(state, e, b):
        rate = economy.exogenous.value(state)
        view = BondView(1.0 + rate, jnp.ones(()), jnp.ones(()), state)
        return rule(BondOwn(b, e=e), view, view.info()).c

    over = jax.vmap(jax.vmap(jax.vmap(at, (None, None, 0)), (None, 0, None)), (0, None, None))
    states = jnp.arange(economy.exogenous.n), jnp.arange(economy.household.risk.n)
    return np.asarray(jax.jit(over)(*states, jnp.linspace(-1.0, 20.0, 400)))


def one_asset_hank(given) -> list:
    """Yang, Wang, Schaab and Moll's HANK: rest, moments, the Phillips curve, small shocks against the linear economy."""
    rest = hank.series(w.simulate(solved("hank, steady", Hank.steady()), periods=3))
    rows = [
        within("hank", f"at rest, {name}", float(rest[name][-1]), value, 1e-4)
        for name, value in (("r", 0.02352), ("Pi", -0.00288), ("w", 0.89934), ("Y", 0.99637))
    ]
    solution = solved("hank", Hank.srl2025())
    found = hank.series(w.simulate(solution, periods=20_000, key=1))
    # The reference has 5000 dates: bands of means are two standard errors of the difference of two such
    # samples, those of s.d. three.
    for name, mean, band, sd in (
        ("r", 0.0237, 7e-4, 0.0076),
        ("w", 0.8975, 0.0075, 0.0472),
        ("Pi", -0.0028, 0.0013, 0.0098),
        ("Y", 0.9963, 0.009, 0.0597),
    ):
        rows.append(within("hank", f"{name}, mean over 20000 dates", found[name].mean(), mean, band))
        rows.append(within("hank", f"{name}, s.d.", found[name].std(), sd, 0.1 * sd))
    for name, target in (("r", 0.0076), ("w", 0.0472), ("Pi", 0.0098)):  # what z happened to be cancels
        ratio = found[name].std() / found["Y"].std()
        rows.append(within("hank", f"s.d. of {name} / s.d. of Y", ratio, target / 0.0597, 0.05 * target / 0.0597))
    goods = np.abs(found["Y"] * (1 - 50 * found["Pi"] ** 2) - found["C"]).max()
    rows.append(at_most("hank", "goods market, not imposed, largest gap", float(goods), 1e-8))
    residual = hank.phillips(solution, 60)
    rows.append(at_most("hank", "Phillips curve with true next prices, mean residual", float(residual.mean()), 2e-5))
    rows.append(at_most("hank", "Phillips curve with true next prices, largest of 60 dates", float(residual.max()), 1e-4))
    small = solved("hank, a twentieth of the shocks", Hank.srl2025(shocks=hank.SHOCKS))
    for (shock, name), gap in hank.gaps(small, min(given.paths, 16)).items():
        rows.append(at_most("hank", f"response of {name} to a small {shock}, gap to the linear one", gap, 1.0, " % of peak"))
    return rows


def hank_learned(given) -> list:
    """The same economy by structural reinforcement learning, against `EulerIteration` on the same nodes; small shocks."""
    euler, learned = solved("hank, fewer nodes", Hank.srl2025(), hank.LEARNED), hank.learned(Hank.srl2025())
    rows = []
    for name, share in hank.apart(euler, learned, w.compare(euler, learned)).items():
        rows.append(at_most("hank learned", f"{name} on common shocks, mean gap", share, 3.0, " % of s.d."))
    kinds = {f"EulerIteration, {NODES} nodes": euler, "StructuralRL": learned}
    in_matrix("hank srl2025", kinds, "firm_Pi")
    residual = hank.phillips(learned, 60)
    rows.append(at_most("hank learned", "Phillips curve with true next prices, mean residual", float(residual.mean()), 1e-4))
    rows.append(at_most("hank learned", "seconds", learned.seconds["run"], 60.0, " s"))
    small = hank.learned(Hank.srl2025(shocks=hank.SHOCKS), (0.001, 0.0004))
    for (shock, name), part in hank.gaps(small, min(given.paths, 16)).items():
        rows.append(
            at_most("hank learned", f"response of {name} to a small {shock}, gap to the linear one", part, 2.0, " % of peak")
        )
    return rows


def _structural_rows(name: str, solution: w.Solution, gaps: tuple[float, float, float, float]) -> list:
    """Targets of structural reinforcement learning in one economy."""
    mean, top, absolute, percent = gaps
    if "krusell" in name:
        return [
            at_most("structural", f"{name}, c on the ergodic set, mean gap", mean, 0.2, " %"),
            at_most("structural", f"{name}, c on the ergodic set, gap at 99 %", top, 1.0, " %"),
            at_most("structural", f"{name}, path of K, mean gap", percent, 0.3, " %"),
            at_most("structural", f"{name}, seconds", solution.seconds["run"], 10.0, " s"),
        ]
    history = w.simulate(solution, periods=10_000, key=1)
    z, r = np.log(history.exogenous_value.values), history.price_r.values
    endowment = history.exogenous_value.values * history.household_Y.values
    leak = float(np.abs(history.household_C.values / endowment - 1).max())
    return [
        at_most("structural", f"{name}, r on common shocks, mean gap", absolute, 4e-4),
        # A second, linear solver gives -.1967 where the return is known when buying; the target is the paper's timing.
        within(
            "structural",
            f"{name}, slope of r on log z",
            float(np.polyfit(z, r, 1)[0]),
            -0.23 if "rate" in name else -0.197,
            0.02,
        ),
        at_most("structural", f"{name}, C = z E[y], largest gap", leak, 1e-8),
        at_most("structural", f"{name}, seconds", solution.seconds["run"], 15.0, " s"),
    ]


GROUPS = {
    "laws": laws,
    "euler": euler,
    "stationary": stationary,
    "srl": srl,
    "impulse": small_shock,
    "denhaan": den_haan,
    "structural": structural,
    "partial": partial,
    "hank": one_asset_hank,
    "seeds": seeds,
    "hank learned": hank_learned,
}


def kept(asked: list[str]) -> dict[str, list]:
    """Rows of the groups that are not run now, from the last table."""
    rows: dict[str, list] = {}
    for row in common.read("replicate.csv"):
        if row[0] not in asked:
            rows.setdefault(row[0], []).append(row)
    return rows


def main() -> None:
    """Run the groups, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(GROUPS), help="groups: " + ", ".join(GROUPS))
    parser.add_argument("--seeds", type=int, default=10, help="seeds of `denhaan` and `seeds`")
    parser.add_argument("--economies", default="", help="of `seeds`: these alone, by commas; the others keep their rows")
    parser.add_argument("--paths", type=int, default=512, help="branched futures of the impulse response")
    given = parser.parse_args()
    given.economies = [name for name in given.economies.split(",") if name]
    asked = given.only.split(",")
    table = kept(asked)
    for name in asked:
        print(f"{name} …", file=sys.stderr, flush=True)
        table[name] = [[name, *row[1:]] for row in GROUPS[name](given)]
    rows = [row for name in GROUPS for row in table.get(name, [])]
    common.show(COLUMNS, rows)
    missed = [row for row in rows if row[-1] != "met"]
    print(f"\n{len(rows) - len(missed)} of {len(rows)} targets met.")
    common.write("replicate.csv", COLUMNS, rows, about="targets, what was measured, whether it is met; presets as named")


if __name__ == "__main__":
    main()
