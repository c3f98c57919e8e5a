"""Brock and Mirman (1972): a representative household on a continuum of productivity, against the closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import identities, largest, simulate
from walras.economies import BrockMirman
from walras.economies.brock_mirman import Consumption
from walras.economy import foc
from walras.economy.population import Finite, Representative
from walras.economy.rule import FunctionRule

ALPHA, BETA = 0.36, 0.96


def rule(own, view, info):
    """C = (1 − αβ) Y, where a household's cash R k + w is Y per head."""
    return Consumption((1 - ALPHA * BETA) * (view.R * own.k + view.w))


@pytest.mark.parametrize("population", [Representative(), Finite(3)], ids=["representative", "three alike"])
def test_capital_is_the_closed_form(population):
    # K' = αβ z K^α, Brock and Mirman (1972); by logs log K' = log αβ + log z + α log K.
    economy = BrockMirman.textbook()
    run = simulate(economy, {"household": population}, {"household": FunctionRule(rule)}, 100)
    K, z = np.asarray(run.record.stocks["household"]["K"]), np.exp(np.asarray(run.record.exo))
    np.testing.assert_allclose(K[1:], (ALPHA * BETA * z * K**ALPHA)[:-1], rtol=1e-14)
    assert np.std(np.log(z)) > 0.02
    assert largest(identities(economy, run.record)["goods"]) < 1e-15


def test_derived_euler_equation_holds_in_expectation():
    # 1/C = β E[R'/C'] with R' = α z' K'^(α−1), C' = (1−αβ) z' K'^α: z' cancels, so that any quadrature is exact.
    economy = BrockMirman.textbook()
    agent = economy.household
    for K, log_z in ((0.1, 0.05), (0.25, -0.1)):
        own = agent.birth(0, None).at(jnp.asarray(0.5)).to(k=jnp.asarray(K))

        def view_at(K, log_z):
            now = type("Now", (), {"stocks": {"household": {"K": K}}, "exo": log_z})()
            now.prices = economy.prices(now)
            return economy.household_sees(now)

        view = view_at(own.k, jnp.asarray(log_z))
        choice = rule(own, view, None)
        own_next = agent.move(own, choice, view, ())

        def ahead(log_z_next, own_next=own_next):
            view_next = view_at(own_next.k, log_z_next)
            slope = foc.marginal_value(agent, own_next, rule(own_next, view_next, None), view_next, ())
            return agent.discount(own_next, view_next, ()) * slope

        nodes, weights = economy.exogenous.given(jnp.asarray(log_z), None, None, None).nodes()
        W = jnp.sum(weights * jax.vmap(ahead)(nodes))
        residual = foc.residual(agent, own, choice, view, (), W)[0] * choice.c
        assert abs(float(residual)) < 2e-15
        # Off the closed form by a tenth the condition fails by as much: W keeps its value, 1/c does not.
        other = foc.residual(agent, own, Consumption(1.1 * choice.c), view, (), W)[0] * choice.c
        np.testing.assert_allclose(float(other), 1 / 1.1 - 1, rtol=1e-12)
