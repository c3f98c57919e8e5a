"""A solution beside the one by tabular first-order conditions, where there is one: how far apart aggregates are.

Checks of a rule look at one solution alone. Where people are patient a systematic error of a tenth of a per cent of consumption
moves capital by more than a per cent, and everything that is judged by forecasts looks fine: the law of a wrong economy
is as exact as that of the right one. A second solution by other means shows it. It costs a solve, so that it is made when
asked for.
"""

import dataclasses

import jax
import numpy as np

from walras._core.errors import InputError
from walras._core.results import Verdict
from walras._core.tree import entry
from walras.compare import compare
from walras.diagnose.certificate import Certificate, describe
from walras.diagnose.evidence import judged
from walras.diagnose.finding import Finding
from walras.learners.euler import EulerIteration
from walras.learners.fixed import Fixed
from walras.learners.preset import PRESETS
from walras.simulate import laboratory_of
from walras.solution import Solution
from walras.solve import solve

ALLOWED = 0.5
"""Largest mean gap of an aggregate stock, per cent of its mean, at which rules of one economy are taken to agree."""


def beside_tables(solution: Solution, *, dates: int = 2000) -> Solution:
    """The solution, its certificate with the figure `tabular_gap_percent`: the largest over aggregate stocks of the mean gap to a
    solution by `EulerIteration` along common shocks, per cent of the mean.

    Where no stock has a mean apart from zero (bonds among people) the figure is that of prices, and has no threshold.

    Args:
        solution: by any learners; people of a panel are put on their histogram first.
        dates: dates of the common shocks.

    Raises:
        InputError: if every rule is by `EulerIteration` or given, if `EulerIteration` does not take the economy, or finds nothing.
    """
    lab = laboratory_of(solution)
    if all(isinstance(learner, EulerIteration | Fixed) for learner in lab.learners.values()):
        raise InputError("its rules are tables, or given: there is nothing to compare them with", where=solution.name,
                         remedy="Solve by another learner, or compare presets with `walras compare`.")  # fmt: skip
    given = {name: learner for name, learner in lab.learners.items() if isinstance(learner, Fixed)}
    preset = solution.preset if solution.preset in PRESETS else "standard"
    tables = solve(lab.economy, given, preset=preset, key=solution.seed)
    if tables.verdict == "failed":
        raise InputError("EulerIteration finds no solution of this economy", where=solution.name,
                         number="; ".join(tables.certificate.reasons), remedy="Compare learners that do.")  # fmt: skip
    on_histograms, begin = judged(lab, solution.loop, entry(solution.loop.economy, 0))
    loop = dataclasses.replace(solution.loop, economy=jax.tree_util.tree_map(lambda leaf: np.asarray(leaf)[None], begin))
    gap = compare(tables, dataclasses.replace(solution, lab=on_histograms, loop=loop, evidence=None), dates=dates)
    finding = _finding(gap.paths, _stocks(lab), tables)
    certificate = solution.certificate
    reasons = certificate.reasons if finding.passed else (*certificate.reasons, describe(finding))
    verdict = certificate.verdict
    if not finding.passed and verdict == Verdict.CERTIFIED:
        verdict = Verdict.NOT_CERTIFIED
    return dataclasses.replace(solution, certificate=Certificate(verdict, (*certificate.findings, finding), reasons))


def _stocks(lab) -> set[str]:
    """Series of stocks that somebody holds, as they are named."""
    types = lab.economy.timing().moves()
    names = {}
    for who, move in types.items():
        own = jax.tree_util.tree_map(lambda leaf: leaf[0], move.agent.birth(0, lab.exo[0]).nodes()[0])
        names[who] = list(move.agent.holds(own))
    return {f"{who}_{name}" for who, held in names.items() for name in held}


def _finding(paths: dict[str, tuple[float, float, float, float]], stocks: set[str], tables: Solution) -> Finding:
    apart = {}
    for name, (mean, _, gap, share) in paths.items():
        sd = gap / share if share > 0 else 0.0
        if name in stocks and abs(mean) > max(sd, 1e-6):
            apart[name] = 100 * gap / abs(mean)
    threshold = ALLOWED
    if not apart:
        threshold = None
        apart = {
            name: 100 * gap / max(abs(mean), 1e-12) for name, (mean, _, gap, _) in paths.items() if name.startswith("price_")
        }
    worst = max(apart, key=lambda name: apart[name])
    return Finding(
        "tabular_gap_percent",
        "Aggregates beside a tabular solution, mean gap",
        apart[worst],
        "%",
        threshold,
        f"{worst}; EulerIteration, {tables.preset}: {tables.verdict}",
        "one of the two is wrong: more rounds or nodes, and look at the signed Euler error",
    )
