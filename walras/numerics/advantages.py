"""Policy gradients: what an action was worth beyond what was expected, and how far one may step on one batch.

@article{schulman2016gae, title={High-dimensional continuous control using generalized advantage estimation},
  author={Schulman, John and Moritz, Philipp and Levine, Sergey and Jordan, Michael and Abbeel, Pieter},
  journal={International Conference on Learning Representations}, year={2016}}
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def generalised(
    payoff: Float[Array, "time *batch"], discount: Float[Array, "time *batch"], value: Float[Array, "ends *batch"], mix
) -> Float[Array, "time *batch"]:
    """Generalised advantages A_t = Σ_k mix^k (Π discount) δ_{t+k},  δ_t = u_t + discount_t V_{t+1} − V_t.

    Args:
        payoff: of every date.
        discount: factor between the date and the one after it.
        value: at every date and at the one after the last (ends = time + 1): nothing that lies beyond a cut is lost.
        mix: λ in [0, 1]; 1 is the discounted sum of payoffs less the value, 0 the error of one date.
    """
    errors = payoff + discount * value[1:] - value[:-1]

    def back(later, at):
        error, factor = at
        found = error + mix * factor * later
        return found, found

    return jax.lax.scan(back, jnp.zeros_like(errors[0]), (errors, discount), reverse=True)[1]


def standardised(gain: Float[Array, "..."], weight=1.0) -> Float[Array, "..."]:
    """The gain less its mean, over its standard deviation: what is in units of money moves a rule as what is in utils.

    `weight` (of mean one) says what counts in both.
    """
    apart = gain - jnp.mean(weight * gain)
    return apart / (jnp.sqrt(jnp.mean(weight * apart**2)) + 1e-12)


def clipped(log_ratio: Float[Array, "..."], gain: Float[Array, "..."], clip: float) -> Array:
    """The objective of proximal policy optimisation (Schulman et al. 2017, eq. 7), to be maximised: the mean of
    min(ρ A, clip(ρ, 1 − ε, 1 + ε) A)."""
    ratio = jnp.exp(log_ratio)
    return jnp.mean(jnp.minimum(ratio * gain, jnp.clip(ratio, 1 - clip, 1 + clip) * gain))
