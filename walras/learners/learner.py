"""What a learner is: it turns experience of a task into a rule."""

import abc
import dataclasses
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax

from walras._core.types import Key, PyTree
from walras.economy.agent import AgentType
from walras.economy.economy import Economy
from walras.economy.population import Histogram, Population
from walras.economy.rule import Information, Rule
from walras.economy.task import Task
from walras.learners.preset import Preset


class Setup(eqx.Module):
    """What a learner is told once, before the first round.

    `economy`, `populations` and `information` are the whole laboratory; `name` is the type that learns; `start` is an
    exogenous state to start from; `preset` carries the sizes and tolerances chosen by name; `rest` is where an economy of
    several types rests (None for the others).
    """

    economy: Any
    populations: dict[str, Any]
    rules: dict[str, Any]
    information: Information
    key: Key
    exo: Any
    name: str = eqx.field(static=True)
    preset: Any = eqx.field(static=True)
    rest: Any = None

    @property
    def agent(self):
        """The type that learns."""
        return self.economy.timing().moves()[self.name].agent

    def on_nodes(self, nodes: int) -> "Setup":
        """The same with so many nodes of a histogram that is not placed by hand."""
        return dataclasses.replace(self, preset=dataclasses.replace(self.preset, histogram_nodes=nodes))


class Experience(NamedTuple):
    """How much a learner is shown: most rounds, the paths and dates of each, and the residual at which rounds may end."""

    rounds: int
    paths: int
    dates: int
    tolerance: float

    @classmethod
    def of(cls, sizes) -> "Experience":
        """From the sizes of a learner in a preset."""
        return cls(sizes.rounds, sizes.paths, sizes.dates, sizes.tolerance)


class Progress(eqx.Module):
    """What an update reports: change of the rule and of the law in this round (sup norms)."""

    rule_change: Any
    law_change: Any


class Learner(eqx.Module):
    """A learner. Its state is one pytree of arrays, so that it can be saved, resumed and compared.

    A learner that is `fresh` gets new shocks in every round, a short stretch on many paths; the others get long paths that
    are the same in every round, so that a round is a fixed map. `progress` names what its updates report.
    """

    fresh: ClassVar[bool] = False
    progress: ClassVar[str] = "residual of the first-order conditions"

    @abc.abstractmethod
    def init(self, setup: Setup) -> PyTree:
        """The first state. May be slow and runs outside compiled code.

        Raises:
            InputError: if the type is not one that this learner can solve.
        """

    @abc.abstractmethod
    def update(self, key: Key, state: PyTree, task: Task) -> tuple[PyTree, Progress]:
        """One round: learn from the task. Pure, compiled by the caller."""

    @abc.abstractmethod
    def rule(self, state: PyTree) -> Rule:
        """The present rule."""

    def finds_rest(self, economy: Economy) -> bool:
        """Whether, where there is no aggregate risk, it looks for the place where the economy rests instead of living there."""
        return not self.fresh

    def explores(self, population: Population) -> bool:
        """Whether its individuals explore inside the economy, so that they learn what they do to prices."""
        return False

    def explore(self, state: PyTree) -> Rule:
        """The rule by which they explore; the present rule for those who do not."""
        return self.rule(state)

    def under(self, state: PyTree, agent: AgentType, masks: dict[str, Any]) -> PyTree:
        """The state where the parameters of its type are those of `agent` and discrete choices are masked by field, for rounds of a
        curriculum: a state that carries the type carries this one."""
        mine = lambda node: isinstance(node, type(agent))  # noqa: E731
        return jax.tree_util.tree_map(lambda node: agent if mine(node) else node, state, is_leaf=mine)

    def experience(self, preset: Preset) -> Experience:
        """How much it is shown under a preset; a learner that is `fresh` says so itself."""
        return Experience(preset.max_rounds, preset.paths, preset.dates, preset.tolerance)

    def calmer(self, state: PyTree, preset: Preset) -> "tuple[Learner, PyTree] | None":
        """The learner and its state with half the step, to go on from before numbers went wrong; None where it has no step."""
        return None

    def histogram(self, state: PyTree) -> Histogram | None:
        """The histogram on which the rule was started, for a population not placed by hand; None where there is none."""
        return None
