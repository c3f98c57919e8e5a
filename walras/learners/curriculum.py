"""A curriculum as a value: stages in which some types learn while others stand still, in an economy that changes step by step.

A stage takes a share of the rounds. It says who learns, between what values parameters of the economy move, which discrete choices are
masked, and by what factors entropy bonus and rates differ from a learner's own. What a stage does not name is as in the economy that
is to be solved, and where the last stage ends the whole economy must be that: the certificate is about it.

A stage whose economy dies (`Collapse`) is begun again with other random numbers, from the state in which it was begun.

Use it with any learner: `solve(economy, learners, curriculum=…)`. Types that stand still cost nothing.

    @article{curry2022analyzing, title={Analyzing micro-founded general equilibrium models with many agents using deep
      reinforcement learning}, author={Curry, Michael and Trott, Alexander and Phade, Soham and Bai, Yu and Zheng,
      Stephan}, journal={arXiv:2201.01163}, year={2022}}
"""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from walras._core.errors import InputError, UnknownName, check_least

Ends = float | int | tuple[float | int, float | int]
"""A value that stays, or where it begins and ends."""


def _pairs(given) -> tuple[tuple[str, tuple[float, float]], ...]:
    items = given.items() if isinstance(given, Mapping) else given
    return tuple((name, _ends(value)) for name, value in items)


def _ends(value) -> tuple[float, float]:
    first, last = value if isinstance(value, tuple | list) else (value, value)
    return float(first), float(last)


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of a curriculum.

    Args:
        share: of all rounds.
        learn: types that learn; None: all.
        parameters: value, or (first, last) between which it moves evenly, by dotted name (`firm.menu.p_high`).
        masks: which values of a discrete choice are admitted, by `type.field`.
        entropy: factor on the entropy bonus of each learner, or (first, last), for all types or by type; moves by equal ratios.
        pace: the same for rates.

    Raises:
        InputError: for a share outside (0, 1], nobody who learns, a mask that leaves no action, a negative factor.
    """

    share: float | int
    learn: tuple[str, ...] | None = None
    parameters: Mapping[str, Ends] | tuple = ()
    masks: Mapping[str, tuple[bool, ...]] | tuple = ()
    entropy: Ends | Mapping[str, Ends] | tuple = (("", (1.0, 1.0)),)
    pace: Ends | Mapping[str, Ends] | tuple = (("", (1.0, 1.0)),)

    def __post_init__(self):
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731  (it is frozen)
        put("learn", None if self.learn is None else tuple(self.learn))
        put("parameters", _pairs(self.parameters))
        masks = self.masks.items() if isinstance(self.masks, Mapping) else self.masks
        put("masks", tuple((name, tuple(bool(x) for x in mask)) for name, mask in masks))
        for name in ("entropy", "pace"):
            given = getattr(self, name)
            plain = isinstance(given, int | float) or (isinstance(given, tuple) and given and not isinstance(given[0], tuple))
            put(name, _pairs({"": given} if plain else given))
        self._check()

    def _check(self) -> None:
        where = "a stage of a curriculum"
        if not 0 < self.share <= 1:
            raise InputError(
                "its share of the rounds must lie in (0, 1]", where=where, number=self.share, remedy="Set `share`."
            )
        if self.learn == ():
            raise InputError("it trains nobody", where=where, remedy="Name a type in `learn`, or leave `learn` out for all.")
        for name, mask in self.masks:
            if not any(mask):
                remedy = "Admit one value at least."
                raise InputError(f"the mask of '{name}' leaves no action", where=where, number=list(mask), remedy=remedy)
        for what in ("entropy", "pace"):
            for name, ends in getattr(self, what):
                if min(ends) < 0:
                    who = f" of '{name}'" if name else ""
                    raise InputError(
                        f"the factor on {what}{who} is negative", where=where, number=min(ends), remedy="Use 0 or more."
                    )

    def factor(self, what: str, name: str) -> tuple[float, float]:
        """First and last factor on `entropy` or `pace` of a type."""
        given = dict(_pairs(getattr(self, what)))
        return given.get(name, given.get("", (1.0, 1.0)))


@dataclasses.dataclass(frozen=True)
class Collapse:
    """When an economy counts as dead: a flow of a type, for each individual and date, on average over some `memory` rounds, is
    `below` a number after `patience` rounds of a stage. It then begins the stage again, up to `restarts` times in all.

    Raises:
        InputError: for a negative number of rounds or restarts, a memory of less than one round.
    """

    who: str
    flow: str
    below: float | int
    patience: int = 50
    memory: int = 10
    restarts: int = 3

    def __post_init__(self):
        check_least(self, "the collapse of a curriculum", patience=0, memory=1, restarts=0)


@dataclasses.dataclass(frozen=True)
class Curriculum:
    """Stages one after another; their shares sum to one.

    Raises:
        InputError: for no stage, shares that sum to something else.
    """

    stages: tuple[Stage, ...]
    collapse: Collapse | None = None
    name: str = ""

    def __post_init__(self):
        object.__setattr__(self, "stages", tuple(self.stages))
        total = sum(stage.share for stage in self.stages)
        if not self.stages or abs(total - 1) > 1e-9:
            what = "the shares of its stages must sum to one"
            raise InputError(what, where="a curriculum", number=total, remedy="Divide them by their sum.")

    @classmethod
    def curry2022(cls) -> "Curriculum":
        """The released short schedule for `curry-rbc`, in shares of all rounds: consumers alone while prices and wages open around
        (1,000, 22) and work is almost free at first; then firms, while taxes open; then everybody. In the stage in which a type begins to
        learn its bonus falls from ten times what its learner's own schedule says (the floor, until `hold`) to that. A stage begins again where nobody works any more."""
        taxes = {f"government.menu.{rate}_high": (0.0, 0.0) for rate in ("tau", "sigma")}
        opening = {"p_high": (1000, 2500), "p_low": (1000, 0), "w_high": (22, 44), "w_low": (22, 0)}
        consumers = taxes | {f"firm.menu.{bound}": ends for bound, ends in opening.items()} | {"consumer.theta": (1e-4, 0.01)}
        firms = dict.fromkeys(taxes, (0.0, 1.0))
        stages = (
            Stage(0.15, ("consumer",), consumers, entropy=(10, 1)),
            Stage(0.15, ("consumer", "firm"), firms, entropy={"firm": (10, 1)}),
            Stage(0.7, None, entropy={"government": (10, 1)}),
        )
        return cls(stages, Collapse("consumer", "hours", 26.0), "curry2022")

    # ---- where it stands ----

    def begins(self, rounds: int) -> np.ndarray:
        """First round of each stage, and one past the last round of all."""
        ends = np.cumsum([0.0, *(stage.share for stage in self.stages)])
        return np.round(ends * rounds).astype(np.int64)

    def number(self, round_: Array, rounds: int) -> Array:
        """Which stage a round belongs to."""
        return jnp.sum(round_ >= self.begins(rounds)[1:-1])

    def _along(self, round_: Array, rounds: int) -> tuple[Array, Array]:
        """(stage, how much of it has passed: 1 in its last round)."""
        at, begins = self.number(round_, rounds), jnp.asarray(self.begins(rounds))
        length = begins[at + 1] - begins[at] - 1
        return at, jnp.where(length > 0, jnp.clip((round_ - begins[at]) / jnp.maximum(length, 1), 0.0, 1.0), 1.0)

    def named(self) -> tuple[str, ...]:
        """Parameters of the economy that it moves."""
        return tuple(dict.fromkeys(name for stage in self.stages for name, _ in stage.parameters))

    def parameters(self, round_: Array, rounds: int, own: Mapping[str, Array]) -> dict[str, Array]:
        """Values in a round; `own`: those of the economy that is to be solved, by name."""
        at, passed = self._along(round_, rounds)
        found = {}
        for name in self.named():
            ends = [dict(stage.parameters).get(name) for stage in self.stages]
            first, last = (jnp.stack([own[name] if e is None else jnp.asarray(e[i]) for e in ends])[at] for i in (0, 1))
            found[name] = jnp.where(passed < 1, first + passed * (last - first), last)
        return found

    def settled(self, round_: Array, rounds: int) -> Array:
        """Whether the economy has been the one that is to be solved for some rounds, with everything that the last stage brings."""
        last, moves = self.begins(rounds)[-2], any(first != end for _, (first, end) in self.stages[-1].parameters)
        return round_ >= rounds if moves else round_ >= last + 5

    def learns(self, name: str, round_: Array, rounds: int) -> Array:
        """Whether a type learns in a round."""
        return jnp.asarray([stage.learn is None or name in stage.learn for stage in self.stages])[self.number(round_, rounds)]

    def factor(self, what: str, name: str, round_: Array, rounds: int) -> Array:
        """The factor on `entropy` or `pace` of a type in a round."""
        at, passed = self._along(round_, rounds)
        first, last = jnp.asarray([stage.factor(what, name) for stage in self.stages])[at]
        even = first + passed * (last - first)
        ratio = jnp.maximum(first, 1e-12) * (jnp.maximum(last, 1e-12) / jnp.maximum(first, 1e-12)) ** passed
        return jnp.where((first > 0) & (last > 0), ratio, even)

    def masks(self, name: str, round_: Array, rounds: int) -> dict[str, Array]:
        """Masks of the fields of a type's choice in a round."""
        found = {}
        for full in {full for stage in self.stages for full, _ in stage.masks if full.partition(".")[0] == name}:
            given = [dict(stage.masks).get(full) for stage in self.stages]
            length = len(next(mask for mask in given if mask is not None))
            found[full.partition(".")[2]] = jnp.asarray([mask or (True,) * length for mask in given])[
                self.number(round_, rounds)
            ]
        return found

    def check(self, types, where: str) -> None:
        """Raise UnknownName for a type that does not exist."""
        named = [name for stage in self.stages for name in (stage.learn or ())]
        named += [full.partition(".")[0] for stage in self.stages for full, _ in stage.masks]
        named += [name for stage in self.stages for what in ("entropy", "pace") for name, _ in getattr(stage, what) if name]
        for name in named + ([self.collapse.who] if self.collapse else []):
            if name not in types:
                raise UnknownName("agent type", name, types, where=f"curriculum for {where}")

    def lines(self, rounds: int) -> list[str]:
        """A line for each stage: its rounds, who learns, what moves, factors."""
        found, begins = [], self.begins(rounds)
        span = lambda e: f"{e[0]:g}" if e[0] == e[1] else f"{e[0]:g} → {e[1]:g}"  # noqa: E731
        for i, stage in enumerate(self.stages):
            parts = [f"{name} {span(ends)}" for name, ends in stage.parameters] + [f"{name} masked" for name, _ in stage.masks]
            parts += [
                f"{what}{' of ' + name if name else ''} × {span(ends)}"
                for what in ("entropy", "pace")
                for name, ends in getattr(stage, what)
                if ends != (1.0, 1.0)
            ]
            who = (
                "everybody learns" if stage.learn is None else f"{', '.join(stage.learn)} learn{'s' * (len(stage.learn) == 1)}"
            )
            found.append("; ".join([f"rounds {begins[i] + 1} to {begins[i + 1]}: {who}", *parts]))
        return found
