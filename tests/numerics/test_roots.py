"""Roots that say how they ended."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras._core.results import RootStatus
from walras.numerics.roots import bracketed, from_guess

DOTTIE = 0.7390851332151606416553120876738734  # cos x = x, OEIS A003957


def find(function, low, high, **settings):
    return jax.jit(lambda a, b: bracketed(function, a, b, **settings))(jnp.asarray(low), jnp.asarray(high))


@pytest.mark.parametrize(
    ("function", "low", "high", "root"),
    [
        (lambda x: jnp.cos(x) - x, 0.0, 2.0, DOTTIE),
        (lambda x: x**3 - 2, 0.0, 10.0, 2 ** (1 / 3)),
        (lambda x: jnp.exp(x) - 1000, 0.0, 100.0, np.log(1000)),  # 1e43 at the far end: a pure Illinois stalls
        (lambda x: 1 / x - 3, 0.01, 5.0, 1 / 3),
        (lambda x: jnp.arctan(50 * (x + 0.3)), -4.0, 9.0, -0.3),  # flat at both ends
        (lambda x: -(x - 0.25), 0.0, 1.0, 0.25),
    ],
)
def test_known_roots(function, low, high, root):
    found = find(function, low, high)
    assert int(found.status) == RootStatus.BRACKETED
    np.testing.assert_allclose(float(found.value), root, rtol=1e-12)
    assert abs(float(found.residual)) <= 1e-12


def test_either_order_of_the_ends_and_a_root_at_an_end():
    assert float(find(lambda x: x - 0.3, 1.0, 0.0).value) == pytest.approx(0.3, abs=1e-15)
    for low, high in ((0.0, 1.0), (-1.0, 0.0)):
        found = find(lambda x: x * (1 + x**2), low, high)
        assert float(found.value) == 0.0 and int(found.status) == RootStatus.BRACKETED and int(found.evaluations) == 2


def test_it_is_faster_than_bisection():
    # Bisection to 1e-13 in a bracket of length 2 takes log2(2/1e-13) = 44 evaluations; Illinois has order 1.44.
    found = find(lambda x: jnp.cos(x) - x, 0.0, 2.0)
    assert int(found.evaluations) <= 12
    # Each evaluation is counted once: with two steps allowed it stops after four, and says so.
    stopped = find(lambda x: jnp.cos(x) - x, 0.0, 2.0, max_steps=2)
    assert int(stopped.evaluations) == 4 and int(stopped.status) == RootStatus.NOT_CONVERGED


@pytest.mark.parametrize(("low", "high", "end"), [(0.6, 0.9, 0.9), (1.1, 3.0, 1.1)])
def test_without_a_sign_change_nothing_is_iterated(low, high, end):
    found = find(lambda x: x**2 - 1, low, high)
    assert int(found.status) == RootStatus.NO_BRACKET
    assert float(found.value) == end and int(found.evaluations) == 2
    assert float(found.residual) == end**2 - 1  # the end with the smaller residual, and what it really is


def test_a_jump_is_no_root():
    # The sign changes at 1/3, but no point has a small residual.
    found = find(lambda x: jnp.where(x < 1 / 3, -1.0, 2.0), 0.0, 1.0)
    assert int(found.status) == RootStatus.NOT_CONVERGED
    assert abs(float(found.residual)) >= 1.0


def test_not_a_number_is_no_bracket():
    found = find(lambda x: jnp.log(x - 2) - 1, 0.0, 1.0)
    assert int(found.status) == RootStatus.NO_BRACKET


def test_a_batch_of_roots():
    # Each lane stops on its own: x² = c.
    c = jnp.linspace(0.1, 9.0, 50)
    found = jax.jit(jax.vmap(lambda c: bracketed(lambda x: x**2 - c, jnp.asarray(0.0), jnp.asarray(5.0))))(c)
    np.testing.assert_allclose(found.value, np.sqrt(c), rtol=1e-12)
    assert np.all(np.asarray(found.status) == RootStatus.BRACKETED)


def test_derivative_of_a_root():
    # x(c) = c^(1/3): x' = c^(−2/3)/3, through the iteration itself by forward differentiation.
    root = lambda c: bracketed(lambda x: x**3 - c, jnp.asarray(0.5), jnp.asarray(3.0)).value  # noqa: E731
    value, slope = jax.jvp(root, (jnp.asarray(2.0),), (jnp.asarray(1.0),))
    np.testing.assert_allclose(float(value), 2 ** (1 / 3), rtol=1e-13)
    np.testing.assert_allclose(float(slope), 2 ** (-2 / 3) / 3, rtol=1e-6)


def test_two_unknowns():
    # x² + y² = 5, x y = 2 from (2.5, .5): x = 2, y = 1.
    function = lambda v: jnp.stack([v[0] ** 2 + v[1] ** 2 - 5, v[0] * v[1] - 2])  # noqa: E731
    found = jax.jit(lambda x: from_guess(function, x))(jnp.asarray([2.5, 0.5]))
    assert int(found.status) == RootStatus.BRACKETED
    np.testing.assert_allclose(found.value, [2.0, 1.0], rtol=1e-14)
    assert float(jnp.max(jnp.abs(found.residual))) < 1e-13


def test_a_guess_that_leads_nowhere():
    # e^x + 1 has no root: Newton walks off to −∞ one step at a time and is stopped.
    found = from_guess(lambda x: jnp.exp(x) + 1, jnp.asarray([0.0]))
    assert int(found.status) == RootStatus.NOT_CONVERGED
    # log x by Newton from 10 goes to 10 − 10 log 10 < 0: no number; the guess comes back with the residual there.
    found = from_guess(lambda x: jnp.log(x), jnp.asarray([10.0]))
    assert int(found.status) == RootStatus.NOT_CONVERGED
    assert float(found.value[0]) == 10.0
    np.testing.assert_allclose(float(found.residual[0]), np.log(10), rtol=1e-15)


def test_every_ending_has_a_remedy():
    assert [status.remedy == "" for status in RootStatus] == [True, False, False]
