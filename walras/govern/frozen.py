"""Welfare of a policy while households go on as they did: what a government without commitment looks at.

The economy starts at rest under the policy that households believe in. Parameters change for good, decision rules do not; prices,
budgets and stocks do what they must. Improving a policy this way and solving households anew, in turn, ends where
neither side wants to move: at discretion.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError
from walras._core.keys import root_key
from walras._core.tree import entry
from walras.economy import path as paths
from walras.economy import period as periods
from walras.economy.economy import Economy
from walras.govern.equilibrium import judged_type, settle
from walras.govern.problem import Box
from walras.govern.searchers.searcher import Conditioned, Objective
from walras.govern.study import Study
from walras.govern.welfare import Utilitarian

MOST_DATES = 600


class FrozenObjective(Objective):
    """(1 − β) Σ β^t of average payoffs over `dates` dates from rest, under frozen rules. Pure: can be compiled, differentiated."""

    traced: ClassVar[bool] = True
    economy: Economy
    populations: dict[str, Any]
    rules: dict[str, Any]
    begin: periods.EconomyState
    weight: Array
    box: Box = eqx.field(static=True)
    name: str = eqx.field(static=True)

    @property
    def size(self):
        """Parameters chosen."""
        return self.box.size

    @classmethod
    def of(cls, study: Study, policy: Any) -> "FrozenObjective":
        """With the rules of the equilibrium at a policy.

        Raises:
            InputError: for criteria that are no average of utilities.
        """
        if not isinstance(study.criterion, Utilitarian):
            remedy = "Use utilitarian welfare, or commitment."
            raise InputError("discretion is offered for utilitarian welfare", where=study.criterion.name, remedy=remedy)
        solution = settle(study.at(policy), study.learners, study.preset, study.key)
        name, lab = judged_type(solution.economy), solution.lab
        assert lab is not None and solution.loop is not None
        begin = entry(solution.loop.economy, 0)
        now = periods.open_market(lab.economy, lab.populations, solution.rules, begin, root_key(0))[0]
        agent = periods.agents(lab.economy)[name]
        own = jax.tree_util.tree_map(lambda leaf: leaf[0], now.cross[name].own)
        beta = float(agent.discount(own, now.views[name], now.outcome[name]))
        dates = min(MOST_DATES, int(np.ceil(np.log(1e-4) / np.log(beta))))
        weight = beta ** np.arange(dates)
        weight = jnp.asarray(weight / weight.sum() / float(agent.mass))
        return cls(lab.economy, lab.populations, solution.rules, begin, weight, study.box, name)

    def value(self, x, number, draws):
        """See the class."""
        economy = self.economy
        for name, value in zip(self.box.names, self.box.point(x), strict=True):
            economy = eqx.tree_at(lambda e, path=name: _leaf(e, path), economy, value)
        shocks = jnp.broadcast_to(self.begin.exo, (len(self.weight), *jnp.shape(self.begin.exo)))

        def record(now: periods.Now, _):
            return now.welfare(self.name)

        begin = (jax.tree_util.tree_map(jnp.asarray, self.begin), None)
        paid = paths.run_on(economy, self.populations, self.rules, begin, shocks, root_key(0), record)[2]
        return self.weight @ paid

    def conditioned(self, low, high, nodes, draws):
        """Itself: nothing has to be solved again."""
        return Itself(self)


class Itself(Conditioned):
    """An objective that is as cheap as a stand-in."""

    objective: FrozenObjective

    def value(self, x):
        """The objective's."""
        return self.objective.value(x, 0, 1)

    def gap(self, x):
        """None."""
        return 0.0


def _leaf(economy: Any, path: str) -> Any:
    for part in path.split("."):
        economy = getattr(economy, part)
    return economy
