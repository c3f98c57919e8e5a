"""Any economy as a functional environment of many agents, built on `period`: arrays [individual, feature] for each type.

    obs, state = env.reset(key)
    obs, state, reward, done, info = env.step(key, state, actions)

Pure functions: `jax.vmap` them over keys and states for many environments, `jax.lax.scan` them over dates.

What an action is. A discrete choice is the number of a value. A number is a position in [0, 1]: the share of what will be feasible
(0 the least, 1 the most). So a market that clears can still ask at each candidate price (of whoever consumes half of what it has:
half of what?), and every economy can be stepped. Where it cannot clear at any price in its bracket, `info["cleared"]` says so and
the date is the one nearest to clearing.

What is observed. The own state, and what the type's view says, where it can be formed before anybody moves: prices are posted, or
a formula of stocks. Where it cannot (prices clear, or depend on what leaders choose at the same date), the exogenous state, all
public stocks, and the prices of the last date; at a reset those at which everybody chooses the middle of what it may.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError, UnknownName
from walras._core.keys import root_key, stream
from walras._core.tree import precision
from walras._core.types import Key, PyTree
from walras.economy import period as periods
from walras.economy.agent import Institution
from walras.economy.economy import Economy, Formula
from walras.economy.population import Finite, Histogram, Panel, Population, Representative
from walras.economy.rule import Actions, ConductRule, Rule
from walras.inputs import check_parameters, fitted
from walras.interfaces.actions import Heads

REHEARSED = 20
"""Dates of the rehearsal under random actions that gives the units of observations."""

MOST_NUMBERED = 64
"""Numbered individuals beyond which a number is one feature, not one for each."""


class EnvironmentState(eqx.Module):
    """The economy, the date of the episode, and the prices of the last date."""

    economy: periods.EconomyState
    t: Array
    prices: PyTree


class Environment(eqx.Module):
    """An economy in which the types `acting` are told what to do; the others follow `rules`. Made by `of`.

    `heads` says by type what an action is. `formed` names the types whose view is part of what they observe.
    """

    economy: Economy
    populations: dict[str, Population]
    rules: dict[str, Rule]
    units: dict[str, Array]
    heads: dict[str, Heads] = eqx.field(static=True)
    formed: frozenset[str] = eqx.field(static=True)
    horizon: int = eqx.field(static=True)
    terminates: bool = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        economy: Economy,
        *,
        populations: dict[str, Population] | None = None,
        rules: dict[str, Rule] | None = None,
        horizon: int = 100,
        terminates: bool = False,
        single: bool = False,
        scaled: bool = True,
    ) -> "Environment":
        """An environment.

        Args:
            economy: any economy.
            populations: how a type is represented: `Finite(n)`, `Panel(n)` or `Representative()`. If not named: as many as a type
                has numbers, one where all are alike for ever, a panel of 100 else.
            rules: fixed rules of types that do not act (from `solve`, say). Institutions act by their formula unless named.
            horizon: dates of an episode.
            terminates: whether the world ends with it, or only what is watched of it.
            single: whether to compute in single precision, where no equation of the economy asks for double.
            scaled: observations as arcsinh(x/unit), units the largest sizes in a short rehearsal; else raw numbers.

        Raises:
            UnknownName: for a type that does not exist.
            InputError: for a histogram, no individuals of a type that others need, no type that acts, a horizon below 1,
                single precision where an equation makes it double.
        """
        given, fixed = dict(populations or {}), dict(rules or {})
        for name in (*given, *fixed):
            if name not in periods.agents(economy):
                raise UnknownName("agent type", name, periods.agents(economy), where="Environment")
        if horizon < 1:
            raise InputError("an episode needs at least one date", where="Environment", number=horizon)
        check_parameters(economy)
        economy, given = fitted(economy, given)
        economy = _cast(economy, jnp.float32) if single else economy
        types = periods.agents(economy)
        held = {name: given.get(name) or _listed(agent) for name, agent in types.items()}
        for name, population in held.items():
            if isinstance(population, Histogram):
                remedy = "Use Finite(n), Panel(n) or Representative()."
                raise InputError("a histogram lists nobody who could act", where=f"population of {name}", remedy=remedy)
        conduct = {name: ConductRule(agent) for name, agent in types.items() if isinstance(agent, Institution)}
        fixed = {**conduct, **{name: rule for name, rule in fixed.items() if name in types}}
        if set(types) <= set(fixed):
            raise InputError("nobody acts", where=type(economy).__name__, remedy="Leave a type out of the rules.")
        made = cls(economy, held, fixed, {}, _heads(economy, held, fixed), frozenset(), horizon, terminates)
        made = dataclasses.replace(made, formed=frozenset(name for name in types if made._can_form(name)))
        if single:
            _check_single(made)
        return dataclasses.replace(made, units=_rehearsed(made)) if scaled else made

    @property
    def acting(self) -> tuple[str, ...]:
        """Types that are told what to do."""
        return tuple(name for name in self.heads if name not in self.rules)

    def count(self, name: str) -> int:
        """Individuals of a type."""
        population = self.populations[name]
        return population.n if isinstance(population, Finite | Panel) else 1

    def reset(self, key: Key) -> tuple[dict[str, Array], EnvironmentState]:
        """A new episode: observations [individual, feature] by acting type, and the state."""
        return self.begin(key, self._told(self._middle()))

    def begin(self, key: Key, rules: dict[str, Rule]) -> tuple[dict[str, Array], EnvironmentState]:
        """As `reset`, memories started from the rules of all types that will be used."""
        state = periods.start(self.economy, self.populations, rules, key)
        told = self._told(self._middle())
        memory = {name: rule.information.start() for name, rule in told.items()}
        now, _ = periods.open_market(self.economy, self.populations, told, dataclasses.replace(state, memory=memory), key)
        begun = EnvironmentState(state, jnp.zeros((), jnp.int32), now.prices)
        return self.observe(begun), begun

    def step(self, key: Key, state: EnvironmentState, actions: dict[str, Array]):
        """One date.

        Args:
            key: random key of this date.
            state: the state.
            actions: by acting type, [individual, head] as `heads` says. An action that is not admitted stands for the nearest
                that is.

        Returns:
            Observations by acting type, the state, rewards [individual] by acting type, whether the episode is over, and
            `info`: `cleared`, `residual` (of the market), `discount` ([individual] by type, between the last date and this one).
            Nothing is reset: where `done`, call `reset`.

        Raises:
            InputError: if actions of a type that acts are missing, or have another shape.
        """
        return self.advance(key, state, self._told(actions))

    def advance(self, key: Key, state: EnvironmentState, rules: dict[str, Rule]):
        """One date as `step`, everybody of every type by rule."""
        following, now = periods.period(self.economy, self.populations, rules, state.economy, key)
        state = EnvironmentState(following, state.t + 1, now.prices)
        types = periods.agents(self.economy)
        discount = {n: jax.vmap(lambda own, n=n: types[n].discount(own, now.views[n], now.outcome[n]))(now.cross[n].own)
                    for n in self.acting}  # fmt: skip
        info = {"cleared": now.status[0] == 0, "residual": now.status[1], "discount": discount}
        return self.observe(state), state, {n: now.payoff[n] for n in self.acting}, state.t >= self.horizon, info

    def observe(self, state: EnvironmentState) -> dict[str, Array]:
        """Observations [individual, feature] by acting type."""
        now = self._opened(state)
        raw = {name: self._features(name, now) for name in self.acting}
        return {name: jnp.arcsinh(x / self.units[name]) if name in self.units else x for name, x in raw.items()}

    def masks(self, state: EnvironmentState) -> dict[str, Array]:
        """Which values may be chosen: [individual, value], the discrete heads of a type one after the other."""
        now, found = self._opened(state), {}
        for name in self.acting:
            agent, heads, own = periods.agents(self.economy)[name], self.heads[name], now.cross[name].own
            if name in self.formed:
                view = self._sees(name, now)
                found[name] = jax.vmap(lambda o: heads.masks(agent.feasible(o, view, {})))(own)  # noqa: B023
            else:
                found[name] = jnp.ones((self.count(name), sum(heads.values)), bool)
        return found

    def sample(self, key: Key) -> dict[str, Array]:
        """Random actions."""
        real = precision(self.economy)
        return {n: self.heads[n].uniform(stream(key, f"act.{n}"), self.count(n), real) for n in self.acting}

    def act(self, name: str, actions: Array) -> Actions:
        """The rule of a type whose individuals do what `actions` [individual, head] say."""
        actions = jnp.asarray(actions).astype(precision(self.economy))
        if actions.shape[0] != self.count(name):
            remedy = f"Give {self.count(name)} rows."
            what, where = "one row for each individual is asked for", f"actions of {name}"
            raise InputError(what, where=where, number=f"{actions.shape[0]} rows", remedy=remedy)
        return Actions(periods.agents(self.economy)[name], self.heads[name].positions(actions))

    def _told(self, actions: dict[str, Array]) -> dict[str, Rule]:
        for name in self.acting:
            if name not in actions:
                remedy = "Give it actions, or a rule when the environment is made."
                raise InputError(f"no actions for type '{name}'", where=type(self.economy).__name__, remedy=remedy)
        return {**self.rules, **{name: self.act(name, actions[name]) for name in self.acting}}

    def _middle(self) -> dict[str, Array]:
        return {name: _middle(self.heads[name], self.count(name), precision(self.economy)) for name in self.acting}

    def _opened(self, state: EnvironmentState) -> periods.Now:
        """The record before anybody moves, with the prices of the date where they are a formula of it, else the last ones."""
        now = periods.opening(self.economy, self.populations, state.economy)
        market = self.economy.market()
        try:
            prices = market.prices(now) if isinstance(market, Formula) else state.prices
        except (KeyError, TypeError):  # it reads what a leader chooses
            prices = state.prices
        return dataclasses.replace(now, prices=prices)

    def _can_form(self, name: str) -> bool:
        """Whether a type's view can be formed before anybody moves."""
        market = self.economy.market()
        if not isinstance(market, Formula):
            return False

        def view(key):
            state = periods.start(self.economy, self.populations, {}, key, memory=False)
            now = periods.opening(self.economy, self.populations, state)
            prices = market.prices(now)
            return self._sees(name, dataclasses.replace(now, prices=prices)).info()

        try:
            jax.eval_shape(view, jax.random.key(0))
        except (KeyError, TypeError):
            return False
        return True

    def _sees(self, name: str, now: periods.Now):
        return self.economy.timing().moves()[name].sees(now.public())

    def _features(self, name: str, now: periods.Now) -> Array:
        agent, own = periods.agents(self.economy)[name], now.cross[name].own
        real = precision(self.economy)
        rows = jax.vmap(lambda o: _own_features(agent, o, self.count(name)))(own)
        exo = self.economy.exogenous
        public = [] if exo.n == 1 else [jnp.ravel(exo.value(now.exo))]
        if name in self.formed:
            public += [jnp.ravel(c) for c in self._sees(name, now).info()[1]]
        else:
            public += [jnp.ravel(x) for x in jax.tree_util.tree_leaves((now.stocks, now.prices))]
        common = jnp.concatenate([jnp.zeros(0), *public]).astype(real)
        return jnp.concatenate([rows.astype(real), jnp.broadcast_to(common, (rows.shape[0], len(common)))], axis=1)


def _own_features(agent, own, count: int) -> Array:
    """Own state as numbers: endogenous fields, value of the risk state, traits (numbers of individuals one by one)."""
    kind = type(own)
    parts = [jnp.ravel(getattr(own, name)) for name in kind.endogenous()]
    if (risk := kind.risk_field()) is not None:
        parts.append(jnp.ravel(agent.risk.value(getattr(own, risk))))
    for name in kind.traits():
        value = jnp.asarray(getattr(own, name))
        numbered = jnp.issubdtype(value.dtype, jnp.integer) and value.ndim == 0 and count <= MOST_NUMBERED
        parts.append(jax.nn.one_hot(value, count) if numbered else jnp.ravel(value))
    return jnp.concatenate([jnp.zeros(0), *parts])


def _cast(tree: PyTree, dtype) -> PyTree:
    return jax.tree_util.tree_map(lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x, tree)


def _check_single(env: Environment) -> None:
    """Raise InputError if a date makes anything of the state double."""
    key = jax.random.key(0)
    _, state = eqx.filter_eval_shape(env.reset, key)
    _, following, *_ = eqx.filter_eval_shape(env.step, key, state, env.sample(key))
    before, after = (jax.tree_util.tree_leaves_with_path(s.economy.cross) for s in (state, following))
    for (path, one), (_, other) in zip(before, after, strict=True):
        if one.dtype != other.dtype:
            raise InputError(
                f"an equation makes cross{jax.tree_util.keystr(path)} {other.dtype}",
                where=f"{type(env.economy).__name__} in single precision",
                remedy="Use double precision (single=False), or let the equation keep the type of its numbers.",
            )


def _listed(agent) -> Population:
    """A census of numbered individuals, one who stands for all where all are alike for ever, a panel of 100 else."""
    if (n := getattr(agent, "identities", None)) is not None:
        return Finite(n)
    alike = agent.risk.n == 1 and len(eqx.filter_eval_shape(lambda: agent.birth(0, 0).nodes()[1])) == 1
    return Representative() if alike else Panel(100)


def _middle(heads: Heads, count: int, dtype) -> Array:
    """The middle of what everybody may choose."""
    row = jnp.asarray([float(n // 2) if n else 0.5 for n in heads.values], dtype)
    return jnp.broadcast_to(row, (count, heads.size))


def _heads(economy: Economy, populations, rules) -> dict[str, Heads]:
    """What an action of each type is, in the order of moves."""
    found: dict[str, Heads] = {}
    types = periods.agents(economy)
    for name in types:
        if name in rules:
            told: Any = Heads((), (), ())
        else:

            def spaces(key, name=name):
                acted = {}
                for other, heads in found.items():
                    middle = _middle(heads, getattr(populations[other], "n", 1), precision(economy))
                    acted[other] = Actions(types[other], heads.positions(middle))
                known = {**acted, **rules}
                state = periods.start(economy, populations, {}, key, memory=False)
                return periods.spaces(economy, populations, known, state, key, name)

            told = Heads.of(jax.eval_shape(spaces, jax.random.key(0)))
        found[name] = told
    return found


def _rehearsed(env: Environment) -> dict[str, Array]:
    """The largest size of each feature over some dates of random actions; one where it was never other than zero."""

    @eqx.filter_jit
    def rehearse(env, key):
        first, state = env.reset(key)

        def date(state, k):
            obs, state, *_ = env.step(k, state, env.sample(k))
            return state, obs

        _, later = jax.lax.scan(date, state, jax.random.split(key, REHEARSED))
        return {name: jnp.concatenate([first[name][None], later[name]]) for name in first}

    seen = rehearse(env, root_key(0))
    found = {}
    for name, x in seen.items():
        size = np.max(np.where(np.isfinite(x), np.abs(x), 0.0), axis=(0, 1))
        found[name] = jnp.asarray(np.where(size > 0, size, 1.0), x.dtype)
    return found
