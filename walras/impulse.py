"""Generalised impulse responses: what a shock changes in expectation, given where the economy stands.

The economy is at a state; at the next date, horizon 0, the shock arrives. From every state of the exogenous chain that
may then obtain, many futures are simulated, all branches with the same uniform draws, which the quantile function of
the chain turns into states that never cross. The response is the difference of two weighted means of these branches, so
that the date of the shock is integrated exactly and a shock of size zero does exactly nothing. What noise is left comes
from the exogenous futures, whose own mean response is known exactly: sent through the economy made linear, they serve as
control variates.

    @article{koop1996impulse, title={Impulse response analysis in nonlinear multivariate models}, author={Koop, Gary and
      Pesaran, M Hashem and Potter, Simon M}, journal={Journal of Econometrics}, volume={74}, number={1},
      pages={119--147}, year={1996}}
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from walras._core.compiling import brief_jit
from walras._core.errors import InputError
from walras._core.keys import host_generator, root_key, stream
from walras._core.tree import entry
from walras._core.types import Key
from walras.diagnose.evidence import Evidence
from walras.economy import period as periods
from walras.economy.process import Process
from walras.loop import Laboratory
from walras.shocks import ONLY, components, contrast, middle, numbered, size_unit, transition_of
from walras.simulate import attributes, evidence_of, exogenous_table, general, laboratory_of, series
from walras.solution import Solution

BATCH = 8


class Branches(NamedTuple):
    """Simulated futures: the `nodes` from which they start (exogenous states at horizon 0), and series by name."""

    nodes: Int[np.ndarray, " nodes"]
    values: dict[str, Float[np.ndarray, "nodes paths horizon"]]


def long_run_state(evidence: Evidence, exo: int) -> periods.EconomyState:
    """The sampled state whose stocks are nearest to their long-run means among those in exogenous state `exo`.

    Distances are in standard deviations of each stock. Where `exo` was never sampled, all states compete.
    """
    sampled = np.asarray(evidence.states.exo)
    dates = np.arange(len(sampled)) * evidence.stride
    distance = np.zeros(len(sampled))
    for value in jax.tree_util.tree_leaves(evidence.dates["public"].stocks):
        flat = value.reshape(len(value), -1)
        mean, sd = flat.mean(axis=0), flat.std(axis=0)
        moves = sd > 1e-9 * np.abs(mean)
        distance += (((flat[dates] - mean) / np.where(moves, sd, 1.0)) ** 2 * moves).sum(axis=1)
    here = sampled == exo
    chosen = int(np.argmin(np.where(here | ~here.any(), distance, np.inf)))
    return entry(evidence.states, chosen)


def branches(lab: Laboratory, rules: dict, state: periods.EconomyState, nodes, size: tuple[int, int], key: Key) -> Branches:
    """Simulated futures from each exogenous state in `nodes`, on the same draws; `size` is (paths, horizon)."""
    paths, horizon = size
    uniform = _uniforms(stream(key, "impulse"), paths, horizon + 1)
    values = _branches(lab, rules, state, np.asarray(nodes), uniform, key)
    return Branches(np.asarray(nodes), {name: np.asarray(value) for name, value in values.items()})


def _uniforms(key: Key, paths: int, horizon: int) -> Float[np.ndarray, "paths horizon"]:
    """Uniform draws, stratified over paths at every date."""
    generator = host_generator(key)
    order = generator.permuted(np.tile(np.arange(paths), (horizon, 1)), axis=1).T
    return (order + generator.random((paths, horizon))) / paths


@brief_jit
def _branches(lab: Laboratory, rules, state, nodes, uniform, key):
    economy = lab.economy
    begin = dataclasses.replace(state, date=jnp.zeros_like(state.date))

    def future(item):
        node, number, draws = item
        own = stream(key, "path", number)

        def step(at, u):
            # The step out of the given state leads to the node; one body for all dates compiles in half the time.
            drawn = economy.exogenous.given(at.exo, None, None, None).at(u)
            following = jnp.where(at.date == 0, node, drawn)
            after, now = periods.period(economy, lab.populations, rules, at, own, following)
            return after, series(economy, now.public())

        seen = jax.lax.scan(step, begin, draws)[1]
        return jax.tree_util.tree_map(lambda leaf: leaf[1:], seen)

    paths = uniform.shape[0]
    number = jnp.tile(jnp.arange(paths), len(nodes))
    items = (jnp.repeat(nodes, paths), number, uniform[number])
    flat = jax.lax.map(future, items, batch_size=BATCH)
    return jax.tree_util.tree_map(lambda leaf: leaf.reshape(len(nodes), paths, -1), flat)


class LinearModel(NamedTuple):
    """The economy made linear, from its long simulation: S' = A S + B x + D x', series = c S + d x, without constants.

    S are the stocks that move (in standard deviations), x the exogenous values.
    """

    A: Float[np.ndarray, "stocks stocks"]
    B: Float[np.ndarray, "stocks values"]
    D: Float[np.ndarray, "stocks values"]
    by_stocks: dict[str, Float[np.ndarray, " stocks"]]
    by_values: dict[str, Float[np.ndarray, " values"]]


def linear_model(evidence: Evidence) -> LinearModel:
    """Least squares on the certificate's simulation."""
    public = evidence.dates["public"]
    x = exogenous_values(evidence.lab.economy.exogenous)[public.exo]
    flat = np.concatenate([leaf.reshape(len(x), -1) for leaf in jax.tree_util.tree_leaves(public.stocks)], axis=1)
    sd = flat.std(axis=0)
    moves = sd > 1e-9 * np.abs(flat.mean(axis=0))
    S = (flat[:, moves] - flat[:, moves].mean(axis=0)) / sd[moves]
    m, k = S.shape[1], x.shape[1]

    def fit(y, *regressors):
        columns = np.concatenate([np.ones((len(y), 1)), *regressors], axis=1)
        return np.linalg.lstsq(columns, y, rcond=1e-8)[0][1:]

    ahead = fit(S[1:], S[:-1], x[:-1], x[1:]).T
    A, B, D = ahead[:, :m], ahead[:, m : m + k], ahead[:, m + k :]
    if m and np.abs(np.linalg.eigvals(A)).max() >= 1.0:  # a trend of the sample, which would explode at long horizons
        A = np.zeros_like(A)
    named = {n: np.asarray(v) for n, v in series(evidence.lab.economy, public).items()}
    now = {name: fit(value, S, x) for name, value in named.items()}
    return LinearModel(A, B, D, {n: c[:m] for n, c in now.items()}, {n: c[m:] for n, c in now.items()})


def response(
    evidence: Evidence, found: Branches, without: Float[np.ndarray, " n"], shocked: Float[np.ndarray, " n"]
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Mean response, its Monte-Carlo standard error, and the mean without the shock, by name; each (horizon,).

    What the futures' own draws add is taken out by a control of known mean, zero: the same futures through the economy
    made linear. Its coefficients come from the long simulation, not from these futures, so that the mean stays unbiased at
    every horizon however good or bad that model is.
    """
    change = (shocked - without)[found.nodes]
    model, x = linear_model(evidence), _surprises(evidence, found, without, shocked)
    stocks = np.zeros((*x.shape[:2], len(model.A)))
    for h in range(x.shape[1]):
        stocks[:, h] = x[:, h] @ model.D.T
        if h:
            stocks[:, h] += stocks[:, h - 1] @ model.A.T + x[:, h - 1] @ model.B.T
    answer = {}
    for name, values in found.values.items():
        each = np.tensordot(change, values, axes=1)
        if name in model.by_values:
            control = stocks @ model.by_stocks[name] + x @ model.by_values[name]
            # Far from its long run an economy may be so unlike the linear one that the control only adds noise.
            each = each - control * ((each - control).var(axis=0) < each.var(axis=0))
        base = np.tensordot(without[found.nodes], values, axes=1).mean(axis=0)
        answer[name] = (each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(len(each)), base)
    return answer


def exogenous_values(process: Process) -> Float[np.ndarray, "states values"]:
    """Values of a finite process by state, in logs where all are positive."""
    table = np.asarray(exogenous_table(process))
    return np.log(table) if (table > 0).all() else table


def _surprises(evidence: Evidence, found: Branches, without, shocked) -> Float[np.ndarray, "paths horizon values"]:
    """Responses of the exogenous values on each path less their known means."""
    process = evidence.lab.economy.exogenous
    table, transition, spread = exogenous_values(process), transition_of(process), shocked - without
    states = found.values["exogenous_state"].astype(int)
    seen = np.einsum("n,nphk->phk", spread[found.nodes], table[states])
    for h in range(states.shape[2]):
        seen[:, h] -= spread @ table
        spread = spread @ transition
    return seen


def impulse_response(
    solution: Solution,
    *,
    shock: str | int = ONLY,
    size: float | int = 1.0,
    horizon: int = 40,
    paths: int = 256,
    state: periods.EconomyState | None = None,
    key: int = 0,
) -> xr.Dataset:
    """How a shock moves the economy in expectation, from a given state.

    Args:
        solution: what `solve` returned, or `Solution.load`.
        shock: what is shocked: `exogenous` where the exogenous process is one, else the name or number of one of its
            independent components (of `Hank`: `z` or 0, `v` or 1).
        size: in standard deviations of the innovation (of either sign, also fractions) where it is a discretised AR(1): the
            conditional mean of its value (in logs where positive) moves by exactly that. For a chain in its own right the
            number of the state switched to, compared with staying.
        horizon: number of dates, the first (0) that of the shock.
        paths: futures simulated from each exogenous state.
        state: the economy at the date before the shock; the sampled state nearest to the long-run means, in the middle
            exogenous state, if not given.
        key: seed of the futures.

    Returns:
        On the dimension `horizon`, for every series NAME of `simulate`: `NAME` (response, in its units),
        `NAME_percent` (per cent of the mean without the shock; absent where that passes zero), `NAME_error`
        (Monte-Carlo standard error of the response) and `NAME_baseline` (mean without the shock).

    Raises:
        UnknownName: for a shock that the economy does not have.
        InputError: if it has no aggregate risk, several components none of which is named, or a size that its process cannot
            take.
    """
    lab = laboratory_of(solution)
    which = _check(lab, shock, horizon, paths)
    process, evidence = lab.economy.exogenous, evidence_of(solution)
    if state is None:
        state = long_run_state(evidence, middle(process))
    without, shocked = contrast(process, int(state.exo), size, which)
    nodes = np.flatnonzero((without > 0) | (shocked > 0))
    # The evidence's laboratory: where a type is a panel, its states are those of the histogram that the rule is judged on.
    found = branches(evidence.lab, solution.rules, state, nodes, (paths, horizon), root_key(key))
    data = {}
    labels = attributes(lab.economy, found.values)
    for name, (mean, error, base) in response(evidence, found, without, shocked).items():
        label = labels[name]
        data[name] = ("horizon", mean, label)
        data[f"{name}_error"] = ("horizon", error, {**label, "long_name": f"{label['long_name']}, standard error"})
        data[f"{name}_baseline"] = ("horizon", base, {**label, "long_name": f"{label['long_name']}, no shock"})
        if name != "exogenous_state" and in_percent(base):
            data[f"{name}_percent"] = ("horizon", 100 * mean / base, {**label, "units": "%"})
    dates = ("horizon", np.arange(horizon), {"long_name": "dates since the shock", "units": "periods"})
    part = components(process)[which]
    more = {"shock": part.name, "size": float(size), "size_unit": size_unit(part), "paths": paths, "key": int(key)}
    return xr.Dataset(data, {"horizon": dates}, {**general(solution), **more})


def in_percent(base: Float[np.ndarray, " horizon"]) -> bool:
    """Whether a baseline keeps away from zero, so that a response may be put in per cent of it."""
    return bool((base > 0).all() or (base < 0).all()) and float(np.abs(base).min()) > 1e-6 * float(np.abs(base).max())


def _check(lab: Laboratory, shock: str | int, horizon: int, paths: int) -> int:
    """The number of the component that is to be shocked."""
    if lab.economy.exogenous.n == 1:
        raise InputError(
            "it has no aggregate risk, so that nothing can be shocked",
            where=type(lab.economy).__name__,
            remedy="Take an economy whose `exogenous` process has more than one state.",
        )
    for name, value, least in (("horizon", horizon, 1), ("paths", paths, 2)):
        if value < least:
            raise InputError(f"{name} must be at least {least}", where="impulse_response", number=value)
    return numbered(lab.economy, shock)
