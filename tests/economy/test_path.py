# pyright: reportAttributeAccessIssue=false
"""Paths: what a record is given, and that a date knows where it stands."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import compiled_run, simulate
from walras._core.keys import stream, streams
from walras.economies import BrockMirman
from walras.economies.brock_mirman import Consumption
from walras.economy.path import exogenous_path, run_on, states_after
from walras.economy.population import Representative
from walras.economy.process import Chain
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


def of_every_kind(now, before):
    """Numbers of several types and shapes, and a module among them."""
    K = now.stocks["household"]["K"]
    return {
        "date": now.date,
        "late": now.date > 1,
        "pair": jnp.stack([K, 2 * K]),
        "square": jnp.full((2, 3), K),
        "K": K,
        "now": now,
    }


def test_a_record_comes_back_as_it_was_given(economy):
    # Whatever is packed with what: types, shapes and order of the leaves are those of the record, a leading axis of dates.
    record = simulate(economy, POPULATIONS, RULES, 4, record=of_every_kind).record
    K = np.asarray(record["K"])
    assert record["date"].tolist() == [0, 1, 2, 3] and record["late"].tolist() == [False, False, True, True]
    assert record["late"].dtype == bool and jnp.issubdtype(record["date"].dtype, jnp.integer)
    np.testing.assert_array_equal(record["pair"], np.stack([K, 2 * K], axis=1))
    np.testing.assert_array_equal(record["square"], np.broadcast_to(K[:, None, None], (4, 2, 3)))
    np.testing.assert_array_equal(record["now"].stocks["household"]["K"], K)
    assert np.ptp(K) > 0


def test_going_on_without_the_date_before(economy):
    # The record is called with None for it, and None comes back; else the public record of the last date comes back.
    seen = simulate(economy, POPULATIONS, RULES, 3, record=lambda now, before: now.public())
    key, last = jax.random.key(0), jax.tree_util.tree_map(lambda leaf: leaf[-1], seen.record)
    told = []

    def record(now, before):
        told.append(before)
        return now.date

    final, before, dates = run_on(economy, POPULATIONS, RULES, (seen.final, None), seen.exo_path[:2], key, record)
    assert before is None and set(told) == {None} and dates.tolist() == [3, 4] and int(final.date) == 5
    chained = run_on(economy, POPULATIONS, RULES, (seen.final, last), seen.exo_path[:2], key, lambda now, b: b.date)
    assert int(chained[1].date) == 4 and chained[2].tolist() == [2, 3]


def test_states_are_those_at_the_quantiles_that_were_drawn():
    # From state 0, which lasts with ¾: .7 stays, .8 leaves; state 1 is left for 0 below ½.
    chain = Chain([0.0, 1.0], np.array([[0.75, 0.25], [0.5, 0.5]]))
    assert states_after(chain, jnp.asarray(0), jnp.asarray([0.7, 0.8, 0.6, 0.4])).tolist() == [0, 1, 1, 0]


def test_keys_made_at_once_are_those_made_one_by_one():
    """Also under `vmap`, as the paths of a round have them."""
    names = ["rule.firm", "fate.firm", "chance.household"]
    roots = jax.random.split(jax.random.key(3), 4)
    at_once = jax.vmap(lambda root: streams(root, names))(roots)
    for name in names:
        one_by_one = jax.vmap(lambda root, name=name: stream(root, name))(roots)
        np.testing.assert_array_equal(jax.random.key_data(at_once[name]), jax.random.key_data(one_by_one))
