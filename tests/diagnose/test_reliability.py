"""Repeated runs and restarts: counts by hand and the ends of every range."""

import numpy as np
import pytest

from walras._core.errors import InputError
from walras.diagnose.reliability import RestartBottom, pass_all


def test_all_of_k_runs_by_counting_subsets():
    """C(3, 2)/C(4, 2) = 3/6; one run succeeds with the share, all of them only if all did."""
    assert pass_all(3, 4, 2) == 0.5
    assert pass_all(3, 4, 1) == 0.75
    assert pass_all(2, 4, 3) == 0
    assert pass_all(6, 8, 3) == pytest.approx(20 / 56)
    assert (pass_all(4, 4, 4), pass_all(3, 4, 4), pass_all(0, 4, 1), pass_all(1, 1, 1)) == (1, 0, 0, 1)


@pytest.mark.parametrize(("successes", "runs", "k"), [(1, 2, 0), (1, 2, 3), (3, 2, 1), (-1, 2, 1), (0, 0, 1)])
def test_counts_that_cannot_be_are_refused(successes, runs, k):
    text = rf"pass_all: {successes} successes in {runs} runs say nothing of {k} that all succeed.*Make at least k runs"
    with pytest.raises(InputError, match=text):
        pass_all(successes, runs, k)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.5, 1.5])
def test_shares_lie_strictly_between_zero_and_one(value):
    """To restart nobody, or everybody at the end, is no restart."""
    with pytest.raises(InputError, match=f"RestartBottom: fraction is a share between 0 and 1.*{value}"):
        RestartBottom(value, 0.5)
    with pytest.raises(InputError, match=f"RestartBottom: at is a share between 0 and 1.*{value}"):
        RestartBottom(0.5, value)


def test_one_step_of_a_run_is_due():
    """The first at or beyond the share: of ten steps the third at .3 (2 < 3 ≤ 3), of eleven the fourth (3 < 3.3 ≤ 4)."""
    for total, share, due in ((10, 0.5, 5), (11, 0.3, 4), (10, 0.25, 3), (8, 0.25, 2), (3, 0.01, 1)):
        rule = RestartBottom(0.5, share)
        assert [done for done in range(total + 1) if rule.due(done, total)] == [due]


def test_the_lowest_are_chosen_rounded_down_the_first_of_equals():
    pick = lambda fraction, scores: np.flatnonzero(RestartBottom(fraction, 0.5).chosen(np.array(scores))).tolist()  # noqa: E731
    assert pick(0.5, [3.0, 1.0, 2.0, 0.0, 5.0]) == [1, 3]
    assert pick(1 / 3, [1.0, 1.0, 1.0]) == [0]
    assert pick(0.3, [1.0, 2.0, 3.0]) == []
    assert pick(0.5, [-9.0, np.nan]) == [1] and pick(0.5, [-np.inf, 2.0, np.nan, 1.0]) == [0, 2]
    # .29 · 100 is 28.999999999999996 in floating point, and means 29.
    assert len(pick(0.29, np.arange(100.0))) == 29
    assert pick(0.5, np.ones(40)) == list(range(20))  # a stable order, also where sorting is no longer by insertion


def test_the_gain_by_hand():
    """Half of four is chosen, of whom none succeeded, of all one half: ½ (½ − 0); none where nobody is chosen."""
    score, success = np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True])
    assert RestartBottom(0.5, 0.5).gain(score, success) == 0.25
    assert RestartBottom(0.5, 0.5).gain(score, ~success) == -0.25
    assert RestartBottom(0.25, 0.5).gain(score, np.array([True, False, False, False])) == 0.25 * (0.25 - 1)
    assert RestartBottom(0.2, 0.5).gain(score, success) == 0.0
