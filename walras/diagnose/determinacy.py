"""Whether other equilibrium paths lie arbitrarily near: the winding number of the linearised markets.

Far from both ends of time, what does not clear at date t answers to a price k dates later by a(k), whatever t. The market
has one bounded path near the stationary equilibrium exactly if Σ a(k) e^{iωk} (of several markets, its determinant) goes
around zero as often clockwise as counter-clockwise while ω goes once around the circle. Each further turn counter-clockwise is
a direction in which bounded paths fan out: expectations alone then move prices, and a solver finds one path among many. Each
turn clockwise is a direction in which every path explodes.

    @article{onatski2006winding, title={Winding number criterion for existence and uniqueness of equilibrium in linear
      rational expectations models}, author={Onatski, Alexei}, journal={Journal of Economic Dynamics and Control}, volume={30},
      number={2}, pages={323--345}, year={2006}}
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding
from walras.economy import period as periods
from walras.economy.agent import Institution
from walras.economy.economy import Clear
from walras.economy.population import Histogram
from walras.learners.frozen import FrozenDate
from walras.learners.news import Still, jacobian

DATES = 400
"""Answers up to half as many dates before and after; up to a quarter must give the same number."""

ANGLES = 2048
"""Points on the circle."""

SINGULAR = 1e-6
"""A symbol this near to zero somewhere, relative to its largest size, winds about nothing: an eigenvalue lies on the unit circle."""


@dataclasses.dataclass(frozen=True)
class Determinacy:
    """`winding` turns about zero, counter-clockwise; `nearest` the smallest size of the symbol relative to its largest; `settled`
    whether the turns are the same for half as many dates."""

    winding: int
    nearest: float
    settled: bool = True

    @property
    def verdict(self) -> str:
        """What that means, in a sentence."""
        if np.isnan(self.nearest):
            return "not known: the markets' answers are no numbers"
        if not self.settled:
            return (
                f"not known: answers have not died out after {DATES // 2} dates, and the number depends on where they are cut"
            )
        if self.nearest < SINGULAR:
            return f"on the edge: an eigenvalue lies on the unit circle (the symbol comes within {self.nearest:.1g} of zero)"
        if self.winding > 0:
            return f"indeterminate: winding number {self.winding}, so many directions of other paths that stay near"
        if self.winding < 0:
            return f"explosive: winding number {self.winding}, no path nearby stays bounded"
        return "determinate: winding number 0, no other path stays near"


def winding(symbol: Complex[np.ndarray, " angles"]) -> Determinacy:
    """Turns of a closed curve about zero, and how near it comes to it.

    Args:
        symbol: values at even angles over the whole circle, the last of them the first again.
    """
    if not np.isfinite(symbol).all():
        return Determinacy(0, np.nan)
    size = np.abs(symbol)
    turns = np.sum(np.angle(symbol[1:] / symbol[:-1])) / (2 * np.pi) if size.min() > 0 else 0.0
    return Determinacy(int(np.rint(turns)), float(size.min() / size.max()) if size.max() > 0 else 0.0)


def around(still: Still, dates: int = DATES) -> Determinacy:
    """Determinacy around a stationary equilibrium of one type."""
    m = len(still.x)
    answers = jacobian(still, dates).reshape(dates, m, dates, m)[dates // 2].swapaxes(0, 1)
    return settled(answers, np.arange(dates) - dates // 2)


def settled(answers: Float[np.ndarray, "leads out in_"], leads: np.ndarray) -> Determinacy:
    """The turns with answers to all `leads` and to the nearer half of them, faded out.

    Answers that were cut off where they are not small yet would make ripples on the symbol, each of which may go around zero.
    """
    reach = float(np.abs(leads).max())
    half, whole = (winding(symbol_of(answers * faded(leads, r)[:, None, None], leads)) for r in (0.5 * reach, reach))
    return dataclasses.replace(whole, settled=half.winding == whole.winding)


def faded(leads: np.ndarray, reach: float) -> np.ndarray:
    """Weights of one up to half of `reach`, from there on along a cosine to zero at it."""
    return np.cos(0.5 * np.pi * np.clip(2 * np.abs(leads) / reach - 1, 0, 1)) ** 2


def symbol_of(answers: Float[np.ndarray, "leads out in_"], leads: np.ndarray) -> Complex[np.ndarray, " angles"]:
    """det Σ a(k) e^{iωk} over a whole turn of ω; `leads` are the k."""
    if not np.isfinite(answers).all():
        return np.full(ANGLES + 1, np.nan + 0j)
    waves = np.exp(1j * np.linspace(0, 2 * np.pi, ANGLES + 1)[:, None] * leads)
    return np.linalg.det(np.einsum("wk,koi->woi", waves, answers))


def stands_on(evidence: Evidence) -> Still | None:
    """The stationary equilibrium from which a solve began, at its middle exogenous state; None where there is none."""
    lab = evidence.lab
    names = [name for name, agent in periods.agents(lab.economy).items() if not isinstance(agent, Institution)]
    if len(names) != 1 or not isinstance(lab.economy.market(), Clear):
        return None
    (name,) = names
    search = getattr(evidence.learner_states.get(name), "search", None)
    if search is None:
        return None
    histogram = lab.learners[name].histogram(evidence.learner_states[name])
    if not isinstance(histogram, Histogram) or lab.economy.exogenous.n is None:
        return None
    populations, exo = {**lab.populations, name: histogram}, jnp.asarray(np.int64((lab.economy.exogenous.n - 1) // 2))
    rules = {**evidence.rules, name: search.rule}
    state = periods.start(lab.economy, populations, rules, evidence.key, exo)
    still = Still(
        FrozenDate(lab.economy, state, populations, rules, evidence.key, name, ()),
        jnp.atleast_1d(search.tried), search.rule, search.mass,
    )  # fmt: skip
    return jax.tree_util.tree_map(jnp.asarray, still)


class Determinate(Check):
    """Figure `winding`: directions in which other paths stay near the stationary equilibrium (or none does), of one type in markets
    that clear. Absent elsewhere."""

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        still = stands_on(evidence)
        if still is None:
            return []
        found = around(still)
        value = float(abs(found.winding)) if found.nearest >= SINGULAR and found.settled else np.nan
        remedy = (
            "another timing or policy: this answer is one path among many" if found.winding > 0 else "a calibration that rests"
        )
        limit = 0.0 if found.settled else None
        return [Finding("winding", "Other paths near rest, winding number", value, "turns", limit, found.verdict, remedy)]
