"""The page: what a run folder says, in one self-contained file.

Sections that do not apply are left out: no law of motion and no responses without aggregate risk, no distribution where
everybody is alike, nothing but the verdict where a solve failed.
"""

import dataclasses
import html
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from walras._core.durable import write_aside
from walras.report import dynamics, figures, labels
from walras.report.reading import Run, calibration, description, read_run, title
from walras.report.style import drawing, inline

MEANING = {
    "certified": (
        "Certified",
        "These rules are an equilibrium, to the accuracy below: on a fresh simulation with shocks that were never used "
        "in solving, every check stayed within what it allows.",
    ),
    "not-certified": (
        "Solved, not certified",
        "Rules were found, but the evidence does not show that they are an equilibrium. Do not rely on the numbers below "
        "before the remedies were tried.",
    ),
    "failed": (
        "Failed",
        "There is no answer: either this economy has no equilibrium, or the computation could not find one.",
    ),
}

MOMENTS = {
    "capital": ("Capital", "goods"),
    "bonds": ("Bonds", "goods"),
    "output": ("Output", "goods per period"),
    "consumption": ("Consumption", "goods per period"),
    "consumption_share": ("Consumption / output", "share"),
    "interest_rate": ("Interest rate", "per period"),
    "nominal_rate": ("Nominal rate", "per period"),
    "inflation": ("Inflation", "per period"),
    "marginal_cost": ("Real marginal cost", "share of the price"),
    "wage": ("Wage", "goods per unit of labour"),
    "hours": ("Hours", "hours per period"),
    "wealth_gini": ("Wealth, Gini coefficient", "–"),
    "wealth_top10_share": ("Wealth of the richest tenth", "share"),
    "share_at_constraint": ("People at their limit", "share"),
}


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure of the page and the text below it."""

    svg: Markup
    caption: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page that consists of figures."""

    key: str
    title: str
    drawings: list[Drawing]


def write_report(folder: Path) -> Path:
    """Draw `report.html` in a run folder from its `summary.json`, `manifest.json` and `simulation.nc`.

    Returns:
        The path of the report.

    Raises:
        RunFolderError: if one of these files is missing or damaged.
    """
    path = Path(folder) / "report.html"
    write_aside(path, page_of(Path(folder)).encode())
    return path


def page_of(folder: Path) -> str:
    """The page of a run folder.

    Raises:
        RunFolderError: if one of the files that it reads is missing or damaged.
    """
    return rendered("report.html.j2", content(read_run(folder)))


def rendered(template: str, what: dict[str, Any]) -> str:
    """A template of this package, filled in."""
    loader = jinja2.FileSystemLoader(Path(__file__).with_name("templates"))
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"number": labels.number, "capital": labels.capital}
    return environment.get_template(template).render(**what)


def content(run: Run) -> dict[str, Any]:
    """What the template shows."""
    summary, manifest = run.summary, run.manifest
    text = manifest.get("description", "")
    verdict = summary["verdict"]
    name, meaning = MEANING.get(verdict, (labels.capital(verdict), ""))
    calibrated = summary.get("calibration", "")
    return {
        "economy": summary["economy"],
        "calibration": calibrated,
        "title": labels.capital(title(text) or summary["economy"]),
        "description": Markup(description(text)),
        "verdict": {"key": verdict, "name": name, "meaning": meaning, "reasons": summary.get("reasons", [])},
        "facts": facts(run),
        "checks": summary.get("checks", []),
        "parameters": calibration(run),
        "moments": moments(summary.get("moments", {})),
        "sections": list(sections(run)),
        "provenance": provenance(run),
        "command": command(run),
    }


def facts(run: Run) -> list[tuple[str, str]]:
    """The line below the verdict."""
    summary = run.summary
    checks = [c for c in summary.get("checks", []) if c["threshold"] is not None]
    found = []
    if checks:
        found.append(("checks passed", f"{sum(bool(c['passed']) for c in checks)} of {len(checks)}"))
    gain = summary.get("accuracy", {}).get("best_response_gain_percent")
    if gain is not None:
        found.append(("gain from another rule", f"{labels.number(gain, 2)} % of consumption"))
    seconds = summary.get("seconds", {})
    if "total" in seconds:
        found.append(("time in all", f"{seconds['total']:.1f} s"))
    return [*found, ("preset", str(summary.get("preset", ""))), ("seed", str(summary.get("seed", "")))]


def moments(values: dict[str, float]) -> list[dict[str, Any]]:
    """Rows of the moments table: one per quantity, its mean (or value) and standard deviation."""
    rows: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        base = name.removesuffix("_mean").removesuffix("_sd")
        label, unit = MOMENTS.get(base, (labels.capital(base.replace("_", " ")), ""))
        row = rows.setdefault(base, {"label": label, "unit": unit, "mean": None, "sd": None})
        row["sd" if name.endswith("_sd") else "mean"] = value
    order = list(MOMENTS)
    return [rows[k] for k in sorted(rows, key=lambda k: order.index(k) if k in order else len(order))]


def provenance(run: Run) -> list[tuple[str, str]]:
    """Where the numbers come from."""
    summary, manifest = run.summary, run.manifest
    seconds = summary.get("seconds", {})
    timing = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    learners = ", ".join(f"{who}: {how}" for who, how in summary.get("learners", {}).items())
    versions = ", ".join(f"{name} {version}" for name, version in manifest.get("versions", {}).items())
    python = manifest.get("python")
    staged = summary.get("curriculum", {})
    again = f"; stages begun again: {staged['restarts']}" if "restarts" in staged else ""
    rows = [
        ("Learners", learners),
        *(("Curriculum" + again, line) if not number else ("", line) for number, line in enumerate(staged.get("stages", []))),
        ("Preset, seed", f"{summary.get('preset', '')}, {summary.get('seed', '')}"),
        ("Seconds", timing),
        ("Device", str(manifest.get("device", ""))),
        ("Platform", str(manifest.get("platform", ""))),
        ("Versions", f"{versions}, Python {python}" if python else versions),
        ("Created", str(manifest.get("created", ""))),
    ]
    hashes = manifest.get("files", {})
    rows += [(f"SHA-256 of {name}", value) for name, value in hashes.items() if name != "report.html"]
    return [(name, value) for name, value in rows if value]


def command(run: Run) -> str:
    """The command that makes this run again."""
    summary = run.summary
    asked = run.manifest.get("request") or {}
    words = ["walras", "solve", summary["economy"]]
    if summary.get("calibration"):
        words += ["--calibration", summary["calibration"]]
    for option, pairs in (
        ("--learner", asked.get("learners") or summary.get("learners", {})),
        ("--population", asked.get("populations", {})),
        ("--information", asked.get("information", {})),
        ("--set", asked.get("parameters", {})),
    ):
        for name, value in pairs.items():
            words += [option, f"{name}={value}"]
    if asked.get("curriculum"):
        words += ["--curriculum", asked["curriculum"]]
    words += ["--preset", str(summary.get("preset", "standard")), "--seed", str(summary.get("seed", 0))]
    return shlex.join(words)


def sections(run: Run) -> Iterator[Section]:
    """The figures that apply to this run, in the order of the page."""
    if run.data is None:
        return
    groups = [
        ("rules", "Decision rules", _rules),
        ("law", "Law of motion and its forecasts", _law),
        ("distribution", "Who holds what", _distribution),
        ("history", "A simulated history", _history),
        ("responses", "Impulse responses", _responses),
        ("propensity", "Marginal propensities", _propensity),
        ("euler", "Euler errors", _euler),
        ("convergence", "Convergence", _convergence),
    ]
    yield from drawn_sections(groups, run)


def drawn_sections(groups: list[tuple[str, str, Callable[[Any], "Made"]]], what: Any) -> Iterator[Section]:
    """Sections (key, title, what makes the figures) in which something was drawn of `what`."""
    # Settings are read while a figure is made, not only when it is written.
    with drawing(), mpl.rc_context({"figure.max_open_warning": 0}):
        for key, name, make in groups:
            drawn = [
                Drawing(Markup(inline(f, f"{key}{n}", html.escape(f"{name}: {caption}"))), caption)
                for n, (f, caption) in enumerate(make(what))
                if f is not None
            ]
            if drawn:
                yield Section(key, name, drawn)


Made = Iterator[tuple[Figure | None, str]]


def _each(run: Run, draw: Callable[..., Figure | None], caption: str) -> Made:
    """A figure for every learning type; with several, the caption begins with its name."""
    for who in run.types:
        prefix = f"{labels.capital(who)}. " if len(run.types) > 1 else ""
        yield draw(run.data, who), prefix + caption


def _rules(run: Run) -> Made:
    where = "at the mean of what the type conditions on" if run.aggregate_risk else "at the equilibrium price"
    yield from _each(run, figures.decision_rules, f"What one individual chooses and where that leads, {where}.")


def _law(run: Run) -> Made:
    if not run.aggregate_risk:
        return
    for who in run.types:
        whose = f"As {who} believes it. " if len(run.types) > 1 else ""
        for j in dynamics.coordinates(run.data, who):
            yield (
                dynamics.law(run.data, who, j),
                f"{whose}Left: lines are the fitted law of motion, dots what came about; where a line crosses zero the "
                "economy would come to rest. Right: the law iterated on its own forecasts from the first date, never put "
                "right by what came about, against the truth (den Haan's test).",
            )
            yield dynamics.den_haan(run.data, who, j), "The same forecast around the date of its largest error."


def _distribution(run: Run) -> Made:
    which = "mean cross-section of the fresh simulation" if run.aggregate_risk else "stationary cross-section"
    yield from _each(run, figures.distribution, f"The {which}, up to its 99 % quantile.")


def _history(run: Run) -> Made:
    if run.aggregate_risk:
        yield dynamics.history(run.data), "The last dates of the fresh simulation; dashed: means over all of it."


def _responses(run: Run) -> Made:
    yield (
        dynamics.impulse_responses(run.data),
        "Difference of expected paths with and without a shock at date 0, from the long-run mean of the economy. Bands: "
        "two Monte-Carlo standard errors. Stocks are those at the beginning of the date.",
    )


def _propensity(run: Run) -> Made:
    where = ", in the middle exogenous state" if run.aggregate_risk else ""
    caption = f"How much of one more good (in what can be spent at once) is consumed{where}."
    yield from _each(run, figures.propensity, caption)


def _euler(run: Run) -> Made:
    summary = run.summary

    def draw(data, who):
        if f"{who}_euler_share" not in data:
            return None
        return figures.euler_errors(data, who, summary.get("accuracy", {}), summary.get("thresholds", {}))

    yield from _each(run, draw, "Errors of the Euler equation off the nodes, with the prices that really followed.")


def _convergence(run: Run) -> Made:
    if run.aggregate_risk:
        caption = "How far each round moved rule, law and cross-section. Tolerances are for the distances to the fixed "
        caption += "point that are estimated from these changes and their rate, which are larger than the changes."
    else:
        caption = "How far each round moved rule and cross-section; without aggregate risk a round is one candidate."
    yield figures.convergence(run.data), caption
