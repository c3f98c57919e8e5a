"""Long simulations: each measure on a process whose answer is known, and on economies that are right or made to explode."""

import dataclasses
import itertools

import jax
import numpy as np
import pytest
import scipy.stats
from jaxtyping import Array

import walras as w
from tests.report_fixtures import krusell_smith
from walras._core.errors import InputError
from walras.diagnose.long_horizon import (
    BATCHES,
    agreement,
    explosion,
    growth_rate,
    off_manifold,
    persistence,
    stretch_errors,
)
from walras.diagnose.reliability import RestartBottom, pass_all
from walras.economies.brock_mirman import Consumption
from walras.economy.rule import Rule, ViewInformation


def autoregressive(root, seed, shape=(1, 20_000)):
    """x_next = root x + normal noise, from the long run."""
    draws = np.random.default_rng(seed).standard_normal(shape)
    x = np.empty(shape)
    x[:, 0] = draws[:, 0] / np.sqrt(1 - root**2)
    for t in range(1, shape[1]):
        x[:, t] = root * x[:, t - 1] + draws[:, t]
    return x


def test_persistence_counts():
    """On, on, off, off, on, off: one of two dates after an off one is off, two of three after an on one."""
    off = np.array([[False, False, True, True, False, True]])
    assert persistence(off) == pytest.approx(1 / 2 - 2 / 3)
    assert persistence(np.zeros((2, 9), bool)) is None


def test_persistence_of_a_chain_with_known_persistence():
    """Off stays off with .5, on goes off with .273: each off date raises the chance of the next by .227 (Lee 2026)."""
    draws = np.random.default_rng(0).random((4, 50_000))
    off = np.zeros(draws.shape, bool)
    for t in range(1, draws.shape[1]):
        off[:, t] = draws[:, t] < np.where(off[:, t - 1], 0.5, 0.273)
    # s.e. of a slope of 200,000 pairs: √(1 − ρ²)/√n = .0022
    assert persistence(off) == pytest.approx(0.227, abs=4 * 0.0022)


def test_off_manifold_of_normal_points():
    """In two dimensions the squared distance of a normal point is χ²(2), whatever its covariance."""
    generator = np.random.default_rng(3)
    mix = np.array([[2.0, 0.0], [1.9, 0.1]])
    cloud, points = (generator.standard_normal((n, 2)) @ mix.T + 5.0 for n in (200_000, 200_000))
    share = off_manifold(cloud, points).mean()
    assert share == pytest.approx(0.001, abs=4 * np.sqrt(2 * 0.001 / 200_000))
    # Along the cloud's long axis far is near, across it near is far.
    assert off_manifold(cloud, np.array([[11.0, 10.7], [5.5, 4.5], [np.nan, 5.0]])).tolist() == [False, True, True]
    twice = off_manifold(np.column_stack([cloud, cloud[:, 0]]), np.column_stack([points, points[:, 0]]))
    assert (twice == off_manifold(cloud, points)).all()  # a coordinate that is there twice changes nothing


@pytest.mark.parametrize("root", [0.0, 0.9])
def test_drift_has_the_size_that_it_claims(root):
    """Over 400 paths without drift, |t| passes its 5 % value in some 5 %; a shift by ten standard errors is seen."""
    x = autoregressive(root, 7, (400, 4_000))
    found = agreement(x, 0.0, np.inf)
    critical = scipy.stats.t.ppf(0.975, BATCHES - 2)
    assert np.mean(np.abs(found.drifts) > critical) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 400))
    error = np.sqrt(4 / (4_000 * (1 - root) ** 2))  # of the difference of two halves' means
    moved = x + 10 * error * (np.arange(4_000) >= 2_000)
    assert np.median(agreement(moved, 0.0, np.inf).drifts) == pytest.approx(10, rel=0.15)


def test_growth_and_explosion_of_a_closed_loop():
    """x₀ λᵗ with λ = 1.01: growth ln λ, explosion at ln(limit/x₀)/ln λ, whether that date was seen or lies ahead."""
    root, start = 1.01, 1e-3
    x = start * root ** np.arange(2_000)
    assert growth_rate(x)[0] == pytest.approx(np.log(root), rel=1e-10)
    date = lambda limit: np.log(limit / start) / np.log(root)  # noqa: E731
    assert explosion(x, 10.0) == np.ceil(date(10.0)) == 926
    assert explosion(-x, 1e9) == pytest.approx(date(1e9), rel=1e-9) and date(1e9) > 2_000


def test_noise_around_an_unstable_root_explodes_and_around_a_stable_one_does_not():
    noisy = 1e-3 * 1.01 ** np.arange(2_000) * np.exp(0.3 * np.random.default_rng(0).standard_normal(2_000))
    assert explosion(noisy, 1e9) == pytest.approx(np.log(1e12) / np.log(1.01), rel=0.02)
    assert np.isinf([explosion(x, 1e3, tests=50) for x in autoregressive(0.99, 1, (50, 4_000))]).all()
    assert explosion(np.where(np.arange(2_000) < 70, 0.1, np.nan), 1.0) == 70


def test_paths_that_differ_are_seen_and_others_are_not():
    x = autoregressive(0.5, 5, (4, 4_000))
    found = agreement(x, 0.0, np.inf)
    critical = scipy.stats.f.ppf(0.99, 3, 4 * (BATCHES - 1))
    assert found.apart < critical < agreement(x + 0.3 * np.arange(4)[:, None], 0.0, np.inf).apart
    assert found.sds == pytest.approx(np.full(4, 1 / np.sqrt(0.75)), rel=0.05)


def test_stretches():
    sample = {"error": np.repeat([1e-2, -1e-3, 1e-4, 1e-5, 1e-6], 4)[:, None] * np.ones(3), "weight": np.ones((20, 3))}
    assert stretch_errors(sample) == pytest.approx([-2, -3, -4, -5, -6])


def test_krusell_smith_is_in_order():
    """Some 27 times as many dates as a path of the solve, on fresh shocks: a correct solution passes."""
    found = w.long_horizon(krusell_smith(), dates=4_000, seeds=2)
    assert found.passed, found.reasons
    figures = {f.figure: f.value for f in found.findings}
    assert {"den_haan_max_percent", "off_manifold_percent", "drift_t", "growth_percent", "between_paths_f"} <= set(figures)
    assert figures["exploding_paths"] == 0 and np.isinf(found.explodes).all()
    assert figures["euler_log10_stretch"] == found.euler.max() < -4
    assert found.off.shape == (2, 4_000) and found.series["household_K"].means == pytest.approx([39.4, 39.4], rel=0.02)
    assert "in order" in str(found) and "NOT" not in str(found)


class Escaping(Rule):
    """Next capital is rest + 1.01 (k − rest), whatever the shocks: a closed loop with that eigenvalue."""

    rest: Array
    information: ViewInformation

    def __call__(self, own, view, info, *, key=None):
        """What is left of output after that."""
        return Consumption(view.R * own.k + view.w - self.rest - 1.01 * (own.k - self.rest))


def test_an_injected_instability_is_flagged(solved):
    """Capital at k* + 1e-4 escapes at 1 % a date, from every path, so that every number of the report is known."""
    solution = solved(w.economies.BrockMirman.textbook)
    rest = 0.19
    rule = Escaping(jax.numpy.asarray(rest), ViewInformation())
    economy = jax.tree_util.tree_map(jax.numpy.asarray, solution.loop.economy)
    cross = {"household": dataclasses.replace(economy.cross["household"], k=0 * economy.cross["household"].k + rest + 1e-4)}
    loop = dataclasses.replace(solution.loop, learners={"household": rule}, economy=dataclasses.replace(economy, cross=cross))
    lab = dataclasses.replace(solution.lab, learners={"household": w.learners.Fixed(rule)})
    found = w.long_horizon(dataclasses.replace(solution, lab=lab, loop=loop), dates=2_000, seeds=2, bound=100.0)
    assert not found.passed and {"exploding_paths", "growth_percent", "off_manifold_percent"} <= {
        f.figure for f in found.findings if not f.passed
    }
    capital = rest + 1e-4 * 1.01 ** np.arange(2_000)
    training = capital[: solution.lab.shocks.shape[1]]
    limit = 100 * np.abs(training - training.mean()).max()
    expected = np.log((limit + training.mean() - rest) / 1e-4) / np.log(1.01)
    assert found.series["household_K"].explodes == pytest.approx([np.ceil(expected)] * 2)
    assert "NOT in order" in str(found) and "explode" in " ".join(found.reasons)


def test_what_cannot_be_looked_at_is_refused():
    solution = krusell_smith()
    with pytest.raises(InputError, match="nothing moves"):
        w.long_horizon(dataclasses.replace(solution, lab=dataclasses.replace(solution.lab, stationary=True)))
    with pytest.raises(InputError, match="500 dates"):
        w.long_horizon(solution, dates=500)


def test_pass_all_is_unbiased():
    """Its expectation over the binomial number of successes is pᵏ exactly; that of the share's k-th power is not."""
    n, p = 9, 0.7
    chance = scipy.stats.binom.pmf(np.arange(n + 1), n, p)
    for k in range(1, n + 1):
        assert chance @ [pass_all(s, n, k) for s in range(n + 1)] == pytest.approx(p**k, rel=1e-12)
    assert chance @ (np.arange(n + 1) / n) ** 3 > p**3 * 1.1
    runs = [True, True, False, True, False]  # by listing all subsets of three
    subsets = list(itertools.combinations(runs, 3))
    assert pass_all(3, 5, 3) == pytest.approx(sum(all(s) for s in subsets) / len(subsets))
    with pytest.raises(InputError, match="Make at least k runs"):
        pass_all(3, 5, 6)


def test_restarting_the_bottom_gains_what_the_correlation_says():
    """Score and outcome normal with correlation ρ, success above c: the worst third succeeds with P(y > c | x < q).

    A restarted run succeeds like any: the share rises by f (p − p_f), the bivariate normal's integral.
    """
    rho, cut, fraction, runs = 0.6, 0.3, 1 / 3, 300_000
    generator = np.random.default_rng(0)
    score, noise, score2, noise2 = generator.standard_normal((4, runs))
    succeeds = lambda x, e: rho * x + np.sqrt(1 - rho**2) * e > cut  # noqa: E731
    rule = RestartBottom(fraction, at=0.5)
    chosen, success = rule.chosen(score), succeeds(score, noise)
    after = np.where(chosen, succeeds(score2, noise2), success)
    low = scipy.stats.norm.ppf(fraction)
    both = scipy.stats.multivariate_normal(cov=[[1, -rho], [-rho, 1]]).cdf([low, -cut])  # x < q and y > c
    predicted = fraction * scipy.stats.norm.sf(cut) - both
    assert predicted > 0.05  # the correlation matters
    error = np.sqrt(0.25 * 2 * fraction / runs)
    assert after.mean() - success.mean() == pytest.approx(predicted, abs=4 * error)
    assert rule.gain(score, success) == pytest.approx(predicted, abs=4 * error)


def test_the_gain_is_exact_over_all_restarts():
    """Six runs, two restarted: the mean over all pairs of runs that may replace them."""
    score = np.array([0.9, 0.1, 0.5, np.nan, 0.7, 0.3])
    success = np.array([True, False, True, False, True, False])
    rule = RestartBottom(1 / 3, at=0.5)
    chosen = rule.chosen(score)
    assert chosen.tolist() == [False, True, False, True, False, False]
    shares = []
    for pair in itertools.product(success, repeat=2):
        again = success.copy()
        again[chosen] = pair
        shares.append(again.mean())
    assert np.mean(shares) - success.mean() == pytest.approx(rule.gain(score, success)) == pytest.approx(1 / 6)
    assert [done for done in range(1, 11) if rule.due(done, 10)] == [5]
    with pytest.raises(InputError, match="fraction is a share"):
        RestartBottom(1.0, 0.5)
