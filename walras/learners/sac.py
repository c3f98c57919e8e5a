"""Soft actor-critic (Haarnoja et al. 2018), for types with continuous choices in any economy.

Two critics learn what a choice is worth, payoff plus discounted worth of what is done next, from the experience of the last rounds; the rule
climbs the lesser of them, through the noise with which it draws. Entropy is worth `temperature`, which goes to zero as rates fall.

Use it where experience is dear. Not for discrete choices (`PPO` takes them). Prices move as everybody learns, so that the
memory is short: experience from another economy is worth little.

Unlike in the article the noise of the log-odds follows a schedule instead of being learned (its entropy is then what the
schedule says), so that what is left of it at the end is known.

    @article{haarnoja2018sac, title={Soft actor-critic: off-policy maximum entropy deep reinforcement learning with a stochastic
      actor}, author={Haarnoja, Tuomas and Zhou, Aurick and Abbeel, Pieter and Levine, Sergey}, journal={International
      Conference on Machine Learning}, year={2018}}
"""

import dataclasses
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError
from walras._core.keys import stream
from walras.economy.population import Finite
from walras.learners import actor_critic as ac
from walras.learners.heads import Squashed
from walras.learners.learner import Experience, Learner
from walras.learners.policy import TypeNetwork
from walras.learners.preset import ModelFreeSizes
from walras.learners.trials import check, is_strategic

TRACKING = 0.02
"""Share of the way that the critics' followers go in a step."""


class Step(NamedTuple):
    """Transitions, leading axes (round kept, date, individual), of public inputs (round kept, date)."""

    own: Array
    public: Array
    numbers: Array
    payoff: Array
    discount: Array
    own_next: Array
    public_next: Array


class SAC(Learner):
    """Soft actor-critic of one type. Sizes left at None come from the preset; `batches` × `epochs` steps a round.

    Args:
        conduct, noise, start, sizes: see `PPO`.
        temperature: what entropy is worth until `hold`.
        kept: rounds of experience that are remembered.
    """

    conduct: str | None = eqx.field(static=True, default=None)
    noise: tuple[float, float] = eqx.field(static=True, default=(1.0, 0.1))
    temperature: float = eqx.field(static=True, default=0.0)
    kept: int = eqx.field(static=True, default=5)
    start: str = eqx.field(static=True, default="rest")
    sizes: ModelFreeSizes | None = eqx.field(static=True, default=None)
    fresh: ClassVar[bool] = True
    progress: ClassVar[str] = "change of the network's weights"

    def _sizes(self, preset) -> ModelFreeSizes:
        return self.sizes or dataclasses.replace(preset.model_free, epochs=16)

    def experience(self, preset):
        """The sizes of the preset for this learner."""
        return Experience.of(self._sizes(preset))

    def init(self, setup):
        """As `PPO`, with two critics of state and choice and their followers; nothing is remembered.

        Raises:
            InputError: if a choice is discrete.
        """
        check(setup, self.conduct, "SAC")
        sizes = self._sizes(setup.preset)

        def critics(rule, key):
            if not all(isinstance(head, Squashed) for head in rule.heads.heads):
                raise InputError("SAC does not take discrete choices", where=setup.name, remedy="Use PPO or Reinforce.")
            own, public = rule.inputs.sizes
            sizes_ = ((own + rule.heads.draws, public), sizes.units, 1)
            pair = tuple(TypeNetwork.random(*sizes_, jax.random.fold_in(key, i), 0.1) for i in range(2))
            return pair

        state = ac.blank(setup, sizes, ((), self.start), self.conduct, self.noise[0], critics)
        population = setup.populations[setup.name]
        people = 1 if is_strategic(self.conduct, population) else sizes.people
        people = population.n if isinstance(population, Finite) else people
        (own, public), draws = state.rule.inputs.sizes, state.rule.heads.draws
        date = (self.kept, sizes.paths * (sizes.dates - 1))
        shapes = ((people, own), (public,), (people, draws), (people,), (people,), (people, own), (public,))
        memory = Step(*(jax.device_put(np.zeros((*date, *shape), np.float32)) for shape in shapes))
        return dataclasses.replace(state, memory=(memory, state.critic))

    def under(self, state, agent, masks):
        """Heads follow the bounds."""
        return state.under(agent, masks)

    def explores(self, population):
        """Strategic ones do."""
        return is_strategic(self.conduct, population)

    def explore(self, state):
        """The present network with its noise."""
        return state.exploring()

    def update(self, key, state, task):
        """One round: experience into memory, then steps of critics, rule and followers."""
        sizes = self._sizes(task.preset)
        now = ac.stage(state.rounds, sizes, task.schedule)
        seen = ac.experience(stream(key, "lives"), state, task, now, self.conduct, sizes.people)
        memory = _remembered(state.memory[0], seen.trials, state.rounds % self.kept)
        known = jnp.minimum(state.rounds + 1, self.kept)
        alpha = (self.temperature * now.bonus).astype(jnp.float32)
        count = max(memory.payoff.shape[1] // sizes.batches, 1)

        def step(carry, k):
            slot = jax.random.randint(stream(k, "slot"), (count,), 0, known)
            date = jax.random.randint(stream(k, "date"), (count,), 0, memory.payoff.shape[1])
            part = Step(*(x[slot, date] for x in memory))
            return _stepped(carry, part, (state, sizes, now, alpha), k)

        began = (state.rule.network, state.critic, state.memory[1], state.optimisers)
        keys = jax.random.split(stream(key, "steps"), sizes.epochs * sizes.batches)
        (actor, critics, followers, optimisers), seen_figures = jax.lax.scan(step, began, keys)
        entropy, explained = (jnp.mean(x) for x in seen_figures)
        found = ac.Found(actor, critics, optimisers, (entropy, explained), (memory, followers))
        return ac.concluded(state, task, sizes, self.noise, seen, found)

    def rule(self, state):
        """The averaged network; players of a game go on drawing their discrete choices."""
        return state.present()

    def histogram(self, state):
        """The histogram on which the rule is judged."""
        return state.cohort


def _remembered(memory: Step, trials, slot) -> Step:
    """The memory with a round of experience in a slot."""
    cut = lambda x, first: x[:, first : x.shape[1] - 1 + first].reshape(memory.payoff.shape[1], *x.shape[2:])  # noqa: E731
    parts = [(x, 0) for x in (trials.own, trials.public, trials.numbers, trials.payoff, trials.discount)]
    parts += [(trials.own, 1), (trials.public, 1)]
    return Step(*(old.at[slot].set(cut(x, first)) for old, (x, first) in zip(memory, parts, strict=True)))


def _worth(critics, own, public, numbers):
    """The lesser of two critics, and both."""
    inputs = jnp.concatenate([own, 0.5 * numbers], axis=-1)
    both = [jax.vmap(critic)(inputs, public)[..., 0] for critic in critics]
    return jnp.minimum(*both), both


def _drawn(network, heads, own, public, sd, key):
    """Log-odds drawn, differentiable in the network, and the log density of the positions."""
    out = jax.vmap(network)(own, public)
    numbers = out + sd * jax.random.normal(key, out.shape, jnp.float32)
    flat = jax.vmap(lambda o, x: heads.log_prob(o, sd, x))(out.reshape(-1, out.shape[-1]), numbers.reshape(-1, out.shape[-1]))
    return numbers, flat.reshape(out.shape[:-1])


def _stepped(carry, part: Step, fixed, key):
    """One step on some transitions: critics, then the rule, then the followers."""
    (actor, critics, followers, (first, second)), (state, sizes, now, alpha) = carry, fixed
    heads, sd, adam = state.rule.heads, state.sd.astype(jnp.float32), ac.adams(sizes)
    following, chance = _drawn(actor, heads, part.own_next, part.public_next, sd, stream(key, "next"))
    later = _worth(followers, part.own_next, part.public_next, following)[0] - alpha * chance
    target = jax.lax.stop_gradient(part.payoff + part.discount * later)

    def critic_loss(pair):
        return sum(jnp.mean((q - target) ** 2) for q in _worth(pair, part.own, part.public, part.numbers)[1])

    loss, slope = jax.value_and_grad(critic_loss)(critics)
    critics, second = ac.stepped(adam[1], second, slope, critics, now.pace)

    def actor_loss(network):
        numbers, density = _drawn(network, heads, part.own, part.public, sd, stream(key, "now"))
        return -jnp.mean(_worth(critics, part.own, part.public, numbers)[0] - alpha * density), -jnp.mean(density)

    slope, entropy = jax.grad(actor_loss, has_aux=True)(actor)
    pace = jnp.where(state.rounds < sizes.warm_rounds, 0.0, now.pace)
    actor, first = ac.stepped(adam[0], first, slope, actor, pace)
    track = lambda old, new: jax.tree_util.tree_map(lambda a, b: a + TRACKING * (b - a), old, new)  # noqa: E731
    explained = 1 - 0.5 * loss / (jnp.var(target) + 1e-12)
    return (actor, critics, track(followers, critics), (first, second)), (entropy, explained)
