"""The price of restricted perceptions: nothing where nothing is missed, what is missed where something is."""

import dataclasses

import numpy as np
import pytest

import walras as w
from walras._core.tree import entry
from walras.diagnose import laws
from walras.diagnose.best_response import follow
from walras.diagnose.restricted import RECORDED, Restricted, applies
from walras.economies import HuggettPartial
from walras.economies.huggett import BondView
from walras.economy.economy import Formula
from walras.economy.information import Moments, Prices
from walras.economy.population import Representative
from walras.economy.process import Chain
from walras.learners import StructuralRL

NAME, FIGURE = "household", "restricted_perceptions_percent"


class Seasons(HuggettPartial):
    """The household alone at a rate of two per cent, its endowment 15 % above or below in good and in bad times, which last
    five years on average. The rate says nothing; who does not see the times sees cash alone."""

    def market(self):
        return Formula(lambda now: {"r": 0.02 + 0.0 * self.exogenous.value(now.exo)})

    def household_sees(self, now):
        z = self.exogenous.value(now.exo)
        return BondView(1.02 + 0.0 * z, 1.0 + 0.0 * z, z, now.exo)


def seasons():
    plain = w.with_parameters(HuggettPartial.srl2025(), {"household.b_min": 0.0})
    times = Chain([0.85, 1.15], np.array([[0.8, 0.2], [0.2, 0.8]]))
    return Seasons(**{**vars(plain), "exogenous": times})


@pytest.fixture(scope="module")
def blind():
    """Those who do not see the times: cash alone."""
    return w.solve(seasons(), {NAME: StructuralRL()}, information={NAME: Prices(())}, preset="fast", key=0)


@pytest.fixture(scope="module")
def sighted():
    """Those who see them."""
    return w.solve(seasons(), preset="fast", key=0)


def test_nothing_is_missed_in_krusell_and_smiths_economy():
    # The point of Krusell and Smith (1998): beyond the mean the distribution is worth next to nothing.
    solution = w.solve(w.economies.KrusellSmith.srl2025(), preset="fast", key=0)
    gain, error = Restricted().worth(solution.evidence, NAME)
    assert 0 < error < 5e-3
    assert abs(gain) < 3 * error
    # The certificate asks it of rules that see other things than the view alone: it is as dear as all its other checks.
    assert FIGURE not in solution.accuracy()


def test_hidden_times_are_missed(blind, sighted):
    gain, error = Restricted().worth(blind.evidence, NAME)
    assert blind.rules[NAME].table.shape[0] == 1 and error < gain / 8
    assert gain == pytest.approx(benchmark(blind, sighted), rel=0.03)
    finding = next(f for f in blind.certificate.findings if f.figure == FIGURE)
    assert finding.value == gain and finding.threshold is None and finding.by_type == {NAME: gain}
    # Those who see it already miss nothing, though the moment is tried on them too.
    known, error = Restricted().worth(sighted.evidence, NAME)
    assert abs(known) < max(3 * error, 0.05 * gain)


def benchmark(blind, sighted) -> float:
    """The same gain without a law: prices do not depend on people here, so that the rule of those who see the state, solved
    by endogenous grids alone, is what an individual would do who saw it."""
    evidence, lab = blind.evidence, blind.lab
    field = evidence.field(NAME)
    seeing = dataclasses.replace(sighted.rules[NAME], information=RECORDED)
    mine = dataclasses.replace(blind.rules[NAME], information=RECORDED)
    pairs = ((mine, field.info), (seeing, laws.of_view(field).info))
    agent, stride = lab.economy.household, evidence.stride
    chosen, horizon, _ = Restricted().stretches(agent, field, stride)
    begun = (chosen * stride, entry(evidence.states.cross[NAME], chosen), None)
    (old, new), (worth, _) = follow(agent, lab.populations[NAME], field, pairs, begun, evidence.key, horizon)
    return 100 * float(np.mean(new - old) / np.mean(worth))


def test_a_rule_without_the_state_has_a_certificate(blind):
    figures = blind.accuracy()
    # Its own best response does not exist: there is no law from state to state. Absent, not zero.
    assert "best_response_gain_percent" not in figures and FIGURE in figures
    assert figures["accounts_max"] < 1e-8 and "euler_log10_mean" in figures
    assert "den_haan_mean_percent" not in figures  # nothing to forecast but the state itself


def test_it_is_not_tried_where_it_says_nothing(blind):
    evidence = blind.evidence
    assert applies(evidence, NAME)
    known = dataclasses.replace(blind.rules[NAME], information=Moments(NAME, ("mean_log",)))
    assert not applies(dataclasses.replace(evidence, rules={NAME: known}), NAME)
    less = dataclasses.replace(known, information=Moments(NAME, ("mean",)))
    assert applies(dataclasses.replace(evidence, rules={NAME: less}), NAME)
    lab = evidence.lab
    for other in (
        dataclasses.replace(lab, stationary=True),
        dataclasses.replace(lab, populations={NAME: Representative()}),
    ):
        assert not applies(dataclasses.replace(evidence, lab=other), NAME)
