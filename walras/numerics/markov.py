"""Finite Markov chains: discretising an AR(1), stationary distributions, validation.

Rouwenhorst's method matches the persistence, the variance and the conditional means of the AR(1) exactly at any number
of states, which Tauchen's does not when the process is persistent.

    @article{kopecky2010finite, title={Finite state {M}arkov-chain approximations to highly persistent processes},
      author={Kopecky, Karen A and Suen, Richard MH}, journal={Review of Economic Dynamics}, volume={13}, number={3},
      pages={701--714}, year={2010}}
"""

import math

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr

from walras._core.errors import InputError


def rouwenhorst(n: int, persistence: float, sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (mean zero) and transition matrix of an AR(1) with the given persistence and *unconditional* s.d.

    Args:
        n: number of states, at least 1.
        persistence: first-order autocorrelation, in (-1, 1).
        sd: unconditional standard deviation of the process.

    Returns:
        Nodes of shape (n,) and row-stochastic matrix of shape (n, n).

    Raises:
        InputError: if n < 1, |persistence| >= 1 or sd < 0.
    """
    if n < 1 or not abs(persistence) < 1 or sd < 0:
        raise InputError(
            "an AR(1) needs n >= 1 states, a persistence inside (-1, 1) and a standard deviation >= 0",
            where="rouwenhorst",
            number=f"n = {n}, persistence = {persistence}, sd = {sd}",
        )
    if n == 1:
        return np.zeros(1), np.ones((1, 1))
    p = (1 + persistence) / 2
    matrix = np.array([[p, 1 - p], [1 - p, p]])
    for m in range(3, n + 1):
        wider = np.zeros((m, m))
        wider[:-1, :-1] += p * matrix
        wider[:-1, 1:] += (1 - p) * matrix
        wider[1:, :-1] += (1 - p) * matrix
        wider[1:, 1:] += p * matrix
        wider[1:-1] /= 2
        matrix = wider
    return np.linspace(-1, 1, n) * sd * math.sqrt(n - 1), matrix / matrix.sum(axis=1, keepdims=True)


def binned(n: int, persistence: float, sd: float, width: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Nodes at ±`width` unconditional s.d. and normal mass in bins of one grid step, rows renormalised.

    The rule of the public code of Yang, Wang, Schaab and Moll (2025): Tauchen's, but with truncated end bins. Kept for
    their calibrations; it overstates the variance at few nodes (three nodes: s.d. .23 for .2).

    Args:
        n: number of states, at least 2.
        persistence, sd, width: of the AR(1); `sd` is unconditional.

    Returns:
        Nodes of shape (n,) and row-stochastic matrix of shape (n, n).
    """
    nodes = np.linspace(-width, width, n) * sd
    half = (nodes[1] - nodes[0]) / 2
    conditional = sd * math.sqrt(1 - persistence**2)
    distance = nodes[None, :] - persistence * nodes[:, None]
    upper, lower = (distance + half) / conditional, (distance - half) / conditional
    mass = np.clip(np.asarray(ndtr(jnp.asarray(upper)) - ndtr(jnp.asarray(lower))), 1e-10, None)
    return nodes, mass / mass.sum(axis=1, keepdims=True)


def moment_matched(nodes: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """A chain whose conditional means and variances are given ones, by maximum entropy relative to normal densities.

    Where a row cannot match both (near the ends) it matches the mean; where not even that, it is the normal density.

        @article{farmer2017discretizing, title={Discretizing nonlinear, non-{G}aussian {M}arkov processes with exact
          conditional moments}, author={Farmer, Leland E and Toda, Alexis Akira}, journal={Quantitative Economics},
          volume={8}, number={2}, pages={651--683}, year={2017}}

    Args:
        nodes, mean, sd: shape (n,): states, and conditional moments of the next state from each of them.

    Returns:
        Row-stochastic matrix of shape (n, n).
    """
    import scipy.optimize  # slow to import, and needed only here

    width = np.gradient(nodes)
    rows = []
    for m, s in zip(mean, sd, strict=True):
        x = (nodes - m) / s
        weight = np.exp(-0.5 * x**2) * width + 1e-300
        row = weight / weight.sum()
        for order in (2, 1):
            moments, target = np.stack([x**k for k in range(1, order + 1)]), np.array([0.0, 1.0])[:order]
            gap = moments - target[:, None]
            dual = lambda a, gap=gap, w=row: float(np.sum(w * np.exp(np.clip(a @ gap, -500, 500))))  # noqa: E731
            found = scipy.optimize.minimize(dual, np.zeros(order), method="BFGS", options={"gtol": 1e-10})
            tilted = row * np.exp(np.clip(found.x @ gap, -500, 500))
            tilted = tilted / tilted.sum()
            if np.abs(gap @ tilted).max() < 1e-6:
                row = tilted
                break
        rows.append(row)
    return np.stack(rows)


def stationary(transition: np.ndarray) -> np.ndarray:
    """The stationary distribution of a row-stochastic matrix with one recurrent class; shape (n,)."""
    n = len(transition)
    system = np.vstack([np.asarray(transition).T - np.eye(n), np.ones(n)])
    solution, *_ = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)
    return np.clip(solution, 0, None) / np.clip(solution, 0, None).sum()


def check_transition(matrix: np.ndarray, where: str) -> None:
    """Raise InputError unless every row of the matrix (its last axis) is a probability distribution."""
    matrix = np.asarray(matrix)
    sums = matrix.sum(axis=-1)
    worst = np.unravel_index(np.argmax(np.abs(sums - 1)), sums.shape)
    if not np.all(np.isfinite(matrix)) or (matrix < -1e-14).any():
        raise InputError(
            "transition probabilities must be numbers >= 0",
            where=where,
            number=f"a smallest entry of {matrix.min():.6g}",
        )
    if abs(sums[worst] - 1) > 1e-9:
        raise InputError(
            f"row {tuple(int(i) for i in worst)} of the transition matrix does not sum to one",
            where=where,
            number=f"a sum of {sums[worst]:.9g}",
            remedy="Divide the row by its sum, or look for a missing state.",
        )
