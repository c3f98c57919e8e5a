"""Evolution strategy (Salimans et al. 2017) whose smoothing shrinks.

The slope of welfare smoothed by a normal kernel is estimated by pairs of opposite steps on common draws. A kernel of fixed
width leaves a bias (half its variance times the third derivative over the second: .01 in a rate at a width of .2), so the width
falls to `spread[1]`. When: values only, many instruments. When not: a derivative exists. Cost: `points` values a round.

    @article{Salimans2017ES, author = {Salimans, Tim and Ho, Jonathan and Chen, Xi and Sidor, Szymon and Sutskever, Ilya},
      title = {Evolution Strategies as a Scalable Alternative to Reinforcement Learning}, journal = {arXiv:1703.03864}, year = {2017}}
"""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from walras.govern.searchers.searcher import Rounds, Searcher, run


class Paired(Rounds):
    """The rounds. State: point, Adam's memory, round, sum of points over the last quarter."""

    slopes: ClassVar[bool] = False
    rounds: int = eqx.field(static=True)
    draws: int = eqx.field(static=True)
    points: int = eqx.field(static=True)
    step: float = eqx.field(static=True)
    spread: tuple[float, float] = eqx.field(static=True)

    def _adam(self):
        import optax  # slow to import

        return optax.adam(optax.cosine_decay_schedule(-self.step, self.rounds))

    def start(self, begin):
        """See the class."""
        return begin, self._adam().init(begin), jnp.asarray(0), jnp.zeros_like(begin)

    def _width(self, number):
        first, last = self.spread
        return first * (last / first) ** (number / (0.75 * self.rounds)).clip(0.0, 1.0)

    def ask(self, state, key):
        """Pairs of opposite steps."""
        noise = jax.random.normal(key, (self.points // 2, len(state[0])))
        return state[0] + self._width(state[2]) * jnp.concatenate([noise, -noise])

    def tell(self, state, points, values, slopes):
        """The smoothed slope, and a step along it."""
        x, memory, number, total = state
        half = self.points // 2
        gap = values[:half] - values[half:]
        gap = jnp.where(jnp.isfinite(gap), gap, 0.0)
        slope = gap @ (points[:half] - x) / (2 * half * self._width(number) ** 2)
        change, memory = self._adam().update(slope, memory)
        x = jnp.clip(x + change, 0.0, 1.0)
        late = number >= self.rounds - self.rounds // 4
        return x, memory, number + 1, total + jnp.where(late, x, 0.0)

    def answer(self, state):
        """The point; after the last round its average over the last quarter of them."""
        x, _, number, total = state
        return jnp.where(number >= self.rounds, total / (self.rounds // 4), x)


class AnnealedES(Searcher):
    """`rounds` of `points` on fresh `draws` common to them; the width falls from the first of `spread` to the second."""

    name: ClassVar[str] = "es"
    rounds: int = eqx.field(static=True, default=400)
    points: int = eqx.field(static=True, default=16)
    draws: int = eqx.field(static=True, default=256)
    step: float = eqx.field(static=True, default=0.03)
    spread: tuple[float, float] = eqx.field(static=True, default=(0.2, 0.005))

    def search(self, objective, key, begin, watch=None):
        """See the class."""
        return run(Paired(self.rounds, self.draws, self.points, self.step, self.spread), objective, key, begin, watch)
