"""One-asset HANK in NumPy and SciPy, sharing no line with the package: where it rests, and its linear responses.

Households by endogenous grids with hours from their condition, the cross-section by Young's histogram, the resting date by
nested bisection. Around it bonds asked for and efficient hours answer the paths of the return, the wage and the transfer by
Jacobians of the fake-news algorithm (Auclert, Bardóczy, Rognlie and Straub 2021); marginal cost, output and inflation of
all dates then solve one linear system: labour, bonds and the Phillips curve at every date.
"""

import dataclasses

import numpy as np
import scipy.optimize
import scipy.sparse
import scipy.sparse.linalg

INPUTS = ("R", "w", "transfer")


@dataclasses.dataclass
class Linear:
    """The economy; `b` are the nodes of bonds, the first of them the limit, zero."""

    y: np.ndarray
    P: np.ndarray
    b: np.ndarray
    beta: float = 0.975
    epsilon: float = 10.0
    theta: float = 100.0
    target: float = 0.025
    phi: float = 1.5
    supply: float = 5.0

    def __post_init__(self):
        self.c, self.mass, self.Y = np.tile(0.5 + 0.03 * self.b, (len(self.y), 1)), None, 1.0
        self.Pi = float(scipy.optimize.brentq(lambda Pi: self.rest(Pi)["S"] - self.supply, -0.0045, -0.0023, xtol=1e-13))
        for name, value in self.rest(self.Pi).items():
            setattr(self, name, value)

    def step(self, c_next, R_next, R, w, transfer):
        """Consumption at the nodes today, given that of tomorrow."""
        wage = w * self.y[:, None]
        wanted = 1 / (self.beta * R_next * self.P @ (1 / c_next))
        ahead = (self.b + wanted - wage**2 / wanted - transfer) / R  # bonds from which the nodes are chosen
        assets = R * self.b + transfer
        poor = 0.5 * (assets + np.sqrt(assets**2 + 4 * wage**2))  # those who save nothing
        c = np.empty_like(wanted)
        for e in range(len(self.y)):
            steep = (wanted[e, -1] - wanted[e, -2]) / (ahead[e, -1] - ahead[e, -2])
            c[e] = np.interp(self.b, ahead[e], wanted[e]) + np.maximum(self.b - ahead[e, -1], 0.0) * steep
            c[e] = np.where(self.b < ahead[e, 0], poor[e], c[e])
        return c

    def does(self, c, R, w, transfer):
        """Efficient hours and bonds asked for at the nodes."""
        wage = w * self.y[:, None]
        saved = R * self.b + wage**2 / c + transfer - c
        return self.y[:, None] * wage / c, np.clip(saved, self.b[0], self.b[-1])

    def cells(self, s):
        """The node below each number of bonds, and the share that goes to the node above."""
        i = np.clip(np.searchsorted(self.b, s, side="right") - 1, 0, len(self.b) - 2)
        return i, (s - self.b[i]) / (self.b[i + 1] - self.b[i])

    def forward(self, mass, s):
        """The cross-section a date later."""
        (i, u), n = self.cells(s), len(self.b)
        moved = [np.bincount(i[e], mass[e] * (1 - u[e]), n) + np.bincount(i[e] + 1, mass[e] * u[e], n) for e in range(len(s))]
        return self.P.T @ np.array(moved)

    def resting(self, s):
        """The cross-section that stays: one sparse system, mass one in the place of a redundant row."""
        (i, u), n, m = self.cells(s), len(self.b), len(self.y)
        rows, columns, chances = [], [], []
        for e in range(m):
            for f in range(m):
                for at, weight in ((i[e], 1 - u[e]), (i[e] + 1, u[e])):
                    rows.append(f * n + at)
                    columns.append(e * n + np.arange(n))
                    chances.append(self.P[e, f] * weight)
        where = (np.concatenate(rows), np.concatenate(columns))
        moves = scipy.sparse.csc_matrix((np.concatenate(chances), where), (m * n, m * n))
        system = scipy.sparse.vstack([scipy.sparse.identity(m * n) - moves, np.ones((1, m * n))]).tocsc()[1:].tocsc()
        mass = scipy.sparse.linalg.spsolve(system, np.append(np.zeros(m * n - 1), 1.0)).reshape(m, n)
        assert mass.min() > -1e-12 and mass[:, -1].sum() < 1e-6
        return mass

    def rest(self, Pi):
        """Everything at rest at an inflation rate, labour cleared: the rule gives the rate, the Phillips curve the cost."""
        gross = (1 + self.target) * (1 + Pi) ** self.phi
        R = gross / (1 + Pi)
        mc = (self.epsilon - 1) / self.epsilon + self.theta / self.epsilon * Pi * (1 + Pi) * (1 - 1 / R)
        c, Y = self.c, self.Y
        for _ in range(100):
            transfer = (1 - mc - self.theta / 2 * Pi**2) * Y - (R - 1) * self.supply
            for _ in range(20_000):
                old, c = c, self.step(c, R, R, mc, transfer)
                if np.max(np.abs(c / old - 1)) < 1e-12:
                    break
            n, s = self.does(c, R, mc, transfer)
            mass = self.resting(s)
            gap, Y = Y - float((mass * n).sum()), float((mass * n).sum())
            if abs(gap) < 1e-12:
                break
        self.c, self.Y = c, Y
        found = {"gross": gross, "R": R, "mc": mc, "w": mc, "transfer": transfer, "c": c, "mass": mass, "Y": Y}
        return found | {"C": float((mass * c).sum()), "S": float((mass * s).sum())}

    def jacobians(self, dates, h=1e-5):
        """Responses of efficient hours L, bonds asked for S and consumption C at each date to each input at each date."""
        n, still = self.does(self.c, self.R, self.w, self.transfer)
        i, u = self.cells(still)
        worth = {"L": n, "S": still, "C": self.c}
        ahead = {name: [value] for name, value in worth.items()}
        for name in worth:
            for _ in range(dates - 2):
                later = self.P @ ahead[name][-1]
                ahead[name].append(np.take_along_axis(later, i, 1) * (1 - u) + np.take_along_axis(later, i + 1, 1) * u)
        found = {}
        for given in INPUTS:
            first, spread = self._news(given, dates, h)
            for name in worth:
                J = np.zeros((dates, dates))
                J[0] = first[name]
                J[1:] = np.array(ahead[name]).reshape(dates - 1, -1) @ np.array(spread).reshape(dates, -1).T
                for t in range(1, dates):
                    J[t, 1:] += J[t - 1, :-1]
                found[name, given] = J
        return found

    def _news(self, given, dates, h):
        """By how many dates a change of one input is ahead: what is done at once, and how the next cross-section changes."""
        rest = {name: getattr(self, name) for name in INPUTS}
        first, spread, c = {"L": [], "S": [], "C": []}, [], [self.c, self.c]
        for j in range(dates):
            outcomes = []
            for k, x in enumerate((h, -h)):
                now = rest | ({given: rest[given] + x} if j == 0 else {})
                R_next = self.R + (x if given == "R" and j == 1 else 0.0)
                c[k] = self.step(c[k], R_next, **now)
                n, s = self.does(c[k], **now)
                sums = {name: (self.mass * value).sum() for name, value in (("L", n), ("S", s), ("C", c[k]))}
                outcomes.append((sums, self.forward(self.mass, s)))
            for name in first:
                first[name].append((outcomes[0][0][name] - outcomes[1][0][name]) / (2 * h))
            spread.append((outcomes[0][1] - outcomes[1][1]) / (2 * h))
        return first, spread

    def responses(self, J, z, v):
        """Paths of mc, Y, Pi, R, C after paths of log productivity z and of the surprise of policy v, for small ones.

        A shift matrix F moves a path one date ahead (zero beyond the last date), its transpose one date back.
        """
        dates = len(z)
        one, zero, F = np.eye(dates), np.zeros((dates, dates)), np.eye(dates, k=1)
        mc, Y, Pi, R = self.mc, self.Y, self.Pi, self.R
        # Each path as a matrix on (mc, Y, Pi) side by side, and the part that the shocks add.
        dmc, dY, dPi = (np.hstack([one if k == j else zero for k in range(3)]) for j in range(3))
        dgross, gross_v = self.phi * self.gross / (1 + Pi) * F.T @ dPi, self.gross * F.T @ v
        dR, R_v = dgross / (1 + Pi) - self.gross / (1 + Pi) ** 2 * dPi, gross_v / (1 + Pi)
        dtransfer = (1 - mc - self.theta / 2 * Pi**2) * dY - Y * dmc - Y * self.theta * Pi * dPi - self.supply * dR
        answers = {"R": (dR, R_v), "w": (dmc, mc * z), "transfer": (dtransfer, -self.supply * R_v)}
        household = {
            name: tuple(sum(J[name, given] @ part[k] for given, part in answers.items()) for k in (0, 1))
            for name in ("L", "S", "C")
        }
        real, slope = Pi * (1 + Pi) / R, 1 + 2 * Pi
        expected = real / Y * (F - one) @ dY + slope / R * F @ dPi - real / R * F @ dR
        phillips = (slope * dPi - self.epsilon / self.theta * dmc - expected, real / R * F @ R_v)
        labour = (household["L"][0] - dY, household["L"][1] + Y * z)
        equations = (labour, household["S"], phillips)
        x = np.linalg.solve(np.vstack([a for a, _ in equations]), -np.concatenate([b for _, b in equations]))
        paths = dict(zip(("mc", "Y", "Pi"), np.split(x, 3), strict=True))
        return paths | {"R": dR @ x + R_v, "C": household["C"][0] @ x + household["C"][1]}
