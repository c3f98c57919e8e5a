"""Generalised impulse responses: against the closed form of Brock and Mirman, and against what a switch must do."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.report_fixtures import ALPHA, BETA, brock_mirman, krusell_smith
from walras._core.errors import InputError, UnknownName
from walras.economy.process import Chain, NoRisk, joint, log_chain
from walras.impulse import impulse_response, long_run_state
from walras.numerics.markov import rouwenhorst
from walras.shocks import autoregression, components, contrast, middle, shifted
from walras.simulate import evidence_of


@pytest.fixture(scope="module")
def exact():
    return brock_mirman()


@pytest.fixture(scope="module")
def solved():
    return krusell_smith()


def expected_capital(economy, K0: float, exo: int, horizon: int) -> np.ndarray:
    """E[K_h | exogenous state at horizon 0] by state, shape (states, horizon).

    By logs, log K_h = α^h log K_0 + Σ_s α^(h−1−s) (log αβ + log z_s), s < h (Brock and Mirman 1972): the expectation of
    a product over a path is a chain of matrix products.
    """
    z, P = np.asarray(economy.exogenous.values), np.asarray(economy.exogenous.transition)
    found = np.zeros((len(z), horizon))
    for h in range(horizon):
        value = np.ones(len(z))
        for s in reversed(range(h)):
            value = z ** (ALPHA ** (h - 1 - s)) * (value if s == h - 1 else P @ value)
        constant = (ALPHA * BETA) ** sum(ALPHA**k for k in range(h))
        found[:, h] = constant * K0 ** (ALPHA**h) * value
    return found


@pytest.mark.parametrize("size", [1.0, -1.0, 2.5, 0.1])
def test_capital_responds_as_the_closed_form_says(exact, size):
    horizon, exo = 25, 3
    found = impulse_response(exact, size=size, horizon=horizon)
    state = long_run_state(evidence_of(exact), exo)
    # The date before the shock takes the economy from the given state to K_0, which no shock has touched.
    z, K = np.asarray(exact.economy.exogenous.values), float(np.ravel(state.cross["household"].k)[0])
    K0 = ALPHA * BETA * z[exo] * K**ALPHA
    without, shocked = contrast(exact.economy.exogenous, exo, size)
    truth = (shocked - without) @ expected_capital(exact.economy, K0, exo, horizon)
    got, error = found.household_K.values, found.household_K_error.values
    assert abs(truth).max() > 1e-3 * abs(size)
    # Stratified draws make the standard error an upper bound early on; late dates rest on few paths that still differ.
    np.testing.assert_array_less(abs(got - truth), 4 * error + 0.01 * abs(truth).max())
    np.testing.assert_allclose(got[:3], truth[:3], rtol=2e-3, atol=1e-15)
    base = without @ expected_capital(exact.economy, K0, exo, horizon)
    np.testing.assert_allclose(found.household_K_percent, 100 * truth / base, atol=0.02 * abs(100 * truth / base).max())


def test_the_shock_has_exactly_the_size_asked_for(exact):
    # LogAR1(.9, .02): the innovation s.d. of Rouwenhorst's chain is that of the process at any number of states.
    process = exact.economy.exogenous
    found = autoregression(process)
    assert found is not None
    np.testing.assert_allclose([found.persistence, found.innovation_sd], [0.9, 0.02], rtol=1e-9)
    for size in (0.1, -0.7, 2.0):
        for exo in (1, 3, 5):
            without, shocked = contrast(process, exo, size)
            np.testing.assert_allclose((shocked - without) @ found.values, 0.02 * size, rtol=1e-9)
            np.testing.assert_allclose(shocked.sum(), 1.0)
            assert (shocked >= 0).all()
            # The shifted distribution dominates: a monotone coupling never crosses.
            gap = np.cumsum(without - shocked) * np.sign(size)
            assert (gap > -1e-15).all()


def test_responses_are_linear_in_small_sizes_and_nearly_symmetric(exact):
    small, double, down = (impulse_response(exact, size=s).household_K.values for s in (0.05, 0.1, -0.05))
    np.testing.assert_allclose(double, 2 * small, rtol=1e-6, atol=1e-15)
    # One node up and one node down differ by the curvature of exp: half the spacing in logs, some 2 to 3 per cent.
    assert abs(small + down).max() < 0.05 * abs(small).max()
    assert small[1] > 0 > down[1]


def test_no_shock_no_response(exact, solved):
    for found in (impulse_response(exact, size=0.0), impulse_response(solved, size=0.0, horizon=10, paths=16)):
        for name in found.data_vars:
            if not str(name).endswith("_baseline"):
                assert (found[name].values == 0).all(), name


def test_same_key_same_numbers(exact):
    first, again, other = (impulse_response(exact, key=k).household_K.values for k in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_chain_switches(solved):
    # dhjj2010: z of .99 or 1.01, unemployment of 10 % or 4 %; capital is there before the shock.
    found = impulse_response(solved, size=1, horizon=20, paths=64)
    np.testing.assert_allclose(found.exogenous_value[0], 0.02, rtol=1e-9)
    np.testing.assert_allclose(found.household_U[0], -0.06, rtol=1e-6)
    assert abs(float(found.household_K_percent[0])) < 1e-10
    # The difference between the states decays by the second eigenvalue of the chain: .875 + .875 − 1.
    np.testing.assert_allclose(found.exogenous_state, 0.75 ** np.arange(20), atol=0.01)
    assert float(found.household_K[5]) > 0 and float(found.household_C[0]) > 0
    assert found.attrs["size_unit"] == "state"


def test_a_response_depends_on_the_state(solved):
    evidence = evidence_of(solved)
    state = long_run_state(evidence, 1)
    assert int(state.exo) == 1
    found = impulse_response(solved, size=0, horizon=5, paths=16, state=state)
    np.testing.assert_allclose(found.exogenous_value[0], -0.02, rtol=1e-9)
    # Its capital is near the mean, as that of few other dates.
    nodes, mass = solved.lab.populations["household"].individuals(solved.economy.household, state.cross["household"])
    K = evidence.dates["public"].stocks["household"]["K"]
    assert abs(float(jnp.sum(nodes.k * mass)) - K.mean()) < 0.2 * K.std()


def test_every_variable_has_a_unit(solved):
    found = impulse_response(solved, size=1, horizon=5, paths=16)
    assert found.sizes == {"horizon": 5}
    for name in found.variables:
        assert found[name].attrs["units"] and found[name].attrs["long_name"], name
    assert found.household_K.attrs["units"] == "goods"
    assert found.household_K_percent.attrs["units"] == "%"


def test_what_cannot_be_shocked_says_so(exact, solved):
    with pytest.raises(UnknownName, match=r"no shock is called 'exogenus'.*Did you mean 'exogenous'"):
        impulse_response(exact, shock="exogenus")
    still = dataclasses.replace(exact.economy, exogenous=NoRisk())
    stationary = dataclasses.replace(exact, lab=dataclasses.replace(exact.lab, economy=still))
    with pytest.raises(InputError, match="no aggregate risk"):
        impulse_response(stationary)
    for size in (2, -1, 0.5):
        with pytest.raises(InputError, match="the state that it switches to"):
            impulse_response(solved, size=size)
    with pytest.raises(InputError, match="larger than the chain is wide"):
        impulse_response(exact, size=50.0)
    with pytest.raises(InputError, match="horizon must be at least 1"):
        impulse_response(exact, horizon=0)
    with pytest.raises(InputError, match="left no rule"):
        impulse_response(dataclasses.replace(exact, lab=None, loop=None))


def test_which_chains_are_autoregressions():
    assert autoregression(log_chain(9, 0.9, 0.05, normalise=True)) is not None
    assert autoregression(Chain([0.99, 1.01], np.array([[0.9, 0.1], [0.1, 0.9]]))) is None
    # Evenly spaced in levels, and a conditional mean with a kink.
    assert autoregression(Chain([0.9, 1.0, 1.1], np.full((3, 3), 1 / 3))) is None
    kinked = np.array([[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.4, 0.6]])
    assert autoregression(Chain(np.exp([-0.1, 0.0, 0.1]), kinked)) is None


def test_a_joint_chain_comes_apart_again():
    z, switch = log_chain(5, 0.9, 0.05, normalise=True), Chain([0.0, 1.0], np.array([[0.8, 0.2], [0.4, 0.6]]))
    nodes, P = rouwenhorst(3, 0.5, 0.01)
    both = joint(z, switch, Chain(nodes, P), names=("z", "on", "v"))
    parts = components(both)
    assert [part.name for part in parts] == ["z", "on", "v"]
    assert [part.name for part in components(joint(z, switch))] == ["0", "1"]
    for part, chain in zip(parts, (z, switch, Chain(nodes, P)), strict=True):
        np.testing.assert_allclose(part.values[:, 0], chain.values, rtol=1e-15)
        np.testing.assert_allclose(part.transition, chain.transition, atol=1e-14)
    exo = middle(both)
    np.testing.assert_allclose(both.values[exo], [z.values[2], 0.0, 0.0], atol=1e-15)
    # One innovation s.d. of v: its conditional mean moves by that, that of the others not at all.
    without, shocked = contrast(both, exo, -1.0, 2)
    moved = (shocked - without) @ np.asarray(both.values)
    np.testing.assert_allclose(moved, [0, 0, -0.01 * np.sqrt(1 - 0.5**2)], atol=1e-15)
    np.testing.assert_allclose(np.log(both.values[:, 0]) @ (shocked - without), 0, atol=1e-15)
    with pytest.raises(InputError, match="component 'on' is no discretised AR"):
        contrast(both, exo, 1.0, 1)
    with pytest.raises(InputError, match="1 names, 2 chains"):
        joint(z, switch, names=("z",))


def test_chains_that_move_together_are_one():
    values = np.array([[0.9, 0.0], [0.9, 1.0], [1.1, 0.0], [1.1, 1.0]])
    together = np.full((4, 4), 0.1) + 0.6 * np.eye(4)  # a tensor grid, but no product of two chains
    assert [part.name for part in components(Chain(values, together))] == ["exogenous"]
    assert [part.name for part in components(Chain(values[:3], np.full((3, 3), 1 / 3)))] == ["exogenous"]


def test_shifting_needs_room():
    weights, values = np.array([0.2, 0.5, 0.3]), np.array([-1.0, 0.0, 2.0])
    with pytest.raises(InputError, match=r"room for 1\.6"):
        shifted(weights, values, 1.7)
    np.testing.assert_allclose(shifted(weights, values, 1.6 - 1e-12), [0, 0, 1], atol=1e-11)
    np.testing.assert_allclose(shifted(weights, values, -0.3) @ values, weights @ values - 0.3)
    assert jax.config.jax_enable_x64
