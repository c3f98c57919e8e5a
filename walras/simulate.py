"""Simulated series of a solved economy, by name and with units."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from walras._core.errors import InputError
from walras._core.host import on_host
from walras._core.keys import root_key, stream
from walras._core.tree import entry
from walras.diagnose.evidence import Evidence
from walras.economy import path as paths
from walras.economy.economy import Economy
from walras.economy.period import EconomyState, agents
from walras.economy.process import Process
from walras.loop import Laboratory
from walras.solution import Solution
from walras.solve import gather_for

# What the short names of the catalogue mean, and what they are measured in. A name that is not here keeps its own.
MEANINGS: dict[str, tuple[str, str]] = {
    "r": ("interest rate", "per period"),
    "R": ("gross return", "per period"),
    "q": ("bond price", "goods per bond"),
    "w": ("wage", "goods per unit of labour"),
    "tau": ("tax rate", "share of the wage"),
    "pi": ("inflation", "per period"),
    "Pi": ("inflation", "per period"),
    "i": ("nominal rate", "per period"),
    "mc": ("real marginal cost", "share of the price"),
    "cost": ("cost of changing prices", "share of output"),
    "g": ("growth of the own price", "ratio per period"),
    "x": ("relative price", "ratio"),
    "h": ("mean of log(1 + bonds)", "logs"),
    "Y": ("output", "goods per period"),
    "C": ("consumption", "goods per period"),
    "I": ("investment", "goods per period"),
    "K": ("capital", "goods"),
    "B": ("bonds", "goods"),
    "S": ("bonds asked for", "goods"),
    "A": ("assets", "goods"),
    "L": ("labour", "units of labour"),
    "U": ("unemployed", "persons"),
    "c": ("consumption", "goods per period"),
    "k": ("capital", "goods"),
    "b": ("bonds", "goods"),
    "a": ("assets", "goods"),
}
UNKNOWN_UNIT = "units of the economy"


def about(symbol: str, **more: str) -> dict[str, str]:
    """Attributes of a variable by its short name: `long_name`, `units`, `symbol`, and whatever else is given."""
    meaning, unit = MEANINGS.get(symbol, (symbol, UNKNOWN_UNIT))
    return {"long_name": meaning, "units": unit, "symbol": symbol, **more}


def series(economy: Economy, public: Any) -> dict[str, Any]:
    """Every scalar series of a public record, whatever its leading axes.

    Args:
        economy: the economy, its exogenous process on a finite chain.
        public: the public part of a `Now`, of one date or of many (all leaves lead with the axes of `exo`).

    Returns:
        `exogenous_state`, `exogenous_value`, `price_<name>`, `<type>_<stock>` and `<type>_<flow>` (`…_flow` where the
        type has a stock of that name).
    """
    exo = public.exo
    values = exogenous_table(economy.exogenous)
    values = np.asarray(values) if isinstance(exo, np.ndarray) else values
    found: dict[str, Any] = {"exogenous_state": exo}
    found |= {"exogenous_value" + (f"_{j}" if j else ""): values[exo, j] for j in range(values.shape[1])}
    if isinstance(public.prices, dict):
        found |= {f"price_{name}": value for name, value in public.prices.items()}
    for who, stocks in public.stocks.items():
        found |= {f"{who}_{name}": value for name, value in stocks.items()}
    for who, flows in public.flows.items():
        for name, value in flows.items():
            taken = name in public.stocks[who]
            found[f"{who}_{name}" + ("_flow" if taken else "")] = value
    return {name: value for name, value in found.items() if np.ndim(value) == np.ndim(exo)}


@eqx.filter_jit
def exogenous_table(process: Process) -> Array:
    """Value of a finite process in each state, shape (states, components)."""
    return jax.vmap(process.value)(jnp.arange(process.n)).reshape(process.n, -1)


def attributes(economy: Economy, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """`long_name`, `units` and `symbol` of series named as by `series`; of several types, each with its own name."""
    types = agents(economy)
    found = {}
    for name in names:
        who = next((t for t in sorted(types, key=len, reverse=True) if name.startswith(f"{t}_")), None)
        if name == "exogenous_state":
            found[name] = {"long_name": "exogenous state", "units": "index of the state", "symbol": "z"}
        elif name.startswith("exogenous_value"):
            number, symbols = name.removeprefix("exogenous_value").removeprefix("_"), getattr(economy.exogenous, "names", ())
            symbol = symbols[int(number or 0)] if symbols else "z"
            found[name] = {"long_name": "exogenous value", "units": "1", "symbol": symbol}
        elif who is None:
            found[name] = about(name.removeprefix("price_"))
        else:
            found[name] = about(name.removeprefix(f"{who}_").removesuffix("_flow"), agent=who)
            if found[name]["symbol"] == "Y":
                found[name]["long_name"] = "endowment"
            if len(types) > 1:
                found[name]["long_name"] += f" ({who})"
    return found


def laboratory_of(solution: Solution) -> Laboratory:
    """The laboratory of a solution that has rules.

    Raises:
        InputError: if the solution failed: there is nothing to simulate.
    """
    if solution.lab is None or solution.loop is None or not bool(solution.loop.finite):
        reasons = "; ".join(solution.certificate.reasons)
        raise InputError(
            f"the solve failed and left no rule to simulate ({reasons})",
            where=solution.name,
            remedy="Solve it first: its reasons say what to change.",
        )
    return solution.lab


def evidence_of(solution: Solution) -> Evidence:
    """The fresh simulation of a solution: the one behind its certificate, made anew where a file was loaded."""
    lab = laboratory_of(solution)
    return solution.evidence or gather_for(lab, solution.loop, solution.seed)


def attached(economy: Economy, public: Any, dims: tuple[str, ...]) -> dict[str, tuple]:
    """The series of a record as xarray variables on the given dims."""
    values = series(economy, public)
    labels = attributes(economy, values)
    return {name: (dims, np.asarray(value), labels[name]) for name, value in values.items()}


def general(solution: Solution) -> dict[str, Any]:
    """Attributes that every data set of a solution carries."""
    return {
        "economy": solution.name,
        "preset": solution.preset,
        "seed": solution.seed,
        "years_per_period": float(solution.economy.years_per_period),
    }


@on_host()
def simulate(solution: Solution, *, periods: int = 1000, key: int = 0) -> xr.Dataset:
    """Simulate a solved economy on fresh shocks, from a state of its long run.

    Args:
        solution: what `solve` returned, or `Solution.load`.
        periods: number of dates, at least 1.
        key: seed of the shocks.

    Returns:
        Series on the dimension `time` (dates 0 … periods − 1), each with `long_name` and `units`: the exogenous state
        and value, prices, and each type's stocks (at the beginning of the date) and flows.

    Raises:
        InputError: if the solve had failed, or `periods` is below 1.
    """
    lab = laboratory_of(solution)
    if periods < 1:
        raise InputError("a simulation needs at least one period", where="simulate", number=periods)
    begin = entry(solution.loop.economy, 0)
    stretch = stream(root_key(key), "simulate")
    exo = paths.exogenous_path(lab.economy, begin.exo, periods, stretch)
    public = _along(lab, solution.rules, begin, stretch, exo)
    data = attached(lab.economy, public, ("time",))
    time = ("time", np.arange(periods), {"long_name": "date", "units": "periods"})
    return xr.Dataset(data, {"time": time}, {**general(solution), "key": int(key)})


@eqx.filter_jit
def _along(lab: Laboratory, rules: dict, begin: EconomyState, key, exo):
    """The public record of as many dates as exogenous states are given, leading axis time."""
    begin = dataclasses.replace(begin, date=jnp.zeros_like(begin.date))
    return paths.run(lab.economy, lab.populations, rules, begin, exo, key, lambda now, _: now.public())[1]
