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
    tolerance: float = 1e-13,
    max_steps: int = 30,
) -> Root:
    """Newton iteration (Optimistix) for several unknowns from a guess; derivatives by forward differentiation."""
    import optimistix as optx  # slow to import, and needed only by markets of several prices

    solver = optx.Newton(rtol=tolerance, atol=tolerance)
    found = optx.root_find(lambda x, _: function(x), solver, guess, max_steps=max_steps, throw=False)
    # An iteration that has left the numbers says nothing: the guess comes back, with the residual that is there.
    value = jnp.where(jnp.all(jnp.isfinite(found.value)), found.value, guess)
    residual = function(value)
    ok = jnp.max(jnp.abs(residual)) < jnp.sqrt(jnp.asarray(tolerance)) * 1e-2
    status = jnp.where(ok, RootStatus.BRACKETED, RootStatus.NOT_CONVERGED).astype(jnp.int32)
    return Root(value, residual, status, jnp.asarray(found.stats["num_steps"]))
