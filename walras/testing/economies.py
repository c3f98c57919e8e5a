"""`check_economy`: the contract that every economy keeps, for anybody's economy.

    import walras as w
    w.testing.check_economy(MyEconomy.baseline())

Each contract is a function that says in one sentence what it asks; `contracts` lists them by name. What fails raises
AssertionError with the contract's name, the place and the number.
"""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np

from walras._core.errors import InputError
from walras.economy import period as periods
from walras.economy.agent import AgentType
from walras.economy.economy import Economy
from walras.economy.process import Process
from walras.inputs import check_parameters
from walras.testing import individual, whole
from walras.testing.probe import Situation, Sizes, probe, require


def check_economy(
    economy: Economy,
    *,
    situation: Situation | None = None,
    waived: dict[str, str] | None = None,
    sizes: Sizes = Sizes(),  # noqa: B008
) -> None:
    """Run every contract on an economy.

    Args:
        economy: the economy, processes on a continuum included.
        situation: rules and openings, where births and random rules lead nowhere.
        waived: contracts that are not asked for, by name, each with its reason.
        sizes: how many individuals, dates, points and nodes are looked at.

    Raises:
        AssertionError: naming the first contract that is broken, where, and by how much.
    """
    name, waived = type(economy).__name__, waived or {}
    for contract in waived:
        require(contract in contracts(), name, "waived", f"no contract is called '{contract}'")
    for contract in STATIC:
        if contract.__name__ not in waived:
            contract(economy)
    try:
        alive = probe(economy, situation, sizes)
    except Exception as error:
        what = f"under feasible rules it raised {type(error).__name__}: {error}"
        raise AssertionError(f"{name} breaks the contract 'runs': {what}") from error
    for contract in LIVING:
        if contract.__name__ not in waived:
            contract(alive)


def parameters(economy: Economy) -> None:
    """Every parameter is an array leaf inside its interval: no Python number, no weak type, no float32."""
    name = type(economy).__name__
    for where, value in _fields(economy, name):
        plain = isinstance(value, bool | int | float | np.number | np.ndarray)
        remedy = "each new value would be compiled again, and its gradient would be None; declare it with `parameter(...)`"
        require(not plain, name, "parameters", f"{where} = {value!r} is no array: {remedy}")
    for path, leaf in jax.tree_util.tree_leaves_with_path(economy):
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating):
            kind = "weakly typed" if leaf.aval.weak_type else str(leaf.dtype)
            strong = kind == "float64"
            require(strong, name, "parameters", f"{name}{jax.tree_util.keystr(path)} is {kind}, not strongly typed float64")
    try:
        check_parameters(economy)
    except InputError as error:
        require(False, name, "parameters", str(error))


def _fields(module, where: str):
    """All fields below a module that are not modules themselves: (dotted name, value); static sizes are left out."""
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        if dataclasses.is_dataclass(value):
            yield from _fields(value, f"{where}.{field.name}")
        elif not (field.metadata.get("static") and not isinstance(value, float)):
            yield f"{where}.{field.name}", value


def documented(economy: Economy) -> None:
    """The file, the economy, its types, their own states, and every public method of theirs have docstrings."""
    name = type(economy).__name__
    require(getattr(inspect.getmodule(type(economy)), "__doc__", None), name, "documented", "its file has no docstring")
    described = [type(economy)]
    for agent in periods.agents(economy).values():
        described += [type(agent), type(agent.limits())]
    for cls in described:
        text = cls.__dict__.get("__doc__") or ""
        written = text and not text.startswith(f"{cls.__name__}(")
        require(written, name, "documented", f"{cls.__name__} has no docstring")
        for attribute, value in vars(cls).items():
            function = inspect.unwrap(getattr(value, "fget", None) or getattr(value, "__func__", value))
            if inspect.isfunction(function) and not attribute.startswith("_"):
                require(function.__doc__, name, "documented", f"{cls.__name__}.{attribute} has no docstring")


def movers(economy: Economy) -> None:
    """Every type moves once a date, and carries a mass and a risk process."""
    name, timing = type(economy).__name__, economy.timing()
    names = [*timing.before, *timing.market, *timing.after]
    require(len(set(names)) == len(names), name, "movers", f"a type moves twice in a date: {names}")
    for who, agent in periods.agents(economy).items():
        require(isinstance(agent, AgentType), name, "movers", f"{who} is a {type(agent).__name__}, no AgentType")
        require(isinstance(agent.risk, Process), name, "movers", f"{who}.risk is no Process (NoRisk() where there is none)")
        require(float(agent.mass) > 0, name, "movers", f"{who} has mass {float(agent.mass):g}")


STATIC = (parameters, documented, movers)
LIVING = (
    individual.chances,
    individual.numbers,
    individual.kept,
    individual.discounts,
    individual.feasible,
    individual.conditions,
    individual.inverted,
    whole.informed,
    whole.accounts,
    whole.agree,
    whole.compiled,
    whole.gradients,
    whole.repeatable,
)


def contracts() -> dict[str, str]:
    """What each contract asks, by name."""
    return {contract.__name__: (contract.__doc__ or "").splitlines()[0] for contract in (*STATIC, *LIVING)}
