"""Who gains by a policy, and by how much: the same people before and after, by state of own risk and by fifth of wealth."""

import dataclasses

import jax
import numpy as np

from walras.economy.economy import Economy
from walras.economy.taxes import Schedule
from walras.govern.equilibrium import Society
from walras.govern.welfare import EXISTS

FIFTHS = ("poorest fifth", "second fifth", "third fifth", "fourth fifth", "richest fifth")
BASES = np.geomspace(0.05, 20.0, 60)
"""Tax bases at which a schedule is drawn [goods]."""


@dataclasses.dataclass(frozen=True)
class Group:
    """People of one kind at the announcement: their share of everybody, mean gain in worth (a share of consumption for ever), and
    the share of them who gain."""

    kind: str
    name: str
    people: float
    gain: float
    better: float


def winners(before: Society, after: Society, stock: np.ndarray) -> tuple[Group, ...]:
    """Groups of the same people under two policies: everybody, by state of own risk, by fifth of the own stock.

    Args:
        before, after: lifetimes from the same date on of the same individuals, in the same order.
        stock: what each holds on that date.
    """
    weight, state = (np.asarray(x) for x in (before.people.weight, before.people.group))
    gain = np.asarray(after.people.worth) / np.asarray(before.people.worth) - 1.0

    def group(kind: str, name: str, mask: np.ndarray) -> Group:
        part = weight * mask
        mass = float(part.sum())
        return Group(kind, name, mass, float(part @ gain) / mass, float(part @ (gain > 0)) / mass)

    found = [group("everybody", "everybody", np.ones_like(weight))]
    for number in np.unique(state):
        mask = state == number
        if weight @ mask > EXISTS:
            found.append(group("own risk", f"state {int(number)}", mask))
    # Whoever stands between two fifths belongs to the one in which most of that node's people are.
    order = np.argsort(stock, kind="stable")
    middle = np.empty_like(weight)
    middle[order] = np.cumsum(weight[order]) - 0.5 * weight[order]
    fifth = np.clip((5 * middle / weight.sum()).astype(int), 0, 4)
    found += [group("wealth", name, fifth == n) for n, name in enumerate(FIFTHS) if weight @ (fifth == n) > EXISTS]
    return tuple(found)


def schedules(economy: Economy) -> dict[str, dict[str, list[float]]]:
    """Marginal and average rates of every tax schedule of an economy that does not tax all bases alike, at `BASES`, by its path."""
    is_schedule = lambda leaf: isinstance(leaf, Schedule)  # noqa: E731
    found = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(economy, is_leaf=is_schedule):
        if is_schedule(leaf) and not leaf.straight:
            marginal, paid = jax.jit(jax.vmap(lambda x, s=leaf: (s.marginal(x), s.tax(x))))(BASES)
            rates = {"marginal": np.asarray(marginal).tolist(), "average": (np.asarray(paid) / BASES).tolist()}
            found[jax.tree_util.keystr(path, simple=True, separator=".")] = {"base": BASES.tolist(), **rates}
    return found
