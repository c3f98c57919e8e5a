"""Finite chains: Rouwenhorst's exactness, binned normals, stationary distributions, validation."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from walras._core.errors import InputError
from walras.numerics.markov import binned, check_transition, rouwenhorst, stationary


@pytest.mark.parametrize("n", [2, 3, 7, 15])
@pytest.mark.parametrize("persistence", [0.0, 0.6, 0.966, -0.4])
def test_rouwenhorst_has_the_moments_of_the_ar1(n, persistence):
    # Kopecky and Suen (2010), Proposition 3: conditional means, unconditional variance, persistence exact for n >= 2.
    nodes, matrix = rouwenhorst(n, persistence, 0.3)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=0, atol=1e-15)
    assert matrix.min() >= 0
    np.testing.assert_allclose(matrix @ nodes, persistence * nodes, rtol=0, atol=1e-14)
    weights = stationary(matrix)
    assert abs(weights @ nodes) < 1e-14
    np.testing.assert_allclose(weights @ nodes**2, 0.09, rtol=1e-12)
    # Averaged over nodes: conditional variance = (1 − ρ²) sd² by the law of total variance.
    conditional = matrix @ nodes**2 - (matrix @ nodes) ** 2
    np.testing.assert_allclose(weights @ conditional, 0.09 * (1 - persistence**2), rtol=1e-12)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_rouwenhorst_rests_at_the_binomial(n):
    # Kopecky and Suen (2010), Proposition 1: the stationary distribution is Binomial(n − 1, 1/2) at any persistence.
    binomial = np.array([math.comb(n - 1, k) for k in range(n)]) / 2 ** (n - 1)
    for persistence in (0.1, 0.95):
        np.testing.assert_allclose(stationary(rouwenhorst(n, persistence, 1.0)[1]), binomial, rtol=0, atol=1e-13)


def test_rouwenhorst_tends_to_the_normal():
    # Excess kurtosis of a standardised Binomial(m, 1/2) is −2/m: it vanishes with the first power of the states.
    for n in (5, 9, 17):
        nodes, matrix = rouwenhorst(n, 0.8, 1.0)
        np.testing.assert_allclose(stationary(matrix) @ nodes**4 - 3, -2 / (n - 1), rtol=1e-10)


def test_two_states_by_hand():
    # p = (1 + ρ)/2 on the diagonal, nodes ± sd.
    nodes, matrix = rouwenhorst(2, 0.5, 0.2)
    np.testing.assert_array_equal(nodes, [-0.2, 0.2])
    np.testing.assert_array_equal(matrix, [[0.75, 0.25], [0.25, 0.75]])


def test_one_state_is_the_mean():
    nodes, matrix = rouwenhorst(1, 0.9, 0.2)
    assert nodes.tolist() == [0.0] and matrix.tolist() == [[1.0]]


@pytest.mark.parametrize(("n", "persistence", "sd"), [(0, 0.5, 1.0), (3, 1.0, 1.0), (3, -1.2, 1.0), (3, 0.5, -1e-3)])
def test_rouwenhorst_refuses(n, persistence, sd):
    with pytest.raises(InputError, match=f"n = {n}, persistence = {persistence}, sd = {sd}"):
        rouwenhorst(n, persistence, sd)


def test_binned_masses_are_integrals_of_the_density():
    # Second derivation: the conditional normal density integrated over one grid step around each node.
    nodes, matrix = binned(3, 0.6, 0.2)
    np.testing.assert_allclose(nodes, [-0.6, 0.0, 0.6], rtol=1e-15)
    conditional = 0.2 * 0.8  # sd (1 − .36)^½
    for i, start in enumerate(nodes):
        density = stats.norm(0.6 * start, conditional).pdf
        mass = np.array([integrate.quad(density, node - 0.3, node + 0.3, epsabs=1e-14)[0] for node in nodes])
        np.testing.assert_allclose(matrix[i], np.maximum(mass, 1e-10) / np.maximum(mass, 1e-10).sum(), rtol=1e-9)


def test_binned_overstates_the_variance_at_three_nodes():
    # As its docstring says: .23 for .2. Rouwenhorst at the same size: .2.
    nodes, matrix = binned(3, 0.6, 0.2)
    weights = stationary(matrix)
    assert math.sqrt(weights @ nodes**2) == pytest.approx(0.23, abs=0.005)


def test_stationary_of_two_states():
    # Leaving rates a and b: weights b/(a + b), a/(a + b).
    np.testing.assert_allclose(stationary(np.array([[0.9, 0.1], [0.4, 0.6]])), [0.8, 0.2], rtol=1e-14)


def test_stationary_with_transient_states():
    # State 0 is left for ever; 1 and 2 swap (a periodic class).
    matrix = np.array([[0.5, 0.3, 0.2], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(stationary(matrix), [0, 0.5, 0.5], rtol=0, atol=1e-14)


def test_stationary_is_a_fixed_point_of_a_random_chain():
    matrix = np.random.default_rng(0).dirichlet(np.full(30, 0.1), size=30)
    weights = stationary(matrix)
    np.testing.assert_allclose(weights @ matrix, weights, rtol=0, atol=1e-14)
    assert weights.min() >= 0 and abs(weights.sum() - 1) < 1e-15


def test_a_row_that_does_not_sum_to_one_is_named():
    good = np.array([[0.5, 0.5], [0.2, 0.8]])
    check_transition(good, "here")
    check_transition(np.stack([good, good]), "here")
    bad = np.stack([good, good])
    bad[1, 0, 1] = 0.4
    with pytest.raises(InputError, match=r"here: row \(1, 0\).*sum of 0.9"):
        check_transition(bad, "here")
    with pytest.raises(InputError, match=r"smallest entry of -0\.1"):
        check_transition(np.array([[1.1, -0.1], [0.0, 1.0]]), "here")
    with pytest.raises(InputError):
        check_transition(np.array([[np.nan, 1.0], [0.0, 1.0]]), "here")
