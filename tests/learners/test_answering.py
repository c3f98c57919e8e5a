"""Rules that answer prices of the date: what they say, and HANK learned with them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras._core.errors import InputError
from walras.economies.sticky_prices import FirmView
from walras.economy.period import agents
from walras.economy.rule import ViewInformation
from walras.learners.answering import answering
from walras.learners.preset import PRESETS
from walras.learners.table import TableRule
from walras.loop import advance_compiled, training_fields
from walras.numerics.interpolate import Axis
from walras.solve import default_learner, laboratory

VIEW = FirmView(jnp.asarray(0.9), jnp.asarray(1.0), jnp.asarray(1.02), jnp.asarray(1.5), jnp.asarray(0))
INFO = (jnp.asarray(0), ())


def table():
    positions = jnp.full((1, 1, 9, 1), 0.3)
    return TableRule(w.economies.Hank.steady().firm, positions, (), Axis(0.9, 1.1, 1.0, 9), ViewInformation(), ())


def logit(p):
    return np.log(p / (1 - p))


def test_a_logit_moves_by_slope_times_gap():
    rule = answering(table(), {"mc": 2.0, "Y": -0.5}, VIEW, "firm")
    assert np.allclose(rule.part(VIEW, INFO), 0.3, atol=1e-15)  # at rest the table alone
    moved = dataclasses.replace(VIEW, mc=jnp.asarray(0.93), Y=jnp.asarray(1.1))
    expected = logit(0.3) + 2.0 * 0.03 - 0.5 * 0.1
    np.testing.assert_allclose(logit(np.asarray(rule.part(moved, INFO))), expected, rtol=1e-12)
    assert np.all(np.asarray(rule.tabulated().part(moved, INFO)) == 0.3)
    # The slope of the choice in the price, by differentiation: (1.5 − .5) p (1 − p) · 2.
    slope = jax.grad(lambda mc: rule.part(dataclasses.replace(VIEW, mc=mc), INFO)[0, 0, 0])(0.9)
    np.testing.assert_allclose(slope, 0.3 * 0.7 * 2.0, rtol=1e-12)


def test_without_answers_the_table_stays_what_it_is():
    rule = table()
    assert answering(rule, {}, VIEW, "firm") is rule


def test_a_price_that_nobody_sees_is_refused_by_name():
    with pytest.raises(InputError, match=r"'tau' is no number of the view.*The view has mc, Y, gross, h"):
        answering(table(), {"tau": 1.0}, VIEW, "firm")


def test_a_network_has_no_answers():
    learner = w.learners.StructuralRL(form="network", answer={"r": -6.0})
    with pytest.raises(InputError, match="the form 'network' has no answer to prices by name"):
        w.solve(w.economies.KrusellSmith.srl2025(), {"household": learner}, preset="fast")


@pytest.fixture(scope="module")
def learned():
    """HANK after some rounds on few nodes: laboratory, loop, and what the firm and the household see in a round."""
    small = PRESETS["fast"]
    small = dataclasses.replace(
        small,
        euler=dataclasses.replace(small.euler, nodes=50),
        structural=dataclasses.replace(small.structural, rounds=240, average_rounds=80, rate=0.01),
        histogram_nodes=60,
    )
    learners = {
        "household": w.learners.StructuralRL(answer={"gross_next": -6.0}),
        "firm": w.learners.StructuralRL(rate=0.004, answer={"mc": 1.0}),
    }
    economy = w.economies.Hank.srl2025()
    learners = {name: learners.get(name) or default_learner(agent) for name, agent in agents(economy).items()}
    lab, loop = laboratory(economy, learners, None, None, small, 0)
    loop = advance_compiled(lab, loop, np.int64(240))
    return lab, loop, training_fields(lab, loop)


def test_firms_learn_the_phillips_curve(learned):
    lab, loop, fields = learned
    assert int(loop.round) == 240 and bool(loop.finite)
    view, Pi = fields["firm"].view, np.asarray(fields["firm"].outcome["Pi"])
    mc, Y, gross = (np.asarray(getattr(view, name)) for name in ("mc", "Y", "gross"))
    ahead = Y[:, 1:] / Y[:, :-1] * Pi[:, 1:] * (1 + Pi[:, 1:]) ** 2 / gross[:, 1:]
    residual = (Pi * (1 + Pi) - 0.1 * (mc - 0.9))[:, :-1] - ahead
    z = np.asarray(jax.vmap(jax.vmap(lab.economy.exogenous.value))(fields["firm"].exo))
    X = np.stack([np.ones(z.shape[:2]), np.log(z[..., 0]), z[..., 1]], axis=-1)
    fit = lambda X, y: np.linalg.lstsq(X.reshape(-1, 3), y.ravel(), rcond=None)[0]  # noqa: E731
    # Nobody wrote the curve down. What misses it does not depend on productivity: measured .007, by the first rule .024.
    assert abs(fit(X[:, :-1], residual)[1]) < 0.015
    # Inflation falls by .147 % where productivity is 1 % higher (`EulerIteration`; the linear economy has .146), by 1.5 with the
    # surprise; after these few rounds .130 and 1.23 are learned. The first rule's answers alone give .082 and .52.
    slope = fit(X, Pi)
    assert abs(slope[1] + 0.147) < 0.02
    assert abs(slope[2] + 1.5) < 0.3


def test_markets_find_their_prices(learned):
    _, _, fields = learned
    flows, cost = fields["firm"].public.flows, np.asarray(fields["firm"].public.flows["firm"]["cost"])
    goods = np.asarray(fields["firm"].view.Y) * (1 - cost) - np.asarray(flows["household"]["C"])
    assert np.abs(goods).max() < 1e-8
