"""Numbers that are made to go wrong, at a place and a time of one's choosing, and whether the loop of learning says so.

Two ways in: a number of the state between two rounds (`into_state`: any leaf of learners, optimisers, beliefs, cross-sections),
and an equation that gives a wrong number (`Faulty`: a price or the exogenous value at one date, payoff or move at some own states).
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras.economies import krusell_smith
from walras.economies.saver import Household
from walras.loop import LoopState, advance, origin

VALUES = (np.nan, np.inf, -np.inf)
PRICES = ("r", "w", "tau", "Y")
NOTHING = 99


def _value(number):
    """A fault carries the number of its value: a parameter that is not finite would itself be found first."""
    return jnp.asarray(VALUES)[number.astype(int)]


class FaultyHousehold(Household):
    """`fault` = (what: 1 payoff, 2 move, else nothing; from this capital on; up to that; number of the value)."""

    fault: Array

    def _wrong(self, what, own, x):
        kind, low, high, number = self.fault
        return jnp.where((kind == what) & (own.k >= low) & (own.k <= high), x * _value(number), x)

    def payoff(self, own, choice, view, outcome):
        """The payoff, or a wrong one."""
        return self._wrong(1, own, super().payoff(own, choice, view, outcome))

    def move(self, own, choice, view, outcome):
        """The next stock, or a wrong one."""
        moved = super().move(own, choice, view, outcome)
        return moved.to(k=self._wrong(2, own, moved.k))


class Faulty(krusell_smith.KrusellSmith):
    """Krusell and Smith's economy; `fault` = (number of a price, or 4 for productivity; date; number of the value)."""

    fault: Array

    def prices(self, now):
        """Prices, one of them wrong at one date."""
        what, date, value = *self.fault[:2], _value(self.fault[2])
        hit = lambda number: (what == number) & (now.date == date)  # noqa: E731
        found = super().prices(now)
        found = {
            k: jnp.where(hit(number), v * value, v)
            for number, (k, v) in enumerate(zip(PRICES, (found[p] for p in PRICES), strict=True))
        }
        return {k: jnp.where(hit(4), v * value, v) for k, v in found.items()}


def faulty() -> Faulty:
    """The economy with nothing wrong yet."""
    base = krusell_smith.KrusellSmith.dhjj2010()
    kept = {f.name: getattr(base.household, f.name) for f in dataclasses.fields(base.household)}
    household = FaultyHousehold(**kept, fault=np.array([NOTHING, 0.0, 0.0, 0.0]))
    rest = {f.name: getattr(base, f.name) for f in dataclasses.fields(base) if f.name != "household"}
    return Faulty(household=household, **rest, fault=np.array([NOTHING, 0.0, 0.0]))


def places(loop: LoopState) -> list[str]:
    """Names of all leaves of the loop's state that hold real numbers, as `origin` names them."""
    return [prefix + name for prefix, tree in _trees(loop) for name, leaf in _leaves(tree) if np.size(leaf)]


def _trees(loop: LoopState):
    return (("", loop.learners), ("economy.", loop.economy))


def _leaves(tree):
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if eqx.is_inexact_array(leaf):
            yield jax.tree_util.keystr(path, simple=True, separator="."), leaf


def into_state(loop: LoopState, place: str, share: float, value: float) -> LoopState:
    """The state with one number of a leaf (at `share` of its length) replaced."""
    parts = []
    for prefix, tree in _trees(loop):

        def changed(path, leaf, prefix=prefix):
            if prefix + jax.tree_util.keystr(path, simple=True, separator=".") != place:
                return leaf
            flat = np.array(leaf).reshape(-1)
            flat[int(share * flat.size)] = value
            return jax.device_put(flat.reshape(np.shape(leaf)))

        parts.append(jax.tree_util.tree_map_with_path(changed, tree))
    return dataclasses.replace(loop, learners=parts[0], economy=parts[1])


@dataclasses.dataclass(frozen=True)
class Caught:
    """Whether the loop stopped, how many rounds counted after the fault, and what it named."""

    stopped: bool
    rounds: int
    named: str


def caught(lab, loop: LoopState) -> Caught:
    """Go on for a few rounds from a faulty state, or in a faulty laboratory."""
    after = advance(lab, loop, 3)
    stopped = not bool(after.finite)
    return Caught(stopped, int(after.round) - int(loop.round), str(origin(lab, after)) if stopped else "")


def in_equation(lab, **fault):
    """The laboratory with a wrong equation; `price` = (number, date, number of the value) or `household` = (what, low, high, the same)."""
    economy = lab.economy
    if "price" in fault:
        economy = eqx.tree_at(lambda e: e.fault, economy, jnp.asarray(fault["price"], float))
    if "household" in fault:
        economy = eqx.tree_at(lambda e: e.household.fault, economy, jnp.asarray(fault["household"], float))
    return dataclasses.replace(lab, economy=economy)


def with_fault(loop: LoopState, fault) -> LoopState:
    """The state whose rule carries the faulty household too."""
    return eqx.tree_at(lambda s: s.learners["household"].table.agent.fault, loop, jnp.asarray(fault, float))
