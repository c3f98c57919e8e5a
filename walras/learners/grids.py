"""Where the nodes of an own stock begin and end."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras.economy.foc import stock_field
from walras.learners.preset import EulerSizes
from walras.numerics.interpolate import Axis

CROWDED = 1e-9
"""Share of people at the top of a first grid above which it is too short."""

LENGTHENED = 6
"""How often a first grid is made five times as long; the certificate reports who is still at the top."""


@brief_jit
def _stock_at_birth(agent, exo):
    """Lower limit and mean at birth of the endogenous stock."""
    own, weights = agent.birth(0, exo).nodes()
    stock = stock_field(agent)
    return getattr(agent.limits(), stock).low, jnp.sum(weights * getattr(own, stock))


def wide_axis(agent, exo, nodes: int, sizes: EulerSizes, reach: float) -> tuple[Axis, float]:
    """Nodes from the lower limit of the stock to `reach` times that at birth (both counted from the limit), and the latter."""
    low, mean = (float(x) for x in _stock_at_birth(agent, exo))
    scale = max(mean - low, 1e-3)
    return Axis(low, low + scale * reach, scale * sizes.bend, nodes), low + scale


def top_of(mass: Float[Array, "risk nodes"], axis, share: float) -> float:
    """Two and a half times the stock above which less than `share` of the mass lies, at most the axis' own top."""
    tail = np.cumsum(np.asarray(mass).sum(axis=0)[::-1])[::-1]
    above = np.nonzero(tail < share)[0]
    low, high = float(axis.low), float(axis.high)
    reached = float(np.asarray(_nodes(axis))[above[0]]) if len(above) else high
    return min(high, low + 2.5 * (reached - low))


_nodes = jax.jit(lambda axis: axis.nodes)
