"""A type whose rule is given."""

import jax.numpy as jnp

from walras.economy.rule import Rule
from walras.learners.learner import Learner, Progress


class Fixed(Learner):
    """Uses the given rule for ever: a policy that is announced, a benchmark, a part of the world that does not learn.

    Use it for everything that is not to be optimised. The certificate then says nothing about that rule: Euler errors,
    forecasts and best responses are those of the types that learned.
    """

    given: Rule

    def init(self, setup):
        """The rule."""
        return self.given

    def update(self, key, state, task):
        """Nothing changes."""
        return state, Progress(jnp.zeros(()), jnp.zeros(()))

    def rule(self, state):
        """The rule."""
        return state
