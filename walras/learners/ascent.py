"""Steps on a round of experience: what `Reinforce` and `PPO` do with it."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras.learners.actor_critic import Found, ModelFreeState, Stage, adams, stepped
from walras.learners.policy import TypeNetwork
from walras.learners.preset import ModelFreeSizes
from walras.learners.trials import Trials
from walras.numerics.advantages import generalised, standardised


def values_of(critic: TypeNetwork, trials: Trials) -> Float[Array, "path time individual"]:
    """What a critic of states says."""
    return jax.vmap(jax.vmap(critic))(trials.own, trials.public)[..., 0]


ROUNDING = 1e-4
"""Log-odds this close to the middle were not drawn: positions are in single precision."""


class Batch(NamedTuple):
    """Dates of experience, leading axis date (individuals second, of `public` none)."""

    own: Array
    public: Array
    numbers: Array
    gain: Array
    returns: Array
    value: Array
    before: Array


def batch_of(state: ModelFreeState, trials: Trials, mix: float) -> Batch:
    """All dates but the last of every path: advantages, standardised; returns; log densities under the rule that acted.

    The value at the last date of a path stands for what comes after it. Good and bad luck is taken out of payoffs first.
    """
    value = values_of(state.critic, trials)
    trials = dataclasses.replace(trials, payoff=trials.payoff - lucky(trials, value))
    over = lambda x: jnp.moveaxis(x, 1, 0)  # noqa: E731
    gain = generalised(over(trials.payoff)[:-1], over(trials.discount)[:-1], over(value), mix)
    gain = jnp.moveaxis(gain, 0, 1)
    returns = gain + value[:, :-1]
    out = outputs_of(state.rule.network, trials.own, trials.public)
    before = chances(state.rule.heads, out, trials.numbers, state.sd)
    weight = explored(state, trials, out)[:, : gain.shape[1]]
    dates = math.prod(gain.shape[:2])
    flat = lambda x: x[:, : gain.shape[1]].reshape(dates, *x.shape[2:])  # noqa: E731
    scaled = standardised(gain, weight) * weight
    parts = (trials.own, trials.public, trials.numbers, scaled, returns, value, before)
    return Batch(*(flat(part) for part in parts))


def lucky(trials: Trials, value) -> Float[Array, "path time individual"]:
    """What of the error of every date is luck: its projection on luck times inputs.

    Chance does not ask what was chosen, so that taking it out changes no expectation, only the noise: in a market with shocks to demand
    next date's state moves values by far more than a choice does.
    """
    if not trials.luck.shape[-1]:
        return jnp.zeros_like(trials.payoff)
    error = trials.payoff + trials.discount * jnp.roll(value, -1, axis=1) - value
    public = jnp.broadcast_to(trials.public[:, :, None], (*trials.own.shape[:3], trials.public.shape[-1]))
    known = jnp.concatenate([jnp.ones((*trials.own.shape[:3], 1), jnp.float32), trials.own, public], axis=-1)
    terms = (trials.luck[..., :, None] * known[..., None, :]).reshape(*trials.own.shape[:3], -1)
    x = terms[:, :-1].reshape(-1, terms.shape[-1])
    gram = x.T @ x
    ridge = (1e-5 * jnp.trace(gram) / len(gram) + 1e-12) * jnp.eye(len(gram), dtype=x.dtype)
    found = jnp.linalg.solve(gram + ridge, x.T @ error[:, :-1].reshape(-1))
    return terms @ found


def explored(state: ModelFreeState, trials: Trials, out) -> Float[Array, "path time individual"]:
    """Weights of mean one: those who explored; all where everybody does. `out`: what the network said to them."""
    if not state.rule.heads.continuous:
        return jnp.ones_like(trials.payoff)
    middle = jax.vmap(state.rule.heads.middle_numbers)(out).reshape(trials.numbers.shape)
    tried = jnp.any(jnp.abs(trials.numbers - middle) > ROUNDING, axis=-1).astype(jnp.float32)
    weight = jnp.where(state.explorers < 1, tried, jnp.ones_like(tried))
    return weight / jnp.maximum(jnp.mean(weight), 1e-6)


def chances(heads, out, numbers, sd):
    """Log densities of what was drawn, from the network's outputs in one row each."""
    sd = jnp.asarray(sd, jnp.float32)
    found = jax.vmap(lambda o, x: heads.log_prob(o, sd, x))(out, numbers.reshape(-1, heads.draws))
    return found.reshape(numbers.shape[:-1])


def outputs_of(network: TypeNetwork, own, public):
    """Outputs for all individuals of all dates, in one row each."""
    dates = math.prod(own.shape[:-2])  # an economy may have no public input at all
    out = jax.vmap(network)(own.reshape(dates, *own.shape[-2:]), public.reshape(dates, public.shape[-1]))
    return out.reshape(-1, out.shape[-1])


def improved(
    state: ModelFreeState, batch: Batch, objective, now: Stage, sizes: ModelFreeSizes, key, once: bool = False
) -> Found:
    """Epochs of steps on parts of a batch.

    Args:
        objective: of (log density now, that of the rule that acted, advantage, entropy), to be maximised.
        once: the actor takes one step, on the whole batch, and the critic all of them.
    """
    adam, heads, sd = adams(sizes), state.rule.heads, state.sd.astype(jnp.float32)
    dates = batch.gain.shape[0]
    size = max(dates // sizes.batches, 1)
    # The critic learns what the first scale is before anybody acts on it.
    pace = jnp.where(state.rounds < sizes.warm_rounds, 0.0, now.pace)

    def actor_loss(network, part: Batch):
        out = outputs_of(network, part.own, part.public)
        chance = chances(heads, out, part.numbers, sd)
        spread = jax.vmap(lambda o: heads.entropy(o, sd))(out)
        spread = jnp.mean(spread)
        return -objective(chance, part.before, part.gain, spread), spread

    def critic_loss(critic, part: Batch):
        value = jax.vmap(critic)(part.own, part.public)[..., 0]
        return jnp.mean((value - part.returns) ** 2)

    def moved(actor, first, part):
        slope, spread = jax.grad(actor_loss, has_aux=True)(actor, part)
        return *stepped(adam[0], first, slope, actor, pace), spread

    def step(carry, chosen):
        actor, critic, (first, second) = carry
        part = jax.tree_util.tree_map(lambda x: x[chosen], batch)
        spread = jnp.zeros((), jnp.float32)
        if not once:
            actor, first, spread = moved(actor, first, part)
        critic, second = stepped(adam[1], second, jax.grad(critic_loss)(critic, part), critic, now.pace)
        return (actor, critic, (first, second)), spread

    def epoch(carry, k):
        order = jax.random.permutation(k, dates)[: dates // size * size].reshape(-1, size)
        return jax.lax.scan(step, carry, order)

    actor, (first, second) = state.rule.network, state.optimisers
    if once:
        actor, first, entropy = moved(actor, first, batch)
    began = (actor, state.critic, (first, second))
    found, entropies = jax.lax.scan(epoch, began, jax.random.split(key, sizes.epochs))
    explained = 1 - jnp.var(batch.returns - batch.value) / (jnp.var(batch.returns) + 1e-12)
    return Found(*found, (entropy if once else jnp.mean(entropies), explained))
