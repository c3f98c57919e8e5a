"""A second solution by tables shows what no look at one solution can: a wrong economy whose law is exact."""

import dataclasses

import numpy as np
import pytest

import walras as w
from walras._core.errors import InputError
from walras.diagnose.beside_tables import beside_tables
from walras.inputs import with_parameters
from walras.learners.learner import Learner
from walras.solve import diagnose


class Told(Learner):
    """Somebody's rules, whoever learned them."""

    by: Learner

    def init(self, setup):
        """As they did."""
        return self.by.init(setup)

    def update(self, key, state, task):
        """As they did."""
        return self.by.update(key, state, task)

    def rule(self, state):
        """Theirs."""
        return self.by.rule(state)

    def histogram(self, state):
        """Theirs."""
        return self.by.histogram(state)


@pytest.fixture(scope="module")
def economy():
    return w.economies.KrusellSmith.dhjj2010()


@pytest.fixture(scope="module")
def right(economy):
    """Krusell and Smith's economy."""
    return w.solve(economy, preset="fast")


def told(solution, economy=None):
    """The solution as if by another learner, said to be of `economy`."""
    learners = {name: Told(learner) for name, learner in solution.lab.learners.items()}
    lab = dataclasses.replace(solution.lab, learners=learners, economy=economy or solution.lab.economy)
    return dataclasses.replace(solution, lab=lab)


def gap_of(solution) -> float:
    return solution.certificate.figure("tabular_gap_percent")


def test_the_same_rules_are_not_apart(right):
    beside = beside_tables(told(right), dates=300)
    assert gap_of(beside) == pytest.approx(0.0, abs=1e-10)
    assert beside.verdict == right.verdict == "certified"


def test_rules_of_another_discount_factor_are(economy, right):
    # β .9896 instead of .99: capital 1.5 % lower, and a law of motion as exact as the right one.
    other = w.solve(with_parameters(economy, {"household.beta": 0.9896}), preset="fast")
    beside = beside_tables(diagnose(told(other, right.lab.economy)), dates=2000)
    means = [float(np.mean(w.simulate(s, periods=3000, key=1).household_K[1000:])) for s in (right, other)]
    assert gap_of(beside) == pytest.approx(100 * (1 - means[1] / means[0]), rel=0.1)
    assert gap_of(beside) > 1.0
    assert beside.verdict != "certified" and any("tabular" in reason for reason in beside.certificate.reasons)


def test_tables_have_nothing_beside_them(right):
    with pytest.raises(InputError, match="nothing to compare them with"):
        beside_tables(right)
