"""Each check has a planted fault that it alone catches.

The economy is Krusell and Smith's, solved once with the fast preset. Every fault leaves all other figures within their
thresholds, so that a check that stopped working could not hide behind another one.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras._core.errors import InputError
from walras._core.results import Verdict
from walras.diagnose.best_response import BestResponse
from walras.diagnose.certificate import certify, thresholds
from walras.diagnose.evidence import Evidence, _has_conditions, gather, judged
from walras.economy.foc import stock_field
from walras.economy.population import Finite, Histogram, Panel, Representative
from walras.inputs import check_accounts, with_parameters
from walras.learners.egm import prospect, sweep

DATES = 3_000


@pytest.fixture(scope="module")
def solution():
    """Krusell–Smith, fast preset."""
    return w.solve(w.economies.KrusellSmith.dhjj2010(), preset="fast", key=0)


@pytest.fixture(scope="module")
def huggett():
    """The stationary bond economy, fast preset."""
    return w.solve(w.economies.Huggett.tutorial(), preset="fast", key=0)


def evidence_with(solution, *, lab=None, states=None, dates=DATES) -> Evidence:
    """The evidence that certifying would look at if laboratory or learner states were these."""
    begin = jax.tree_util.tree_map(lambda leaf: leaf[0], solution.loop.economy)
    return gather(lab or solution.lab, states or solution.loop.learners, begin, dates, 10, solution.evidence.key)


def failing(evidence) -> set[str]:
    """Names of the figures that miss their threshold."""
    return {f.figure for f in certify(evidence, "fast").findings if not f.passed}


def with_table(solution, change) -> dict:
    """Learner states with a changed table of positions."""
    state = solution.loop.learners["household"]
    table = eqx.tree_at(lambda t: t.table, state.table, change(state.table.table))
    return {"household": dataclasses.replace(state, table=table)}


def refitted(solution, states) -> dict:
    """The law that the changed rule itself generates: a fault in the rule that no law could show."""
    field_evidence = evidence_with(solution, states=states)
    field = jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf)[None], field_evidence.field("household"))
    state = states["household"]
    return {"household": dataclasses.replace(state, belief=state.belief.fit(field))}


def test_without_a_fault_everything_passes(solution, huggett):
    """The control: what follows is due to the faults."""
    assert solution.verdict == "certified", solution.certificate.reasons
    assert huggett.verdict == "certified", huggett.certificate.reasons
    assert failing(evidence_with(solution)) == set()


def test_jagged_rule_is_caught_by_the_euler_errors(solution):
    """Positions up and down by 1.5 % from node to node in the middle of the distribution: aggregates do not notice."""
    axis = solution.loop.learners["household"].table.own_axis
    middle = (axis.nodes > 20.0) & (axis.nodes < 80.0)
    zigzag = jnp.where(middle, jnp.where(jnp.arange(axis.n) % 2 == 0, 1.015, 0.985), 1.0)[:, None]
    states = refitted(solution, with_table(solution, lambda t: jnp.clip(t * zigzag, 0.0, 1.0)))
    found = failing(evidence_with(solution, states=states))
    assert found and found <= {"euler_log10_mean", "euler_log10_p99"}


def test_systematic_error_is_caught_by_the_signed_mean(solution):
    """A solver whose discount factor is .9896 where the economy says .99: the law fits what its households do.

    With log utility the Euler error is the relative error of the discount factor, 4e-4 everywhere: log10 of it passes.
    """
    wrong = w.solve(with_parameters(w.economies.KrusellSmith.dhjj2010(), {"household.beta": 0.9896}), preset="fast", key=0)
    lab = dataclasses.replace(wrong.lab, economy=solution.economy)
    begin = jax.tree_util.tree_map(lambda leaf: leaf[0], wrong.loop.economy)
    evidence = gather(lab, wrong.loop.learners, begin, DATES, 10, solution.evidence.key)
    assert failing(evidence) == {"euler_signed_mean"}
    signed = next(f.value for f in certify(evidence, "fast").findings if f.figure == "euler_signed_mean")
    assert signed == pytest.approx(0.99 / 0.9896 - 1, rel=0.1)


def test_wrong_law_is_caught_by_den_haan(solution):
    """A law whose constant is .08 % too high: an R² would not move in the fifth digit."""
    state = solution.loop.learners["household"]
    law = state.belief.law.at[0].add(8e-4 / state.belief.scale[0])
    states = {"household": dataclasses.replace(state, belief=eqx.tree_at(lambda b: b.law, state.belief, law))}
    assert failing(evidence_with(solution, states=states)) == {"den_haan_mean_percent", "den_haan_max_percent"}


def test_narrow_nodes_are_caught(solution):
    """Aggregate nodes that end inside what the economy visits."""
    state = solution.loop.learners["household"]
    capital = np.log(solution.evidence.dates["public"].stocks["household"]["K"])
    axis = dataclasses.replace(state.table.axes[0], high=jnp.asarray(np.quantile(capital, 0.98)))
    narrow = dataclasses.replace(state, table=state.table.moved_to((axis,)))
    assert failing(evidence_with(solution, states={"household": narrow})) == {"outside_nodes_percent"}


def test_a_few_who_blunder_are_caught_by_the_best_response(solution):
    """Some .9 % of people, the poorest, consume 35 % too much or too little: too few for the 99 % quantile."""
    evidence = solution.evidence
    state = solution.loop.learners["household"]
    wealth, weight = evidence.samples["household"]["own"].k, evidence.samples["household"]["weight"]
    order = np.argsort(wealth[0])
    mass = np.cumsum(weight.mean(axis=0)[order])
    top = wealth[0][order][np.searchsorted(mass, 0.008)]
    nodes = state.table.own_axis.nodes
    blunder = jnp.where(nodes < top, jnp.where((jnp.arange(len(nodes)) // 4) % 2 == 0, 1.35, 0.65), 1.0)[:, None]
    states = refitted(solution, with_table(solution, lambda t: jnp.clip(t * blunder, 0.0, 1.0)))
    assert "best_response_gain_percent" in failing(evidence_with(solution, states=states))


def leaky(population: Histogram) -> Histogram:
    """The same histogram, which loses 3e-10 of its mass at every date."""

    class Leaky(Histogram):
        def advance(self, agent, cross, moved, survival, step):
            return super().advance(agent, cross, moved, survival, step) * (1 - 3e-10)

    return Leaky(population.axis, population.nodes)


def test_lost_mass_is_caught(solution):
    """Three in 10¹⁰ of the people vanish at every date: goods still add up to eight digits."""
    lab = dataclasses.replace(solution.lab, populations={"household": leaky(solution.lab.populations["household"])})
    found = certify(evidence_with(solution, lab=lab), "fast")
    assert {f.figure for f in found.findings if not f.passed} == {"mass_error_max"}
    assert found.verdict == Verdict.FAILED


def test_a_leak_in_the_goods_market_is_refused_and_caught(solution):
    """Wages a ten-thousandth too high: refused before solving, and caught by the accounts if it were not."""
    cls = type(solution.economy)

    class Leaky(cls):
        def prices(self, now):
            prices = super().prices(now)
            return {**prices, "w": prices["w"] * 1.0001}

    fields = {f.name: getattr(solution.economy, f.name) for f in dataclasses.fields(cls)}
    economy = Leaky(**fields)
    begin = jax.tree_util.tree_map(lambda leaf: leaf[0], solution.loop.economy)
    with pytest.raises(InputError, match="goods"):
        check_accounts(economy, solution.lab.populations, solution.rules, begin, solution.evidence.key)
    lab = dataclasses.replace(solution.lab, economy=economy)
    assert "accounts_max" in failing(evidence_with(solution, lab=lab))


def test_crowded_top_node_is_caught(solution):
    """A histogram that ends where three in 10⁶ of the people live."""
    evidence = solution.evidence
    crowded = {**evidence.dates, "top_mass": {"household": evidence.dates["top_mass"]["household"] + 3e-6}}
    assert failing(dataclasses.replace(evidence, dates=crowded)) == {"top_mass"}


def test_stale_price_is_caught_by_the_independent_root(huggett):
    """The rate of the simulation is a millionth off: yesterday's price, say."""
    public = huggett.evidence.dates["public"]
    stale = dataclasses.replace(public, prices={"r": public.prices["r"] + 1e-6})
    evidence = dataclasses.replace(huggett.evidence, dates={**huggett.evidence.dates, "public": stale})
    assert failing(evidence) == {"clearing_max"}


def test_missing_bracket_is_counted_and_fatal(huggett):
    """The bracket of the market ends below the clearing rate: every date is reported, the verdict is `failed`."""
    economy = with_parameters(huggett.economy, {"r_high": 0.002})
    begin = jax.tree_util.tree_map(lambda leaf: leaf[0], huggett.loop.economy)
    lab = dataclasses.replace(huggett.lab, economy=economy)
    evidence = gather(lab, huggett.loop.learners, begin, 200, 10, huggett.evidence.key)
    found = certify(evidence, "fast")
    assert found.figure("no_bracket_dates") == 200
    assert found.verdict == Verdict.FAILED


def test_thresholds_of_precise_are_tighter():
    """Ten times, in den Haan's figures three times."""
    standard, precise = thresholds("standard"), thresholds("precise")
    assert precise["euler_log10_mean"] == standard["euler_log10_mean"] - 1
    assert precise["den_haan_max_percent"] == pytest.approx(standard["den_haan_max_percent"] / 3)
    assert precise["best_response_gain_percent"] == pytest.approx(standard["best_response_gain_percent"] / 10)


def test_no_equilibrium_is_a_verdict_not_an_exception():
    """More bonds than anybody would ever hold: r has to pass 1/β − 1, where savings have no bound."""
    economy = with_parameters(w.economies.Huggett.tutorial(), {"supply": 500.0})
    solution = w.solve(economy, preset="fast", key=0)
    assert solution.verdict == "failed"
    assert "bracket" in solution.certificate.reasons[0]


def test_a_flat_market_is_named(huggett):
    """No supply, and everybody at the limit: whatever the rate, nobody holds anything. A root is found, and means nothing."""
    economy = with_parameters(huggett.economy, {"supply": 0.0})
    states = with_table(huggett, jnp.ones_like)
    cross = jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf)[0], huggett.loop.economy)
    poor = jnp.zeros_like(cross.cross["household"]).at[:, 0].set(jnp.sum(cross.cross["household"], axis=1))
    begin = dataclasses.replace(cross, cross={"household": poor})
    lab = dataclasses.replace(huggett.lab, economy=economy)
    found = certify(gather(lab, states, begin, 200, 10, huggett.evidence.key), "fast")
    assert found.figure("flat_dates") == 20
    assert found.verdict != Verdict.CERTIFIED
    assert found.figure("identical_percent") == pytest.approx(100.0)


def test_a_price_at_the_end_of_its_bracket_is_named(huggett):
    """The market is said to clear where the bracket ends."""
    public = huggett.evidence.dates["public"]
    end = float(huggett.economy.r_high)
    corner = dataclasses.replace(public, prices={"r": jnp.full_like(public.prices["r"], end)})
    evidence = dataclasses.replace(huggett.evidence, dates={**huggett.evidence.dates, "public": corner})
    assert {"corner_dates", "clearing_max"} <= failing(evidence)


def test_no_number_is_worse_than_any(solution):
    """`max` passes over what is no number: a gap, a mass or a share that is none must not hide behind another."""
    dates = solution.evidence.dates
    gap = {"a": np.array([1e-12, 1e-12]), "b": np.array([np.nan, 0.0]), "c": np.array([1e-13, 0.0])}
    for key, figure in (("accounts", "accounts_max"), ("mass_error", "mass_error_max"), ("top_mass", "top_mass")):
        for order in (gap, dict(reversed(gap.items()))):
            evidence = dataclasses.replace(solution.evidence, dates={**dates, key: order})
            assert figure in failing(evidence), (key, list(order))


def test_a_household_that_knows_the_future_is_caught(solution):
    """The law and the rule are those of households that are told tomorrow's aggregate state: a forecast that leaks."""

    def leaking(ahead):
        likeliest = jax.nn.one_hot(jnp.argmax(ahead.chance.sum(axis=(-2, -1)), axis=1), ahead.chance.shape[1])
        share = ahead.chance.sum(axis=-1, keepdims=True)
        own = ahead.chance / jnp.where(share > 0, share, 1.0)
        return dataclasses.replace(ahead, chance=likeliest[:, :, None, None] * own)

    assert "euler_log10_mean" in failing(evidence_with(solution, states=refitted(solution, distorted(solution, leaking))))


def test_a_law_that_never_reaches_the_households_is_caught(solution):
    """They plan as if capital stayed where it was at the start; the law that is reported is fitted to what they do."""
    state = solution.loop.learners["household"]
    asleep = dataclasses.replace(state.belief, law=jnp.zeros_like(state.belief.law))
    states = refitted(solution, distorted(solution, lambda ahead: ahead, asleep))
    assert {"euler_signed_mean", "euler_log10_mean", "best_response_gain_percent"} & failing(
        evidence_with(solution, states=states)
    )


def distorted(solution, change, belief=None) -> dict:
    """Learner states whose rule is the best answer to another prospect."""
    state = solution.loop.learners["household"]
    agent, exogenous = state.table.agent, solution.economy.exogenous

    @eqx.filter_jit
    def answered(rule, believed):
        ahead = change(prospect(agent, exogenous, believed, rule.axes))
        return jax.lax.fori_loop(0, 400, lambda _, r: sweep(r, ahead), rule)

    return {"household": dataclasses.replace(state, table=answered(state.table, belief or state.belief))}


def test_a_panel_is_judged_as_the_continuum_of_which_it_is_a_sample(huggett):
    """People listed one by one are put on the stationary histogram; where none is known, on its nodes, mass and mean as they were."""
    begin = jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf)[0], huggett.loop.economy)
    histogram, mass = huggett.lab.populations["household"], huggett.loop.learners["household"].search.mass
    panel = Panel(40)
    people = panel.birth(huggett.economy.household, huggett.loop.key, begin.exo)
    listed = dataclasses.replace(begin, cross={"household": people})
    lab = dataclasses.replace(huggett.lab, populations={"household": panel})
    judging, state = judged(lab, huggett.loop, listed)
    assert judging.populations == {"household": histogram}
    np.testing.assert_array_equal(state.cross["household"], mass)
    unknown = dataclasses.replace(huggett.loop.learners["household"], search=None)
    loop = dataclasses.replace(huggett.loop, learners={"household": unknown})
    _, placed = judged(lab, loop, listed)
    placed = np.asarray(placed.cross["household"])
    assert placed.sum() == pytest.approx(1) and placed.shape == np.shape(mass)
    held = np.asarray(histogram.axis.nodes)
    stock = stock_field(huggett.economy.household)
    assert (placed.sum(axis=0) @ held) == pytest.approx(float(np.mean(np.asarray(getattr(people, stock)))), rel=1e-9)
    same, as_it_was = judged(huggett.lab, huggett.loop, begin)  # who is a histogram already stays
    assert same.populations == huggett.lab.populations
    np.testing.assert_array_equal(as_it_was.cross["household"], begin.cross["household"])


def test_at_which_types_the_certificate_can_look(solution):
    """One that learned and says what it believes; a given rule of one who takes prices and holds one stock; nobody else."""
    evidence = solution.evidence
    assert evidence.learning == ["household"] and evidence.unseen == []
    assert dataclasses.replace(evidence, samples={}).unseen == ["household"]
    fixed = dataclasses.replace(evidence, learner_states={"household": None})
    assert fixed.learning == [] and fixed.unseen == []
    assert _has_conditions(solution.lab, solution.rules, "household")
    for population in (Panel(3), Finite(3)):
        lab = dataclasses.replace(solution.lab, populations={"household": population})
        assert not _has_conditions(lab, solution.rules, "household")
    ring = dataclasses.replace(solution.lab, populations={"household": Representative()})
    assert _has_conditions(ring, solution.rules, "household")


def test_what_a_law_is_about_is_what_was_recorded(solution):
    """The type's own belief and information; where one was fitted for the certificate, that one and what the view says."""
    evidence = solution.evidence
    belief, info = evidence.law("household")
    assert belief is evidence.learner_states["household"].belief and info is evidence.dates["infos"]["household"]
    fitted = dataclasses.replace(evidence, laws={"household": "fitted"})
    law, (index, coordinates) = fitted.law("household")
    assert law == "fitted"
    np.testing.assert_array_equal(index, info[0])
    np.testing.assert_array_equal(coordinates[0], info[1][0])
    field = evidence.field("household")
    np.testing.assert_array_equal(field.exo_next[:-1], field.exo[1:])
    assert len(field.exo) == len(evidence.dates["public"].exo) - 1
    np.testing.assert_array_equal(field.public.stocks["household"]["K"], evidence.dates["public"].stocks["household"]["K"][:-1])


def test_what_the_simulation_keeps_of_a_cross_section(solution):
    """Mass at the highest node and the mean of log(1 + k), at dates whose whole state is kept; identities from the second date on."""
    evidence = solution.evidence
    dates, stride = evidence.dates, evidence.stride
    mass = np.asarray(evidence.states.cross["household"])
    nodes = np.asarray(solution.lab.populations["household"].axis.nodes)
    np.testing.assert_allclose(dates["top_mass"]["household"][::stride], mass[:, :, -1].sum(axis=1), rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(dates["moments"]["household"][::stride], mass.sum(axis=1) @ np.log1p(nodes), rtol=1e-9)
    np.testing.assert_allclose(dates["mass_error"]["household"], 0.0, atol=1e-12)
    assert all(v[0] == 0 for v in dates["accounts"].values())
    spread = np.abs(dates["payoff"]["household"])
    assert spread.shape == dates["public"].exo.shape and (spread > 0).all()
    own, choice = evidence.samples["household"]["own"], evidence.samples["household"]["choice"]
    assert own.k.shape == choice.shape == evidence.samples["household"]["weight"].shape
    assert (choice > 0).all()
    np.testing.assert_allclose(own.k[0, 0 : len(nodes)].max(), nodes[-1], rtol=1e-12)
    binding = evidence.samples["household"]["binding"]
    assert binding.any() and not binding[own.k > 1.0].any()


def test_the_curvature_of_log_utility_is_one(solution):
    """So that with it an error of consumption and a wedge on the return are the same."""
    sample = solution.evidence.samples["household"]
    np.testing.assert_allclose(sample["curvature"], 1.0, rtol=1e-9)
    signed = {f.figure: f.value for f in solution.certificate.findings if "signed" in f.figure}
    assert signed["euler_signed_mean"] == pytest.approx(signed["euler_signed_wedge"], rel=1e-9)


def test_the_gain_of_a_household_that_consumes_too_much(solution):
    """Everybody but one consumes 3 % more than is best at every node: one who does not gains what the payoffs say, and the rule that
    is best gains nothing to speak of."""
    check = BestResponse(sweeps=60, starts=2)
    at_best = check.gain(solution.evidence, "household")
    assert abs(at_best) < 0.02
    states = refitted(solution, with_table(solution, lambda t: jnp.clip(1.03 * t, 0.0, 1.0)))
    assert check.gain(evidence_with(solution, states=states), "household") > 0.05
    nowhere = with_table(solution, lambda t: jnp.full_like(t, jnp.nan))
    rules = {"household": solution.lab.learners["household"].rule(nowhere["household"])}
    assert check.gain(dataclasses.replace(solution.evidence, rules=rules), "household") == np.inf
