"""What can be wrong with an economy before anything is computed, and parameters by name."""

import dataclasses
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from walras._core.compiling import brief_jit
from walras._core.errors import InputError, UnknownName
from walras._core.module import indexed, parameters_of, replaced
from walras.economy import path as paths
from walras.economy import period as periods
from walras.economy.agent import Institution
from walras.economy.economy import Economy, Formula, Move, Sized
from walras.economy.information import view_numbers
from walras.economy.population import Finite, Population
from walras.economy.space import choice_fields

AnyEconomy = TypeVar("AnyEconomy", bound=Economy)


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
                remedy=_remedy(name, bool(np.any(number >= high))),
            )


def fitted(economy: Economy, populations: dict[str, Population]) -> tuple[Economy, dict[str, Population]]:
    """The economy with as many individuals as its finite populations say, where it can be had in any size, and the populations of
    the types that are left.

    Raises:
        InputError: for zero agents of a type that others need.
    """
    numbers = {name: population.n for name, population in populations.items() if isinstance(population, Finite)}
    if isinstance(economy, Sized) and numbers:
        economy = economy.sized(numbers)
        populations = {name: p for name, p in populations.items() if numbers.get(name) != 0}
    for name, n in numbers.items():
        if n < 1 and name in populations:
            remedy = "Give at least one."
            raise InputError(
                f"zero agents of type '{name}', which others need", where=type(economy).__name__, number=n, remedy=remedy
            )
    return economy, populations


def _remedy(name: str, above: bool) -> str:
    if name.endswith("beta") and above:
        return "At a discount factor of one or more lifetime utility has no bound and no stationary equilibrium exists."
    return f"Set {name} to a value inside."


def check_feasible(economy: Economy, exo) -> None:
    """Raise InputError if at its lower limit a type has nothing to choose from, at opening prices.

    Income of zero or less at a borrowing limit leaves no feasible consumption: the limit is beyond the natural one.
    """
    for name, sets in _sets_at_limit(economy, exo).items():
        agent = periods.agents(economy)[name]
        for e, (low, high, at, value) in enumerate(zip(*(np.asarray(x) for x in sets), strict=True)):
            if not high > low:
                raise InputError(
                    f"nothing is feasible at the limit {at:g} of the stock in income state {e}: the choice would lie in "
                    f"[{low:g}, {high:g}]",
                    where=f"{name}.risk ({type(agent.risk).__name__})",
                    number=f"an income value of {value:g}",
                    remedy="Make the income of that state positive, or the limit tighter than the natural borrowing limit.",
                )


@brief_jit
def _sets_at_limit(economy: Economy, exo) -> dict:
    """For each market mover with one stock and finite risk: ends of its first choice set at the limit, by risk state."""
    now = _newborn(economy, exo)
    prices, found = opening_prices(economy, now), {}
    for name, move in economy.timing().market.items() if prices is not None else ():
        agent, limits = move.agent, move.agent.limits()
        fields, risk = type(limits).endogenous(), type(limits).risk_field()
        if len(fields) != 1 or type(limits).traits() or agent.risk.n is None:
            continue
        try:
            view = move.sees(dataclasses.replace(now, prices=prices))
        except KeyError:  # it sees what another type does at the same date
            continue
        stock = getattr(limits, fields[0]).low

        def ends(e, agent=agent, limits=limits, field=fields[0], risk=risk, view=view, stock=stock):
            own = limits.to(**{field: stock})
            own = own.to(**{risk: e}) if risk else own
            spaces = agent.feasible(own, view, {})
            first = getattr(spaces, choice_fields(spaces)[0])
            return first.low, first.high, stock, agent.risk.value(e)

        found[name] = jax.vmap(ends)(jnp.arange(agent.risk.n))
    return found


def _newborn(economy: Economy, exo) -> periods.Now:
    """The record of a date at which everybody has just been born, before anybody moves."""
    types = periods.agents(economy)
    cross = {n: periods.Cross(*agent.birth(0, exo).nodes(), agent.mass) for n, agent in types.items()}
    stocks = {n: jax.tree_util.tree_map(cross[n].total, jax.vmap(a.holds)(cross[n].own)) for n, a in types.items()}
    now = periods.Now(jnp.asarray(0), jnp.asarray(exo), stocks, {}, cross=cross)
    for name, move in economy.timing().before.items():
        if isinstance(move.agent, Institution):
            now = _conducted(now, name, move, move.agent)
    return now


def _conducted(now: periods.Now, name: str, move: Move, institution: Institution) -> periods.Now:
    """The record after a leading institution did what it does by itself."""
    view, cross = move.sees(now), now.cross[name]
    chosen = jax.vmap(lambda own: institution.conduct(own, view))(cross.own)
    flows = jax.vmap(lambda own, choice: move.agent.does(own, choice, view))(cross.own, chosen)
    return dataclasses.replace(now, flows={**now.flows, name: jax.tree_util.tree_map(cross.total, flows)})


def opening_prices(economy: Economy, now: periods.Now):
    """Prices at which to look at an economy before anything is solved: the formula's, or the middle of the bracket."""
    market = economy.market()
    if isinstance(market, Formula):
        return market.prices(now)
    if market.guess is not None:
        return market.guess
    return jax.tree_util.tree_map(lambda a, b: 0.5 * (jnp.asarray(a) + b), *market.bracket)


def price_names(economy: Economy, name: str) -> tuple[str, ...]:
    """Names of the prices that a type sees move: those of the economy that its view carries and that differ between
    exogenous states; where its view carries none by its name, the prices that the market finds.

    Of an economy with finite exogenous states, before anything is solved.

    Raises:
        InputError: if the view of the type waits for what another type does at the same date.
    """
    try:
        ends, fields = _prices_at_ends(economy, name)
    except KeyError as error:
        raise InputError(
            f"which prices {name} sees cannot be told before {error.args[0]} has moved",
            where=f"information of {name}",
            remedy="Name them: prices:R,w for the numbers R and w of its view.",
        ) from error
    moving = [n for n, (one, other) in ends.items() if float(one) != float(other)]
    shared = tuple(n for n in fields if n in moving)
    market = economy.market()
    return shared or (tuple(moving) if isinstance(market, Formula) or market.bracket is None else tuple(market.bracket[0]))


def _prices_at_ends(economy: Economy, name: str) -> tuple[dict, tuple[str, ...]]:
    """Prices by name at the first and the last exogenous state when everybody is born, and the numbers of the view."""
    fields: list[str] = []

    @brief_jit
    def at(exo):
        now = _newborn(economy, exo)
        now = dataclasses.replace(now, prices=opening_prices(economy, now))
        fields[:] = view_numbers(economy.timing().moves()[name].sees(now))
        return now.prices

    first, last = at(np.int64(0)), at(np.int64(economy.exogenous.n - 1))
    return {n: (first[n], last[n]) for n in first}, tuple(fields)


def check_accounts(economy: Economy, populations, rules, state, key) -> None:
    """Raise InputError if an identity of the economy does not vanish, or is no number, over the first dates."""
    gaps = _account_gaps(economy, populations, rules, state, key)
    for identity, value in gaps.items():
        if not abs(float(value)) < 1e-6:
            raise InputError(
                f"the identity '{identity}' of the accounts does not vanish under the first rule",
                where=type(economy).__name__,
                number=f"a gap of {abs(float(value)):.3g} of its flows",
                remedy="An equation leaks: compare each type's budget with prices and flows.",
            )


@brief_jit
def _account_gaps(economy, populations, rules, state, key):
    """Largest gap of each identity over four dates after the first, relative to the sum of the absolute flows."""

    def record(now, _):
        return dataclasses.replace(now.public(), outcome=now.outcome)

    exo = jnp.broadcast_to(state.exo, (6, *jnp.shape(state.exo)))
    _, _, seen = paths.run_on(economy, populations, rules, (state, None), exo, key, record)
    now, after = (jax.tree_util.tree_map(lambda leaf, s=s: leaf[s], seen) for s in (slice(1, -1), slice(2, None)))
    flows = sum(jnp.sum(jnp.abs(leaf)) for leaf in jax.tree_util.tree_leaves(seen.flows)) / 6
    return {k: jnp.max(jnp.abs(v)) / jnp.maximum(flows, 1e-12) for k, v in jax.vmap(economy.accounts)(now, after).items()}


def with_parameters(economy: AnyEconomy, changes: dict[str, float]) -> AnyEconomy:
    """The economy with parameters replaced by dotted name, e.g. {"household.beta": 0.98}; of an array, "policy.outer[1]".

    Raises:
        UnknownName: for a name that is no parameter; suggests the nearest.
        InputError: for a value outside its interval.
    """
    known = [name for name, _, _ in parameters_of(economy)]
    for name, value in changes.items():
        if indexed(name)[0] not in known:
            raise UnknownName("parameter", name, known, where=type(economy).__name__)
        economy = replaced(economy, {name: value})
    check_parameters(economy)
    return economy
