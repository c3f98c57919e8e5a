"""`design_rule`: what it is worth to let taxes answer the state of the economy, over the best constant policy.

The rule is announced, believed and kept. Constant and rule begin at the same date of the same economy, are judged by
households solved again for each, on the same shocks, and are compared once more from scratch with a finer preset, another seed
and shocks that no search met.
"""

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from walras._core.errors import InputError
from walras._core.keys import root_key, stream
from walras._core.module import number_of
from walras.economy import period as periods
from walras.economy.agent import Institution
from walras.economy.economy import Economy
from walras.govern import cycle
from walras.govern.design import FINER, criterion_named, over_named, searched, searcher_named
from walras.govern.judges import Begun, OverTheCycle
from walras.govern.plan import Advantage, corners_of
from walras.govern.searchers.searcher import Found, Searcher, Watch
from walras.govern.study import Evaluation, Study
from walras.govern.welfare import Appraisal, Criterion, Gain, appraise, gain
from walras.impulse import impulse_response
from walras.moments import gini
from walras.simulate import simulate
from walras.solution import Solution
from walras.solve import solve

DATES = 10_000
"""Dates of the simulation that says how cyclical a policy is."""


@dataclasses.dataclass(frozen=True)
class Cyclicality:
    """How an instrument moves in the long run: mean, s.d., correlation with log productivity, slope of its regression on it, and
    its response (horizon,) to a shock of one s.d. of the innovation."""

    mean: float
    sd: float
    correlation: float
    slope: float
    response: np.ndarray


@dataclasses.dataclass(frozen=True)
class RuleDesign:
    """What `design_rule` found.

    `constant` and `rule`: values by name; `corners`: numbers of the rule at an end of their interval; `gain` of the rule over the
    constant with its 95 % interval over independent sets of shocks, in consumption for ever, `gains` by set, `parts` of the mean
    gain; `believed`: the gain on the shocks of the search; `verdicts` of the long-run certificates of constant and rule;
    `cyclicality` by instrument; `surface`: every equilibrium looked at for the rule; `solution` of the rule.
    """

    economy: str
    constant: dict[str, float]
    rule: dict[str, float]
    corners: dict[str, str]
    welfare: str
    searcher: str
    preset: str
    gain: Advantage
    gains: np.ndarray
    parts: Gain
    believed: float
    verdicts: tuple[str, str]
    cyclicality: dict[str, Cyclicality]
    surface: tuple[Evaluation, ...]
    solution: Solution


def design_rule(
    economy: Economy,
    levels: Any,
    answers: Any,
    *,
    welfare: str | Criterion = "utilitarian",
    searcher: str | Searcher = "cma-es",
    preset: str = "fast",
    key: int = 0,
    sets: int = 16,
) -> RuleDesign:
    """The best rule by which instruments answer the state, and its gain over the best constant policy.

    Args:
        economy: one with aggregate risk; policies are announced at a date near its long-run means.
        levels: parameters of a constant policy with their intervals, "government.labour.level=0.2:0.6".
        answers: parameters that are zero in a constant policy, "government.labour.by_z=-3:3,government.labour.by_H=-2:2".
        welfare: as in `design`.
        searcher: for the rule; the constant is found by `pathwise`.
        preset: with which equilibria are solved in the search; both are solved again with a finer one.
        key: seed.
        sets: independent sets of shocks of the comparison.

    Raises:
        UnknownName, InputError: for what cannot be used; nothing has been solved then.
        SolveError: where there is no equilibrium.
    """
    criterion = criterion_named(welfare) if isinstance(welfare, str) else welfare
    study, wider = studies(economy, levels, answers, criterion, (preset, key))
    chosen = searcher_named(searcher, wider.box.size) if isinstance(searcher, str) else searcher
    constant = best_constant(study)
    found = best_rule(study, wider, constant, chosen)
    return verified(study, wider, (constant.x, found.x), chosen.name, sets)


def studies(economy: Economy, levels, answers, criterion: Criterion, sizes: tuple[str, int]) -> tuple[Study, Study]:
    """The study of constants and that of rules, judged alike.

    Raises:
        InputError: for an answer that is not zero in the economy as it is, or whose interval leaves zero out.
    """
    fixed, free = over_named(levels), over_named(answers)
    study = Study(economy, fixed, criterion, sizes, along=OverTheCycle)
    wider = Study(economy, {**fixed, **free}, criterion, sizes, along=lambda *_: study.judge)
    box = wider.box
    for name, low, high in list(zip(box.names, box.low, box.high, strict=True))[study.box.size :]:
        now = number_of(economy, name)
        if now != 0:
            raise InputError("an answer must be zero in the economy as it is, so that its policy is a constant one", where=name,
                             number=f"{now:g}", remedy="Set it to zero, or name it among the levels.")  # fmt: skip
        if not low <= 0 <= high:
            raise InputError("the interval of an answer leaves out zero, the constant policy", where=name,
                             number=f"[{low:g}, {high:g}]", remedy="Let it begin or end at zero.")  # fmt: skip
    return study, wider


def best_constant(study: Study) -> Found:
    """The best constant policy."""
    start = study.box.unit(np.asarray([number_of(study.economy, name) for name in study.box.names]))
    chosen = searcher_named("pathwise:5", study.box.size)
    return searched(study, chosen, stream(root_key(study.key), "constant"), np.clip(start, 0.0, 1.0), None)


def best_rule(study: Study, wider: Study, constant: Found, searcher: Searcher, watch: Watch | None = None) -> Found:
    """The best rule, sought from the best constant on."""
    begin = np.zeros(wider.box.size)
    begin[: study.box.size] = study.box.point(constant.x)
    return searched(wider, searcher, stream(root_key(study.key), "rule"), wider.box.unit(begin), watch)


def verified(study: Study, wider: Study, chosen: tuple[np.ndarray, np.ndarray], by: str, sets: int) -> RuleDesign:
    """Constant and rule (points of their boxes) solved from scratch and compared on `sets` sets of fresh shocks."""
    finer, key = FINER.get(study.preset, study.preset), study.key + 1
    points = [box.point(x) for box, x in zip((study.box, wider.box), chosen, strict=True)]
    economies = [study.at(points[0]), wider.at(points[1])]
    begun = Begun(solve(study.economy, preset=finer, key=key), key)
    worths = [compared(begun, e, study.criterion, sets) for e in economies]
    one, other = (np.asarray([a.equal_worth for a in worth]) for worth in worths)
    gains = other / one - 1
    solutions = [solve(e, preset=finer, key=key) for e in economies]
    values = [
        dict(zip(b.names, (float(v) for v in p), strict=True)) for b, p in zip((study.box, wider.box), points, strict=True)
    ]
    return RuleDesign(
        economy=type(study.economy).__name__,
        constant=values[0],
        rule=values[1],
        corners=corners_of(wider.box.names, chosen[1]),
        welfare=study.criterion.name,
        searcher=by,
        preset=finer,
        gain=interval(gains),
        gains=gains,
        parts=gain(_mean(worths[1]), _mean(worths[0])),
        believed=wider.worth(points[1]) / study.worth(points[0]) - 1,
        verdicts=(solutions[0].verdict, solutions[1].verdict),
        cyclicality=cyclicality(solutions[1], key),
        surface=tuple(wider.ledger.values()),
        solution=solutions[1],
    )


def compared(begun: Begun, economy: Economy, criterion: Criterion, sets: int) -> list[Appraisal]:
    """A policy on each set of shocks; gated on Euler errors."""
    begun.solved(economy)
    found = []
    for number in range(1, sets + 1):
        lives = begun.on(OverTheCycle.paths, number)
        cycle.check_euler(lives, begun.lab.preset.name, economy)
        society = cycle.society_of_lives(begun.opening, lives)
        found.append(appraise(criterion, society.people, society.consumption, society.utility_of))
    return found


def interval(gains: np.ndarray) -> Advantage:
    """Mean of gains by independent sets and its 95 % interval."""
    import scipy.stats  # slow to import

    half = scipy.stats.t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains))
    return Advantage(float(gains.mean()), float(gains.mean() - half), float(gains.mean() + half))


def _mean(found: list[Appraisal]) -> Appraisal:
    return Appraisal(*(float(np.mean([getattr(a, f.name) for a in found])) for f in dataclasses.fields(Appraisal)))


def cyclicality(solution: Solution, key: int, horizon: int = 20) -> dict[str, Cyclicality]:
    """How what institutions do moves in the long run, where it does."""
    path = simulate(solution, periods=DATES, key=key)
    moved = impulse_response(solution, horizon=horizon, key=key)
    z, found = np.log(path["exogenous_value"].values), {}
    for name in [n for n, a in periods.agents(solution.economy).items() if isinstance(a, Institution)]:
        for series in [str(s) for s in path.data_vars if str(s).startswith(f"{name}_")]:
            x = path[series].values
            if x.std() > 1e-12:
                slope = float(np.cov(x, z)[0, 1] / z.var(ddof=1))
                correlation = float(np.corrcoef(x, z)[0, 1])
                found[series] = Cyclicality(float(x.mean()), float(x.std()), correlation, slope, moved[series].values)
    return found


@dataclasses.dataclass(frozen=True)
class Corner:
    """A point of the frontier between inequality and efficiency: who chose it, what was chosen, mean consumption [goods], Gini
    coefficient of worth, mean worth [goods]."""

    welfare: str
    values: dict[str, float]
    consumption: float
    gini: float
    mean_worth: float


def frontier(study: Study, criteria: Sequence[Criterion], searcher: str | Searcher) -> list[Corner]:
    """The best policies by different criteria, all from the same opening and on the same shocks; what was solved for one
    criterion is known to the next."""
    if not isinstance(study.judge, OverTheCycle):
        raise InputError(
            "a frontier is drawn along shocks", where=study.judge.name, remedy="Make the study with along=OverTheCycle."
        )
    study.judge.begin()
    found = []
    for criterion in criteria:
        judge = copy.copy(study.judge)
        judge.criterion = criterion
        over = {n: (a, b) for n, a, b in zip(study.box.names, study.box.low, study.box.high, strict=True)}
        here = Study(study.economy, over, criterion, (study.preset, study.key), along=lambda *_, judge=judge: judge)
        chosen = searcher_named(searcher, here.box.size) if isinstance(searcher, str) else searcher
        x = searched(here, chosen, stream(root_key(study.key), "frontier"), np.full(here.box.size, 0.5), None).x
        point = here.box.point(x)
        appraisal = judge.appraisal(here.at(point))
        people = judge.societies[judge.known(here.at(point))].people
        values = dict(zip(here.box.names, (float(v) for v in point), strict=True))
        worth = gini(np.asarray(people.worth), np.asarray(people.weight))
        found.append(Corner(named(criterion), values, appraisal.consumption, worth, appraisal.mean_worth))
    return found


def named(criterion: Criterion) -> str:
    """A criterion with its number."""
    aversion = getattr(criterion, "aversion", None)
    return criterion.name if aversion is None else f"{criterion.name}:{aversion:g}"
