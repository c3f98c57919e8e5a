"""Each figure of a certificate on a simulation of a few dates, made by hand, whose figures can be counted on paper."""

import dataclasses
from types import SimpleNamespace

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from tests.report_fixtures import ALPHA, BETA, ClosedForm
from walras._core.keys import root_key
from walras._core.tree import entry
from walras.diagnose import best_response, certificate, clearing, determinacy, uniqueness
from walras.diagnose.accounts import Accounts
from walras.diagnose.collapse import Collapse
from walras.diagnose.den_haan import DenHaan
from walras.diagnose.euler import EulerErrors, weighted_quantile
from walras.diagnose.evidence import Evidence, gather
from walras.diagnose.finding import Check, Finding, worst
from walras.diagnose.nodes import Nodes
from walras.diagnose.rest import Rest
from walras.diagnose.unseen import Unseen
from walras.economies.brock_mirman import CapitalOwn
from walras.economy.economy import Clear
from walras.economy.rule import ViewInformation
from walras.economy.task import Field
from walras.learners import beliefs
from walras.learners.fixed import Fixed
from walras.solve import gather_for

LIMITS = certificate.thresholds("standard")


class Made(Evidence):
    """Evidence of which only the named parts are there."""

    learning, unseen, law = [], [], None  # pyright: ignore[reportAssignmentType]

    def __init__(self, **parts):
        for name, value in parts.items():
            object.__setattr__(self, name, value)


def figures(check: Check, evidence: Evidence) -> dict[str, Finding]:
    """What a check finds, by name."""
    return {finding.figure: finding for finding in check.run(evidence, LIMITS)}


# ---- findings and the verdict ----


@pytest.mark.parametrize(
    ("value", "limit", "passed"), [(1.0, 1.0, True), (1.1, 1.0, False), (np.nan, 1.0, False), (9.0, None, True)]
)
def test_a_finding_passes_at_its_threshold(value, limit, passed):
    """What is no number never does."""
    assert Finding("f", "F", value, "", limit).passed is passed


def test_the_worst_is_the_largest_or_what_is_no_number():
    assert worst([(1.0, "a"), (3.0, "b"), (2.0, "c")]) == (3.0, "b")
    assert worst([(1.0, "a"), (np.nan, "b"), (2.0, "c")])[1] == "b"


class Said(Check):
    """A check that says what it is told."""

    findings: tuple = eqx.field(static=True)

    def run(self, evidence, thresholds):
        """See the class."""
        return list(self.findings)


def certified(*findings, stopped=""):
    return certificate.certify(Made(), "standard", stopped, (Said(findings),))


def test_verdicts():
    """A figure beyond its threshold is not certified, a fatal one failed; so is one for which the solver stopped early."""
    fine = Finding("a", "A", 1.0, "goods", 2.0, fatal=True)
    short = Finding("b", "B", 3.0, "goods", 2.0, "at home", "more of it")
    fatal = dataclasses.replace(short, figure="c", fatal=True)
    assert (certified(fine).verdict, certified(fine).reasons) == ("certified", ())
    assert certified(fine, short).verdict == "not-certified"
    assert certified(fine, short).reasons == ("B is 3 goods, allowed 2 (at home); try more of it",)
    assert certified(fine, short, fatal).verdict == "failed"
    stopped = certified(fine, short, stopped="it stopped")
    assert stopped.verdict == "not-certified" and stopped.reasons[0] == "it stopped" and len(stopped.reasons) == 2
    assert certified(fine, stopped="it stopped").verdict == "not-certified"
    assert stopped.figure("b") == 3.0 and stopped.figure("d") is None
    assert certificate.describe(dataclasses.replace(short, where="", remedy="")) == "B is 3 goods, allowed 2"
    none = certificate.failed("nothing")
    assert (none.verdict, none.findings, none.reasons) == ("failed", (), ("nothing",))


def test_thresholds_are_those_of_the_documentation():
    """They change only with an *accuracy* entry in the CHANGELOG, and then here."""
    assert LIMITS == {
        "euler_log10_mean": -3.0, "euler_log10_p99": -2.0, "euler_signed_mean": 3e-4, "euler_signed_wedge": 1e-3,
        "den_haan_mean_percent": 0.3, "den_haan_max_percent": 1.5, "clearing_max": 1e-8, "accounts_max": 1e-8,
        "mass_error_max": 1e-10, "outside_nodes_percent": 0.5, "top_mass": 1e-6, "rest_drift": 1e-4,
        "best_response_gain_percent": 0.02, "unseen_types": 0.0,
    }  # fmt: skip
    assert certificate.thresholds("fast") == LIMITS
    kinds = [type(check).__name__ for check in certificate.CHECKS]
    assert len(kinds) == len(set(kinds)) == 12 and {"Clearing", "Unique", "Determinate", "Collapse"} < set(kinds)


def test_precise_asks_for_more():
    """A tenth of every error, a third of den Haan's."""
    precise = certificate.thresholds("precise")
    assert precise.keys() == LIMITS.keys()
    for figure, value in LIMITS.items():
        wanted = value - 1 if figure.startswith("euler_log10") else value / (3 if figure.startswith("den_haan") else 10)
        assert precise[figure] == pytest.approx(wanted), figure


# ---- Euler errors ----


def sample(error, weight, curvature):
    k = np.arange(np.size(error), dtype=float).reshape(np.shape(error))
    return {"own": CapitalOwn(k), "error": np.asarray(error), "weight": np.asarray(weight), "curvature": np.asarray(curvature)}


def test_euler_errors_by_hand():
    """Three people at two dates: mean, quantile, largest and where, signed mean and wedge; the worse type of two in each."""
    one = sample([[1e-4, -1e-3, 0.5], [1e-4, 1e-2, 0.0]], [[1.0, 2.0, 0.0], [1.0, 4.0, 0.0]], [[2.0, 1.0, np.nan]] * 2)
    found = figures(EulerErrors(), Made(samples={"one": one}, stride=10))
    assert found["euler_log10_mean"].value == pytest.approx((-4 * 2 - 3 * 2 - 2 * 4) / 8)
    assert found["euler_log10_p99"].value == pytest.approx(-2)
    assert found["euler_log10_max"].value == pytest.approx(-2)  # nobody is where it is .5
    assert found["euler_log10_max"].where == "one, date 10, k = 4" and found["euler_log10_max"].threshold is None
    assert found["euler_signed_mean"].value == pytest.approx((2e-4 - 2e-3 + 4e-2) / 8)
    assert found["euler_signed_wedge"].value == pytest.approx((4e-4 - 2e-3 + 4e-2) / 8)
    assert "consumes too little" in found["euler_signed_mean"].where and "got more" in found["euler_signed_wedge"].where
    assert {f.threshold for f in found.values()} == {LIMITS.get(name) for name in found}
    two = sample([[-2e-2]], [[1.0]], [[1e-3]])
    both = figures(EulerErrors(), Made(samples={"one": one, "two": two}, stride=10))
    assert both["euler_signed_mean"].where == "two consumes too much on average"
    assert both["euler_signed_wedge"].where.startswith("one") and both["euler_log10_mean"].where == "two"
    assert "got less" in figures(EulerErrors(), Made(samples={"two": two}, stride=10))["euler_signed_wedge"].where
    exact = figures(EulerErrors(), Made(samples={"one": sample([[0.0]], [[1.0]], [[1.0]])}, stride=10))
    assert exact["euler_log10_max"].value == exact["euler_log10_mean"].value == -16


def test_weighted_quantiles():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0])
    assert [weighted_quantile(values, weights, share) for share in (0.4, 0.5, 0.6, 0.75, 0.8)] == [1, 1, 2, 2, 3]


@pytest.mark.parametrize("share", [1 - ALPHA * BETA, 0.7])
def test_euler_errors_of_a_constant_share(share):
    """C = s Y: what β E[R'/C'] implies is C (1 − s)/(αβ), at every date and whatever the shocks; log utility has curvature 1."""
    economy = w.economies.BrockMirman.textbook()
    solution = w.solve(economy, {"household": Fixed(ClosedForm(jnp.asarray(share), ViewInformation()))}, preset="fast", key=0)
    evidence = gather_for(solution.lab, solution.loop, 0, 60)
    sample, public = evidence.samples["household"], evidence.dates["public"]
    assert sample["error"].shape == (6, 1)
    np.testing.assert_allclose(sample["error"], (1 - share) / (ALPHA * BETA) - 1, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(sample["curvature"], 1.0, rtol=1e-12)
    assert not sample["binding"].any()
    K, Y = np.asarray(public.stocks["household"]["K"]), np.asarray(public.prices["Y"])
    np.testing.assert_allclose(K[1:], (1 - share) * Y[:-1], rtol=1e-13)
    np.testing.assert_allclose(sample["own"].k[:, 0], K[::10], rtol=1e-13)
    np.testing.assert_allclose(sample["choice"][:, 0], share * Y[::10], rtol=1e-13)
    assert K.shape == (60,) and float(evidence.final.date) == 60 and evidence.states.date.tolist() == list(range(0, 60, 10))
    assert max(np.abs(v).max() for v in evidence.dates["accounts"].values()) < 1e-14
    assert evidence.dates["mass_error"]["household"].max() == 0 and evidence.dates["top_mass"] == {}
    assert evidence.learning == [] and evidence.unseen == [] and evidence.laws == {}


def solved_by(share, dates, burn=None):
    """Evidence of Brock and Mirman's economy whose household consumes a share of output."""
    rule = ClosedForm(jnp.asarray(share), ViewInformation())
    solution = w.solve(w.economies.BrockMirman.textbook(), {"household": Fixed(rule)}, preset="fast", key=0)
    lab, begin = solution.lab, entry(solution.loop.economy, 0)
    return gather(lab, solution.loop.learners, begin, dates, 10, root_key(5), burn), solution


def test_a_tenth_is_thrown_away_first():
    """The dates that are kept are those that a longer simulation has there; their count begins with the first that is kept."""
    (usual, _), (whole, _), (asked, _) = (solved_by(0.7, *size) for size in ((200,), (220, 0), (180, 40)))
    K = [e.dates["public"].stocks["household"]["K"] for e in (usual, whole, asked)]
    assert [len(k) for k in K] == [200, 220, 180]
    np.testing.assert_array_equal(K[0], K[1][20:])
    np.testing.assert_array_equal(K[2], K[1][40:])
    assert [int(e.states.date[0]) for e in (usual, whole, asked)] == [0, 0, 0] and int(usual.final.date) == 200
    still = dataclasses.replace(usual.lab, stationary=True)  # nothing moves where there is no aggregate risk
    begin = entry(usual.states, 0)
    np.testing.assert_array_equal(
        gather(still, usual.learner_states, begin, 20, 10, root_key(5)).dates["public"].exo,
        gather(still, usual.learner_states, begin, 20, 10, root_key(5), 0).dates["public"].exo,
    )


def test_what_two_rules_get_along_the_same_prices():
    """Payoffs Σ βᵗ log c and consumption at its marginal worth, Σ βᵗ: both from the household's own budget, prices as recorded."""
    evidence, solution = solved_by(0.7, 40, 0)
    agent, field = solution.economy.household, evidence.field("household")
    assert field.exo.shape == field.exo_next.shape == (39,) and (field.exo[1:] == field.exo_next[:-1]).all()
    rules = [ClosedForm(jnp.asarray(share), ViewInformation()) for share in (0.7, 0.6)]
    begin, horizon = np.array([0, 10]), 12
    begun = (begin, entry(evidence.states.cross["household"], [0, 1]), entry(evidence.states.memory["household"], [0, 1]))
    pairs = tuple((rule, field.info) for rule in rules)
    population = solution.lab.populations["household"]
    got, worth = (np.asarray(x) for x in best_response.follow(agent, population, field, pairs, begun, root_key(0), horizon))
    R, wage = (np.asarray(evidence.dates["public"].prices[name]) for name in ("R", "w"))
    K = np.asarray(evidence.dates["public"].stocks["household"]["K"])
    for number, share in enumerate((0.7, 0.6)):
        for start, first in enumerate(begin):
            k, total = K[first], 0.0
            for t in range(horizon):
                cash = R[first + t] * k + wage[first + t]
                total += BETA**t * np.log(share * cash)
                k = (1 - share) * cash
            assert got[number, start] == pytest.approx(total, rel=1e-10)
            assert worth[number, start] == pytest.approx((1 - BETA**horizon) / (1 - BETA), rel=1e-10)


# ---- laws ----


class Known(eqx.Module):
    """A law of one coordinate in logs that rises by `growth` a date."""

    growth: float
    logs: tuple = eqx.field(static=True)

    @property
    def shape(self):
        """Which coordinates are in logs."""
        return SimpleNamespace(logs=self.logs)

    def transform(self, coordinates):
        """Logs."""
        return jnp.stack([jnp.log(c) if log else c for c, log in zip(coordinates, self.logs, strict=True)])

    def step(self, i, at, j):
        """By `growth`, in the second exogenous state by twice that."""
        return at + self.growth * (1 + i)

    def raw(self, at):
        """Levels."""
        return tuple(jnp.exp(at[:, n]) if log else at[:, n] for n, log in enumerate(self.logs))


def with_law(coordinates, index, logs, growth=0.01):
    law = (Known(growth, logs), (jnp.asarray(index), tuple(jnp.asarray(c) for c in coordinates)))
    return Made(learning=["a"], law=lambda name: law)


def test_den_haan_by_hand():
    """A law that says one per cent a date (two in state 1) where nothing grows: it is never put right."""
    found = figures(DenHaan(), with_law([np.full(4, 5.0)], [0, 1, 0, 1], (True,)))
    assert found["den_haan_mean_percent"].value == pytest.approx((0 + 1 + 3 + 4) / 4)
    assert (
        found["den_haan_max_percent"].value == pytest.approx(4)
        and found["den_haan_max_percent"].where == "a, coordinate 0, date 3"
    )
    # In levels: points, where the level is below one; else per cent of its mean.
    small = figures(DenHaan(), with_law([np.full(3, 0.02)], [0, 0, 0], (False,)))
    assert small["den_haan_max_percent"].value == pytest.approx(2)
    large = figures(DenHaan(), with_law([np.full(3, 4.0)], [0, 0, 0], (False,)))
    assert large["den_haan_max_percent"].value == pytest.approx(0.5)
    both = figures(DenHaan(), with_law([np.full(3, 4.0), np.full(3, 0.02)], [0, 0, 0], (False, False)))
    assert both["den_haan_max_percent"].where == "a, coordinate 1, date 2"
    assert figures(DenHaan(), Made(learning=[])) == {}
    assert figures(DenHaan(), with_law([], [0, 0], ())) == {}


# ---- nodes, accounts, rest, collapse, unseen ----


def test_dates_outside_the_nodes_by_hand():
    """Two coordinates, one in logs: outside is below or above in any; what a rule remembers does not count; the worse type."""
    axis = lambda low, high: SimpleNamespace(low=low, high=high)  # noqa: E731
    table = SimpleNamespace(axes=(axis(0.0, 1.0), axis(-1.0, 1.0)), logs=(True, False))
    inside = (np.exp([0.0, 0.5, 1.0, 0.7]), np.array([-1.0, 0.0, 1.0, 0.0]), np.full(4, 99.0))
    outside = (np.exp([-0.1, 0.5, 1.1, 0.7]), np.array([0.0, 0.0, 2.0, 0.0]))
    tables = {name: SimpleNamespace(table=table) for name in "ab"} | {"c": SimpleNamespace(table=SimpleNamespace(axes=()))}
    dates = {
        "infos": {"a": (None, inside), "b": (None, outside), "c": (None, ())},
        "top_mass": {"a": np.array([0.0, 3e-7]), "b": np.array([2e-7])},
    }
    evidence = Made(learning=["a", "b", "c"], learner_states=tables, dates=dates)
    found = figures(Nodes(), evidence)
    assert (found["outside_nodes_percent"].value, found["outside_nodes_percent"].where) == (50.0, "b")
    assert (found["top_mass"].value, found["top_mass"].where) == (3e-7, "a") and found["top_mass"].passed
    assert figures(Nodes(), Made(learning=["a"], learner_states=tables, dates=dates))["outside_nodes_percent"].value == 0.0
    assert figures(Nodes(), Made(learning=["c"], learner_states=tables, dates={**dates, "top_mass": {}})) == {}


def public(**parts):
    empty = {"flows": {}, "stocks": {}, "prices": {}, "status": None}
    return SimpleNamespace(**{**empty, **parts})


def test_accounts_by_hand():
    """Relative to the mean sum of flows, which here is 6; the worst identity and date are named, and fatal."""
    flows = {"a": {"C": np.array([1.0, -3.0])}, "b": {"L": np.array([[2.0, 2.0], [3.0, 1.0]])}}
    dates = {
        "public": public(flows=flows),
        "accounts": {"goods": np.array([0.0, -6e-7]), "bonds": np.array([1e-9, 0.0])},
        "mass_error": {"a": np.array([0.0, 1e-11]), "b": np.zeros(2)},
    }
    found = figures(Accounts(), Made(dates=dates))
    assert found["accounts_max"].value == pytest.approx(1e-7) and found["accounts_max"].where == "identity 'goods', date 1"
    assert not found["accounts_max"].passed and found["accounts_max"].fatal
    assert (found["mass_error_max"].value, found["mass_error_max"].where) == (1e-11, "a")
    assert found["mass_error_max"].fatal and found["mass_error_max"].passed
    assert list(figures(Accounts(), Made(dates={**dates, "accounts": {}}))) == ["mass_error_max"]


def test_rest_by_hand():
    """Stocks move relative to their size or the flows, prices to their size or one."""
    flows = {"a": {"C": np.full(3, 2.0)}}
    kept = {"stocks": {"a": {"K": np.array([9.9, 10.0, 10.1])}}, "prices": {"r": np.array([0.02, 0.02, 0.02])}}
    evidence = lambda stationary, **parts: Made(  # noqa: E731
        lab=SimpleNamespace(stationary=stationary), dates={"public": public(flows=flows, **{**kept, **parts})}
    )
    found = figures(Rest(), evidence(True))["rest_drift"]
    assert found.value == pytest.approx(0.02) and found.where == "stock a.K"
    assert figures(Rest(), evidence(True, stocks={"a": {"B": np.array([0.0, 0.1, 0.0])}}))["rest_drift"].value == pytest.approx(
        0.05
    )
    moved = figures(Rest(), evidence(True, prices={"r": np.array([0.02, 0.05, 0.02]), "p": np.array([4.0, 4.0, 4.2])}))[
        "rest_drift"
    ]
    assert moved.value == pytest.approx(0.2 / np.mean([4.0, 4.0, 4.2])) and moved.where == "price p"
    assert figures(Rest(), evidence(True, stocks={}, prices={})) == {} and figures(Rest(), evidence(False)) == {}


def test_people_who_are_all_alike_by_hand():
    """The largest share at one stock at the last date, and how many are at the limit; who faces no risk does not count."""
    economy = w.economies.KrusellSmith.dhjj2010()
    own = dataclasses.replace(economy.household.limits(), k=np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    sample = {
        "own": own,
        "weight": np.array([[1.0, 0, 0], [0.6, 0.3, 0.1]]),
        "binding": np.array([[False] * 3, [False, True, True]]),
    }
    evidence = Made(lab=SimpleNamespace(economy=economy), samples={"household": sample})
    found = figures(Collapse(), evidence)["identical_percent"]
    assert found.value == pytest.approx(60) and found.where == "household: 40 % are at the limit of the next stock"
    alike = {**sample, "weight": np.array([[1.0, 0, 0], [0.0005, 0.3, 0.6995]])}
    told = figures(Collapse(), Made(lab=evidence.lab, samples={"household": alike}))["identical_percent"]
    assert told.where.startswith("all alike, household: 100 %") and told.threshold is None
    nothing = {**sample, "weight": np.array([[1.0, 0, 0], [np.nan, 0.3, 0.1]])}
    assert figures(Collapse(), Made(lab=evidence.lab, samples={"household": nothing})) == {}
    certain = SimpleNamespace(economy=w.economies.BrockMirman.textbook())
    assert figures(Collapse(), Made(lab=certain, samples={"household": sample})) == {}


def test_types_that_nobody_looks_at():
    found = figures(Unseen(), Made(unseen=["a", "b"]))["unseen_types"]
    assert (found.value, found.where, found.passed) == (2.0, "a, b", False)
    assert figures(Unseen(), Made(unseen=[])) == {}


# ---- markets ----


@pytest.fixture
def priced(monkeypatch):
    """Evidence of a market whose excess at price x is `root` − x plus `slope` terms: its functions of the economy are replaced."""

    def made(excess, prices, status=(0, 0, 0, 0), residual=None, bracket=(-1.0, 1.0)):
        monkeypatch.setattr(clearing, "excess_at", lambda evidence, state, name, x: excess(x))
        monkeypatch.setattr(uniqueness, "excess_at", lambda evidence, state, name, x: excess(x))
        n = len(prices)
        seen = public(
            flows={"a": {"C": np.full(n, 2.0)}},
            prices={"r": np.asarray(prices)},
            status=(np.asarray(status), np.zeros(n) if residual is None else np.asarray(residual)),
        )
        ends = None if bracket is None else tuple({"r": end} for end in bracket)
        market = Clear(lambda now: {"r": 0.0}, ends, {"r": 0.0})
        lab = SimpleNamespace(economy=SimpleNamespace(market=lambda: market), stationary=False)
        return Made(lab=lab, dates={"public": seen}, states=SimpleNamespace(date=np.arange(n)), stride=1)

    # What the pieces need of a state is its dates: a namespace is no tree.
    monkeypatch.setattr(
        clearing, "sampled", lambda evidence, count: [(b, None) for b in range(min(count, len(evidence.states.date)))]
    )
    monkeypatch.setattr(uniqueness, "sampled", clearing.sampled)
    return made


def test_clearing_by_hand(priced):
    """The root is found anew: the gap is the distance of the price from it."""
    found = figures(clearing.Clearing(), priced(lambda x: 0.25 - x, [0.25, 0.25, 0.26, 0.25]))
    assert found["clearing_max"].value == pytest.approx(0.01) and found["clearing_max"].where == "sample 3"
    assert [found[f].value for f in ("no_bracket_dates", "corner_dates", "flat_dates")] == [0, 0, 0]
    fine = figures(clearing.Clearing(), priced(lambda x: 0.25 - x, [0.25] * 4, residual=[0, 2e-6, -4e-6, 0]))
    assert fine["clearing_max"].value == pytest.approx(2e-6)  # what was left, over flows of two


def test_no_root_in_the_bracket(priced):
    """An infinite gap; the dates that had none are counted and fatal."""
    found = figures(clearing.Clearing(), priced(lambda x: 2.0 - x, [0.1] * 4, status=(0, 1, 2, 0)))
    assert found["clearing_max"].value == np.inf
    assert (found["no_bracket_dates"].value, found["no_bracket_dates"].where) == (2, "first at date 1")
    assert found["no_bracket_dates"].fatal
    assert figures(clearing.Clearing(), priced(lambda x: np.nan, [0.1] * 4))["clearing_max"].value == np.inf


def test_prices_at_an_end_of_the_bracket(priced):
    found = figures(clearing.Clearing(), priced(lambda x: 1.0 - x, [0.5, 1.0, 1.0 - 1e-9, -1.0]))["corner_dates"]
    assert (found.value, found.where, found.passed) == (3, "r, first at date 1", False)


def test_a_stretch_of_prices_that_clear(priced):
    """Flat on one side of the price is enough; a slope that is small but there is not."""
    flat = lambda x: max(x - 0.2, 0.0) + min(x + 0.1, 0.0)  # noqa: E731
    assert figures(clearing.Clearing(), priced(flat, [0.2, 0.1, 0.4, 0.0]))["flat_dates"].value == 3
    assert figures(clearing.Clearing(), priced(lambda x: 1e-3 * x, [0.0] * 4))["flat_dates"].value == 0


def test_a_market_without_a_bracket_is_judged_by_what_is_left(priced):
    found = figures(
        clearing.Clearing(), priced(lambda x: np.nan, [0.1] * 2, status=(0, 0), residual=[4e-9, -2e-8], bracket=None)
    )
    assert found["clearing_max"].value == pytest.approx(1e-8) and "flat_dates" not in found


def test_formula_prices_are_asked_again_with_stocks_counted_anew(monkeypatch):
    """A price may be one number or one for each good; the largest gap relative to its size counts, small ones in their units."""

    @dataclasses.dataclass
    class Opened:
        cross: dict
        stocks: dict

    people = SimpleNamespace(own=np.array([1.0, 3.0]), weight=np.array([0.5, 0.5]), mass=2.0)
    monkeypatch.setattr(clearing, "_opened", lambda lab, rules, state, key: Opened({"a": people}, {}))
    monkeypatch.setattr(clearing, "_held", lambda agent, own: {"K": own})
    monkeypatch.setattr(clearing.periods, "agents", lambda economy: {"a": None})
    formula = lambda lab, now: {"r": now.stocks["a"]["K"] / 40, "p": now.stocks["a"]["K"] * np.array([1.0, 1e-9])}  # noqa: E731
    monkeypatch.setattr(clearing, "_formula_prices", formula)
    monkeypatch.setattr(clearing, "sampled", lambda evidence, count: [(b, None) for b in range(2)])

    def gap(r=0.1, p=(4.0, 4e-9)):
        seen = public(prices={"r": np.array([0.1, 7.0, r]), "p": np.array([[4.0, 4e-9], [7.0, 7.0], p])})
        lab = SimpleNamespace(economy=SimpleNamespace(market=lambda: None))
        evidence = Made(lab=lab, rules={}, key=None, dates={"public": seen}, stride=2)
        found = figures(clearing.Clearing(), evidence)
        assert list(found) == ["clearing_max"]
        return found["clearing_max"]

    assert gap().value == 0 and gap().where == "sample 0"
    assert gap(r=0.1001).value == pytest.approx(1e-4 / 0.1001) and gap(r=0.1001).where == "sample 1"
    assert gap(p=(4.0, 5e-9)).value == pytest.approx(1e-9 / 1e-6)
    assert gap(p=(5.0, 4e-9)).value == pytest.approx(1 / 5)


def test_totals_are_summed_exactly():
    values, weight = np.array([[1e16, 1.0], [1.0, 2.0], [-1e16, 3.0]]), np.array([1.0, 0.5, 1.0])
    assert clearing._exact_total(values, weight, 2.0).tolist() == [1.0, 10.0]


def test_other_prices_that_clear_are_counted(priced):
    """A cubic: three roots where the answer is one of them; at the price itself, one."""
    cubic = lambda x: (x - 0.52) * (x + 0.13) * (x + 0.81)  # noqa: E731
    found = figures(uniqueness.Unique(), priced(cubic, [0.52] * 4))["clearing_prices"]
    assert (found.value, found.passed) == (3, False)
    assert found.where == "r at date 3: 0.52, and between -0.85 to -0.8, -0.15 to -0.1"
    one = figures(uniqueness.Unique(), priced(lambda x: 0.5 - x, [0.5] * 4))["clearing_prices"]
    assert (one.value, one.where) == (1, "")
    assert figures(uniqueness.Unique(), priced(cubic, [0.1] * 4, bracket=None)) == {}


def test_the_answer_counts_once_also_at_a_point():
    """Roots: sign changes between points that are numbers, but for the cells (and a tenth beside them) of the answer."""
    points = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    told = lambda excess, answer: uniqueness._told(points, np.array(excess), answer, "p")  # noqa: E731
    assert told([1, 1, -1, -1, -1], 1.5)[0] == 1
    assert told([1, 1, -1, -1, -1], 0.95)[0] == told([1, 1, -1, -1, -1], 2.05)[0] == 1
    assert told([1, 1, -1, -1, -1], 0.85)[0] == told([1, 1, -1, -1, -1], 2.15)[0] == 2
    assert told([1, -1, -1, 1, -1], 3.5) == (3, "p: 3.5, and between 0 to 1, 2 to 3")
    assert told([1, np.nan, -1, -1, -1], 0.5)[0] == 1  # across what is no number


# ---- other paths ----


def test_answers_that_die_out_slowly_are_not_cut_off():
    """Σ ρ^k e^{−iωk} − ½ = ½ (1 + ρ e^{−iω})/(1 − ρ e^{−iω}) goes around nothing; cut off at 50 dates it seems to, eight times."""
    leads = np.arange(-50, 50)
    answers = (np.where(leads <= 0, 0.97 ** np.maximum(-leads, 0), 0.0) - 0.5 * (leads == 0))[:, None, None]
    assert determinacy.winding(determinacy.symbol_of(answers, leads)).winding == -8
    found = determinacy.settled(answers, leads)
    assert found.winding == 0 and found.settled and "determinate" in found.verdict


def test_turns_that_depend_on_where_answers_are_cut_are_not_told():
    """One large answer forty dates back: seen by all fifty dates, not by half of them."""
    leads = np.arange(-50, 50)
    answers = (1.0 * (leads == 0) + 3.0 * (leads == -40))[:, None, None]
    found = determinacy.settled(answers, leads)
    assert not found.settled and found.winding == -40 and found.verdict.startswith("not known: answers have not died out")
    np.testing.assert_allclose(determinacy.faded(np.array([0, -5, 5, 7.5, -10, 12]), 10.0), [1, 1, 1, 0.5, 0, 0], atol=1e-15)


@pytest.mark.parametrize(
    ("found", "value", "passed"),
    [
        (determinacy.Determinacy(0, 0.1), 0.0, True),
        (determinacy.Determinacy(2, 0.1), 2.0, False),
        (determinacy.Determinacy(-1, 0.1), 1.0, False),
        (determinacy.Determinacy(0, 1e-9), np.nan, False),
        (determinacy.Determinacy(0, np.nan), np.nan, False),
        (determinacy.Determinacy(3, 0.1, settled=False), np.nan, True),
    ],
)
def test_what_the_certificate_says_of_other_paths(found, value, passed, monkeypatch):
    """Turns either way are too many, an eigenvalue on the circle is one; what nobody could count accuses nobody."""
    monkeypatch.setattr(determinacy, "stands_on", lambda evidence: "rest")
    monkeypatch.setattr(determinacy, "around", lambda still: found)
    told = figures(determinacy.Determinate(), Made())["winding"]
    assert told.value == pytest.approx(value, nan_ok=True) and told.passed is passed and told.where == found.verdict
    assert ("timing or policy" in told.remedy) == (found.winding > 0)
    monkeypatch.setattr(determinacy, "stands_on", lambda evidence: None)
    assert figures(determinacy.Determinate(), Made()) == {}


# ---- best responses ----


PATH = Field(*(jnp.zeros(5) for _ in range(6)))


def test_how_far_both_rules_are_followed(monkeypatch):
    """Until β^T ≤ 1e-3, rounded up to a power of 1.25; never longer than what there is."""
    monkeypatch.setattr(best_response, "_discount", lambda agent, field: np.full(5, agent))
    for beta in (0.9, 0.96, 0.99):
        count = int(np.ceil(np.log(1e-3) / np.log(beta)))
        assert best_response.discounted_away(beta, PATH) == count
        far = best_response.far_enough(beta, PATH, 10_000)
        assert count <= far < 1.25 * count + 1
        assert far in np.ceil(1.25 ** np.arange(60))
        assert (
            best_response.far_enough(beta, PATH, count - 1) == count - 1
            and best_response.far_enough(beta, PATH, far + 1) == far
        )
    assert best_response.discounted_away(1.0, PATH) == np.inf and best_response.far_enough(1.01, PATH, 70) == 70


def test_the_deviator_has_a_law_of_one_degree_more():
    shape = beliefs.shape_of(2, 1, (True,), (1, 2), True)
    blank = beliefs.blank(np.eye(2)[:, :1], np.zeros(1), (0.0, 0.0), shape)
    finer = best_response.finer_belief(blank, None)
    degree = lambda powers: max(max(p, default=0) for p in powers)  # noqa: E731
    assert (degree(finer.shape.law), degree(finer.shape.views)) == (2, 3)
    assert finer.law.shape == (len(finer.shape.law), 1) and finer.views.shape[0] == len(finer.shape.views)


class Gains(best_response.BestResponse):
    """Gains that are given."""

    given: dict = eqx.field(static=True, default_factory=dict)

    def gain(self, evidence, name):
        """As given."""
        return self.given[name]


def test_no_better_answer_is_a_gain_of_nothing(monkeypatch):
    """Another answer that is no number is none; a rule whose own payoff is none gains without bound."""
    sees = SimpleNamespace(information=None)
    evidence = Made(learning=["a", "b"], rules={"a": sees, "b": sees})
    monkeypatch.setattr(best_response, "sees_state", lambda information: True)
    found = figures(Gains(given={"a": 0.03, "b": np.nan}), evidence)["best_response_gain_percent"]
    assert found.value == 0.03 and found.by_type == {"a": 0.03, "b": 0.0} and not found.passed
    assert found.where == "a 0.03 %, b: no other answer found"
    assert figures(Gains(given={"a": 0.01, "b": np.inf}), evidence)["best_response_gain_percent"].value == np.inf
    monkeypatch.setattr(best_response, "sees_state", lambda information: False)
    assert figures(Gains(given={}), evidence) == {}
