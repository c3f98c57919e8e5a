"""Where an economy rests under a rule that is still learned: what `DeepEuler` carries from round to round there."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras._core.module import as_parameter
from walras.economy.population import Histogram
from walras.learners import beliefs
from walras.learners.candidates import Candidates
from walras.learners.deep_root import Root, at_nodes, moved_mass, root_of
from walras.learners.frozen import FrozenDate
from walras.learners.priced_rule import PricedRule
from walras.learners.table import TableRule


class Place(eqx.Module):
    """The resting place that was looked at last: its root, and the rule at nodes there. Named as those who watch a search ask for it."""

    root: Root
    rule: TableRule

    @property
    def mass(self) -> Float[Array, "risk nodes"]:
        """The cross-section."""
        return self.root.mass

    @property
    def excess(self) -> Float[Array, ""]:
        """The largest excess."""
        return self.root.excess

    @property
    def bracketed(self) -> Array:
        """Whether it is a root."""
        return self.root.found

    @property
    def tried(self) -> Float[Array, " unknowns"]:
        """The candidate."""
        return self.root.x

    @property
    def x(self) -> Float[Array, " unknowns"]:
        """Where to look next: nowhere that is known, as long as the rule is learned."""
        return jnp.full_like(self.root.x, jnp.nan)


class DeepRestState(eqx.Module):
    """The rule, numbers of the optimiser, rounds done, residual; the date whose candidates are drawn, where these lie, and the resting
    place of the rule so far."""

    learned: PricedRule
    optimiser: tuple[Array, ...]
    rounds: Array
    residual: Array
    date: FrozenDate
    candidates: Candidates
    search: Place

    @property
    def rule(self) -> PricedRule:
        """The rule in double precision: excesses are to be met to more digits than single precision has."""
        wide = lambda leaf: leaf.astype(jnp.float64) if leaf.dtype == jnp.float32 else leaf  # noqa: E731
        return dataclasses.replace(self.learned, network=jax.tree_util.tree_map(wide, self.learned.network))

    @property
    def table(self) -> TableRule:
        """The frame of the rule."""
        return self.learned.frame

    @property
    def belief(self) -> beliefs.PolynomialBelief:
        """That the date of the resting place repeats itself."""
        return self.learned.belief

    @property
    def cohort(self) -> Histogram:
        """The histogram of the cross-section."""
        return self.date.populations[self.date.name]

    def root_under(self, policy, tolerance: float) -> Root:
        """Where the economy rests under a policy."""
        policy = jnp.asarray(policy)
        where = (self.candidates.centre(policy), self.candidates.width, self.candidates.limits)
        return root_of(self.candidates.under(self.date, policy), self.rule, where, self.search.mass, tolerance)

    def looked(self, tolerance: float) -> "DeepRestState":
        """With the resting place of the present rule, of the economy as it is."""
        root = self.root_under(self.candidates.own, tolerance)
        rule, table = at_nodes(self.date, root.x, self.rule, root.mass)
        learned = dataclasses.replace(self.learned, belief=rule.belief)
        return dataclasses.replace(self, search=Place(root, table), learned=learned)

    def put_around(self) -> "DeepRestState":
        """With candidates around the resting place, and around those under the policies of the design."""
        roots = [(policy, self.root_under(policy, 1e-4)) for policy in self.candidates.design()[1:]]
        roots = [(policy, np.asarray(root.x)) for policy, root in roots if bool(root.found)]
        roots = [(np.asarray(self.candidates.own), np.asarray(self.search.root.x)), *roots] if self.search.bracketed else roots
        if not roots:
            return dataclasses.replace(self, candidates=self.candidates.wider())
        policies, places = (np.stack(part) for part in zip(*roots, strict=True))
        return dataclasses.replace(self, candidates=self.candidates.around(policies, places))

    def on_axis(self, high: float) -> "DeepRestState":
        """With another end of the grids; people stay in their nodes as far as these go."""
        end, name = as_parameter(high), self.date.name
        frame = dataclasses.replace(self.table, own_axis=dataclasses.replace(self.table.own_axis, high=end))
        axis = dataclasses.replace(self.cohort.axis, high=end)
        populations = {**self.date.populations, name: Histogram(axis, axis.n)}
        root = dataclasses.replace(self.search.root, mass=moved_mass(self.cohort.axis, axis, self.search.mass))
        learned, date = dataclasses.replace(self.learned, frame=frame), dataclasses.replace(self.date, populations=populations)
        return dataclasses.replace(
            self, learned=learned, date=date, search=Place(root, on_nodes(self.search.rule, frame.own_axis))
        )


on_nodes = brief_jit(lambda rule, axis: rule.on(axis))
"""A table on other nodes of the own stock."""
