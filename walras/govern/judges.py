"""How the welfare of a policy is taken: along the transition from the present economy, along shocks, or at rest.

A comparison of resting states leaves out what the way there costs: capital that makes everybody rich at last had to be saved
first. Along the transition the people of the present stationary equilibrium learn of the policy, believe it for ever, and are
asked what the rest of their lives is worth. In an economy with aggregate risk the same people are asked, before they know which
shocks will come.
"""

import abc
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from walras._core.errors import InputError, SolveError, UnknownName
from walras._core.keys import root_key, stream
from walras.economy.economy import Economy
from walras.govern import cycle
from walras.govern.equilibrium import check_still, settle, society, society_on_the_way
from walras.govern.welfare import Appraisal, Criterion, appraise
from walras.learners.learner import Learner
from walras.rest import Standing, only_type, rest, standing
from walras.solution import Solution
from walras.solve import discretised, solve
from walras.transition import Transition, transition

HORIZON = 300
"""Dates of a transition in a search; that to the optimum is lengthened until welfare stands still."""

HALVINGS = 2
"""How often the way from one policy to the next is halved where no path clears at once."""


class Judge(abc.ABC):
    """What policies of one economy are worth, by one criterion, solved with a preset, a seed and learners.

    `drawn`: on shocks that are drawn, so that only differences of policies on the same ones say something.
    """

    name: ClassVar[str]
    drawn: ClassVar[bool] = False

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
    def memory(self) -> Any:
        """What it remembers of the policies it has judged, as one value that can be saved: where the next search begins."""

    @abc.abstractmethod
    def recall(self, memory: Any) -> None:
        """Take up what another one like it remembered; then it judges with the same bits."""

    @abc.abstractmethod
    def concluded(self, after: Solution, before: Solution) -> tuple[Appraisal, Appraisal | None]:
        """The policy found and the status quo, from solutions of both (None where the latter has none)."""


class AtRest(Judge):
    """Stationary equilibria compared."""

    name: ClassVar[str] = "rest"

    def __init__(self, economy, criterion, sizes, learners=None):
        super().__init__(economy, criterion, sizes, learners)
        check_still(economy)

    def begin(self):
        """Nothing."""

    def appraisal(self, economy):
        """Of its stationary equilibrium."""
        return self._of(settle(economy, self.learners, self.preset, self.key))

    def memory(self):
        """Nothing: every policy is solved from scratch."""

    def recall(self, memory):
        """Nothing."""

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
        check_still(economy)
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

    def memory(self):
        """The economy at rest, and the last transition."""
        return self._start, self._last

    def recall(self, memory):
        """Both."""
        self._start, self._last = memory

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


class OverTheCycle(Judge):
    """Paths from one date of an economy with aggregate risk, households solved again for each policy, shocks common to all.

    Each solve begins where the last one ended. `paths` shocks are drawn, half of them mirrors of the other half.

    Raises:
        InputError: for an economy without aggregate risk, or with learners of one's own.
    """

    name: ClassVar[str] = "cycle"
    drawn: ClassVar[bool] = True
    paths: ClassVar[int] = 32

    def __init__(self, economy, criterion, sizes, learners=None):
        super().__init__(economy, criterion, sizes, learners)
        if economy.exogenous.n == 1:
            raise InputError("nothing shocks it", where=type(economy).__name__, number="one exogenous state",
                             remedy="Judge it along the transition: along='transition'.")  # fmt: skip
        if learners:
            raise InputError("along shocks households are solved by first-order conditions", where="design",
                             number=", ".join(learners), remedy="Leave the learners out.")  # fmt: skip
        self.societies: dict[tuple[float, ...], cycle.Society] = {}
        self._begun: Begun | None = None

    def begin(self):
        """The economy as it is, solved; the date at which policies are announced."""
        if self._begun is None:
            self._begun = Begun(solve(self.economy, preset=self.preset, key=self.key), self.key)

    def appraisal(self, economy):
        """Of the economy under a policy; one that was judged before by another criterion is not solved again."""
        self.begin()
        assert self._begun is not None  # begun
        known = self.known(economy)
        if known not in self.societies:
            found = self._begun.lives(economy, self.paths, 0)
            self.societies[known] = cycle.society_of_lives(self._begun.opening, found)
        return self._of(self.societies[known])

    def memory(self):
        """The date of the announcement, the households solved last, and all societies."""
        return None if self._begun is None else self._begun.memory(), [list(pair) for pair in self.societies.items()]

    def recall(self, memory):
        """All of it."""
        begun, societies = memory
        self._begun = None if begun is None else Begun.again(begun)
        self.societies = {tuple(known): found for known, found in societies}

    @staticmethod
    def known(economy: Economy) -> tuple[float, ...]:
        """All numbers of an economy."""
        return tuple(float(x) for leaf in jax.tree_util.tree_leaves(economy) for x in np.ravel(leaf))

    def concluded(self, after, before):
        """Both on fresh shocks, from the economy as it is."""
        if "failed" in (before.verdict, after.verdict):
            raise SolveError("an economy has no equilibrium", where=before.name, remedy="Narrow the intervals.")
        begun = Begun(before, self.key + 1)
        both = (begun.lives(solution.economy, self.paths, 1) for solution in (after, before))
        one, other = (self._of(cycle.society_of_lives(begun.opening, found)) for found in both)
        return one, other

    def _of(self, found: cycle.Society) -> Appraisal:
        return appraise(self.criterion, found.people, found.consumption, found.utility_of)


class Begun:
    """A solved economy at the date at which policies are announced, and the households solved last.

    Raises:
        SolveError: where it has no equilibrium.
    """

    def __init__(self, solution: Solution, key: int):
        if solution.verdict == "failed" or solution.lab is None:
            raise SolveError("the economy as it is has no equilibrium", where=solution.name,
                             number="; ".join(solution.certificate.reasons), remedy="Begin at other parameters.")  # fmt: skip
        self.opening, self.key = cycle.opening(solution), stream(root_key(key), "cycle")
        sizes = (len(solution.lab.exo), solution.lab.shocks.shape[1])
        shocks = cycle.shocks_from(solution.economy, self.opening.state.exo, sizes, stream(self.key, "solve"))
        self.lab, self.loop = cycle.beginning(solution.lab, solution.loop, self.opening.state, shocks)

    def memory(self) -> dict[str, Any]:
        """Everything it holds."""
        return {name: getattr(self, name) for name in ("opening", "key", "lab", "loop")}

    @classmethod
    def again(cls, memory: dict[str, Any]) -> "Begun":
        """The same once more."""
        begun = cls.__new__(cls)
        begun.__dict__.update(memory)
        return begun

    def solved(self, economy: Economy) -> None:
        """Households under a policy."""
        lab, loop = cycle.under(self.lab, self.loop, discretised(economy, self.lab.preset.exogenous_states))
        self.lab, self.loop = lab, cycle.settled_on_the_way(lab, loop)

    def on(self, paths: int, number: int) -> cycle.Lives:
        """Lives of the households solved last, on the set of shocks of that number."""
        size, key = (paths, self.opening.dates), stream(self.key, "judge", number)
        shocks = cycle.shocks_from(self.lab.economy, self.opening.state.exo, size, key)
        return cycle.lives(self.lab, self.loop, self.opening, shocks, key)

    def lives(self, economy: Economy, paths: int, number: int) -> cycle.Lives:
        """Households under a policy solved, then their lives; gated on their Euler errors."""
        self.solved(economy)
        found = self.on(paths, number)
        cycle.check_euler(found, self.lab.preset.name, economy)
        return found


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
    """`transition`, `rest` or `cycle`.

    Raises:
        UnknownName: for others.
    """
    known: dict[str, type[Judge]] = {cls.name: cls for cls in (OnTheWay, AtRest, OverTheCycle)}
    if text not in known:
        raise UnknownName("way to take welfare", text, known, where="along")
    return known[text]
