"""Whether learning converges near a point, and how fast: learning as a map x ↦ T(x), seen through the eigenvalues of DT.

Undamped rounds x ← T(x) converge near a fixed point if the spectral radius of DT is below one. With damping d,
x ← x + d (T(x) − x), an eigenvalue t becomes 1 − d + d t. In continuous time only real parts count: a fixed point is
E-stable if all are below one (Evans and Honkapohja 2001). In games x is what all players do and T their simultaneous step:
complex eigenvalues outside the unit circle are players that cycle ever further out.

No Jacobian is formed: ARPACK's Arnoldi iteration (`scipy.sparse.linalg.eigs`) asks for products with it, each of which is
one forward derivative of the map, at about twice the cost of a round.

    @book{evans2001learning, title={Learning and Expectations in Macroeconomics}, author={Evans, George W and Honkapohja,
      Seppo}, publisher={Princeton University Press}, year={2001}}
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg
from jax.flatten_util import ravel_pytree
from rich.table import Table

from walras._core.errors import InputError, SolveError
from walras._core.types import PyTree
from walras.economy.population import Histogram
from walras.loop import MEASURES, Laboratory, LoopState, advance_compiled, one_round
from walras.simulate import laboratory_of
from walras.solution import Solution, as_text

Map = Callable[[Any], Any]

DENSE = 40
"""Up to so many numbers the whole Jacobian is made: ARPACK needs more dimensions than eigenvalues, and there all are known."""


@dataclasses.dataclass(frozen=True)
class Stability:
    """The largest eigenvalues of a learning map at a point, and what follows from them.

    `eigenvalues` by modulus, the largest first. `edge`: extreme points of the region that holds all others, empty where
    none is missing; damping is judged on both, so that it never rests on eigenvalues that nobody has looked at. `slowest`:
    the part of x that moves most in the slowest direction, relative to its size. `gap`: largest |T(x) − x| relative to the
    largest |x|; eigenvalues are those of a fixed point only where it is small. `observed`: contraction a round of rule, law
    and cross-section over the last rounds that were run, by measure.
    """

    where: str
    eigenvalues: np.ndarray
    edge: np.ndarray
    slowest: str
    gap: float
    observed: dict[str, float]

    @property
    def radius(self) -> float:
        """Spectral radius: by this factor the distance shrinks (or grows) in an undamped round, sooner or later."""
        return float(np.abs(self.eigenvalues[0]))

    @property
    def converges(self) -> bool:
        """Whether undamped rounds converge from nearby."""
        return self.radius < 1

    @property
    def largest_real_part(self) -> float:
        """Of all eigenvalues; a bound on it where not all were computed."""
        return float(np.real(self._all()).max())

    @property
    def e_stable(self) -> bool:
        """Whether all real parts are below one, so that rounds damped enough converge."""
        return self.largest_real_part < 1

    @property
    def damping(self) -> tuple[float, float] | None:
        """Rounds converge for every constant damping strictly between these; None where there is none."""
        if not self.e_stable:
            return None
        slack = 1 - self._all()
        size = np.abs(slack) ** 2
        # |1 − d s| < 1 exactly where d |s|² < 2 Re s
        return 0.0, float(np.min(2 * np.real(slack) / size))

    @property
    def best_damping(self) -> tuple[float, float] | None:
        """The constant damping with the smallest factor a round, and that factor; None where none converges."""
        if not self.e_stable:
            return None
        slack = np.unique(1 - self._all())
        a, size = np.real(slack), np.abs(slack) ** 2
        # |1 − d s|² is a parabola in d for each s: the least of their maximum is the bottom of one, or where two cross.
        i, j = np.triu_indices(len(slack), 1)
        apart = size[i] != size[j]
        crossings = 2 * (a[i] - a[j])[apart] / (size[i] - size[j])[apart]
        candidates = np.concatenate([a / size, crossings[crossings > 0]])
        worst = np.abs(1 - candidates[:, None] * slack).max(axis=1)
        return float(candidates[np.argmin(worst)]), float(worst.min())

    def _all(self) -> np.ndarray:
        return np.concatenate([self.eigenvalues, self.edge])

    @property
    def verdict(self) -> str:
        """What happens, the number, and what to do, in a sentence."""
        if self.converges:
            digit = np.log(0.1) / np.log(self.radius) if self.radius > 0 else 1
            return f"undamped rounds converge: spectral radius {self.radius:.4g}, {np.ceil(digit):.0f} rounds for a digit"
        if self.damping is not None:
            best, factor = self.best_damping
            return (
                f"undamped rounds diverge (spectral radius {self.radius:.4g}), damped ones converge for any damping below "
                f"{self.damping[1]:.4g}; best is {best:.4g}, factor {factor:.3g} a round"
            )
        return (
            f"nothing converges: spectral radius {self.radius:.4g}, and no constant damping helps where a real part is "
            f"{self.largest_real_part:.4g}, not below one; try another learner or start, in games extragradient steps"
        )

    def table(self) -> Table:
        """The report as a table for a terminal."""
        table = Table(title=f"{self.where}: {self.verdict}", title_justify="left", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name, text in self._rows():
            table.add_row(name, text)
        return table

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("eigenvalues, largest first", "  ".join(_shown(t) for t in self.eigenvalues))]
        if len(self.edge):
            rows.append(("all others, modulus at most", f"{np.abs(self.edge).max():.4g}"))
        rows.append(("spectral radius", f"{self.radius:.4g}"))
        rows.append(("E-stable (all real parts < 1)", f"{'yes' if self.e_stable else 'no'} ({self.largest_real_part:.4g})"))
        none = "none"
        rows.append(("damping that converges", f"0 to {self.damping[1]:.4g}" if self.damping else none))
        best = self.best_damping
        rows.append(("best damping, factor a round", f"{best[0]:.4g}, {best[1]:.4g}" if best else none))
        rows.append(("slowest direction", self.slowest))
        rows.append(("distance of T(x) from x, relative", f"{self.gap:.2g}"))
        rows += [(f"observed contraction, {name}", f"{rate:.4g}") for name, rate in self.observed.items()]
        return rows

    def __str__(self) -> str:
        return as_text(self.table())


def _shown(t: complex) -> str:
    return f"{t.real:.4g}" if t.imag == 0 else f"{t.real:.4g}{t.imag:+.4g}i"


def learning_eigenvalues(map_: Map, x: PyTree, n: int = 6) -> np.ndarray:
    """The eigenvalues of largest modulus of a map's Jacobian at x, largest first; all where x has at most 40 numbers.

    Args:
        map_: takes and returns a pytree like x; JAX must be able to differentiate it forwards.
        x: where. Leaves that are not real arrays are held fixed.
        n: how many.

    Raises:
        InputError: if the map does not return a pytree like x, or x holds no real number.
        SolveError: if the Arnoldi iteration does not converge.
    """
    return learning_stability(map_, x, n).eigenvalues


def learning_stability(map_: Map, x: PyTree, n: int = 6, where: str = "map") -> Stability:
    """Eigenvalues of a learning map at x, and what follows from them; arguments as for `learning_eigenvalues`."""
    free, fixed = eqx.partition(jax.tree_util.tree_map(jnp.asarray, x), eqx.is_inexact_array)
    flat, unravel = ravel_pytree(free)
    if flat.size == 0 or n < 1:
        raise InputError(f"{flat.size} real numbers to learn and {n} eigenvalues asked for", where=where)

    there, slope = _derivative(jnp.zeros_like(flat), map_, free, fixed)
    if there.shape != flat.shape:
        raise InputError(
            f"the map took {flat.size} real numbers and gave {there.size}", where=where, remedy="Return what it takes."
        )
    if not (np.isfinite(there).all() and np.isfinite(slope).all()):
        raise InputError(
            "the map gives a number that is not finite here", where=where, remedy="Look at a point nearer to rest."
        )
    gap = float(jnp.max(jnp.abs(there - flat)) / jnp.maximum(jnp.max(jnp.abs(flat)), jnp.finfo(flat.dtype).tiny))

    def product(v):
        return np.asarray(_derivative(jnp.asarray(v).reshape(-1), map_, free, fixed)[1])

    values, edge, direction = _spectrum(product, flat.size, n, where)
    return Stability(where, values, edge, _slowest(free, unravel(jnp.asarray(direction))), gap, {})


@eqx.filter_jit
def _derivative(v, map_: Map, free: PyTree, fixed: PyTree):
    """T(x), flat, and its derivative in the direction v."""
    flat, unravel = ravel_pytree(free)

    def moved(z):
        new = eqx.filter(map_(eqx.combine(unravel(z), fixed)), eqx.is_inexact_array)
        return ravel_pytree(new)[0]

    return jax.jvp(moved, (flat,), (v,))


def _spectrum(product, size: int, n: int, where: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues, the edge of the region where the others are, and the modulus of the first eigenvector."""
    if size <= DENSE:
        values, vectors = np.linalg.eig(np.stack([product(column) for column in np.eye(size)], axis=1))
        order = np.argsort(-np.abs(values), kind="stable")
        return values[order].astype(complex), np.zeros(0, complex), np.abs(vectors[:, order[0]])
    values, vectors = _arnoldi(product, size, n, "LM", where)
    reach = float(np.abs(values[-1]))
    right = reach
    if reach >= 1:  # those not seen may be outside the unit circle too: how far to the right they go decides
        rightmost, _ = _arnoldi(product, size, n, "LR", where)
        right = min(reach, float(np.real(rightmost).min()))
        known = [t for t in rightmost if np.abs(t - values).min() > 1e-6 * np.abs(t)]
        values = np.concatenate([values, known])
    # The others lie in |t| ≤ reach, Re t ≤ right. Whatever the damping, the worst of such a region is one of these.
    corner = complex(right, np.sqrt(reach**2 - right**2))
    return values, np.array([-reach, corner, corner.conjugate()]), np.abs(vectors[:, 0])


def _arnoldi(product, size: int, n: int, which: str, where: str) -> tuple[np.ndarray, np.ndarray]:
    operator = scipy.sparse.linalg.LinearOperator((size, size), matvec=product, dtype=float)
    start = np.random.default_rng(0).standard_normal(size)
    if not product(start).any():  # ARPACK refuses a map whose derivative is zero
        return np.zeros(1, complex), np.zeros((size, 1))
    try:
        found: Any = scipy.sparse.linalg.eigs(operator, k=min(n, size - 2), which=which, v0=start)
    except scipy.sparse.linalg.ArpackError as error:
        raise SolveError(
            f"the Arnoldi iteration did not find {n} eigenvalues of a map of {size} numbers ({error})",
            where=where,
            remedy="Ask for one more or fewer: a cluster may have been cut in two.",
        ) from error
    values, vectors = found
    order = np.argsort(-np.abs(values), kind="stable")
    return values[order], vectors[:, order]


def _slowest(x: PyTree, direction: PyTree) -> str:
    """Name of the leaf that moves most along a direction, relative to its size."""
    at, moves = (jax.tree_util.tree_leaves_with_path(tree) for tree in (x, direction))
    norm = lambda leaf: float(np.linalg.norm(np.ravel(leaf)))  # noqa: E731
    shares = [norm(b) / max(norm(a), np.finfo(float).tiny) for (_, a), (_, b) in zip(at, moves, strict=True)]
    return jax.tree_util.keystr(at[int(np.argmax(shares))][0], simple=True, separator=".")


def damped(map_: Map, share: float) -> Map:
    """The map that goes only the share of the way: x ↦ x + share (T(x) − x)."""

    def step(x):
        return jax.tree_util.tree_map(lambda old, new: old + share * (new - old), x, map_(x))

    return step


def gradient_play(losses: tuple[Callable, ...], rate: float) -> Map:
    """Each player goes down the own loss at once with the others: x_i ↦ x_i − rate ∂loss_i/∂x_i, all losses of all of x."""
    return lambda x: _stepped(losses, rate, x, x)


def extragradient_play(losses: tuple[Callable, ...], rate: float) -> Map:
    """As `gradient_play`, with the slopes where a first such step would lead (Korpelevich 1976): what cycles spirals in."""
    return lambda x: _stepped(losses, rate, x, _stepped(losses, rate, x, x))


def _stepped(losses: tuple[Callable, ...], rate: float, x: tuple, at: tuple) -> tuple:
    """x after a step along the slopes at another point."""

    def one(i, own):
        slope = jax.grad(lambda mine: losses[i]((*at[:i], mine, *at[i + 1 :])))(at[i])
        return jax.tree_util.tree_map(lambda value, s: value - rate * s, own, slope)

    return tuple(one(i, own) for i, own in enumerate(x))


def stability(solution: Solution, *, n: int = 6, rounds: int = 0) -> Stability:
    """Eigenvalues of the loop of learning where a solve ended: whether its rounds contract, how fast, and in what.

    One round is the map; x is everything that it changes: rules, beliefs, cross-sections. What damps a round from within
    (a learner's `law_step`) is part of the map.

    Args:
        solution: what `solve` returned, or `Solution.load`, of an economy with aggregate risk.
        n: how many eigenvalues, the largest first.
        rounds: rounds to run on before looking, whatever the tolerance: nearer to rest, and `observed` settles.

    Raises:
        InputError: if the solve had failed, or its rounds are no fixed map: a learner that gets new shocks in every round,
            or a search without aggregate risk.
        SolveError: if the Arnoldi iteration does not converge.
    """
    map_, x, trace = loop_map(solution, rounds)
    return dataclasses.replace(learning_stability(map_, x, n, where=solution.name), observed=_observed(trace))


def loop_map(solution: Solution, rounds: int = 0) -> tuple[Map, dict[str, Any], np.ndarray]:
    """One round as a map, where the loop stands after so many more rounds, and the trace up to there; as `stability`."""
    lab, loop = laboratory_of(solution), dataclasses.replace(solution.loop, mixing=None)  # rounds by themselves
    if lab.stationary:
        raise InputError(
            "without aggregate risk a round is a step of a bracketing search, no map that learns",
            where=f"stability of {solution.name}",
            remedy="Ask for it in an economy with aggregate risk.",
        )
    if lab.fresh:
        names = ", ".join(f"{type(learner).__name__} of {n}" for n, learner in lab.learners.items() if learner.fresh)
        raise InputError(
            f"{names} gets new shocks in every round, so that a round is no fixed map",
            where=f"stability of {solution.name}",
            remedy="Ask for it with learners on fixed shock paths, such as EulerIteration.",
        )
    trace = solution.trace
    if rounds:
        loop, further = _further(lab, loop, rounds)
        trace = np.concatenate([trace, further])
    # A part that comes out of a round as it went in, whatever it is, is a parameter, not something that is learned.
    full = _Round(lab, loop, None)
    # The largest of all numbers stands for no bound, and must not become infinite.
    shifted = {name: jnp.where(jnp.abs(leaf) < 1e100, leaf * (1 + 1e-6), leaf) for name, leaf in full.take(loop).items()}
    after = full.take(_rounds(lab, full.put(shifted), 1))
    names = tuple(name for name, leaf in shifted.items() if not np.array_equal(np.asarray(leaf), np.asarray(after[name])))
    map_ = _Round(lab, loop, names)
    return map_, map_.take(loop), trace


class _Round(eqx.Module):
    """One round as a map of the named parts of the loop's state (None: of all real ones); all else stays."""

    lab: Laboratory
    loop: LoopState
    names: tuple[str, ...] | None = eqx.field(static=True)

    def take(self, loop: LoopState) -> dict[str, Any]:
        """The named parts of a state."""
        at, _ = jax.tree_util.tree_flatten_with_path({"learners": loop.learners, "economy": loop.economy})
        named = {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in at}
        return {k: v for k, v in named.items() if eqx.is_inexact_array(v) and (self.names is None or k in self.names)}

    def put(self, x: dict[str, Any]) -> LoopState:
        """The state with its parts replaced by those that are named."""
        given = {"learners": self.loop.learners, "economy": self.loop.economy}
        named = lambda path: jax.tree_util.keystr(path, simple=True, separator=".")  # noqa: E731
        return dataclasses.replace(
            self.loop, **jax.tree_util.tree_map_with_path(lambda path, leaf: x.get(named(path), leaf), given)
        )

    def __call__(self, x: dict[str, Any]) -> dict[str, Any]:
        """The parts after a round."""
        loop = self.put(x)
        # A histogram's mass stays what it was for ever, an eigenvalue of one that is no learning: only shares are states.
        shares = {
            name: cross / jnp.sum(cross, axis=(-2, -1), keepdims=True)
            for name, cross in loop.economy.cross.items()
            if isinstance(self.lab.populations[name], Histogram)
        }
        economy = dataclasses.replace(loop.economy, cross={**loop.economy.cross, **shares})
        return self.take(one_round(self.lab, dataclasses.replace(loop, economy=economy)))


CHUNK = 4
"""Rounds at once: the loop estimates no distance before there are four, so that nothing tells it that it has arrived."""


def _rounds(lab: Laboratory, loop: LoopState, rounds: int) -> LoopState:
    """At most four more rounds by the program that `solve` has compiled, whatever the tolerance; counted from zero."""
    zero, far = jnp.zeros_like(loop.round), jnp.full_like(loop.distance, jnp.inf)
    return advance_compiled(lab, dataclasses.replace(loop, round=zero, distance=far), np.int64(rounds))


def _further(lab: Laboratory, loop: LoopState, rounds: int) -> tuple[LoopState, np.ndarray]:
    """The state after so many more rounds, and their trace."""
    traces = []
    for done in range(0, rounds, CHUNK):
        count = min(CHUNK, rounds - done)
        loop = _rounds(lab, loop, count)
        traces.append(np.asarray(loop.trace)[:count])
        if not bool(loop.finite):
            raise InputError(
                f"a number that is not finite came up after {done} more rounds",
                where="stability",
                remedy="The rounds do not contract from there: look at the solution as it is, with rounds=0.",
            )
    return loop, np.concatenate(traces)


def _observed(trace: np.ndarray) -> dict[str, float]:
    """Contraction a round over the last four, by measure; those that stand still are left out."""
    if len(trace) < 5:
        return {}
    then, now = trace[-5], trace[-1]
    return {name: float((b / a) ** 0.25) for name, a, b in zip(MEASURES, then, now, strict=True) if a > 0 and b > 0}
