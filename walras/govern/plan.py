"""`plan`: the best policy of a problem in a regime, by a searcher, with what to believe about it."""

import dataclasses
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.compiling import brief_jit
from walras._core.keys import root_key, stream
from walras._core.types import Key
from walras.govern import chebyshev
from walras.govern.problem import Policy, Problem, Response, largest_gap, respond
from walras.govern.regimes import Commitment, Discretion, Regime
from walras.govern.searchers.searcher import Conditioned, Found, Objective, Searcher, Watch


class ProblemObjective(Objective):
    """Welfare of a problem in a regime; `believed` (unit cube) is the policy to which frozen households answered."""

    traced: ClassVar[bool] = True
    problem: Problem
    regime: Regime
    key: Key
    believed: Any = None

    @property
    def size(self):
        """Dimensions of the regime's box."""
        return self.regime.space(self.problem).size

    def policy(self, x) -> Policy:
        """The policy at a point of the unit cube."""
        return self.regime.policy(self.problem, self.regime.space(self.problem).point(x))

    def drawn(self, number, draws: int):
        """The draws of a round."""
        return self.problem.draws(stream(self.key, "draws", number), draws)

    def settled(self, drawn) -> Response:
        """What is settled when the government acts: nothing under commitment."""
        if self.believed is None:
            return {}
        answer = respond(self.problem, self.policy(self.believed), drawn)
        return {name: jax.lax.stop_gradient(answer[name]) for name in self.problem.sunk}

    def value(self, x, number, draws):
        """Welfare when households answer as the regime says."""
        drawn, policy = self.drawn(number, draws), self.policy(x)
        return self.problem.welfare(policy, respond(self.problem, policy, drawn, self.settled(drawn)), drawn)

    def conditioned(self, low, high, nodes, draws):
        """Responses interpolated in the policy, on the draws of round 0."""
        return _conditioned(self, jnp.asarray(low), jnp.asarray(high), nodes, draws)


class ConditionedProblem(Conditioned):
    """Households whose answer is a Chebyshev interpolant in the policy, exact at its anchors."""

    objective: ProblemObjective
    drawn: Any
    settled: Response
    answer: chebyshev.Interpolant

    def value(self, x):
        """Welfare under the interpolated answer."""
        return self.objective.problem.welfare(self.objective.policy(x), self.answer(x), self.drawn)

    def gap(self, x):
        """Largest gap of the exact conditions that are not settled."""
        return float(_gap(self, jnp.asarray(x)))


@brief_jit
def _conditioned(objective: ProblemObjective, low, high, nodes: int, draws: int) -> ConditionedProblem:
    drawn = objective.drawn(0, draws)
    settled = objective.settled(drawn)
    exact = lambda x: respond(objective.problem, objective.policy(x), drawn, settled)  # noqa: E731
    return ConditionedProblem(objective, drawn, settled, chebyshev.interpolant(exact, low, high, nodes))


@brief_jit
def _gap(standing: ConditionedProblem, x):
    policy, answer = standing.objective.policy(x), standing.answer(x)
    found = standing.objective.problem.conditions(answer, policy, standing.drawn)
    free = [jnp.max(jnp.abs(v)) for name, v in found.items() if name not in standing.settled]
    return jnp.max(jnp.stack(free)) if free else jnp.zeros(())


@dataclasses.dataclass(frozen=True)
class Plan:
    """What `plan` found.

    `values` of the instruments by name (`NetworkCommitment`: weights); `regime` and `searcher` by name; `welfare` and
    `residual` (largest gap of the households' conditions) by a solution from scratch at the policy; `corners`: instruments that end
    at an end of their interval; `settled`: False where alternation did not come to rest; `note`: what the searcher had to say.
    """

    regime: str
    searcher: str
    values: dict[str, float]
    welfare: float
    residual: float
    corners: dict[str, str]
    settled: bool
    trail: np.ndarray
    surface: np.ndarray
    evaluations: int
    note: str
    policy: Policy
    response: Response


UNSEEN = 2_000_000_011
"""Number of the draws of the verification: no searcher has so many rounds."""

VERIFIED = 16_384
"""Households drawn for the verification."""

CORNER = 2e-3
"""Distance from an end of its interval, as a share of it, within which an instrument is at a corner."""


def corners_of(names: tuple[str, ...], x: np.ndarray) -> dict[str, str]:
    """Which instruments end at an end of their interval, and at which."""
    return {n: "low" if v < 0.5 else "high" for n, v in zip(names, x, strict=True) if min(v, 1 - v) < CORNER}


def plan(
    problem: Problem,
    searcher: Searcher,
    *,
    regime: Regime | None = None,
    begin: Any = 0.8,
    key: int = 0,
    watch: Watch | None = None,
) -> Plan:
    """The best policy of a problem.

    Args:
        problem: what is chosen, who answers, what it is worth.
        searcher: how to search.
        regime: what the government can be believed to do; commitment to a rule if not named.
        begin: where the search starts, as a share of each interval (a number or one for each instrument).
        key: seed of the draws and of the searcher.
        watch: called with progress.

    Raises:
        InputError: where the regime or the searcher cannot be used on this problem.
    """
    regime = Commitment() if regime is None else regime
    box, root = regime.space(problem), root_key(key)
    x = np.broadcast_to(np.asarray(begin, float), (box.size,)).copy()
    objective = ProblemObjective(problem, regime, stream(root, "problem"))
    if isinstance(regime, Discretion):
        found, settled = _alternated(objective, regime, searcher, stream(root, "search"), x)
    else:
        found, settled = searcher.search(objective, stream(root, "search"), x, watch), True
    welfare, residual, response = _verified(objective, jnp.asarray(found.x), VERIFIED)
    return Plan(
        regime=regime.name,
        searcher=searcher.name,
        values=dict(zip(box.names, (float(v) for v in box.point(found.x)), strict=True)),
        welfare=float(welfare),
        residual=float(residual),
        corners=corners_of(box.names, found.x),
        settled=settled,
        trail=box.point(found.trail),
        surface=found.values,
        evaluations=found.evaluations,
        note=found.note,
        policy=objective.policy(jnp.asarray(found.x)),
        response=response,
    )


def _alternated(
    objective: ProblemObjective, regime: Discretion, searcher: Searcher, key: Key, x: np.ndarray
) -> tuple[Found, bool]:
    """Solve households, improve the policy with what is settled frozen, until the policy no longer moves."""
    trail, values, count, moved = [], [], 0, np.inf
    found = Found(x, np.nan, x[None], np.zeros(1), 0)
    for number in range(regime.rounds):
        believed = eqx.tree_at(lambda o: o.believed, objective, jnp.asarray(x), is_leaf=lambda v: v is None)
        found = searcher.search(believed, stream(key, "alternate", number), x)
        moved = float(np.abs(found.x - x).max())
        x, count = found.x, count + found.evaluations
        trail.append(found.trail)
        values.append(found.values)
        if moved < regime.tolerance:
            break
    whole = dataclasses.replace(found, trail=np.concatenate(trail), values=np.concatenate(values), evaluations=count)
    return whole, moved < 50 * regime.tolerance


@dataclasses.dataclass(frozen=True)
class Advantage:
    """Mean gain in welfare of one policy over another on fresh common draws, and its 95 % interval."""

    mean: float
    low: float
    high: float


def advantage(problem: Problem, one: Policy, other: Policy, *, samples: int = 32, key: int = 0) -> Advantage:
    """What one policy is worth more than another, both re-solved from scratch on each of `samples` fresh draws."""
    gaps = np.asarray(_gaps(problem, one, other, root_key(key), samples))
    half = 1.96 * gaps.std(ddof=1) / np.sqrt(samples)
    return Advantage(float(gaps.mean()), float(gaps.mean() - half), float(gaps.mean() + half))


@brief_jit
def _gaps(problem: Problem, one: Policy, other: Policy, key, samples: int):
    def gap(number):
        drawn = problem.draws(stream(key, "advantage", number), 1024)
        a, b = (problem.welfare(p, respond(problem, p, drawn), drawn) for p in (one, other))
        return a - b

    return jax.lax.map(gap, jnp.arange(samples))


@brief_jit
def _verified(objective: ProblemObjective, x, draws: int):
    """Welfare, largest gap and response when everything is solved again, on draws that no searcher met."""
    drawn, policy = objective.drawn(UNSEEN, draws), objective.policy(x)
    response = respond(objective.problem, policy, drawn)
    return objective.problem.welfare(policy, response, drawn), largest_gap(objective.problem, policy, response, drawn), response
