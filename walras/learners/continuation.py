"""A rule that answers today's prices by the first-order conditions, given what a stock is expected to be worth tomorrow.

A table holds what is to be done at the prices that were believed in; where several types meet in one market, each at the
prices that the others made before, beliefs chase each other and the rounds diverge (demand that reacts to an interest rate
one round late overshoots many times over). This rule keeps only the expectation, and everybody answers the prices of the
date at once: a temporary equilibrium, of which rounds are the time iteration.

    @article{grandmont1977temporary, title={Temporary general equilibrium theory}, author={Grandmont, Jean-Michel},
      journal={Econometrica}, volume={45}, number={3}, pages={535--572}, year={1977}}
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from walras.economy.rule import ViewInformation
from walras.learners.beliefs import PolynomialBelief
from walras.learners.egm import answer
from walras.learners.table import TableRule
from walras.numerics.interpolate import along_first


class ContinuationRule(TableRule):
    """Positions that are optimal at the view of the date, given `worth`.

    `worth` (index, *coordinates of the next date, risk, nodes of the next stock): discounted expected marginal value of the
    next stock. Coordinates of the next date that the view knows (`View.ahead`) are read there, the others forecast by the
    law of `belief`, which must not depend on the next exogenous state. The table is what is done at the prices believed in.
    """

    worth: Float[Array, "..."]
    belief: PolynomialBelief

    def part(self, view, info):
        """Positions of all own states at this date."""
        index, coordinates = info
        here = jnp.stack(self.transformed(coordinates))
        there = self.belief.step(index, here, index)
        # The view speaks of its own coordinates: an information that reads other numbers forecasts them all.
        settled = view.ahead() if isinstance(self.information, ViewInformation) else ()
        for j, known in enumerate(settled):
            if known is not None:
                there = there.at[j].set(jnp.log(known) if self.logs[j] else known)
        axis, *others = self.axes
        rows = self.worth.reshape(-1, *self.worth.shape[2:])
        W = along_first(rows, axis, there[0], index * axis.n)
        for j, other in enumerate(others, start=1):
            W = along_first(W, other, there[j])
        _, outcome = self.belief.forecast(index, here)
        return answer(self.agent, self.own_axis, W, view, outcome, self.at(index, list(here)))

    def tabulated(self):
        """What is done at the prices believed in."""
        return TableRule(self.agent, self.table, self.axes, self.own_axis, self.information, self.logs)
