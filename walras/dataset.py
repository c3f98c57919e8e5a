"""Everything that a solved economy did in its fresh simulation, as one labelled data set: `simulation.nc`.

What reports, comparisons and readers outside this package need, they find here; nothing has to be computed again.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from walras._core.compiling import brief_jit
from walras._core.keys import root_key, stream
from walras._core.tree import entry
from walras.diagnose import laws
from walras.diagnose.den_haan import dynamic_forecast
from walras.diagnose.evidence import Evidence
from walras.economy import foc
from walras.economy.agent import AgentType
from walras.economy.period import agents
from walras.economy.population import Histogram
from walras.economy.process import Process
from walras.economy.rule import Rule
from walras.economy.space import choice_fields
from walras.impulse import branches, in_percent, long_run_state, response
from walras.loop import MEASURES, tolerances
from walras.numerics.interpolate import Axis
from walras.shocks import components, contrast, middle
from walras.simulate import about, attached, attributes, evidence_of, exogenous_table, general
from walras.solution import Solution

HORIZON, PATHS = 40, 128
LAW_POINTS = 41
ERROR_EDGES = np.linspace(-10.0, 0.0, 61)

Variables = dict[str, tuple]


def dataset(solution: Solution) -> xr.Dataset:
    """The data set of a solution.

    Dimensions: `time` (dates of the fresh simulation), `exo` (exogenous states), `round` and `measure` (the loop),
    `impulse` and `horizon` (responses), and for each learning type TYPE `TYPE_risk` (own risk states), `TYPE_node`
    (nodes of the own stock), `TYPE_law_point` and `TYPE_error_bin`. Variables, each with `long_name` and `units`:

    - series on `time` as named by `simulate`; `TYPE_actual_J`, `TYPE_forecast_J`: aggregate coordinate J and what the
      law forecast for it from the first date on;
    - `TYPE_mass` on (risk, node): the mean cross-section; `TYPE_stock` the nodes (where the type has a distribution);
    - `TYPE_choice`, `TYPE_next_stock`, `TYPE_mpc` on (exo, risk, node): the last choice, the next own stock, and the
      marginal propensity (derivative of the last choice by that of the upper end of its interval), at the mean
      coordinates;
    - `TYPE_law_J` on (exo, law_point): the next coordinate J at `TYPE_law_grid_J` (the others at their means in that state) if
      the exogenous state stays as it is;
    - `TYPE_euler_share` on error_bin: share of mass and dates by log10 of the absolute Euler error;
    - `trace` on (round, measure): changes by round; `irf_NAME`, `irf_NAME_percent`, `irf_NAME_error` on
      (impulse, horizon), where there is aggregate risk.

    Raises:
        InputError: if the solve failed and left no rule.
    """
    evidence = evidence_of(solution)
    data, coords = _series(evidence)
    coords |= _exogenous(evidence)
    for name in evidence.learning:
        for more, where in (_rules(evidence, name), _law(evidence, name), _euler(evidence, name)):
            data |= more
            coords |= where
    data |= _rounds(solution)
    coords["round"] = ("round", np.arange(1, len(solution.trace) + 1), {"long_name": "round", "units": "rounds"})
    coords["measure"] = ("measure", list(MEASURES), {"long_name": "what changed", "units": "name"})
    if evidence.lab.economy.exogenous.n > 1 and _cases(evidence.lab.economy.exogenous):
        more, where = _responses(solution, evidence)
        data |= more
        coords |= where
    return xr.Dataset(data, coords, {**general(solution), "types": ", ".join(evidence.learning)})


def _rounds(solution: Solution) -> Variables:
    """Changes by round, and what the distances estimated from them must fall below (not a number: not looked at)."""
    lab = solution.lab
    assert lab is not None  # a solution without an answer has no data set
    allowed = tolerances(lab, solution.loop)
    if lab.stationary or lab.fresh:  # one measure alone decides
        alone = lab.preset.stationary_tolerance if lab.stationary else lab.experience.tolerance
        allowed = np.array([alone, np.nan, np.nan])
    label = {"long_name": "change from round to round", "units": "1"}
    limit = {"long_name": "tolerance of the estimated distance to the fixed point", "units": "1"}
    return {"trace": (("round", "measure"), solution.trace, label), "tolerance": ("measure", allowed, limit)}


def _series(evidence: Evidence) -> tuple[Variables, Variables]:
    """Series of the fresh simulation, and den Haan's comparison for each coordinate."""
    data: Variables = dict(attached(evidence.lab.economy, evidence.dates["public"], ("time",)))
    dates = len(evidence.dates["public"].exo)
    named = {name: values for name, (_, values, _) in data.items()}
    for name in evidence.learning:
        for j, (actual, forecast) in enumerate(dynamic_forecast(evidence, name)):
            label = _coordinate_label(evidence, named, name, j, actual)
            data[f"{name}_actual_{j}"] = ("time", actual, label)
            data[f"{name}_forecast_{j}"] = ("time", forecast, {**label, "long_name": f"{label['long_name']}, forecast"})
    return data, {"time": ("time", np.arange(dates), {"long_name": "date", "units": "periods"})}


def _coordinate_label(evidence: Evidence, named: dict, name: str, j: int, actual) -> dict[str, str]:
    """A coordinate has no name of its own: it takes that of the series that it equals."""
    labels = attributes(evidence.lab.economy, named)
    for series, values in named.items():
        if not series.startswith("exogenous") and np.allclose(values, actual, rtol=1e-9, atol=0):
            return {**labels[series], "series": series}
        if np.allclose(1.0 + values, actual, rtol=1e-12, atol=0):
            long_name = f"one plus {labels[series]['long_name']}"
            return {**labels[series], "long_name": long_name, "symbol": f"1 + {labels[series]['symbol']}", "series": ""}
    return {"long_name": f"coordinate {j} of {name}", "units": "units of the economy", "symbol": f"x{j}", "series": ""}


def _exogenous(evidence: Evidence) -> Variables:
    """The states of the exogenous process with their values."""
    table = np.asarray(exogenous_table(evidence.lab.economy.exogenous))
    names = [f"exogenous_value{f'_{j}' if j else ''}" for j in range(table.shape[1])]
    told = attributes(evidence.lab.economy, names)
    labels = {name.replace("exogenous", "exo"): label for name, label in told.items()}
    seen = np.bincount(evidence.dates["public"].exo, minlength=len(table)) / len(evidence.dates["public"].exo)
    return {
        "exo": ("exo", np.arange(len(table)), {"long_name": "exogenous state", "units": "index of the state"}),
        **{name: ("exo", column, label) for (name, label), column in zip(labels.items(), table.T, strict=True)},
        "exo_share": ("exo", seen, {"long_name": "share of dates in this state", "units": "share"}),
    }


def own_axis(evidence: Evidence, name: str) -> Axis:
    """Nodes of the own stock: those of the type's histogram, else those of its rule."""
    population = evidence.lab.populations[name]
    if isinstance(population, Histogram) and population.axis is not None:
        return population.axis
    return evidence.learner_states[name].table.own_axis


def mean_cross_section(evidence: Evidence, name: str, axis: Axis) -> np.ndarray | None:
    """Mean over sampled dates of the mass at each (risk state, node); None where all individuals are one."""
    sample, agent = evidence.samples[name], agents(evidence.lab.economy)[name]
    own = sample["own"]
    if sample["weight"].shape[1] < 2:
        return None
    risk = own.risk_field()
    state = np.asarray(getattr(own, risk)) if risk else np.zeros(sample["weight"].shape, int)
    stock = np.asarray(getattr(own, foc.stock_field(agent)))
    cell, right = (np.asarray(x) for x in _lottery(axis, stock))
    mass = np.zeros((agent.risk.n, axis.n))
    np.add.at(mass, (state, cell), sample["weight"] * (1 - right))
    np.add.at(mass, (state, cell + 1), sample["weight"] * right)
    return mass / len(sample["weight"])


@brief_jit
def _lottery(axis: Axis, x):
    return axis.lottery(x)


@brief_jit
def _at_mean(belief, coordinates, exo):
    """(view, outcome, info) in each exogenous state at the mean (transformed) coordinates, leading axis exo."""
    mean = jnp.mean(belief.transform(coordinates), axis=0) if belief.shape.logs else jnp.zeros(0)
    view, outcome = jax.vmap(lambda j: belief.forecast(j, mean))(exo)
    remembered = (jnp.mean(number) for number in coordinates[len(belief.shape.logs) :])
    return view, outcome, (exo, tuple(jnp.full(len(exo), c) for c in (*belief.raw(mean), *remembered)))


@brief_jit
def _decisions(agent: AgentType, rule: Rule, given, axis: Axis):
    """Nodes, values of the own risk, and last choice, next stock, marginal propensity on (exo, risk, node)."""
    stock, risk = foc.stock_field(agent), type(agent.limits()).risk_field()

    def at(situation, e, s, beside):
        view, outcome, info = situation

        def chosen(s):
            own = agent.limits().to(**{stock: s})
            own = own.to(**{risk: e}) if risk else own
            choice = rule(own, view, info)
            *earlier, last = choice_fields(choice)
            space = getattr(agent.feasible(own, view, {n: getattr(choice, n) for n in earlier}), last)
            moved = getattr(agent.move(own, choice, view, outcome), stock)
            return getattr(choice, last), moved, jnp.asarray(space.high, float)

        c, moved, _ = chosen(s)
        _, (slope, _, room) = jax.jvp(chosen, (beside,), (jnp.ones_like(s),))
        return c, moved, slope / room

    states, nodes = jnp.arange(agent.risk.n), axis.nodes
    # A rule has kinks at its nodes: slopes are those to the right of them (to the left of the last).
    beside = nodes + 1e-6 * jnp.diff(nodes, append=nodes[-2:-1])
    over_node = jax.vmap(at, in_axes=(None, None, 0, 0))
    over_risk = jax.vmap(over_node, in_axes=(None, 0, None, None))
    table = jax.vmap(over_risk, in_axes=(0, None, None, None))(given, states, nodes, beside)
    return nodes, jax.vmap(agent.risk.value)(states), *table


def _given(evidence: Evidence, name: str):
    """What a type sees in each exogenous state at the mean coordinates."""
    if evidence.lab.stationary:
        parts = (evidence.dates[part][name] for part in ("views", "outcomes", "infos"))
        return tuple(jax.tree_util.tree_map(lambda leaf: leaf[-1:], part) for part in parts)
    states = np.arange(evidence.lab.economy.exogenous.n)
    if name in evidence.laws:
        return _recorded(evidence, name, states)
    return _at_mean(evidence.learner_states[name].belief, evidence.dates["infos"][name][1], states)


def _recorded(evidence: Evidence, name: str, states: np.ndarray):
    """What a type whose law is about something else saw at one date of each exogenous state (of the nearest that came about):
    the date whose coordinates are nearest to their means in that state."""
    exo = np.asarray(evidence.dates["public"].exo)
    coordinates = [np.asarray(c) for c in laws.view_info(evidence.dates["views"][name])[1]]
    chosen = []
    for state in states:
        there = np.flatnonzero(np.abs(exo - state) == np.abs(exo - state).min())
        gaps = sum(((c[there] - c[there].mean()) / max(c.std(), 1e-12)) ** 2 for c in coordinates) + np.zeros(len(there))
        chosen.append(there[int(np.argmin(gaps))])
    parts = (evidence.dates[part][name] for part in ("views", "outcomes", "infos"))
    return tuple(entry(part, np.array(chosen)) for part in parts)


def _rules(evidence: Evidence, name: str) -> tuple[Variables, Variables]:
    """The mean cross-section, decision rules and marginal propensities of a type."""
    agent, axis = agents(evidence.lab.economy)[name], own_axis(evidence, name)
    field, choice = foc.stock_field(agent), _last_choice(evidence, name)
    found = _decisions(agent, evidence.rules[name], _given(evidence, name), axis)
    nodes, risks, chosen, moved, mpc = (np.asarray(x) for x in found)
    dims = ("exo", f"{name}_risk", f"{name}_node")
    stock = about(field, agent=name)
    data: Variables = {
        f"{name}_choice": (dims, chosen, about(choice, agent=name)),
        f"{name}_next_stock": (dims, moved, {**stock, "long_name": f"next {stock['long_name']}"}),
    }
    if np.isfinite(mpc).all():
        label = {"long_name": f"marginal propensity: {about(choice)['long_name']}", "units": "share of one more good"}
        data[f"{name}_mpc"] = (dims, mpc, label)
    mass = mean_cross_section(evidence, name, axis)
    if mass is not None:
        label = {"long_name": "mean cross-section", "units": "share of mass"}
        data[f"{name}_mass"] = (dims[1:], mass, label)
    low = float(np.max(np.asarray(getattr(agent.limits(), field).low)))
    own_risk = {"long_name": "own risk, value", "units": "1"}
    return data, {
        f"{name}_stock": (dims[2], nodes, {**stock, "limit": low}),
        f"{name}_risk_value": (dims[1], risks.reshape(agent.risk.n, -1)[:, 0], own_risk),
    }


def _last_choice(evidence: Evidence, name: str) -> str:
    """Name of the last field of a type's choice."""
    first = lambda leaf: np.asarray(leaf[0])  # noqa: E731
    own = jax.tree_util.tree_map(lambda leaf: np.asarray(leaf[0, 0]), evidence.samples[name]["own"])
    seen = (jax.tree_util.tree_map(first, evidence.dates[part][name]) for part in ("views", "infos"))
    return choice_fields(eqx.filter_eval_shape(evidence.rules[name], own, *seen))[-1]


@brief_jit
def _laws(belief, index, coordinates, states):
    """For each coordinate: a grid over what was seen and a tenth more at either end, and what follows on it in each state.

    The other coordinates are at the means that they have in that state (over all, in one that was not met).
    """
    seen = belief.transform(coordinates)
    low, high = seen.min(axis=0), seen.max(axis=0)
    here = (index == states[:, None]).astype(seen.dtype)
    means = jnp.where(here.sum(axis=1)[:, None] > 0, here @ seen / jnp.maximum(here.sum(axis=1), 1)[:, None], seen.mean(axis=0))
    step = jax.vmap(jax.vmap(lambda i, t: belief.step(i, t, i), in_axes=(None, 0)))
    found = []
    for j in range(len(belief.shape.logs)):
        width = 0.1 * (high[j] - low[j])
        along = jnp.linspace(low[j] - width, high[j] + width, LAW_POINTS)
        grids = jnp.repeat(means[:, None], LAW_POINTS, axis=1).at[..., j].set(along)
        found.append((belief.raw(grids[0])[j], belief.raw(step(states, grids))[j]))
    return found


def _law(evidence: Evidence, name: str) -> tuple[Variables, Variables]:
    """The law of motion of each coordinate, over what was seen and a tenth more at either end."""
    belief, (index, coordinates) = evidence.law(name)
    if not coordinates or evidence.lab.stationary:
        return {}, {}
    named = {n: v for n, (_, v, _) in attached(evidence.lab.economy, evidence.dates["public"], ("time",)).items()}
    states = np.arange(evidence.lab.economy.exogenous.n)
    data: Variables = {}
    where: Variables = {}
    for j, (grid, following) in enumerate(_laws(belief, index, coordinates, states)):
        label = _coordinate_label(evidence, named, name, j, coordinates[j])
        point, next_label = f"{name}_law_point", {**label, "long_name": f"next {label['long_name']}"}
        data[f"{name}_law_{j}"] = (("exo", point), np.asarray(following), next_label)
        where[f"{name}_law_grid_{j}"] = (point, np.asarray(grid), label)
    return data, where


def _euler(evidence: Evidence, name: str) -> tuple[Variables, Variables]:
    """Histogram of log10 of the absolute Euler error, weighted by mass and date; the ends collect what lies beyond."""
    sample = evidence.samples[name]
    logs = np.log10(np.maximum(np.abs(sample["error"]), 1e-16))
    inside = np.clip(logs, ERROR_EDGES[0], ERROR_EDGES[-1] - 1e-9)
    share, _ = np.histogram(inside, ERROR_EDGES, weights=sample["weight"])
    middle = 0.5 * (ERROR_EDGES[1:] + ERROR_EDGES[:-1])
    dim = f"{name}_error_bin"
    label = {"long_name": "Euler errors by size", "units": "share of mass and dates"}
    bins = {"long_name": "Euler error, log10 of its absolute value", "units": "log10 of a share of consumption"}
    return {f"{name}_euler_share": (dim, share / share.sum(), label)}, {dim: (dim, middle, bins)}


def _cases(process: Process) -> dict[str, tuple[int, float, int]]:
    """Shocks by label: the state before, the size, the component.

    One of each component of a joint chain that is a discretised AR(1), one of either sign to an AR(1) alone, and switches
    between the outer states of a chain in its own right.
    """
    parts, at, last = components(process), middle(process), process.n - 1
    if len(parts) > 1:
        listed = [(j, part) for j, part in enumerate(parts) if part.autoregression() is not None]
        return {f"{part.name}, +1 s.d.": (at, 1.0, j) for j, part in listed}
    if parts[0].autoregression() is not None:
        return {"+1 s.d.": (at, 1.0, 0), "−1 s.d.": (at, -1.0, 0)}
    return {f"state 0 → {last}": (0, float(last), 0), f"state {last} → 0": (last, 0.0, 0)}


def _responses(solution: Solution, evidence: Evidence) -> tuple[Variables, Variables]:
    """Responses to a shock of either sign; for a chain in its own right, to switching between its outer states."""
    lab, process = evidence.lab, evidence.lab.economy.exogenous
    key = stream(root_key(solution.seed), "responses")
    # A future from each state of a joint chain is dear, and means over many states are exact to begin with.
    paths = min(PATHS, max(PATHS // 4, 9 * PATHS // (process.n or 1)))
    found, seen = {}, {}
    for label, (exo, size, which) in _cases(process).items():
        without, shocked = contrast(process, exo, size, which)
        if exo not in seen:
            two = np.array([0, process.n - 1])
            nodes = two if label.startswith("state") else np.arange(process.n)
            state = long_run_state(evidence, exo)
            seen[exo] = branches(lab, evidence.rules, state, nodes, (paths, HORIZON), key)
        found[label] = response(evidence, seen[exo], without, shocked)
    names = next(iter(found.values()))
    labels, data = attributes(lab.economy, names), {}
    dims = ("impulse", "horizon")
    for name in names:
        if name == "exogenous_state":
            continue
        mean, error, base = (np.stack([case[name][k] for case in found.values()]) for k in range(3))
        label = {**labels[name], "baseline": float(base.mean())}
        data[f"irf_{name}"] = (dims, mean, label)
        data[f"irf_{name}_error"] = (dims, error, {**label, "long_name": f"{label['long_name']}, standard error"})
        if all(in_percent(b) for b in base):
            data[f"irf_{name}_percent"] = (dims, 100 * mean / base, {**label, "units": "%"})
    dates = {"long_name": "dates since the shock", "units": "periods"}
    return data, {
        "impulse": ("impulse", list(found), {"long_name": "shock to the exogenous process", "units": "name"}),
        "horizon": ("horizon", np.arange(HORIZON), dates),
    }
