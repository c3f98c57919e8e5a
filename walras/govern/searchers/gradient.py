"""Gradient ascent in the unit cube, the step of `Pathwise` and `Implicit`: Adam with cosine decay, projected on the cube."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from walras.govern.searchers.searcher import Rounds


class Ascent(Rounds):
    """`rounds` steps of Adam from `step` down to nothing; `draws` in each."""

    slopes: ClassVar[bool] = True
    rounds: int = eqx.field(static=True)
    draws: int = eqx.field(static=True)
    step: float = eqx.field(static=True)

    def _adam(self):
        import optax  # slow to import

        return optax.adam(optax.cosine_decay_schedule(-self.step, self.rounds))

    def start(self, begin):
        """See the class."""
        return begin, self._adam().init(begin)

    def ask(self, state, key):
        """Where it stands."""
        return state[0][None]

    def tell(self, state, points, values, slopes):
        """One step."""
        x, memory = state
        assert slopes is not None  # it asks for them
        # A slope that is no number moves nothing: the step is lost, not the search.
        slope = jnp.nan_to_num(slopes[0], nan=0.0, posinf=0.0, neginf=0.0)
        change, memory = self._adam().update(slope, memory)
        return jnp.clip(x + change, 0.0, 1.0), memory

    def answer(self, state):
        """Where it stands."""
        return state[0]
