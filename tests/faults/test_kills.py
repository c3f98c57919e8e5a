"""Hard kills, at every point of a checkpoint's write and at random instants, and what must be true afterwards.

`make soak` does the same a thousand times and with every learner.
"""

import pytest

from tests.faults import finishing, harness


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with harness.serving(folder / "cache", folder / "errors") as server:
        yield server


def test_a_killed_solve_goes_on_to_the_same_bits(server, tmp_path):
    """No state differs from the undisturbed run's of that round, no acknowledged checkpoint is lost; and the kills have hit."""
    case = harness.BROCK_MIRMAN.stored(server, tmp_path / "program")
    tally = harness.campaign(server, tmp_path / "run", case, (24, 10))
    assert tally.kills >= 24 and tally.within >= 10 and len(tally.ways) >= 5
    assert tally.compared >= 24 and tally.arrived >= 1
    assert (tally.different, tally.lost, tally.refused) == (0, 0, [])


def test_the_harness_would_notice(server, tmp_path):
    """Another discount factor is another run: states that are compared differ."""
    case = harness.case("another", "brock-mirman", "textbook")
    case = harness.dataclasses.replace(case, request={**case.request, "parameters": {"household.beta": 0.9}}, until=1)
    expected, _ = harness.reference(server, tmp_path / "one", case)
    other = harness.dataclasses.replace(case, request={**case.request, "parameters": {"household.beta": 0.91}})
    life, tally = harness.Life(server, tmp_path / "other", other), harness.Tally()
    life.judged(life.go()[1], tally, expected)
    assert tally.compared >= 1 and tally.different >= 2


def test_the_end_of_a_run_can_be_cut_off_anywhere(server, tmp_path):
    """The finished run that is replaced or added to is whole at every moment, and the work can be completed."""
    ends = finishing.exhausted(server, tmp_path / "ends", every=41)
    assert ends.kills >= 6 and (ends.lost, ends.refused) == (0, [])
