"""One date of any economy: the only place that knows the timing inside a period.

    leaders move · prices (formula, or cleared by asking the rules again) · market movers · followers
    outcomes (market, after, then before) · payoffs · cross-sections move · memories step

`period` takes rules, not choices, because a clearing market has to ask the rule again at each candidate price. Every
price comes with a status. Nothing is clipped: without a sign change the market says so.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.keys import stream, streams
from walras._core.results import RootStatus
from walras._core.types import Key, PyTree
from walras.economy.agent import AgentType, Own
from walras.economy.economy import Clear, Economy, Formula, Move, Timing
from walras.economy.population import Population, Step, check_identities, check_rules, mortality
from walras.economy.rule import Rule
from walras.numerics import roots


class Cross(eqx.Module):
    """A realised cross-section: a batch of own states, weights that sum to one, the mass of the type."""

    own: Own
    weight: Array
    mass: Array

    def total(self, values: Array) -> Array:
        """mass × Σ weight × value."""
        return self.mass * jnp.tensordot(self.weight, values, axes=(0, 0))


class Now(eqx.Module):
    """The record of one date. What is public: date, exo, stocks, prices, flows, estates, status."""

    date: Array
    exo: Array
    stocks: dict[str, Any]
    estates: dict[str, Any]
    prices: Any = None
    flows: dict[str, Any] = eqx.field(default_factory=dict)
    status: Any = None
    views: dict[str, Any] = eqx.field(default_factory=dict)
    infos: dict[str, Any] = eqx.field(default_factory=dict)
    choices: dict[str, Any] = eqx.field(default_factory=dict)
    outcome: dict[str, Any] = eqx.field(default_factory=dict)
    payoff: dict[str, Any] = eqx.field(default_factory=dict)
    cross: dict[str, Any] = eqx.field(default_factory=dict)

    def total(self, who: str, function: Callable[[Own, Any], Array]) -> Array:
        """mass × weighted sum of `function(own, choice)` over the individuals of a type that has moved."""
        cross = self.cross[who]
        return cross.total(jax.vmap(function)(cross.own, self.choices[who]))

    def welfare(self, who: str) -> Array:
        """mass × weighted sum of this date's payoffs of a type that has been settled."""
        return self.cross[who].total(self.payoff[who])

    def public(self) -> "Now":
        """The record without what is private; reading a cross-section here fails at once, which is the point."""
        return dataclasses.replace(self, choices={}, payoff={}, cross={}, outcome={}, views={}, infos={})


class EconomyState(eqx.Module):
    """Everything that one date hands to the next; `guess`: where to look for several prices (vector, inverse Jacobian)."""

    date: Array
    exo: Array
    cross: dict[str, PyTree]
    memory: dict[str, PyTree]
    estates: dict[str, PyTree]
    guess: Any


class _Setting(NamedTuple):
    economy: Economy
    timing: Timing
    populations: dict[str, Population]
    rules: dict[str, Rule]
    memory: dict[str, PyTree]
    keys: dict[str, Key]

    @staticmethod
    def of(economy: Economy, populations, rules, memory, key: Key) -> "_Setting":
        """With a key for each type that may be asked."""
        timing = economy.timing()
        firsts = streams(key, [f"rule.{name}" for name in timing.moves()])
        keys = dict(zip(timing.moves(), firsts.values(), strict=True))
        return _Setting(economy, timing, populations, rules, memory, keys)


def agents(economy: Economy) -> dict[str, AgentType]:
    """The agent types by name, in the order in which they move."""
    return {name: move.agent for name, move in economy.timing().moves().items()}


def start(
    economy: Economy, populations: dict[str, Population], rules: dict[str, Rule], key: Key, exo=None, memory=True
) -> EconomyState:
    """The first state: everybody is born, memories are started from the rules (or left out, where no rule is known).

    Raises:
        InputError: if the number of agents of a type disagrees with its parameters, or a stochastic rule meets a
            histogram.
    """
    types = agents(economy)
    check_identities(populations, types)
    check_rules(populations, rules)
    exo = economy.exogenous.start(None).sample(stream(key, "exo")) if exo is None else jnp.asarray(exo)
    cross = {n: populations[n].birth(a, stream(key, f"birth.{n}"), exo) for n, a in types.items()}
    estates = {}
    for name, agent in types.items():
        own, _ = populations[name].individuals(agent, cross[name])
        held = jax.vmap(agent.holds)(own)
        estates[name] = jax.tree_util.tree_map(lambda leaf: jnp.zeros(leaf.shape[1:], leaf.dtype), held)
    market = economy.market()
    guess = None
    if isinstance(market, Clear) and market.guess is not None:
        first, _ = jax.flatten_util.ravel_pytree(jax.tree_util.tree_map(jnp.asarray, market.guess))
        guess = (first, jnp.zeros((len(first), len(first))))
    memory = {n: rules[n].information.start() for n in types} if memory else {}
    return EconomyState(jnp.asarray(0), exo, cross, memory, estates, guess)


def opening(economy: Economy, populations: dict[str, Population], state: EconomyState) -> Now:
    """The record before anybody moves: date, exogenous state, stocks."""
    cross, stocks = {}, {}
    for name, agent in agents(economy).items():
        own, weight = populations[name].individuals(agent, state.cross[name])
        cross[name] = Cross(own, weight, agent.mass)
        stocks[name] = jax.tree_util.tree_map(cross[name].total, jax.vmap(agent.holds)(own))
    return Now(state.date, state.exo, stocks, state.estates, cross=cross)


def _ask(setting: _Setting, now: Now, name: str, move: Move) -> Now:
    """One type moves: it sees, its information is read, its rule is asked, its flows are added."""
    rule, cross = setting.rules[name], now.cross[name]
    full = rule.information.full
    view = move.sees(now if full else now.public())
    info = rule.information.read(setting.memory[name], view, now if full else now.public())
    choice = rule.together(cross.own, view, info, jax.random.split(setting.keys[name], len(cross.weight)))
    flows = jax.vmap(lambda own, c: move.agent.does(own, c, view))(cross.own, choice)
    return dataclasses.replace(
        now,
        views={**now.views, name: view},
        infos={**now.infos, name: info},
        choices={**now.choices, name: choice},
        flows={**now.flows, name: jax.tree_util.tree_map(cross.total, flows)},
    )


def _at_prices(setting: _Setting, now: Now, prices) -> Now:
    """The record after every market mover was asked at these prices."""
    now = dataclasses.replace(now, prices=prices)
    for name, move in setting.timing.market.items():
        now = _ask(setting, now, name, move)
    return now


def _settle_prices(setting: _Setting, now: Now, guess) -> tuple[Now, Any]:
    market = setting.economy.market()
    if isinstance(market, Formula):
        status = (jnp.asarray(int(RootStatus.BRACKETED), jnp.int32), jnp.zeros(()))
        return dataclasses.replace(_at_prices(setting, now, market.prices(now)), status=status), guess
    _, unravel = jax.flatten_util.ravel_pytree(jax.tree_util.tree_map(jnp.asarray, market.template))

    def excess(x):
        return jax.flatten_util.ravel_pytree(market.excess(_at_prices(setting, now, unravel(x))))[0]

    if market.guess is None:
        low, high = (jax.flatten_util.ravel_pytree(end)[0][0] for end in market.bracket)
        root = roots.bracketed(lambda x: excess(x[None])[0], low, high)
        value = root.value[None]
    else:
        root = roots.from_guess(excess, *guess)
        value, guess = root.value, (root.value, root.inverse)
    status = (root.status, jnp.max(jnp.abs(root.residual)))
    settled = dataclasses.replace(_at_prices(setting, now, unravel(value)), status=status)
    return settled, guess


def open_market(economy, populations, rules, state: EconomyState, key: Key) -> tuple[Now, Any]:
    """The date up to and including outcomes and payoffs; nothing moves on. Returns the record and the next guess."""
    setting = _Setting.of(economy, populations, rules, state.memory, key)
    now, guess = _settle_prices(setting, _led(setting, opening(economy, populations, state)), state.guess)
    return _settle(setting, now), guess


def led(economy, populations, rules: dict[str, Rule], state: EconomyState, key: Key) -> Now:
    """The record after leaders have moved: all that formula prices may read."""
    fresh = {name: rules[name].information.start() for name in economy.timing().before}
    setting = _Setting.of(economy, populations, rules, {**fresh, **state.memory}, key)
    return _led(setting, opening(economy, populations, state))


def _led(setting: _Setting, now: Now) -> Now:
    for name, move in setting.timing.before.items():
        now = _ask(setting, now, name, move)
    return now


def spaces(economy, populations, rules: dict[str, Rule], state: EconomyState, key: Key, name: str):
    """What one individual of a type may choose, at the prices where a search begins, when those before it have moved.

    `rules` has at least those of the types that move before it, because what one sees may depend on what they chose.
    """
    market, timing = economy.market(), economy.timing()
    leads = name in timing.before  # no price is known yet
    now = opening(economy, populations, state) if leads else led(economy, populations, rules, state, key)
    prices = None if leads else market.prices(now) if isinstance(market, Formula) else market.template
    now = dataclasses.replace(now, prices=prices)
    moves = timing.moves()
    for before, mover in moves.items():
        if before == name:
            break
        if before in now.flows:
            continue
        memory = {before: rules[before].information.start()}
        now = _ask(_Setting.of(economy, populations, rules, memory, key), now, before, mover)
    own = jax.tree_util.tree_map(lambda leaf: leaf[0], now.cross[name].own)
    return moves[name].agent.feasible(own, moves[name].sees(now), {})


def hypothetical(economy, populations, rules, state: EconomyState, key: Key, *, stocks=None, prices=None) -> Now:
    """The date if stocks were `stocks` (formula prices) or prices were `prices` (cleared ones): nothing is cleared."""
    setting = _Setting.of(economy, populations, rules, state.memory, key)
    now = opening(economy, populations, state)
    now = _led(setting, now if stocks is None else dataclasses.replace(now, stocks=stocks))
    market = economy.market()
    now = _at_prices(setting, now, market.prices(now) if isinstance(market, Formula) else prices)
    return _settle(setting, now)


def _settle(setting: _Setting, now: Now) -> Now:
    """Followers move, then outcomes and payoffs of everybody."""
    for name, move in setting.timing.after.items():
        now = _ask(setting, now, name, move)
    for name, move in setting.timing.settles().items():
        outcome = move.gets(now)
        now = dataclasses.replace(now, outcome={**now.outcome, name: outcome})
        payoff = jax.vmap(lambda o, c: move.agent.payoff(o, c, now.views[name], outcome))  # noqa: B023
        paid = payoff(now.cross[name].own, now.choices[name])
        now = dataclasses.replace(now, payoff={**now.payoff, name: paid})
    return now


def period(
    economy: Economy,
    populations: dict[str, Population],
    rules: dict[str, Rule],
    state: EconomyState,
    key: Key,
    exo_next=None,
) -> tuple[EconomyState, Now]:
    """One date. Returns the state of the next date and the record of this one.

    `exo_next` fixes the next exogenous state (a fixed shock path); None draws it.
    """
    key = jax.random.fold_in(key, state.date)
    now, guess = open_market(economy, populations, rules, state, key)
    if exo_next is None:
        exo_next = economy.exogenous.given(state.exo, None, None, None).sample(stream(key, "exo"))
    return move_on(economy, populations, rules, state, now, key, exo_next, guess), now


def move_on(economy, populations, rules, state: EconomyState, now: Now, key: Key, exo_next, guess=None) -> EconomyState:
    """From the settled record of a date to the state of the next one, given the next exogenous state."""
    exo_next = jnp.asarray(exo_next, state.exo.dtype)
    cross, estates, memory = {}, {}, {}
    types = agents(economy)
    keys = streams(key, [f"{what}.{name}" for name in types for what in ("fate", "chance")])
    for name, agent in types.items():
        own, view, outcome = now.cross[name].own, now.views[name], now.outcome[name]
        moved = jax.vmap(lambda o, c: agent.move(o, c, view, outcome))(own, now.choices[name])  # noqa: B023
        survival = mortality(agent, own, view, outcome)
        if survival is not None:
            survival = populations[name].fate(survival, keys[f"fate.{name}"])
        step = Step(state.exo, exo_next, outcome, keys[f"chance.{name}"])
        cross[name] = populations[name].advance(agent, state.cross[name], moved, survival, step)
        estates[name] = state.estates[name] if survival is None else _estates(agent, now.cross[name], moved, survival)
        information = rules[name].information
        memory[name] = information.step(state.memory[name], now if information.full else now.public())
    return EconomyState(state.date + 1, exo_next, cross, memory, estates, guess)


def _estates(agent, cross: Cross, moved: Own, survival):
    """What the dead hold at the next date: it is at work there and belongs to nobody alive (`survival`: their fate)."""
    held = jax.vmap(agent.holds)(moved)
    return jax.tree_util.tree_map(lambda leaf: cross.total((leaf.T * (1 - survival)).T), held)
