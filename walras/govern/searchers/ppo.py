"""Proximal policy optimisation (Schulman et al. 2017) with the policy parameters as the action.

Commitment to a rule is chosen once, so the government's problem is a bandit: a normal distribution over the box is moved
towards actions whose welfare, on draws common to all actions of an update, beats the average; a clipped ratio keeps each
update near the last. Model-free: it needs values only. When: no derivative exists. When not: one does (an order
of magnitude fewer solutions). Cost: `actions` values an update.

    @article{Schulman2017PPO, author = {Schulman, John and Wolski, Filip and Dhariwal, Prafulla and Radford, Alec and Klimov, Oleg},
      title = {Proximal Policy Optimization Algorithms}, journal = {arXiv:1707.06347}, year = {2017}}
"""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from walras.govern.searchers.searcher import Rounds, Searcher, run
from walras.numerics.advantages import clipped, standardised


class Clipped(Rounds):
    """The updates. State: (mean, log s.d.), Adam's memory, update, sum of means over the last quarter."""

    slopes: ClassVar[bool] = False
    rounds: int = eqx.field(static=True)
    draws: int = eqx.field(static=True)
    actions: int = eqx.field(static=True)
    epochs: int = eqx.field(static=True)
    clip: float = eqx.field(static=True)
    step: float = eqx.field(static=True)
    spread: tuple[float, float] = eqx.field(static=True)

    def _adam(self):
        import optax  # slow to import

        return optax.adam(optax.cosine_decay_schedule(self.step, self.rounds * self.epochs))

    def start(self, begin):
        """See the class."""
        rule = (begin, jnp.full_like(begin, jnp.log(self.spread[0])))
        return rule, self._adam().init(rule), jnp.asarray(0), jnp.zeros_like(begin)

    def ask(self, state, key):
        """Actions in pairs around the mean."""
        mean, log_sd = state[0]
        noise = jax.random.normal(key, (self.actions // 2, len(mean)))
        return mean + jnp.exp(log_sd) * jnp.concatenate([noise, -noise])

    def tell(self, state, points, values, slopes):
        """Epochs of the clipped objective on standardised advantages; worthless actions count as the worst one."""
        rule, memory, number, total = state
        values = jnp.where(jnp.isfinite(values), values, jnp.min(jnp.where(jnp.isfinite(values), values, jnp.inf)))
        gain = standardised(values)

        def chance(r):
            mean, log_sd = r
            return -jnp.sum(0.5 * ((points - mean) / jnp.exp(log_sd)) ** 2 + log_sd, axis=1)

        before = chance(rule)

        def loss(r):
            return -clipped(chance(r) - before, gain, self.clip)

        def epoch(_, carry):
            r, m = carry
            change, m = self._adam().update(jax.grad(loss)(r), m)
            mean, log_sd = eqx.apply_updates(r, change)
            return (jnp.clip(mean, 0.0, 1.0), jnp.clip(log_sd, *jnp.log(jnp.asarray(self.spread[::-1])))), m

        rule, memory = jax.lax.fori_loop(0, self.epochs, epoch, (rule, memory))
        late = number >= self.rounds - self.rounds // 4
        return rule, memory, number + 1, total + jnp.where(late, rule[0], 0.0)

    def answer(self, state):
        """The mean; after the last update its average over the last quarter of them."""
        rule, _, number, total = state
        return jnp.where(number >= self.rounds, total / (self.rounds // 4), rule[0])


class PPO(Searcher):
    """`rounds` updates of `actions` on fresh `draws` common to them; the s.d. lies within `spread` (first, least)."""

    name: ClassVar[str] = "ppo"
    rounds: int = eqx.field(static=True, default=400)
    actions: int = eqx.field(static=True, default=32)
    draws: int = eqx.field(static=True, default=256)
    epochs: int = eqx.field(static=True, default=4)
    clip: float = eqx.field(static=True, default=0.2)
    step: float = eqx.field(static=True, default=0.01)
    spread: tuple[float, float] = eqx.field(static=True, default=(0.15, 0.005))

    def search(self, objective, key, begin, watch=None):
        """See the class."""
        inside = Clipped(self.rounds, self.draws, self.actions, self.epochs, self.clip, self.step, self.spread)
        return run(inside, objective, key, begin, watch)
