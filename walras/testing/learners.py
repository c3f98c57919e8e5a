"""`check_learner`: the contract that every learner keeps, for anybody's learner.

    import walras as w
    w.testing.check_learner(MyLearner(), w.economies.BrockMirman.textbook())

The learner is put through a few rounds of the one loop, so that what is checked is what `solve` runs. Nothing here says
that it learns the right thing: that is the certificate's business.
"""

import dataclasses
import inspect
import tempfile
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.encode import decode, encode
from walras._core.types import PyTree
from walras.economy import period as periods
from walras.economy.economy import Economy
from walras.economy.rule import Information, Rule
from walras.economy.space import Interval, choice_fields
from walras.learners.learner import Learner
from walras.learners.preset import preset as preset_named
from walras.loop import Laboratory, LoopState, advance
from walras.solve import laboratory
from walras.testing.probe import Points, require, sample, scattered


@dataclasses.dataclass(frozen=True)
class Trained:
    """A learner before and after some rounds, by the name of its type."""

    name: str
    learner: Learner
    lab: Laboratory
    states: tuple[LoopState, ...]

    @property
    def subject(self) -> str:
        """Name of the learner."""
        return type(self.learner).__name__

    @property
    def own_module(self):
        """The module outside Walras in which the learner, its rule or the economy is defined, None if there is none."""
        modules = [inspect.getmodule(type(x)) for x in (self.learner, self.rule, self.lab.economy)]
        return next((m for m in modules if m is not None and m.__name__.partition(".")[0] != "walras"), None)

    @property
    def rule(self) -> Rule:
        """The rule after the rounds."""
        return self.rules[self.name]

    @property
    def rules(self) -> dict[str, Rule]:
        """The rules of all types after the rounds."""
        return {n: learner.rule(self.states[-1].learners[n]) for n, learner in self.lab.learners.items()}

    def require(self, ok, contract: str, what: str) -> None:
        """Raise AssertionError unless `ok`."""
        require(ok, self.subject, contract, what)


def check_learner(
    learner: Learner,
    economy: Economy,
    *,
    name: str = "",
    others: dict[str, Learner] | None = None,
    preset: str = "fast",
    rounds: tuple[int, int] = (2, 1),
    key: int = 0,
) -> None:
    """Run every contract on a learner.

    Args:
        learner: the learner.
        economy: an economy with a type that it can learn for.
        name: that type; the only one, if the economy has one.
        others: learners of the other types.
        preset: sizes of the laboratory.
        rounds: n and m, where n + m rounds in a row must be n rounds, then m.
        key: seed.

    Raises:
        AssertionError: naming the first contract that is broken.
    """
    types = list(periods.agents(economy))
    require(name or len(types) == 1, type(learner).__name__, "called", f"name one of the types {types}")
    name = name or types[0]
    try:
        lab, first = laboratory(economy, {**(others or {}), name: learner}, None, None, preset_named(preset), key)
        second = advance(lab, first, rounds[0])
        third = advance(lab, second, rounds[1])
    except Exception as error:
        what = f"in its first rounds it raised {type(error).__name__}: {error}"
        raise AssertionError(f"{type(learner).__name__} breaks the contract 'runs': {what}") from error
    trained = Trained(name, learner, lab, (first, second, third))
    for contract in CONTRACTS:
        contract(trained)


def arrays(trained: Trained) -> None:
    """The state is a pytree of arrays, none of them NaN."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(trained.states[0].learners[trained.name]):
        where = f"the state's {jax.tree_util.keystr(path)}"
        trained.require(eqx.is_array(leaf), "arrays", f"{where} is a {type(leaf).__name__}, no array")
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            trained.require(not np.isnan(leaf).any(), "arrays", f"{where} holds NaN")


def steady(trained: Trained) -> None:
    """An update gives back a state of the same structure, shapes and types, so that the loop compiles once."""
    before, after = (jax.tree_util.tree_leaves_with_path(s.learners[trained.name]) for s in trained.states[:2])
    trees = [jax.tree_util.tree_structure(s.learners[trained.name]) for s in trained.states[:2]]
    trained.require(trees[0] == trees[1], "steady", "an update changes the structure of the state")
    for (path, old), (_, new) in zip(before, after, strict=True):
        kinds = [f"{leaf.dtype}{list(leaf.shape)}{' (weak)' if leaf.aval.weak_type else ''}" for leaf in (old, new)]
        where = f"the state's {jax.tree_util.keystr(path)}"
        trained.require(kinds[0] == kinds[1], "steady", f"{where} is {kinds[0]} before an update and {kinds[1]} after it")


def progress(trained: Trained) -> None:
    """An update reports finite changes of rule and law."""
    done = int(trained.states[-1].round)
    trained.require(done > 0, "progress", "no round counted: what an update reports, or leaves, is not finite")
    trace = np.asarray(trained.states[-1].trace)[:done, :2]
    trained.require(np.isfinite(trace).all(), "progress", f"reported changes are {trace.tolist()}")


def repeatable(trained: Trained) -> None:
    """The same rounds from the same state give the same bits."""
    first, second, _ = trained.states
    again = advance(trained.lab, first, int(second.round) - int(first.round))
    trained.require(_same(second, again), "repeatable", "two updates of one state with one key differ")


def resumable(trained: Trained) -> None:
    """n + m rounds are n rounds, a file, and m rounds, to the bit."""
    first, second, third = trained.states
    whole = advance(trained.lab, first, int(third.round) - int(first.round))
    trained.require(_same(third, whole), "resumable", "rounds in a row differ from the same rounds in two parts")
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state.safetensors"
            path.write_bytes(encode(second))
            restored, _ = decode(path, trained.own_module)
    except Exception as error:
        trained.require(False, "resumable", f"the state cannot be saved and read: {type(error).__name__}: {error}")
    more = advance(trained.lab, restored, int(third.round) - int(second.round))
    trained.require(_same(third, more), "resumable", "rounds after saving and reading differ from those without")


def _same(a: PyTree, b: PyTree) -> bool:
    raw = lambda x: jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x  # noqa: E731
    pairs = zip(*map(jax.tree_util.tree_leaves, (a, b)), strict=True)
    return all(np.array_equal(raw(x), raw(y), equal_nan=jnp.issubdtype(x.dtype, jnp.inexact)) for x, y in pairs)


def carries(trained: Trained) -> None:
    """The rule is a Rule, and carries the information that it conditions on."""
    rule = trained.rule
    trained.require(isinstance(rule, Rule), "carries", f"`rule` gives a {type(rule).__name__}, no Rule")
    kind = type(rule.information)
    trained.require(isinstance(rule.information, Information), "carries", f"the rule's information is a {kind.__name__}")
    _, _, _, info = _seen(trained.lab, trained.rules, trained.states[-1].economy, trained.name)
    trained.require(jax.tree_util.tree_leaves(info), "carries", "the rule's information reads nothing, not even an index")


@eqx.filter_jit
def _seen(lab: Laboratory, rules, states, name: str):
    """(own, view, outcome, info) of one type at the start of every path, leading axis path."""

    def one(state):
        now = periods.open_market(lab.economy, lab.populations, rules, state, jax.random.key(0))[0]
        return now.cross[name].own, now.views[name], now.outcome[name], now.infos[name]

    return jax.vmap(one)(states)


def _points(trained: Trained) -> Points:
    """States of the type scattered around those at the start of every path."""
    agent = periods.agents(trained.lab.economy)[trained.name]
    seen = _seen(trained.lab, trained.rules, trained.states[-1].economy, trained.name)
    return sample(scattered(agent, *seen, jax.random.key(1)), 200)


@eqx.filter_jit
def _answers(agent, learner: Learner, state: PyTree, points: Points, key):
    """Choices, their spaces, next states, and derivatives of the choice along own state and along the learner's state."""

    def one(p, k):
        def choice_at(shift, scale):
            """The choice where the endogenous state is moved by `shift`, and the learner's numbers scaled by `scale`."""
            fields = type(agent.limits()).endogenous()
            own = p.own.to(**{f: jnp.asarray(getattr(p.own, f), float) + shift for f in fields})
            scaled = jax.tree_util.tree_map(lambda x: x * scale if eqx.is_inexact_array(x) else x, state)
            return learner.rule(scaled)(own, p.view, p.info, key=k)

        zero, unit = jnp.zeros(()), jnp.ones(())
        choice, along_state = jax.jvp(lambda s: choice_at(s, unit), (zero,), (unit,))
        along_numbers = jax.jvp(lambda s: choice_at(zero, s), (unit,), (unit,))[1]
        chosen = dict(zip(choice_fields(choice), vars(choice).values(), strict=True))
        spaces = agent.feasible(p.own, p.view, chosen)
        return choice, spaces, agent.move(p.own, choice, p.view, p.outcome), (along_state, along_numbers)

    count = jax.tree_util.tree_leaves(points)[0].shape[0]
    return jax.vmap(one)(points, jax.random.split(key, count))


def _asked(trained: Trained):
    """The agent, and what its rule answers at 200 points."""
    agent = periods.agents(trained.lab.economy)[trained.name]
    last = trained.states[-1]
    return agent, _answers(agent, trained.learner, last.learners[trained.name], _points(trained), last.key)


def feasible(trained: Trained) -> None:
    """The rule chooses inside the feasible set and keeps next stocks within limits, wherever it is asked."""
    agent, (choice, spaces, moved, _) = _asked(trained)
    for field in choice_fields(choice):
        space, value = getattr(spaces, field), np.asarray(getattr(choice, field))
        trained.require(np.isfinite(value).all(), "feasible", f"'{field}' is not a finite number somewhere")
        if isinstance(space, Interval):
            room = np.maximum(1.0, np.abs(value))
            over = np.maximum((space.low - value) / room, (value - space.high) / room)
            gap = float(np.where(np.isfinite(over), over, 0.0).max())
            trained.require(gap <= 1e-12, "feasible", f"'{field}' leaves its set by {gap:.3g}")
    limits = agent.limits()
    for field in type(limits).endogenous():
        following = np.asarray(getattr(moved, field))
        below = float(np.max((np.asarray(getattr(limits, field).low) - following) / np.maximum(1.0, np.abs(following))))
        trained.require(below <= 1e-12, "feasible", f"the next '{field}' is below its limit by {below:.3g}")


def differentiable(trained: Trained) -> None:
    """The rule has finite derivatives in the own state and in the learner's numbers, and does not ignore the latter."""
    _, (*_, slopes) = _asked(trained)
    leaves = {}
    for slope, what in zip(slopes, ("the own state", "the learner's numbers"), strict=True):
        numbers = [x for x in jax.tree_util.tree_leaves(slope) if jnp.issubdtype(x.dtype, jnp.floating)]
        leaves[what] = [np.asarray(x) for x in numbers]
        finite = all(np.isfinite(x).all() for x in leaves[what])
        trained.require(finite, "differentiable", f"a derivative of the rule in {what} is not finite")
    state = jax.tree_util.tree_leaves(trained.states[-1].learners[trained.name])
    moved = any(np.any(x != 0) for x in leaves["the learner's numbers"])
    trained.require(
        moved or not any(map(eqx.is_inexact_array, state)), "differentiable", "no choice depends on any number of the learner"
    )


CONTRACTS = (arrays, steady, progress, carries, feasible, differentiable, repeatable, resumable)
