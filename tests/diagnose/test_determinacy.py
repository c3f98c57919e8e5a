"""Winding numbers by hand: circles, answers by lead, and where there is a stationary equilibrium to stand on."""

from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from tests.diagnose.test_checks import Made
from walras._core.keys import root_key
from walras.diagnose import determinacy as module
from walras.diagnose.determinacy import Determinacy, Determinate, around, faded, settled, symbol_of, winding
from walras.economy.agent import Institution
from walras.economy.economy import Clear, Formula
from walras.economy.population import Histogram
from walras.learners.news import Still

CIRCLE = np.exp(2j * np.pi * np.arange(65) / 64)


def test_sizes_are_those_of_the_documentation():
    """Answers up to two hundred dates before and after, 2,048 points on the circle, a millionth from zero."""
    assert (module.DATES, module.ANGLES, module.SINGULAR) == (400, 2048, 1e-6)


def test_turns_are_counted_counter_clockwise():
    """zᵐ goes round m times; a shift by two takes zero out of the circle, and the nearest point is 1 of 3."""
    for m in (-3, -1, 0, 1, 2):
        found = winding(CIRCLE**m)
        assert found.winding == m and found.nearest == pytest.approx(1) and found.settled
    out = winding(CIRCLE + 2)
    assert out.winding == 0 and out.nearest == pytest.approx(1 / 3)
    inside = winding(5 * (CIRCLE + 0.5))
    assert inside.winding == 1 and inside.nearest == pytest.approx(0.5 / 1.5)


def test_a_curve_through_zero_winds_about_nothing():
    assert winding(np.zeros(5, complex)) == Determinacy(0, 0.0)
    assert winding(np.array([1.0, 0.0, -1.0, 1.0], complex)) == Determinacy(0, 0.0)
    small = winding(1e-9 * CIRCLE)  # size alone says nothing
    assert (small.winding, small.nearest) == (1, pytest.approx(1))


def test_what_is_no_number_anywhere_has_no_winding():
    curve = CIRCLE.copy()
    curve[3] = np.nan
    found = winding(curve)
    assert found.winding == 0 and np.isnan(found.nearest)


def test_verdicts():
    """Edge before direction; at the limit itself the number counts."""
    assert Determinacy(0, np.nan).verdict == "not known: the markets' answers are no numbers"
    assert Determinacy(1, 5e-7).verdict == (
        "on the edge: an eigenvalue lies on the unit circle (the symbol comes within 5e-07 of zero)"
    )
    assert Determinacy(1, 1e-6).verdict.startswith("indeterminate")
    assert Determinacy(1, 1e-7, False).verdict == (
        "not known: answers have not died out after 200 dates, and the number depends on where they are cut"
    )
    assert Determinacy(2, 0.1).verdict == "indeterminate: winding number 2, so many directions of other paths that stay near"
    assert Determinacy(-2, 0.1).verdict == "explosive: winding number -2, no path nearby stays bounded"
    assert Determinacy(0, 0.1).verdict == "determinate: winding number 0, no other path stays near"


def test_the_symbol_sums_answers_by_lead():
    """2 + 3 e^{iω} at angles 0, π/2, π and 2π: 5, 2 + 3i, −1 and 5 again."""
    symbol = symbol_of(np.array([[[2.0]], [[3.0]]]), np.array([0, 1]))
    assert len(symbol) == 2049
    assert symbol[[0, 512, 1024, 2048]] == pytest.approx(np.array([5, 2 + 3j, -1, 5]))
    back = symbol_of(np.array([[[2.0]], [[3.0]]]), np.array([0, -1]))
    assert back[512] == pytest.approx(2 - 3j)


def test_the_symbol_of_several_markets_is_a_determinant():
    """[[1, 2], [3, 4 e^{iω}]] has 4 e^{iω} − 6."""
    now, ahead = [[1.0, 2.0], [3.0, 0.0]], [[0.0, 0.0], [0.0, 4.0]]
    symbol = symbol_of(np.array([now, ahead]), np.array([0, 1]))
    assert symbol[[0, 512, 1024]] == pytest.approx(np.array([-2, -6 + 4j, -10]))
    none = symbol_of(np.array([now, [[0.0, np.inf], [0.0, 0.0]]]), np.array([0, 1]))
    assert len(none) == 2049 and np.isnan(none).all()


def still(unknowns: int) -> Any:
    """A stationary equilibrium of which only the unknowns are there."""
    return Still(None, np.zeros(unknowns), None, None)  # pyright: ignore[reportArgumentType]


def test_answers_are_read_in_the_middle_of_the_dates(monkeypatch):
    """An excess at date t answers to x at t by −1.5 and to x at t + 1 by 1: determinate, as E p' = 1.5 p is. To x at t − 1
    by −1.5 and to x at t by 1: explosive. The first and the last dates would see one side only."""

    def answering(answers):
        def jacobian(still, dates):
            matrix = np.zeros((dates, dates))
            for lead, a in answers.items():
                matrix += a * np.eye(dates, k=lead)
            return matrix

        return jacobian

    for answers, turns in (
        ({0: -1.5, 1: 1.0}, 0),
        ({0: -0.5, 1: 1.0}, 1),
        ({-1: -1.5, 0: 1.0}, -1),
        ({1: 1.0}, 1),
        ({-2: 1.0}, -2),
    ):
        monkeypatch.setattr(module, "jacobian", answering(answers))
        for dates in (10, 100):
            assert around(still(1), dates).winding == turns
    # |−1.5 + e^{iω}| lies between .5 and 2.5.
    monkeypatch.setattr(module, "jacobian", answering({0: -1.5, 1: 1.0}))
    assert around(still(1), 12).nearest == pytest.approx(0.2)
    asked = []
    monkeypatch.setattr(module, "jacobian", lambda still, dates: asked.append(dates) or np.eye(dates))
    assert around(still(1)).winding == 0 and asked == [400]


def test_of_two_markets_each_answers_to_each(monkeypatch):
    """[[e^{iω}, 2], [0, 1]] has determinant e^{iω}; with the 2 below the diagonal too, e^{iω} − 4."""

    def jacobian(below):
        def made(still, dates):
            matrix = np.zeros((dates, 2, dates, 2))
            for t in range(dates):
                if t + 1 < dates:
                    matrix[t, 0, t + 1, 0] = 1.0
                matrix[t, 0, t, 1], matrix[t, 1, t, 0], matrix[t, 1, t, 1] = 2.0, below, 1.0
            return matrix.reshape(2 * dates, 2 * dates)

        return made

    monkeypatch.setattr(module, "jacobian", jacobian(0.0))
    assert around(still(2), 8).winding == 1
    monkeypatch.setattr(module, "jacobian", jacobian(2.0))
    found = around(still(2), 8)
    assert found.winding == 0 and found.nearest == pytest.approx(3 / 5)


def test_answers_fade_from_half_of_their_reach():
    """Of a reach of four: all up to two, half at three (cos² of 45°), nothing from four on; as far back as ahead."""
    assert faded(np.array([-5, -4, -3, -2, 0, 1, 2, 3, 4]), 4.0) == pytest.approx(np.array([0, 0, 0.5, 1, 1, 1, 1, 0.5, 0]))


def test_turns_that_depend_on_where_answers_are_cut_are_not_settled():
    """1 + 5 e^{6iω} has six turns with a reach of eight, where 5 counts half, none with four; with e^{2iω} both have two."""
    leads = np.arange(-8, 8)
    answers = np.zeros((16, 1, 1))
    answers[leads == 0] = 1.0
    far, near = answers.copy(), answers.copy()
    far[leads == 6], near[leads == 2] = 5.0, 5.0
    cut = settled(far, leads)
    assert (cut.winding, cut.settled) == (6, False) and cut.nearest == pytest.approx(1.5 / 3.5)
    whole = settled(near, leads)
    assert (whole.winding, whole.settled) == (2, True) and whole.nearest == pytest.approx(4 / 6)


# ---- the check ----


@pytest.mark.parametrize(
    ("found", "value", "passed", "remedy"),
    [
        (Determinacy(0, 0.5), 0.0, True, "a calibration that rests"),
        (Determinacy(2, 0.5), 2.0, False, "another timing or policy: this answer is one path among many"),
        (Determinacy(-3, 0.5), 3.0, False, "a calibration that rests"),
        (Determinacy(1, 1e-6), 1.0, False, "another timing or policy: this answer is one path among many"),
        (Determinacy(1, 1e-7), np.nan, False, "another timing or policy: this answer is one path among many"),
        (Determinacy(0, np.nan), np.nan, False, "a calibration that rests"),
    ],
)
def test_the_figure_is_how_often_it_winds(monkeypatch, found, value, passed, remedy):
    """Either way; on the edge it is no number, which never passes."""
    monkeypatch.setattr(module, "stands_on", lambda evidence: "still")
    monkeypatch.setattr(module, "around", lambda still: found)
    (finding,) = Determinate().run(Made(), {})
    assert finding.value == pytest.approx(value, nan_ok=True) and finding.passed == passed
    assert (finding.figure, finding.unit, finding.threshold) == ("winding", "turns", 0.0)
    assert finding.where == found.verdict and finding.remedy == remedy


def test_a_number_that_is_not_settled_is_reported_only(monkeypatch):
    monkeypatch.setattr(module, "stands_on", lambda evidence: "still")
    monkeypatch.setattr(module, "around", lambda still: Determinacy(1, 0.5, False))
    (finding,) = Determinate().run(Made(), {})
    assert np.isnan(finding.value) and finding.threshold is None and finding.passed and finding.where.startswith("not known")


class Bank(Institution):
    """An institution, whatever it does."""

    def conduct(self, *given):
        """Nothing."""


def test_without_a_stationary_equilibrium_there_is_no_figure(monkeypatch):
    monkeypatch.setattr(module, "stands_on", lambda evidence: None)
    assert Determinate().run(Made(), {}) == []


@pytest.fixture
def standing(monkeypatch):
    """Evidence of one type on a histogram in markets that clear, of which parts may be other ones."""
    started = []

    def start(economy, populations, rules, key, exo):
        started.append((populations, rules, int(exo)))
        return jnp.zeros(3)

    monkeypatch.setattr(module.periods, "agents", lambda economy: economy.types)
    monkeypatch.setattr(module.periods, "start", start)
    monkeypatch.setattr(module, "FrozenDate", lambda *parts: parts[1:])
    histogram: Any = object.__new__(Histogram)

    def made(n: int | None = 5, market=None, types=None, histogram=histogram, search=True) -> Made:
        market = market or Clear(lambda now: {"r": 0.0}, None, {"r": 0.0})
        economy = SimpleNamespace(types=types or {"h": "a household"}, market=lambda: market, exogenous=SimpleNamespace(n=n))
        learner = SimpleNamespace(histogram=lambda state: histogram)
        lab = SimpleNamespace(economy=economy, learners={"h": learner}, populations={"h": "people", "other": 7.0})
        found = SimpleNamespace(tried=jnp.array(0.03), rule=jnp.ones(2), mass=jnp.full((1, 4), 0.25))
        state = SimpleNamespace(search=found) if search else SimpleNamespace()
        return Made(lab=lab, rules={"h": jnp.zeros(1), "g": jnp.zeros(1)}, learner_states={"h": state}, key=root_key(1))

    return made, started


def test_the_solve_stands_on_its_search(standing, monkeypatch):
    """At the middle exogenous state, the second of four and the third of five, with the rule that the search found."""
    made, started = standing
    monkeypatch.setattr(module.jax.tree_util, "tree_map", lambda f, tree: tree)
    found: Any = module.stands_on(made())
    assert found.x.tolist() == [0.03] and found.rule.tolist() == [1, 1] and found.mass.shape == (1, 4)
    populations, rules, exo = started[0]
    assert isinstance(populations["h"], Histogram) and populations["other"] == 7.0
    assert rules["h"].tolist() == [1, 1] and rules["g"].tolist() == [0] and exo == 2
    state, people, _, _, name, live = found.date
    assert state.tolist() == [0] * 3 and people is populations and (name, live) == ("h", ())
    bank: Any = object.__new__(Bank)
    assert module.stands_on(made(types={"bank": bank, "h": "one"})) is not None
    for states, middle in ((1, 0), (2, 0), (4, 1), (7, 3)):
        module.stands_on(made(n=states))
        assert started[-1][2] == middle


def test_where_there_is_nothing_to_stand_on(standing):
    """Several types, formula prices, no search, no histogram, a continuum of exogenous states; institutions do not count."""
    made, started = standing
    institution: Any = object.__new__(Bank)
    assert module.stands_on(made(types={"h": "one", "j": "two"})) is None
    assert module.stands_on(made(types={"bank": institution})) is None
    assert module.stands_on(made(types={"bank": institution, "h": "one"}, n=None)) is None
    assert module.stands_on(made(market=Formula(lambda now: {"r": 0.0}))) is None
    assert module.stands_on(made(search=False)) is None
    assert module.stands_on(made(histogram=None)) is None
    assert module.stands_on(made(n=None)) is None
    assert started == []
