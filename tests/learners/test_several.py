"""Several types in one market: answers to the prices of the date, mixing of rounds, the gradient of a representative."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras._core.errors import SolveError
from walras.economies.hank import Hank
from walras.economies.sticky_prices import FirmView, PriceOwn
from walras.economy.population import Histogram, Panel, Representative
from walras.economy.rule import ConductRule, ViewInformation
from walras.economy.task import Field
from walras.learners import mixing, rest
from walras.learners.pathwise import pathwise
from walras.learners.preset import preset

POPULATIONS = {"firm": Representative(), "bank": Representative(), "household": Histogram(None, 100)}


@pytest.fixture(scope="module")
def resting():
    economy = Hank.steady()
    sizes = dataclasses.replace(preset("fast"), stationary_nodes=150)
    information = {name: ViewInformation() for name in POPULATIONS}
    given = {"bank": ConductRule(economy.bank)}
    return economy, rest.find(economy, POPULATIONS, given, information, (jax.random.key(0), jnp.asarray(0)), sizes)


def test_the_resting_date_repeats_itself(resting):
    _, found = resting
    now = found.now
    assert float(found.residual) < 1e-6
    # The bank sets the rate that it has, the household's wealth is the debt, goods follow.
    np.testing.assert_allclose(float(now.flows["bank"]["i"]), float(now.stocks["bank"]["i"]), rtol=1e-12)
    np.testing.assert_allclose(float(now.stocks["household"]["B"]), 5.0, rtol=1e-6)
    goods = now.prices["Y"] * (1 - now.flows["firm"]["cost"]) - now.flows["household"]["C"]
    assert abs(float(goods)) < 1e-7
    # Published: zero inflation is not the steady state.
    assert abs(float(now.flows["firm"]["Pi"]) + 0.00285) < 1e-4
    # Phillips curve at rest.
    Pi, mc, R = (float(x) for x in (now.flows["firm"]["Pi"], now.prices["mc"], now.views["household"].R))
    assert abs(Pi * (1 + Pi) * (1 - 1 / R) - 0.1 * (mc - 0.9)) < 1e-9


def test_no_resting_date_is_said_to_be_none(resting):
    economy, _ = resting
    # Nobody holds negative debt: households cannot borrow.
    broken = eqx.tree_at(lambda e: e.supply, economy, jnp.asarray(-1.0))
    information = {name: ViewInformation() for name in POPULATIONS}
    given = {"bank": ConductRule(broken.bank)}
    with pytest.raises(SolveError, match="no resting date is found"):
        rest.find(broken, POPULATIONS, given, information, (jax.random.key(0), jnp.asarray(0)), preset("fast"))


class Belief(eqx.Module):
    law: jax.Array
    views: jax.Array


class Table(eqx.Module):
    table: jax.Array


class State(eqx.Module):
    table: Table
    worth: jax.Array
    belief: Belief


def state_of(x):
    return {"type": State(Table(0.5 + x[:2] / 100), x, Belief(x, x[:3]))}


def test_mixing_finds_the_rest_of_an_affine_map():
    # x → A x + b with eigenvalues on both sides of the unit circle: rounds alone run away.
    rng = np.random.default_rng(0)
    A = jnp.asarray(rng.normal(size=(5, 5)))
    A = A / jnp.max(jnp.abs(jnp.linalg.eigvals(A))) * 1.1
    b = jnp.asarray(rng.normal(size=5))
    truth = np.linalg.solve(np.eye(5) - np.asarray(A), np.asarray(b))
    plain, x = jnp.zeros(5), jnp.zeros(5)
    memory = mixing.start(state_of(x))
    assert memory is not None
    for _ in range(9):
        plain = A @ plain + b
        memory, states = mixing.mixed(memory, state_of(x), state_of(A @ x + b), jnp.asarray(True))
        x = states["type"].worth
    assert np.max(np.abs(plain - truth)) > 0.1
    np.testing.assert_allclose(x, truth, atol=1e-6)


def test_mixing_waits_until_it_is_active():
    x = jnp.arange(5.0)
    memory = mixing.start(state_of(x))
    memory, states = mixing.mixed(memory, state_of(x), state_of(2 * x), jnp.asarray(False))
    np.testing.assert_array_equal(states["type"].worth, 2 * x)
    assert int(memory.known) == 0


def test_gradient_of_a_representative_is_the_phillips_curve():
    # On a path that rests, the gradient of the growth of the own price vanishes exactly where the Phillips curve holds:
    # Π (1 + Π)(1 − 1/R) = ε/θ (mc − (ε − 1)/ε).
    firm, dates, R, Pi = Hank.steady().firm, 6, 1.02, 0.01
    mc = 0.9 + 10 * Pi * (1 + Pi) * (1 - 1 / R)
    gross = R * (1 + Pi)

    def gradient(mc, Pi):
        full = lambda x: jnp.full((1, dates), x)  # noqa: E731
        view = FirmView(full(mc), full(1.0), full(gross), full(1.5), jnp.zeros((1, dates), int))
        field = Field(view.state, view.state, view, {"Pi": full(Pi)}, None, None)
        parts = jnp.full((1, dates, 9, 1), 0.5 + Pi)
        return pathwise(firm, field, parts, PriceOwn(jnp.ones((1, 1)))).gradient

    # At the last date there is nothing to decide; at the others all nodes share alike.
    assert np.max(np.abs(np.asarray(gradient(mc, Pi)))) < 1e-12
    off = np.asarray(gradient(mc + 0.01, Pi))[0, :, 0, 0]
    assert (off[:-1] > 1e-3).all() and off[-1] == 0


def test_a_panel_where_the_economy_must_rest_is_refused():
    with pytest.raises(w.InputError, match="household is a panel beside 2 other types"):
        w.solve(Hank.srl2025(), populations={"household": Panel(50)}, preset="fast")
