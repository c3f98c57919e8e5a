"""Random calibrations of small economies, a third of them without an equilibrium on purpose, and who judges them.

`draw` gives a case from a seed; `judged` solves it with the package and looks at the answer with the second solver
(`tests/truth/saving.py`), or the closed form: how far a certified answer is from the truth.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

import walras as w
from tests.truth.saving import Saver, solve
from walras._core.errors import InputError
from walras.economy.process import Chain, LogAR1, NoRisk, log_chain

STATES = 3
FAMILIES = ("aiyagari", "huggett", "consumption-saving", "brock-mirman")


@dataclasses.dataclass(frozen=True)
class Case:
    """A calibration: how to build the economy, and why there is no equilibrium ("" where there is one)."""

    family: str
    make: Callable[[], object]
    why_not: str
    about: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came out: verdict (`refused` where an InputError was raised), reasons, distance from the truth (NaN: not asked),
    what the distance is of."""

    case: Case
    verdict: str
    reasons: tuple[str, ...]
    distance: float
    allowed: float

    @property
    def false(self) -> bool:
        """A certificate where there is no equilibrium, or for what is not one."""
        return self.verdict == "certified" and (bool(self.case.why_not) or not self.distance <= self.allowed)


def draw(seed: int, family: str | None = None, infeasible: bool | None = None) -> Case:
    """The case of a seed: family by turns, every third without an equilibrium, unless they are given."""
    rng = np.random.default_rng([20261127, seed])
    none = seed % 3 == 2 if infeasible is None else infeasible
    # Most of what Brock and Mirman's economy cannot do is refused at the door: the others try harder.
    family = family or str(rng.choice(FAMILIES, p=(0.25, 0.35, 0.35, 0.05) if none else (0.3, 0.3, 0.25, 0.15)))
    return {"aiyagari": _aiyagari, "huggett": _huggett, "consumption-saving": _saving, "brock-mirman": _brock_mirman}[family](
        rng, none
    )


def _income(rng) -> tuple[Chain, dict]:
    persistence, sd = rng.uniform(0.0, 0.93), rng.uniform(0.08, 0.5)
    return log_chain(STATES, persistence, sd, normalise=True), {"persistence": persistence, "sd": sd}


def _aiyagari(rng, none: bool) -> Case:
    chain, about = _income(rng)
    about |= {
        "beta": rng.uniform(0.88, 0.98),
        "gamma": float(np.exp(rng.uniform(np.log(0.7), np.log(5.0)))),
        "alpha": rng.uniform(0.22, 0.45),
        "delta": rng.uniform(0.02, 0.15),
        "k_min": float(rng.choice([0.0, 0.0, -0.2, -1.0, -4.0])),
    }
    why = ""
    if none:
        kind = rng.choice(4, p=(0.5, 0.1, 0.3, 0.1))
        if kind == 0:
            about["k_min"], why = -rng.uniform(40.0, 400.0), "the limit is beyond the natural one"
        elif kind == 1:
            about["beta"], why = rng.choice([1.0, 1.0005, 1.02]), "β ≥ 1"
        elif kind == 2:
            values = np.asarray(chain.values).copy()
            values[0], why = -rng.uniform(0.0, 0.5), "the poorest earn nothing and have no claim on anything"
            chain, about["k_min"] = Chain(values, np.asarray(chain.transition)), 0.0
        else:
            about["alpha"], why = rng.choice([1.0, 1.2]), "the marginal product of capital does not fall"

    def make():
        household = w.economies.aiyagari.Household(about["beta"], about["gamma"], 0.0, about["k_min"], 5.5, 1.0, chain)
        return w.economies.Aiyagari(household, NoRisk(), about["alpha"], about["delta"], 1.0)

    return Case("aiyagari", make, why, about)


def _huggett(rng, none: bool) -> Case:
    chain, about = _income(rng)
    beta = rng.uniform(0.9, 0.99)
    floor = float(rng.choice([0.0, -0.5, -1.0]))
    about |= {"beta": beta, "gamma": float(np.exp(rng.uniform(np.log(0.8), np.log(5.0)))), "b_min": floor}
    about |= {"supply": floor + rng.uniform(0.3, 4.0), "r_low": -0.2, "r_high": 1 / beta - 1, "known": float(rng.integers(2))}
    why = ""
    if none:
        kind = rng.integers(6)
        if kind == 0:
            about["supply"], why = (
                rng.uniform(300.0, 3000.0),
                "nobody would ever hold so much at a rate that leaves wealth bounded",
            )
            about["r_high"] = about["r_high"] - 1e-3
        elif kind == 1:
            about["supply"], why = floor - rng.uniform(0.05, 2.0), "everybody would have to owe more than they may"
        elif kind == 2:
            about["supply"], why = floor, "flat: any rate low enough leaves everybody at the limit"
        elif kind == 3:
            about |= {"r_low": 1 / beta - 1 + 1e-4, "r_high": 1 / beta + 0.5}
            why = "β(1 + r) ≥ 1 at every rate that may be tried"
        elif kind == 4:
            about |= {"b_min": -60.0, "supply": -30.0, "r_low": 0.02, "r_high": max(0.04, 1 / beta - 1)}
            why = "the limit is beyond the natural one at every rate that may be tried"
        else:
            about |= {"r_low": -0.6, "r_high": -0.5}
            about["supply"] = floor + rng.uniform(1.5, 4.0)
            why = "the rates that may be tried are too low: nobody holds so much"

    def make():
        household = w.economies.huggett.Household(
            beta, about["gamma"], about["b_min"], max(about["supply"], about["b_min"]) + 0.5, 1.0, chain
        )
        ends = (about["known"], about["r_low"], about["r_high"])
        return w.economies.Huggett(household, NoRisk(), about["supply"], *ends, 1.0)

    return Case("huggett", make, why, about)


def _saving(rng, none: bool) -> Case:
    chain, about = _income(rng)
    about |= {"beta": rng.uniform(0.85, 0.98), "gamma": float(np.exp(rng.uniform(np.log(0.7), np.log(5.0)))), "k_min": 0.0}
    about["R"] = rng.uniform(0.9, 0.995) / about["beta"]
    if rng.random() < 0.3 and about["R"] > 1:
        natural = float(np.asarray(chain.values).min()) / (about["R"] - 1)
        about["k_min"] = -min(rng.uniform(0.1, 0.8) * natural, 1.0)
    why = ""
    if none:
        kind = rng.choice(3, p=(0.75, 0.22, 0.03))
        if kind == 0:
            about["R"], why = (1 + rng.choice([0.0, 1e-6, 1e-4, 1e-3, 0.01, 0.05])) / about["beta"], "β R ≥ 1"
        elif kind == 1:
            about["R"] = max(about["R"], 1.005)
            natural = float(np.asarray(chain.values).min()) / (about["R"] - 1)
            about["k_min"], why = -natural * rng.uniform(1.0, 3.0), "the limit is beyond the natural one"
            if about["R"] * about["beta"] >= 1:
                why += ", and β R ≥ 1"
        else:
            about["beta"], about["R"], why = 1.0 - 1e-12, 1.0, "β R = 1 but for rounding"

    def make():
        household = w.economies.aiyagari.Household(about["beta"], about["gamma"], 0.0, about["k_min"], 1.0, 1.0, chain)
        return w.economies.ConsumptionSaving(household, NoRisk(), about["R"], 1.0)

    return Case("consumption-saving", make, why, about)


def _brock_mirman(rng, none: bool) -> Case:
    about = {"beta": rng.uniform(0.85, 0.99), "alpha": rng.uniform(0.15, 0.6), "persistence": rng.uniform(0.0, 0.95)}
    about["sd"] = rng.uniform(0.005, 0.05)
    why = ""
    if none:
        kind = rng.integers(3)
        if kind == 0:
            about["beta"], why = rng.choice([1.0, 1.001, 1.1]), "β ≥ 1"
        elif kind == 1:
            about["persistence"], why = rng.choice([1.0, 1.01, -1.0]), "productivity explodes"
        else:
            about["alpha"], why = rng.choice([1.0, 1.3]), "production does not level off"

    def make():
        from walras.economies.brock_mirman import BrockMirman, Household

        household = Household(about["beta"], 0.19, 1.0, NoRisk())
        return BrockMirman(household, LogAR1(about["persistence"], about["sd"], 1.0), about["alpha"], 1.0)

    return Case("brock-mirman", make, why, about)


def judged(case: Case, preset: str = "fast") -> Outcome:
    """Solve a case, and where it is certified look at the answer with the second solver."""
    try:
        solution = w.solve(case.make(), preset=preset, key=0)
    except InputError as error:
        return Outcome(case, "refused", (str(error),), math.nan, math.nan)
    distance, allowed = math.nan, math.nan
    if solution.verdict == "certified" and not case.why_not:
        distance, allowed = {
            "aiyagari": _far_aiyagari,
            "huggett": _far_huggett,
            "consumption-saving": _far_saving,
            "brock-mirman": _far_brock_mirman,
        }[case.family](solution, case.about)
    return Outcome(case, solution.verdict, solution.certificate.reasons, distance, allowed)


def _chain(solution) -> tuple[np.ndarray, np.ndarray]:
    risk = solution.economy.household.risk
    return np.asarray(risk.values), np.asarray(risk.transition)


def _far_aiyagari(solution, about) -> tuple[float, float]:
    """log distance of capital from where supply meets demand by the second solver: a Newton step from the package's."""
    y, P = _chain(solution)
    alpha, delta = about["alpha"], about["delta"]
    L = float(solution.evidence.dates["public"].stocks["household"]["L"][-1])
    K = float(solution.evidence.dates["public"].stocks["household"]["K"][-1])

    def gap(log_k):
        k = math.exp(log_k)
        r, wage = alpha * (k / L) ** (alpha - 1) - delta, (1 - alpha) * (k / L) ** alpha
        # Not in logs: near β(1 + r) = 1 a little more capital makes people owe on balance.
        return solve(Saver(about["beta"], about["gamma"], about["k_min"], 1 + r, 1.0, wage * y, P)).held / k - 1

    try:
        here, there = gap(math.log(K)), gap(math.log(K) + 2e-3)
    except (ArithmeticError, ValueError):
        return math.inf, 0.01
    return abs(here / ((there - here) / 2e-3)), 0.01


def _far_huggett(solution, about) -> tuple[float, float]:
    """Distance of the rate from where bonds held meet the supply by the second solver: a Newton step."""
    y, P = _chain(solution)
    r = float(solution.evidence.dates["public"].prices["r"][-1])

    def gap(r):
        R, q = (1.0, 1 / (1 + r)) if about["known"] else (1 + r, 1.0)
        return solve(Saver(about["beta"], about["gamma"], about["b_min"], R, q, y, P)).held - about["supply"]

    try:
        here, there = gap(r), gap(r - 1e-4)
    except ArithmeticError:
        return math.inf, 3e-4
    return abs(here / ((here - there) / 1e-4)), 3e-4


def _far_saving(solution, about) -> tuple[float, float]:
    """Relative distance of mean consumption and of consumption at the mean wealth from the second solver's."""
    y, P = _chain(solution)
    try:
        people = solve(Saver(about["beta"], about["gamma"], about["k_min"], about["R"], 1.0, y, P))
    except ArithmeticError:
        return math.inf, 0.005
    consumed = float(solution.evidence.dates["public"].flows["household"]["C"].mean())
    return abs(consumed / people.consumed - 1), 0.005


def _far_brock_mirman(solution, about) -> tuple[float, float]:
    """Largest relative distance of next capital from the closed form K' = αβ Y along the fresh simulation."""
    public = solution.evidence.dates["public"]
    K, Y = public.stocks["household"]["K"][1:], public.prices["Y"][:-1]
    return float(np.max(np.abs(K / (about["alpha"] * about["beta"] * Y) - 1))), 0.005
