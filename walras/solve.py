"""`solve`: from an economy and a learner for each type to rules, and the evidence that they are an equilibrium."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from walras._core.errors import InputError, SolveError, UnknownName
from walras._core.keys import root_key, stream
from walras.economy import period as periods
from walras.economy.economy import Economy
from walras.economy.population import Histogram, Population
from walras.economy.process import Process
from walras.economy.rule import Information, ViewInformation
from walras.learners.euler import EulerIteration, placed
from walras.learners.fixed import Fixed
from walras.learners.learner import Learner, Setup
from walras.learners.preset import Preset, preset as preset_named
from walras.loop import Laboratory, LoopState, advance, arrived, shock_paths


def discretised(economy: Economy, states: int) -> Economy:
    """The economy with every process on a continuum replaced by a finite chain."""

    def finite(node):
        return node.chain(states) if isinstance(node, Process) and node.n is None else node

    return jax.tree_util.tree_map(finite, economy, is_leaf=lambda node: isinstance(node, Process))


def laboratory(
    economy: Economy,
    learners: dict[str, Learner],
    populations: dict[str, Population] | None,
    information: dict[str, Information] | None,
    preset: Preset,
    key,
) -> tuple[Laboratory, LoopState]:
    """Everything that the loop needs, and its first state.

    Raises:
        UnknownName: a learner, population or information for a type that does not exist.
        InputError: a type without a learner, or one that its learner or population cannot take.
    """
    key = root_key(key)
    economy = discretised(economy, preset.exogenous_states)
    types = periods.agents(economy)
    for kind, given in (("learner", learners), ("population", populations or {}), ("information", information or {})):
        for name in given:
            if name not in types:
                raise UnknownName("agent type", name, types, where=f"{kind} for {type(economy).__name__}")
    for name in types:
        if name not in learners:
            raise InputError(f"type '{name}' has no learner", where=type(economy).__name__, remedy="Give it one, or Fixed.")
    stationary = economy.exogenous.n == 1
    nodes = preset.stationary_nodes if stationary else preset.histogram_nodes
    populations = {name: (populations or {}).get(name, Histogram(None, nodes)) for name in types}
    information = {name: (information or {}).get(name, ViewInformation()) for name in types}
    rules: dict[str, Any] = {name: learners[name].given for name in types if isinstance(learners[name], Fixed)}
    states: dict[str, Any] = {}
    exo = jnp.asarray(economy.exogenous.n // 2)
    for name in types:
        setup = Setup(economy, populations, rules, information[name], stream(key, f"init.{name}"), exo, name, preset)
        states[name] = learners[name].init(setup)
        rules[name] = learners[name].rule(states[name])
        if isinstance(learners[name], EulerIteration):
            populations = placed(populations, name, learners[name].top(states[name]))
    starts, shocks = shock_paths(economy, preset, key)
    if stationary:
        starts, shocks = starts[:1], shocks[:1]
    state = _starts(economy, populations, rules, states, starts, key)
    lab = Laboratory(economy, populations, learners, starts, shocks, preset, stationary)
    nowhere = jnp.full((3,), jnp.inf)
    loop = LoopState(
        jnp.asarray(0), key, states, state, jnp.zeros((preset.max_rounds, 3)), nowhere, jnp.asarray(True)
    )
    return lab, loop


def _starts(economy, populations, rules, states, exo, key):
    """The first state of every path: births, or the stationary cross-section where the learner found one."""

    def one(e, number):
        state = periods.start(economy, populations, rules, jax.random.fold_in(key, number), e)
        found = {
            name: s.search.mass
            for name, s in states.items()
            if getattr(s, "search", None) is not None and isinstance(populations[name], Histogram)
        }
        return dataclasses.replace(state, cross={**state.cross, **found})

    return eqx.filter_jit(jax.vmap(one))(exo, jnp.arange(len(exo)))
