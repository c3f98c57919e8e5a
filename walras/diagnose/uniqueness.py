"""Whether other prices would clear as well: the excess is looked at over the whole bracket, not only near the answer.

At sampled dates the excess is a function of that date's price, the rules being what they are. Without aggregate risk it is a
function of the price that holds for ever, the household answering each one anew; behind formula prices, of the aggregate stock.
Points are few: two roots between neighbouring points go unnoticed.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from walras._core.errors import SolveError
from walras.diagnose.clearing import excess_at, sampled
from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding
from walras.economy.economy import Clear, Formula
from walras.learners.stationary import StationarySettings, StationaryState, stationary_round

ROUGH = StationarySettings(1e-6, 500)
"""Households that are asked only for the sign of their excess."""

AROUND = 3.0
"""Stocks are looked at from so many times less to so many times more than the answer."""

NEAR = 0.1
"""A root so near to a cell, in cells, counts as its own."""


class Unique(Check):
    """Figure `clearing_prices`: the most prices (stocks) at which the market clears, at any date that was looked at."""

    samples: int = eqx.field(static=True, default=5)
    points: int = eqx.field(static=True, default=41)
    candidates: int = eqx.field(static=True, default=12)

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        found = self._for_ever(evidence) if evidence.lab.stationary else self._at_dates(evidence)
        if not found:
            return []
        count, where = max(found)
        remedy = "a narrower bracket or a guess near the one that is meant: this answer is one of several"
        meaning = "Prices at which the market clears"
        return [Finding("clearing_prices", meaning, float(count), "prices", 1.0, where if count > 1 else "", remedy)]

    def _at_dates(self, evidence: Evidence) -> list[tuple[int, str]]:
        market = evidence.lab.economy.market()
        if not isinstance(market, Clear) or market.bracket is None or len(market.bracket[0]) != 1:
            return []
        (name,), (low,), (high,) = (list(x) for x in (market.bracket[0], *(end.values() for end in market.bracket)))
        found = []
        for block, state in sampled(evidence, self.samples):
            priced = float(evidence.dates["public"].prices[name][block * evidence.stride])
            prices = np.linspace(float(low), float(high), self.points)
            excess = np.array([excess_at(evidence, state, name, x) for x in prices])
            found.append(_told(prices, excess, priced, f"{name} at date {block * evidence.stride}"))
        return found

    def _for_ever(self, evidence: Evidence) -> list[tuple[int, str]]:
        found, formula = [], isinstance(evidence.lab.economy.market(), Formula)
        for name, learned in evidence.learner_states.items():
            search, problem = getattr(learned, "search", None), getattr(learned, "problem", None)
            if not isinstance(search, StationaryState) or problem is None:
                continue
            x, (low, high) = float(search.tried), np.asarray(problem.limits)
            if formula:
                candidates = np.geomspace(max(x / AROUND, low), min(AROUND * x, high), self.candidates)
            else:
                candidates = np.linspace(low, high, self.candidates)
            excess = []
            for candidate in candidates:
                try:
                    search = stationary_round(problem, dataclasses.replace(search, x=jnp.asarray(candidate)), ROUGH)
                    excess.append(float(search.excess))
                except SolveError:  # nobody comes to rest there: no price that clears for ever
                    excess.append(np.nan)
            found.append(_told(candidates, np.array(excess), x, f"candidates of {name}"))
        return found


def _told(points: np.ndarray, excess: np.ndarray, answer: float, what: str) -> tuple[int, str]:
    """How many roots, the answer one of them, and where the others are."""
    points, excess = points[np.isfinite(excess)], excess[np.isfinite(excess)]
    crossings = np.flatnonzero(np.sign(excess[1:]) * np.sign(excess[:-1]) < 0)
    # The answer is one of them, also where it is a point itself, to rounding.
    slack = NEAR * (points[1:] - points[:-1])
    near = (points[:-1] - slack <= answer) & (answer <= points[1:] + slack)
    others = [f"{points[i]:.4g} to {points[i + 1]:.4g}" for i in crossings if not near[i]]
    return 1 + len(others), f"{what}: {answer:.4g}, and between {', '.join(others)}"
