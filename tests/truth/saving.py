"""A second solver of one saver's problem and of the people who live by it, in NumPy and SciPy: no line of the package.

max E Σ βᵗ c^(1−γ)/(1−γ)    c + q a' = R a + y(e),  a' ≥ floor
"""

import dataclasses

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

CROWD = 1e-9
"""People at the top node above which the grid is made longer."""


@dataclasses.dataclass(frozen=True)
class Saver:
    """One household's problem: R is what an asset pays, q what it costs; incomes (states,), transition (states, states)."""

    beta: float
    gamma: float
    floor: float
    R: float
    q: float
    income: np.ndarray
    transition: np.ndarray

    @property
    def patience(self) -> float:
        """β R/q: where it is one or more, wealth has no stationary distribution (if incomes are uncertain)."""
        return self.beta * self.R / self.q

    @property
    def feasible(self) -> bool:
        """Whether one can always consume something: the limit is inside the natural one."""
        return bool(self.R * self.floor + self.income.min() - self.q * self.floor > 0)


@dataclasses.dataclass(frozen=True)
class People:
    """The stationary cross-section: nodes, consumption (states, nodes), mass (states, nodes)."""

    nodes: np.ndarray
    consumption: np.ndarray
    mass: np.ndarray

    @property
    def held(self) -> float:
        """Assets a head."""
        return float((self.mass @ self.nodes).sum())

    @property
    def consumed(self) -> float:
        """Consumption a head."""
        return float((self.mass * self.consumption).sum())


def rule(saver: Saver, nodes: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Consumption at the nodes, shape (states, nodes): backward steps on q u'(c) = β R E u'(c') until they rest."""
    cash = saver.R * nodes[None, :] + saver.income[:, None]
    most = cash - saver.q * saver.floor
    # A first guess that lets nobody grow without bound: the annuity of wealth, and the income that is expected.
    c = np.minimum(np.maximum(0.1 * most, 1e-8), most) if start is None else start
    for _ in range(20_000):
        wanted = (saver.patience * saver.transition @ c**-saver.gamma) ** (-1 / saver.gamma)
        begin = (wanted + saver.q * nodes[None, :] - saver.income[:, None]) / saver.R
        new = np.empty_like(c)
        for e in range(len(new)):
            new[e] = np.interp(nodes, begin[e], wanted[e])
            beyond = nodes > begin[e, -1]
            slope = (wanted[e, -1] - wanted[e, -2]) / (begin[e, -1] - begin[e, -2])
            new[e, beyond] = wanted[e, -1] + slope * (nodes[beyond] - begin[e, -1])
            new[e] = np.where(nodes < begin[e, 0], most[e], new[e])
        if np.max(np.abs(new / c - 1)) < 1e-10:
            return new
        c = new
    raise ArithmeticError("the second solver's rule did not converge")


def stationary(saver: Saver, nodes: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The cross-section that rests under a rule, shape (states, nodes)."""
    states, n = c.shape
    chosen = (saver.R * nodes[None, :] + saver.income[:, None] - c) / saver.q
    chosen = np.clip(chosen, nodes[0], nodes[-1])
    cell = np.clip(np.searchsorted(nodes, chosen, side="right") - 1, 0, n - 2)
    right = (chosen - nodes[cell]) / (nodes[cell + 1] - nodes[cell])
    source = np.arange(states * n).reshape(states, n)
    rows, columns, values = [], [], []
    for f in range(states):
        for step, share in ((0, 1 - right), (1, right)):
            rows.append((f * n + cell + step).ravel())
            columns.append(source.ravel())
            values.append((saver.transition[:, f][:, None] * share).ravel())
    moves = scipy.sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (states * n, states * n)
    )
    seen = np.full(states * n, 1 / (states * n))
    for _ in range(100):
        seen = moves @ seen
    pinned = int(np.argmax(seen))
    kept = np.delete(np.arange(states * n), pinned)
    system = (scipy.sparse.identity(states * n, format="csr") - moves)[kept]
    mass = np.ones(states * n)
    mass[kept] = scipy.sparse.linalg.spsolve(system[:, kept].tocsc(), -system[:, [pinned]].toarray()[:, 0])
    mass = np.maximum(mass, 0) / np.maximum(mass, 0).sum()
    return mass.reshape(states, n)


def solve(saver: Saver, n: int = 400, top: float | None = None) -> People:
    """Rule and people on a grid that is long enough.

    Raises:
        ArithmeticError: where wealth has no stationary distribution, nothing can be consumed, or no grid is long enough.
    """
    if not saver.feasible:
        raise ArithmeticError("nothing can be consumed at the limit")
    if saver.patience >= 1:
        raise ArithmeticError(f"β R/q = {saver.patience:.6g}: wealth has no bound")
    top = saver.floor + 20 * saver.income.max() if top is None else top
    for _ in range(12):
        nodes = saver.floor + (top - saver.floor) * np.linspace(0, 1, n) ** 2.5
        c = rule(saver, nodes)
        mass = stationary(saver, nodes, c)
        if mass[:, -1].sum() < CROWD:
            return People(nodes, c, mass)
        top = saver.floor + 3 * (top - saver.floor)
    raise ArithmeticError("people are still at the top of the longest grid")
