"""What `design` asks of an economy: an equilibrium for every policy, judged by one criterion, remembered.

Every equilibrium that was solved is written into a ledger, so that an interrupted search goes on by asking the same
questions again.
"""

import dataclasses
import itertools
import time
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from walras._core.errors import InputError, SolveError, UnknownName
from walras._core.module import indexed, parameters_of
from walras.economy.economy import Economy
from walras.govern import chebyshev
from walras.govern.equilibrium import judged_type
from walras.govern.judges import Judge, OnTheWay
from walras.govern.problem import Box
from walras.govern.searchers.searcher import Conditioned, Objective
from walras.govern.welfare import Appraisal, Criterion
from walras.inputs import check_feasible, check_parameters, with_parameters
from walras.learners.learner import Learner
from walras.learners.preset import preset as preset_named
from walras.solve import discretised

MOST_CORNERED = 6
"""Most parameters of which all corners are looked at; of more, the lowest and the highest one."""

INSIDE = 1e-3
"""Share of an interval by which the search keeps away from an end that a parameter may not take."""


def box_of(economy: Economy, over: dict[str, tuple[float, float] | None]) -> Box:
    """The box of named parameters; where no interval is given, the one in which the parameter must lie.

    Raises:
        UnknownName: for a name that is no parameter.
        InputError: for an interval without ends, and one that a parameter may not take.
    """
    known = {name: about for name, _, about in parameters_of(economy)}
    sizes = {name: np.shape(value) for name, value, _ in parameters_of(economy)}
    if not over:
        raise InputError(
            "there is nothing to choose", where="design", remedy="Name a parameter: --over government.tau_k=0:0.5."
        )
    # A parameter that is an array stands for all its entries.
    over = {entry: given for name, given in over.items() for entry in _entries(name, sizes.get(name, ()))}
    ends = []
    for name, given in over.items():
        head, at = indexed(name)
        if head not in known or (at is not None and not at < int(np.prod(sizes[head]))):
            raise UnknownName("parameter", name, known, where=type(economy).__name__)
        low, high, closed = (known[head][k] for k in ("low", "high", "closed"))
        if given is None and not (np.isfinite(low) and np.isfinite(high)):
            remedy = f"Say where to search: {name}=LOW:HIGH."
            raise InputError(
                "it may lie anywhere, and a search needs two ends", where=name, number=f"({low:g}, {high:g})", remedy=remedy
            )
        margin = 0.0 if closed or given is not None else INSIDE * (high - low)
        ends.append(given or (low + margin, high - margin))
    return Box(tuple(over), tuple(float(a) for a, _ in ends), tuple(float(b) for _, b in ends))


def _entries(name: str, shape: tuple[int, ...]) -> list[str]:
    return [f"{name}[{i}]" for i in range(shape[0])] if shape else [name]


def check_corners(economy: Economy, box: Box, preset: str) -> None:
    """Raise InputError if a corner of the box is beyond what a parameter may be, or leaves somebody nothing to choose."""
    ends = list(zip(box.low, box.high, strict=True))
    corners = itertools.product(*ends) if box.size <= MOST_CORNERED else zip(*ends, strict=True)
    for corner in corners:
        try:
            tried = with_parameters(economy, dict(zip(box.names, corner, strict=True)))
            check_feasible(discretised(tried, preset_named(preset).exogenous_states), np.int64(0))
        except InputError as error:
            values = ", ".join(f"{n} = {v:g}" for n, v in zip(box.names, corner, strict=True))
            remedy = "Narrow the intervals."
            raise InputError(
                f"the box reaches beyond what is feasible: {str(error).rstrip('.')}", where=f"design, {values}", remedy=remedy
            ) from error


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One equilibrium that was looked at: the policy, its appraisal (None where there is no equilibrium), why, seconds."""

    policy: tuple[float, ...]
    appraisal: Appraisal | None
    why: str
    seconds: float


class Study:
    """Policies of one economy and what they were found to be worth by a judge.

    Raises:
        InputError: before anything is solved: no such parameter, an interval without ends or beyond feasibility, a criterion
            without a bound, an economy whose welfare cannot be taken.
    """

    def __init__(
        self,
        economy: Economy,
        over: dict,
        criterion: Criterion,
        sizes: tuple[str, int],
        learners: dict[str, Learner] | None = None,
        along: Callable[..., Judge] = OnTheWay,
    ):
        self.economy, self.criterion, self.learners = economy, criterion, learners
        self.preset, self.key = sizes
        check_parameters(economy)
        preset_named(self.preset)
        judged = judged_type(economy)
        criterion.check(int(economy.timing().moves()[judged].agent.risk.n or 0))
        self.judge = along(economy, criterion, sizes, learners)
        self.box = box_of(economy, over)
        check_corners(economy, self.box, self.preset)
        self.ledger: dict[tuple[float, ...], Evaluation] = {}
        self.begins: Callable[[], None] = lambda: None
        self.heard: Callable[[Evaluation], None] = lambda _: None

    def at(self, policy: Any) -> Economy:
        """The economy under a policy."""
        return with_parameters(self.economy, dict(zip(self.box.names, (float(v) for v in policy), strict=True)))

    def evaluate(self, policy: Any) -> Evaluation:
        """What a policy is worth; solved once."""
        rounded = tuple(float(f"{v:.12g}") for v in policy)
        if rounded not in self.ledger:
            self.begins()
            begin = time.perf_counter()
            self.judge.begin()
            try:
                found, why = self.judge.appraisal(self.at(rounded)), ""
            except (SolveError, InputError) as error:  # corners are feasible, a point between them need not be
                found, why = None, str(error)
            self.ledger[rounded] = Evaluation(rounded, found, why, time.perf_counter() - begin)
            self.heard(self.ledger[rounded])
        return self.ledger[rounded]

    def worth(self, policy: Any) -> float:
        """The equal worth of a policy [goods], not a number where there is no equilibrium."""
        found = self.evaluate(policy).appraisal
        return float("nan") if found is None else found.equal_worth


class EquilibriumObjective(Objective):
    """The equal worth of equilibria solved one by one."""

    traced: ClassVar[bool] = False
    study: Study = eqx.field(static=True)

    @property
    def size(self):
        """Parameters chosen."""
        return self.study.box.size

    def value(self, x, number, draws):
        """Solved, or read in the ledger."""
        return self.study.worth(self.study.box.point(np.asarray(x)))

    def conditioned(self, low, high, nodes, draws):
        """The equal worth, interpolated in the policy.

        Raises:
            SolveError: where an anchor has no equilibrium.
        """
        values = []
        for x in chebyshev.anchors(np.asarray(low), np.asarray(high), nodes):
            found = self.study.evaluate(self.study.box.point(x))
            if found.appraisal is None:
                where = ", ".join(f"{n} = {v:g}" for n, v in zip(self.study.box.names, found.policy, strict=True))
                raise SolveError(
                    f"an anchor has no equilibrium: {found.why}", where=where, remedy="Narrow the intervals, or use grid."
                )
            values.append(found.appraisal.equal_worth)
        return Surface(chebyshev.Interpolant(jnp.asarray(values), jnp.asarray(low), jnp.asarray(high), nodes), self.study)


class Surface(Conditioned):
    """A welfare surface through exact equilibria."""

    answer: chebyshev.Interpolant
    study: Study = eqx.field(static=True)

    def value(self, x):
        """The interpolant."""
        return self.answer(x)

    def gap(self, x):
        """Share of consumption by which the surface is off an equilibrium solved there."""
        exact = self.study.worth(self.study.box.point(np.asarray(x)))
        return abs(float(self.answer(jnp.asarray(x))) / exact - 1)
