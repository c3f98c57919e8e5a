"""What a government can be believed to do. Every result names its regime.

*Commitment*: the policy is announced, believed and kept, so households adapt to it; the planner's derivative contains how.
*Commitment to a network rule*: the same for a rule that answers the state of the economy.
*Discretion*: when the government acts, what households expected or built up before is settled. It does its best given
that, and households foresee it. Alternating "solve households, then improve the policy with households frozen" ends
here, whoever does the improving: Barro and Gordon (1983) is the proof. It is no way to find the first two.
"""

import abc
from typing import Any

import equinox as eqx
import numpy as np

from walras._core.errors import InputError
from walras.govern.problem import Box, Constant, NetworkPolicy, Policy, Problem


class Regime(eqx.Module):
    """How a policy is written as a point of a box, and whether households are frozen while it is improved."""

    name: eqx.AbstractClassVar[str]
    frozen: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def space(self, problem: Problem) -> Box:
        """The box that is searched."""

    @abc.abstractmethod
    def policy(self, problem: Problem, point: Any) -> Policy:
        """The policy at a point of that box."""


class Commitment(Regime):
    """One number for each instrument, for ever, announced and believed."""

    name = "commitment"
    frozen = False

    def space(self, problem):
        """The instruments' own box."""
        return problem.box()

    def policy(self, problem, point):
        """See the class."""
        return Constant(point)


class NetworkCommitment(Regime):
    """A small network from what is observed to the instruments, announced and believed; `hidden` units, weights within `reach`."""

    name = "network-commitment"
    frozen = False
    hidden: int = eqx.field(static=True, default=4)
    reach: float = eqx.field(static=True, default=4.0)

    def _shapes(self, problem: Problem) -> list[tuple[int, ...]]:
        if problem.observables == 0:
            remedy = "Use commitment: nothing that a rule could answer ever changes."
            raise InputError("a network rule has nothing to observe here", where=type(problem).__name__, remedy=remedy)
        size = problem.box().size
        return [(self.hidden, problem.observables), (self.hidden,), (size, self.hidden), (size,)]

    def space(self, problem):
        """The box of the weights.

        Raises:
            InputError: where nothing can be observed.
        """
        n = sum(int(np.prod(shape)) for shape in self._shapes(problem))
        return Box(tuple(f"weight {i}" for i in range(n)), (-self.reach,) * n, (self.reach,) * n)

    def policy(self, problem, point):
        """See the class."""
        parts, at = [], 0
        for shape in self._shapes(problem):
            size = int(np.prod(shape))
            parts.append(point[at : at + size].reshape(shape))
            at += size
        box = problem.box()
        return NetworkPolicy(tuple(parts), box.low, box.high)


class Discretion(Regime):
    """Markov: the best given what is settled already, foreseen by households. Sought by at most `rounds` of alternation."""

    name = "discretion"
    frozen = True
    rounds: int = eqx.field(static=True, default=12)
    tolerance: float = eqx.field(static=True, default=1e-4)

    def space(self, problem):
        """The instruments' own box."""
        return problem.box()

    def policy(self, problem, point):
        """See the class."""
        return Constant(point)


REGIMES: tuple[type[Regime], ...] = (Commitment, NetworkCommitment, Discretion)
