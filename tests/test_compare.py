"""Two solutions side by side."""

import numpy as np
import pytest

import walras as w
from tests.report_fixtures import krusell_smith


@pytest.fixture(scope="module")
def solved():
    return krusell_smith()


def test_a_solution_is_equal_to_itself(solved):
    found = w.compare(solved, solved, dates=300)
    assert max(found.rules["household"]) < 1e-10 and found.welfare["household"] == 0.0
    assert all(gap == 0.0 for _, _, gap, _ in found.paths.values())
    assert {"household_K", "price_r"} <= set(found.paths) and found.units["household_K"] == "goods"


def test_another_seed_differs_little_and_impatience_a_lot(solved):
    again = w.solve(solved.economy, preset=solved.preset, key=solved.seed + 1)
    near = w.compare(solved, again, dates=1000)
    poor = w.solve(w.with_parameters(solved.economy, {"household.beta": 0.97}), preset=solved.preset, key=solved.seed)
    far = w.compare(solved, poor, dates=1000)
    relative = lambda found: found.paths["household_K"][2] / found.paths["household_K"][0]  # noqa: E731
    assert 0 < relative(near) < 2e-3 and relative(far) > 0.1
    assert near.rules["household"][0] < 0.1 and far.rules["household"][0] > 1.0
    # Those who hold less capital consume less at every date: the second path is worth less.
    assert far.welfare["household"] < -1.0 and abs(near.welfare["household"]) < 0.1
    assert np.isfinite(list(far.welfare.values())).all()


def test_different_economies_are_refused(solved):
    other = w.solve(w.economies.Aiyagari.benchmark(), preset="fast")
    with pytest.raises(w.InputError, match="not of one economy"):
        w.compare(solved, other)
