"""CRRA utility: values, slopes in consumption and in risk aversion, inverses, consumption equivalents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras.economy.preferences import consumption_equivalent, crra, crra_inverse_marginal

CONSUMPTION = [0.01, 0.5, 1.0, 3.0, 40.0]
AVERSION = [0.0, 0.5, 1.0, 1.5, 2.0, 5.0]


def f(x):
    return jnp.asarray(float(x))


@pytest.mark.parametrize("c", CONSUMPTION)
@pytest.mark.parametrize("gamma", AVERSION)
def test_value_and_slopes(c, gamma):
    value = float(crra(f(c), f(gamma)))
    expected = np.log(c) if gamma == 1 else (c ** (1 - gamma) - 1) / (1 - gamma)
    np.testing.assert_allclose(value, expected, rtol=1e-13, atol=1e-15)
    # u' = c^(−γ), u'' = −γ c^(−γ−1): exact derivatives, the second through the hand-written first.
    np.testing.assert_allclose(float(jax.grad(crra)(f(c), f(gamma))), c**-gamma, rtol=1e-14)
    np.testing.assert_allclose(float(jax.grad(jax.grad(crra))(f(c), f(gamma))), -gamma * c ** (-gamma - 1), rtol=1e-13)


@pytest.mark.parametrize("c", [0.3, 2.5])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_slope_in_risk_aversion(c, gamma):
    # Against central differences of the formula by logs, step 1e-4: error u_γγγ h²/6 ≈ 1e-7 of the value.
    formula = lambda g: np.expm1((1 - g) * np.log(c)) / (1 - g)  # noqa: E731
    by_difference = (formula(gamma + 1e-4) - formula(gamma - 1e-4)) / 2e-4
    slope = float(jax.grad(crra, argnums=1)(f(c), f(gamma)))
    np.testing.assert_allclose(slope, by_difference, rtol=1e-6)
    if gamma == 1:
        np.testing.assert_allclose(slope, -0.5 * np.log(c) ** 2, rtol=1e-15)  # limit of the difference quotient


def test_log_is_the_limit():
    # (c^(1−γ) − 1)/(1−γ) = log c + (1−γ)/2 log² c + O((1−γ)²), on both sides of one.
    for distance in (1e-6, -1e-6, 1e-10):
        value = float(crra(f(3.0), f(1 - distance)))
        np.testing.assert_allclose(value, np.log(3) + distance / 2 * np.log(3) ** 2, rtol=1e-11)


def test_inverse_of_marginal_utility():
    c = jnp.asarray(CONSUMPTION)
    for gamma in (0.5, 1.0, 4.0):
        np.testing.assert_allclose(crra_inverse_marginal(c**-gamma, f(gamma)), c, rtol=1e-14)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 3.0])
def test_consumption_equivalent_undoes_a_scale(gamma):
    # Two risky streams that differ by a factor of 1.07 at every date: the equivalent is .07, whatever the risks.
    beta, path = 0.93, np.exp(np.random.default_rng(0).normal(0, 0.3, 4000))
    weights = beta ** np.arange(4000)  # the tail weighs e-126

    def value(scale):
        return jnp.sum(weights * jax.vmap(lambda c: crra(c, f(gamma)))(jnp.asarray(scale * path)))

    found = float(consumption_equivalent(value(1.07), value(1.0), f(gamma), f(beta)))
    np.testing.assert_allclose(found, 0.07, rtol=1e-11)
    assert abs(float(consumption_equivalent(value(1.0), value(1.0), f(gamma), f(beta)))) < 1e-15
