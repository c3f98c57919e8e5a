"""`tax-economy`: conditions written by hand, aggregates of an independent solver, budgets, what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras._core.errors import InputError
from walras.economies import TaxEconomy
from walras.economies.taxpayer import AssetOwn, TaxView
from walras.economies.treasury import Treasury
from walras.economy import foc
from walras.economy.taxes import Brackets, Linear, Progressive, Wealth

POINTS = 300

TREASURIES = {
    "progressive": Treasury(0.0, 0.0, 0.065, Progressive(0.2, 0.1, 1e-3), Linear(0.0), 0.0, 0.0, 0.0, "spending"),
    "flat": Treasury(0.2, 0.3, 0.0, Linear(0.0), Linear(0.0), 0.1, 0.0, 0.0, "transfer"),
    "all at once": Treasury(
        0.1, 0.15, 0.05, Progressive(0.15, 0.2, 1e-3), Wealth(0.004, 0.1, 2.0), 0.05, 0.1, 0.5, "income.tau"
    ),
    "brackets": Treasury(
        0.05, 0.1, 0.05, Brackets([0.6, 2.0], [0.05, 0.2, 0.35], 0.1), Linear(0.002), 0.05, 0.1, 0.0, "spending"
    ),
}
CASES = [(name, ghh) for name in TREASURIES for ghh in (0.0, 1.0)]


def household(ghh, gamma=2.0):
    agent = TaxEconomy.standard().household
    return dataclasses.replace(agent, ghh=jnp.asarray(ghh), gamma=jnp.asarray(gamma), psi=jnp.asarray(1.3))


def drawn(seed, agent, taxes):
    """States, prices and feasible consumption."""
    rng = np.random.default_rng(seed)
    a, e = jnp.asarray(rng.gamma(1.0, 6.0, POINTS)), jnp.asarray(rng.integers(0, 7, POINTS))
    r, wage, at = (jnp.asarray(rng.uniform(*ends, POINTS)) for ends in ((-0.01, 0.08), (0.7, 1.6), (0.05, 0.95)))

    def one(a, e, r, wage, at):
        own, view = AssetOwn(a, e=e), TaxView(r, wage, taxes, jnp.asarray(0))
        space = agent.feasible(own, view, {}).c
        return own, view, type(agent.feasible(own, view, {}))(space.at(at))

    return jax.jit(jax.vmap(one))(a, e, r, wage, at)


def by_hand(agent, own, choice, view):
    """Hours, marginal value of assets and of spending, next assets; every derivative written out."""
    tax, y, c, n = view.taxes, agent.risk.value(own.e), choice.c, agent.hours(own, choice, view)
    i = view.w * y * n + view.r * own.a
    if isinstance(tax.income, Progressive):
        # Losses of the rich can leave an income below the floor: there the tax is the tangent at the floor.
        left, floor, xi = 1 - tax.income.tau, tax.income.floor, tax.income.xi
        marginal = jnp.where(i > floor, 1 - left * jnp.abs(i) ** -xi, 1 - left * floor**-xi)
        at_floor = floor - left * floor ** (1 - xi) / (1 - xi)
        straight = at_floor + (1 - left * floor**-xi) * (i - floor)
        paid = jnp.where(i > floor, i - left * jnp.abs(i) ** (1 - xi) / (1 - xi), straight)
    elif isinstance(tax.income, Brackets):
        rate, step, edge, width = tax.income.rates, jnp.diff(tax.income.rates), tax.income.thresholds, tax.income.width
        soft = lambda x: width * jnp.log1p(jnp.exp((x - edge) / width))  # noqa: E731
        paid = rate[0] * i + step @ (soft(i) - soft(0.0))
        marginal = rate[0] + step @ (1 / (1 + jnp.exp((edge - i) / width)))
    else:
        paid, marginal = tax.income.tau * i, tax.income.tau
    if isinstance(tax.wealth, Wealth):
        above = jnp.maximum(own.a / tax.wealth.exempt, 1.0)
        left = (1 - tax.wealth.tau) * above**-tax.wealth.xi
        on_wealth = jnp.where(above > 1, 1 - left, 0.0)
        kept = tax.wealth.exempt * (1 - tax.wealth.tau) * (above ** (1 - tax.wealth.xi) - 1) / (1 - tax.wealth.xi)
        wealth = jnp.maximum(own.a - tax.wealth.exempt, 0.0) - kept
    else:
        on_wealth, wealth = tax.wealth.tau, tax.wealth.tau * own.a
    work = agent.psi * n ** (1 + agent.eta) / (1 + agent.eta)
    worth = (c - agent.ghh * work) ** -agent.gamma / (1 + tax.tau_c)
    hours = agent.psi * n**agent.eta * jnp.where(agent.ghh == 1, worth * (1 + tax.tau_c), 1.0)
    pays = worth * view.w * y * (1 - tax.tau_n - marginal)
    value = worth * (1 - on_wealth + view.r * (1 - tax.tau_k - marginal))
    flat = tax.tau_n * view.w * y * n + tax.tau_k * view.r * own.a
    a_next = own.a + i - paid - flat - wealth + tax.transfer - (1 + tax.tau_c) * c
    return hours / pays - 1, value, worth, a_next


@pytest.mark.parametrize(("taxes", "ghh"), CASES)
def test_conditions_are_those_written_by_hand(taxes, ghh):
    # V_a = λ (1 − T_a' + r (1 − τ_k − T')), λ = u_c/(1 + τ_c) = W, and ψ n^η (… u_c after GHH) = λ w y (1 − τ_n − T').
    agent = household(ghh)
    own, view, choice = drawn(1, agent, TREASURIES[taxes])
    at = jax.jit(
        jax.vmap(lambda o, v, c: (*by_hand(agent, o, c, v), foc.margins(agent, o, c, v, ()), agent.move(o, c, v, ()).a))
    )
    hours, value, worth, a_next, slopes, moved = at(own, view, choice)
    assert np.abs(hours).max() < 1e-12
    np.testing.assert_allclose(jax.vmap(lambda s: s.value)(slopes), value, rtol=1e-12)
    np.testing.assert_allclose(-slopes.u_c[:, 0] / slopes.m_c[:, 0], worth, rtol=1e-12)
    np.testing.assert_allclose(moved, a_next, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("taxes", "ghh"), CASES)
def test_the_inverse_leads_back(taxes, ghh):
    # From (c, a) to W and a', and back to the same (c, a).
    agent = household(ghh)
    own, view, choice = drawn(2, agent, TREASURIES[taxes])

    def there_and_back(o, v, c):
        slopes = foc.margins(agent, o, c, v, ())
        back, start = agent.invert(
            -slopes.u_c[0] / slopes.m_c[0], AssetOwn(jnp.ones(()), e=o.e), v, (), agent.move(o, c, v, ())
        )
        return back.c, start.a

    c, a = jax.jit(jax.vmap(there_and_back))(own, view, choice)
    np.testing.assert_allclose(c, choice.c, rtol=1e-9)
    np.testing.assert_allclose(a, own.a, rtol=1e-8, atol=1e-8)


def test_hours_have_second_derivatives():
    # The implicit derivative of the root, twice, against differences of the first: deep learners differentiate margins.
    agent, taxes = household(0.0), TREASURIES["progressive"]
    view = TaxView(jnp.asarray(0.04), jnp.asarray(1.2), taxes, jnp.asarray(0))

    def hours(a):
        return agent.hours(
            AssetOwn(a, e=jnp.asarray(3)), type(agent.feasible(AssetOwn(a, e=jnp.asarray(3)), view, {}))(0.3 + a), view
        )

    first = jax.jit(jax.grad(hours))
    second = float(jax.jit(jax.grad(jax.grad(hours)))(2.0))
    np.testing.assert_allclose(second, float(first(2.0 + 1e-5) - first(2.0 - 1e-5)) / 2e-5, rtol=1e-8)
    np.testing.assert_allclose(float(first(2.0)), float(hours(2.0 + 1e-5) - hours(2.0 - 1e-5)) / 2e-5, rtol=1e-8)


# Capital, labour, hours, r by an independent endogenous-grid solver (`conditions-and-planner-measured`, section 5).
MEASURED = {
    "standard": {"K": 4.7571, "L": 0.9211, "N": 0.8989, "C": 1.0345, "r": 0.04588},
    "taxai": {"K": 8.7707, "L": 0.9522, "N": 0.9169, "C": 1.1205, "r": 0.01586},
    "superstar": {"K": 9.8283, "L": 1.0615, "N": 0.9181, "C": 1.1939, "r": 0.01559},
}


@pytest.mark.parametrize(
    "calibration",
    ["standard", pytest.param("taxai", marks=pytest.mark.slow), pytest.param("superstar", marks=pytest.mark.slow)],
)
def test_aggregates_of_an_independent_solver(calibration):
    # K within .1 %; prices within the digits given.
    now = w.rest(getattr(TaxEconomy, calibration)(), preset="fast").now()
    known, flow = MEASURED[calibration], now.flows["household"]
    np.testing.assert_allclose(float(now.stocks["household"]["A"]), known["K"], rtol=1e-3)
    np.testing.assert_allclose([float(flow[k]) for k in "LNC"], [known[k] for k in "LNC"], rtol=1e-3)
    np.testing.assert_allclose(float(now.prices["r"]), known["r"], atol=2e-5)


def test_hours_are_best_between_nodes_too():
    # Intratemporal residual of the solved rule at points that are no nodes.
    standing = w.rest(TaxEconomy.standard(), preset="fast")
    agent, view = standing.date.agent, standing.now().views["household"]
    a, e = jnp.asarray(np.random.default_rng(0).gamma(1.0, 6.0, 2000)), jnp.asarray(np.arange(2000) % 7)

    def residual(a, e):
        own = AssetOwn(a, e=e)
        return by_hand(agent, own, standing.rule(own, view, (jnp.asarray(0), ())), view)[0]

    assert np.abs(jax.jit(jax.vmap(residual))(a, e)).max() < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("closes", ["transfer", "tau_n", "tau_k", "tau_c", "income.tau"])
def test_every_instrument_closes_the_budget(closes):
    # The same spending, paid by another instrument: taxes paid = spending + transfer + r debt.
    government = Treasury(0.1, 0.1, 0.02, Linear(0.05), Linear(0.0), 0.02, 0.15, 0.5, closes)
    economy = dataclasses.replace(TaxEconomy.ghh(), government=government)
    now = w.rest(economy, preset="fast").now()
    taxes, r, flow = now.views["household"].taxes, now.prices["r"], now.flows["household"]
    np.testing.assert_allclose(float(flow["paid"]), float(0.15 + taxes.transfer + 0.5 * r), rtol=1e-9)
    K = float(now.stocks["household"]["A"]) - 0.5
    Y = K**0.36 * float(flow["L"]) ** 0.64
    np.testing.assert_allclose(Y, float(flow["C"]) + 0.15 + 0.08 * K, rtol=1e-9)


def test_an_income_tax_lifts_the_ceiling_of_the_interest_rate():
    # r above 1/β − 1 in `standard`, below (1/β − 1)/(1 − T').
    economy = TaxEconomy.standard()
    r = float(w.rest(economy, preset="fast").now().prices["r"])
    assert 1 / 0.96 - 1 < r < float(economy.ceiling(1.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"government.tau_n": 0.9}, "of the last unit of labour income nothing is left"),
        ({"government.tau_k": 0.95}, "of the last unit of capital income nothing is left"),
        ({"government.transfer": 3.0}, "no value of 'spending' closes the budget"),
        ({"government.debt": 200.0}, "no value of 'spending' closes the budget"),
        ({"government.tau_c": -1.5}, r"government.tau_c .* must lie in \(-1, inf\)"),
    ],
)
def test_what_no_budget_can_close_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        w.with_parameters(TaxEconomy.standard(), changes)
