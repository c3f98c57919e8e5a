"""Market clearing, looked at again from outside.

For a market that clears, the excess is a function of the price at a sampled state; SciPy's `brentq` finds its root anew and
the gap in the price is reported, together with the excess at the price of the simulation and the dates that had no bracket.
For formula prices, stocks are counted again with exact summation and the formula is asked again.
"""

import dataclasses
import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize

from walras._core.compiling import brief_jit
from walras._core.results import RootStatus
from walras.diagnose.accounts import flow_scale
from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding, worst
from walras.economy import period as periods
from walras.economy.economy import Clear

NUDGE, FLAT = 1e-4, 1e-8
"""A price is pinned down if this share of its bracket away, on either side, the excess is more than that share of flows."""

CORNER = 1e-9
"""A price this near to an end of its bracket, as a share of its width, is that end."""

TINY = 1e-6
"""Prices smaller than this are compared by their difference."""


class Clearing(Check):
    """Figures `clearing_max` (relative to flows, or to the price), `no_bracket_dates`, `flat_dates` and `corner_dates`."""

    samples: int = eqx.field(static=True, default=20)

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        market = evidence.lab.economy.market()
        gaps, flat = self._cleared(evidence) if isinstance(market, Clear) else (self._formula(evidence), None)
        number = int(np.argmax(gaps))
        remedy = RootStatus.NO_BRACKET.remedy
        figures = [
            Finding(
                "clearing_max", "Markets, largest gap", float(gaps[number]), "relative", thresholds["clearing_max"],
                f"sample {number}", remedy,
            )
        ]  # fmt: skip
        if isinstance(market, Clear):
            code = evidence.dates["public"].status[0]
            count = int(np.sum(code != int(RootStatus.BRACKETED)))
            where = f"first at date {int(np.argmax(code != 0))}" if count else ""
            figures.append(
                Finding("no_bracket_dates", "Dates without a clearing price", float(count), "dates", 0.0, where, remedy, True)
            )
        if flat is not None:
            ends, (name, where) = self._at_ends(evidence)
            remedy = "a wider bracket: this price is an end of it, not where demand meets supply"
            figures.append(
                Finding(
                    "corner_dates",
                    "Dates at which a price is an end of its bracket",
                    ends,
                    "dates",
                    0.0,
                    f"{name}{where}" if ends else "",
                    remedy,
                )
            )
            remedy = "another supply: there is no one price at which this market clears, but a stretch of them"
            figures.append(
                Finding(
                    "flat_dates", "Sampled dates at which a stretch of prices clears", float(flat), "dates", 0.0, "", remedy
                )
            )
        return figures

    def _at_ends(self, evidence: Evidence) -> tuple[float, tuple[str, str]]:
        """Dates at which a price is an end of its bracket, which price, and the first of them."""
        found = []
        market = evidence.lab.economy.market()
        assert isinstance(market, Clear) and market.bracket is not None
        low, high = market.bracket
        for name in low:
            price, ends = evidence.dates["public"].prices[name], (float(low[name]), float(high[name]))
            near = [np.abs(price - end) <= CORNER * (ends[1] - ends[0]) for end in ends]
            dates = np.flatnonzero(near[0] | near[1])
            found.append((float(len(dates)), (name, f", first at date {dates[0]}" if len(dates) else "")))
        return worst(found)

    def _cleared(self, evidence: Evidence) -> tuple[np.ndarray, int | None]:
        """Gaps, and samples at which the excess is flat in the price (None: not looked at)."""
        market = evidence.lab.economy.market()
        assert isinstance(market, Clear)
        residual = np.abs(evidence.dates["public"].status[1]) / flow_scale(evidence)
        if market.bracket is None or len(market.bracket[0]) != 1:
            return residual, None
        (name,), (low,), (high,) = (
            list(x) for x in (market.bracket[0], market.bracket[0].values(), market.bracket[1].values())
        )
        gaps, flat = [float(residual.max())], 0
        for block, state in sampled(evidence, self.samples):
            excess = functools.partial(excess_at, evidence, state, name)
            low_, high_ = float(low), float(high)
            if not excess(low_) * excess(high_) <= 0:  # not a number is no bracket either
                gaps.append(np.inf)
                continue
            root: Any = scipy.optimize.brentq(excess, low_, high_, xtol=1e-14, rtol=1e-14)
            priced = float(evidence.dates["public"].prices[name][block * evidence.stride])
            gaps.append(abs(root - priced))
            step = NUDGE * (high_ - low_)
            beside = [abs(excess(x)) for x in (priced - step, priced + step) if low_ <= x <= high_]
            flat += bool(beside) and min(beside) <= FLAT * flow_scale(evidence)
        return np.array(gaps), flat

    def _formula(self, evidence: Evidence) -> np.ndarray:
        gaps = []
        for block, state in sampled(evidence, self.samples):
            now = _opened(evidence.lab, evidence.rules, state, evidence.key)
            counted = {}
            for name, cross in now.cross.items():
                held = _held(periods.agents(evidence.lab.economy)[name], cross.own)
                weight, mass = np.asarray(cross.weight), float(cross.mass)
                counted[name] = {k: _exact_total(np.asarray(v), weight, mass) for k, v in held.items()}
            again = _formula_prices(evidence.lab, dataclasses.replace(now, stocks=counted))
            used = evidence.dates["public"].prices
            there = {k: np.asarray(used[k][block * evidence.stride]) for k in again}  # a price may be one for each good
            apart = [(float(np.max(np.abs(v - there[k]) / np.maximum(np.abs(there[k]), TINY))), k) for k, v in again.items()]
            gaps.append(worst(apart)[0] if apart else 0.0)  # no price may be known before everybody has chosen
        return np.array(gaps)


def sampled(evidence: Evidence, count: int):
    """(number of the block, state) of some sampled dates, evenly over all."""
    blocks = len(evidence.states.date)
    states = jax.tree_util.tree_map(np.asarray, evidence.states)
    for block in np.unique(np.linspace(0, blocks - 1, min(count, blocks)).astype(int)):
        yield block, jax.tree_util.tree_map(lambda leaf: leaf[block], states)  # noqa: B023


def excess_at(evidence: Evidence, state, name: str, price: float) -> float:
    """The excess of the one market in a state at a price of this name."""
    return float(_excess(evidence.lab, evidence.rules, state, evidence.key, {name: jnp.asarray(price)}))


def _exact_total(values: np.ndarray, weight: np.ndarray, mass: float) -> np.ndarray:
    """mass × Σ weight × value for each number held, summed without rounding."""
    columns = values.reshape(len(weight), -1).T * weight
    return np.array([mass * math.fsum(column) for column in columns]).reshape(values.shape[1:])


@brief_jit
def _excess(lab, rules, state, key, prices):
    now = periods.hypothetical(lab.economy, lab.populations, rules, state, key, prices=prices)
    return jax.tree_util.tree_leaves(lab.economy.market().excess(now))[0]


@brief_jit
def _formula_prices(lab, now):
    return lab.economy.market().prices(now)


@brief_jit
def _held(agent, own):
    return jax.vmap(agent.holds)(own)


@brief_jit
def _opened(lab, rules, state, key):
    return periods.led(lab.economy, lab.populations, rules, state, key)
