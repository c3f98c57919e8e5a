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

HALF_THE_DIGITS = 1e-8
"""Relative length of the last step of Newton's method: it doubles the digits, so what is left is rounding."""

MOST_STEPS = 60
"""Most steps of Newton's method for one number; where it halves instead, a bracket of one shrinks below rounding."""


class Root(eqx.Module):
    """Where a root ended: value, residual there, status (`RootStatus`), the number of evaluations, and the inverse Jacobian
    where there are several unknowns."""

    value: Float[Array, "..."]
    residual: Float[Array, "..."]
    status: Int[Array, ""]
    evaluations: Int[Array, ""]
    inverse: Array | None = None


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


PATIENCE = 10
"""Steps of Broyden's method after which the Jacobian is taken anew."""


class _Broyden(eqx.Module):
    """Where the iteration stands; `column`: the column of the Jacobian that is being probed, their number where none is."""

    x: Array
    gap: Array
    inverse: Array
    jacobian: Array
    column: Array
    since: Array
    steps: Array


def from_guess(
    function: Callable[[Float[Array, " n"]], Float[Array, " n"]],
    guess: Float[Array, " n"],
    inverse: Float[Array, "n n"] | None = None,
    *,
    tolerance: float = 1e-12,
    max_steps: int = 60,
) -> Root:
    """Broyden's iteration for several unknowns, from a guess and (if known) an inverse Jacobian; implicit derivatives.

    Every step is one evaluation. Where no inverse is given (or all zeros), where it has served `PATIENCE` steps, or where a
    step made the residual ten times larger, the Jacobian is probed by differences, a column a step.

        @article{broyden1965class, title={A class of methods for solving nonlinear simultaneous equations}, author={Broyden,
          Charles G}, journal={Mathematics of Computation}, volume={19}, number={92}, pages={577--593}, year={1965}}
    """
    n = guess.shape[0]
    inverse = jnp.zeros((n, n)) if inverse is None else inverse

    def solve(f, x):
        def going(s):
            return (jnp.max(jnp.abs(s.gap)) > tolerance) & jnp.all(jnp.isfinite(s.gap)) & (s.steps < max_steps)

        def step(s):
            return _broyden_step(f, s)

        zero = jnp.asarray(0)
        column = jnp.where(jnp.any(inverse != 0), n, 0)
        last = jax.lax.while_loop(going, step, _Broyden(x, f(x), inverse, jnp.zeros((n, n)), column, zero, zero))
        # As a float: JAX gives an integer beside a root a tangent that it does not accept.
        return last.x, (last.gap, last.inverse, last.steps.astype(last.x.dtype))

    tangent = lambda linear, y: jnp.linalg.solve(jax.jacfwd(linear)(y), y)  # noqa: E731
    value, (gap, inverse, steps) = jax.lax.custom_root(function, guess, solve, tangent, has_aux=True)
    ok = jnp.max(jnp.abs(gap)) < 3e-9
    status = jnp.where(ok, RootStatus.BRACKETED, RootStatus.NOT_CONVERGED).astype(jnp.int32)
    return Root(value, gap, status, steps.astype(int) + 1, inverse)


def _broyden_step(function, s: _Broyden) -> _Broyden:
    n = s.x.shape[0]
    probing = s.column < n
    size = 1e-7 * jnp.maximum(jnp.abs(s.x), 1.0)
    nudge = jnp.where(jnp.arange(n) == s.column, size, 0.0)
    move = jnp.where(probing, nudge, -s.inverse @ s.gap)
    new = function(s.x + move)
    # A column of the Jacobian, and its inverse once all are there.
    jacobian = jnp.where(
        (jnp.arange(n) == s.column)[None, :], ((new - s.gap) / jnp.max(nudge + (~probing)))[:, None], s.jacobian
    )
    complete = probing & (s.column == n - 1)
    # Broyden's good update.
    change = s.inverse @ (new - s.gap)
    along = move @ change
    updated = s.inverse + jnp.outer(move - change, move @ s.inverse) / jnp.where(along == 0, 1.0, along)
    lost = ~jnp.all(jnp.isfinite(new))
    worse = jnp.max(jnp.abs(new)) > 10 * jnp.max(jnp.abs(s.gap))
    again = ~probing & (lost | (worse & (s.since > 0)) | (s.since >= PATIENCE))
    accepted = ~probing & ~lost & ~(again & worse)
    keep = lambda yes, no: jnp.where(accepted, yes, no)  # noqa: E731
    inverse = jnp.where(complete, jnp.linalg.inv(jnp.where(complete, jacobian, jnp.eye(n))), keep(updated, s.inverse))
    column = jnp.where(again, 0, jnp.where(probing, s.column + 1, n))
    since = jnp.where(again | probing, 0, s.since + 1)
    return _Broyden(keep(s.x + move, s.x), keep(new, s.gap), inverse, jacobian, column, since, s.steps + 1)


def increasing(function: Callable[[Array], Array], start: Array, *, straight: bool = False) -> Array:
    """Root of an increasing function of one number by Newton's method, with its implicit derivatives of all orders.

    A step that leaves what the signs so far have enclosed goes to the middle of it.

    Args:
        function: what is to vanish.
        start: where to begin.
        straight: whether it is a straight line, whose root one step finds.
    """

    def solve(f, x):
        def step(carry):
            x, low, high, _, n = carry
            value, rate = jax.jvp(f, (x,), (jnp.ones_like(x),))
            low, high = jax.lax.select(value < 0, x, low), jax.lax.select(value > 0, x, high)
            new = x - value / rate
            new = jax.lax.select((new >= low) & (new <= high), new, 0.5 * (low + high))
            return new, low, high, jnp.abs(new - x) > HALF_THE_DIGITS * (1.0 + jnp.abs(new)), n + 1

        begin = (x, x - jnp.inf, x + jnp.inf, jnp.asarray(True), 0)
        going = lambda carry: carry[3] & (carry[4] < MOST_STEPS)  # noqa: E731
        return (step(begin) if straight else jax.lax.while_loop(going, step, begin))[0]

    return jax.lax.custom_root(function, start, solve, lambda g, y: y / g(jnp.ones_like(y)))
