"""Taxes that answer the state of the economy: welfare along shocks, rules, and what is refused."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras._core.keys import root_key
from walras.economies.fiscal_rules import Network, Slopes, constant
from walras.economy import path as paths
from walras.govern import contingent, cycle
from walras.govern.judges import Begun
from walras.govern.welfare import InequalityAverse, Utilitarian, appraise

LEVEL, BY_Z, BY_K, BY_H = (f"government.labour.{name}" for name in ("level", "by_z", "by_K", "by_H"))
PATHS = 8


cyclical = functools.cache(w.economies.TaxCycle.countercyclical)


@pytest.fixture(scope="module")
def begun():
    return Begun(w.solve(cyclical(), preset="fast"), 0)


def under(begun, economy=None, **changes):
    """Lives of the households under a policy, on the first set of shocks."""
    begun.solved(w.with_parameters(economy or cyclical(), {f"government.labour.{n}": v for n, v in changes.items()}))
    return begun.on(PATHS, 0)


def worth(begun, lives, criterion=Utilitarian()):  # noqa: B008
    found = cycle.society_of_lives(begun.opening, lives)
    return appraise(criterion, found.people, found.consumption, found.utility_of)


def test_lifetimes_backward_are_payoffs_forward(begun):
    # Two derivations: V node by node backward along each path, and the average payoff of every date forward.
    lives, lab, begin = under(begun, level=0.42, by_z=0.0), begun.lab, begun.opening
    rules = {name: learner.rule(begun.loop.learners[name]) for name, learner in lab.learners.items()}
    shocks = cycle.shocks_from(lab.economy, begin.state.exo, (PATHS, begin.dates), cycle.stream(begun.key, "judge", 0))

    @eqx.filter_jit
    def forward(path):
        paid = paths.run_on(lab.economy, lab.populations, rules, (begin.state, None), path, root_key(0), lambda now, _: now.welfare("household"))[2]  # fmt: skip
        weight = begin.beta ** jnp.arange(len(path))
        return weight @ paid / weight.sum()

    np.testing.assert_allclose(lives.mean(begin.weight)[:3], [float(forward(path)) for path in shocks[:3]], atol=1e-11)


def test_what_a_small_answer_is_worth_is_what_returns_wages_and_transfers_are_worth(begun):
    # Envelope: dW = E Σ β^t (∫u'k d r_net + ∫u'y n d w_net + ∫u' dT) as an answer of the rate rises from zero;
    # marginal utilities by the base policy, differences of two economies solved again.
    lab, begin = begun.lab, begun.opening

    def record(now, _):
        own, view = now.cross["household"].own, now.views["household"]
        agent, weight = lab.economy.household, now.cross["household"].weight
        c = now.choices["household"].c
        effort, hours = (jax.vmap(lambda o, f=f: f(o, view))(own) for f in (agent.effort, agent.hours))
        margin = weight * (c - effort) ** (-agent.gamma)
        worth = jnp.stack([margin @ own.k, margin @ (agent.risk.values[own.e] * hours), margin.sum()])
        return worth, jnp.stack([view.r, view.w, view.T])

    shocks = cycle.shocks_from(lab.economy, begin.state.exo, (PATHS, begin.dates), cycle.stream(begun.key, "judge", 0))

    @eqx.filter_jit
    def seen(lab, rules):
        go = lambda path: paths.run_on(lab.economy, lab.populations, rules, (begin.state, None), path, root_key(0), record)[2]  # noqa: E731
        return jax.lax.map(go, shocks)

    def solved(answer):
        lives = under(begun, **{"level": 0.42, **answer})
        rules = {name: learner.rule(begun.loop.learners[name]) for name, learner in begun.lab.learners.items()}
        return float(lives.mean(begin.weight).mean()), seen(begun.lab, rules)

    weight = begin.beta ** np.arange(begin.dates)
    _, (margins, _) = solved({})
    for name in ("by_z", "by_K", "by_H"):
        (up, (_, after)), (down, (_, before)) = (solved({name: sign * 0.04}) for sign in (1, -1))
        change = np.asarray(after - before) / 0.08
        parts = np.einsum("t,ptj,ptj->pj", weight / weight.sum(), margins, change).mean(axis=0)
        # The parts nearly cancel: gaps measured are 1.3, .1 and .04 % of their sizes (households are at their optimum to 1e-4).
        assert (up - down) / 0.08 == pytest.approx(parts.sum(), abs=(0.02 if name == "by_z" else 0.003) * np.abs(parts).sum())


def test_a_rule_that_answers_nothing_is_the_constant(begun):
    still, rate = under(begun, level=0.42), under(begun, level=0.42, by_z=0.0, by_K=0.0, by_H=0.0)
    assert np.all(np.asarray(rate.series["government_tau_n"]) == 0.42)
    assert worth(begun, rate).equal_worth == pytest.approx(worth(begun, still).equal_worth, rel=1e-6)
    for x in np.random.default_rng(0).normal(size=(20, 3)):
        assert float(Network.blank(0.42)(x)) == float(constant(0.42)(x)) == 0.42
    assert float(Slopes(0.42, 1.0, -1.0, 2.0, 0.0, 0.5)(np.asarray([0.1, 0.02, 0.03]))) == 0.5  # 0.42 + .14, kept below .5
    network = dataclasses.replace(Network.blank(0.42), inner=np.eye(2, 3).ravel(), outer=np.asarray([0.1, 0.0]))
    assert float(network(np.asarray([0.03, 9.0, 9.0]))) == pytest.approx(0.42 + 0.1 * np.tanh(1.0), abs=1e-15)


def test_where_productivity_stands_still_an_answer_to_it_is_worth_nothing():
    quiet = w.economies.TaxCycle.of(constant(0.42), 0.0, (0.165, 0.165))
    begun = Begun(w.solve(quiet, preset="fast"), 0)
    still, answering = under(begun, quiet, by_z=0.0), under(begun, quiet, by_z=1.5)
    assert np.ptp(np.asarray(answering.series["government_tau_n"])) == 0
    assert worth(begun, answering).equal_worth == pytest.approx(worth(begun, still).equal_worth, rel=1e-6)


def test_budgets_close_and_rates_answer(begun):
    lives = under(begun, level=0.42, by_z=-0.5)
    at = {name: np.asarray(values) for name, values in lives.series.items()}
    paid = at["government_tau_n"] * at["price_w"] * at["household_L"]
    np.testing.assert_allclose(paid, at["price_T"], rtol=1e-10)
    np.testing.assert_allclose(at["price_L"], at["household_L"], rtol=1e-10)
    np.testing.assert_allclose(at["government_tau_n"], 0.42 - 0.5 * np.log(at["exogenous_value"]), atol=1e-12)


def test_aversion_to_inequality_wants_higher_taxes(begun):
    lives = {level: under(begun, level=level) for level in (0.36, 0.42, 0.48)}
    gain = lambda criterion, level: (  # noqa: E731
        worth(begun, lives[level], criterion).equal_worth / worth(begun, lives[0.42], criterion).equal_worth - 1
    )
    assert max(gain(Utilitarian(), 0.36), gain(Utilitarian(), 0.48)) < -1e-3  # the best constant lies between
    assert gain(InequalityAverse(4.0), 0.48) > 2e-4 > -2e-3 > gain(InequalityAverse(4.0), 0.36)  # measured 4e-4, −8e-3


def test_weights_of_a_network_are_parameters():
    labour = Network.blank(0.42)
    blind = dataclasses.replace(cyclical(), government=dataclasses.replace(cyclical().government, labour=labour))
    sizes = (f"{LEVEL}=0.3:0.5", "government.labour.outer=-0.1:0.1", Utilitarian(), ("fast", 0))
    _, wider = contingent.studies(blind, *sizes)
    assert wider.box.names == (LEVEL, "government.labour.outer[0]", "government.labour.outer[1]")
    chosen = wider.at([0.4, 0.01, -0.02]).government.labour
    assert (float(chosen.level), *np.asarray(chosen.outer)) == (0.4, 0.01, -0.02)
    with pytest.raises(w.UnknownName, match=r"outer\[2\]"):
        contingent.studies(blind, sizes[0], "government.labour.outer[2]=-0.1:0.1", *sizes[2:])


def test_intervals_of_gains():
    found = contingent.interval(np.asarray([1.0, 2.0, 3.0]))
    assert found.mean == 2.0
    assert found.high - found.mean == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)  # Student, two degrees of freedom


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("government.labour.by_wealth=-1:1", "by_wealth"),
        (f"{BY_Z}=1:-1", "two finite ends"),
        (f"{BY_Z}=0.5:1", "leaves out zero"),
        ("government.capital.level=-0.9:2", "beyond what is feasible.*outside the interval of the rate"),
        ("government.labour.low=0.5:0.6", "outside the interval of the rate"),
    ],
)
def test_bad_rules_before_anything_is_solved(answers, message, monkeypatch):
    def solved(*_, **__):
        raise AssertionError("something was solved")

    monkeypatch.setattr("walras.govern.judges.solve", solved)
    monkeypatch.setattr("walras.govern.contingent.solve", solved)
    with pytest.raises(w.InputError, match=message):
        contingent.design_rule(cyclical(), f"{LEVEL}=0.3:0.5", answers)


def test_what_cannot_be_judged_along_shocks():
    with pytest.raises(w.InputError, match="nothing shocks it"):
        w.design(w.economies.TaxEconomy.ghh(), "government.tau_k=0:0.3", along="cycle")
    with pytest.raises(w.InputError, match="aggregate risk"):
        w.design(cyclical(), f"{LEVEL}=0.3:0.5")
    with pytest.raises(w.InputError, match="aggregate risk"):
        w.design(cyclical(), f"{LEVEL}=0.3:0.5", along="cycle", regime="discretion")
    with pytest.raises(w.InputError, match="interval is empty"):
        constant(0.4, low=0.5, high=0.5)
    with pytest.raises(w.InputError, match="nothing is feasible"):  # a lump-sum tax that the poorest cannot pay
        w.solve(w.with_parameters(cyclical(), {LEVEL: -0.3}))


def test_households_off_their_optimum_are_not_judged(begun):
    lives = under(begun, level=0.42)
    cycle.check_euler(lives, "fast", begun.lab.economy)
    off = dataclasses.replace(lives, euler=lives.euler + jnp.asarray([0.0, 1e-3]))
    with pytest.raises(w.SolveError, match="not at their optimum"):
        cycle.check_euler(off, "fast", begun.lab.economy)


@pytest.mark.slow
def test_a_rule_compared_from_scratch(monkeypatch):
    # At the rule that was found (docs/planner.md: a gain of .023 %); with the preset of the search, which is quicker.
    monkeypatch.setattr(contingent, "FINER", {})
    study, wider = contingent.studies(
        cyclical(), f"{LEVEL}=0.39:0.45", f"{BY_Z}=-0.6:0.2,{BY_H}=-0.25:1.25", Utilitarian(), ("fast", 0)
    )
    points = (study.box.unit(np.asarray([0.4237])), wider.box.unit(np.asarray([0.4116, -0.2009, 0.7174])))
    found = contingent.verified(study, wider, points, "hand", 3)
    assert found.verdicts == ("certified", "certified")
    assert 1.5e-4 < found.gain.mean < 3e-4
    assert found.gain.low < found.gain.mean < found.gain.high
    assert abs(found.believed - found.gain.mean) < 1e-4
    product = (1 + found.parts.level) * (1 + found.parts.insurance) * (1 + found.parts.redistribution)
    assert product == pytest.approx(1 + found.parts.total, abs=1e-12)
    (cycle_of,) = found.cyclicality.values()
    assert cycle_of.correlation < -0.3 and cycle_of.response[0] < -0.005  # the rate rises in slumps
    assert found.rule[BY_Z] == pytest.approx(-0.2009, abs=1e-12)
    assert not found.corners


def test_what_was_begun_goes_on_from_a_file(tmp_path):
    """The date, the law and the households solved last, through a file: the next policy is worth the same to the bit."""
    from walras._core.encode import decode, encode

    first = Begun(w.solve(cyclical(), preset="fast"), 0)
    under(first, level=0.42, by_z=0.0)
    path = tmp_path / "memory.safetensors"
    path.write_bytes(encode(first.memory()))
    again = Begun.again(decode(path)[0])
    policy = {"level": 0.41, "by_z": 0.1}
    assert worth(first, under(first, **policy)) == worth(again, under(again, **policy))
