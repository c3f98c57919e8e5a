"""One household at a given interest rate: `DeepEuler` against endogenous grids written independently."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras.learners import DeepEuler

BETA, GAMMA, R = 0.95, 2.0, 1.02


def endogenous_grid(y, transition, nodes=4000):
    """(cash on hand, consumption) per income state on a fine grid of next wealth, iterated to rest; NumPy only."""
    k = np.concatenate([[0.0], np.geomspace(1e-5, 60.0, nodes - 1)])
    cash, c = [np.append(0.0, k + 0.5)] * len(y), [np.append(0.0, 0.5 + 0.05 * k)] * len(y)
    for _ in range(2000):
        following = np.stack([np.interp(R * k + y[e], cash[e], c[e]) for e in range(len(y))])
        now = (BETA * R * transition @ following**-GAMMA) ** (-1 / GAMMA)
        change = max(np.max(np.abs(now[e] / c[e][1:] - 1)) for e in range(len(y)))
        cash, c = [np.append(0.0, k + x) for x in now], [np.append(0.0, x) for x in now]
        if change < 1e-10:
            return cash, c
    raise AssertionError(f"endogenous grids still move by {change:.1e}")


@pytest.fixture(scope="module")
def solved():
    """The solution at `standard`."""
    return w.solve(w.economies.ConsumptionSaving.maliar2021(), {"household": DeepEuler()}, key=0)


def quantile(values, weights, share):
    order = np.argsort(values)
    return values[order][np.searchsorted(np.cumsum(weights[order]), share * weights.sum())]


def test_the_certificate_and_euler_errors(solved):
    assert solved.verdict == "certified", solved.certificate.reasons
    sample = solved.evidence.samples["household"]
    size, weight = np.abs(sample["error"]).ravel(), sample["weight"].ravel() / sample["weight"].sum()
    assert np.sum(size * weight) < 3e-4
    assert quantile(size, weight, 0.99) < 3e-3
    assert 0.1 < np.sum(sample["binding"].ravel() * weight) < 0.6  # the limit matters
    assert float(np.max(solved.evidence.dates["top_mass"]["household"])) < 1e-12  # wealth stays in the box of training


def test_consumption_is_that_of_fine_endogenous_grids(solved):
    chain = solved.lab.economy.household.risk
    y, transition = np.asarray(chain.values), np.asarray(chain.transition)
    cash, c = endogenous_grid(y, transition)
    sample = solved.evidence.samples["household"]
    own = jax.tree_util.tree_map(lambda leaf: leaf[-1], sample["own"])
    weight, chosen = sample["weight"][-1], sample["choice"][-1]
    there = [np.interp(R * k + y[e], cash[e], c[e]) for k, e in zip(own.k, own.e, strict=True)]
    gap = np.abs(chosen / np.array(there) - 1)
    assert np.sum(gap * weight) / weight.sum() < 5e-4
    assert quantile(gap, weight, 0.99) < 3e-3


def test_the_rule_is_tabulated_as_it_is(solved):
    rule = solved.loop.learners["household"].rule
    view = jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf)[0], solved.evidence.dates["views"]["household"])
    table, info = rule.tabulated(), (jnp.asarray(0), ())
    nodes = np.asarray(table.own_axis.nodes)[[0, 1, 10, 100, 150]]
    for e in (0, 7, 14):
        own = [rule.frame.agent.limits().to(k=jnp.asarray(k)).to(e=jnp.asarray(e)) for k in nodes]
        for one in own:
            assert float(table(one, view, info).c) == pytest.approx(
                float(rule(one, view, info).c), rel=1e-6
            )  # the network is in single precision
