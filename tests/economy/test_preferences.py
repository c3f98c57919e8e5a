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


def test_slopes_in_both_arguments_add_up():
    # du = u_c dc + u_γ dγ with dc = 2, dγ = 3; at γ = 2, u = 1 − 1/c: u_c = 1/c², u_γ = log(c)/c − (1 − 1/c).
    c = 2.5
    value, slope = jax.jvp(crra, (f(c), f(2.0)), (f(2.0), f(3.0)))
    np.testing.assert_allclose(float(value), 1 - 1 / c, rtol=1e-14)
    np.testing.assert_allclose(float(slope), 2 / c**2 + 3 * (np.log(c) / c - 1 + 1 / c), rtol=1e-13)


def test_a_slope_that_nobody_asks_for_is_not_computed():
    # u' is one power; the slope in risk aversion needs the value's expm1 a second time.
    by_c = str(jax.make_jaxpr(lambda c, g: jax.jvp(lambda x: crra(x, g), (c,), (c,))[1])(f(2.0), f(3.0)))
    by_both = str(jax.make_jaxpr(lambda c, g: jax.jvp(crra, (c, g), (c, g))[1])(f(2.0), f(3.0)))
    assert by_both.count("expm1") == by_c.count("expm1") + 1


@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_a_consumption_equivalent_has_finite_slopes(gamma):
    # At γ = 1 λ = exp((1−β)(V − V_ref)) − 1: dλ/dV = (1 − β)(1 + λ). At γ = 2, k = −1/(1 − β): λ = (V_ref + k)/(V + k) − 1,
    # dλ/dV = −(V_ref + k)/(V + k)².
    V, reference, beta = -1.5, -2.0, 0.9
    slope = float(jax.grad(consumption_equivalent)(f(V), f(reference), f(gamma), f(beta)))
    shift = -1 / 0.1
    expected = 0.1 * np.exp(0.05) if gamma == 1 else -(reference + shift) / (V + shift) ** 2
    np.testing.assert_allclose(slope, expected, rtol=1e-13)


def test_marginal_utility_and_its_inverse_by_hand():
    # At γ = 2 a margin of ¼ is that of a consumption of two; a margin of four that of one half.
    np.testing.assert_allclose(crra_inverse_marginal(jnp.asarray([0.25, 4.0]), f(2.0)), [2.0, 0.5], rtol=1e-15)
