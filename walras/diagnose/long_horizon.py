"""Whether a solved economy stays in order far beyond the dates on which it was trained, on several paths of fresh shocks.

Solvers train on some hundred dates. A rule may leave, slowly, the states that it has seen, and once outside stay outside;
means may drift; a law that is right at each date may be wrong after thousands of its own steps. What is looked at:

- den Haan's forecast error of the law over the whole path;
- dates off the manifold, the cloud of information seen in training, and how much one such date foretells the next
  (regress off_next on off: the counterpart of runs that go astray, Lee 2026);
- drift of ergodic means from the first half to the second, growth of deviations, dates to explosion;
- whether paths agree with each other, up to what their own fluctuation explains;
- Euler errors by stretch of dates.

Standard errors are those of means of batches, so long that one batch knows little of the next. Tests over several series and
paths have a joint level of 1 % (Bonferroni).
"""

import dataclasses
from typing import Any

import numpy as np
from rich.table import Table
from scipy.spatial.distance import cdist

from walras._core.errors import InputError
from walras._core.keys import root_key, stream
from walras._core.tree import entry
from walras._core.types import PyTree
from walras.diagnose.certificate import describe, thresholds
from walras.diagnose.den_haan import DenHaan
from walras.diagnose.evidence import Evidence, gather, judged
from walras.diagnose.finding import Finding, worst
from walras.loop import training_fields
from walras.simulate import exogenous_table, laboratory_of, series
from walras.solution import Solution, as_text

BATCHES = 20
"""Batches of a path, half of them in each half."""
STRETCHES = 5
"""Stretches of dates by which Euler errors are reported."""
LEVEL = 0.01
"""Chance that any of the tests of one kind fails in an economy where all is well."""
CLOUD = 0.999
"""Share of the training dates that are on the manifold."""
OFF_PERCENT = 5.0
"""Dates off the manifold that are allowed, per cent. A cloud of a thousand dates with long memory is small: .1 is not met."""
STRIDE = 50
"""Dates from one look at Euler errors to the next."""


def _stats():
    import scipy.stats  # slow to import, and needed only here

    return scipy.stats


@dataclasses.dataclass(frozen=True)
class Agreement:
    """One series on several paths: what each says of it.

    `means`, `sds`; `drifts`: t-statistics of second half less first; `growth` of deviations from the training mean a date,
    in logs, and its standard error `growth_error`; `explodes`: when they pass the limit, inf where they never do; `apart`:
    F-statistic of the paths' means against their own fluctuation (nan for one path).
    """

    means: np.ndarray
    sds: np.ndarray
    drifts: np.ndarray
    growth: np.ndarray
    growth_error: np.ndarray
    explodes: np.ndarray
    apart: float


@dataclasses.dataclass(frozen=True)
class LongHorizon:
    """What `long_horizon` found.

    `findings` with their thresholds, as in a certificate; `series` by name; `off` (paths, dates) whether the date is off the
    manifold; `euler` mean log10 Euler error by stretch of dates, worst path and type; `explodes` the date at which each path
    passes the bound, beyond the last date if that is what its growth leads to, inf where nothing grows.
    """

    where: str
    dates: int
    seeds: int
    findings: tuple[Finding, ...]
    series: dict[str, Agreement]
    off: np.ndarray
    euler: np.ndarray
    explodes: np.ndarray

    @property
    def passed(self) -> bool:
        """Whether every figure is within its threshold."""
        return all(f.passed for f in self.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What failed, where, and what to try: one sentence each."""
        return tuple(describe(f) for f in self.findings if not f.passed)

    def table(self) -> Table:
        """The findings as a table for a terminal."""
        state = "in order" if self.passed else "NOT in order"
        title = f"{self.where} over {self.dates} dates on {self.seeds} paths: {state}"
        table = Table(title=title, title_justify="left")
        for column, justify in (("figure", "left"), ("value", "right"), ("allowed", "right"), ("unit", "left"), ("", "left")):
            table.add_column(column, justify=justify)
        for f in self.findings:
            limit, mark = ("", "") if f.threshold is None else (f"{f.threshold:.3g}", "ok" if f.passed else "FAILED")
            table.add_row(f.meaning, f"{f.value:.3g}", limit, f.unit, mark)
        for number, value in enumerate(self.euler):
            table.add_row(f"Euler error, log10, stretch {number + 1} of {len(self.euler)}", f"{value:.3g}", "", "log10", "")
        for name, at in self.series.items():
            spread = f"± {at.means.std(ddof=1):.2g}" if self.seeds > 1 else ""
            table.add_row(f"mean of {name}, between paths", f"{at.means.mean():.5g} {spread}", "", "", "")
        return table

    def __str__(self) -> str:
        return as_text(self.table()) + "".join(f"  - {reason}\n" for reason in self.reasons)


def long_horizon(solution: Solution, *, dates: int = 10_000, seeds: int = 4, bound: float = 10.0) -> LongHorizon:
    """Simulate a solved economy far beyond its training dates and say whether it stays in order.

    Args:
        solution: what `solve` returned, or `Solution.load`, of an economy with aggregate risk.
        dates: dates of each path, at least 2,000; multiples of 1,000 are not cut.
        seeds: paths, each on shocks of its own that neither solving nor the certificate used.
        bound: a series has exploded where it is this many times as far from its training mean as it ever was in training.

    Raises:
        InputError: if the solve had failed, nothing moves (no aggregate risk), or there are too few dates or paths.
    """
    lab = laboratory_of(solution)
    where = f"long horizon of {solution.name}"
    if lab.stationary:
        raise InputError("without aggregate risk nothing moves", where=where, remedy="Ask for it with aggregate risk.")
    if dates < 2000 or seeds < 1 or bound <= 1:
        raise InputError(
            f"{dates} dates, {seeds} paths and a bound of {bound:g}",
            where=where,
            remedy="Ask for at least 2,000 dates, one path and a bound above 1.",
        )
    dates -= dates % (STRIDE * BATCHES)
    fields = training_fields(lab, solution.loop)
    paths = [_path(solution, seed, dates) for seed in range(seeds)]
    found = _agreements(paths, fields, bound)
    explodes = np.min([np.full(seeds, np.inf), *(a.explodes for a in found.values())], axis=0)
    off = np.stack([_off(path, fields) for path in paths])
    limits = thresholds(solution.preset)
    # The worst path for each figure; a type that believes in no law has none.
    forecasts = [DenHaan().run(path, limits) for path in paths]
    findings = [worst((f.value, f) for f in same)[1] for same in zip(*forecasts, strict=True)]
    findings += [*_manifold_findings(off), *_order_findings(found, explodes)]
    by_stretch = [stretch_errors(path.samples[name]) for path in paths for name in path.learning]
    euler = np.max(by_stretch, axis=0) if by_stretch else np.zeros(0)
    if len(euler):
        at, largest = int(euler.argmax()), float(euler.max())
        findings.append(
            _finding("euler_log10_stretch", largest, limits["euler_log10_mean"], f"stretch {at + 1} of {STRETCHES}")
        )
    return LongHorizon(solution.name, dates, seeds, tuple(findings), found, off, euler, explodes)


def _path(solution: Solution, seed: int, dates: int) -> Evidence:
    key = stream(root_key(solution.seed), "long-horizon", seed)
    start = entry(solution.loop.economy, seed % len(solution.lab.exo))
    lab, begin = judged(solution.lab, solution.loop, start)
    return gather(lab, solution.loop.learners, begin, dates, STRIDE, key, burn=0)


def _agreements(paths: list[Evidence], fields: dict, bound: float) -> dict[str, Agreement]:
    """All series that moved in training."""
    economy = paths[0].lab.economy
    trained = {n: np.asarray(x) for n, x in series(economy, next(iter(fields.values())).public).items()}
    seen = [series(economy, path.dates["public"]) for path in paths]
    # What is zero but for rounding, such as net bonds, is no series.
    scale = 1e-9 * max(np.max(np.abs(x)) for name, x in trained.items() if not name.startswith("exogenous"))
    names = [name for name, x in trained.items() if not name.startswith("exogenous") and np.ptp(x) > scale]
    found = {}
    for name in names:
        x, centre = np.stack([np.asarray(s[name]) for s in seen]), float(trained[name].mean())
        limit = bound * float(np.max(np.abs(trained[name] - centre)))
        found[name] = agreement(x, centre, limit, len(names) * len(paths))
    return found


def _coordinates(economy, state, info: PyTree, exo) -> np.ndarray:
    """What a type conditions on, rows of numbers: the (log) coordinates and the exogenous values."""
    _, coordinates = info
    belief = getattr(state, "belief", None)
    logs = belief.shape.logs if belief is not None else (False,) * len(coordinates)
    exo = np.asarray(exo).reshape(-1)
    columns = [np.log(c) if log else np.asarray(c) for c, log in zip(coordinates, logs, strict=True)]
    return np.column_stack([*(np.reshape(c, -1) for c in columns), np.asarray(exogenous_table(economy.exogenous))[exo]])


def _off(path: Evidence, fields: dict) -> np.ndarray:
    """Dates at which any type's information is off the cloud that it was trained on."""
    off = np.zeros(len(path.dates["public"].exo), bool)
    for name, field in fields.items():
        state, economy = path.learner_states[name], path.lab.economy
        cloud = _coordinates(economy, state, field.info, field.exo)
        off |= off_manifold(cloud, _coordinates(economy, state, path.dates["infos"][name], path.dates["public"].exo))
    return off


def off_manifold(cloud: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which points lie further out of a cloud, in Mahalanobis' distance, than 99.9 % of the cloud itself; not finite: off."""
    centre = cloud.mean(axis=0, keepdims=True)
    # A pseudo-inverse: coordinates may be collinear, or stand still.
    inverse = np.linalg.pinv(np.atleast_2d(np.cov(cloud, rowvar=False)), hermitian=True)
    distance = lambda x: cdist(x, centre, "mahalanobis", VI=inverse)[:, 0]  # noqa: E731
    fine = np.isfinite(points).all(axis=1)
    off = np.ones(len(points), bool)
    off[fine] = distance(points[fine]) > np.quantile(distance(cloud), CLOUD) * (1 + 1e-9)
    return off


def persistence(off: np.ndarray) -> float | None:
    """Slope of off_next on off, (paths, dates): P(off after off) − P(off after on). None if all dates or none are off."""
    now, after = off[:, :-1].reshape(-1).astype(float), off[:, 1:].reshape(-1).astype(float)
    if np.ptp(now) == 0:
        return None
    line: Any = _stats().linregress(now, after)
    return float(line.slope)


def batch_means(x: np.ndarray) -> np.ndarray:
    """Means of equally long batches of the last axis, (..., BATCHES)."""
    length = x.shape[-1] // BATCHES
    return x[..., : BATCHES * length].reshape(*x.shape[:-1], BATCHES, length).mean(axis=-1)


def agreement(x: np.ndarray, centre: float, limit: float, tests: int = 1) -> Agreement:
    """One series on several paths, (paths, dates); deviations are from `centre`, and explode where they pass `limit`.

    `tests`: how many tests of growth are made in all.
    """
    with np.errstate(all="ignore"):  # of a path that explodes nothing but that can be said
        batches = batch_means(x)
        half = BATCHES // 2
        drift: Any = _stats().ttest_ind(batches[:, half:], batches[:, :half], axis=1)
        apart = float(_stats().f_oneway(*batches).statistic) if len(x) > 1 else np.nan
        growth = np.array([growth_rate(path - centre) for path in x])
        explodes = np.array([explosion(path - centre, limit, tests) for path in x])
        return Agreement(
            x.mean(axis=1), x.std(axis=1), np.asarray(drift.statistic), growth[:, 0], growth[:, 1], explodes, apart
        )


def growth_rate(deviation: np.ndarray) -> tuple[float, float]:
    """Growth of the size of deviations a date, in logs: estimate, and its standard error.

    The slope of the log root mean square of the batches: exactly ln λ where deviations are x₀ λᵗ, none in a long run.
    """
    size = np.sqrt(batch_means(deviation**2))
    if not np.isfinite(size).all():
        return np.inf, 0.0
    if np.ptp(size) == 0:  # nothing moves: a regression would know no error
        return 0.0, 0.0
    length = deviation.shape[-1] // BATCHES
    line: Any = _stats().linregress(np.arange(BATCHES) * length, np.log(np.maximum(size, np.finfo(float).tiny)))
    return float(line.slope), float(line.stderr)


def explosion(deviation: np.ndarray, limit: float, tests: int = 1) -> float:
    """The date at which a deviation passes the limit (or is no number): seen, or where its growth leads; else inf.

    A growth counts if it is significant among so many tests. With deviations x₀ λᵗ the date is ln(limit/x₀)/ln λ.
    """
    passed = ~(np.abs(deviation) <= limit)
    if passed.any():
        return float(np.argmax(passed))
    growth, error = growth_rate(deviation)
    if growth - _one_sided(tests) * error <= 0:
        return np.inf
    length = len(deviation) // BATCHES
    first = (BATCHES - 1) * length
    # A mean square over the last batch, taken back to its first date by the growth itself.
    square = np.mean(deviation[first : first + length] ** 2) / np.mean(np.exp(2 * growth * np.arange(length)))
    return float(first + (np.log(limit) - 0.5 * np.log(square)) / growth)


def _one_sided(tests: int) -> float:
    """Critical value of Student's t with the batches' degrees of freedom."""
    return float(_stats().t.ppf(1 - LEVEL / tests, BATCHES - 2))


def stretch_errors(sample: dict) -> np.ndarray:
    """Mean log10 Euler error of one type's samples by stretch of dates."""
    logs = np.log10(np.maximum(np.abs(sample["error"]), 1e-16))
    pairs = zip(np.array_split(logs, STRETCHES), np.array_split(sample["weight"], STRETCHES), strict=True)
    return np.array([np.average(x, weights=w) for x, w in pairs])


ABOUT = {
    "off_manifold_percent": (
        "Dates off the training cloud", "%", "longer or more training paths (preset), which see more states",
    ),
    "off_persistence": ("An off date makes the next one more likely off by", "probability", ""),
    "drift_t": (
        "Drift of means, second half less first, largest |t|", "s.e.",
        "a rule or a law that is off systematically: more nodes, a law of higher degree",
    ),
    "growth_percent": (
        "Growth of deviations a date, lower bound, largest", "%", "a closed loop that does not return: another learner or start",
    ),
    "exploding_paths": ("Paths that explode", "paths", "a closed loop that does not return: another learner or start"),
    "between_paths_f": (
        "Paths against each other, largest F", "ratio", "more dates: paths that stay apart have not forgotten where they began",
    ),
    "euler_log10_stretch": (
        "Euler error, log10, mean of the worst stretch", "log10", "longer training paths, or more nodes (preset precise)",
    ),
}  # fmt: skip
"""Meaning, unit and remedy of each figure."""


def _finding(figure: str, value: float, threshold: float | None, where: str = "") -> Finding:
    meaning, unit, remedy = ABOUT[figure]
    return Finding(figure, meaning, float(value), unit, threshold, where, remedy)


def _manifold_findings(off: np.ndarray) -> list[Finding]:
    shares = 100 * off.mean(axis=1)
    found = [_finding("off_manifold_percent", shares.max(), OFF_PERCENT, f"path {int(shares.argmax())}")]
    slope = persistence(off)
    return found if slope is None else [*found, _finding("off_persistence", slope, None)]


def _order_findings(found: dict[str, Agreement], explodes: np.ndarray) -> list[Finding]:
    """Drift, growth, explosion, agreement of paths."""
    if not found:
        return []
    names, paths = list(found), len(explodes)
    tests = len(names) * paths

    def at_worst(values: np.ndarray) -> tuple[float, str]:
        values = np.where(np.isnan(values), np.inf, values)
        name, path = np.unravel_index(np.argmax(values), values.shape)
        return float(values[name, path]), f"{names[name]}, path {path}"

    drift, at_drift = at_worst(np.abs([a.drifts for a in found.values()]))
    low = np.array([100 * (a.growth - _one_sided(tests) * a.growth_error) for a in found.values()])
    growth, at_growth = at_worst(low)
    first = int(np.argmin(explodes))
    where = f"path {first} at date {explodes[first]:.0f}" if np.isfinite(explodes).any() else ""
    findings = [
        _finding("drift_t", drift, _one_sided(2 * tests), at_drift),
        _finding("growth_percent", growth, 0.0, at_growth),
        _finding("exploding_paths", float(np.isfinite(explodes).sum()), 0.0, where),
    ]
    if paths > 1:
        allowed = float(_stats().f.ppf(1 - LEVEL / len(names), paths - 1, paths * (BATCHES - 1)))
        apart, at = at_worst(np.array([[a.apart] for a in found.values()]))
        findings.append(_finding("between_paths_f", apart, allowed, at.split(",")[0]))
    return findings
