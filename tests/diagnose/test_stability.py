"""Eigenvalues of learning against closed forms: the cobweb, Muth and Lucas, games, and the loop of Krusell and Smith."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import walras as w
from tests.report_fixtures import krusell_smith
from walras._core.errors import InputError
from walras.diagnose.stability import (
    Stability,
    _derivative,
    damped,
    extragradient_play,
    gradient_play,
    learning_eigenvalues,
    learning_stability,
    loop_map,
)


def after(map_, x, rounds):
    """x after so many rounds."""
    for _ in range(rounds):
        x = map_(x)
    return x


def cobweb(k):
    """Farmers expect p, the market then gives 1 − k p (slope of supply over slope of demand: k); at rest p = 1/(1 + k)."""
    return lambda p: 1.0 - k * p


@pytest.mark.parametrize("k", [0.5, 3.0])
def test_cobweb(k):
    """T' = −k: undamped if k < 1, damped for d < 2/(1 + k), in one step for d = 1/(1 + k)."""
    found = learning_stability(cobweb(k), 0.2)
    assert found.eigenvalues == pytest.approx([-k]) and found.converges == (k < 1) and found.e_stable
    low, high = found.damping
    best, factor = found.best_damping
    assert low == 0 and high == pytest.approx(2 / (1 + k), rel=1e-14)
    assert best == pytest.approx(1 / (1 + k), rel=1e-14) and factor == pytest.approx(0, abs=1e-14)
    rest = 1 / (1 + k)
    assert damped(cobweb(k), best)(0.2) == pytest.approx(rest, rel=1e-14)
    # A hundredth inside the bound converges, a hundredth outside does not.
    for share, inside in ((0.99 * high, True), (1.01 * high, False)):
        assert (abs(after(damped(cobweb(k), share), 0.2, 200) - rest) < abs(0.2 - rest)) == inside
    assert (abs(after(cobweb(k), 0.2, 50) - rest) < 1e-3) == found.converges


@pytest.mark.parametrize(
    ("coefficient", "converges", "e_stable"), [(0.9, True, True), (1.1, False, False), (-0.5, True, True), (-3.0, False, True)]
)
def test_muth_and_lucas(coefficient, converges, e_stable):
    """p = μ + α pᵉ + δ w: the perceived law (a, b) becomes (μ + α a, δ + α b). E-stable if and only if α < 1.

    Muth's market has α < 0, Lucas' islands 0 < α < 1 (Evans and Honkapohja 2001, section 2.2).
    """
    law = lambda believed: {"a": 2.0 + coefficient * believed["a"], "b": 0.7 + coefficient * believed["b"]}  # noqa: E731
    found = learning_stability(law, {"a": 0.0, "b": 0.0})
    assert found.eigenvalues == pytest.approx([coefficient] * 2)
    assert (found.converges, found.e_stable) == (converges, e_stable)
    if e_stable:
        rest = {"a": 2.0 / (1 - coefficient), "b": 0.7 / (1 - coefficient)}
        assert damped(law, found.best_damping[0])({"a": 0.0, "b": 0.0}) == pytest.approx(rest)
    else:
        assert found.damping is None and found.best_damping is None
        assert "nothing converges" in found.verdict and "1.1" in found.verdict and "nothing converges" in str(found)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_bilinear_game(rate):
    """min over x, max over y of x y: gradients at once lead away by √(1 + rate²), extragradient ones do not.

    Their matrices are [[1, −r], [r, 1]] and [[1 − r², −r], [r, 1 − r²]].
    """
    losses = (lambda z: z[0] * z[1], lambda z: -z[0] * z[1])
    at = (jnp.asarray(0.3), jnp.asarray(-0.4))
    size = lambda z: float(np.hypot(*z))  # noqa: E731
    away, back = np.sqrt(1 + rate**2), np.sqrt((1 - rate**2) ** 2 + rate**2)
    for play, factor in ((gradient_play(losses, rate), away), (extragradient_play(losses, rate), back)):
        found = learning_stability(play, at)
        assert size(play(at)) / size(at) == pytest.approx(factor, rel=1e-14)
        assert found.radius == pytest.approx(factor, rel=1e-14) and found.converges == (factor < 1)
    naive = learning_stability(gradient_play(losses, rate), at)
    assert naive.damping is None and "extragradient" in naive.verdict
    assert sorted(naive.eigenvalues.imag) == pytest.approx([-rate, rate])


def test_rotation():
    """A turn by θ and a stretch by ρ = 1.2: t = ρ e^{±iθ}; the bound is 2 (1 − ρ cos θ)/(1 − 2ρ cos θ + ρ²)."""
    rho, theta = 1.2, 1.1
    turn = rho * np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    found = learning_stability(lambda x: jnp.asarray(turn) @ x, np.array([1.0, 0.0]))
    assert sorted(found.eigenvalues, key=lambda t: t.imag) == pytest.approx([rho * np.exp(s * 1j * theta) for s in (-1, 1)])
    slack, size = 1 - rho * np.cos(theta), 1 - 2 * rho * np.cos(theta) + rho**2
    best, factor = found.best_damping
    assert not found.converges and found.e_stable
    assert found.damping[1] == pytest.approx(2 * slack / size)
    assert best == pytest.approx(slack / size) and factor == pytest.approx(rho * np.sin(theta) / np.sqrt(size))


def test_best_damping_of_two_eigenvalues():
    """Real eigenvalues from a to b: d = 2/(2 − a − b), factor (b − a)/(2 − a − b) (Richardson's iteration)."""
    a, b = -2.0, 0.5
    found = learning_stability(lambda x: np.array([a, b]) * x, np.array([1.0, 1.0]))
    assert found.best_damping == pytest.approx((2 / (2 - a - b), (b - a) / (2 - a - b)))


def large(values):
    """A linear map with these eigenvalues, of which no coordinate is an eigenvector."""
    basis = np.linalg.qr(np.random.default_rng(1).standard_normal((len(values), len(values))))[0]
    matrix = jnp.asarray(basis @ np.diag(values) @ basis.T)
    return lambda x: matrix @ x


def test_large_maps_leave_room_for_what_was_not_seen():
    """Of 200 eigenvalues three are asked for; damping must hold for all: it is judged on the disk that holds the rest."""
    values = np.concatenate([[0.9, 0.8, 0.7], np.linspace(-0.69, 0.69, 197)])
    found = learning_stability(large(values), np.ones(200), n=3)
    assert found.eigenvalues == pytest.approx([0.9, 0.8, 0.7], rel=1e-10)
    assert np.abs(found.edge).max() == pytest.approx(0.7)
    assert found.damping[1] == pytest.approx(2 / 1.7) and found.damping[1] < 2 / 1.69
    assert learning_eigenvalues(large(values), np.ones(200), n=1) == pytest.approx([0.9])


def test_large_maps_with_many_eigenvalues_outside():
    """Thirty eigenvalues from −4 to −2: more than are asked for, all E-stable; the rightmost tell."""
    values = np.concatenate([np.linspace(-4, -2, 30), np.linspace(-0.5, 0.5, 100)])
    found = learning_stability(large(values), np.ones(130), n=4)
    assert not found.converges and found.e_stable and found.largest_real_part == pytest.approx(0.5)
    assert 0 < found.damping[1] <= 2 / 5 * (1 + 1e-12)
    unstable = learning_stability(large(np.where(values == 0.5, 1.5, values)), np.ones(130), n=4)
    assert not unstable.e_stable and unstable.largest_real_part == pytest.approx(1.5)


def test_a_map_that_forgets_everything():
    found = learning_stability(lambda x: jnp.full(100, 3.0), np.ones(100))
    assert found.radius == 0 and found.converges and found.best_damping == pytest.approx((1, 0))


def test_what_is_no_map_is_refused():
    with pytest.raises(InputError, match="took 2 real numbers and gave 1"):
        learning_eigenvalues(lambda x: x[:1], np.ones(2))
    with pytest.raises(InputError, match="not finite"):
        learning_eigenvalues(lambda x: jnp.log(x), np.zeros(2))
    with pytest.raises(InputError, match="0 real numbers"):
        learning_eigenvalues(lambda x: x, 3)


def test_krusell_smith():
    """The factor by which the loop's changes shrink, after enough rounds, is the modulus of the largest eigenvalue.

    Where the solve stops (round 20) the changes still shrink by .88: the slow direction is there, but small.
    """
    solution = krusell_smith()
    found = w.stability(solution, n=4, rounds=300)
    assert isinstance(found, Stability) and found.converges and found.e_stable
    assert set(found.observed) == {"rule", "law", "cross"}
    for name, rate in found.observed.items():
        assert 1 - rate == pytest.approx(1 - found.radius, rel=0.03), name
    early = w.stability(solution, n=1)
    assert early.radius == pytest.approx(found.radius, abs=5e-3) and early.gap > found.gap
    assert all(rate < 0.95 for rate in early.observed.values())
    assert found.slowest == "economy.cross.household" and "converge" in found.verdict


def test_the_derivative_is_that_of_the_loop():
    """Rounds from either side of where the solve ended differ as the derivative says: in the law, in all."""
    map_, x, _ = loop_map(krusell_smith())
    assert set(x) == {f"learners.household.{part}" for part in ("table.table", "belief.law", "belief.views")} | {
        "economy.cross.household"
    }
    flat, unravel = ravel_pytree(x)
    way = np.abs(flat) * np.random.default_rng(0).uniform(-1, 1, flat.size)
    at = lambda step: np.asarray(_derivative(jnp.asarray(way), map_, unravel(flat + step * way), dict.fromkeys(x))[0])  # noqa: E731
    slope = np.asarray(_derivative(jnp.asarray(way), map_, x, dict.fromkeys(x))[1])
    law, by_differences = (
        np.asarray(unravel(jnp.asarray(v))["learners.household.belief.law"]) for v in (slope, (at(1e-6) - at(-1e-6)) / 2e-6)
    )
    assert by_differences == pytest.approx(law, rel=1e-3, abs=1e-6) and np.abs(law).max() > 1e-3


def test_rounds_that_are_no_fixed_map_are_refused():
    solution = krusell_smith()
    resting = dataclasses.replace(solution.lab, stationary=True)
    with pytest.raises(InputError, match="bracketing search"):
        w.stability(dataclasses.replace(solution, lab=resting))
    fresh = dataclasses.replace(solution.lab, learners={"household": w.learners.StructuralRL()})
    with pytest.raises(InputError, match="StructuralRL of household gets new shocks"):
        w.stability(dataclasses.replace(solution, lab=fresh))
