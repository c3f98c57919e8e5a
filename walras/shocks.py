"""What can be shocked, and by how much: the components of the exogenous process and distributions with and without a shock.

An exogenous process may be several independent chains at once (`process.joint`): they are told apart again here. A chain
that discretises an AR(1) is shocked in standard deviations of its innovation, any other one by switching its state.
"""

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from walras._core.compiling import brief_jit
from walras._core.errors import InputError, UnknownName
from walras.economy.economy import Economy
from walras.economy.process import Process, transition_matrix
from walras.numerics.markov import stationary
from walras.simulate import exogenous_table

ONLY = "exogenous"
"""Name of the shock where the exogenous process is no joint one."""


class Autoregression(NamedTuple):
    """A chain that discretises an AR(1): values (n,), in logs where all are positive, persistence, s.d. of the innovation."""

    values: Float[np.ndarray, " n"]
    persistence: float
    innovation_sd: float


class Component(NamedTuple):
    """One of the independent chains of which a process is made: name, values (n, numbers), transition (n, n)."""

    name: str
    values: Float[np.ndarray, "n numbers"]
    transition: Float[np.ndarray, "n n"]

    def autoregression(self) -> Autoregression | None:
        """The AR(1) behind this chain, None where it is a chain in its own right."""
        return _autoregression(self.values, self.transition)


def components(process: Process) -> tuple[Component, ...]:
    """The independent chains of which a finite process is made (`process.joint`); itself alone where it is made of none."""
    table, transition = np.asarray(exogenous_table(process)), transition_of(process)
    whole = (Component(ONLY, table, transition),)
    if table.shape[1] == 1 or process.n == 1:
        return whole
    nodes, values = [], []
    for column in table.T:
        _, first, place = np.unique(column, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first))  # nodes in the order in which they come
        nodes.append(order[place])
        values.append(column[np.sort(first)])
    sizes = tuple(len(v) for v in values)
    if int(np.prod(sizes)) != process.n or (np.ravel_multi_index(nodes, sizes) != np.arange(process.n)).any():
        return whole
    apart = []
    for j in range(len(sizes)):
        here = transition.reshape(*sizes, *sizes)[tuple(slice(None) if k == j else 0 for k in range(len(sizes)))]
        apart.append(here.sum(axis=tuple(1 + k for k in range(len(sizes)) if k != j)))
    if np.abs(functools.reduce(np.kron, apart) - transition).max() > 1e-12:
        return whole
    names = getattr(process, "names", ()) or tuple(str(j) for j in range(len(sizes)))
    return tuple(Component(*part) for part in zip(names, (v[:, None] for v in values), apart, strict=True))


def middle(process: Process) -> int:
    """The state in the middle of every component."""
    sizes = tuple(len(part.values) for part in components(process))
    return int(np.ravel_multi_index([(n - 1) // 2 for n in sizes], sizes))


def autoregression(process: Process) -> Autoregression | None:
    """The AR(1) behind a finite process, None where it is a chain in its own right, or a joint one.

    A discretised AR(1) has three states or more, evenly spaced (in logs where all are positive), and a conditional mean of
    the value that is linear in the value (to a hundredth of the spacing).
    """
    parts = components(process)
    return parts[0].autoregression() if len(parts) == 1 else None


def _autoregression(values, transition) -> Autoregression | None:
    if len(values) < 3 or values.shape[1] != 1:
        return None
    x = np.log(values[:, 0]) if (values > 0).all() else values[:, 0]
    steps = np.diff(x)
    if steps.min() <= 0 or np.ptp(steps) > 1e-6 * steps.mean():
        return None
    following = transition @ x
    slope, intercept = np.polyfit(x, following, 1)
    if np.abs(following - slope * x - intercept).max() > 0.01 * steps.mean() or not abs(slope) < 1:
        return None
    weights = stationary(transition)
    sd = np.sqrt(weights @ (x - weights @ x) ** 2)
    return Autoregression(x, float(slope), float(sd * np.sqrt(1 - slope**2)))


def transition_of(process: Process) -> Float[np.ndarray, "n n"]:
    """The matrix of a finite process."""
    return np.asarray(_matrix(process))


@brief_jit
def _matrix(process: Process):
    return transition_matrix(process, None, None, None)


def shifted(weights: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"], by: float) -> Float[np.ndarray, " n"]:
    """A distribution on ascending values whose mean is moved by exactly `by`: mass moves to neighbouring values.

    Every value gives the same share of its mass to the next one up (or down); where that does not reach, all mass moves
    one value on and the rest is moved again.

    Raises:
        InputError: if the mean would lie beyond the last value.
    """
    if by < 0:
        return shifted(weights[::-1], -values[::-1], -by)[::-1]
    room = values[-1] - weights @ values
    if by > room:
        raise InputError(
            "the shock is larger than the chain is wide",
            where="impulse_response",
            number=f"a move of {by:.4g}, room for {room:.4g}",
        )
    weights = weights.copy()
    while by > 0:
        moved = np.append(0.0, weights[:-1])
        moved[-1] += weights[-1]
        step = moved @ values - weights @ values
        share = min(1.0, by / step)
        weights = (1 - share) * weights + share * moved
        by = float(by - share * step) if share == 1.0 else 0.0
    return weights


def contrast(
    process: Process, exo: int, size: float | int, which: int = 0
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Distributions of the exogenous state at horizon 0 without and with the shock, given the state before it.

    For a discretised AR(1) the shock moves the conditional mean of the value (in logs where positive) by `size` innovation
    s.d.; of a joint chain that of component number `which` alone. For a chain in its own right the state either stays what
    it was, or becomes the state number `size`.

    Raises:
        InputError: if a chain has no such state, the shock is larger than the chain is wide, or a component is no AR(1).
    """
    parts = components(process)
    found, joint = parts[which].autoregression(), len(parts) > 1
    if found is not None:
        at = np.unravel_index(exo, tuple(len(part.values) for part in parts))
        rows = [part.transition[node] for part, node in zip(parts, at, strict=True)]
        without = functools.reduce(np.kron, rows)
        rows[which] = shifted(rows[which], found.values, size * found.innovation_sd)
        return without, functools.reduce(np.kron, rows)
    if joint:
        raise InputError(
            f"component '{parts[which].name}' is no discretised AR(1), so that its shocks have no size",
            where="impulse_response",
            number=f"{len(parts[which].values)} states",
            remedy="Shock another component; a chain of its own can be switched only where it is the whole process.",
        )
    states = process.n or 0
    if size != int(size) or not 0 <= size < states:
        raise InputError(
            "the exogenous process is a chain: the size of a shock is the state that it switches to",
            where="impulse_response",
            number=f"{size:g}, states 0 … {states - 1}",
        )
    each = np.eye(process.n)
    return each[exo], each[int(size)]


def size_unit(part: Component) -> str:
    """What the size of a shock to this component is measured in."""
    return "state" if part.autoregression() is None else "standard deviations of the innovation"


def numbered(economy: Economy, shock: str | int) -> int:
    """The number of the component that a shock's name (or number) stands for.

    Raises:
        UnknownName: if there is none.
        InputError: if there are several, and none is named.
    """
    names = [part.name for part in components(economy.exogenous)]
    if str(shock) in names:
        return names.index(str(shock))
    if len(names) > 1 and shock == ONLY:
        raise InputError(
            f"the exogenous process has {len(names)} components: {', '.join(names)}",
            where=type(economy).__name__,
            remedy=f"Say which is shocked: shock='{names[0]}' (on the command line --shock {names[0]}).",
        )
    if str(shock).isdecimal() and int(shock) < len(names):
        return int(shock)
    raise UnknownName("shock", str(shock), names, where=type(economy).__name__)
