"""Decision rules and what they condition on.

A rule is a pure function of (own state, view, information) into the feasible set. It carries its information, because
without it it can neither be simulated nor saved. Learners make rules; everything else consumes them.
"""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from walras._core.errors import InputError
from walras._core.module import as_parameter
from walras._core.tree import precision
from walras.economy.agent import AgentType, Choice, Institution
from walras.economy.space import Discrete, choice_fields, choose


class Information(eqx.Module):
    """What a type conditions on, common to all its individuals.

    `read` runs inside the market's root, at candidate prices; `step` once a date, on settled ones. The memory is kept
    in the economy's state. An individual's own history is own state, not information.
    """

    full: eqx.AbstractVar[bool]

    @abc.abstractmethod
    def start(self) -> Any:
        """The first memory."""

    @abc.abstractmethod
    def step(self, memory, now) -> Any:
        """The memory of the next date."""

    @abc.abstractmethod
    def read(self, memory, view, now) -> tuple[Array, tuple[Array, ...]]:
        """(index, coordinates) for this date. `now` is the public record unless the information is full."""


class ViewInformation(Information):
    """The default: exactly what the economy's `View.info` says."""

    full: bool = eqx.field(static=True, default=False)

    def start(self) -> tuple:
        """Nothing is remembered."""
        return ()

    def step(self, memory, now) -> tuple:
        """Nothing is remembered."""
        return ()

    def read(self, memory, view, now):
        """`view.info()`."""
        return view.info()


class LaggedInformation(Information):
    """The view's information and the last `lags` values of one public number."""

    observe: Callable = eqx.field(static=True)
    lags: int = eqx.field(static=True)
    initial: Array = eqx.field(converter=as_parameter)
    full: bool = eqx.field(static=True, default=False)

    def start(self) -> Array:
        """The initial value, `lags` times."""
        return jnp.full((self.lags,), self.initial)

    def step(self, memory, now) -> Array:
        """Today's value first."""
        return jnp.concatenate([jnp.asarray(self.observe(now), memory.dtype)[None], memory[:-1]])

    def read(self, memory, view, now):
        """(index, coordinates of the view and the lags)."""
        index, coordinates = view.info()
        return index, (*coordinates, *(memory[i] for i in range(self.lags)))


class RecurrentInformation(Information):
    """The view's information and the state of a recurrent cell that reads public observations."""

    cell: Callable
    observe: Callable = eqx.field(static=True)
    size: int = eqx.field(static=True)
    full: bool = eqx.field(static=True, default=False)

    def start(self) -> Array:
        """Zeros."""
        return jnp.zeros(self.size)

    def step(self, memory, now) -> Array:
        """The cell applied to (observation, memory)."""
        return self.cell(self.observe(now), memory)

    def read(self, memory, view, now):
        """(index, coordinates of the view and the memory)."""
        index, coordinates = view.info()
        return index, (*coordinates, *(memory[i] for i in range(self.size)))


class FullInformation(Information):
    """The view's information and statistics of everybody's state: declared, since it is not public."""

    statistics: Callable = eqx.field(static=True)
    full: bool = eqx.field(static=True, default=True)

    def start(self) -> tuple:
        """Nothing is remembered."""
        return ()

    def step(self, memory, now) -> tuple:
        """Nothing is remembered."""
        return ()

    def read(self, memory, view, now):
        """(index, coordinates of the view and the statistics of the cross-section)."""
        index, coordinates = view.info()
        return index, (*coordinates, *self.statistics(now))


class PairedInformation(Information):
    """Two informations side by side, so that a deviator may remember what the others of its type do not.

    Each part reads what it declares: the public record, unless it is full itself.
    """

    parts: tuple[Information, Information]

    @property
    def full(self) -> bool:
        """Whether either part is."""
        return any(part.full for part in self.parts)

    def _record(self, part, now):
        return now if part.full or not self.full else now.public()

    def start(self) -> tuple:
        """Both first memories."""
        return tuple(part.start() for part in self.parts)

    def step(self, memory, now) -> tuple:
        """Both next memories."""
        return tuple(part.step(m, self._record(part, now)) for part, m in zip(self.parts, memory, strict=True))

    def read(self, memory, view, now):
        """The pair of what both read."""
        return tuple(part.read(m, view, self._record(part, now)) for part, m in zip(self.parts, memory, strict=True))


class Rule(eqx.Module):
    """A decision rule: feasible by construction, pure, differentiable in its leaves."""

    information: eqx.AbstractVar[Information]

    @abc.abstractmethod
    def __call__(self, own, view, info, *, key=None) -> Choice:
        """The choice of one individual."""

    def together(self, own, view, info, keys) -> Choice:
        """Choices of all listed individuals, leading axis individual as of `own` and `keys`."""
        return jax.vmap(lambda one, key: self(one, view, info, key=key))(own, keys)


class Stochastic(Rule):
    """A rule that draws its choice; histograms refuse it."""

    @abc.abstractmethod
    def log_prob(self, own, view, info, choice) -> Array:
        """Log density of a choice."""


class Together(Rule):
    """A rule that tells the listed individuals of a type apart by their place in the list; it is asked for all at once, as `period` does."""

    @abc.abstractmethod
    def together(self, own, view, info, keys) -> Choice:
        """As of any rule."""

    def __call__(self, own, view, info, *, key=None) -> Choice:
        """Not to be asked of one.

        Raises:
            InputError: always.
        """
        raise InputError(
            "one individual cannot be told from another outside its population",
            where=type(self).__name__,
            remedy="Use it with a listed population (finite, panel, representative) in `period`.",
        )


class Actions(Together):
    """What everybody of a type has decided to do, as positions in what will be feasible: actions from outside.

    A position is a share of whatever is feasible at the prices that come about, so that markets that clear can ask for it at
    each candidate price. `positions` one array per field of the choice, leading axis individual. Where `acts` is False
    `others` decides (None: all act).
    """

    agent: AgentType
    positions: list[Array]
    acts: Array | None = None
    others: Rule | None = None

    @property
    def information(self) -> Information:
        """That of the others."""
        return ViewInformation() if self.others is None else self.others.information

    def together(self, own, view, info, keys):
        """The choices at the positions, and the others'."""
        mine = jax.vmap(lambda o, p: choose(self.agent, o, view, p))(own, self.positions)
        if self.others is None:
            return mine
        theirs = self.others.together(own, view, info, keys)
        acts = lambda leaf: self.acts.reshape(self.acts.shape + (1,) * (leaf.ndim - 1))  # noqa: E731
        return jax.tree_util.tree_map(lambda a, b: jnp.where(acts(a), a, b.astype(a.dtype)), mine, theirs)


class Beside(Together):
    """Individual number `i` follows `mine`, all others of the type `theirs`; numbers are places in the list. Each rule keeps its
    own information."""

    mine: Rule
    theirs: Rule
    i: Array

    @property
    def information(self) -> PairedInformation:
        """What either rule conditions on."""
        return PairedInformation((self.mine.information, self.theirs.information))

    def together(self, own, view, info, keys):
        """The others' choices, and in place `i` its own, with the key that it would have had among them."""
        choices = self.theirs.together(own, view, info[1], keys)
        me, key = jax.tree_util.tree_map(lambda leaf: leaf[self.i], (own, keys))
        mine = self.mine(me, view, info[0], key=key)
        return jax.tree_util.tree_map(lambda all_, one: all_.at[self.i].set(jnp.asarray(one, all_.dtype)), choices, mine)


class UniformRule(Stochastic):
    """Anything feasible with the same chance: uniform positions in intervals, every admitted value of a discrete choice alike.

    One uniform number for each number that is chosen.
    """

    agent: AgentType
    information: Information = ViewInformation()

    def __call__(self, own, view, info, *, key=None) -> Choice:
        """A draw."""
        chosen: dict = {}
        for number, name in enumerate(choice_fields(self.agent.feasible(own, view, {}))):
            space = getattr(self.agent.feasible(own, view, chosen), name)
            uniform = jax.random.uniform(jax.random.fold_in(key, number), space.shape, precision(own))
            chosen[name] = space.at(space.stretched(uniform) if isinstance(space, Discrete) else uniform)
        return type(self.agent.feasible(own, view, chosen))(**chosen)

    def log_prob(self, own, view, info, choice) -> Array:
        """Log density in positions: 0 for intervals, −log of the number of admitted values for each discrete choice."""
        spaces = self.agent.feasible(own, view, vars(choice))
        each = [getattr(spaces, name) for name in choice_fields(choice)]
        return -sum(max(s.size, 1) * jnp.log(s.count) for s in each if isinstance(s, Discrete)) + jnp.zeros(())


class FunctionRule(Rule):
    """A rule given as a plain function `(own, view, info) -> Choice`."""

    function: Callable = eqx.field(static=True)
    information: Information = eqx.field(default_factory=ViewInformation)

    def __call__(self, own, view, info, *, key=None) -> Choice:
        """The function's choice."""
        return self.function(own, view, info)


class ConductRule(Rule):
    """What an institution does by itself."""

    agent: Institution
    information: Information = ViewInformation()

    def __call__(self, own, view, info, *, key=None) -> Choice:
        """The institution's conduct."""
        return self.agent.conduct(own, view)
