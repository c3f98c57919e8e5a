"""Market clearing, looked at again from outside.

For a market that clears, the excess is a function of the price at a sampled state; SciPy's `brentq` finds its root anew and
the gap in the price is reported, together with the excess at the price of the simulation and the dates that had no bracket.
For formula prices, stocks are counted again with exact summation and the formula is asked again.
"""

import dataclasses
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
from walras.diagnose.finding import Check, Finding
from walras.economy import period as periods
from walras.economy.economy import Clear


class Clearing(Check):
    """Figures `clearing_max` (relative to flows, or to the price) and `no_bracket_dates`."""

    samples: int = eqx.field(static=True, default=20)

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        market = evidence.lab.economy.market()
        gaps = self._cleared(evidence) if isinstance(market, Clear) else self._formula(evidence)
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
        return figures

    def _states(self, evidence: Evidence):
        blocks = len(evidence.states.date)
        states = jax.tree_util.tree_map(np.asarray, evidence.states)
        for block in np.unique(np.linspace(0, blocks - 1, min(self.samples, blocks)).astype(int)):
            yield block, jax.tree_util.tree_map(lambda leaf: leaf[block], states)  # noqa: B023

    def _cleared(self, evidence: Evidence) -> np.ndarray:
        market, lab = evidence.lab.economy.market(), evidence.lab
        assert isinstance(market, Clear)
        residual = np.abs(evidence.dates["public"].status[1]) / flow_scale(evidence)
        if market.bracket is None or len(market.bracket[0]) != 1:
            return residual
        (name,), (low,), (high,) = (
            list(x) for x in (market.bracket[0], market.bracket[0].values(), market.bracket[1].values())
        )
        gaps = [float(residual.max())]
        for block, state in self._states(evidence):
            excess = lambda x, s=state: float(_excess(lab, evidence.rules, s, evidence.key, {name: jnp.asarray(x)}))  # noqa: E731
            low_, high_ = float(low), float(high)
            if excess(low_) * excess(high_) > 0:
                gaps.append(np.inf)
                continue
            root: Any = scipy.optimize.brentq(excess, low_, high_, xtol=1e-14, rtol=1e-14)
            priced = float(evidence.dates["public"].prices[name][block * evidence.stride])
            gaps.append(abs(root - priced))
        return np.array(gaps)

    def _formula(self, evidence: Evidence) -> np.ndarray:
        gaps = []
        for block, state in self._states(evidence):
            now = _opened(evidence.lab, evidence.rules, state, evidence.key)
            counted = {}
            for name, cross in now.cross.items():
                held = _held(periods.agents(evidence.lab.economy)[name], cross.own)
                weight, mass = np.asarray(cross.weight), float(cross.mass)
                counted[name] = {k: _exact_total(np.asarray(v), weight, mass) for k, v in held.items()}
            again = _formula_prices(evidence.lab, dataclasses.replace(now, stocks=counted))
            used = evidence.dates["public"].prices
            off = (abs(float(v) / float(used[k][block * evidence.stride]) - 1) for k, v in again.items() if float(v) != 0)
            gaps.append(max(off, default=0.0))  # no price may be known before everybody has chosen
        return np.array(gaps)


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
