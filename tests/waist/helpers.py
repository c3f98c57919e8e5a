"""What the tests of the waist share: a compiled simulation, identities along it, rules that nobody has learnt."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras.economy import path as paths
from walras.economy.period import EconomyState, Now, start
from walras.economy.rule import Information, Stochastic, ViewInformation
from walras.economy.space import choice_fields, choose


class Simulated(NamedTuple):
    """Where it started, the exogenous path, where it ended, and the public record by date."""

    state: EconomyState
    exo_path: jax.Array
    final: EconomyState
    record: Now


def public(now, before):
    """The public record of a date."""
    return now.public()


@eqx.filter_jit
def compiled_run(economy, populations, rules, state, exo_path, key, record=public):
    """`path.run`, compiled."""
    return paths.run(economy, populations, rules, state, exo_path, key, record)


def simulate(economy, populations, rules, periods: int, *, seed: int = 0, exo=None, state=None, record=public) -> Simulated:
    """Run an economy from a start (or from `state`) on a path drawn from the seed."""
    key = jax.random.key(seed)
    if state is None:
        state = start(economy, populations, rules, key, exo)
    exo_path = paths.exogenous_path(economy, state.exo, periods, key)
    final, seen = compiled_run(economy, populations, rules, state, exo_path, key, record)
    return Simulated(state, exo_path, final, seen)


def identities(economy, record: Now) -> dict[str, np.ndarray]:
    """The economy's accounts at every date but the last."""
    now = jax.tree_util.tree_map(lambda leaf: leaf[:-1], record)
    after = jax.tree_util.tree_map(lambda leaf: leaf[1:], record)
    return {name: np.asarray(value) for name, value in jax.vmap(economy.accounts)(now, after).items()}


def largest(values) -> float:
    """The largest absolute value."""
    return float(np.max(np.abs(np.asarray(values))))


def count_primitive(jaxpr, name: str) -> int:
    """How often a primitive occurs in a jaxpr, those inside it included."""
    found = 0
    for equation in jaxpr.eqns:
        found += equation.primitive.name == name
        for inner in jax.tree_util.tree_leaves(
            list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr")
        ):
            inner = getattr(inner, "jaxpr", inner)
            found += count_primitive(inner, name) if hasattr(inner, "eqns") else 0
    return found


class UniformRule(Stochastic):
    """Uniform positions in the feasible set, one for each number of each field. `shapes` has one shape per field."""

    agent: eqx.Module
    shapes: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    information: Information = ViewInformation()

    def __call__(self, own, view, info, *, key=None):
        """A draw."""
        keys = jax.random.split(key, len(self.shapes))
        return choose(self.agent, own, view, [jax.random.uniform(k, s) for k, s in zip(keys, self.shapes, strict=True)])

    def log_prob(self, own, view, info, choice):
        """Constant on the set."""
        assert len(choice_fields(choice)) == len(self.shapes)
        return jnp.zeros(())
