"""`marl-rbc` by `EulerIteration`: shares of cash that nobody knows when choosing, against what is known otherwise."""

import numpy as np
import pytest

from walras.economies import KrusellSmith, MarlRbc


def test_the_closed_form(solved):
    """s = 1 − αβ and l = (1 − α)/(b s + 1 − α), whatever productivity is."""
    solution = solved(MarlRbc.closed_form)
    assert solution.verdict == "certified", solution.certificate.reasons
    flow, share = solution.evidence.dates["public"].flows["household"], 1 - 0.36 * 0.95
    np.testing.assert_allclose(flow["sL"] / flow["L"], share, atol=1e-4)
    np.testing.assert_allclose(flow["N"], 0.64 / (5 * share + 0.64), atol=1e-4)


def test_krusell_smith_in_shares_is_krusell_smith(solved):
    """The same people choose how much to consume, or what share: before shares were interpolated as such, K was .7 % low and the
    rich were ten times too rich."""
    amounts, shares = solved(KrusellSmith.dhjj2010), solved(MarlRbc.krusell_smith)
    assert shares.verdict == "certified", shares.certificate.reasons
    capital = [s.evidence.dates["public"].stocks["household"]["K"].mean() for s in (amounts, shares)]
    assert capital[1] == pytest.approx(capital[0], rel=1e-4)
    assert shares.moments()["wealth_gini"] == pytest.approx(amounts.moments()["wealth_gini"], abs=1e-3)
