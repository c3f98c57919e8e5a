"""Huggett's economy made linear around no aggregate risk, in NumPy and SciPy, sharing no line with the package.

Bonds asked for at date t answer the rate of date s by J[t, s] (the fake-news algorithm of Auclert, Bardóczy, Rognlie and
Straub 2021). Far from the start J depends on s − t alone; how often its symbol Σ J[t, t + j] e^(ijx) winds around zero says
whether clearing at every date leaves one path of rates (0 turns) or a family of them (Onatski 2006).
"""

import dataclasses

import numpy as np
import scipy.optimize


@dataclasses.dataclass
class Bonds:
    """Households of one form of the bond market; `known`: a bond costs 1/(1 + r) and pays 1, else it costs 1 and pays 1 + r."""

    beta: float
    gamma: float
    limit: float
    y: np.ndarray
    P: np.ndarray
    known: bool
    nodes: int = 800
    top: float = 14.0

    def __post_init__(self):
        self.b = self.limit + (self.top - self.limit) * np.linspace(0, 1, self.nodes) ** 2
        self.rate = float(scipy.optimize.brentq(lambda r: self.rest(r)[2], 0.01, 0.035, xtol=1e-11))
        self.c, self.mass, _ = self.rest(self.rate)

    def terms(self, r):
        """What a bond pays, and costs."""
        return (1.0, 1 / (1 + r)) if self.known else (1 + r, 1.0)

    def step(self, c_next, r, r_next, z=1.0):
        """Consumption at the nodes today, given that of tomorrow."""
        (pays, costs), (pays_next, _) = self.terms(r), self.terms(r_next)
        wanted = (self.beta * pays_next / costs * self.P @ c_next**-self.gamma) ** (-1 / self.gamma)
        cash, ahead = pays * self.b + z * self.y[:, None], wanted + costs * self.b
        c = np.empty_like(wanted)
        for e in range(len(self.y)):
            steep = (wanted[e, -1] - wanted[e, -2]) / (ahead[e, -1] - ahead[e, -2])
            beyond = np.maximum(cash[e] - ahead[e, -1], 0.0) * steep
            c[e] = np.interp(cash[e], ahead[e], wanted[e]) + beyond
            c[e] = np.where(cash[e] < ahead[e, 0], cash[e] - costs * self.limit, c[e])
        return c

    def saved(self, c, r, z=1.0):
        """Bonds asked for at the nodes."""
        pays, costs = self.terms(r)
        return np.clip((pays * self.b + z * self.y[:, None] - c) / costs, self.limit, self.top)

    def cells(self, s):
        """The node below each number of bonds, and the share that goes to the node above."""
        i = np.clip(np.searchsorted(self.b, s, side="right") - 1, 0, self.nodes - 2)
        return i, (s - self.b[i]) / (self.b[i + 1] - self.b[i])

    def forward(self, mass, s):
        """The cross-section a date later."""
        i, w = self.cells(s)
        moved = [
            np.bincount(i[e], mass[e] * (1 - w[e]), self.nodes) + np.bincount(i[e] + 1, mass[e] * w[e], self.nodes)
            for e in range(len(self.y))
        ]
        return self.P.T @ np.array(moved)

    def rest(self, r):
        """Consumption, cross-section and bonds asked for, all at rest at the rate r."""
        pays, costs = self.terms(r)
        c = np.maximum(0.2 * (pays * self.b + self.y[:, None] - costs * self.limit), 1e-4)
        mass = getattr(self, "mass", np.full((len(self.y), self.nodes), 1 / (len(self.y) * self.nodes)))
        for _ in range(5000):
            old, c = c, self.step(c, r, r)
            if np.max(np.abs(c / old - 1)) < 1e-12:
                break
        s = self.saved(c, r)
        for _ in range(20_000):
            old, mass = mass, self.forward(mass, s)
            if np.max(np.abs(mass - old)) < 1e-14:
                break
        self.mass = mass
        return c, mass, float((mass * s).sum())

    def jacobian(self, dates, what, h=1e-5):
        """Response of the bonds asked for at each date to the rate (or the endowment) of each date."""
        r, z = (h, 0.0) if what == "r" else (0.0, h)
        c = [self.step(self.c, self.rate + x * r, self.rate, 1 + x * z) for x in (1, -1)]
        s = [self.saved(c[k], self.rate + x * r, 1 + x * z) for k, x in enumerate((1, -1))]
        first, spread = [], []
        for j in range(dates):
            if j:
                # One date before what is j − 1 dates ahead; what a bond pays counts at the date when it pays.
                following = [self.rate + x * r if j == 1 else self.rate for x in (1, -1)]
                c = [self.step(old, self.rate, ahead) for old, ahead in zip(c, following, strict=True)]
                s = [self.saved(new, self.rate) for new in c]
            first.append((self.mass * (s[0] - s[1])).sum() / (2 * h))
            spread.append((self.forward(self.mass, s[0]) - self.forward(self.mass, s[1])) / (2 * h))
        still = self.saved(self.c, self.rate)
        i, w = self.cells(still)
        news, worth = np.zeros((dates, dates)), still
        news[0] = first
        flat = np.array(spread).reshape(dates, -1)
        for u in range(1, dates):
            news[u] = flat @ worth.ravel()
            ahead = self.P @ worth
            worth = np.take_along_axis(ahead, i, 1) * (1 - w) + np.take_along_axis(ahead, i + 1, 1) * w
        for t in range(1, dates):
            news[t, 1:] += news[t - 1, :-1]
        return news


def turns(J):
    """How often the symbol of a Jacobian winds around zero, and how close it comes, relative to its largest value."""
    middle = len(J) // 2
    ahead = middle - np.arange(len(J))
    symbol = np.exp(1j * np.outer(np.linspace(0, 2 * np.pi, 2001), ahead)) @ J[:, middle]
    winding = np.diff(np.unwrap(np.angle(symbol))).sum() / (2 * np.pi)
    return winding, np.abs(symbol).min() / np.abs(symbol).max()


def response(J, asked, impact=None):
    """Rates that clear every market after a shock to which bonds asked for answer by `asked`.

    With `impact` the first rate is given, and the markets of all dates but the last set the others.
    """
    if impact is None:
        return np.linalg.solve(J, -asked)
    return np.append(impact, np.linalg.solve(J[:-1, 1:], -(asked[:-1] + J[:-1, 0] * impact)))


def smooth_response(J, asked, persistence):
    """That member of the family whose first rate stands to z as its second one does."""
    ends = [response(J, asked, impact) for impact in (0.0, 1.0)]
    gaps = [r[0] - r[1] / persistence for r in ends]
    share = gaps[0] / (gaps[0] - gaps[1])
    return (1 - share) * ends[0] + share * ends[1]


def in_the_long_run(r, z, sd, use=200):
    """Regression slope of r on log z, and s.d. of r where that of log z is `sd`; responses r and z to one shock."""
    r, z = r[:use], z[:use]
    return (r @ z) / (z @ z), sd * np.sqrt((r @ r) / (z @ z))
