"""Implicit-function gradient: dW = W_policy − W_x F_x⁻¹ F_policy at the exact response, then a step.

The response is solved again at every step, so nothing has to be trained or trusted; the derivative is that of
re-solved equilibria. When: the conditions can be solved fast. When not: each solution takes seconds (use `Pathwise`).
Cost: one solution and one linear solve a step.
"""

from typing import ClassVar

import equinox as eqx

from walras._core.errors import InputError
from walras.govern.searchers.gradient import Ascent
from walras.govern.searchers.searcher import Searcher, run


class Implicit(Searcher):
    """`rounds` steps on fresh `draws` each."""

    name: ClassVar[str] = "implicit"
    rounds: int = eqx.field(static=True, default=300)
    draws: int = eqx.field(static=True, default=1024)
    step: float = eqx.field(static=True, default=0.05)

    def search(self, objective, key, begin, watch=None):
        """See the class.

        Raises:
            InputError: where the objective cannot be differentiated.
        """
        if not objective.traced:
            remedy = "Use pathwise, which differentiates a policy-conditioned answer anchored at exact solutions."
            raise InputError(
                "equilibria of this economy are not solved inside a program that can be differentiated", remedy=remedy
            )
        return run(Ascent(self.rounds, self.draws, self.step), objective, key, begin, watch)
