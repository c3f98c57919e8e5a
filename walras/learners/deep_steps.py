"""Steps of Adam of a rule that is a network, on points of a scene: what one round of `DeepEuler` consists of."""

import dataclasses
from typing import TYPE_CHECKING

import jax
import jax.flatten_util
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras._core.keys import stream
from walras._core.types import Key
from walras.learners.deep_rule import DeepRule, Network
from walras.learners.objectives import Objective
from walras.learners.preset import DeepSizes
from walras.learners.scene import Scene

if TYPE_CHECKING:
    from optax import GradientTransformation


def adam(sizes: DeepSizes, rate: float) -> "GradientTransformation":
    """Adam, its step from `rate` along a cosine to the share `sizes.final` of it at the end of all rounds."""
    import optax  # slow to import, and needed only by those who learn this way

    steps = sizes.rounds * sizes.refreshes * sizes.steps
    return optax.adam(optax.cosine_decay_schedule(rate, steps, sizes.final))


def moments_of(optimiser: "GradientTransformation", network: Network) -> tuple[Array, ...]:
    """The optimiser's numbers before its first step (its own class could not be saved)."""
    return tuple(jax.tree_util.tree_leaves(optimiser.init(jax.flatten_util.ravel_pytree(network)[0])))


def trained(
    key: Key, objective: Objective, optimiser: "GradientTransformation", sizes: DeepSizes, rule: DeepRule, moments, scene: Scene
) -> tuple[DeepRule, tuple[Array, ...], Float[Array, ""]]:
    """The rule and the optimiser's numbers after `refreshes` times `steps` steps, and the root mean square of the loss."""
    # One vector, not a dozen arrays: steps are so small that the number of operations is what they cost.
    numbers, unravel = jax.flatten_util.ravel_pytree(rule.network)
    known = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(optimiser.init(numbers)), moments)
    unit = rule.network.size
    count = max(sizes.points // (scene.dates * len(rule.risks)), 2)

    def refresh(carry, key):
        frozen = dataclasses.replace(rule, network=unravel(carry[0]))
        points = objective.points(stream(key, "points"), frozen, scene, count)

        def step(carry, key):
            numbers, known = carry
            chosen = jax.random.randint(stream(key, "batch"), (sizes.batch,), 0, points.date.size)
            batch = jax.tree_util.tree_map(lambda leaf: leaf[chosen], points)

            def loss(numbers):
                asked = dataclasses.replace(rule, network=unravel(numbers))
                losses = objective.losses(stream(key, "draws"), asked, frozen, scene, batch)
                return jnp.sum(losses).astype(jnp.float32) / (jnp.maximum(jnp.sum(batch.weight), 1.0) * unit**2)

            value, slope = jax.value_and_grad(loss)(numbers)
            change, known = optimiser.update(slope, known)
            return (numbers + change, known), value

        return jax.lax.scan(step, carry, jax.random.split(stream(key, "steps"), sizes.steps))

    keys = jax.random.split(key, sizes.refreshes)
    (numbers, known), seen = jax.lax.scan(refresh, (numbers, known), keys)
    found = dataclasses.replace(rule, network=unravel(numbers))
    return found, tuple(jax.tree_util.tree_leaves(known)), unit * jnp.sqrt(jnp.abs(jnp.mean(seen)))
