"""Roots of an excess counted over a bracket, with stand-ins for markets and households."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.diagnose.test_checks import Made
from walras._core.errors import SolveError
from walras.diagnose import uniqueness as module
from walras.diagnose.uniqueness import Unique
from walras.economy.economy import Clear, Formula
from walras.learners.stationary import StationaryState


def test_sizes_are_those_of_the_documentation():
    """Five dates, 41 prices, twelve candidates from a third to three times the answer; households asked for a sign only."""
    check = Unique()
    assert (check.samples, check.points, check.candidates) == (5, 41, 12)
    assert (module.AROUND, module.NEAR) == (3.0, 0.1)
    assert (module.ROUGH.rule_tolerance, module.ROUGH.max_sweeps) == (1e-6, 500)


class Found(Unique):
    """The check with roots that are given."""

    def _at_dates(self, evidence: Any):
        return evidence.roots

    def _for_ever(self, evidence: Any):
        return evidence.at_rest


def test_the_date_with_the_most_prices_is_told():
    lab = SimpleNamespace(stationary=False)
    roots = [(1, "one"), (3, "three"), (2, "two")]
    (found,) = Found().run(Made(lab=lab, roots=roots, at_rest=[]), {})
    assert (found.figure, found.value, found.unit, found.threshold) == ("clearing_prices", 3, "prices", 1.0)
    assert found.where == "three" and not found.passed and "narrower bracket" in found.remedy
    (found,) = Found().run(Made(lab=lab, roots=[(2, "two")], at_rest=[]), {})
    assert found.where == "two" and not found.passed
    (found,) = Found().run(Made(lab=lab, roots=[(1, "one")], at_rest=roots), {})
    assert found.where == "" and found.passed
    assert Found().run(Made(lab=lab, roots=[], at_rest=roots), {}) == []
    assert Found().run(Made(lab=SimpleNamespace(stationary=True), roots=[], at_rest=roots), {})[0].value == 3


@pytest.fixture
def dated(monkeypatch):
    """Evidence of a market that clears at one price a date; prices at which the excess was asked for are kept."""
    asked = []

    def excess(evidence, state, name, x):
        asked.append((state, name, float(x)))
        return (x - 0.5) * (x + 0.5)

    monkeypatch.setattr(module, "excess_at", excess)
    monkeypatch.setattr(module, "sampled", lambda evidence, count: [(0, "first"), (2, "third")][:count])

    def made(bracket, market: Any = None) -> Made:
        market = market or Clear(lambda now: {"r": 0.0}, bracket, {"r": 0.0})
        lab = SimpleNamespace(economy=SimpleNamespace(market=lambda: market), stationary=False)
        prices = {"r": np.array([0.5, 9.0, 9.0, 9.0, 0.5, 9.0])}
        return Made(lab=lab, dates={"public": SimpleNamespace(prices=prices)}, stride=2)

    return made, asked


def test_prices_are_looked_at_over_the_whole_bracket(dated):
    """Of five from −1 to 1 the excess x² − ¼ is zero at two, which is no change of sign; of eight it changes twice."""
    made, asked = dated
    found = Unique(points=8)._at_dates(made(({"r": -1.0}, {"r": 1.0})))
    assert found == [
        (2, "r at date 0: 0.5, and between -0.7143 to -0.4286"),
        (2, "r at date 4: 0.5, and between -0.7143 to -0.4286"),
    ]
    assert asked[:8] == [("first", "r", pytest.approx(x)) for x in np.linspace(-1, 1, 8)] and asked[8][0] == "third"
    assert len(Unique(samples=1)._at_dates(made(({"r": -1.0}, {"r": 1.0})))) == 1
    assert len(asked) == 16 + 41


def test_only_markets_of_one_price_in_a_bracket_are_looked_at(dated):
    made, asked = dated
    assert Unique()._at_dates(made(None)) == []
    assert Unique()._at_dates(made(({"r": -1.0, "q": 0.0}, {"r": 1.0, "q": 1.0}))) == []
    assert Unique()._at_dates(made(None, Formula(lambda now: {"r": 0.0}))) == [] and asked == []


def searching(tried: float) -> Any:
    """A search of which only the last candidate is there."""
    search = object.__new__(StationaryState)
    object.__setattr__(search, "tried", tried)
    return search


@dataclasses.dataclass
class Moved:
    """What a round gives back, and what the next is replaced from."""

    x: Any
    excess: float = 0.0


@pytest.fixture
def resting(monkeypatch):
    """Evidence of a search for rest; the excess is positive between .02 and .06, nobody rests beyond .09."""
    asked = []

    def round_(problem, search, settings):
        x = float(search.x)
        asked.append(x)
        assert settings is module.ROUGH
        if x > 0.09:
            raise SolveError("no rest", where="here")
        return Moved(x, 1.0 if 0.02 < x < 0.06 else -1.0)

    def replace(search, **parts):
        return Moved(**parts)

    monkeypatch.setattr(module, "stationary_round", round_)
    monkeypatch.setattr(module, "dataclasses", SimpleNamespace(replace=replace))

    def made(learned: dict, formula: bool = False) -> Made:
        market = Formula(lambda now: {"r": 0.0}) if formula else Clear(lambda now: {"r": 0.0}, None, {"r": 0.0})
        lab = SimpleNamespace(economy=SimpleNamespace(market=lambda: market), stationary=True)
        return Made(lab=lab, learner_states=learned)

    return made, asked


def test_prices_for_ever_are_looked_at_between_their_limits(resting):
    """Six from 0 to .1: negative, positive at .04 alone (.06 is not below .06), and at .1 nobody comes to rest."""
    made, asked = resting
    learned = SimpleNamespace(search=searching(0.03), problem=SimpleNamespace(limits=np.array([0.0, 0.1])))
    found = Unique(candidates=6)._for_ever(made({"h": learned}))
    assert asked == pytest.approx([0, 0.02, 0.04, 0.06, 0.08, 0.1])
    assert found == [(2, "candidates of h: 0.03, and between 0.04 to 0.06")]
    Unique()._for_ever(made({"h": learned}))
    assert len(asked) == 6 + 12


def test_stocks_are_looked_at_from_a_third_to_three_times_the_answer(resting):
    """Evenly in logs, and within the limits."""
    made, asked = resting
    learned = SimpleNamespace(search=searching(0.012), problem=SimpleNamespace(limits=np.array([1e-4, 1.0])))
    Unique(candidates=3)._for_ever(made({"h": learned}, formula=True))
    assert asked == pytest.approx([0.004, 0.012, 0.036])
    asked.clear()
    learned.problem.limits = np.array([0.006, 0.024])
    Unique(candidates=3)._for_ever(made({"h": learned}, formula=True))
    assert asked == pytest.approx([0.006, 0.012, 0.024])


def test_only_who_searches_for_rest_is_looked_at(resting):
    """A state without a search, or of another one, or without a problem, is passed over, and those after it are not."""
    made, asked = resting
    problem = SimpleNamespace(limits=np.array([0.0, 0.1]))
    learned = {
        "none": SimpleNamespace(),
        "other": SimpleNamespace(search="by other means", problem=problem),
        "unposed": SimpleNamespace(search=searching(0.03), problem=None),
        "h": SimpleNamespace(search=searching(0.03), problem=problem),
    }
    found = Unique(candidates=6)._for_ever(made(learned))
    assert [where.split(":")[0] for _, where in found] == ["candidates of h"] and len(asked) == 6


def test_a_root_within_a_tenth_of_a_cell_is_the_answer_itself():
    """Cells of two: the root between 2 and 4 is another where the answer lies more than .2 outside."""
    points, excess = np.array([0.0, 2.0, 4.0, 6.0]), np.array([1.0, 1.0, -1.0, -1.0])
    for answer, count in ((1.7, 2), (1.85, 1), (3.0, 1), (4.15, 1), (4.3, 2)):
        assert module._told(points, excess, answer, "r")[0] == count
    assert module._told(points, excess, 1.23456, "r") == (2, "r: 1.235, and between 2 to 4")


def test_a_zero_at_a_point_is_no_change_of_sign():
    points = np.array([0.0, 1.0, 2.0])
    assert module._told(points, np.array([1.0, 0.0, -1.0]), 1.0, "r")[0] == 1
    assert module._told(points, np.array([2.0, 3.0, 4.0]), 1.0, "r") == (1, "r: 1, and between ")
