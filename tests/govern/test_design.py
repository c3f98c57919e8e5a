"""`design`: optima of an economy by re-solved equilibria, its bad input, its folder, its resumption."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from tests.govern.taxed import Taxed
from walras._core.tree import entry
from walras.economy import period as periods
from walras.economy.population import Step
from walras.govern import judges
from walras.govern.design import criterion_named, over_named, searcher_named
from walras.govern.equilibrium import settle, society, society_on_the_way
from walras.govern.judges import AtRest
from walras.govern.searchers.pathwise import Pathwise
from walras.govern.study import EquilibriumObjective, Study
from walras.govern.welfare import InequalityAverse, People, Rawlsian, Utilitarian, Weighted, appraise, gain
from walras.lab import designing
from walras.lab.stopping import Stopped
from walras.testing import check_economy

TAX = "government.tau_k"


@pytest.fixture(scope="module")
def poor():
    """A society that minds inequality: capital is subsidised a little, inside the interval."""
    return Study(Taxed.small(), {TAX: (-0.9, 0.6)}, InequalityAverse(5.0), ("standard", 0), along=AtRest)


@pytest.fixture(scope="module")
def chosen(poor):
    from walras.govern.design import search

    return search(poor, "commitment", "pathwise")


def test_the_economy_under_study_is_one():
    check_economy(Taxed.small())


def test_lifetimes_are_what_a_cohort_gets():
    # Two derivations: one sparse solve backwards, and a cohort from a single node followed forwards for 400 dates.
    solution = settle(Taxed.small(), None, "standard", 0)
    found, lab = society(solution), solution.lab
    agent, population = lab.economy.household, lab.populations["household"]
    begin = entry(solution.loop.economy, 0)
    now, _ = periods.open_market(lab.economy, lab.populations, solution.rules, begin, jax.random.key(0))
    own, view, outcome = now.cross["household"].own, now.views["household"], now.outcome["household"]
    moved = jax.vmap(lambda o, c: agent.move(o, c, view, outcome))(own, now.choices["household"])
    chance, paid = Step(begin.exo, begin.exo, outcome, jax.random.key(0)), now.payoff["household"]

    @jax.jit
    def lifetime(node):
        first = jnp.zeros(paid.size).at[node].set(1.0).reshape(begin.cross["household"].shape)
        step = lambda mass, _: (population.advance(agent, mass, moved, None, chance), mass.reshape(-1) @ paid)  # noqa: E731
        return (1 - agent.beta) * agent.beta ** jnp.arange(400) @ jax.lax.scan(step, first, None, 400)[1]

    for node in (0, 150, paid.size // 2, paid.size - 400):
        assert float(found.people.utility[node]) == pytest.approx(float(lifetime(node)), abs=1e-8)
    worth = np.asarray(found.people.worth)
    np.testing.assert_allclose(np.log(worth), np.asarray(found.people.utility), atol=1e-10)  # log utility


@pytest.fixture(scope="module")
def begun():
    return w.rest(Taxed.small())


def test_nothing_happens_on_the_way_to_where_one_is(begun):
    still = society_on_the_way(begun, w.transition(begun, begun.economy, end=begun, horizon=50))
    found = society(settle(Taxed.small(), None, "standard", 0))
    assert still.consumption == pytest.approx(found.consumption, rel=1e-7)
    there = lambda s: appraise(Utilitarian(), s.people, s.consumption, s.utility_of)  # noqa: E731
    assert there(still).equal_worth == pytest.approx(there(found).equal_worth, rel=1e-7)


def test_worth_after_ghh_is_that_of_its_utility():
    # Utility has no number below what work costs; the poorest are worth little more than that, and not nothing.
    begun = w.rest(w.economies.TaxEconomy.ghh(), preset="fast")
    found = society_on_the_way(begun, w.transition(begun, begun.economy, end=begun, horizon=2))
    there = np.asarray(found.people.weight) > 1e-12
    worth, utility = np.asarray(found.people.worth)[there], np.asarray(found.people.utility)[there]
    np.testing.assert_allclose([float(found.utility_of(x)) for x in worth[::50]], utility[::50], atol=1e-9)
    assert worth.min() > 0.1
    appraisal = appraise(Utilitarian(), found.people, found.consumption, found.utility_of)
    assert appraisal.equal_worth < appraisal.mean_worth < appraisal.consumption


@pytest.mark.parametrize("tax", ["tau_k", "tau_n"])
def test_what_a_small_tax_is_worth_is_what_prices_and_transfers_are_worth(begun, tax):
    # Envelope: dW = Σ β^t (E[u'k] d((1−τ_k) r) + E[u'y] d((1−τ_n) w) + E[u'] dT), expectations of the society at rest.
    step, ends = 1e-3, []
    for sign in (1, -1):
        economy = w.with_parameters(begun.economy, {f"government.{tax}": sign * step})
        path = w.transition(begun, economy, horizon=300)
        found = society_on_the_way(begun, path)
        public, gov = path.path.public, economy.government
        r, wage = np.asarray(public.prices["r"]), np.asarray(public.prices["w"])
        K, L = (np.asarray(public.stocks["household"][name]) for name in "KL")
        transfer = gov.tau_k * r * K + gov.tau_n * wage * L
        ends.append((float(found.people.weight @ found.people.utility), (1 - gov.tau_k) * r, (1 - gov.tau_n) * wage, transfer))
    dW, dr, dw, dT = ((np.asarray(a) - np.asarray(b)) / (2 * step) for a, b in zip(*ends, strict=True))
    now, agent = begun.now(), begun.date.agent
    cross, c = now.cross["household"], np.asarray(now.choices["household"].c)
    weight = np.asarray(cross.weight) / c  # log utility
    k, y = np.asarray(cross.own.k), np.asarray(agent.risk.values)[np.asarray(cross.own.e)]
    beta = float(agent.beta)
    by_hand = (1 - beta) * beta ** np.arange(300) @ ((weight @ k) * dr + (weight @ y) * dw + weight.sum() * dT)
    assert dW == pytest.approx(by_hand, rel=5e-4)  # measured 8e-5 and 4e-5; the same at half the step


@pytest.mark.slow
def test_on_the_way_a_subsidy_to_capital_has_to_be_paid():
    # At rest the subsidy is best at any size (below); along the transition there is a top, and both ends are worse.
    found = w.design(Taxed.small(), {TAX: (-0.6, 0.6)}, searcher="pathwise:7", preset="fast")
    assert found.along == "transition"
    assert not found.corners
    assert found.gap < 1e-4
    assert found.solution.verdict == "certified"
    assert found.gain.total >= 0
    worth = {e.policy[0]: e.appraisal.equal_worth for e in found.surface}
    assert max(worth[-0.6], worth[0.6]) < (1 - 1e-3) * max(worth.values())


def test_a_pathwise_optimum_is_the_top_of_equilibria(poor, chosen):
    best = chosen.values[TAX]
    assert not chosen.corners
    assert chosen.gap < 1e-4
    assert chosen.solution.verdict == "certified"
    top = poor.worth([best])
    for step in (-0.04, 0.04):
        assert poor.worth([best + step]) < top
    # Within 1e-5 of consumption of the best of a fine grid.
    around = [poor.worth([t]) for t in np.linspace(best - 0.03, best + 0.03, 7)]
    assert max(around) / top - 1 < 1e-5


def test_the_gain_splits(chosen):
    parts = (1 + chosen.gain.level) * (1 + chosen.gain.insurance) * (1 + chosen.gain.redistribution)
    assert parts == pytest.approx(1 + chosen.gain.total, rel=1e-12)
    assert chosen.gain.total > 0  # the status quo, no tax, lies inside the interval


def test_slope_of_the_surface_is_that_of_equilibria(poor):
    objective = EquilibriumObjective(poor)
    surface = objective.conditioned(np.zeros(1), np.ones(1), 9, 1)
    slope = float(jax.grad(lambda x: surface.value(x))(jnp.asarray([0.7]))[0])
    step = 5e-3
    exact = (float(objective.value([0.7 + step], 0, 1)) - float(objective.value([0.7 - step], 0, 1))) / (2 * step)
    assert slope == pytest.approx(exact, rel=0.03)


@pytest.mark.slow
def test_a_corner_is_called_a_corner_and_discretion_ends_elsewhere():
    # Stationary welfare rises in the subsidy without end: the corner is the interval's. With rules frozen capital is there.
    kept = w.design(Taxed.small(), {TAX: (-0.3, 0.3)}, along="rest", searcher="grid:3")
    assert kept.corners == {TAX: "low"}
    assert kept.regime == "commitment"
    taken = w.design(Taxed.small(), {TAX: (-0.3, 0.3)}, along="rest", searcher="implicit:60", regime="discretion")
    assert taken.regime == "discretion"
    assert taken.corners == {TAX: "high"}
    assert taken.appraisal.equal_worth < kept.appraisal.equal_worth


def test_criteria():
    worth, weight = np.asarray([1.0, 2.0, 4.0]), np.asarray([0.5, 0.25, 0.25])
    people = People(np.log(worth), worth, weight, np.asarray([0.0, 1.0, 1.0]))
    geometric = float(np.exp(weight @ np.log(worth)))
    found = appraise(Utilitarian(), people, 2.5, np.log)
    assert found.equal_worth == pytest.approx(geometric, rel=1e-10)
    assert found.mean_worth == pytest.approx(2.0)
    assert appraise(InequalityAverse(1.0), people, 2.5, np.log).equal_worth == pytest.approx(geometric, rel=1e-10)
    assert appraise(InequalityAverse(0.0), people, 2.5, np.log).equal_worth == pytest.approx(2.0, rel=1e-10)
    assert appraise(Rawlsian(), people, 2.5, np.log).equal_worth == pytest.approx(1.0, rel=1e-10)
    only = appraise(Weighted(weights=(0.0, 1.0)), people, 2.5, np.log)
    assert only.equal_worth == pytest.approx(np.sqrt(8.0), rel=1e-10)
    # Everybody consumes a tenth more: all of it is level.
    richer = dataclasses.replace(found, consumption=2.75, mean_worth=2.2, equal_worth=1.1 * found.equal_worth)
    change = gain(richer, found)
    assert change.total == pytest.approx(0.1)
    assert change.level == pytest.approx(0.1)
    assert abs(change.insurance) + abs(change.redistribution) < 1e-12


@pytest.mark.parametrize(
    ("over", "options", "message"),
    [
        ("government.tau_x=0:0.5", {}, "no parameter is called"),
        ("", {}, "nothing to choose"),
        ("government.tau_k=0:half", {}, "NAME=LOW:HIGH"),
        ("government.tau_k=0.5:0.1", {}, "two ends"),
        ("government.tau_k=0:1.5", {}, "must lie in"),  # more than all of it
        ("government.tau_k=-3:0", {}, "nothing is feasible"),  # a subsidy that the poorest cannot pay
        ("government.tau_k=0:0.5", {"welfare": "inequality-averse:inf"}, "finite"),
        ("government.tau_k=0:0.5", {"welfare": "weighted:1,-1,1"}, "not negative"),
        ("government.tau_k=0:0.5", {"welfare": "weighted:1,1"}, "3 groups"),
        ("government.tau_k=0:0.5", {"welfare": "benthamite"}, "welfare criterion"),
        ("government.tau_k=0:0.5", {"along": "the river"}, "way to take welfare"),
        ("government.tau_k=0:0.5", {"regime": "markov"}, "regime"),
        ("government.tau_k=0:0.5", {"searcher": "annealing"}, "searcher"),
        ("government.tau_k=0:0.5", {"searcher": "implicit"}, "differentiated"),
        ("government.tau_k=0:0.5", {"regime": "network-commitment"}, "nothing that a rule could answer"),
    ],
)
def test_bad_input_before_anything_is_solved(over, options, message, monkeypatch):
    def solved(*_, **__):
        raise AssertionError("something was solved")

    monkeypatch.setattr("walras.govern.judges.settle", solved)
    monkeypatch.setattr("walras.govern.judges.rest", solved)
    monkeypatch.setattr("walras.govern.design.solve", solved)
    with pytest.raises(w.InputError, match=message):
        w.design(Taxed.small(), over, **options)


def test_whose_welfare():
    with pytest.raises(w.InputError, match="Leave the learners out"):
        Study(Taxed.small(), {TAX: (0.0, 0.5)}, Utilitarian(), ("fast", 0), {"household": w.learners.EulerIteration()})
    with pytest.raises(w.InputError, match="aggregate risk"):
        w.design(w.economies.KrusellSmith.dhjj2010(), "household.mu=0:0.5")
    with pytest.raises(w.InputError, match="it may lie anywhere"):
        w.design(w.economies.Aiyagari.benchmark(), "household.k_min")


def test_names():
    assert over_named("a.b=0:0.5, c") == {"a.b": (0.0, 0.5), "c": None}
    assert over_named(["a=0:1", "b"]) == {"a": (0.0, 1.0), "b": None}
    assert criterion_named("weighted:1,2").weights == (1.0, 2.0)
    assert searcher_named("grid:5", 1).nodes == 5
    assert isinstance(searcher_named("pathwise", 2), Pathwise)


@pytest.mark.slow
def test_an_interrupted_design_goes_on_where_it_was(tmp_path, monkeypatch):
    request = designing.DesignRequest(
        economy="tests/govern/taxed.py:Taxed",
        calibration="small",
        over=f"{TAX}=-0.2:0.2",
        along="rest",
        searcher="grid:3",
        preset="fast",
    )
    real, calls = judges.settle, []

    def interrupted(*given):
        calls.append(1)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(judges, "settle", interrupted)
    folder = tmp_path / "design"
    with pytest.raises(Stopped, match="after 2 equilibria"):
        designing.run(request, folder, lambda _: None)
    kept = (folder / "evaluations.jsonl").read_text().splitlines()
    assert len(kept) == 2
    (folder / "evaluations.jsonl").write_text("\n".join(kept) + '\n{"policy": [0.1')  # the last line was cut off
    counted = []
    monkeypatch.setattr(judges, "settle", lambda *given: counted.append(1) or real(*given))
    found = designing.resume(folder, lambda _: None)
    assert len(counted) == len(found.surface) - 2
    written = json.loads((folder / "design.json").read_text())
    assert written["values"] == found.values
    assert written["verdict"] == found.solution.verdict
    assert {"surface.svg", "trail.csv", "manifest.json"} <= {p.name for p in folder.iterdir()}
    with pytest.raises(w.RunFolderError, match="in use"):
        designing.run(request, folder, lambda _: None)
