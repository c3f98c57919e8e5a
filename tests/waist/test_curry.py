"""Curry et al.: posted prices, rationing, exports, rebates, episodes; by the rules of the released code."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import compiled_run, identities, simulate
from walras._core.errors import InputError
from walras.economies import CurryRBC, CurryRBCCleaned
from walras.economies.posted_consumer import Basket
from walras.economies.posted_government import Announcement
from walras.economies.posted_menus import Posting
from walras.economies.posted_view import Posted
from walras.economy.period import agents, start
from walras.economy.population import Finite, Step
from walras.economy.rule import FunctionRule, UniformRule
from walras.inputs import fitted, with_parameters

POPULATIONS = {"consumer": Finite(5), "firm": Finite(2), "government": Finite(1)}
N, F = 5, 2


def of(kind, **numbers) -> Any:
    """An economy of five and two, its exports so small that they bind."""
    return with_parameters(kind.open().sized({"consumer": N, "firm": F, **numbers}), {"export_cap": 20.0})


def everything(now, before):
    """The whole record of a date."""
    return now


def ran(economy, dates=40) -> Any:
    populations = {name: Finite(getattr(agent, "identities", 0)) for name, agent in agents(economy).items()}
    rules = {name: UniformRule(agent) for name, agent in agents(economy).items()}
    return simulate(economy, populations, rules, dates, record=everything)


@pytest.fixture(scope="module")
def economy():
    return of(CurryRBC)


@pytest.fixture(scope="module")
def run(economy):
    return ran(economy)


def test_random_play_reaches_every_branch(run):
    now, books = run.record, run.record.outcome["firm"]
    asked, stock = np.asarray(now.flows["consumer"]["goods"]), np.asarray(now.stocks["firm"]["y"])
    assert np.any(asked > stock) and np.any((asked < stock) & (asked > 0))  # rationed, and not
    assert np.any(np.asarray(books["tax"]) > 0) and np.any(np.asarray(books["profit"]) < 0)
    exported = np.asarray(books["exported"])
    assert np.any(exported == 20.0) and np.any((exported > 0) & (exported < 20.0)) and np.any(exported == 0)
    assert len(np.unique(np.asarray(now.stocks["firm"]["p"]))) == 6  # the whole grid of prices


def relative(economy, record):
    """Identities in shares of what they add up: money, goods, capital."""
    held, found = record.stocks, identities(economy, record)
    size = {
        "money": np.asarray(held["consumer"]["m"] + jnp.sum(jnp.abs(held["firm"]["m"]), -1)),
        "goods": np.asarray(jnp.max(held["firm"]["y"], -1)) + 1.0,
        "capital": np.asarray(jnp.max(held["firm"]["k"], -1)),
    }
    return {name: float(np.max(np.abs(gap) / size[name][:-1])) for name, gap in found.items()}


@pytest.mark.parametrize("kind", [CurryRBC, CurryRBCCleaned])
def test_accounts_in_double_and_in_single_precision(kind, run):
    # Random rules, four episodes, their last dates included. The targets: 1e-12 and 2e-6 of what is added up.
    double = run if kind is CurryRBC else ran(of(kind))
    gaps = relative(of(kind), double.record)
    assert set(gaps) == {"money", "goods", "capital"} and max(gaps.values()) < 1e-12, gaps
    single = jax.tree_util.tree_map(lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x, of(kind))
    record = ran(single).record
    assert record.stocks["firm"]["m"].dtype == record.flows["consumer"]["goods"].dtype == jnp.float32
    gaps = relative(single, record)
    assert max(gaps.values()) < 2e-6, gaps
    assert float(jnp.min(record.cross["consumer"].own.m)) >= -1e-3 and float(jnp.min(record.stocks["firm"]["y"])) >= -1e-4


def test_posted_prices_are_those_of_their_owners(run):
    # One-hot sums: a firm's price arrives as posted, not as an average (mass / n is one); not across the end of an episode.
    chosen, posted = np.asarray(run.record.choices["firm"].posted), np.asarray(run.record.prices["p"])
    inside = np.arange(1, 40) % 10 != 0
    np.testing.assert_array_equal(posted[1:][inside], chosen[:-1, :, 0][inside])
    np.testing.assert_array_equal(posted[0], [1000.0, 1000.0])
    np.testing.assert_array_equal(np.asarray(run.record.prices["w"])[0], [0.0, 0.0])


def test_taxes_are_announced_a_quarter_ahead(run):
    rates, prices = np.asarray(run.record.choices["government"].rates), run.record.prices
    inside = np.arange(1, 40) % 10 != 0
    np.testing.assert_array_equal(np.asarray(prices["tau"])[1:][inside], rates[:-1, 0, 0][inside])
    np.testing.assert_array_equal(np.asarray(prices["sigma"])[1:][inside], rates[:-1, 0, 1][inside])
    assert float(prices["tau"][0]) == float(prices["sigma"][0]) == 0.0


def test_an_episode_has_ten_dates_and_the_next_begins_like_the_first(economy, run):
    now = run.record
    for t in (0, 10, 20, 30):
        np.testing.assert_array_equal(now.cross["consumer"].own.m[t], np.full(N, 2000.0))
        np.testing.assert_array_equal(now.cross["firm"].own.k[t], [5000.0, 10000.0])
        np.testing.assert_array_equal(now.stocks["firm"]["y"][t], [0.0, 0.0])
    np.testing.assert_array_equal(now.stocks["firm"]["t"][:, 0], np.arange(40) % 10)
    np.testing.assert_array_equal(now.views["firm"].last, np.arange(40) % 10 == 9)
    np.testing.assert_array_equal(now.views["firm"].first, np.arange(40) % 10 == 0)
    # Nothing is carried over into another episode.
    view = jax.tree_util.tree_map(lambda leaf: leaf[10], now.views["consumer"])
    assert float(economy.consumer.discount(None, view, None)) == 0.0


def test_government_is_paid_the_consumers_payoffs_and_a_part_of_profits(run):
    paid, payoff = run.record.payoff["government"][:, 0], run.record.payoff
    welfare = jnp.sum(payoff["consumer"], 1) + 0.0025 * jnp.sum(payoff["firm"], 1)
    np.testing.assert_allclose(paid, welfare, rtol=1e-12, atol=1e-9)
    assert float(jnp.std(paid)) > 1.0


def test_rebate_is_the_revenue(run):
    # By individuals: τ w h of each consumer and σ max(profit before tax, 0) of each firm, paid back in equal parts.
    now, chosen = run.record, run.record.choices["consumer"]
    wages = jnp.take_along_axis(now.prices["w"], chosen.employer, axis=1) * chosen.hours
    gross = now.prices["p"] * now.outcome["firm"]["left"]
    for i in range(F):
        gross = gross.at[:, i].add(-jnp.sum(jnp.where(chosen.employer == i, wages, 0.0), axis=1))
    taxed = jnp.maximum(gross - 0.1 * jnp.maximum(gross, 0.0), 0.0)
    revenue = now.prices["tau"] * jnp.sum(wages, axis=1) + now.prices["sigma"] * jnp.sum(taxed, axis=1)
    np.testing.assert_allclose(N * now.outcome["consumer"]["rebate"], revenue, rtol=1e-12, atol=1e-9)
    assert float(jnp.max(revenue)) > 1000.0


def test_one_date_by_hand(economy):
    # Prices 1000 and 400, wages 11 and 22, stocks 8 and 30, no taxes; everybody asks for (3, 2) and can pay (3,800 of 5,000);
    # 15 of good 0 are asked for against 8: everybody is served 8/15 of 3 = 1.6. Consumers 0 and 1 work 520 hours for firm 0,
    # the others 260 hours for firm 1. Nothing of good 0 is left; good 1 is cheaper than the floor of 500: no exports.
    state = start(economy, POPULATIONS, {n: FunctionRule(print) for n in POPULATIONS}, jax.random.key(0))
    cross: Any = state.cross
    consumer, firm = cross["consumer"], cross["firm"]
    firm = firm.to(p=jnp.asarray([1000.0, 400.0]), w=jnp.asarray([11.0, 22.0]), y=jnp.asarray([8.0, 30.0]))
    cross = {**state.cross, "consumer": consumer.to(m=jnp.full(5, 5000.0)), "firm": firm}
    state, theta = dataclasses.replace(state, cross=cross), consumer.theta
    np.testing.assert_allclose(theta, (1 - np.arange(5) / 5) ** 0.25, rtol=1e-15)

    def wish(own, view, info):
        first = own.theta >= theta[1]
        return Basket(jnp.asarray([3.0, 2.0]), jnp.where(first, 520.0, 260.0), jnp.where(first, 0, 1))

    rules = {
        "consumer": FunctionRule(wish),
        "firm": FunctionRule(lambda own, view, info: Posting(jnp.stack([own.p, own.w]))),
        "government": FunctionRule(lambda own, view, info: Announcement(jnp.asarray([0.2, 0.6]))),
    }
    final, now = compiled_run(economy, POPULATIONS, rules, state, jnp.zeros(1, jnp.int32), jax.random.key(0), everything)
    after, hours = final.cross, np.where(np.arange(5) < 2, 520.0, 260.0)
    earned = hours * np.where(np.arange(5) < 2, 11, 22)
    np.testing.assert_allclose(after["consumer"].m, 5000 - 1.6 * 1000 - 2 * 400 + earned + 0.01, rtol=1e-14)
    utility = ((1.6 + 1) ** 0.9 - 1) / 0.9 + ((2 + 1) ** 0.9 - 1) / 0.9
    np.testing.assert_allclose(now.payoff["consumer"][0], utility - 0.005 * np.asarray(theta) * hours, rtol=1e-13)
    makes = [0.01 * 5000**0.8 * 1040**0.2, 20 + 0.01 * 10000**0.7 * 780**0.3]
    np.testing.assert_allclose(after["firm"].y, makes, rtol=1e-13)
    gross = np.asarray([8 * 1000 - 1040 * 11, 10 * 400 - 780 * 22])  # both negative: nothing is invested or taxed
    np.testing.assert_allclose(after["firm"].m, 22_000 * 5 + gross, rtol=1e-14)
    np.testing.assert_allclose(after["firm"].k, [5000.0, 10000.0])
    np.testing.assert_array_equal(after["firm"].over, [1.0, 0.0])
    assert (float(after["government"].tau[0]), float(after["government"].sigma[0])) == (0.2, 0.6)


def test_exports_and_investment_by_hand(economy):
    # Nobody buys or works; price 500 is on the floor, stock 25 with a cap of 20: revenue 10,000, a tenth of it invested, .6 of the
    # rest taxed away: 3,600 are left and 5,400 go to five consumers in equal parts.
    state = start(economy, POPULATIONS, {n: FunctionRule(print) for n in POPULATIONS}, jax.random.key(0))
    firm = state.cross["firm"].to(p=jnp.asarray([500.0, 0.0]), y=jnp.asarray([25.0, 0.0]))
    rates = state.cross["government"].to(sigma=jnp.asarray([0.6]))
    state = dataclasses.replace(state, cross={**state.cross, "firm": firm, "government": rates})
    rules = {
        "consumer": FunctionRule(lambda own, view, info: Basket(jnp.zeros(2), jnp.zeros(()), jnp.asarray(0))),
        "firm": FunctionRule(lambda own, view, info: Posting(jnp.stack([own.p, own.w]))),
        "government": FunctionRule(lambda own, view, info: Announcement(jnp.zeros(2))),
    }
    final, _ = compiled_run(economy, POPULATIONS, rules, state, jnp.zeros(1, jnp.int32), jax.random.key(0))
    np.testing.assert_allclose(final.cross["firm"].m, [110_000 + 3600.0, 110_000.0], rtol=1e-14)
    np.testing.assert_allclose(final.cross["firm"].k, [6000.0, 10000.0], rtol=1e-14)
    np.testing.assert_allclose(final.cross["firm"].y, [5.0, 0.0], rtol=1e-14)
    np.testing.assert_allclose(final.cross["consumer"].m, np.full(5, 2000 + 1080 + 0.01), rtol=1e-14)


def test_what_cannot_be_paid_is_cut_in_proportion(economy):
    # 3 × 1000 + 4 × 500 = 5000 with 2,000 in hand: two fifths of everything.
    zero = jnp.zeros(())
    view = Posted(jnp.asarray([1000.0, 500.0]), jnp.zeros(2), zero, zero, zero, zero, jnp.asarray(0), jnp.zeros(12))
    own = economy.consumer.birth(0, None).at(jnp.asarray(0.5))
    wish = Basket(jnp.asarray([3.0, 4.0]), jnp.zeros(()), jnp.asarray(0))
    np.testing.assert_allclose(economy.consumer.asks(own, wish, view)[0], [1.2, 1.6], rtol=1e-15)


def test_nobody_toils_for_hours_that_were_not_taken_on():
    # Cleaned: two firms, each is offered all 5 × 520 hours by intervals; firm 0 takes on 1,300 of 2,600.
    economy = of(CurryRBCCleaned)
    record = ran(economy, 12).record
    books, offered = record.outcome["firm"], record.flows["consumer"]["hours"]
    np.testing.assert_allclose(books["hours"], jnp.minimum(offered, record.flows["firm"]["hires"]), rtol=1e-12)
    assert float(jnp.max(jnp.sum(record.choices["consumer"].hours, -1))) > 1040.0  # cut to what there is
    assert float(jnp.max(offered)) <= 5 * 1040.0 + 1e-9
    assert float(jnp.ptp(record.outcome["firm"]["z"])) > 0


def test_bounds_leave_the_feasible_set(economy: Any):
    # A curriculum opens them: at first the price must be 1,000, the wage 22 and no tax can be announced.
    closed = {"firm.menu.p_low": 1000.0, "firm.menu.p_high": 1000.0, "firm.menu.w_low": 22.0, "firm.menu.w_high": 22.0}
    taxes = {"government.menu.tau_high": 0.0, "government.menu.sigma_high": 0.4}
    record = ran(with_parameters(economy, closed | taxes), 9).record
    assert np.unique(np.asarray(record.choices["firm"].posted).reshape(-1, 2), axis=0).tolist() == [[1000.0, 22.0]]
    rates = np.asarray(record.choices["government"].rates).reshape(-1, 2)
    assert np.all(rates[:, 0] == 0.0) and set(rates[:, 1]) <= {0.0, 0.2, 0.4} and len(set(rates[:, 1])) > 1
    # Whatever a rule says, it stays inside: a position that is not admitted stands for the nearest that is.
    space = with_parameters(economy, {"firm.menu.p_high": 1200.0}).firm.feasible(None, None, {}).posted
    assert space.at(jnp.asarray(0.999)).tolist() == [1000.0, 44.0]


def test_masks_that_leave_no_action_are_refused(economy: Any):
    with pytest.raises(InputError, match=r"no price of the grid lies within its bounds: a mask leaves no action.*1100, 1400"):
        with_parameters(
            with_parameters(economy, {"firm.menu.p_low": 1100.0 - 200}), {"firm.menu.p_low": 1100.0, "firm.menu.p_high": 1400.0}
        )


def test_traits_do_not_move(economy, run):
    theta = (1 - np.arange(5) / 5) ** 0.25
    np.testing.assert_allclose(run.final.cross["consumer"].theta, theta, rtol=1e-15)
    np.testing.assert_array_equal(run.final.cross["firm"].id, [0, 1])
    # Not even where a type's `move` tries to.
    agent, cross = economy.consumer, run.final.cross["consumer"]
    step = Step(jnp.asarray(0), jnp.asarray(0), (), jax.random.key(0))
    moved = cross.to(m=cross.m + 1.0, theta=cross.theta * 0.0)
    following = POPULATIONS["consumer"].advance(agent, cross, moved, None, step)
    np.testing.assert_allclose(following.theta, theta, rtol=1e-15)
    np.testing.assert_array_equal(following.m, cross.m + 1.0)


def test_any_numbers_with_or_without_a_government():
    economy: Any
    economy, populations = fitted(CurryRBC.open(), {"consumer": Finite(7), "firm": Finite(3), "government": Finite(0)})
    assert list(agents(economy)) == ["consumer", "firm"] == list(populations)
    assert float(economy.firm.m_birth) == 22_000 * 7 and float(economy.consumer.mass) == 7
    record = ran(economy, 3).record
    assert record.prices["p"].shape == (3, 3) and float(jnp.max(jnp.abs(record.prices["tau"]))) == 0.0
    with pytest.raises(InputError, match="zero agents of type 'consumer', which the others need"):
        fitted(CurryRBC.open(), {"consumer": Finite(0)})


def test_too_few_consumers_are_refused(economy):
    rules = {n: FunctionRule(print) for n in POPULATIONS}
    with pytest.raises(InputError, match="consumer has parameters for 5 individuals"):
        start(economy, {**POPULATIONS, "consumer": Finite(4)}, rules, jax.random.key(0))
