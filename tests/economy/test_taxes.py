"""Tax schedules against their formulas, their integrals and each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras._core.errors import InputError, UnknownName
from walras._core.module import parameters_of
from walras.economies.treasury import Treasury
from walras.economy.taxes import Brackets, Linear, Progressive, Transfer, Wealth

BASES = jnp.asarray(np.geomspace(0.02, 400.0, 60))
SCHEDULES = {
    "linear": Linear(0.3),
    "progressive": Progressive(0.2, 0.1, 1e-3),
    "regressive": Progressive(0.2, -0.05, 1e-3),
    "brackets": Brackets([0.5, 2.0], [0.1, 0.25, 0.4], 0.05),
    "wealth": Wealth(0.01, 0.3, 4.0),
    "wealth, xi 1": Wealth(0.01, 1.0, 4.0),
    "transfer": Transfer(0.2),
}


def over(function, x=BASES):
    return np.asarray(jax.jit(jax.vmap(function))(x))


@pytest.mark.parametrize("name", SCHEDULES)
def test_marginal_rate_and_inverse(name):
    # T' against central differences; `before` undoes `after`, beyond the threshold and below it.
    schedule, h = SCHEDULES[name], 1e-6
    by_difference = (over(lambda x: schedule.tax(x * (1 + h))) - over(lambda x: schedule.tax(x * (1 - h)))) / (2 * h * BASES)
    np.testing.assert_allclose(over(schedule.marginal), by_difference, atol=2e-8)
    np.testing.assert_allclose(over(schedule.after), np.asarray(BASES) - over(schedule.tax), rtol=1e-15)
    np.testing.assert_allclose(over(lambda x: schedule.before(schedule.after(x))), BASES, rtol=1e-12)


def test_progressive_is_the_formula_of_heathcote_storesletten_and_violante():
    # Left of x: (1 − τ) x^(1−ξ)/(1 − ξ); elasticity of what is left with respect to x: 1 − ξ; T' = 1 − (1 − τ) x^(−ξ).
    x, schedule = np.asarray(BASES), Progressive(0.2, 0.181, 1e-3)
    np.testing.assert_allclose(over(schedule.after), 0.8 * x**0.819 / 0.819, rtol=1e-14)
    np.testing.assert_allclose(over(schedule.marginal), 1 - 0.8 * x**-0.181, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose((1 - over(schedule.marginal)) * x / over(schedule.after), 0.819, rtol=1e-13)
    np.testing.assert_allclose(over(Progressive(0.3, 0.0, 1.0).tax), 0.3 * x, rtol=1e-13)


def test_below_its_floor_the_progressive_tax_is_straight():
    # Tax and rate are continuous at the floor; the plain form has T' → −∞ at zero, this one stays.
    schedule = Progressive(0.2, 0.5, 0.04)
    low = jnp.linspace(0.0, 0.04, 9)
    np.testing.assert_allclose(over(schedule.marginal, low), 1 - 0.8 / 0.2, rtol=1e-13)
    np.testing.assert_allclose(float(schedule.tax(jnp.asarray(0.04))), 0.04 - 0.8 * 0.2 / 0.5, rtol=1e-13)
    np.testing.assert_allclose(float(schedule.tax(jnp.zeros(()))), -0.8 * 0.2 / 0.5 + 4 * 0.04, rtol=1e-13)


def test_brackets_are_the_integral_of_their_rates():
    # With kinks spread over 1e-3: τ_0 b_1 + τ_1 (b_2 − b_1) + τ_2 (x − b_2), exactly zero at zero, rates in each bracket.
    schedule = Brackets([0.5, 2.0], [0.1, 0.25, 0.4], 1e-3)
    x = jnp.asarray([0.0, 0.3, 0.5, 1.0, 5.0])
    exact = [0.0, 0.03, 0.05 + 0.15 * 1e-3 * np.log(2), 0.05 + 0.125, 0.05 + 0.375 + 1.2]
    np.testing.assert_allclose(over(schedule.tax, x), exact, rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(over(schedule.marginal, x), [0.1, 0.1, 0.175, 0.25, 0.4], rtol=1e-13)


def test_a_wealth_tax_leaves_the_poor_at_their_limit():
    # Up to the exemption nothing is paid and the last unit is worth one; the plain form is worth (1 − τ) a^(−ξ) → ∞ there.
    wealth, plain = Wealth(0.02, 0.05, 3.0), Progressive(0.02, 0.05, 1e-12)
    poor = jnp.linspace(0.0, 3.0, 7)
    assert np.all(over(wealth.tax, poor) == 0)
    assert np.all(over(wealth.marginal, poor[:-1]) == 0)
    assert 1 - float(plain.marginal(jnp.zeros(()))) > 3.9
    x = np.geomspace(3.01, 3000, 20)
    np.testing.assert_allclose(over(wealth.marginal, jnp.asarray(x)), 1 - 0.98 * (x / 3) ** -0.05, rtol=1e-12)
    # What is left above the exemption is the integral of what is left of each unit.
    exact = 3 + 0.98 * 3 * ((x / 3) ** 0.95 - 1) / 0.95
    np.testing.assert_allclose(over(wealth.after, jnp.asarray(x)), exact, rtol=1e-13)


@pytest.mark.parametrize("closes", ["spending", "transfer", "tau_k", "income.tau"])
def test_the_treasury_closes_by_the_instrument_it_names(closes):
    treasury = Treasury(0.2, 0.1, 0.05, Progressive(0.2, 0.1, 1e-3), Linear(0.0), 0.1, 0.3, 2.0, closes)
    assert float(treasury.at(jnp.asarray(0.25)).level()) == 0.25
    # 1.0 paid, .1 to each of two people, 2 of debt at 4 %, .3 spent: .42 is left.
    np.testing.assert_allclose(float(treasury.surplus(1.0, 0.04, 2.0)), 0.42, rtol=1e-14)


def test_bad_schedules_are_refused():
    with pytest.raises(InputError, match="one rate more than thresholds"):
        Brackets([0.5, 2.0], [0.1, 0.2], 0.05)
    with pytest.raises(InputError, match="ascending"):
        Brackets([2.0, 0.5], [0.1, 0.2, 0.3], 0.05)
    with pytest.raises(UnknownName, match="no closing instrument is called 'tau_l'"):
        Treasury(0.2, 0.1, 0.05, Linear(0.0), Linear(0.0), 0.1, 0.3, 2.0, "tau_l")
    with pytest.raises(InputError, match="no such rate"):
        Treasury(0.2, 0.1, 0.05, Transfer(0.0), Linear(0.0), 0.1, 0.3, 2.0, "income.tau")


def test_straight_lines_by_hand():
    # 30 % of 2; .2 to everybody, whatever they have, so that nobody's next unit is taxed. Their inverses take one step.
    linear, transfer = Linear(0.3), Transfer(0.2)
    two = jnp.asarray(2.0)
    np.testing.assert_allclose([float(linear.tax(two)), float(linear.marginal(two)), float(linear.after(two))], [0.6, 0.3, 1.4])
    np.testing.assert_allclose(
        [float(transfer.tax(two)), float(transfer.marginal(two)), float(transfer.after(two))], [-0.2, 0, 2.2]
    )
    assert Linear.straight and Transfer.straight
    assert not any(schedule.straight for schedule in (Progressive, Brackets, Wealth))
    assert "while" not in str(jax.make_jaxpr(linear.before)(two)) and "while" in str(
        jax.make_jaxpr(SCHEDULES["wealth"].before)(two)
    )


def test_a_marginal_rate_can_be_asked_at_a_whole_number():
    assert float(Linear(0.3).marginal(2)) == 0.3


def test_thresholds_may_be_close_but_not_the_same():
    # Nearer than one to each other they still ascend: .1 · .1 + .2 · .1 + .3 · .8 by the time of one.
    close = Brackets([0.1, 0.2], [0.1, 0.2, 0.3], 1e-4)
    np.testing.assert_allclose(float(close.tax(jnp.asarray(1.0))), 0.27, rtol=1e-6)
    assert float(Brackets([0.5], [0.1, 0.2], 0.05).tax(jnp.zeros(()))) == 0.0
    with pytest.raises(InputError, match=r"Brackets: .*got thresholds \[1.0, 1.0\], rates \[0.1, 0.2, 0.3\]"):
        Brackets([1.0, 1.0], [0.1, 0.2, 0.3], 0.05)
    with pytest.raises(InputError, match="one rate more than thresholds"):
        Brackets([0.5, 2.0], [0.1, 0.2, 0.3, 0.4], 0.05)
    with pytest.raises(InputError, match="ascending"):
        Brackets(np.array([[0.5, 2.0]]), [0.1, 0.2], 0.05)
    # Thresholds that are being differentiated cannot be looked at: dT/db = −(τ_1 − τ_0) well above the kink.
    slope = jax.grad(lambda b: Brackets(b[None], [0.1, 0.3], 1e-3).tax(jnp.asarray(5.0)))(jnp.asarray(1.0))
    np.testing.assert_allclose(float(slope), -0.2, rtol=1e-12)


def test_a_wealth_tax_whose_progressivity_is_one():
    # x = e³, exemption e: (e³ − e) − .99 e · 2; and it is the limit of ξ → 1, with a slope in ξ.
    e = np.e
    one = Wealth(0.01, 1.0, e)
    np.testing.assert_allclose(float(one.tax(jnp.asarray(e**3))), e**3 - e - 0.99 * e * 2, rtol=1e-13)
    np.testing.assert_allclose(float(Wealth(0.01, 1 - 1e-7, e).tax(jnp.asarray(e**3))), e**3 - e - 0.99 * e * 2, rtol=1e-6)
    np.testing.assert_allclose(float(one.marginal(jnp.asarray(e**3))), 1 - 0.99 / e**2, rtol=1e-13)
    by_tau = jax.grad(lambda tau: Wealth(tau, 1.0, e).tax(jnp.asarray(e**3)))(0.01)
    np.testing.assert_allclose(float(by_tau), 2 * e, rtol=1e-13)
    # ξ = 0: a flat rate above the exemption.
    np.testing.assert_allclose(float(Wealth(0.25, 0.0, 4.0).tax(jnp.asarray(10.0))), 1.5, rtol=1e-13)


@pytest.mark.parametrize(
    ("schedule", "bounds"),
    [
        ("linear", {"tau": (-np.inf, 1, False)}),
        ("progressive", {"tau": (-np.inf, 1, False), "xi": (-np.inf, 1, False), "floor": (0, np.inf, False)}),
        (
            "brackets",
            {"thresholds": (-np.inf, np.inf, False), "rates": (-np.inf, 1, False), "width": (0, np.inf, False)},
        ),
        ("wealth", {"tau": (-np.inf, 1, False), "xi": (0, 1, True), "exempt": (0, np.inf, False)}),
        ("transfer", {"amount": (-np.inf, np.inf, False)}),
    ],
)
def test_where_the_numbers_of_a_schedule_may_lie(schedule, bounds):
    # Rates below one, so that more is left of more; widths, floors and exemptions positive, since logs are taken of them.
    found = {name: (about["low"], about["high"], about["closed"]) for name, _, about in parameters_of(SCHEDULES[schedule])}
    assert found == bounds
