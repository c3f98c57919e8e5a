# pyright: reportAttributeAccessIssue=false
"""One date by hand: who moves when and on what, what is summed, what the next date is handed."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from walras._core.errors import InputError
from walras._core.results import RootStatus
from walras._core.types import Scalar
from walras.economy.agent import View
from walras.economy.economy import Clear, Economy, Formula, Move, Timing, nothing
from walras.economy.period import (
    Cross,
    Now,
    agents,
    hypothetical,
    led,
    move_on,
    open_market,
    opening,
    period,
    spaces,
    start,
)
from walras.economy.population import Finite, Histogram, Representative
from walras.economy.process import Chain, NoRisk, Process
from walras.economy.rule import FullInformation, FunctionRule, LaggedInformation, UniformRule
from walras.economy.space import Interval
from walras.numerics.interpolate import Axis
from walras.testing.toys import Bandit, HankBlock, Overlapping
from walras.testing.toys.cournot import Firm, FirmOwn, Quantity
from walras.testing.toys.hank_block import Inflation
from walras.testing.toys.overlapping import CohortOwn, Consumption

KEY = jax.random.key(2)
CLOCK = Chain([0.0, 1.0], np.array([[0.0, 1.0], [1.0, 0.0]]))
TYPES = ("leader", "firm", "late")


class Price(View):
    """What is still to be had."""

    p: Scalar

    def info(self):
        """It alone."""
        return jnp.asarray(0), (self.p,)


class Seller(Firm):
    """May sell up to what is still to be had; stores twice its number plus one."""

    def feasible(self, own, view, chosen):
        """0 ≤ q ≤ p."""
        return Quantity(Interval(0.0, view.p))

    def holds(self, own):
        """See the class."""
        return {"S": 2.0 * own.id + 1.0}


class InTurn(Economy):
    """A leader, firms at a price of 100 less what the leader sold, and a late one that sees what is left of it.

    Everybody is paid for each unit what was left in the end; the leader what the late one got, a tenth of it.
    """

    leader: Seller
    firm: Seller
    late: Seller
    exogenous: Process
    years_per_period: Array

    def timing(self):
        """See the class."""
        left = lambda now: now.prices["p"] - now.flows["firm"]["Q"]  # noqa: E731
        return Timing(
            before={
                "leader": Move(
                    self.leader, lambda now: Price(100.0 + now.exo), lambda now: {"p": now.outcome["late"]["p"] / 10}
                )
            },
            market={"firm": Move(self.firm, lambda now: Price(now.prices["p"]), lambda now: {"p": left(now)})},
            after={"late": Move(self.late, lambda now: Price(left(now)), lambda now: {"p": 2 * now.outcome["firm"]["p"]})},
        )

    def market(self):
        """100 less what the leader sold."""
        return Formula(lambda now: {"p": 100.0 - now.flows["leader"]["Q"]})

    def accounts(self, now, after):
        """Nothing is kept."""
        return {}


def seller(number: int) -> Seller:
    """So many firms without costs."""
    return Seller(jnp.zeros(number), 10.0, 0.95, float(number), NoRisk())


ECONOMY = InTurn(seller(1), seller(2), seller(1), CLOCK, 1.0)
POPULATIONS = {"leader": Finite(1), "firm": Finite(2), "late": Finite(1)}


def sold(now):
    """What the firms sold."""
    return now.flows["firm"]["Q"]


RULES = {
    "leader": FunctionRule(lambda own, view, info: Quantity(view.p / 5)),
    "firm": FunctionRule(lambda own, view, info: Quantity(view.p / 4 + own.id), LaggedInformation(sold, 2, 7.0)),
    "late": FunctionRule(lambda own, view, info: Quantity(view.p / 3)),
}
"""At exo 0: the leader sells 20, p = 80; firms 20 and 21, 39 are left; the late one sells 13."""


@pytest.fixture(scope="module")
def state():
    return start(ECONOMY, POPULATIONS, RULES, KEY, 0)


# ---- sums and records ----


def test_a_total_is_mass_times_the_weighted_sum():
    cross = Cross(FirmOwn(id=jnp.asarray([0, 1])), jnp.asarray([0.25, 0.75]), jnp.asarray(2.0))
    assert float(cross.total(jnp.asarray([1.0, 3.0]))) == 5.0
    assert cross.total(jnp.asarray([[1.0, 2.0], [3.0, 4.0]])).tolist() == [5.0, 7.0]
    now = Now(
        jnp.asarray(3), jnp.asarray(1), {"firm": {}}, {"firm": {}}, {"p": 1.0}, {"firm": {"Q": 2.0}}, "status", {"firm": 1},
        {"firm": 2}, {"firm": Quantity(jnp.asarray([5.0, 6.0]))}, {"firm": 3}, {"firm": jnp.asarray([1.0, 2.0])}, {"firm": cross},
    )  # fmt: skip
    assert float(now.total("firm", lambda own, choice: own.id * choice.q)) == 2 * 0.75 * 6
    assert float(now.welfare("firm")) == 2 * (0.25 + 1.5)
    seen = now.public()
    assert (seen.choices, seen.payoff, seen.cross, seen.outcome, seen.views, seen.infos) == ({}, {}, {}, {}, {}, {})
    assert int(seen.date) == 3 and seen.prices == {"p": 1.0} and seen.flows == {"firm": {"Q": 2.0}} and seen.status == "status"
    assert seen.stocks == {"firm": {}} and seen.estates == {"firm": {}}


# ---- the beginning ----


def test_the_first_state(state):
    assert int(state.date) == 0 and int(state.exo) == 0 and state.guess is None
    assert state.cross["firm"].id.tolist() == [0, 1]
    assert state.memory["firm"].tolist() == [7.0, 7.0] and state.memory["leader"] == ()
    assert {name: float(held["S"]) for name, held in state.estates.items()} == dict.fromkeys(TYPES, 0.0)
    assert start(ECONOMY, POPULATIONS, {}, KEY, 1, memory=False).memory == {}
    assert int(start(ECONOMY, POPULATIONS, {}, KEY, 1, memory=False).exo) == 1
    drawn = {int(start(ECONOMY, POPULATIONS, {}, jax.random.key(s), memory=False).exo) for s in range(8)}
    assert drawn == {0, 1}
    assert list(agents(ECONOMY)) == list(TYPES) and agents(ECONOMY)["late"] is ECONOMY.late


def test_a_start_refuses_what_does_not_fit_together():
    with pytest.raises(InputError, match="2 individuals"):
        start(ECONOMY, {**POPULATIONS, "firm": Finite(3)}, RULES, KEY, 0)
    diamond = Overlapping.diamond()
    with pytest.raises(InputError, match="draws its choices"):
        start(diamond, {"household": Histogram(Axis(0.0, 1.0, 0.1, 5))}, {"household": UniformRule(diamond.household)}, KEY, 0)


def test_a_search_begins_at_the_guess_of_the_market():
    # One number per price in the order of names (Y, mc), and no slope known yet.
    block = HankBlock.small()
    populations = {"firm": Representative(), "household": Histogram(Axis(0.0, 60.0, 5.0, 4)), "bank": Representative()}
    first, inverse = start(block, populations, {}, KEY, 1, memory=False).guess
    assert first.tolist() == [1.0, 0.9] and inverse.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_the_opening_counts_stocks_before_anybody_moves(state):
    # Number i stores 2 i + 1: two firms 1 + 3.
    now = opening(ECONOMY, POPULATIONS, state)
    assert {name: float(held["S"]) for name, held in now.stocks.items()} == {"leader": 1.0, "firm": 4.0, "late": 1.0}
    assert now.prices is None and now.flows == {} and now.choices == {} and now.cross["firm"].weight.tolist() == [0.5, 0.5]


# ---- the order of a date ----


def test_a_date_by_hand(state):
    now, guess = open_market(ECONOMY, POPULATIONS, RULES, state, KEY)
    assert guess is None and float(now.prices["p"]) == 80.0
    assert {name: float(now.flows[name]["Q"]) for name in TYPES} == {"leader": 20.0, "firm": 41.0, "late": 13.0}
    assert now.choices["firm"].q.tolist() == [20.0, 21.0]
    # Settled market, after, then before: 39, twice that, a tenth of that.
    assert list(now.outcome) == ["firm", "late", "leader"]
    np.testing.assert_allclose([float(now.outcome[n]["p"]) for n in ("firm", "late", "leader")], [39.0, 78.0, 7.8])
    np.testing.assert_allclose(now.payoff["firm"], [39.0 * 20, 39.0 * 21])
    np.testing.assert_allclose(float(now.welfare("leader")), 7.8 * 20)
    assert int(now.status[0]) == int(RootStatus.BRACKETED) and float(now.status[1]) == 0.0
    assert now.infos["leader"][1][0].tolist() == 100.0 and float(now.views["late"].p) == 39.0


def test_leaders_are_led_alone(state):
    now = led(ECONOMY, POPULATIONS, RULES, dataclasses.replace(state, memory={}), KEY)
    assert list(now.flows) == ["leader"] and float(now.flows["leader"]["Q"]) == 20.0 and now.prices is None


def test_what_one_may_choose_when_those_before_have_moved(state):
    bare = dataclasses.replace(state, memory={})
    high = {name: float(spaces(ECONOMY, POPULATIONS, RULES, bare, KEY, name).q.high) for name in TYPES}
    assert high == {"leader": 100.0, "firm": 80.0, "late": 39.0}
    # Only the rules of those before are needed.
    assert float(spaces(ECONOMY, POPULATIONS, {"leader": RULES["leader"]}, bare, KEY, "firm").q.high) == 80.0
    assert float(spaces(ECONOMY, POPULATIONS, {}, bare, KEY, "leader").q.high) == 100.0


def test_a_search_of_spaces_begins_at_the_template_of_prices():
    # Before anything is cleared: mc = .9, Y = 1 and inflation 2 %: c ≤ R b + w y n_max + d − T.
    block = HankBlock.small()
    populations = {"firm": Representative(), "household": Histogram(Axis(0.0, 60.0, 5.0, 4)), "bank": Representative()}
    state = start(block, populations, {}, KEY, 1, memory=False)
    rules = {"firm": FunctionRule(lambda own, view, info: Inflation(jnp.asarray(0.02)))}
    found = spaces(block, populations, rules, state, KEY, "household").c.high
    rate = float(opening(block, populations, state).stocks["bank"]["i"])
    R, y = (1 + rate) / 1.02, float(block.household.risk.value(0))
    transfer = (1 - 0.9 - 100 / 2 * 0.02**2) * 1.0 - (R - 1) * 5.0
    wage = 0.9 * float(block.exogenous.value(1))
    np.testing.assert_allclose(float(found), wage * y * 3.0 + transfer, rtol=1e-12)  # the first individual holds no bonds


def test_a_hypothetical_date_clears_nothing():
    # R = α z K^(α−1) at the stocks that were named; in a market that clears the prices that were named.
    economy = Overlapping.diamond()
    rules = {"household": FunctionRule(lambda own, view, info: Consumption(0.5 * economy.household.cash(own, view)))}
    population = {"household": Finite(2)}
    state = start(economy, population, rules, KEY, 1)
    state = dataclasses.replace(state, cross={"household": CohortOwn(jnp.asarray([0.0, 0.3]), age=jnp.asarray([0, 1]))})
    plain = hypothetical(economy, population, rules, state, KEY)
    z = float(economy.exogenous.value(1))
    np.testing.assert_allclose(float(plain.prices["R"]), 0.3 * z * 0.3**-0.7, rtol=1e-12)
    asked = {"household": {"K": jnp.asarray(0.2), "N": jnp.asarray(1.0)}}
    now = hypothetical(economy, population, rules, state, KEY, stocks=asked)
    np.testing.assert_allclose(float(now.prices["R"]), 0.3 * z * 0.2**-0.7, rtol=1e-12)
    # The old consume half of R k.
    np.testing.assert_allclose(float(now.choices["household"].c[1]), 0.5 * float(now.prices["R"]) * 0.3, rtol=1e-12)
    assert now.payoff["household"].shape == (2,)


# ---- what is handed on ----


def test_the_next_state_by_hand(state):
    following, now = period(ECONOMY, POPULATIONS, RULES, state, KEY)
    assert int(following.date) == 1 and int(following.exo) == 1 and int(now.date) == 0  # the clock has turned
    assert following.memory["firm"].tolist() == [41.0, 7.0] and following.guess is None
    assert int(period(ECONOMY, POPULATIONS, RULES, following, KEY)[0].exo) == 0
    # At exo 1 the leader sells 101/5 = 20.2.
    np.testing.assert_allclose(float(period(ECONOMY, POPULATIONS, RULES, following, KEY)[1].flows["leader"]["Q"]), 20.2)
    held = period(ECONOMY, POPULATIONS, RULES, state, KEY, 0)[0]
    assert int(held.exo) == 0 and held.exo.dtype == state.exo.dtype
    alone = move_on(ECONOMY, POPULATIONS, RULES, state, now, KEY, 1, "guess")
    assert alone.guess == "guess" and alone.memory["firm"].tolist() == [41.0, 7.0] and int(alone.exo) == 1
    assert {name: float(e["S"]) for name, e in alone.estates.items()} == dict.fromkeys(TYPES, 0.0)


def test_draws_of_a_date_differ_by_individual_and_by_date(state):
    rules = {**RULES, "firm": UniformRule(ECONOMY.firm)}
    state = dataclasses.replace(state, memory={**state.memory, "firm": ()})
    first, second = (
        period(ECONOMY, POPULATIONS, rules, dataclasses.replace(state, date=jnp.asarray(d)), KEY)[1].choices["firm"].q
        for d in (0, 1)
    )
    assert len({*np.asarray(first).tolist(), *np.asarray(second).tolist()}) == 4


def test_only_full_information_is_shown_the_cross_section(state):
    # The statistic is read, remembered and seen by who declares it; who does not fails at once.
    full = FullInformation(lambda now: (now.cross["firm"].weight[0],))
    rule = FunctionRule(lambda own, view, info: Quantity(info[1][-1]), full)
    rules, began = {**RULES, "firm": rule}, dataclasses.replace(state, memory={**state.memory, "firm": ()})
    following, now = period(ECONOMY, POPULATIONS, rules, began, KEY)
    assert now.choices["firm"].q.tolist() == [0.5, 0.5] and following.memory["firm"] == ()
    hidden = {**RULES, "firm": eqx.tree_at(lambda r: r.information, rule, FullInformation(full.statistics, full=False))}
    with pytest.raises(KeyError, match="firm"):
        period(ECONOMY, POPULATIONS, hidden, began, KEY)


def test_what_the_dead_leave_is_what_they_would_have_held():
    # A fate is drawn once: the estates are the savings of the young that died and of all the old, who hold nothing.
    economy = Overlapping.diamond(grows_old=0.5)
    rules = {"household": FunctionRule(lambda own, view, info: Consumption(0.5 * economy.household.cash(own, view)))}
    population = {"household": Finite(40)}
    state = start(economy, population, rules, KEY, 1)
    age = jnp.arange(40) % 2
    state = dataclasses.replace(state, cross={"household": CohortOwn(0.3 * age, age=age)})
    following, now = period(economy, population, rules, state, KEY)
    saved = np.asarray(economy.household.cash(now.cross["household"].own, now.views["household"])) / 2
    # The young who live on are the old of the next date; all others have died and are young again. Mass 2, 40 people.
    lives = np.asarray(following.cross["household"].age) == 1
    assert 2 <= lives.sum() <= 18 and not np.any(lives & (np.asarray(age) == 1))
    np.testing.assert_allclose(float(following.estates["household"]["K"]), 2 / 40 * np.sum(saved[~lives]), rtol=1e-13)
    np.testing.assert_allclose(following.cross["household"].k, np.where(lives, saved, 0.0), rtol=1e-13)


# ---- the words in which an economy is told ----


def test_turns_and_settlements():
    one, two, three = (Move(ECONOMY.firm, nothing) for _ in range(3))
    timing = Timing({"a": one}, {"b": two}, {"c": three})
    assert list(timing.moves()) == ["a", "b", "c"] and list(timing.settles()) == ["b", "c", "a"]
    assert timing.moves() == {"a": one, "b": two, "c": three}
    assert Timing().moves() == {} and one.gets is nothing and nothing(None) == ()


def test_the_template_of_prices_is_the_guess_or_the_lower_end():
    ends = ({"r": 0.0}, {"r": 1.0})
    assert Clear(nothing, ends).template == {"r": 0.0} and Clear(nothing, ends, {"r": 0.5}).template == {"r": 0.5}
    assert Clear(nothing, guess={"r": 0.25}).template == {"r": 0.25} and Clear(nothing, ends).guess is None
    with pytest.raises(AssertionError):
        assert Clear(nothing).template


def test_a_market_with_a_bracket_clears_at_its_root():
    # Nobody reads the price: p² − ¼ vanishes at ½ in [0, 1], whatever is chosen.
    class Cleared(Bandit):
        """The bandit with a price that nobody reads."""

        def market(self):
            """p² = ¼."""
            return Clear(lambda now: {"p": now.prices["p"] ** 2 - 0.25}, ({"p": jnp.asarray(0.0)}, {"p": jnp.asarray(1.0)}))

    economy = Cleared(*(getattr(Bandit.two_kinds(), name) for name in ("player", "exogenous", "years_per_period")))
    rules = {"player": UniformRule(economy.player)}
    state = start(economy, {"player": Finite(2)}, rules, KEY)
    now, guess = open_market(economy, {"player": Finite(2)}, rules, state, KEY)
    np.testing.assert_allclose(float(now.prices["p"]), 0.5, rtol=1e-12)
    assert int(now.status[0]) == int(RootStatus.BRACKETED) and 0 <= float(now.status[1]) < 1e-12 and guess is None
