"""What an hour is worth: the ability processes of TaxAI."""

import numpy as np

from walras.economy.process import Chain, log_chain


def abilities() -> Chain:
    """Nine states of a log AR(1) of persistence .982 and innovations .2, mean one."""
    return log_chain(9, 0.982, 0.2 / float(np.sqrt(1 - 0.982**2)), normalise=True)


def with_superstar(chain: Chain, level: float, enter: float, stay: float) -> Chain:
    """The chain with one more state, `level` times the mean of the others; who leaves it draws from their distribution."""
    values, moves, usual = np.asarray(chain.values), np.asarray(chain.transition), np.asarray(chain.start(None).weights)
    up = np.append(np.full(len(values), enter), stay)
    down = np.vstack([moves * (1 - enter), usual * (1 - stay)])
    return Chain(np.append(values, level * (values @ usual)), np.column_stack([down, up]))
