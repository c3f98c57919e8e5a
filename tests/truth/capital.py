"""Aiyagari's economy in NumPy and SciPy, sharing no line with the package: where it rests, and the linear transition to there.

Log or power utility, no debts. Capital that households hold a date ahead answers the paths of r and w by Jacobians of the
fake-news algorithm (Auclert, Bardóczy, Rognlie and Straub 2021), and the first cross-section by its own decay; K at all dates
then solves one linear system.
"""

import dataclasses

import numpy as np
import scipy.optimize


@dataclasses.dataclass
class Capital:
    """The economy; `k` are the nodes of capital, the first of them the limit, zero."""

    y: np.ndarray
    P: np.ndarray
    k: np.ndarray
    beta: float = 0.96
    gamma: float = 1.0
    alpha: float = 0.36
    delta: float = 0.08

    def __post_init__(self):
        weights = np.linalg.matrix_power(self.P, 2000)[0]
        self.L, self.c = float(weights @ self.y), None
        self.mass = np.outer(weights, np.full(len(self.k), 1 / len(self.k)))
        gap = lambda K: self.rest(*self.prices(K)) - K  # noqa: E731
        self.K = float(scipy.optimize.brentq(gap, 4.5, 7.0, xtol=1e-10))
        self.r, self.w = self.prices(self.K)

    def prices(self, K):
        """Interest rate and wage."""
        return self.alpha * (K / self.L) ** (self.alpha - 1) - self.delta, (1 - self.alpha) * (K / self.L) ** self.alpha

    def step(self, c_next, r_next, r, w):
        """Consumption at the nodes today, given that of tomorrow."""
        wanted = (self.beta * (1 + r_next) * self.P @ c_next**-self.gamma) ** (-1 / self.gamma)
        cash, ahead = (1 + r) * self.k + w * self.y[:, None], wanted + self.k
        c = np.empty_like(wanted)
        for e in range(len(self.y)):
            steep = (wanted[e, -1] - wanted[e, -2]) / (ahead[e, -1] - ahead[e, -2])
            c[e] = np.interp(cash[e], ahead[e], wanted[e]) + np.maximum(cash[e] - ahead[e, -1], 0.0) * steep
            c[e] = np.where(cash[e] < ahead[e, 0], cash[e], c[e])
        return c

    def saved(self, c, r, w):
        """Capital a date ahead at the nodes."""
        return np.clip((1 + r) * self.k + w * self.y[:, None] - c, self.k[0], self.k[-1])

    def cells(self, s):
        """The node below each number, and the share that goes to the node above."""
        i = np.clip(np.searchsorted(self.k, s, side="right") - 1, 0, len(self.k) - 2)
        return i, (s - self.k[i]) / (self.k[i + 1] - self.k[i])

    def forward(self, mass, s):
        """The cross-section a date later."""
        (i, u), n = self.cells(s), len(self.k)
        moved = [np.bincount(i[e], mass[e] * (1 - u[e]), n) + np.bincount(i[e] + 1, mass[e] * u[e], n) for e in range(len(s))]
        return self.P.T @ np.array(moved)

    def rest(self, r, w):
        """Capital held at rest at given prices."""
        c = 0.2 * ((1 + r) * self.k + w * self.y[:, None]) if self.c is None else self.c
        for _ in range(20_000):
            old, c = c, self.step(c, r, r, w)
            if np.max(np.abs(c / old - 1)) < 1e-12:
                break
        s, mass = self.saved(c, r, w), self.mass
        for _ in range(50_000):
            old, mass = mass, self.forward(mass, s)
            if np.max(np.abs(mass - old)) < 1e-14:
                break
        self.c, self.mass = c, mass
        return float((mass * s).sum())

    def jacobian(self, dates, given, h=1e-5):
        """Response of capital a date ahead, at each date, to one price of each date."""
        first, spread, c, still = [], [], [self.c, self.c], self.saved(self.c, self.r, self.w)
        for j in range(dates):
            ends = []
            for n, x in enumerate((h, -h)):
                here = {"r": self.r, "w": self.w} | ({given: getattr(self, given) + x} if j == 0 else {})
                r_next = self.r + (x if given == "r" and j == 1 else 0.0)
                c[n] = self.step(c[n], r_next, **here)
                s = self.saved(c[n], **here)
                ends.append(((self.mass * s).sum(), self.forward(self.mass, s)))
            first.append((ends[0][0] - ends[1][0]) / (2 * h))
            spread.append((ends[0][1] - ends[1][1]).ravel() / (2 * h))
        J = np.zeros((dates, dates))
        J[0], J[1:] = first, self.ahead(still, dates - 1).reshape(dates - 1, -1) @ np.array(spread).T
        for t in range(1, dates):
            J[t, 1:] += J[t - 1, :-1]
        return J

    def ahead(self, still, dates):
        """What somebody at each node is expected to save 0, 1, 2, … dates from now, (dates, states, nodes)."""
        (i, u), worth = self.cells(still), [still]
        for _ in range(dates - 1):
            later = self.P @ worth[-1]
            worth.append(np.take_along_axis(later, i, 1) * (1 - u) + np.take_along_axis(later, i + 1, 1) * u)
        return np.array(worth)

    def transition(self, mass, dates):
        """K at dates 0, 1, … from a cross-section near the one at rest, to first order."""
        Jr, Jw = self.jacobian(dates, "r"), self.jacobian(dates, "w")
        r_K = self.alpha * (self.alpha - 1) * self.K ** (self.alpha - 2) * self.L ** (1 - self.alpha)
        w_K = -self.K / self.L * r_K
        away = mass - self.mass
        decay = self.ahead(self.saved(self.c, self.r, self.w), dates).reshape(dates, -1) @ away.ravel()
        # dK' = A dK + decay, where dK' is dK a date later and dK_0 is given.
        A, later = Jr * r_K + Jw * w_K, np.eye(dates, k=1)
        system = later - A
        system[-1], right = 0.0, decay.copy()
        system[-1, 0], right[-1] = 1.0, (away * self.k).sum()
        return self.K + np.linalg.solve(system, right)
