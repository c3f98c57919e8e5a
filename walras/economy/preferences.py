"""Utility functions and their inverses."""

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array


@jax.custom_jvp
def crra(c: Array, gamma: Array) -> Array:
    """(c^(1−γ) − 1)/(1−γ), log c at γ = 1; γ may be traced. [utils]"""
    log_c = jnp.log(c)
    distance = 1.0 - gamma
    safe = jnp.where(distance == 0, 1.0, distance)
    return jnp.where(distance == 0, log_c, jnp.expm1(distance * log_c) / safe)


def _crra_jvp(primals, tangents):
    """u'(c) = c^(−γ) in one power: the two branches of the value would cost two."""
    (c, gamma), (c_dot, gamma_dot) = primals, tangents
    log_c, distance = jnp.log(c), 1.0 - gamma
    slope = jnp.zeros_like(log_c)
    if not isinstance(c_dot, SymbolicZero):
        slope += jnp.exp(-gamma * log_c) * c_dot
    if not isinstance(gamma_dot, SymbolicZero):
        safe = jnp.where(distance == 0, 1.0, distance)
        by_gamma = (jnp.expm1(distance * log_c) / safe - log_c * c**distance) / safe
        slope += jnp.where(distance == 0, -0.5 * log_c**2, by_gamma) * gamma_dot
    return crra(c, gamma), slope


# Symbolic zeros: where γ is not varied its derivative, five times as dear as u', must not be computed and multiplied by 0.
crra.defjvp(_crra_jvp, symbolic_zeros=True)


def crra_inverse_marginal(margin: Array, gamma: Array) -> Array:
    """Consumption at which u'(c) = c^(−γ) equals the margin. [goods]"""
    return jnp.exp(-jnp.log(margin) / gamma)


def consumption_equivalent(value: Array, value_reference: Array, gamma: Array, discount: Array) -> Array:
    """Share by which consumption under the reference must rise for ever to be worth `value` (CRRA lifetimes).

    With u as in `crra`, V = Σ β^t u(c): λ = ((V + k)/(V_ref + k))^(1/(1−γ)) − 1, k = 1/((1−γ)(1−β)); at γ = 1
    λ = exp((1−β)(V − V_ref)) − 1.
    """
    distance = 1.0 - gamma
    safe = jnp.where(distance == 0, 1.0, distance)
    shift = 1.0 / (safe * (1.0 - discount))
    power = ((value + shift) / (value_reference + shift)) ** (1.0 / safe) - 1.0
    return jnp.where(distance == 0, jnp.expm1((1.0 - discount) * (value - value_reference)), power)
