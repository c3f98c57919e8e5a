"""Rules that answer prices of the date: what they say, and the economy that cannot be learned without them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras._core.errors import InputError
from walras.economies.sticky_prices import FirmView
from walras.economy.rule import ViewInformation
from walras.learners.answering import answering
from walras.learners.table import TableRule
from walras.numerics.interpolate import Axis

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
