"""Krusell–Smith: formula prices, histogram against panel, what a rule may see, and what the populations refuse."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import UniformRule, count_primitive, identities, largest, simulate
from walras._core.errors import InputError
from walras.economies import KrusellSmith
from walras.economies.saver import Consumption, Household
from walras.economy.period import period, start
from walras.economy.population import Histogram, Panel, Step
from walras.economy.process import LogAR1
from walras.economy.rule import FullInformation, Information, Rule, ViewInformation
from walras.economy.task import MeanField, Strategic, as_field, record_of
from walras.numerics.interpolate import Axis

HISTOGRAM = Histogram(Axis(0.0, 250.0, 5.0, 200))


class Share(Rule):
    """Consumes a falling share of cash; times 1 + `by_moment` × the last coordinate of its information."""

    household: Household
    scale: jax.Array
    by_moment: jax.Array
    information: Information

    def __call__(self, own, view, info, *, key=None):
        cash = self.household.cash(own, view)
        share = self.scale * (0.045 + 0.9 / (1 + cash)) * (1 + self.by_moment * info[1][-1])
        return Consumption(jnp.minimum(share, 1.0) * cash)


def rule_of(economy, scale=1.0, by_moment=0.0, information=ViewInformation()):  # noqa: B008
    return {"household": Share(economy.household, jnp.asarray(scale), jnp.asarray(by_moment), information)}


def keep(now, before):
    """Public record, field of the household and the dispersion of capital."""
    cross = now.cross["household"]
    mean = jnp.sum(cross.weight * cross.own.k)
    return record_of("household")(now, before), jnp.sqrt(jnp.sum(cross.weight * (cross.own.k - mean) ** 2))


@pytest.fixture(scope="module")
def economy():
    return KrusellSmith.dhjj2010()


@pytest.fixture(scope="module")
def histogram(economy):
    return simulate(economy, {"household": HISTOGRAM}, rule_of(economy), 200, exo=0, record=keep)


@pytest.fixture(scope="module")
def panel(economy):
    return simulate(economy, {"household": Panel(20_000)}, rule_of(economy), 200, exo=0, record=keep)


def public_of(run):
    return run.record[0][3]


def test_goods_balance_in_both_populations(economy, histogram, panel):
    # Taxes are a formula of the counted employed, so that a sample, too, balances to rounding.
    for run in (histogram, panel):
        assert largest(identities(economy, public_of(run))["goods"]) < 1e-12  # of output 3.7


def test_histogram_and_panel_agree_within_sampling_error(economy, histogram, panel):
    # On one path of the aggregate shock the panel's mean is that of 20,000 independent histories: s.e. s.d.(k)/√n.
    mean, sd = np.asarray(public_of(histogram).stocks["household"]["K"]), np.asarray(histogram.record[1])
    sample, sample_sd = np.asarray(public_of(panel).stocks["household"]["K"]), np.asarray(panel.record[1])
    np.testing.assert_array_equal(public_of(histogram).exo, public_of(panel).exo)
    assert mean[0] == pytest.approx(39.0, rel=1e-13) and sample[0] == pytest.approx(39.0, rel=1e-13)
    error = sd / np.sqrt(20_000)
    dates = np.array([25, 50, 100, 150, 199])
    assert np.all(np.abs(sample - mean)[dates] < 4 * error[dates])
    assert np.all(error[dates] / mean[dates] < 1e-3) and np.ptp(mean) > 1.0  # the band is narrow beside what happens
    # The lottery spreads a node's mass over a cell: variance too high by an amount of order (cell width)². Extrapolated
    # over a halving of the cells it is the panel's, whose s.e. is s.d.² ((κ − 1)/n)^½ < 4 % for a kurtosis κ up to 33.
    half = {"household": Histogram(Axis(0.0, 250.0, 5.0, 399))}
    finer = np.asarray(simulate(economy, half, rule_of(economy), 200, exo=0, record=keep).record[1])
    excess = (sd**2 - finer**2)[dates]
    assert np.all(excess > 0)
    np.testing.assert_allclose(sample_sd[dates] ** 2, finer[dates] ** 2 - excess / 3, rtol=0.04)


def test_employment_is_the_calibrations(histogram, panel):
    # By construction unemployment is 10 % in bad and 4 % in good states at every date of the continuum.
    exo = np.asarray(public_of(histogram).exo)
    expected = np.where(exo == 0, 0.10, 0.04)
    np.testing.assert_allclose(public_of(histogram).stocks["household"]["U"], expected, rtol=1e-12)
    error = np.sqrt(expected * (1 - expected) / 20_000)
    assert np.all(np.abs(np.asarray(public_of(panel).stocks["household"]["U"]) - expected) < 4.5 * error)
    assert set(exo) == {0, 1}


def test_mass_is_one_and_the_lottery_keeps_the_mean(economy, histogram):
    assert abs(float(jnp.sum(histogram.final.cross["household"])) - 1) < 1e-12
    # One date: capital carried on is capital chosen.
    public = public_of(histogram)
    cash = public.prices["Y"] + (1 - economy.delta) * public.stocks["household"]["K"]
    np.testing.assert_allclose(public.stocks["household"]["K"][1:], (cash - public.flows["household"]["C"])[:-1], rtol=1e-13)


def test_one_lottery_a_date(economy):
    # Two flat scatter-adds into a vector (left and right node): no scatter of risk states, no loop over nodes.
    agent = economy.household
    cross = HISTOGRAM.birth(agent, jax.random.key(0), 0)
    own, _ = HISTOGRAM.individuals(agent, cross)
    step = Step(jnp.asarray(0), jnp.asarray(1), (), jax.random.key(0))
    advance = jax.make_jaxpr(lambda cross, moved: HISTOGRAM.advance(agent, cross, moved, None, step))(cross, own)
    assert count_primitive(advance.jaxpr, "scatter-add") == 2
    state = start(economy, {"household": HISTOGRAM}, rule_of(economy), jax.random.key(0), 0)
    whole = jax.make_jaxpr(
        lambda state: period(economy, {"household": HISTOGRAM}, rule_of(economy), state, jax.random.key(0))[0]
    )(state)
    assert count_primitive(whole.jaxpr, "scatter-add") == 2
    assert count_primitive(whole.jaxpr, "while") == 0


def test_a_cohort_of_everybody_retraces_the_economy(economy, histogram):
    # A measure-zero histogram with the population's own rule and start, along the recorded field, is the population.
    field = as_field(histogram.record[0], histogram.state.exo, histogram.exo_path)
    task = MeanField(economy.household, HISTOGRAM, field)
    cross = histogram.state.cross["household"]
    roll = eqx.filter_jit(task.rollout)(jax.random.key(9), rule_of(economy)["household"], cross)
    K = jnp.sum(roll.weight * roll.own.k, axis=1)
    np.testing.assert_allclose(K, public_of(histogram).stocks["household"]["K"], rtol=1e-12)
    np.testing.assert_allclose(roll.final, histogram.final.cross["household"], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(roll.discount, 0.99)


def test_prices_do_not_move_for_a_taker(economy, histogram):
    # Welfare in a scale of consumption: the gradient along a frozen field is that of payoffs at given prices. Checked
    # by central differences of step 1e-5 (relative error of order 1e-10 but where a node crosses a cell).
    field = as_field(histogram.record[0], histogram.state.exo, histogram.exo_path)
    task = MeanField(economy.household, HISTOGRAM, field)
    cross = histogram.state.cross["household"]

    @eqx.filter_jit
    def welfare(scale):
        roll = task.rollout(jax.random.key(9), rule_of(economy, scale)["household"], cross)
        return jnp.sum(0.99 ** jnp.arange(200) * jnp.sum(roll.weight * roll.payoff, axis=1))

    slope = float(eqx.filter_jit(jax.grad(welfare))(jnp.asarray(1.0)))
    by_difference = float(welfare(jnp.asarray(1 + 1e-5)) - welfare(jnp.asarray(1 - 1e-5))) / 2e-5
    np.testing.assert_allclose(slope, by_difference, rtol=1e-5)
    assert abs(slope) > 1.0


def moments(now):
    """Second moment of capital, relative: not public."""
    cross = now.cross["household"]
    return (jnp.sum(cross.weight * cross.own.k**2) / jnp.sum(cross.weight * cross.own.k) ** 2,)


def test_a_rule_on_the_cross_section_declares_it(economy):
    rules = rule_of(economy, 1.0, -0.05, FullInformation(moments))
    record = lambda now, before: (now.infos["household"], now.cross["household"])  # noqa: E731
    run = simulate(economy, {"household": HISTOGRAM}, rules, 20, exo=0, record=record)
    (_, coordinates), cross = run.record
    K = np.sum(np.asarray(cross.weight * cross.own.k), axis=1)
    np.testing.assert_allclose(coordinates[0], K, rtol=1e-13)
    expected = np.sum(np.asarray(cross.weight * cross.own.k**2), axis=1) / K**2
    np.testing.assert_allclose(coordinates[1], expected, rtol=1e-13)
    assert coordinates[1][-1] > 1.001  # there is a dispersion to be seen

    undeclared = rule_of(economy, 1.0, -0.05, Peek())
    with pytest.raises(KeyError, match="household"):
        simulate(economy, {"household": HISTOGRAM}, undeclared, 20, exo=0)


class Peek(Information):
    """Reads the cross-section without saying so."""

    full: bool = eqx.field(static=True, default=False)

    def start(self):
        return ()

    def step(self, memory, now):
        return ()

    def read(self, memory, view, now):
        index, coordinates = view.info()
        return index, (*coordinates, *moments(now))


def test_stochastic_rules_and_histograms_do_not_go_together(economy):
    # One draw a node is no law of large numbers: it would move prices by what nobody did.
    rules = {"household": UniformRule(economy.household, ((),))}
    with pytest.raises(InputError, match="UniformRule of household draws"):
        start(economy, {"household": HISTOGRAM}, rules, jax.random.key(0))
    run = simulate(economy, {"household": Panel(50)}, rules, 3, exo=0, record=lambda now, before: now.choices["household"].c)
    assert float(jnp.min(jnp.std(run.record, axis=1))) > 0.1


def test_a_histogram_refuses_risk_on_a_continuum_and_a_panel_takes_it(economy):
    # log y ~ AR(1), scale exp(−sd²/2): E[y] = 1; unconditional s.d. .2 = .12/(1 − .8²)^½.
    risk = LogAR1(0.8, 0.12, np.exp(-0.02))
    other = dataclasses.replace(economy, household=dataclasses.replace(economy.household, risk=risk))
    with pytest.raises(InputError, match="finite risk"):
        start(other, {"household": HISTOGRAM}, rule_of(other), jax.random.key(0))
    run = simulate(other, {"household": Panel(4000)}, rule_of(other), 30, exo=0)
    assert largest(identities(other, run.record)["goods"]) < 1e-12
    L = np.asarray(run.record.stocks["household"]["L"])
    # s.d. of y: (exp(.04) − 1)^½ = .202; four standard errors of a mean of 4,000, at each of 30 dates.
    assert np.all(np.abs(L - 1) < 4.5 * 0.202 / np.sqrt(4000)) and np.std(L) > 1e-4


def test_an_atom_of_a_continuum_cannot_be_strategic(economy):
    # In a panel one individual would move prices by 1/n, an artefact of the sample's size.
    for population in (HISTOGRAM, Panel(100)):
        with pytest.raises(InputError, match=r"household is a .*too small to move prices"):
            Strategic(economy, {"household": population}, rule_of(economy), "household")
