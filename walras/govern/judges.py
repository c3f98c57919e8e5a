"""How the welfare of a policy is taken: along the transition from the present economy, or at rest.

A comparison of resting states leaves out what the way there costs: capital that makes everybody rich at last had to be saved
first. Along the transition the people of the present stationary equilibrium learn of the policy, believe it for ever, and are
asked what the rest of their lives is worth.
"""

import abc
from typing import ClassVar

import jax
import jax.numpy as jnp

from walras._core.errors import InputError, SolveError, UnknownName
from walras.economy.economy import Economy
from walras.govern.equilibrium import settle, society, society_on_the_way
from walras.govern.welfare import Appraisal, Criterion, appraise
from walras.learners.learner import Learner
from walras.rest import Standing, only_type, rest, standing
from walras.solution import Solution
from walras.transition import Transition, transition

HORIZON = 300
"""Dates of a transition in a search; that to the optimum is lengthened until welfare stands still."""

HALVINGS = 2
"""How often the way from one policy to the next is halved where no path clears at once."""


class Judge(abc.ABC):
    """What policies of one economy are worth, by one criterion, solved with a preset, a seed and learners."""

    name: ClassVar[str]

    def __init__(
        self, economy: Economy, criterion: Criterion, sizes: tuple[str, int], learners: dict[str, Learner] | None = None
    ):
        self.economy, self.criterion, self.learners = economy, criterion, learners
        self.preset, self.key = sizes

    @abc.abstractmethod
    def begin(self) -> None:
        """What is solved once, before the first policy."""

    @abc.abstractmethod
    def appraisal(self, economy: Economy) -> Appraisal:
        """The economy under a policy.

        Raises:
            SolveError, InputError: where there is no equilibrium.
        """

    @abc.abstractmethod
    def concluded(self, after: Solution, before: Solution) -> tuple[Appraisal, Appraisal | None]:
        """The policy found and the status quo, from solutions of both (None where the latter has none)."""


class AtRest(Judge):
    """Stationary equilibria compared."""

    name: ClassVar[str] = "rest"

    def begin(self):
        """Nothing."""

    def appraisal(self, economy):
        """Of its stationary equilibrium."""
        return self._of(settle(economy, self.learners, self.preset, self.key))

    def concluded(self, after, before):
        """Both at rest."""
        return self._of(after), None if before.verdict == "failed" else self._of(before)

    def _of(self, solution: Solution) -> Appraisal:
        found = society(solution)
        return appraise(self.criterion, found.people, found.consumption, found.utility_of)


class OnTheWay(Judge):
    """Transitions from the stationary equilibrium of the economy as it is. Each begins its search where the last one ended.

    Raises:
        InputError: for an economy of several types, with aggregate risk, or with learners of one's own.
    """

    name: ClassVar[str] = "transition"

    def __init__(self, economy, criterion, sizes, learners=None):
        super().__init__(economy, criterion, sizes, learners)
        only_type(economy)
        if learners:
            raise InputError("transitions are solved by first-order conditions", where="design", number=", ".join(learners),
                             remedy="Leave the learners out, or compare resting states: along='rest'.")  # fmt: skip
        self._start: Standing | None = None
        self._last: Transition | None = None

    def begin(self):
        """The economy as it is, at rest."""
        if self._start is None:
            self._start = rest(self.economy, preset=self.preset, key=self.key)

    def appraisal(self, economy):
        """Of the transition to it."""
        self.begin()
        assert self._start is not None  # begun
        self._last = self._reached(self._start, economy)
        return self._of(self._start, self._last)

    def concluded(self, after, before):
        """From scratch, the horizon doubled until welfare stands still."""
        if before.verdict == "failed":
            raise SolveError("the economy as it is has no equilibrium from which a transition could start", where=before.name,
                             remedy="Compare resting states: along='rest'.")  # fmt: skip
        start, end = standing(before), standing(after)
        path = transition(start, end.economy, end=end)
        return self._of(start, path), self._of(start, transition(start, start.economy, end=start, horizon=2))

    def _reached(self, start: Standing, economy: Economy) -> Transition:
        if self._last is None:
            self._last = transition(start, start.economy, end=start, horizon=HORIZON)
        return _stepped(start, economy, self._last, HALVINGS)

    def _of(self, start: Standing, path: Transition) -> Appraisal:
        found = society_on_the_way(start, path)
        return appraise(self.criterion, found.people, found.consumption, found.utility_of)


def _stepped(start: Standing, economy: Economy, near: Transition, halvings: int) -> Transition:
    """The transition to an economy: from the one nearby, from its own end, or by way of an economy half way."""
    try:
        return transition(start, economy, near=near, horizon=near.horizon)
    except SolveError:
        pass
    try:
        return transition(start, economy, end=rest(economy, near=near.end), horizon=near.horizon)
    except SolveError:
        if halvings == 0:
            raise
    middle = jax.tree_util.tree_map(_halfway, near.end.economy, economy)
    return _stepped(start, economy, _stepped(start, middle, near, halvings - 1), halvings - 1)


def _halfway(one, other):
    return 0.5 * (one + other) if jnp.issubdtype(jnp.result_type(one), jnp.inexact) else other


def judge_named(text: str) -> type[Judge]:
    """`transition` or `rest`.

    Raises:
        UnknownName: for others.
    """
    known: dict[str, type[Judge]] = {cls.name: cls for cls in (OnTheWay, AtRest)}
    if text not in known:
        raise UnknownName("way to take welfare", text, known, where="along")
    return known[text]
