"""Economies with several equilibria, with none that stays bounded, and with other paths beside the one that was found."""

import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras.diagnose.determinacy import symbol_of, winding
from walras.economies import BrockMirman, Huggett, HuggettRisk, KrusellSmith
from walras.economy.economy import Clear


def turns(answers: dict[int, list]) -> int:
    """Winding number of answers by lead."""
    return winding(symbol_of(np.array([np.atleast_2d(a) for a in answers.values()], float), np.array(list(answers)))).winding


@pytest.mark.parametrize(("root", "found"), [(1.5, 0), (0.5, 1)])
def test_a_price_that_must_rise_by_a_factor(root, found):
    """E p' = φ p: one bounded path (p = 0) if |φ| > 1, one for every p today if |φ| < 1."""
    assert turns({0: [[-root]], 1: [[1.0]]}) == found


@pytest.mark.parametrize(("root", "found"), [(0.5, 0), (1.5, -1)])
def test_a_stock_that_was_chosen_before(root, found):
    """k = ρ k₋₁: no bounded path from most k₋₁ if |ρ| > 1."""
    assert turns({-1: [[-root]], 0: [[1.0]]}) == found


@pytest.mark.parametrize("phi", [1.5, 1.05, 0.95, 0.0])
def test_the_taylor_principle(phi):
    """x = E x' − (φ π − E π'), π = β E π' + κ x: determinate exactly if φ > 1 (Bullard and Mitra 2002)."""
    beta, kappa = 0.99, 0.1
    now, ahead = [[1.0, phi], [-kappa, 1.0]], [[-1.0, -1.0], [0.0, -beta]]
    assert turns({0: now, 1: ahead}) == (0 if phi > 1 else 1)


def test_an_eigenvalue_on_the_circle_has_no_winding_number():
    found = winding(symbol_of(np.array([[[-1.0]], [[1.0]]]), np.array([0, 1])))
    assert found.nearest < 1e-12 and "on the edge" in found.verdict


def test_what_is_no_number_is_not_determinate():
    found = winding(symbol_of(np.array([[[np.nan]], [[1.0]]]), np.array([0, 1])))
    assert np.isnan(found.nearest) and "not known" in found.verdict


def test_the_rate_form_of_huggett_with_risk_is_one_path_among_many(solved):
    """The bond-price form, the same people, is determinate: `tests/truth` compares it with a linear solver."""
    rate, price = solved(HuggettRisk.srl2025_rate), solved(HuggettRisk.srl2025)
    assert price.certificate.figure("winding") == 0 and price.verdict == "certified"
    assert rate.certificate.figure("winding") == 1 and rate.verdict == "not-certified"
    assert "winding number 1" in rate.certificate.reasons[0]


class Obliging(Huggett):
    """A government that sells fourteen times as many bonds once the rate passes −1.5 %: demand meets supply three times."""

    def market(self):
        """The supply goes up a step, where demand is between the two levels; demand rises everywhere."""
        supply = lambda r: self.supply * (0.07 + 0.93 / (1 + jnp.exp(-(r + 0.015) / 1e-3)))  # noqa: E731
        excess = lambda now: {"r": now.flows["household"]["S"] - supply(now.prices["r"])}  # noqa: E731
        return Clear(excess, bracket=({"r": self.r_low}, {"r": self.r_high}))


def test_several_stationary_equilibria_are_counted():
    tutorial = Huggett.tutorial()
    economy = Obliging(**{name: getattr(tutorial, name) for name in tutorial.__dataclass_fields__})
    solution = w.solve(economy, preset="fast")
    assert solution.certificate.figure("clearing_prices") == 3
    assert solution.verdict == "not-certified"


class Unlimited(KrusellSmith):
    """Machines that earn the same however many there are, more than impatience: wealth grows for ever."""

    def prices(self, now):
        """A rate that capital does not lower, the rest as it was."""
        return {**super().prices(now), "r": 0.02 * self.exogenous.value(now.exo)}


def test_an_economy_that_grows_for_ever_has_no_equilibrium_at_rest():
    given = KrusellSmith.dhjj2010()
    solution = w.solve(Unlimited(**{name: getattr(given, name) for name in given.__dataclass_fields__}), preset="fast")
    assert solution.verdict == "failed" and "no stationary equilibrium is bracketed" in solution.certificate.reasons[0]


class Explosive(BrockMirman):
    """The same with one household that stands for all: its law of motion explodes."""

    def prices(self, now):
        """Y = 1.1 z K, all of it paid to capital."""
        K, z = now.stocks["household"]["K"], self.exogenous.value(now.exo)
        return {"R": 1.1 * z, "w": 1e-3 * z, "Y": 1.1 * z * K + 1e-3 * z}


def test_an_explosive_law_is_not_certified():
    given = BrockMirman.textbook()
    solution = w.solve(Explosive(**{name: getattr(given, name) for name in given.__dataclass_fields__}), preset="fast")
    assert solution.verdict != "certified", solution.certificate
