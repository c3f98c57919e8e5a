"""`design`: the best parameters of an economy, by the welfare of the equilibria they make.

Welfare is that of the people of the present economy, from the day on which the policy is announced, along the transition
(`judges`); or that of resting states, where a policy that makes people rich in the long run by impoverishing them on the way
looks too good: see `docs/planner.md`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

from walras._core.errors import InputError, UnknownName
from walras._core.keys import root_key, stream
from walras._core.module import number_of
from walras.economy.economy import Economy
from walras.govern.equilibrium import check_still
from walras.govern.frozen import FrozenObjective
from walras.govern.judges import judge_named
from walras.govern.plan import corners_of
from walras.govern.regimes import Commitment, Discretion, NetworkCommitment, Regime
from walras.govern.searchers import CMAES, PPO, AnnealedES, Grid, Implicit, Pathwise
from walras.govern.searchers.pathwise import in_regions
from walras.govern.searchers.searcher import Found, Searcher, Watch
from walras.govern.study import EquilibriumObjective, Evaluation, Study
from walras.govern.welfare import Appraisal, Criterion, Gain, InequalityAverse, Rawlsian, Utilitarian, Weighted, gain
from walras.govern.winners import Group, schedules
from walras.solution import Solution
from walras.solve import solve

FINER = {"fast": "standard", "standard": "precise"}
"""The preset with which the optimum is solved again from scratch (the same one where there is none finer)."""

ANCHORED = 3
"""Most parameters of which `ppo` and `es` search a surface anchored at equilibria."""


@dataclasses.dataclass(frozen=True)
class Design:
    """What `design` found.

    `values` of the parameters chosen, `given` those of the economy as it was, `corners` those at an end of their interval; `regime`, `welfare`, `along`, `searcher` by name;
    `appraisal` and `solution` by a solve from scratch with `preset` finer than the search's, `gap` its distance to what the
    search believed (share of consumption; along shocks, in the gain); `status_quo` and `gain` from the economy as it was given, solved alike (None where it
    has no equilibrium); `people` who gains, group by group, and `path` the transition from the announcement on (empty, None where resting states
    are compared); `schedules` of taxes by path, as `given` and as `chosen`, where they do not tax all bases alike; `surface`: every
    equilibrium looked at; `trail` the path of the search; `note` what to know.
    """

    economy: str
    names: tuple[str, ...]
    values: dict[str, float]
    given: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    corners: dict[str, str]
    regime: str
    welfare: str
    along: str
    searcher: str
    preset: str
    appraisal: Appraisal
    gap: float
    status_quo: Appraisal | None
    gain: Gain | None
    people: tuple[Group, ...]
    path: xr.Dataset | None
    schedules: dict[str, dict[str, dict[str, list[float]]]]
    surface: tuple[Evaluation, ...]
    trail: np.ndarray
    settled: bool
    note: str
    solution: Solution


def criterion_named(text: str) -> Criterion:
    """`utilitarian`, `rawlsian`, `inequality-averse:ε` or `weighted:ω1,ω2,…`.

    Raises:
        UnknownName, InputError: for others.
    """
    kind, _, rest = text.partition(":")
    try:
        numbers = tuple(float(part) for part in rest.split(",") if part)
    except ValueError:
        raise InputError("expected numbers after the colon", where="welfare", number=f"'{text}'") from None
    known: dict[str, Callable[[], Criterion]] = {
        "utilitarian": Utilitarian,
        "rawlsian": Rawlsian,
        "inequality-averse": lambda: InequalityAverse(*numbers[:1]),
        "weighted": lambda: Weighted(weights=numbers),
    }
    if kind not in known:
        raise UnknownName("welfare criterion", kind, known, where="welfare")
    return known[kind]()


def regime_named(text: str) -> Regime:
    """`commitment`, `network-commitment` or `discretion`."""
    known = {cls.name: cls for cls in (Commitment, NetworkCommitment, Discretion)}
    if text not in known:
        raise UnknownName("regime", text, known, where="regime")
    return known[text]()


def searcher_named(text: str, size: int) -> Searcher:
    """`grid`, `cma-es`, `pathwise`, `implicit`, `ppo` or `es` for so many parameters; `:N` says nodes (grid, pathwise) or rounds."""
    kind, _, number = text.partition(":")
    if number and not (number.isascii() and number.isdigit() and int(number[:7]) >= 1 and len(number) < 7):
        raise InputError("expected a whole number from 1 to 999999 after the colon", where="searcher", number=f"'{text}'")
    n = int(number) if number else None
    known: dict[str, Callable[[], Searcher]] = {
        "grid": lambda: Grid(n or (21 if size == 1 else 9), 5),
        "cma-es": lambda: CMAES(n or 40),
        "pathwise": lambda: Pathwise(n or (9 if size == 1 else 7)),
        "implicit": lambda: Implicit(n or 300, 1),
        # Of more than three parameters every value is an equilibrium (`searched`).
        "ppo": lambda: PPO(n or (400 if size <= ANCHORED else 20), 32 if size <= ANCHORED else 16, draws=1),
        "es": lambda: AnnealedES(n or (400 if size <= ANCHORED else 20), draws=1),
    }
    if kind not in known:
        raise UnknownName("searcher", kind, known, where="searcher")
    return known[kind]()


def over_named(
    over: str | list[str] | tuple[str, ...] | Mapping[str, tuple[float, float] | None],
) -> dict[str, tuple[float, float] | None]:
    """Parameters with their intervals from "a.b=0:0.5,c" (None where there is none), a list of such, or a mapping."""
    if isinstance(over, Mapping):
        return dict(over)
    found: dict[str, tuple[float, float] | None] = {}
    for item in (over if isinstance(over, str) else ",".join(over)).split(","):
        name, equals, ends = (part.strip() for part in item.partition("="))
        low, _, high = ends.partition(":")
        try:
            found[name] = (float(low), float(high)) if equals else None
        except ValueError:
            raise InputError("expected NAME or NAME=LOW:HIGH", where="--over", number=f"'{item}'") from None
    return {name: ends for name, ends in found.items() if name}


def design(
    economy: Economy,
    over: Any,
    *,
    welfare: str | Criterion = "utilitarian",
    along: str = "transition",
    regime: str | Regime = "commitment",
    searcher: str | Searcher = "pathwise",
    preset: str = "standard",
    key: int = 0,
) -> Design:
    """The best parameters of an economy.

    Args:
        economy: what is governed; an equilibrium of it is solved for every policy that is looked at.
        over: parameters by dotted name with their intervals, "government.tau_k=0:0.5,government.tau_n" or
            {"government.tau_k": (0, 0.5)}; without one, the interval in which the parameter must lie.
        welfare: `utilitarian`, `rawlsian`, `inequality-averse:ε`, `weighted:ω1,ω2,…`, or a criterion.
        along: `transition` (welfare of the people of the economy as it is, from the announcement on) or `rest` (of stationary
            equilibria); in an economy with aggregate risk `cycle` (of its people, along shocks: `judges.OverTheCycle`).
        regime: `commitment` (announced, believed and kept) or `discretion` (households frozen while the policy is improved).
        searcher: `pathwise`, `grid`, `cma-es`, `ppo`, `es`, `implicit` (discretion only), or a searcher.
        preset: with which equilibria are solved in the search; the optimum is solved again with a finer one.
        key: seed.

    Types are solved by `EulerIteration`; a `Study` takes other learners, and `search` the study.

    Raises:
        UnknownName, InputError: for what cannot be used; nothing has been solved then.
        SolveError: where there is no equilibrium at the optimum, or at an anchor.
    """
    criterion = criterion_named(welfare) if isinstance(welfare, str) else welfare
    study = Study(economy, over_named(over), criterion, (preset, key), along=judge_named(along))
    return search(study, regime, searcher)


def search(study: Study, regime: str | Regime, searcher: str | Searcher, watch: Watch | None = None) -> Design:
    """As `design`, on a study that may know some equilibria already."""
    regime = regime_named(regime) if isinstance(regime, str) else regime
    searcher = searcher_named(searcher, study.box.size) if isinstance(searcher, str) else searcher
    if isinstance(regime, NetworkCommitment):
        remedy = "Use commitment: a rule that answers the state needs an economy whose state moves."
        raise InputError(
            "a stationary equilibrium has nothing that a rule could answer", where=type(study.economy).__name__, remedy=remedy
        )
    key, begin = stream(root_key(study.key), "design"), np.full(study.box.size, 0.5)
    if isinstance(regime, Discretion):
        check_still(study.economy)
        found, settled = _alternated(study, searcher, regime, key, watch)
    else:
        found, settled = searched(study, searcher, key, begin, watch), True
    return _concluded(study, regime, searcher, found, settled)


def searched(study: Study, searcher: Searcher, key, begin: np.ndarray, watch: Watch | None) -> Found:
    """On re-solved equilibria; searchers that need thousands of values search a surface anchored at equilibria."""
    objective = EquilibriumObjective(study)
    if isinstance(searcher, PPO | AnnealedES) and study.box.size <= ANCHORED:
        sizes = ({1: 9, 2: 7}.get(study.box.size, 4), 1, 5, 1e-5)
        return in_regions(objective, lambda standing, x: searcher.search(standing, key, x), begin, sizes, watch)
    return searcher.search(objective, key, begin, watch)


def _alternated(study: Study, searcher: Searcher, regime: Discretion, key, watch: Watch | None) -> tuple[Found, bool]:
    """Solve households at a policy, improve the policy with their rules frozen, until it no longer moves."""
    x, trail, values, moved = np.full(study.box.size, 0.5), [], [], np.inf
    found = Found(x, np.nan, x[None], np.zeros(1), 0)
    for number in range(regime.rounds):
        objective = FrozenObjective.of(study, study.box.point(x))
        found = searcher.search(objective, stream(key, "alternate", number), x, None)
        moved, x = float(np.abs(found.x - x).max()), found.x
        trail.append(found.trail)
        values.append(found.values)
        if watch is not None:
            watch(number + 1, regime.rounds, x, found.value)
        if moved < regime.tolerance:
            break
    whole = dataclasses.replace(found, trail=np.concatenate(trail), values=np.concatenate(values))
    return whole, moved < 10 * regime.tolerance


def _concluded(study: Study, regime: Regime, searcher: Searcher, found: Found, settled: bool) -> Design:
    """Solve again from scratch at the optimum and at the status quo."""
    box, point = study.box, study.box.point(found.x)
    believed = study.worth(point)
    finer = FINER.get(study.preset, study.preset)
    solution = solve(study.at(point), study.learners, preset=finer, key=study.key + 1)
    before = solve(study.economy, study.learners, preset=finer, key=study.key + 1)
    concluded = study.judge.concluded(solution, before)
    appraisal, status_quo = concluded.appraisal, concluded.status_quo
    found_worth = appraisal.equal_worth
    if study.judge.drawn and status_quo is not None:  # levels of two sets of shocks differ: gains are compared
        believed /= study.judge.appraisal(study.economy).equal_worth
        found_worth /= status_quo.equal_worth
    notes = [found.note] if found.note else []
    if solution.verdict != "certified":
        notes.append(f"the equilibrium at the optimum is {solution.verdict}: " + "; ".join(solution.certificate.reasons))
    if not settled:
        notes.append("alternation did not come to rest")
    now = {name: number_of(study.economy, name) for name in box.names}
    outside = [n for n, a, b in zip(box.names, box.low, box.high, strict=True) if not a <= now[n] <= b]
    if outside:
        notes.append(f"the status quo lies outside the intervals in {', '.join(outside)}")
    return Design(
        economy=type(study.economy).__name__,
        names=box.names,
        values=dict(zip(box.names, (float(v) for v in point), strict=True)),
        given=now,
        intervals={n: (a, b) for n, a, b in zip(box.names, box.low, box.high, strict=True)},
        corners=corners_of(box.names, found.x),
        regime=regime.name,
        welfare=study.criterion.name,
        along=study.judge.name,
        searcher=searcher.name,
        preset=finer,
        appraisal=appraisal,
        gap=abs(believed / found_worth - 1),
        status_quo=status_quo,
        gain=None if status_quo is None else gain(appraisal, status_quo),
        people=concluded.people,
        path=concluded.path,
        schedules={"given": schedules(study.economy), "chosen": schedules(study.at(point))},
        surface=tuple(study.ledger.values()),
        trail=np.asarray(box.point(jnp.asarray(found.trail))),
        settled=settled,
        note="; ".join(notes),
        solution=solution,
    )
