"""The figure that compares two solutions, and what becomes of the certificate, on paths whose means and gaps are given."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from walras._core.errors import InputError
from walras._core.results import Verdict
from walras.diagnose import beside_tables as module
from walras.diagnose.certificate import Certificate, failed
from walras.diagnose.finding import Finding
from walras.learners.euler import EulerIteration
from walras.learners.fixed import Fixed
from walras.loop import Laboratory, LoopState
from walras.solution import Solution

STOCKS = {"h_K", "h_B"}


def solution(preset="standard", learners=None, verdict: Any = Verdict.CERTIFIED) -> Solution:
    """A solution of which only certificate, learners and the state of two paths are there."""
    lab = Laboratory("economy", {}, learners or {"h": "some learner"}, None, None, None, False)  # pyright: ignore
    economy: Any = {"k": jnp.array([3.0, 4.0])}
    loop = LoopState(None, None, {}, economy, None, None, jnp.asarray(True))  # pyright: ignore
    fine = Finding("clearing_max", "Clearing", 0.0, "", 1.0)
    return Solution("toy", preset, 7, lab, loop, Certificate(verdict, (fine,), ()), None, {})


def test_the_largest_gap_of_a_stock_in_per_cent_of_its_mean():
    """Series by (mean, _, gap, gap over standard deviation): .3 of 20 is 1.5 %, .01 of −2 half a per cent."""
    paths = {"h_K": (20.0, 9.0, 0.3, 0.5), "h_B": (-2.0, 9.0, 0.01, 0.5), "price_r": (0.01, 0.0, 1.0, 0.5)}
    found = module._finding(paths, STOCKS, solution())
    assert (found.figure, found.value, found.unit, found.threshold) == ("tabular_gap_percent", pytest.approx(1.5), "%", 0.5)
    assert found.where == "h_K; EulerIteration, standard: certified" and not found.passed
    assert module.ALLOWED == 0.5 and "signed Euler error" in found.remedy
    only = module._finding({"h_B": paths["h_B"]}, STOCKS, solution())
    assert only.value == pytest.approx(0.5) and only.threshold == 0.5


def test_a_stock_whose_mean_is_not_apart_from_zero_has_no_share():
    """Its standard deviation is gap/share: .1/.5 = .2 for a mean of .1. Prices tell then, without a threshold."""
    paths = {"h_K": (0.1, 0.0, 0.1, 0.5), "h_C": (5.0, 0.0, 4.0, 1.0), "price_r": (-0.04, 0.0, 0.001, 1.0)}
    found = module._finding({**paths, "price_w": (2.0, 0.0, 0.02, 1.0)}, STOCKS, solution())
    assert found.value == pytest.approx(2.5) and found.threshold is None and found.where.startswith("price_r;")
    apart = module._finding({"h_K": (0.3, 0.0, 0.1, 0.5)}, STOCKS, solution())
    assert apart.value == pytest.approx(100 / 3) and apart.threshold == 0.5
    # A stock that does not move has no standard deviation: its mean must be above a millionth.
    still = module._finding({"h_K": (1e-5, 0.0, 1e-6, 0.0)}, STOCKS, solution())
    assert still.value == pytest.approx(10) and still.threshold == 0.5
    nearly = module._finding({"h_K": (1e-7, 0.0, 1e-7, 0.0), "price_r": (0.0, 0.0, 1e-14, 1.0)}, STOCKS, solution())
    assert nearly.value == pytest.approx(1) and nearly.threshold is None


def test_stocks_are_those_that_somebody_holds():
    """Named by type and stock; what a newborn holds tells the names."""

    def move(*names):
        nodes = SimpleNamespace(nodes=lambda: ({"k": jnp.array([1.0, 2.0])}, None))
        agent = SimpleNamespace(birth=lambda date, exo: nodes, holds=lambda own: dict.fromkeys(names, own["k"]))
        return SimpleNamespace(agent=agent)

    moves = {"h": move("K", "B"), "firm": move(), "bank": move("L")}
    lab = SimpleNamespace(economy=SimpleNamespace(timing=lambda: SimpleNamespace(moves=lambda: moves)), exo=np.zeros(2, int))
    assert module._stocks(lab) == {"h_K", "h_B", "bank_L"}


@pytest.fixture
def beside(monkeypatch):
    """A second solution and its gap are given; what was asked for is kept."""
    seen: dict[str, Any] = {"gap": 0.0, "tables": solution("fast")}

    def solve(economy, learners, preset, key):
        seen.update(economy=economy, learners=learners, preset=preset, key=key)
        return seen["tables"]

    def judged(lab, loop, begin):
        seen["begin"] = begin
        return dataclasses.replace(lab, economy="on histograms"), begin

    def compare(one, other, dates):
        seen.update(one=one, other=other, dates=dates)
        return SimpleNamespace(paths={"h_K": (20.0, 0.0, 0.2 * seen["gap"], 1.0)})

    monkeypatch.setattr(module, "solve", solve)
    monkeypatch.setattr(module, "judged", judged)
    monkeypatch.setattr(module, "compare", compare)
    monkeypatch.setattr(module, "_stocks", lambda lab: STOCKS)
    return seen


def test_a_gap_within_what_is_allowed_changes_no_verdict(beside):
    beside["gap"] = 0.4
    found = module.beside_tables(solution())
    assert found.verdict == "certified" and found.certificate.reasons == ()
    assert [f.figure for f in found.certificate.findings] == ["clearing_max", "tabular_gap_percent"]
    assert found.certificate.figure("tabular_gap_percent") == pytest.approx(0.4)
    # The second solution has the preset and seed of the first; the first path begins the comparison.
    assert (beside["economy"], beside["preset"], beside["key"], beside["dates"]) == ("economy", "standard", 7, 2000)
    assert float(beside["begin"]["k"]) == 3 and beside["other"].loop.economy["k"].tolist() == [3]
    assert beside["one"] is beside["tables"] and beside["other"].lab.economy == "on histograms"
    assert beside["other"].evidence is None and found.lab.economy == "economy"


def test_a_gap_beyond_it_is_not_certified(beside):
    beside["gap"] = 0.6
    found = module.beside_tables(solution(), dates=300)
    assert found.verdict == "not-certified" and len(found.certificate.reasons) == 1 and beside["dates"] == 300
    assert found.certificate.reasons[0].startswith("Aggregates beside a tabular solution, mean gap is 0.6 %, allowed 0.5")
    assert module.beside_tables(solution(verdict=Verdict.FAILED)).verdict == "failed"  # no better than it was


def test_given_rules_are_given_again(beside):
    """Sizes of one's own are no preset: the second solution takes the standard one."""
    rule: Any = object.__new__(Fixed)
    module.beside_tables(solution("my own", {"h": "some learner", "bank": rule}))
    assert beside["learners"] == {"bank": rule} and beside["preset"] == "standard"
    module.beside_tables(solution("fast"))
    assert beside["preset"] == "fast" and beside["learners"] == {}


def test_what_has_nothing_beside_it_is_refused(beside):
    table, rule = object.__new__(EulerIteration), object.__new__(Fixed)
    for learners in ({"h": table}, {"h": rule}, {"h": table, "bank": rule}):
        with pytest.raises(InputError, match="toy: its rules are tables, or given"):
            module.beside_tables(solution(learners=learners))
    assert module.beside_tables(solution(learners={"h": table, "j": "some learner"})).verdict == "certified"
    beside["tables"] = dataclasses.replace(solution(), certificate=failed("no rest"))
    with pytest.raises(InputError, match=r"toy: EulerIteration finds no solution.*no rest"):
        module.beside_tables(solution())
