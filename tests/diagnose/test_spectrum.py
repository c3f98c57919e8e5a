"""Kinds of ends: planted ones are found, a single cloud is one kind, and what is not there is not believed."""

import numpy as np
import pytest

from walras._core.errors import InputError
from walras.diagnose.spectrum import kinds_of, silhouette


def cloud(n: int, centre, seed: int, spread: float = 1.0):
    """Points around a centre."""
    return np.asarray(centre) + spread * np.random.default_rng(seed).normal(size=(n, len(centre)))


def test_planted_kinds_are_found_the_largest_first():
    """In any units, whatever a column that never moves says."""
    ends = np.concatenate([cloud(7, (0, 0), 0), cloud(13, (12, -9), 1)]) * [1.0, 1e6]
    found = kinds_of(np.column_stack([ends, np.full(20, 3.0)]))
    assert found.count == 2
    np.testing.assert_array_equal(found.labels, [1] * 7 + [0] * 13)
    assert found.silhouette > 0.75
    assert (found.stability > 0.95).all()


def test_three_kinds():
    """As many as there are."""
    ends = np.concatenate([cloud(8, c, k) for k, c in enumerate([(0, 0), (20, 0), (0, 20)])])
    assert kinds_of(ends).count == 3


def test_one_cloud_is_one_kind():
    """Five clouds in five dimensions: no structure."""
    for seed in range(5):
        found = kinds_of(cloud(24, np.zeros(5), seed))
        assert found.count == 1
        assert np.isnan(found.silhouette)


def test_seeds_that_end_alike_are_one_kind():
    """No number varies."""
    assert kinds_of(np.full((8, 3), 2.5)).count == 1


def test_the_silhouette_by_hand():
    """Points 0, 1 and 4, 5: a = 1, b = 4.5 or 3.5 for everybody."""
    points = np.array([[0.0], [1.0], [4.0], [5.0]])
    expected = np.mean([3.5 / 4.5, 2.5 / 3.5, 2.5 / 3.5, 3.5 / 4.5])
    assert silhouette(points, np.array([0, 0, 1, 1])) == pytest.approx(expected)
    assert silhouette(points, np.array([0, 1, 1, 1])) == pytest.approx(
        np.mean([0.0, (1 - 3.5) / 3.5, (4 - 2.0) / 4.0, (5 - 2.5) / 5.0])
    )


def test_one_who_is_alone_is_no_pattern():
    """A kind of one seed is found, and missing where that seed is not drawn: (1 − 1/16)¹⁶ = .36 of the draws."""
    ends = np.concatenate([cloud(15, (0, 0), 3), [[30.0, 30.0]]])
    found = kinds_of(ends, draws=2000)
    assert found.count == 2
    assert found.labels[-1] == 1
    assert found.stability[1] == pytest.approx(1 - (15 / 16) ** 16, abs=0.04)


def test_draws_of_hardly_anybody_count_too():
    """Of six seeds some draws show one or two."""
    ends = np.concatenate([cloud(3, (0,), 5), cloud(3, (40,), 6)])
    for seed in range(20):
        assert (kinds_of(ends, draws=500, seed=seed).stability > 0.8).all()


def test_one_kind_is_not_asked_for():
    """At most one kind is an answer, not a question."""
    with pytest.raises(InputError, match="at most 1 kinds"):
        kinds_of(np.zeros((8, 2)), most=1)


@pytest.mark.parametrize(("ends", "says"), [(np.zeros((3, 2)), "3 seeds"), (np.full((8, 2), np.nan), "8 seeds with numbers")])
def test_too_little_is_refused(ends, says):
    """Few seeds, or none that ended well."""
    with pytest.raises(InputError, match=says):
        kinds_of(ends)
