"""Any economy as an environment of many agents: a functional JAX interface, and wrappers for Gymnasium and PettingZoo.

    from walras.interfaces import Environment
    env = Environment.of(w.economies.CurryRBC.open(), horizon=10)
    obs, state = env.reset(key)
    obs, state, reward, done, info = env.step(key, state, actions)

The wrappers are `walras.interfaces.one_agent.OneAgent` and `walras.interfaces.everybody.Everybody`; they need the extra `rl`.
"""

from walras.interfaces.actions import Heads
from walras.interfaces.environment import Environment, EnvironmentState

__all__ = ["Environment", "EnvironmentState", "Heads"]
