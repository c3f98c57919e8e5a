"""What learners make of an information: tables of the right shape, refusals that say why, rules that can be read again."""

import jax
import numpy as np
import pytest

import walras as w
from walras import loop as loops
from walras.economies import Aiyagari, HuggettRisk, KrusellSmith
from walras.economy.information import Lags, Moments, Prices, Shares
from walras.learners import EulerIteration, StructuralRL
from walras.learners.preset import preset
from walras.learners.unseen import Insight
from walras.solve import laboratory

NAME = "household"


def begun(economy, learner, information):
    """A laboratory before its first round."""
    return laboratory(economy, {NAME: learner}, None, {NAME: information}, preset("fast"), 0)


def test_a_law_by_state_needs_the_state():
    with pytest.raises(w.InputError, match="forecasts from exogenous state") as refused:
        begun(KrusellSmith.srl2025(), EulerIteration(), Prices(("r", "w")))
    assert "EulerIteration of household" in str(refused.value) and "StructuralRL" in str(refused.value)
    with pytest.raises(w.InputError, match="StructuralRL"):
        begun(KrusellSmith.srl2025(), EulerIteration(), Lags(("w",), 1, seen=Prices(("r",))))


def test_tables_take_three_coordinates():
    for information in (Shares(NAME, (1.0, 4.0, 9.0)), Lags(("r", "w"), 2)):
        with pytest.raises(w.InputError, match=r"has [45] coordinates, and a table takes at most 3"):
            begun(KrusellSmith.dhjj2010(), EulerIteration(), information)


def test_prices_that_rest_are_refused():
    with pytest.raises(w.InputError, match="nothing to condition on"):
        w.solve(Aiyagari.benchmark(), information={NAME: Prices(("r",), state=True)}, preset="fast")


def test_a_moment_in_a_market_that_clears_is_refused():
    with pytest.raises(w.InputError, match="does not move with the price"):
        begun(HuggettRisk.srl2025_rate(), StructuralRL(), Moments(NAME, ("mean_log",), -1.0))


def test_prices_alone_teach_krusell_and_smiths_households():
    economy, alone = KrusellSmith.srl2025(), Prices(("r", "w"))
    lab, loop = begun(economy, StructuralRL(), alone)
    state = loop.learners[NAME]
    assert state.table.table.shape[:3] == (1, 12, 12) and state.table.information == alone
    # The critic sees what the rule does not: productivity, and capital.
    assert isinstance(state.insight, Insight) and state.insight.size == 2
    x = state.insight(np.int64(0), jax.tree_util.tree_map(lambda leaf: leaf[0, 0], _views(lab, loop)))
    assert float(x[0]) == -1.0
    loop = loops.advance(lab, loop, 200)
    held = np.asarray(loop.economy.cross[NAME]).sum(axis=1) @ np.asarray(lab.populations[NAME].axis.nodes)
    # As those who see productivity and capital: 5.2 in the long run, s.d. .7 over twelve paths.
    assert abs(held.mean() / 5.17 - 1) < 0.1
    assert float(loop.trace[loop.round - 1, 0]) < 0.1  # residual of the first-order conditions; 1 at the start


def _views(lab, loop):
    """What the type sees, leading axes (path, time)."""
    rules = {NAME: lab.learners[NAME].rule(loop.learners[NAME])}
    return loops._experience(lab, loop, rules)[1][NAME].view


def test_euler_iteration_with_a_rate_and_the_state(tmp_path):
    # In Huggett's economy the view says R = 1 + r and the state: the same information in other units.
    economy, information = HuggettRisk.srl2025_rate(), Prices(("r",), state=True)
    solution = w.solve(economy, information={NAME: information}, preset="fast", key=0)
    plain = w.solve(economy, preset="fast", key=0)
    for one in (solution, plain):  # other paths lie beside the rate form's; nothing else is wrong
        failing = [finding.figure for finding in one.certificate.findings if not finding.passed]
        assert failing == ["winding"], one.certificate.reasons
    gap = w.compare(plain, solution, dates=500)
    assert gap.rules[NAME][0] < 0.01 and gap.paths["price_r"][2] < 2e-5
    path = tmp_path / "solution.safetensors"
    solution.save(path)
    again = w.Solution.load(path)
    assert again.rules[NAME].information == information
    np.testing.assert_array_equal(again.rules[NAME].table, solution.rules[NAME].table)
