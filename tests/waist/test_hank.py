"""A HANK block: two unknowns a date, firm then household at each candidate, the bank after the market."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import identities, largest, simulate
from walras._core.results import RootStatus
from walras.economy import foc
from walras.economy.economy import Clear, Economy, Move, Timing
from walras.economy.population import Histogram, Representative
from walras.economy.rule import FunctionRule
from walras.economy.space import choose
from walras.numerics.interpolate import Axis
from walras.testing.toys import HankBlock
from walras.testing.toys.hank_block import FirmOwn, FirmView, HouseholdView, Inflation, Plan

POPULATIONS = {"firm": Representative(), "household": Histogram(Axis(0.0, 60.0, 5.0, 100)), "bank": Representative()}


class InWages(Economy):
    """The same block, cleared in (w, Y) instead of (mc, Y)."""

    block: HankBlock
    years_per_period: jax.Array

    @property
    def exogenous(self):
        return self.block.exogenous

    def marginal_cost(self, now):
        mc = now.prices["w"] / self.exogenous.value(now.exo)
        return dataclasses.replace(now, prices={"mc": mc, "Y": now.prices["Y"]})

    def timing(self):
        inner = self.block.timing()
        translate = lambda move: Move(move.agent, lambda now: move.sees(self.marginal_cost(now)), move.gets)  # noqa: E731
        return Timing(market={name: translate(move) for name, move in inner.market.items()}, after=inner.after)

    def market(self):
        guess = {"w": jnp.asarray(0.9), "Y": jnp.asarray(1.0)}
        return Clear(lambda now: self.block.excess(self.marginal_cost(now)), guess=guess)

    def accounts(self, now, after):
        return self.block.accounts(now, after)


def rules_of(block: HankBlock):
    """Rules that nobody has learnt: hours by their condition, a share of cash consumed that falls with R."""
    agent = block.household

    def household(own, view, info):
        assets, wage = view.R * own.b, view.w * agent.risk.value(own.e)
        share = (0.60 + 0.064 * assets) / (0.60 + assets)
        share = share / (share + (1 - share) * jnp.exp(20 * (view.R - 1.025)))
        base = assets + view.transfer
        # n c = w y with c = share (base + w y n): the positive root of a quadratic.
        n = 2 * wage / (share * base + jnp.sqrt((share * base) ** 2 + 4 * share * wage**2))
        return Plan(n, share * (base + wage * n))

    return {
        "household": FunctionRule(household),
        "firm": FunctionRule(lambda own, view, info: Inflation(0.5 * (view.mc - 0.9))),
        "bank": FunctionRule(lambda own, view, info: block.bank.conduct(own, view)),
    }


@pytest.fixture(scope="module")
def block():
    return HankBlock.small()


@pytest.fixture(scope="module")
def rules(block):
    return rules_of(block)


@pytest.fixture(scope="module")
def run(block, rules):
    return simulate(block, POPULATIONS, rules, 120, exo=1)


def test_imposed_markets_clear_and_goods_follow(block, run):
    seen = run.record
    z = np.asarray(block.exogenous.values)[np.asarray(seen.exo)]
    assert np.all(np.asarray(seen.status[0]) == RootStatus.BRACKETED)
    assert largest(seen.flows["household"]["L"] - seen.prices["Y"] / z) < 1e-10
    assert largest(seen.flows["household"]["S"] - 5.0) < 1e-10
    assert largest(identities(block, seen)["goods"]) < 1e-10  # not imposed
    assert largest(jnp.sum(run.final.cross["household"]) - 1) < 1e-12
    assert np.ptp(seen.prices["Y"]) > 0.02  # something happened


def test_the_cross_section_is_the_one_asked_for(run):
    # Bonds carried into a date are those asked for at the date before: the lottery keeps the mean.
    stocks, flows = run.record.stocks["household"]["B"], run.record.flows["household"]["S"]
    np.testing.assert_allclose(stocks[1:], flows[:-1], rtol=0, atol=1e-12)


def test_inconsistent_bonds_at_date_0_show_in_goods(rules):
    # Adding up budgets at date 0: C + B = R₀ B₀ + Y (1 − cost) − (R₀ − 1) B, so that goods miss by −R₀ (B₀ − B).
    other = HankBlock.small(b_birth=5.103)
    seen = simulate(other, POPULATIONS, rules, 120, exo=1).record
    goods = identities(other, seen)["goods"]
    R = (1 + seen.stocks["bank"]["i"]) / (1 + seen.flows["firm"]["Pi"])
    np.testing.assert_allclose(goods[0], -R[0] * 0.103, rtol=1e-10)
    assert abs(goods[0]) > 0.1
    assert largest(goods[1:]) < 1e-10


def test_bank_moves_after_the_market(run):
    # The rate of a date answers the inflation of the date before, and the return of a date its own inflation.
    rate, inflation = np.asarray(run.record.stocks["bank"]["i"]), np.asarray(run.record.flows["firm"]["Pi"])
    assert rate[0] == 0.025
    np.testing.assert_allclose(1 + rate[1:], 1.025 * (1 + inflation[:-1]) ** 0.5, rtol=1e-14)
    assert np.ptp(inflation) > 1e-3


def test_same_equilibrium_in_other_unknowns(block, rules, run):
    other = InWages(block, 1.0)
    seen = simulate(other, POPULATIONS, rules, 60, exo=1).record
    np.testing.assert_array_equal(seen.exo, run.record.exo[:60])
    np.testing.assert_allclose(seen.prices["Y"], run.record.prices["Y"][:60], rtol=1e-10)
    assert largest(identities(other, seen)["goods"]) < 1e-10


def test_rotemberg_condition_is_the_textbook_phillips_curve(block):
    # Textbook: Π(1+Π) = (ε/θ)(mc − (ε−1)/ε) + E[(Y'/Y) Π'(1+Π')/R'], R' = (1+i')/(1+Π'), for a firm like all others.
    # Derived: u_π + m_π E[discount · V_x'], which is −θ Y/(1 + Π) times (left − right).
    rng = np.random.default_rng(1)
    firm, probability = block.firm, jnp.asarray([0.2, 0.5, 0.3])
    epsilon, theta = float(firm.epsilon), float(firm.theta)

    def derived(mc, Y, Pi, mc_next, Y_next, Pi_next, i_next):
        view, outcome = FirmView(mc, Y, jnp.asarray(0.02), jnp.asarray(0)), {"Pi": Pi}
        own, choice = FirmOwn(jnp.asarray(1.0)), Inflation(Pi)
        own_next = firm.move(own, choice, view, outcome)

        def ahead(mc, Y, Pi):
            view_next = FirmView(mc, Y, i_next, jnp.asarray(0))
            slope = foc.marginal_value(firm, own_next, Inflation(Pi), view_next, {"Pi": Pi})
            return firm.discount(own_next, view_next, {"Pi": Pi}) * slope

        W = jnp.sum(probability * jax.vmap(ahead)(mc_next, Y_next, Pi_next))
        return foc.residual(firm, own, choice, view, outcome, W)[0]

    def textbook(mc, Y, Pi, mc_next, Y_next, Pi_next, i_next):
        R_next = (1 + i_next) / (1 + Pi_next)
        expected = jnp.sum(probability * Y_next / Y * Pi_next * (1 + Pi_next) / R_next)
        return Pi * (1 + Pi) - epsilon / theta * (mc - (epsilon - 1) / epsilon) - expected

    one, three = lambda low, high: rng.uniform(low, high, 30), lambda low, high: rng.uniform(low, high, (30, 3))
    points = (one(0.85, 0.95), one(0.8, 1.2), one(-0.05, 0.05), three(0.85, 0.95), three(0.8, 1.2), three(-0.05, 0.05))
    points = tuple(jnp.asarray(p) for p in (*points, one(0.0, 0.05)))
    gaps = jax.vmap(textbook)(*points)
    conditions = jax.vmap(derived)(*points)
    assert largest(gaps) > 1e-2
    np.testing.assert_allclose(-conditions * (1 + points[2]) / (theta * points[1]), gaps, rtol=0, atol=5e-15)


def test_set_of_hours_and_consumption_is_no_box(block):
    # The ceiling of c depends on n, and hours have a floor of their own: else the poor could not pay the tax.
    agent = block.household
    rng = np.random.default_rng(2)
    positions = jnp.asarray(rng.uniform(size=(4000, 2)))
    b = jnp.asarray(rng.exponential(2.0, 4000) * (rng.uniform(size=4000) > 0.2))
    e = jnp.asarray(rng.integers(0, 3, 4000))
    view = HouseholdView(*(jnp.asarray(x) for x in (1.02, 0.9, -0.3)), jnp.asarray(0))

    def next_stock(b, e, position):
        own = agent.limits().to(b=b, e=e)
        choice = choose(agent, own, view, position)
        return agent.move(own, choice, view, ()).b, choice.n

    inside, _ = jax.vmap(next_stock)(b, e, positions)
    assert float(jnp.min(inside)) >= -1e-15  # rounding of the tax of .3
    corner, _ = jax.vmap(next_stock)(b, e, positions.at[:, 1].set(1.0))
    assert largest(corner) < 1e-15
    _, least = jax.vmap(next_stock)(b, e, positions.at[:, 0].set(0.0))
    assert float(jnp.max(least)) > 0.1 > float(jnp.min(least)) == 0.0  # the floor binds for some
