"""Each measure of a long simulation on arrays of a few numbers, worked out on paper."""

from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from tests.diagnose.test_checks import Made
from walras._core.errors import InputError
from walras._core.keys import root_key, stream
from walras.diagnose import long_horizon as module
from walras.diagnose.certificate import failed
from walras.diagnose.finding import Finding
from walras.diagnose.long_horizon import (
    Agreement,
    LongHorizon,
    agreement,
    batch_means,
    explosion,
    growth_rate,
    off_manifold,
    persistence,
    stretch_errors,
)
from walras.solution import Solution


def test_constants_are_those_of_the_documentation():
    """Twenty batches, five stretches, a joint level of 1 %, a cloud of 99.9 %, 5 % off it, a look every fifty dates."""
    assert (module.BATCHES, module.STRETCHES, module.LEVEL) == (20, 5, 0.01)
    assert (module.CLOUD, module.OFF_PERCENT, module.STRIDE) == (0.999, 5.0, 50)


# ---- measures ----


def test_batches_are_cut_at_the_end():
    """Of 45 dates twenty batches of two, the last five dates in none; other axes stay."""
    x = np.arange(45.0)
    assert batch_means(x).tolist() == (0.5 + 2 * np.arange(20)).tolist()
    assert batch_means(np.stack([x, -x])).tolist() == [batch_means(x).tolist(), batch_means(-x).tolist()]


def path(first: tuple, second: tuple, length: int = 2) -> np.ndarray:
    """A path of batches that alternate between two values in each half."""
    return np.repeat(np.concatenate([np.tile(first, 5), np.tile(second, 5)]), length).astype(float)


def test_drift_and_agreement_by_hand():
    """Halves of ten batches at 1 ± 1 and 4 ± 1: t = 3/√(2 (10/9)/10). Two paths one apart: F = 20 · 2 · ¼/(2 · 65/38)."""
    x = path((0, 2), (3, 5))
    found = agreement(np.stack([x, x + 1]), 0.0, 100.0)
    t = 3 / np.sqrt(2 * (10 / 9) / 10)
    assert found.drifts == pytest.approx([t, t]) and found.apart == pytest.approx(10 / (130 / 38))
    assert found.means == pytest.approx([2.5, 3.5]) and found.sds == pytest.approx([np.sqrt(3.25)] * 2)
    back = agreement(path((3, 5), (0, 2))[None], 0.0, 100.0)
    assert back.drifts == pytest.approx([-t]) and np.isnan(back.apart)  # one path agrees with nobody


def test_deviations_are_from_the_centre_and_explode_at_the_limit():
    """From 2, a path at 5 is 3 away: more than 2.5, not more than 3."""
    x = path((1.5, 2.5), (1.5, 2.5))[None]
    x[0, 7] = 5.0
    assert agreement(x, 2.0, 2.5).explodes.tolist() == [7]
    assert agreement(x, 2.0, 3.0).explodes.tolist() == [np.inf]
    assert agreement(2 - x, 0.0, 2.5).explodes.tolist() == [7]


def test_growth_of_a_closed_loop_is_exact():
    """x₀ λᵗ on forty dates: ln λ without error, whatever x₀; the date of explosion is ln(limit/x₀)/ln λ."""
    x = 0.01 * 1.1 ** np.arange(40)
    growth, error = growth_rate(x)
    assert growth == pytest.approx(np.log(1.1), rel=1e-10) and error == pytest.approx(0, abs=1e-8)
    assert agreement(x[None], 0.0, 1e3).growth == pytest.approx([np.log(1.1)])
    assert explosion(x, 1e3) == pytest.approx(np.log(1e5) / np.log(1.1), rel=1e-8)
    assert explosion(-x, 1e3) == pytest.approx(np.log(1e5) / np.log(1.1), rel=1e-8)
    assert explosion(0.9 ** np.arange(40), 10.0) == np.inf


def test_the_error_of_growth_is_that_of_a_regression_line():
    """Log sizes in batches of three alternate by ±.1 about .03 a batch, .01 a date: slope and error of least squares."""
    number = np.arange(20)
    size = 0.03 * number + 0.1 * (-1.0) ** number
    growth, error = growth_rate(np.repeat(np.exp(size), 3))
    dates = 3 * number - 28.5
    slope = (dates @ size) / (dates @ dates)
    rest = size - size.mean() - slope * dates
    assert (growth, error) == pytest.approx((slope, np.sqrt(rest @ rest / 18 / (dates @ dates))))
    found = agreement(np.repeat(np.exp(size), 3)[None], 0.0, np.inf)
    assert (found.growth[0], found.growth_error[0]) == pytest.approx((growth, error))


def test_what_stands_still_or_is_no_number_has_a_growth():
    assert growth_rate(np.zeros(40))[0] == 0
    assert growth_rate(np.where(np.arange(40) == 30, np.nan, 1.0)) == (np.inf, 0.0)


def test_the_first_date_beyond_the_limit_or_without_a_number_counts():
    x = np.array([0.0, 2.0, -3.0, np.nan, 9.0])
    assert (explosion(x, 1.0), explosion(x, 2.0), explosion(x, 5.0)) == (1, 2, 3)


def test_growth_counts_if_it_is_significant_among_all_tests(monkeypatch):
    """Student's t with 18 degrees of freedom: 2.552 at 1 %, 2.878 at ½ %, 3.610 at .1 % (tables). Growth of 2.7 errors."""
    assert module._one_sided(1) == pytest.approx(2.552, abs=1e-3)
    assert module._one_sided(2) == pytest.approx(2.878, abs=1e-3)
    assert module._one_sided(10) == pytest.approx(3.610, abs=1e-3)
    still = np.ones(40)
    monkeypatch.setattr(module, "growth_rate", lambda deviation: (2.7, 1.0))
    assert np.isfinite(explosion(still, 10.0)) and np.isinf(explosion(still, 10.0, 2))
    x = path((0, 2), (0, 2))[None]
    assert np.isfinite(agreement(x, 0.0, 10.0).explodes).all()
    assert np.isinf(agreement(x, 0.0, 10.0, 2).explodes).all()
    # A line through the mean square of the last batch, dates 38 and 39: e^{2g·0} and e^{2g·1} there, one on average.
    monkeypatch.setattr(module, "growth_rate", lambda deviation: (0.1, 0.0))
    begin = -0.5 * np.log((1 + np.exp(0.2)) / 2)
    assert explosion(still, 10.0) == pytest.approx(38 + (np.log(10) - begin) / 0.1)
    monkeypatch.setattr(module, "growth_rate", lambda deviation: (0.0, 0.0))
    assert explosion(still, 10.0) == np.inf


def test_persistence_needs_both_kinds_of_date():
    """Off, off, on, on: one of two after an off one, none after the one on. On two paths pairs are counted within each."""
    assert persistence(np.array([[True, True, False, False]])) == pytest.approx(0.5)
    assert persistence(np.array([[True, True, False], [False, False, True]])) == pytest.approx(0.5 - 0.5)
    assert persistence(np.ones((1, 5), bool)) is None
    assert persistence(np.array([[False, False, False, True]])) is None  # nothing follows the only one


def test_points_as_far_out_as_the_cloud_are_on_it():
    """Of two thousand even points from −1 to 1 one in a thousand lies beyond .999."""
    cloud = np.linspace(-1, 1, 2001)[:, None]
    points = np.array([[0.0], [0.9985], [-0.9985], [0.9995], [-0.9995], [np.nan], [np.inf]])
    assert off_manifold(cloud, points).tolist() == [False, False, False, True, True, True, True]
    ends = np.tile([[-1.0], [1.0]], (10, 1))  # all as far out as each other
    assert not off_manifold(ends, ends).any()
    assert off_manifold(ends + 7, np.array([[6.5], [9.0]])).tolist() == [False, True]


def test_one_coordinate_that_is_no_number_is_enough():
    square = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    points = np.array([[0.9, 0.0], [0.0, 1.9], [1.1, 0.0], [0.0, 2.1], [0.0, np.nan]])
    assert off_manifold(square, points).tolist() == [False, False, True, True, True]


def test_stretches_weigh_people():
    """Errors of 10⁻² for weight 3 and 10⁻⁴ for weight 1 average to −2.5; zero counts as 10⁻¹⁶."""
    error = np.tile([[1e-2, -1e-4]], (10, 1))
    error[8:] = 0.0
    assert stretch_errors({"error": error, "weight": np.tile([[3.0, 1.0]], (10, 1))}) == pytest.approx([-2.5] * 4 + [-16])


# ---- findings ----


def test_dates_off_the_cloud_are_told_of_the_worst_path():
    off = np.zeros((3, 10), bool)
    off[1, 2:5], off[2, 0] = True, True
    share, slope = module._manifold_findings(off)
    assert (share.value, share.where, share.threshold, share.unit) == (30, "path 1", 5.0, "%")
    assert share.figure == "off_manifold_percent" and not share.passed and "longer or more training" in share.remedy
    # Nine pairs a path: after an off date 2 of 4 are off, after another one 1 of 23.
    assert (slope.figure, slope.threshold, slope.where) == ("off_persistence", None, "")
    assert slope.value == pytest.approx(2 / 4 - 1 / 23)
    assert [f.figure for f in module._manifold_findings(np.zeros((1, 9), bool))] == ["off_manifold_percent"]


def series_of(drifts, growth, error, apart) -> Agreement:
    at = np.array(drifts, float)
    return Agreement(at, at, at, np.array(growth), np.array(error), at, apart)


def test_findings_of_order_by_hand():
    """Two series on two paths are four tests; drift has two sides. What is no number is the worst."""
    found = {
        "K": series_of([1.0, -4.5], [0.01, 0.02], [0.001, 0.01], 3.0),
        "C": series_of([2.0, 3.0], [-0.01, 0.0], [0.001, 0.001], 7.0),
    }
    explodes = np.array([np.inf, 123.4])
    drift, growth, exploding, apart = module._order_findings(found, explodes)
    assert (drift.figure, drift.value, drift.where) == ("drift_t", 4.5, "K, path 1")
    # Student's t, 18 degrees of freedom: .01/8 and .01/4 in one tail.
    assert drift.threshold == pytest.approx(3.510, abs=2e-3) and not drift.passed
    assert (growth.figure, growth.where, growth.threshold) == ("growth_percent", "K, path 0", 0.0)
    assert growth.value == pytest.approx(100 * (0.01 - 3.197 * 0.001), abs=1e-3)
    assert (exploding.figure, exploding.value, exploding.threshold) == ("exploding_paths", 1, 0.0)
    assert exploding.where == "path 1 at date 123"
    # F with 1 and 38 degrees of freedom at ½ % is the square of t with 38 at ¼ % in each tail, 2.980.
    assert (apart.figure, apart.value, apart.where) == ("between_paths_f", 7.0, "C")
    assert apart.threshold == pytest.approx(2.980**2, abs=0.02)
    assert drift.meaning.startswith("Drift of means") and apart.unit == "ratio"
    one = module._order_findings({"K": series_of([1.0], [0.0], [0.1], np.nan)}, np.array([np.inf]))
    assert [f.figure for f in one] == ["drift_t", "growth_percent", "exploding_paths"]
    assert (one[2].value, one[2].where) == (0, "") and one[2].passed and one[0].passed and one[1].passed
    unknown = module._order_findings({"K": series_of([1.0, np.nan], [0.0, 0.0], [0.1, 0.1], np.nan)}, explodes)
    assert (unknown[0].value, unknown[0].where, unknown[3].value) == (np.inf, "K, path 1", np.inf)
    assert module._order_findings({}, explodes) == []


# ---- the report ----


def report(*findings, seeds=2) -> LongHorizon:
    at = series_of([1.0, 3.0][:seeds], [0.0] * seeds, [0.0] * seeds, 1.0)
    return LongHorizon("toy", 4000, seeds, findings, {"K": at}, np.zeros((seeds, 3), bool), np.array([-4.0, -3.5]), np.zeros(2))


def test_the_report_says_what_is_in_order():
    fine = Finding("a", "A figure", 1.23456, "goods", 2.0)
    told, short = Finding("b", "B", 9.0, "%", None), Finding("c", "C", 3.0, "%", 2.0, "path 1", "more of it")
    good, bad = report(fine, told), report(fine, told, short)
    assert good.passed and not bad.passed and good.reasons == ()
    assert bad.reasons == ("C is 3 %, allowed 2 (path 1); try more of it",)
    assert good.table().title == "toy over 4000 dates on 2 paths: in order"
    assert bad.table().title == "toy over 4000 dates on 2 paths: NOT in order"
    assert str(bad).endswith("  - C is 3 %, allowed 2 (path 1); try more of it\n") and "  - " not in str(good)
    columns = [list(column.cells) for column in bad.table().columns]
    assert [c.header for c in bad.table().columns] == ["figure", "value", "allowed", "unit", ""]
    assert list(zip(*columns, strict=True)) == [
        ("A figure", "1.23", "2", "goods", "ok"),
        ("B", "9", "", "%", ""),
        ("C", "3", "2", "%", "FAILED"),
        ("Euler error, log10, stretch 1 of 2", "-4", "", "log10", ""),
        ("Euler error, log10, stretch 2 of 2", "-3.5", "", "log10", ""),
        ("mean of K, between paths", "2 ± 1.4", "", "", ""),  # of 1 and 3: √2 with one degree of freedom
    ]
    assert str(list(report(fine, seeds=1).table().columns[1].cells)[-1]).strip() == "1"


TOY = Solution("toy", "fast", 3, None, None, failed("nothing was judged"), None, {})


@pytest.fixture
def simulated(monkeypatch):
    """The simulation of `long_horizon` is replaced by what is written down here; what it was asked for is kept."""
    asked: dict[str, Any] = {"paths": []}
    lab = SimpleNamespace(stationary=False)

    def one(solution, seed, dates):
        asked["paths"].append((seed, dates))
        error = np.tile([[1e-4]], (5, 1))
        error[seed] = 1e-2
        return SimpleNamespace(
            seed=seed, samples={"h": {"error": error, "weight": np.ones((5, 1))}}, learning=asked["learning"]
        )

    class Forecasts:
        """A law that is worse on a later path."""

        def run(self, path, limits):
            asked["limits"] = limits
            return [Finding("den_haan_mean_percent", "DH", float(path.seed), "%"), Finding("z", "Z", -float(path.seed), "%")]

    def agreements(paths, fields, bound):
        asked.update(bound=bound, fields=fields)
        return {"K": series_of([0.0] * len(paths), [0.0] * len(paths), [1.0] * len(paths), 1.0)}

    asked.update(learning=["h"])
    monkeypatch.setattr(module, "laboratory_of", lambda solution: lab)
    monkeypatch.setattr(module, "training_fields", lambda lab, loop: {"h": "seen"})
    monkeypatch.setattr(module, "_path", one)
    monkeypatch.setattr(module, "DenHaan", Forecasts)
    monkeypatch.setattr(module, "_agreements", agreements)
    monkeypatch.setattr(module, "_off", lambda path, fields: np.arange(20) < path.seed)
    return asked, lab


def test_the_worst_path_is_told(simulated):
    """Ten thousand dates on four paths, a bound of ten, if nothing is said."""
    asked, _ = simulated
    found = module.long_horizon(TOY)
    assert (
        asked["paths"] == [(seed, 10_000) for seed in range(4)] and asked["bound"] == 10.0 and asked["fields"] == {"h": "seen"}
    )
    assert (found.where, found.dates, found.seeds) == ("toy", 10_000, 4)
    figures = {f.figure: f for f in found.findings}
    assert figures["den_haan_mean_percent"].value == 3 and figures["z"].value == 0
    assert (figures["off_manifold_percent"].value, figures["off_manifold_percent"].where) == (15, "path 3")
    assert found.off.sum(axis=1).tolist() == [0, 1, 2, 3]
    # Each path has an error of 10⁻² in a stretch of its own.
    assert found.euler == pytest.approx([-2, -2, -2, -2, -4])
    worst = figures["euler_log10_stretch"]
    assert (worst.value, worst.where, worst.threshold) == (pytest.approx(-2), "stretch 1 of 5", -3.0)
    assert list(figures)[-1] == "euler_log10_stretch" and found.explodes.tolist() == [0, 0, 0, 0]
    assert "drift_t" in figures and set(found.series) == {"K"}


def test_dates_are_cut_to_thousands(simulated):
    asked, _ = simulated
    assert module.long_horizon(TOY, dates=2999, seeds=1, bound=1.5).dates == 2000
    assert asked["paths"] == [(0, 2000)] and asked["bound"] == 1.5


def test_nobody_who_learns_has_no_euler_errors(simulated):
    asked, _ = simulated
    asked.update(learning=[])
    found = module.long_horizon(TOY, dates=2000, seeds=2)
    assert len(found.euler) == 0 and "euler_log10_stretch" not in {f.figure for f in found.findings}


@pytest.mark.parametrize("sizes", [{"dates": 1999}, {"seeds": 0}, {"bound": 1.0}])
def test_too_little_is_refused(simulated, sizes):
    asked, lab = simulated
    text = r"long horizon of toy: .*dates, \d+ paths and a bound of .*at least 2,000 dates, one path and a bound above 1"
    with pytest.raises(InputError, match=text):
        module.long_horizon(TOY, **sizes)
    lab.stationary = True
    with pytest.raises(InputError, match="long horizon of toy: without aggregate risk nothing moves"):
        module.long_horizon(TOY)
    assert asked["paths"] == []


# ---- what goes into the measures ----


def test_each_path_has_shocks_of_its_own_and_begins_where_one_of_the_training_did(monkeypatch):
    """Path 5 of three training paths begins where path 2 does; no date is thrown away."""
    seen = {}

    def put(lab, loop, start):
        seen.update(start=start)
        return "lab", "begin"

    def gathered(*given, **options):
        seen.update(given=given, **options)
        return Made()

    monkeypatch.setattr(module, "judged", put)
    monkeypatch.setattr(module, "gather", gathered)
    economy, lab = {"x": jnp.array([10.0, 20.0, 30.0])}, SimpleNamespace(exo=np.zeros(3, int))
    solution = object.__new__(Solution)
    object.__setattr__(solution, "lab", lab)
    object.__setattr__(solution, "loop", SimpleNamespace(economy=economy, learners="learned"))
    object.__setattr__(solution, "seed", 7)
    module._path(solution, 5, 2000)
    assert float(seen["start"]["x"]) == 30 and seen["burn"] == 0
    assert seen["given"][:5] == ("lab", "learned", "begin", 2000, 50)
    assert (seen["given"][5] == stream(root_key(7), "long-horizon", 5)).all()


def test_series_that_moved_in_training_are_looked_at(monkeypatch):
    """Exogenous ones are not, nor what is zero but for rounding beside the largest number of any; the limit is the bound times
    the largest distance from the training mean."""
    trained = {
        "exogenous_value": np.array([1e12, -1e12]),
        "K": np.array([[1.0, 2.0], [3.0, 6.0]]),  # mean 3, at most 3 from it
        "rounding": np.array([0.0, 5e-9]),
        "small": np.array([0.0, 7e-9]),
        "still": np.array([2.0, 2.0]),
    }
    records = {"training": trained, "a": {"K": [1.0, 2.0], "small": [3.0, 4.0]}, "b": {"K": [5.0, 6.0], "small": [7.0, 8.0]}}
    records["c"] = records["b"]
    monkeypatch.setattr(module, "series", lambda economy, public: records[public])
    kept = {}

    def agreed(x, centre, limit, tests):
        kept[len(kept)] = (x.tolist(), centre, limit, tests)
        return series_of([0.0], [0.0], [0.0], 0.0)

    monkeypatch.setattr(module, "agreement", agreed)
    lab = SimpleNamespace(economy=None)
    paths = [Made(lab=lab, dates={"public": name}) for name in ("a", "b", "c")]
    fields = {"h": SimpleNamespace(public="training"), "j": SimpleNamespace(public="nothing")}
    assert list(module._agreements(paths, fields, 10.0)) == ["K", "small"]  # pyright: ignore[reportArgumentType]
    assert kept[0] == ([[1.0, 2.0], [5.0, 6.0], [5.0, 6.0]], 3.0, 30.0, 6)
    assert kept[1] == ([[3.0, 4.0], [7.0, 8.0], [7.0, 8.0]], pytest.approx(3.5e-9), pytest.approx(3.5e-8), 6)


def believing(*logs) -> SimpleNamespace:
    return SimpleNamespace(belief=SimpleNamespace(shape=SimpleNamespace(logs=logs)))


def test_what_a_type_conditions_on_are_numbers(monkeypatch):
    """Coordinates in logs where its belief reads them so, as they are where it has none; then the exogenous values."""
    monkeypatch.setattr(module, "exogenous_table", lambda process: jnp.array([[0.5, 1.0], [1.5, 2.0]]))
    economy = SimpleNamespace(exogenous=None)
    info = (None, (np.array([[1.0, np.e]]), np.array([[3.0, 4.0]])))
    seen = module._coordinates(economy, believing(True, False), info, np.array([[1, 0]]))
    assert seen == pytest.approx(np.array([[0, 3, 1.5, 2], [1, 4, 0.5, 1]]))
    plain = module._coordinates(economy, SimpleNamespace(), info, np.array([[1, 0]]))
    assert plain == pytest.approx(np.array([[1, 3, 1.5, 2], [np.e, 4, 0.5, 1]]))


def test_a_date_is_off_where_it_is_for_any_type(monkeypatch):
    """One type's number leaves ±1 at the second date, the other's at the last."""
    monkeypatch.setattr(module, "exogenous_table", lambda process: jnp.zeros((1, 1)))
    cloud = SimpleNamespace(info=(None, (np.array([-1.0, 1.0] * 5),)), exo=np.zeros(10, int))
    infos = {"a": (None, (np.array([0.5, 3.0, 0.1, 0.2]),)), "b": (None, (np.array([0.5, 0.4, 0.1, -2.0]),))}
    public = SimpleNamespace(exo=np.zeros(4, int))
    path = Made(
        lab=SimpleNamespace(economy=SimpleNamespace(exogenous=None)),
        learner_states={"a": SimpleNamespace(), "b": SimpleNamespace()},
        dates={"public": public, "infos": infos},
    )
    assert module._off(path, {"a": cloud, "b": cloud}).tolist() == [False, True, False, True]
    assert not module._off(path, {}).any()


def test_a_deviation_that_never_changes_neither_grows_nor_explodes():
    """Its size has no spread: the growth is nothing, and known exactly."""
    still = np.full(4_000, 0.3)
    assert growth_rate(still) == (0.0, 0.0) and explosion(still, 1.0) == np.inf
