"""Roots that say how they ended.

A market's price is found inside compiled loops, where nothing can be raised. So a root returns its value, the residual
there and a status. Without a sign change nothing is iterated: the end of the bracket with the smaller residual comes
back, with the status that says so. (A secant that runs out of its bracket "clears" a market that does not clear.)

    @article{dowell1971modified, title={A modified regula falsi method for computing the root of an equation},
      author={Dowell, Michael and Jarratt, Peter}, journal={BIT}, volume={11}, pages={168--174}, year={1971}}
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from walras._core.results import RootStatus


class Root(eqx.Module):
    """Where a root ended: value, residual there, status (`RootStatus`) and the number of evaluations."""

    value: Float[Array, "..."]
    residual: Float[Array, "..."]
    status: Int[Array, ""]
    evaluations: Int[Array, ""]


def bracketed(
    function: Callable[[Float[Array, ""]], Float[Array, ""]],
    low: Float[Array, ""],
    high: Float[Array, ""],
    *,
    tolerance: float = 1e-13,
    max_steps: int = 80,
) -> Root:
    """Illinois iteration for a scalar root inside [low, high]; halves the bracket where that has not happened for long.

    Args:
        function: residual as a function of the unknown.
        low, high: ends of the bracket.
        tolerance: stop when |residual| is below it or the bracket has shrunk to rounding.
        max_steps: most evaluations after those of the two ends.
    """
    f_low, f_high = function(low), function(high)
    sign_change = f_low * f_high <= 0

    def going(state):
        a, b, _, _, _, f, n, _, _ = state
        return sign_change & (jnp.abs(f) > tolerance) & (n < max_steps) & (jnp.abs(b - a) > 4e-16 * jnp.abs(b))

    def step(state):
        # b is the newest point, a the one kept on the other side of the root; its residual is halved when it is kept
        # twice in a row, which is what keeps regula falsi from stalling. Where one end is out of all proportion that
        # is not enough: after three steps without a halving of the bracket (`width`) the next one is its middle.
        a, b, fa, fb, _, _, n, width, slow = state
        x = b - fb * (b - a) / (fb - fa)
        x = jnp.where(((x - a) * (x - b) <= 0) & (slow < 3), x, 0.5 * (a + b))
        fx = function(x)
        crossed = fx * fb < 0
        a, fa = jnp.where(crossed, b, a), jnp.where(crossed, fb, 0.5 * fa)
        halved = jnp.abs(x - a) <= 0.5 * width
        slow = jnp.where(halved | (slow >= 3), 0, slow + 1)
        return a, x, fa, fx, x, fx, n + 1, jnp.where(halved, jnp.abs(x - a), width), slow

    better_low = jnp.abs(f_low) < jnp.abs(f_high)
    x0, f0 = jnp.where(better_low, low, high), jnp.where(better_low, f_low, f_high)
    state = (low, high, f_low, f_high, x0, f0, jnp.asarray(0), jnp.abs(high - low), jnp.asarray(0))
    _, _, _, _, x, f, n, _, _ = jax.lax.while_loop(going, step, state)
    # Beside the smaller end: an end that is out of all proportion would let anything pass.
    small = jnp.abs(f) <= jnp.maximum(tolerance, 1e-9 * jnp.minimum(jnp.abs(f_low), jnp.abs(f_high)))
    status = jnp.where(sign_change, jnp.where(small, RootStatus.BRACKETED, RootStatus.NOT_CONVERGED), RootStatus.NO_BRACKET)
    return Root(x, f, status.astype(jnp.int32), n + 2)


def from_guess(
    function: Callable[[Float[Array, " n"]], Float[Array, " n"]],
    guess: Float[Array, " n"],
    *,
    tolerance: float = 1e-12,
    max_steps: int = 40,
) -> Root:
    """Broyden's iteration for several unknowns, from the Jacobian at the guess; implicit derivatives.

    One evaluation a step: where every evaluation asks all individuals again, Newton's Jacobians cost twice as much in all.

        @article{broyden1965class, title={A class of methods for solving nonlinear simultaneous equations}, author={Broyden,
          Charles G}, journal={Mathematics of Computation}, volume={19}, number={92}, pages={577--593}, year={1965}}
    """

    def solve(f, x):
        def going(state):
            _, gap, _, n = state
            size = jnp.max(jnp.abs(gap))
            return (size > tolerance) & jnp.isfinite(size) & (n < max_steps)

        def step(state):
            x, gap, inverse, n = state
            move = -inverse @ gap
            new = f(x + move)
            change = inverse @ (new - gap)
            along = move @ change
            inverse = inverse + jnp.outer(move - change, move @ inverse) / jnp.where(along == 0, 1.0, along)
            return x + move, new, inverse, n + 1

        start = (x, f(x), jnp.linalg.inv(jax.jacfwd(f)(x)), jnp.asarray(0))
        found, gap, _, n = jax.lax.while_loop(going, step, start)
        # An iteration that has left the numbers says nothing: the guess comes back, with the residual that is there.
        return jnp.where(jnp.all(jnp.isfinite(found)) & jnp.all(jnp.isfinite(gap)), found, x), n

    tangent = lambda linear, y: jnp.linalg.solve(jax.jacfwd(linear)(y), y)  # noqa: E731
    value, steps = jax.lax.custom_root(function, guess, solve, tangent, has_aux=True)
    residual = function(value)
    ok = jnp.max(jnp.abs(residual)) < 3e-9
    status = jnp.where(ok, RootStatus.BRACKETED, RootStatus.NOT_CONVERGED).astype(jnp.int32)
    return Root(value, residual, status, steps)
