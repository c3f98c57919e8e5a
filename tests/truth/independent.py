"""A second solver of Huggett's (1993) economy, in NumPy and SciPy, sharing no line with the package."""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

BETA, SIGMA, LIMIT = 0.99322, 1.5, -2.0
Y, P = np.array([0.1, 1.0]), np.array([[0.5, 0.5], [0.075, 0.925]])


def bonds_held(r: float, nodes: int = 1500, top: float = 12.0) -> float:
    """Bonds that people hold on balance at a rate: value of the stationary distribution, price 1/(1 + r)."""
    q = 1 / (1 + r)
    b = LIMIT + (top - LIMIT) * np.linspace(0, 1, nodes) ** 2
    chosen = saving_rule(q, b)
    cell = np.clip(np.searchsorted(b, chosen, side="right") - 1, 0, nodes - 2)
    right = np.clip((chosen - b[cell]) / (b[cell + 1] - b[cell]), 0, 1)
    rows, columns, chances = [], [], []
    for e in range(2):
        for f in range(2):
            for target, weight in ((cell[e], 1 - right[e]), (cell[e] + 1, right[e])):
                rows.append(f * nodes + target)
                columns.append(e * nodes + np.arange(nodes))
                chances.append(P[e, f] * weight)
    where = (np.concatenate(rows), np.concatenate(columns))
    moves = scipy.sparse.csc_matrix((np.concatenate(chances), where), (2 * nodes, 2 * nodes))
    system = scipy.sparse.vstack([scipy.sparse.identity(2 * nodes) - moves, np.ones((1, 2 * nodes))]).tocsc()[1:]
    mass = scipy.sparse.linalg.spsolve(system.tocsc(), np.append(np.zeros(2 * nodes - 1), 1.0))
    assert mass.min() > -1e-12 and mass.reshape(2, nodes)[:, -1].sum() < 1e-12
    return float(mass @ np.tile(b, 2))


def saving_rule(q: float, b: np.ndarray) -> np.ndarray:
    """Next bonds by state and present bonds, shape (2, nodes), by backward steps on the Euler equation q u' = β E u'."""
    cash = b[None, :] + Y[:, None]
    c = np.maximum(0.2 * (cash - q * LIMIT), 1e-6)
    for _ in range(5000):
        wanted = (BETA / q * P @ c**-SIGMA) ** (-1 / SIGMA)
        start = wanted + q * b[None, :] - Y[:, None]  # present bonds from which the nodes are chosen
        new = np.stack([np.interp(b, start[e], wanted[e]) for e in range(2)])
        new = np.where(b[None, :] < start[:, :1], cash - q * LIMIT, new)
        if np.max(np.abs(new / c - 1)) < 1e-11:
            return np.clip((cash - new) / q, LIMIT, b[-1])
        c = new
    raise AssertionError("the second solver did not converge")
