"""Perfect foresight: a linear solver that shares no line with the package, accounts, welfare, what is refused."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from tests.truth.capital import Capital
from walras._core.errors import InputError
from walras.economies import Aiyagari, KrusellSmith, TaxEconomy
from walras.economies.saver import Household
from walras.learners.news import jacobian


@pytest.fixture(scope="module")
def aiyagari():
    return w.rest(Aiyagari.benchmark(), preset="fast")


@pytest.fixture(scope="module")
def ghh():
    return w.rest(TaxEconomy.ghh(), preset="fast")


def test_small_changes_follow_the_linear_economy(aiyagari):
    # One person in two hundred loses everything: K within 1 % of the linear transition back, at every date.
    chain, k = aiyagari.economy.household.risk, np.asarray(aiyagari.rule.own_axis.nodes)
    other = Capital(np.asarray(chain.values), np.asarray(chain.transition), k)
    np.testing.assert_allclose(other.K, float(aiyagari.x[0]), rtol=1e-4)

    def struck(mass):
        poor = np.zeros_like(mass)
        poor[:, 0] = mass.sum(axis=1)
        return 0.995 * mass + 0.005 * poor

    linear = other.transition(struck(other.mass), 300) - other.K
    found = w.transition(struck(np.asarray(aiyagari.mass)), aiyagari.economy, end=aiyagari, horizon=300)
    K = np.asarray(found.path.public.stocks["household"]["K"]) - float(aiyagari.x[0])
    assert -0.006 < linear[0] / other.K < -0.004 and np.abs(linear[10]) > 0.1 * np.abs(linear[0])
    assert np.abs(K - linear)[:100].max() < 0.01 * np.abs(linear[0])


@pytest.mark.parametrize("name", ["aiyagari", "ghh"])
def test_the_jacobian_is_that_of_differences(name, request):
    # Fake news against differences of whole paths, a column of each unknown.
    from walras.transition import _excesses

    end, n, k = request.getfixturevalue(name), 120, 17
    m, J = len(end.x), jacobian(end.still, n)
    for i in range(m):
        ends = []
        for sign in (1, -1):
            x = np.tile(np.asarray(end.x), (n, 1))
            x[k, i] += sign * 1e-5
            ends.append(np.asarray(_excesses(end.date, jnp.asarray(x), end.mass, end)).reshape(-1))
        column = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(J[:, k * m + i], column, atol=1e-6 * np.abs(column).max())


def test_markets_accounts_and_horizon(ghh):
    # A higher capital tax: everything clears, goods add up to 1e-8, and doubling the horizon moves welfare by < 1e-6.
    reform = w.with_parameters(ghh.economy, {"government.tau_k": 0.3})
    found = w.transition(ghh, reform, first=120)
    assert found.excess < 1e-10
    assert max(found.accounts.values()) < 1e-8
    assert found.moved is not None and found.moved < 1e-6 and found.horizon >= 240
    # Welfare is the discounted payoffs of all dates; after the last one those of the end, whose value is the fixed point.
    discounts = 0.96 ** np.arange(found.horizon)
    tail = float(found.end.mass.reshape(-1) @ found.end.now().payoff["household"]) * 0.96**found.horizon / 0.04
    np.testing.assert_allclose(found.welfare, np.asarray(found.path.payoff) @ discounts + tail, rtol=1e-6)
    np.testing.assert_allclose(found.x[-1], found.end.x, rtol=1e-6)
    # Assets are what they were before anybody heard of it.
    np.testing.assert_allclose(float(found.path.public.stocks["household"]["A"][0]), float(_assets(ghh)), rtol=1e-9)


def _assets(standing):
    return standing.now().stocks["household"]["A"]


def test_where_nothing_changes_nothing_moves(ghh):
    found = w.transition(ghh, ghh.economy, end=ghh, horizon=120)
    np.testing.assert_allclose(found.x, np.tile(np.asarray(ghh.x), (120, 1)), rtol=1e-9)
    mean = float(ghh.mass.reshape(-1) @ ghh.now().payoff["household"])
    np.testing.assert_allclose(found.welfare, mean / 0.04, rtol=1e-7)


def test_nearby_transitions_begin_where_the_last_one_ended(ghh):
    # The same path, whether it is begun at another one or from scratch.
    first = w.transition(ghh, w.with_parameters(ghh.economy, {"government.tau_n": 0.25}), horizon=120)
    economy = w.with_parameters(ghh.economy, {"government.tau_n": 0.27})
    near, scratch = w.transition(ghh, economy, near=first, horizon=120), w.transition(ghh, economy, horizon=120)
    np.testing.assert_allclose(near.x, scratch.x, rtol=1e-8)
    np.testing.assert_allclose(near.welfare, scratch.welfare, rtol=1e-10)


def test_what_has_no_transition_is_refused(ghh):
    with pytest.raises(InputError, match="a cross-section of shape"):
        w.transition(np.ones((7, 5)) / 35, ghh.economy, end=ghh, horizon=10)
    with pytest.raises(InputError, match="one type on a histogram and no aggregate risk"):
        w.rest(KrusellSmith.dhjj2010(), preset="fast")


def test_views_that_need_the_whole_cross_section_are_refused(aiyagari):
    # Rules are swept back before cross-sections are known: a wage that falls with the spread of wealth would be read wrong.
    parts = vars(aiyagari.economy)
    economy = Envious(**{**parts, "household": Counted(**vars(parts["household"]))})
    end = w.rest(economy, preset="fast")
    poor = np.zeros_like(end.mass)
    poor[:, 0] = np.asarray(end.mass).sum(axis=1)
    with pytest.raises(InputError, match="depends on the whole cross-section"):
        w.transition(0.99 * np.asarray(end.mass) + 0.01 * poor, economy, end=end, horizon=100)


def test_another_borrowing_limit_needs_another_grid(aiyagari):
    looser = w.with_parameters(aiyagari.economy, {"household.k_min": -1.0})
    assert float(w.rest(looser, near=aiyagari, preset="fast").rule.own_axis.low) == -1.0
    tighter = w.with_parameters(aiyagari.economy, {"household.k_min": 0.5})
    with pytest.raises(InputError, match="may hold less"):
        w.transition(aiyagari, tighter)


class Counted(Household):
    """Whose wealth beyond six is counted too."""

    def holds(self, own):
        return {**super().holds(own), "rich": jnp.where(own.k > 6.0, 0.01, 0.0)}


class Envious(Aiyagari):
    """Wages fall with the share of the rich; what is taken is thrown away."""

    def household_sees(self, now):
        view = super().household_sees(now)
        return dataclasses.replace(view, w=view.w - now.stocks["household"]["rich"])

    def accounts(self, now, after):
        stocks = now.stocks["household"]
        return {"goods": super().accounts(now, after)["goods"] - stocks["rich"] * stocks["L"]}
