"""Numbers that go wrong: where the first one began.

The loop of learning looks at every number that a round leaves (rules, optimiser, beliefs, cross-sections, memories, and what
was seen along the paths). Where one is not finite it stops before the round counts: the state of the loop is the last good one.
Only then is that round run again, with a record of which numbers of every date are finite, and the first of them is named:
first in time, and at its date first in the order in which a period computes things.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.compiling import brief_jit
from walras._core.types import PyTree
from walras.economy import period as periods
from walras.economy.population import Histogram

ORDER = (
    "exo",
    "cross",
    "stocks",
    "estates",
    "prices",
    "status",
    "views",
    "infos",
    "choices",
    "flows",
    "outcome",
    "payoff",
    "moved",
)
"""Parts of a date's record in the order in which they come about."""


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a number went wrong: the thing by name, the value, the date (None: not on a path) and the state."""

    thing: str
    value: float
    date: int | None = None
    state: str = ""

    def __str__(self) -> str:
        when = "" if self.date is None else f" at date {self.date}"
        return f"{self.thing} is {self.value:g}{when}" + (f" ({self.state})" if self.state else "")


def first_bad(tree: PyTree, prefix: str = "") -> Origin | None:
    """The first number of a tree that is not finite, by the path of its leaf and its index there."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not eqx.is_inexact_array(leaf):
            continue
        values = np.asarray(leaf)
        if np.isfinite(values).all():
            continue
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        index = f"[{', '.join(map(str, at))}]" if at else ""
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        return Origin(f"{prefix}{name}{index}", float(values[at]))
    return None


class Look(eqx.Module):
    """Of one array at one date: the index of its first number that is not finite (−1: none), and that number."""

    index: jax.Array
    value: jax.Array


def looks(economy) -> Callable[[periods.Now, Any], dict[str, PyTree]]:
    """What `path.run_on` records to find where a simulation of an economy went wrong: every part of a date, and moves."""

    def look(leaf):
        if not eqx.is_inexact_array(leaf) or leaf.size == 0:
            return None
        bad = ~jnp.isfinite(leaf.reshape(-1))
        at = jnp.argmax(bad)
        return Look(jnp.where(bad[at], at, -1), leaf.reshape(-1)[at].astype(float))

    def record(now: periods.Now, before: Any = None) -> dict[str, PyTree]:
        moved = {}
        for name, agent in periods.agents(economy).items():
            view, outcome = now.views[name], now.outcome[name]
            move = jax.vmap(lambda o, c: agent.move(o, c, view, outcome))  # noqa: B023
            moved[name] = move(now.cross[name].own, now.choices[name])
        parts = {part: getattr(now, part) for part in ORDER[:-1]} | {"moved": moved}
        return {part: jax.tree_util.tree_map(look, tree) for part, tree in parts.items()}

    return record


def in_simulation(seen: dict[str, PyTree], exo, shocks, lab) -> Origin | None:
    """The first number that went wrong in records of `looks`, leading axes (path, date); None where all are finite.

    `exo` (paths,) and `shocks` (paths, dates) are the exogenous states that were met.
    """
    found = []
    for rank, part in enumerate(ORDER):
        leaves = jax.tree_util.tree_leaves_with_path(seen[part], is_leaf=lambda node: isinstance(node, Look))
        for number, (path, look) in enumerate(leaves):
            index = np.asarray(look.index)
            bad = np.argwhere(index.T >= 0)  # (date, path), earliest date first
            if len(bad):
                date, where = (int(i) for i in bad[0])
                found.append((date, rank, number, where, part, path, int(index[where, date]), float(look.value[where, date])))
    if not found:
        return None
    date, _, _, where, part, path, index, value = min(found, key=lambda f: f[:4])
    name = ".".join(x for x in (part, jax.tree_util.keystr(path, simple=True, separator=".")) if x)
    state = int(exo[where]) if date == 0 else int(shocks[where, date - 1])
    about = f"path {where}, exogenous state {state}"
    kind = name.split(".")[1] if "." in name else ""
    if part in ("choices", "payoff", "cross", "moved") and kind in lab.populations:
        about += f", {individual(lab, kind, index)}"
    return Origin(name, value, date, about)


def individual(lab, name: str, index: int) -> str:
    """Who an individual of a type is: the own state of a node, or the number of a listed one."""
    population, agent = lab.populations[name], periods.agents(lab.economy)[name]
    if not isinstance(population, Histogram):
        return f"individual {index}"
    own = _batch(population, agent)
    parts = {k: np.asarray(v) for k, v in vars(own).items() if v is not None}
    index = index % len(next(iter(parts.values())))
    return ", ".join(f"{k} = {float(v[index]):.4g}" for k, v in parts.items())


@brief_jit
def _batch(population, agent):
    return population.batch(agent)
