"""Two solutions of one economy side by side: rules, paths on common shocks, welfare.

The second economy starts where the first one starts and meets the same shocks, so that what differs is the rules alone.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from rich.table import Table

from walras._core.errors import InputError
from walras._core.keys import root_key, stream
from walras._core.tree import entry
from walras.diagnose.evidence import Evidence
from walras.economy import foc
from walras.economy import path as paths
from walras.economy import period as periods
from walras.economy.rule import Information, Rule
from walras.economy.space import choice_fields
from walras.economy.task import Field
from walras.loop import Laboratory
from walras.simulate import attributes, evidence_of, laboratory_of, series
from walras.solution import Solution

BURN = 200


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    `rules` by type: mean and 99 % of the absolute relative gap of the last choice, in per cent, weighted by the people of
    the first solution's long run. `paths` by series: both means, the mean absolute gap in the series' unit and as a share
    of its s.d. `welfare` by type: what the second solution's path is worth more, in per cent of consumption for ever.
    """

    rules: dict[str, tuple[float, float]]
    paths: dict[str, tuple[float, float, float, float]]
    welfare: dict[str, float]
    units: dict[str, str]
    dates: int

    def table(self, title: str = "") -> Table:
        """The series side by side as a table for a terminal."""
        table = Table(title=title or f"{self.dates} dates of common shocks")
        for column in ("series", "first, mean", "second, mean", "mean gap", "unit", "gap, share of s.d."):
            table.add_column(column, justify="left" if column in ("series", "unit") else "right")
        for name, (a, b, gap, share) in self.paths.items():
            part = f"{share:.2%}" if share == share else "–"
            table.add_row(name, f"{a:.5g}", f"{b:.5g}", f"{gap:.2g}", self.units[name], part)
        return table


def compare(first: Solution, second: Solution, *, dates: int = 2000, key: int = 0) -> Comparison:
    """Compare two solutions of one economy.

    Args:
        first, second: solutions of economies with the same types and the same exogenous process; the first is the reference.
        dates: dates of the common shocks, after 200 that are thrown away.
        key: seed of the shocks.

    Raises:
        InputError: if a solve had failed, or the economies have different types or numbers of exogenous states.
    """
    one, other = laboratory_of(first), laboratory_of(second)
    names, theirs = list(one.learners), list(other.learners)
    states = (one.economy.exogenous.n, other.economy.exogenous.n)
    if names != theirs or states[0] != states[1]:
        raise InputError(
            f"the solutions are not of one economy: types {names} and {theirs}, exogenous states {states[0]} and {states[1]}",
            where="compare",
            remedy="Compare two learners, presets or calibrations of the same economy, solved with the same number of states.",
        )
    root = stream(root_key(key), "compare")
    begin, started = entry(first.loop.economy, 0), entry(second.loop.economy, 0)
    exo = paths.exogenous_path(one.economy, begin.exo, BURN + dates, root)
    alike = jax.tree_util.tree_map(np.shape, begin.cross) == jax.tree_util.tree_map(np.shape, started.cross)
    cross = begin.cross if alike and _same_nodes(one, other) else started.cross
    started = dataclasses.replace(started, exo=begin.exo, cross=cross)
    seen = [_run(lab, s.rules, at, exo, root) for lab, s, at in ((one, first, begin), (other, second, started))]
    host = [jax.tree_util.tree_map(lambda leaf: np.asarray(leaf)[BURN:], part) for part in seen]
    (a, paid_a, worth), (b, paid_b, _) = host
    gaps = {}
    for name, value in a.items():
        if name.startswith("exogenous"):
            continue
        gap, sd = float(np.abs(b[name] - value).mean()), float(value.std())
        gaps[name] = (float(value.mean()), float(b[name].mean()), gap, gap / sd if sd > 1e-9 * abs(value.mean()) else np.nan)
    # An institution is paid nothing: there is nothing to compare.
    better = {n: 100 * float((paid_b[n] - paid_a[n]).mean() / worth[n].mean()) for n in names if worth[n].mean() != 0}
    labels = attributes(one.economy, a)
    units = {name: labels[name]["units"] for name in gaps}
    return Comparison(_rule_gaps(first, second), gaps, better, units, dates)


def _same_nodes(one: Laboratory, other: Laboratory) -> bool:
    """Whether histograms stand on the same nodes, so that a cross-section means the same in both."""
    flat = [jax.tree_util.tree_leaves(lab.populations) for lab in (one, other)]
    return len(flat[0]) == len(flat[1]) and all(np.allclose(x, y) for x, y in zip(*flat, strict=True))


@eqx.filter_jit
def _run(lab: Laboratory, rules: dict, begin, exo, key):
    """Series, payoffs and the worth of consumption by date."""
    agents = periods.agents(lab.economy)

    def record(now: periods.Now, _):
        paid, worth = {}, {}
        for name, agent in agents.items():
            view, outcome, cross = now.views[name], now.outcome[name], now.cross[name]

            def worth_of(own, choice, agent=agent, view=view, outcome=outcome):
                slopes = foc.margins(agent, own, choice, view, outcome)
                return slopes.u_c[-1] * getattr(choice, choice_fields(choice)[-1])

            paid[name] = now.welfare(name)
            worth[name] = cross.total(jax.vmap(worth_of)(cross.own, now.choices[name]))
        return series(lab.economy, now.public()), paid, worth

    begin = dataclasses.replace(begin, date=jnp.zeros_like(begin.date))
    return paths.run(lab.economy, lab.populations, rules, begin, exo, key, record)[1]


def _rule_gaps(first: Solution, second: Solution) -> dict[str, tuple[float, float]]:
    """Gap of the last choice between both rules on the first solution's sampled people, by type."""
    evidence, found = evidence_of(first), {}
    at = np.arange(len(evidence.states.date)) * evidence.stride
    for name in evidence.learning:
        sample = evidence.samples[name]
        own = jax.tree_util.tree_map(jnp.asarray, sample["own"])
        views, infos = entry(evidence.dates["views"][name], at), _infos(evidence, second.rules[name], name, at)
        chosen = np.asarray(_last_choices(second.rules[name], own, views, infos))
        weight = (sample["weight"] / sample["weight"].sum()).reshape(-1)
        gap = np.abs(chosen / sample["choice"] - 1.0).reshape(-1)
        order = np.argsort(gap)
        top = gap[order][np.searchsorted(np.cumsum(weight[order]), 0.99)]
        found[name] = (100 * float(weight @ gap), 100 * float(top))
    return found


def _infos(evidence: Evidence, rule: Rule, name: str, at: np.ndarray):
    """What another rule of the type would have read at the dates `at` of the first solution's simulation.

    Its memory is built up along the simulation; what is not public is read off the states that were kept.
    """
    if eqx.tree_equal(rule.information, evidence.rules[name].information):
        return entry(evidence.dates["infos"][name], at)
    public = evidence.dates["public"]
    if not rule.information.full:
        field = Field(public.exo, public.exo, evidence.dates["views"][name], None, None, public)
        return entry(_rebuilt(field, rule.information), at)
    kept = (evidence.states, entry(public, at), entry(evidence.dates["views"][name], at))
    return _read(evidence.lab, rule.information, *kept)


@eqx.filter_jit
def _rebuilt(field: Field, information: Information):
    return field.rebuilt(information)


@eqx.filter_jit
def _read(lab: Laboratory, information: Information, states, public, views):
    """What a full information reads in states, with an empty memory."""

    def one(state, seen, view):
        now = periods.opening(lab.economy, lab.populations, state)
        return information.read(information.start(), view, dataclasses.replace(now, prices=seen.prices))

    return jax.vmap(one)(states, public, views)


@eqx.filter_jit
def _last_choices(rule, own, views, infos):
    def one(o, view, info):
        choice = rule(o, view, info)
        return getattr(choice, choice_fields(choice)[-1])

    return jax.vmap(lambda o, view, info: jax.vmap(lambda i: one(i, view, info))(o))(own, views, infos)
