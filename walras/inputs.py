"""What can be wrong with an economy before anything is computed, and parameters by name."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.errors import InputError, UnknownName
from walras._core.keys import root_key
from walras._core.module import Parameters, as_parameter, parameters_of
from walras.economy import period as periods
from walras.economy.economy import Clear, Economy, Formula
from walras.economy.population import Panel, Population
from walras.economy.space import Interval, choice_fields


def check_parameters(economy: Economy) -> None:
    """Raise InputError, naming the field and the value, if a parameter is outside its interval or not a number."""
    for name, value, about in parameters_of(economy):
        number = np.asarray(value)
        low, high, closed = about["low"], about["high"], about["closed"]
        inside = (number >= low) & (number <= high) if closed else (number > low) & (number < high)
        if not np.all(np.isfinite(number)) or not np.all(inside):
            interval = f"[{low:g}, {high:g}]" if closed else f"({low:g}, {high:g})"
            raise InputError(
                f"{name} ({about['meaning']}) must lie in {interval}",
                where=type(economy).__name__,
                number=number.tolist(),
                remedy=_remedy(name),
            )


def _remedy(name: str) -> str:
    if name.endswith("beta"):
        return "At a discount factor of one or more lifetime utility has no bound and no stationary equilibrium exists."
    return f"Set {name} to a value inside."


def check_feasible(economy: Economy, exo) -> None:
    """Raise InputError if at its lower limit a type has nothing to choose from, at opening prices.

    Income of zero or less at a borrowing limit leaves no feasible consumption: the limit is beyond the natural one.
    """
    types = periods.agents(economy)
    populations: dict[str, Population] = {name: Panel(64) for name in types}
    state = periods.start(economy, populations, {}, root_key(0), exo, memory=False)
    now = periods.opening(economy, populations, state)
    market = economy.market()
    if isinstance(market, Formula):
        now = dataclasses.replace(now, prices=market.prices(now))
    elif isinstance(market, Clear) and market.bracket is not None:
        middle = jax.tree_util.tree_map(lambda a, b: jnp.asarray(0.5 * (a + b)), *market.bracket)
        now = dataclasses.replace(now, prices=middle)
    else:
        return
    for name, move in economy.timing().market.items():
        agent, limits = move.agent, move.agent.limits()
        fields, risk = type(limits).endogenous(), type(limits).risk_field()
        if type(limits).traits() or agent.risk.n is None or not isinstance(getattr(limits, fields[0]), Interval):
            continue
        view = move.sees(now)
        low = limits.to(**{f: getattr(limits, f).low for f in fields})
        for e in range(agent.risk.n):
            own = low.to(**{risk: jnp.asarray(e)}) if risk else low
            spaces = agent.feasible(own, view, {})
            first = getattr(spaces, choice_fields(spaces)[0])
            if isinstance(first, Interval) and float(first.high) <= float(first.low):
                at = ", ".join(f"{f} = {float(getattr(low, f)):g}" for f in fields)
                raise InputError(
                    f"nothing is feasible at the limit {at} in income state {e}: the set of "
                    f"'{choice_fields(spaces)[0]}' is [{float(first.low):g}, {float(first.high):g}]",
                    where=f"{name}.risk",
                    number=f"an income value of {float(agent.risk.value(jnp.asarray(e))):g}",
                    remedy="Make the income of that state positive, or the limit tighter than the natural borrowing limit.",
                )


def check_accounts(economy: Economy, populations, rules, state, key) -> None:
    """Raise InputError if an identity of the economy does not vanish, or is no number, over the first dates."""
    states, exo = [], state.exo
    for _ in range(3):
        state, now = _one_period(economy, populations, rules, state, key, exo)
        states.append(now)
    scale = max(1e-12, max(abs(float(v)) for flow in states[1].flows.values() for v in flow.values()))
    for identity, value in economy.accounts(states[1], states[2]).items():
        gap = abs(float(value)) / scale
        if not gap < 1e-6:
            raise InputError(
                f"the identity '{identity}' of the accounts does not vanish under the first rule",
                where=type(economy).__name__,
                number=f"a gap of {gap:.3g} of its flows",
                remedy="An equation leaks: compare each type's budget with prices and flows.",
            )


def _one_period(economy, populations, rules, state, key, exo):
    return eqx.filter_jit(periods.period)(economy, populations, rules, state, key, exo)


def with_parameters(economy: Economy, changes: dict[str, float]) -> Economy:
    """The economy with parameters replaced by dotted name, e.g. {"household.beta": 0.98}.

    Raises:
        UnknownName: for a name that is no parameter; suggests the nearest.
        InputError: for a value outside its interval.
    """
    known = [name for name, _, _ in parameters_of(economy)]
    for name, value in changes.items():
        if name not in known:
            raise UnknownName("parameter", name, known, where=type(economy).__name__)
        economy = _replaced(economy, name.split("."), value)
    check_parameters(economy)
    return economy


def _replaced(module: Parameters, path: list[str], value: float):
    head, *rest = path
    inner = _replaced(getattr(module, head), rest, value) if rest else as_parameter(float(value))
    return dataclasses.replace(module, **{head: inner})
