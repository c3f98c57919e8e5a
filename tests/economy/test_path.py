"""Paths: what a record is given, and that a date knows where it stands."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import compiled_run, simulate
from walras.economies import BrockMirman
from walras.economies.brock_mirman import Consumption
from walras.economy.path import exogenous_path
from walras.economy.population import Representative
from walras.economy.rule import FunctionRule

POPULATIONS = {"household": Representative()}
RULES = {"household": FunctionRule(lambda own, view, info: Consumption(0.6 * (view.R * own.k + view.w)))}


@pytest.fixture(scope="module")
def economy():
    return BrockMirman.textbook()


def two_dates(now, before):
    """Date, capital, and both at the date before."""
    stock = now.stocks["household"]["K"]
    return {"date": now.date, "K": stock, "date_before": before.date, "K_before": before.stocks["household"]["K"]}


def test_the_record_of_the_date_before(economy):
    seen = simulate(economy, POPULATIONS, RULES, 8, record=two_dates)
    record = {name: np.asarray(value) for name, value in seen.record.items()}
    np.testing.assert_array_equal(record["date"], np.arange(8))
    np.testing.assert_array_equal(record["date_before"], [0, *range(7)])  # at the first date: the date itself
    np.testing.assert_array_equal(record["K_before"][1:], record["K"][:-1])
    assert record["K_before"][0] == record["K"][0] and np.ptp(record["K"]) > 0.01
    # Going on from date 8 the date before is not known: again the date itself, at its own number.
    _, late = compiled_run(economy, POPULATIONS, RULES, seen.final, seen.exo_path[:3], jax.random.key(0), two_dates)
    np.testing.assert_array_equal(late["date"], [8, 9, 10])
    np.testing.assert_array_equal(late["date_before"], [8, 8, 9])


def test_a_path_is_a_function_of_its_key_and_the_states_are_those_given(economy):
    first, again, other = (exogenous_path(economy, jnp.asarray(0.0), 50, jax.random.key(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert float(jnp.max(jnp.abs(first - other))) > 1e-3
    # AR(1): innovations are iid with s.d. .02; their sum of squares over 50 is χ²(50), within 4 s.d. of 50.
    shocks = np.diff(np.concatenate([[0.0], first])) + 0.1 * np.concatenate([[0.0], first[:-1]])
    assert abs(np.sum(shocks**2) / 0.02**2 - 50) < 4 * 10
    run = simulate(economy, POPULATIONS, RULES, 50, seed=1, exo=0.0, record=lambda now, before: now.exo)
    np.testing.assert_array_equal(run.record, np.concatenate([[0.0], run.exo_path[:-1]]))
    assert float(run.final.exo) == float(run.exo_path[-1])
