"""A design that is put down and taken up again: every searcher asks the same, every judge stands where it stood."""

import dataclasses

import numpy as np
import pytest

from walras._core.keys import root_key
from walras.govern.design import searched, searcher_named
from walras.govern.judges import AtRest, Judge, OnTheWay
from walras.govern.problem import Box
from walras.govern.study import Study
from walras.govern.welfare import Appraisal, Utilitarian
from walras.lab import checkpoint


class Hill(Judge):
    """A hill whose height depends a little on what was asked before, as that of equilibria does that begin where the last ended."""

    name = "hill"

    def __init__(self):
        self.last, self.calls, self.most = np.zeros(2), 0, np.inf

    def begin(self):
        pass

    def appraisal(self, economy):
        if self.calls >= self.most:
            raise KeyboardInterrupt
        self.calls += 1
        policy = np.asarray(economy)
        self.last = 0.5 * self.last + policy
        height = 1.0 - float(np.sum((policy - 0.3) ** 2)) + 1e-6 * float(self.last.sum())
        return Appraisal(height, height, height, height)

    def memory(self):
        return self.last

    def recall(self, memory):
        self.last = memory

    def concluded(self, after, before):
        raise NotImplementedError


class Hills(Study):
    """A study of the hill."""

    def __init__(self):
        self.box = Box(("a", "b"), (0.0, 0.0), (1.0, 1.0))
        self.judge, self.ledger, self.key = Hill(), {}, 0
        self.begins, self.heard = lambda: None, lambda _: None

    def at(self, policy):
        return tuple(policy)


@pytest.mark.parametrize("searcher", ["grid:4", "cma-es:4", "pathwise:4", "ppo:8", "es:8"])
def test_every_searcher_goes_on_to_the_same_bits(searcher, tmp_path):
    """Interrupted in every third equilibrium, and taken up again from the last checkpoint, which is one equilibrium old."""

    def search(study):
        return searched(study, searcher_named(searcher, 2), root_key(3), np.full(2, 0.5), None)

    whole = Hills()
    expected = search(whole)
    assert len(whole.ledger) > 12
    kept = checkpoint.Checkpoints(tmp_path, "design", {})
    resumed = 0
    while True:
        study = Hills()
        if checkpoint.present(tmp_path):
            found = checkpoint.newest(tmp_path, "design", lambda _: ())
            study.ledger.update({e.policy: e for e in found.value["ledger"]})
            study.judge.recall(found.value["judge"])
        study.judge.most = 6
        states = []
        study.heard = lambda _, study=study, states=states: states.append(
            {"ledger": list(study.ledger.values()), "judge": study.judge.memory()}
        )
        try:
            found = search(study)
            break
        except KeyboardInterrupt:
            resumed += 1
            kept.write(len(states[-2]["ledger"]), states[-2])
    assert resumed >= 2
    assert [dataclasses.replace(e, seconds=0.0) for e in study.ledger.values()] == [
        dataclasses.replace(e, seconds=0.0) for e in whole.ledger.values()
    ]
    assert np.array_equal(found.x, expected.x) and np.array_equal(found.trail, expected.trail)


@pytest.mark.parametrize("judge", [AtRest, OnTheWay])
def test_a_judge_goes_on_where_it_stood(judge, tmp_path):
    """Its memory goes through a file; then the next policy is worth the same to the bit."""
    from tests.govern.taxed import Taxed
    from walras.inputs import with_parameters

    economy = Taxed.small()
    under = lambda tax: with_parameters(economy, {"government.tau_k": tax})  # noqa: E731
    one = judge(economy, Utilitarian(), ("fast", 0))
    one.begin()
    first = one.appraisal(under(0.1))
    kept = checkpoint.Checkpoints(tmp_path, "design", {})
    kept.write(1, {"ledger": [], "judge": one.memory()})
    other = judge(economy, Utilitarian(), ("fast", 0))
    other.recall(checkpoint.newest(tmp_path, "design", lambda _: ()).value["judge"])
    other.begin()
    assert one.appraisal(under(0.15)) == other.appraisal(under(0.15)) != first
