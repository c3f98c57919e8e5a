"""Curry et al. in small: posted prices, rationing, a rebate, a leader paid by what its followers achieve."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import UniformRule, compiled_run, identities, largest, simulate
from walras._core.errors import InputError
from walras.economy.period import start
from walras.economy.population import Finite, Representative, Step
from walras.economy.rule import FunctionRule
from walras.testing.toys import CurrySmall
from walras.testing.toys.curry_small import Posted, Posting, Taxes, Wish

POPULATIONS = {"consumer": Finite(5), "firm": Finite(2), "government": Representative()}
MONEY = 5 * 2000.0 + 2 * 2.2e6 + 15_000.0  # consumers, firms, capital: 4.425 million


@pytest.fixture(scope="module")
def economy():
    return CurrySmall.five_and_two()


@pytest.fixture(scope="module")
def rules(economy):
    return {
        "consumer": UniformRule(economy.consumer, ((2,), (), ())),
        "firm": UniformRule(economy.firm, ((), ())),
        "government": UniformRule(economy.government, ((), ())),
    }


def everything(now, before):
    """The whole record of a date."""
    return now


@pytest.fixture(scope="module")
def run(economy, rules):
    return simulate(economy, POPULATIONS, rules, 40, record=everything)


def test_random_play_reaches_every_branch(run):
    now = run.record
    asked, stock = np.asarray(now.flows["consumer"]["goods"]), np.asarray(now.stocks["firm"]["y"])
    assert np.any(asked > stock) and np.any((asked < stock) & (asked > 0))  # rationed, and not
    assert np.any(np.asarray(now.outcome["firm"]["tax"]) > 0) and np.any(np.asarray(now.outcome["firm"]["profit"]) < 0)
    assert len(np.unique(np.asarray(now.stocks["firm"]["p"]))) == 6  # the whole grid of prices


def test_money_and_goods_are_conserved(economy, run):
    # Rounding of sums of 4.4 million: 40 dates × 4.4e6 × 2.2e-16 ≈ 4e-8 at most.
    found = identities(economy, run.record)
    assert largest(found["money"]) < 1e-8
    assert largest(found["goods"]) < 1e-9  # stocks of a few hundred
    held = run.final.cross
    wealth = jnp.sum(held["consumer"].m) + jnp.sum(held["firm"].m) + jnp.sum(held["firm"].k)
    assert abs(float(wealth) - MONEY) < 1e-7
    assert float(jnp.min(run.record.cross["consumer"].own.m)) >= 0.0


def test_posted_prices_are_those_of_their_owners(run):
    # One-hot sums: a firm's price arrives as posted, not as an average (mass / n is one).
    chosen, posted = np.asarray(run.record.choices["firm"].p), np.asarray(run.record.prices["p"])
    np.testing.assert_array_equal(posted[1:], chosen[:-1])
    np.testing.assert_array_equal(posted[0], [1500.0, 1500.0])  # the middle of the grid


def test_two_taxes_two_timings(run):
    # τ is a leader's choice of the same date, σ was announced at the date before.
    choice, prices = run.record.choices["government"], run.record.prices
    np.testing.assert_array_equal(prices["tau"], choice.tau[:, 0])
    np.testing.assert_array_equal(prices["sigma"][1:], choice.sigma[:-1, 0])
    assert float(prices["sigma"][0]) == 0.2


def test_government_is_paid_the_consumers_payoffs(run):
    # Settled last although it moved first: the difference is exactly zero.
    paid, payoffs = run.record.payoff["government"][:, 0], run.record.payoff["consumer"]
    np.testing.assert_allclose(paid, jnp.sum(payoffs, axis=1), rtol=1e-14)
    assert float(jnp.std(paid)) > 1.0


def test_rebate_is_the_revenue(run):
    # By individuals: τ w h of each consumer and σ max(profit before tax, 0) of each firm, paid back in equal parts.
    now = run.record
    wages = jnp.take_along_axis(now.prices["w"], now.choices["consumer"].employer, axis=1) * now.choices["consumer"].hours
    gross = now.prices["p"] * now.outcome["firm"]["sold"]
    for i in (0, 1):
        paid = jnp.sum(jnp.where(now.choices["consumer"].employer == i, wages, 0.0), axis=1)
        gross = gross.at[:, i].add(-paid)
    taxed = jnp.maximum(gross - 0.1 * jnp.maximum(gross, 0.0), 0.0)
    revenue = now.prices["tau"] * jnp.sum(wages, axis=1) + now.prices["sigma"] * jnp.sum(taxed, axis=1)
    np.testing.assert_allclose(5 * now.outcome["consumer"]["rebate"], revenue, rtol=1e-12, atol=1e-9)
    assert float(jnp.max(revenue)) > 1000.0


def test_one_date_by_hand(economy):
    # Prices 1000 and 500, wages 11 and 22, stocks 8 and 30, no taxes; everybody asks for (3, 2) and can pay (4,000 of
    # 5,000); 15 of good 0 are asked for against 8: everybody is served 8/15 of 3 = 1.6. Consumers 0 and 1 work 520
    # hours for firm 0, the others 260 hours for firm 1.
    state = start(economy, POPULATIONS, {n: FunctionRule(print) for n in POPULATIONS}, jax.random.key(0))
    consumer, firm = state.cross["consumer"], state.cross["firm"]
    firm = firm.to(p=jnp.asarray([1000.0, 500.0]), w=jnp.asarray([11.0, 22.0]), y=jnp.asarray([8.0, 30.0]))
    cross = {**state.cross, "consumer": consumer.to(m=jnp.full(5, 5000.0)), "firm": firm}
    state = dataclasses.replace(state, cross=cross)
    theta = economy.consumer.theta

    def wish(own, view, info):
        first = own.theta >= theta[1]
        return Wish(jnp.asarray([3.0, 2.0]), jnp.where(first, 520.0, 260.0), jnp.where(first, 0, 1))

    rules = {
        "consumer": FunctionRule(wish),
        "firm": FunctionRule(lambda own, view, info: Posting(own.p, own.w)),
        "government": FunctionRule(lambda own, view, info: Taxes(jnp.asarray(0.0), jnp.asarray(0.5))),
    }
    state = dataclasses.replace(state, cross={**state.cross, "government": state.cross["government"].to(sigma=jnp.zeros(1))})
    final, _ = compiled_run(economy, POPULATIONS, rules, state, jnp.zeros(1, jnp.int32), jax.random.key(0))
    after = final.cross
    spent = 1.6 * 1000 + 2 * 500
    np.testing.assert_allclose(after["consumer"].m, 5000 - spent + np.where(np.arange(5) < 2, 520 * 11, 260 * 22), rtol=1e-14)
    np.testing.assert_allclose(after["firm"].y, [0.01 * 5000**0.6 * 1040**0.4, 20 + 0.01 * 10000**0.2 * 780**0.8], rtol=1e-13)
    gross = np.asarray([8 * 1000 - 1040 * 11, 10 * 500 - 780 * 22])  # both negative: nothing is invested or taxed
    np.testing.assert_allclose(after["firm"].m, 2.2e6 + gross, rtol=1e-14)
    np.testing.assert_allclose(after["firm"].k, [5000.0, 10000.0])
    assert float(after["government"].sigma[0]) == 0.5


def test_what_cannot_be_paid_is_cut_in_proportion(economy):
    # 3 × 1000 + 4 × 500 = 5000 with 2,000 in hand: two fifths of everything.
    view = Posted(jnp.asarray([1000.0, 500.0]), jnp.zeros(2), jnp.zeros(2), jnp.zeros(()), jnp.zeros(()))
    own = economy.consumer.birth(0, None).at(jnp.asarray(0.5))
    wish = Wish(jnp.asarray([3.0, 4.0]), jnp.zeros(()), jnp.asarray(0))
    np.testing.assert_allclose(economy.consumer.basket(own, wish, view), [1.2, 1.6], rtol=1e-15)


def test_traits_do_not_move(economy, run):
    np.testing.assert_array_equal(run.final.cross["consumer"].theta, economy.consumer.theta)
    np.testing.assert_array_equal(run.final.cross["firm"].id, [0, 1])
    # Not even where a type's `move` tries to.
    agent, cross = economy.consumer, run.final.cross["consumer"]
    step = Step(jnp.asarray(0), jnp.asarray(0), (), jax.random.key(0))
    moved = cross.to(m=cross.m + 1.0, theta=cross.theta * 0.0)
    following = POPULATIONS["consumer"].advance(agent, cross, moved, None, step)
    np.testing.assert_array_equal(following.theta, economy.consumer.theta)
    np.testing.assert_array_equal(following.m, cross.m + 1.0)


def test_too_few_consumers_are_refused(economy, rules):
    with pytest.raises(InputError, match="consumer has parameters for 5 individuals"):
        start(economy, {**POPULATIONS, "consumer": Finite(4)}, rules, jax.random.key(0))
