"""Who gains: groups of the same people, schedules as they are drawn, the page of a design."""

import jax.numpy as jnp
import numpy as np
import pytest

from walras.economies import TaxEconomy
from walras.govern.equilibrium import Society
from walras.govern.welfare import People
from walras.govern.winners import schedules, winners


def society(worth, weight, state):
    worth, weight, state = (jnp.asarray(x, float) for x in (worth, weight, state))
    return Society(People(jnp.log(worth), worth, weight, state), 1.0, jnp.log)


def test_groups_are_those_of_a_hand_count():
    # Ten nodes of a tenth each; the richer half, which is in state 1, gains 10 %, the others lose 2 %.
    weight, stock = np.full(10, 0.1), np.arange(10.0)[::-1]
    state = (stock >= 5).astype(int)
    before = society(np.full(10, 2.0), weight, state)
    after = society(np.where(stock >= 5, 2.2, 1.96), weight, state)
    found = {group.name: group for group in winners(before, after, stock)}
    everybody = found["everybody"]
    assert (everybody.people, everybody.gain, everybody.better) == pytest.approx((1.0, 0.5 * 0.10 - 0.5 * 0.02, 0.5))
    assert (found["state 0"].gain, found["state 1"].gain) == pytest.approx((-0.02, 0.1))
    assert (found["poorest fifth"].gain, found["third fifth"].gain, found["richest fifth"].gain) == pytest.approx(
        (-0.02, 0.04, 0.1)
    )
    assert sum(found[name].people for name in found if "fifth" in name) == pytest.approx(1.0)


def test_groups_without_people_are_left_out():
    # All at one node: one fifth, the middle one; nobody is in state 1.
    found = winners(society([1.0, 1.0], [1.0, 0.0], [0, 1]), society([1.5, 1.0], [1.0, 0.0], [0, 1]), np.array([0.0, 1.0]))
    assert [group.name for group in found] == ["everybody", "state 0", "third fifth"]
    assert all(group.gain == pytest.approx(0.5) for group in found)


def test_schedules_that_are_no_straight_lines_are_drawn():
    drawn = schedules(TaxEconomy.standard())
    assert list(drawn) == ["government.income"]
    base, marginal, average = (np.asarray(drawn["government.income"][k]) for k in ("base", "marginal", "average"))
    # Heathcote, Storesletten and Violante: T' = 1 − (1 − τ) x^(−ξ), T/x = 1 − (1 − τ) x^(−ξ)/(1 − ξ), τ = .2, ξ = .1.
    np.testing.assert_allclose(marginal, 1 - 0.8 * base**-0.1, atol=1e-12)
    np.testing.assert_allclose(average, 1 - 0.8 * base**-0.1 / 0.9, atol=1e-12)
    assert schedules(TaxEconomy.ghh()) == {}
