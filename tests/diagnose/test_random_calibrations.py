"""Random calibrations, a third without an equilibrium on purpose: no false certificate. `make soak` does two thousand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import walras as w
from tests.truth.calibrations import FAMILIES, draw, judged
from tests.truth.saving import Saver, solve
from walras.economy.process import log_chain

SEEDS = range(15)


@pytest.mark.parametrize("family", ["huggett", "aiyagari"])
def test_no_certificate_is_false(family):
    """Certified answers are those of a second solver; where there is no equilibrium nothing is certified."""
    outcomes = [judged(draw(seed, family)) for seed in SEEDS]
    assert [o for o in outcomes if o.false] == []
    # What could not fail would prove nothing: most of what has an equilibrium is certified, a third has none.
    assert sum(o.verdict == "certified" for o in outcomes) >= 5
    assert sum(bool(o.case.why_not) for o in outcomes) == 5
    assert all(o.reasons for o in outcomes if o.verdict != "certified")


@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**40), family=st.sampled_from(FAMILIES), infeasible=st.booleans())
def test_nothing_that_hypothesis_draws_is_certified_falsely(seed, family, infeasible):
    """Any family, with and without an equilibrium."""
    outcome = judged(draw(seed, family, infeasible))
    assert not outcome.false, outcome


@pytest.mark.parametrize("above", [0.0, 1e-4, 0.01])
def test_patience_that_has_no_bound_is_named(above):
    """β R = 1 and above: wealth has no stationary distribution, and the reason says so."""
    economy = w.economies.ConsumptionSaving.maliar2021()
    case = dict(zip(("household.beta", "R"), (0.95, (1 + above) / 0.95), strict=True))
    solution = w.solve(w.with_parameters(economy, case), preset="fast", key=0)
    assert solution.verdict != "certified"
    assert "β(1 + r) ≥ 1" in " ".join(solution.certificate.reasons)


def test_a_limit_beyond_the_natural_one_is_refused_with_the_income():
    economy = w.with_parameters(w.economies.ConsumptionSaving.maliar2021(), {"household.k_min": -100.0})
    with pytest.raises(w.InputError, match="tighter than the natural borrowing limit"):
        w.solve(economy, preset="fast", key=0)


def test_everybody_owes_what_nobody_lends():
    """No supply and no debt: at any low rate nobody holds anything, and no rate is the one."""
    economy = w.with_parameters(w.economies.Huggett.tutorial(), {"supply": 0.0, "household.b_birth": 1.0})
    solution = w.solve(economy, preset="fast", key=0)
    assert solution.verdict != "certified"


def test_the_second_solver_knows_what_has_no_answer():
    chain = log_chain(3, 0.6, 0.3, normalise=True)
    y, P = np.asarray(chain.values), np.asarray(chain.transition)
    with pytest.raises(ArithmeticError, match="no bound"):
        solve(Saver(0.96, 2.0, 0.0, 1 / 0.96, 1.0, y, P))
    with pytest.raises(ArithmeticError, match="nothing can be consumed"):
        solve(Saver(0.96, 2.0, -50.0, 1.02, 1.0, y, P))


def test_the_second_solver_keeps_what_people_get():
    """In the cross-section that rests, people consume what they get: income and the interest on their assets."""
    chain = log_chain(3, 0.6, 0.3, normalise=True)
    people = solve(Saver(0.95, 2.0, 0.0, 1.02, 1.0, np.asarray(chain.values), np.asarray(chain.transition)))
    assert people.consumed == pytest.approx(1.0 + 0.02 * people.held, rel=1e-6)
    assert math.isclose(people.mass.sum(), 1.0)
