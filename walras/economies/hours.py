"""What a `taxpayer` chooses without a choice: hours, and all that follows from the marginal value of its next assets.

Roots of increasing functions of one number by Newton's method, right at any point, not only at nodes. Each is compiled by
itself: what every part of a solver asks for at every node is then traced once.
"""

import jax
import jax.numpy as jnp

from walras.economy.preferences import crra_inverse_marginal
from walras.numerics.roots import increasing


@jax.jit
def best_hours(agent, own, log_c, view):
    """Hours at which the last one costs what it pays, given log consumption."""
    start = -agent.unwilling(own, view, jnp.zeros(()), log_c) / agent.eta
    return jnp.exp(increasing(lambda x: agent.unwilling(own, view, x, log_c), start, straight=view.taxes.income.straight))


@jax.jit
def spending_all(agent, own, view):
    """Hours and consumption of who saves nothing."""
    spent = lambda x: (agent.means(own, view, jnp.exp(x)) - agent.a_min) / (1 + view.taxes.tau_c)  # noqa: E731
    gap = lambda x: agent.unwilling(own, view, x, jnp.log(jnp.maximum(spent(x), 1e-12)))  # noqa: E731
    x = increasing(gap, -gap(jnp.zeros(())) / (agent.eta + (1 - agent.ghh) * agent.gamma))
    return jnp.exp(x), spent(x)


@jax.jit
def backwards(agent, W, own, view, next_own):
    """Consumption and present assets at which W is the expected marginal value of the next ones."""
    tax, wage = view.taxes, view.w * agent.risk.value(own.e)
    price = W * (1 + tax.tau_c)
    weight = agent.psi / jnp.where(agent.ghh == 1, 1.0, price) * (1 + tax.tau_c)

    def hours(i):
        kept = jnp.maximum(1 - tax.tau_n - tax.income.marginal(i), 1e-12)
        return jnp.exp(jnp.log(wage * kept / weight) / agent.eta)

    def consumed(i):
        return crra_inverse_marginal(price, agent.gamma) + agent.ghh * agent.work(hours(i))

    def assets(i):
        spent = next_own.a + (1 + tax.tau_c) * consumed(i)
        needed = spent - (1 - tax.tau_n) * wage * hours(i) + tax.income.tax(i) - tax.transfer
        slope = 1 + (1 - tax.tau_k) * view.r
        return increasing(lambda a: slope * a - tax.wealth.tax(a) - needed, needed / slope, straight=tax.wealth.straight)

    start = wage * hours(wage + view.r * next_own.a) + view.r * next_own.a
    i = increasing(lambda i: i - wage * hours(i) - view.r * assets(i), start)
    return consumed(i), assets(i)
