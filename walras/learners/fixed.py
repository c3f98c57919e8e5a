"""A type whose rule is given."""

import jax.numpy as jnp

from walras.economy.rule import Rule
from walras.learners.learner import Learner, Progress


class Fixed(Learner):
    """Uses the given rule for ever: a policy that is announced, a benchmark, a part of the world that does not learn.

    Use it for everything that is not to be optimised. It certifies nothing about the rule: the best-response check
    still reports what the type could gain by leaving it.
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
