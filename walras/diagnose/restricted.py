"""What richer information would be worth: the price of restricted perceptions.

The simulated prices are frozen. One individual's problem is solved along them twice: with the information of the rule, and
with what the economy's view says and one number about everybody besides, the mean of log(1 + stock − limit). Laws are
fitted to the first half of the dates; both answers then live through the same dates of the other half from the same
cross-sections, and the difference of discounted payoffs is put in units of consumption. Nodes, degrees and sweeps are the
same, so that the difference is due to what is seen.

A rule that does not see the exogenous state has no law from which to answer, and its own payoffs are compared.
It is a lower bound: who would know still more might gain more. Those who see less fare as the others do: prices are given.

The moment enters as what the view does not explain of it, in standard deviations: in most economies it moves so closely with
the view that nodes of both would lie mostly where nobody ever is.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.compiling import brief_jit
from walras._core.keys import stream
from walras._core.tree import entry
from walras.diagnose import laws
from walras.diagnose.best_response import discounted_away, follow
from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding
from walras.economy import period as periods
from walras.economy.information import Moments, sees_state
from walras.economy.population import Histogram, Panel
from walras.economy.rule import ViewInformation
from walras.economy.task import Field
from walras.learners import beliefs
from walras.learners.egm import prospect, sweep
from walras.learners.table import TableRule
from walras.numerics.interpolate import EvenAxis

MOST = 2
"""Coordinates of the richer rule at most; a view that has as many gets no moment beside them."""

RECORDED = ViewInformation(full=True)
"""Marks a rule whose information is read off the record, not built again from what is public."""


class Restricted(Check):
    """Figure `restricted_perceptions_percent`, in per cent of consumption for ever: reported, no threshold.

    `nodes` of each coordinate of the richer rule; `starts` at most, dates from which both are followed, for at most `horizon`.
    Absent where rules see what the economy's view says (its problem is solved and compiled anew: as dear as the rest of the
    certificate; `worth` can be asked for), without aggregate risk, for types that are not many or do not have one stock, and where nothing richer is tried.
    """

    nodes: int = eqx.field(static=True, default=7)
    starts: int = eqx.field(static=True, default=60)
    horizon: int = eqx.field(static=True, default=1500)

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        restricted = [n for n in evidence.learning if not isinstance(evidence.rules[n].information, ViewInformation)]
        found = {name: self.worth(evidence, name) for name in restricted if applies(evidence, name)}
        if not found:
            return []
        name = max(found, key=lambda n: found[n][0])
        listed = ", ".join(f"{n} {gain:.2g} ± {error:.1g} %" for n, (gain, error) in found.items())
        return [
            Finding(
                "restricted_perceptions_percent", "Price of restricted perceptions", found[name][0], "%", None,
                f"{listed} (± one standard error)", by_type={n: gain for n, (gain, _) in found.items()},
            )
        ]  # fmt: skip

    def worth(self, evidence: Evidence, name: str) -> tuple[float, float]:
        """(gain, its standard error over stretches of the simulation) of one type's individual, in per cent of consumption."""
        lab, rule = evidence.lab, evidence.rules[name].tabulated()
        agent, exogenous = periods.agents(lab.economy)[name], lab.economy.exogenous
        field = evidence.field(name)
        half = len(field.exo) // 2
        degrees, ahead = self._degrees(evidence, name)
        view = laws.of_view(field)
        whole = view
        if len(view.info[1]) < MOST:
            whole = dataclasses.replace(view, info=_with_moment(view, evidence.dates["moments"][name][:-1], half, exogenous))
        richer = self._answer(agent, exogenous, rule, (field, whole, half), degrees, ahead)
        mine = [rule]
        if sees_state(rule.information):
            mine.append(self._answer(agent, exogenous, rule, (field, field, half), degrees, ahead))
        chosen, horizon, stretches = self.stretches(agent, field, evidence.stride)
        key = stream(evidence.key, "restricted")
        begun = (chosen * evidence.stride, entry(evidence.states.cross[name], chosen), None)  # a record needs no memory
        told = lambda r, f: (dataclasses.replace(r, information=RECORDED), f.info)  # noqa: E731
        found = [
            follow(agent, lab.populations[name], field, (told(r, field), told(richer, whole)), begun, key, horizon)
            for r in mine
        ]
        # Where the law of what is seen is wild beside what was seen, the rule itself is the better answer of the two.
        (old, new), (worth, _) = max(([np.asarray(x) for x in pair] for pair in found), key=lambda pair: pair[0][0].mean())
        gains = 100 * (new - old) / np.mean(worth)
        # Stretches that overlap count as often as they fit beside each other.
        return float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(min(len(chosen), stretches)))

    def stretches(self, agent, field: Field, stride: int) -> tuple[np.ndarray, int, float]:
        """Samples at which both begin, dates for which they are followed, and how many such stretches fit beside each other.

        All of them lie in the second half of the field.
        """
        dates, half = len(field.exo), len(field.exo) // 2
        horizon = int(min(self.horizon, half // 2, discounted_away(agent, field)))
        count = int(np.clip((dates - half) / horizon, 6, self.starts))
        chosen = np.linspace(-(-half // stride), (dates - horizon) // stride, count).astype(int)
        return chosen, horizon, (dates - half) / horizon

    def _degrees(self, evidence: Evidence, name: str) -> tuple[tuple[int, int], bool]:
        """Degrees of law and views, and whether the law may use the next exogenous state."""
        belief, (_, coordinates) = evidence.law(name)
        law, views = laws.degrees_of(belief)
        if not coordinates:  # a belief about nothing but exogenous states says nothing about degrees
            law, views = 1, evidence.lab.preset.euler.view_degree
        return (law + 1, views + 1), True

    def _answer(self, agent, exogenous, rule: TableRule, along: tuple[Field, Field, int], degrees, ahead: bool) -> TableRule:
        """The best response with the information of the second field, of laws fitted to its first dates."""
        used, known, half = along
        used, known = (jax.tree_util.tree_map(lambda leaf: leaf[:half], field) for field in (used, known))
        # Coordinates that the rule reads in logs are positive; a residual is centred on zero.
        logs = tuple(bool(np.all(np.asarray(c) > 0)) for c in known.info[1])
        belief = laws.fitted(known, exogenous, logs, degrees, ahead)
        discount = 10 ** (-3 / min(discounted_away(agent, known), 1e6))
        sweeps = int(np.clip(np.log(1e-2) / np.log(discount), 120, 600))
        return _solve(agent, exogenous, rule, belief, (used, known), self.nodes, np.int64(sweeps))


def applies(evidence: Evidence, name: str) -> bool:
    """Whether there is richer information to try for a type."""
    rule, lab = evidence.rules[name], evidence.lab
    if lab.stationary or not isinstance(rule, TableRule) or not isinstance(lab.populations[name], Histogram | Panel):
        return False
    if name not in evidence.dates["moments"] or np.std(evidence.dates["moments"][name]) < 1e-12:
        return False
    seen = rule.information
    _, coordinates = laws.view_info(evidence.dates["views"][name])
    if len(coordinates) >= MOST and isinstance(seen, ViewInformation):
        return False
    if isinstance(seen, Moments) and seen.who == name and "mean_log" in seen.names:
        return not isinstance(seen.seen, ViewInformation)
    return True


def _with_moment(field: Field, values: np.ndarray, half: int, exogenous):
    """(index, coordinates of the view, what they leave unexplained of the moment in standard deviations)."""
    index, coordinates = (jax.tree_util.tree_map(np.asarray, part) for part in field.info)
    x = np.asarray(beliefs.exogenous_values(exogenous))[index]
    parts = [*(np.asarray(c) for c in coordinates), *x.T]
    centred = np.stack([(p - p[:half].mean()) / max(p[:half].std(), 1e-12) for p in parts], -1)
    terms = np.asarray(_terms(centred))
    residual = values - terms @ np.linalg.lstsq(terms[:half], values[:half], rcond=None)[0]
    return index, (*coordinates, residual / max(residual[:half].std(), 1e-12))


@jax.jit
def _terms(x):
    return beliefs.monomials(x, beliefs.powers([2] * x.shape[1], 2))


@brief_jit
def _solve(agent, exogenous, rule: TableRule, belief, fields: tuple[Field, Field], nodes: int, sweeps) -> TableRule:
    """Endogenous-grid sweeps with a belief about the second field's information, from the rule where it was met."""
    used, known = fields
    index, coordinates = known.info
    seen = belief.transform(coordinates) if coordinates else jnp.zeros((*index.shape, 0))
    low, high = jnp.min(seen, axis=0), jnp.max(seen, axis=0)
    margin = 0.2 * (high - low)
    axes = tuple(EvenAxis(low[j] - margin[j], high[j] + margin[j], nodes) for j in range(seen.shape[1]))
    grids = jnp.meshgrid(jnp.arange(exogenous.n), *(axis.nodes for axis in axes), indexing="ij")
    flat = [grid.reshape(-1) for grid in grids]
    used_index, used_coordinates = used.info
    logs = [jnp.log(c) if log else c for c, log in zip(used_coordinates[: len(rule.axes)], rule.logs, strict=True)]

    def met(*node):
        """The rule's part at the date whose information was nearest to a node of the richer one."""
        gaps = [(seen[:, j] - node[1 + j]) / (high[j] - low[j]) for j in range(seen.shape[1])]
        date = jnp.argmin(sum((gap**2 for gap in gaps), 1e3 * jnp.abs(index - node[0])))
        return rule.at(used_index[date], [c[date] for c in logs])

    table = jax.lax.map(lambda node: met(*node), tuple(flat)).reshape(*grids[0].shape, *rule.table.shape[-3:])
    start = TableRule(agent, table, axes, rule.own_axis, RECORDED, belief.shape.logs)
    ahead = prospect(agent, exogenous, belief, axes)
    return jax.lax.fori_loop(0, sweeps, lambda number, r: sweep(r, ahead, number == 0), start)
