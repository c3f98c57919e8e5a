"""Numbers that go wrong stop the loop in the round in which they begin, and are named."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from tests import injections as faults
from walras import health
from walras.learners.preset import preset
from walras.loop import advance
from walras.solve import ROLLBACKS, Timer, calmer, finish, laboratory


@pytest.fixture(scope="module")
def begun():
    """Laboratory of the economy that can go wrong, and its state after two rounds."""
    lab, loop = laboratory(faults.faulty(), {"household": w.learners.EulerIteration()}, None, None, preset("fast"), 0)
    return lab, advance(lab, loop, 2)


def test_nothing_wrong_goes_on(begun):
    seen = faults.caught(*begun)
    assert not seen.stopped and seen.rounds == 3


def test_every_leaf_of_the_state_is_looked_at(begun):
    """One number of each leaf, not a number or infinite by turns: no round counts, and the leaf is named."""
    lab, loop = begun
    where = faults.places(loop)
    assert len(where) > 50
    for number, place in enumerate(where):
        seen = faults.caught(lab, faults.into_state(loop, place, 0.7, faults.VALUES[number % 3]))
        assert seen.stopped and seen.rounds == 0, place
        assert seen.named.startswith((place, f"{place}[")), (place, seen.named)


@pytest.mark.parametrize(("what", "date"), [(0, 0), (1, 7), (2, 80), (3, 149), (4, 33)])
def test_a_wrong_price_is_named_with_its_date_and_state(begun, what, date):
    lab, loop = begun
    for number, value in enumerate(("nan", "inf")):
        seen = faults.caught(faults.in_equation(lab, price=(what, date, number)), loop)
        assert seen.stopped and seen.rounds == 0
        if what < 4:
            name = faults.PRICES[what]
            # The tax rate is zero while nobody is unemployed: zero times infinity is no number.
            assert f"prices.{name} is {value} at date {date} (path 0, exogenous state" in seen.named
        assert f"at date {date} (path 0, exogenous state" in seen.named


@pytest.mark.parametrize(("what", "part"), [(1, "payoff.household"), (2, "moved.household.k")])
@pytest.mark.parametrize("low", [0.0, 39.0, 150.0])
def test_a_wrong_payoff_or_move_is_named_with_the_own_state(begun, what, part, low):
    lab, loop = begun
    fault = (what, low, low + 30, 0)
    seen = faults.caught(faults.in_equation(lab, household=fault), faults.with_fault(loop, fault))
    assert seen.stopped and seen.rounds == 0
    assert seen.named.startswith(f"{part} is nan at date 0 (path 0, exogenous state")
    k = float(seen.named.split("k = ")[1].split(",")[0])
    assert low <= k <= low + 30


def test_a_parameter_is_named_before_what_follows_from_it(begun):
    lab, loop = begun
    lab = dataclasses.replace(lab, economy=dataclasses.replace(lab.economy, alpha=jnp.full_like(lab.economy.alpha, np.nan)))
    assert faults.caught(lab, loop).named == "parameter alpha is nan"


def test_a_solve_that_goes_wrong_goes_back_and_then_stops(begun):
    """Half the step, a few times, and then an honest end with the last good state."""
    lab, loop = begun
    lab = faults.in_equation(lab, price=(0, 5, 0))
    kept, resumed = [], []
    solution = finish(lab, loop, name="Faulty", seed=0, watch=lambda *at: kept.append(at) and False, timer=Timer())
    assert solution.verdict == "failed"
    assert "prices.r is nan at date 5" in solution.certificate.reasons[0] and "round 3" in solution.certificate.reasons[0]
    assert health.first_bad(solution.loop.learners) is None and int(solution.loop.round) == 2
    steps = [float(at.learners["household"].pace.law) for _, at in kept]
    # The last look is at the end, which is no step.
    assert steps[:-1] == [steps[0] * 0.5**n for n in range(ROLLBACKS + 1)] and steps[-1] == steps[-2]
    # How often it went back is part of the state: who goes on from there has as many left.
    finish(*kept[2], name="Faulty", seed=0, watch=lambda *at: resumed.append(at) and False, timer=Timer())
    assert [float(at.learners["household"].pace.law) for _, at in resumed] == steps[2:]


def test_what_has_no_step_is_left_as_it_is(begun):
    lab, loop = begun
    fixed = dataclasses.replace(lab, learners={"household": w.learners.Fixed(loop.learners["household"].table)})
    assert calmer(fixed, loop) == (fixed, loop)


def test_an_origin_says_where():
    tree = {"a": np.ones(3), "b": {"c": np.array([[1.0, np.inf], [np.nan, 2.0]])}}
    assert str(health.first_bad(tree, "x.")) == "x.b.c[0, 1] is inf"
    assert health.first_bad({"a": np.arange(3)}) is None
