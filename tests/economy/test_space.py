# pyright: reportAttributeAccessIssue=false
"""Feasible sets: exact ends, positions and values inverse to each other, later sets that depend on earlier choices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras._core.errors import InputError
from walras.economies import CurryRBCCleaned, KrusellSmith
from walras.economies.krusell_smith import PriceView
from walras.economies.posted_consumer import Basket, BasketGrid, Offers
from walras.economies.saver import CapitalOwn, Consumption
from walras.economy.space import Discrete, Interval, Simplex, choice_fields, choose, nearest, positions_of
from walras.testing.toys import HankBlock
from walras.testing.toys.hank_block import BondOwn, HouseholdView


def scalars(*values):
    return tuple(jnp.asarray(v) for v in values)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.7, 0.1), (1e-9, 1e9), (0.1, 0.7)])
def test_both_ends_of_an_interval_are_hit_exactly(low, high):
    space = Interval(low, high)
    # Not low + (high − low), which misses .7 from .1 by a rounding error.
    assert float(space.at(jnp.asarray(0.0))) == low and float(space.at(jnp.asarray(1.0))) == high
    assert float(space.position(jnp.asarray(low))) == 0.0 and float(space.position(jnp.asarray(high))) == 1.0


@pytest.mark.parametrize("space", [Interval(-2.0, 5.0), Interval(1.0, np.inf)], ids=["bounded", "unbounded"])
def test_position_is_the_inverse(space):
    positions = jnp.linspace(0.0, 0.999, 500)
    values = jax.vmap(space.at)(positions)
    assert np.all(np.diff(values) > 0)
    np.testing.assert_allclose(jax.vmap(space.position)(values), positions, rtol=0, atol=1e-13)


def test_an_unbounded_interval_by_hand():
    # low + p/(1 − p): 1 at the middle above the floor, and a position never leaves [0, 1].
    space = Interval(2.0, np.inf)
    assert float(space.at(jnp.asarray(0.5))) == 3.0 and float(space.at(jnp.asarray(0.0))) == 2.0
    assert np.isfinite(float(space.at(jnp.asarray(1.0))))
    assert float(space.position(jnp.asarray(1.0))) == 0.0 and float(space.position(jnp.asarray(1e300))) == 1.0


def test_values_outside_an_interval_are_at_its_ends():
    space = Interval(0.0, 2.0)
    assert float(space.position(jnp.asarray(-1.0))) == 0.0 and float(space.position(jnp.asarray(7.0))) == 1.0


def test_an_interval_of_no_width_is_one_point():
    space = Interval(0.4, 0.4)
    for position in (0.0, 0.3, 1.0):
        assert float(space.at(jnp.asarray(position))) == 0.4
    # …also where rounding has turned it round: no infinity, no missing number.
    assert float(Interval(0.4, 0.4 - 1e-17).position(jnp.asarray(0.4))) == 1.0


def test_slope_of_a_choice_in_its_position_is_the_width():
    space = Interval(-1.0, 4.0)
    assert float(jax.grad(space.at)(jnp.asarray(0.3))) == 5.0
    # d/dp p/(1 − p) = 1/(1 − p)².
    np.testing.assert_allclose(float(jax.grad(Interval(0.0, np.inf).at)(jnp.asarray(0.6))), 1 / 0.16, rtol=1e-14)


def test_shares_are_normalised_weights():
    shares = Simplex(3).at(jnp.asarray([1.0, 2.0, 5.0]))
    np.testing.assert_allclose(shares, [0.125, 0.25, 0.625], rtol=1e-15)
    np.testing.assert_array_equal(Simplex(3).at(Simplex(3).position(shares)), shares)


def test_a_discrete_set_is_cut_into_equal_stretches():
    space = Discrete([10.0, 20.0, 40.0, 80.0])
    drawn = jax.vmap(space.at)((jnp.arange(1000) + 0.5) / 1000)
    np.testing.assert_array_equal(np.unique(drawn, return_counts=True)[1], 250)
    for value in (10.0, 20.0, 40.0, 80.0):
        assert float(space.at(space.position(jnp.asarray(value)))) == value
    assert float(space.at(jnp.asarray(1.0))) == 80.0  # the end of [0, 1) is not past the last value
    assert float(space.at(space.position(jnp.asarray(33.0)))) == 40.0  # nearest


def test_corner_of_consumption_is_the_limit_on_the_next_stock():
    # Consuming the whole feasible interval leaves exactly k_min, at 500 random states.
    agent = KrusellSmith.dhjj2010().household
    rng = np.random.default_rng(0)
    view = PriceView(*scalars(0.01, 2.3, 0.01), jnp.asarray(1), jnp.asarray(39.0))

    def end(k, e):
        own = CapitalOwn(k, e=e)
        return agent.move(own, choose(agent, own, view, [jnp.asarray(1.0)]), view, ()).k

    ends = jax.vmap(end)(jnp.asarray(rng.exponential(30.0, 500)), jnp.asarray(rng.integers(0, 2, 500)))
    assert float(jnp.max(jnp.abs(ends - agent.limits().k.low))) == 0.0


def test_positions_of_a_choice_lead_back_to_it():
    # Hours first, then consumption below a ceiling that depends on them.
    agent = HankBlock.small().household
    view = HouseholdView(*scalars(1.02, 0.9, -0.3), jnp.asarray(0))
    own = BondOwn(jnp.asarray(0.1), e=jnp.asarray(1))
    for positions in ((0.2, 0.9), (0.05, 0.5), (0.7, 1.0)):
        choice = choose(agent, own, view, scalars(*positions))
        np.testing.assert_allclose([float(p) for p in positions_of(agent, own, view, choice)], positions, atol=1e-14)
    # The same share of a larger ceiling is more: cash rises by w y per hour.
    little, much = (choose(agent, own, view, scalars(p, 0.5)) for p in (0.2, 0.8))
    wage = 0.9 * float(agent.risk.value(own.e))
    np.testing.assert_allclose(float(much.c - little.c), 0.5 * wage * float(much.n - little.n), rtol=1e-12)
    assert choice_fields(choice) == ("n", "c")


def test_fields_may_be_vectors_and_indices():
    # Goods by firm (a vector of values), hours (a value), employer (an index): positions of each shape, and back.
    grid = BasketGrid([float(c) for c in range(11)], [0.0, 260.0, 520.0])
    spaces = grid.spaces(2)
    assert [getattr(spaces, name).shape for name in choice_fields(spaces)] == [(2,), (), ()]
    positions = [jnp.asarray([0.1, 0.5]), jnp.asarray(0.4), jnp.asarray(0.6)]
    wish = Basket(*(getattr(spaces, name).at(p) for name, p in zip(choice_fields(spaces), positions, strict=True)))
    np.testing.assert_array_equal(wish.goods, [1.0, 5.0])
    assert float(wish.hours) == 260.0 and int(wish.employer) == 1
    assert jnp.issubdtype(wish.employer.dtype, jnp.integer)
    again = [getattr(spaces, name).at(getattr(spaces, name).position(getattr(wish, name))) for name in choice_fields(spaces)]
    np.testing.assert_array_equal(again[0], wish.goods)
    assert float(again[1]) == 260.0 and int(again[2]) == 1
    # The same with intervals, through an agent.
    agent = CurryRBCCleaned.open().sized({"consumer": 3, "firm": 2}).consumer
    own = agent.birth(0, None).at(jnp.asarray(0.5))
    offers = choose(agent, own, None, [jnp.asarray([0.1, 0.5]), jnp.asarray([0.25, 1.0])])
    assert isinstance(offers, Offers)
    np.testing.assert_allclose(offers.hours, [260.0, 1040.0], rtol=1e-15)
    for at, position in zip(positions_of(agent, own, None, offers), ([0.1, 0.5], [0.25, 1.0]), strict=True):
        np.testing.assert_allclose(at, position, rtol=1e-15)


PAIRS = [[p, w] for p in (0.0, 1000.0, 2000.0) for w in (0.0, 11.0)]


def test_a_joint_choice_is_one_of_vectors():
    space = Discrete(np.asarray(PAIRS))
    drawn = np.asarray(jax.vmap(space.at)((jnp.arange(600) + 0.5) / 600))
    pairs, counts = np.unique(drawn, axis=0, return_counts=True)
    assert pairs.tolist() == PAIRS and set(counts) == {100}
    for pair in PAIRS:
        assert space.at(space.position(jnp.asarray(pair))).tolist() == pair
    # Distances in units of each number's range: 900 is .05 of prices from 1,000, 8 is .27 of wages from 11.
    assert space.nearest(jnp.asarray([900.0, 8.0])).tolist() == [1000.0, 11.0]


def test_a_mask_moves_positions_to_the_nearest_admitted_value():
    space = Discrete([0.0, 1.0, 2.0, 3.0, 4.0], 0, jnp.asarray([False, True, False, True, False]))
    at = [float(space.at(jnp.asarray((i + 0.5) / 5))) for i in range(5)]
    assert at == [1.0, 1.0, 1.0, 3.0, 3.0]  # 2 is as far from 1 as from 3: the first
    assert float(space.count) == 2.0
    uniform = jax.vmap(lambda u: space.at(space.stretched(u)))((jnp.arange(100) + 0.5) / 100)
    assert np.unique(np.asarray(uniform), return_counts=True)[1].tolist() == [50, 50]
    # A bound that is lifted leaves the others where they were.
    free = Discrete([0.0, 1.0, 2.0, 3.0, 4.0])
    assert float(free.at(space.position(jnp.asarray(3.0)))) == 3.0
    with pytest.raises(InputError, match="a mask leaves no action, got 2 values, none admitted"):
        Discrete([0.0, 1.0], 0, jnp.asarray([False, False]))


def test_one_choice_has_one_field():
    assert choice_fields(Consumption) == ("c",)


def test_an_end_at_infinity_is_known_when_the_interval_is_built():
    # Only the upper end, and only where all of it is infinite; a traced end is taken for a finite one.
    assert not Interval(0.0, np.inf).bounded and not Interval(0.0, np.array([np.inf, np.inf])).bounded
    assert Interval(0.0, np.array([np.inf, 1.0])).bounded and Interval(-np.inf, 1.0).bounded and Interval(0.0, 1.0).bounded
    assert float(jax.jit(lambda high: Interval(1.0, high).at(jnp.asarray(0.25)))(jnp.asarray(3.0))) == 1.5
    # The limit of an infinite end is 10¹² above the floor.
    np.testing.assert_allclose(float(Interval(2.0, np.inf).at(jnp.asarray(1.0))), 1e12 + 2, rtol=1e-15)


def test_an_interval_of_vectors_goes_one_by_one():
    space = Interval(jnp.asarray([0.0, 1.0]), 3.0)
    assert space.shape == (2,) and Interval(0.0, 1.0).shape == () and Interval(0.0, jnp.ones((4, 2))).shape == (4, 2)
    assert space.at(jnp.asarray([0.5, 1.0])).tolist() == [1.5, 3.0]
    assert space.position(jnp.asarray([1.5, 2.0])).tolist() == [0.5, 0.5]
    assert space.nearest(jnp.asarray([-1.0, 9.0])).tolist() == [0.0, 3.0]
    assert space.nearest(jnp.asarray([0.5, 0.5])).tolist() == [0.5, 1.0]
    # Beyond the end of positions is the end.
    assert float(Interval(0.0, 2.0).at(jnp.asarray(1.5))) == 2.0


def test_the_position_in_an_interval_of_no_width_has_a_slope():
    # It is one whatever the value: slope zero, where 0/0 would give no number.
    assert float(jax.grad(Interval(0.4, 0.4).position)(jnp.asarray(0.4))) == 0.0
    assert float(jax.grad(Interval(0.4, 0.4).position)(jnp.asarray(0.7))) == 0.0
    assert float(Interval(0.4, 0.4).position(jnp.asarray(0.1))) == 1.0
    # With a width of four the slope is a quarter.
    assert float(jax.grad(Interval(-1.0, 3.0).position)(jnp.asarray(0.7))) == 0.25


def test_the_nearest_shares_are_cut_at_zero():
    assert Simplex(3).shape == (3,)
    assert Simplex(3).nearest(jnp.asarray([-1.0, 1.0, 3.0])).tolist() == [0.0, 0.25, 0.75]


def test_positions_of_a_discrete_set_are_half_open():
    # [0, 1/4) the first, [1/4, 1/2) the second …; below 0 and from 1 on the end values.
    space = Discrete([10.0, 20.0, 40.0, 80.0])
    at = [float(space.at(jnp.asarray(p))) for p in (-0.5, 0.0, 0.2499, 0.25, 0.5, 0.75, 0.9999, 2.0)]
    assert at == [10.0, 10.0, 10.0, 20.0, 40.0, 80.0, 80.0, 80.0]
    assert [float(space.position(jnp.asarray(v))) for v in (10.0, 20.0, 80.0)] == [0.125, 0.375, 0.875]
    assert float(space.nearest(jnp.asarray(29.0))) == 20.0 and float(space.nearest(jnp.asarray(31.0))) == 40.0
    assert space.size == 0 and space.shape == () and float(space.count) == 4.0 and space.admitted is None
    several = Discrete([10.0, 20.0], 3)
    assert several.shape == (3,) and several.at(jnp.asarray([0.0, 0.5, 0.9])).tolist() == [10.0, 20.0, 20.0]
    assert several.position(jnp.asarray([20.0, 10.0, 14.0])).tolist() == [0.75, 0.25, 0.25]


def test_admitted_values_are_stretched_to_the_same_length():
    # Of four values the second and the last: numbers below ½ stand for the middle of the second quarter, others of the last.
    masked = Discrete(jnp.arange(4.0), 2, jnp.asarray([False, True, False, True]))
    assert masked.stretched(jnp.asarray([0.0, 0.499, 0.5, 0.999])).tolist() == [0.375, 0.375, 0.875, 0.875]
    assert float(masked.stretched(jnp.asarray(0.5))) == 0.875
    free = jnp.asarray([0.1, 0.6])
    assert Discrete(jnp.arange(4.0)).stretched(free) is free
    # A value that is not admitted is that of its nearest neighbour that is.
    assert masked.position(jnp.asarray([0.0, 3.0])).tolist() == [0.375, 0.875]
    assert masked.nearest(jnp.asarray([0.2, 2.9])).tolist() == [1.0, 3.0]


def test_a_number_that_all_joint_choices_share_does_not_count():
    # The second number has no range; distances are by the first, in units of it: 6 is nearer to 10 than to 0.
    space = Discrete(np.asarray([[0.0, 5.0], [10.0, 5.0]]))
    assert space.nearest(jnp.asarray([6.0, 5.0])).tolist() == [10.0, 5.0]
    assert space.nearest(jnp.asarray([[4.0, 5.0], [6.0, 5.0]])).tolist() == [[0.0, 5.0], [10.0, 5.0]]
    # By the range of each: (3, 0) is .3 from (0, 0) and .7 + 1 from (10, 1).
    assert Discrete(np.asarray([[0.0, 0.0], [10.0, 1.0]])).nearest(jnp.asarray([3.0, 0.6])).tolist() == [0.0, 0.0]


def test_the_nearest_choice_is_found_field_by_field():
    # Hours are cut at n_max = 3 first; the ceiling of consumption is the cash at those hours.
    agent = HankBlock.small().household
    view, own = HouseholdView(*scalars(1.02, 0.9, -0.3), jnp.asarray(0)), BondOwn(jnp.asarray(2.0), e=jnp.asarray(1))
    wish = choose(agent, own, view, scalars(0.5, 0.5))
    far = type(wish)(jnp.asarray(9.0), jnp.asarray(100.0))
    found = nearest(agent, own, view, far)
    ceiling = 1.02 * 2 + 0.9 * float(agent.risk.value(own.e)) * 3 - 0.3
    np.testing.assert_allclose([float(found.n), float(found.c)], [3.0, ceiling], rtol=1e-14)
    kept = nearest(agent, own, view, wish)
    assert float(kept.n) == float(wish.n) and float(kept.c) == float(wish.c)
    # Fewer hours, a lower ceiling.
    lazy = nearest(agent, own, view, type(wish)(jnp.asarray(1.0), jnp.asarray(100.0)))
    np.testing.assert_allclose(float(lazy.c), ceiling - 2 * 0.9 * float(agent.risk.value(own.e)), rtol=1e-14)
