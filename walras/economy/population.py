"""How a type's individuals are represented: a histogram, a sample of a continuum, a census, one representative.

A population turns an agent type's equations for one individual into a cross-section that moves. `individuals` gives a
batch of own states and weights that sum to one; `advance` moves them by one date.
"""

import abc
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Array, Float

from walras._core.errors import InputError, SolveError
from walras._core.module import is_concrete
from walras._core.tree import precision
from walras._core.types import Key, PyTree
from walras.economy.agent import AgentType, Mortal, Own
from walras.economy.process import Distribution, transition_matrix
from walras.economy.rule import Rule, Stochastic
from walras.numerics.interpolate import Axis


class Population(eqx.Module):
    """Interface: the cross-section of one type."""

    @abc.abstractmethod
    def birth(self, agent: AgentType, key: Key, exo) -> PyTree:
        """The first cross-section."""

    @abc.abstractmethod
    def place(self, agent: AgentType, distribution: Distribution, key: Key) -> PyTree:
        """A cross-section with a given distribution of own states: a start that births cannot give (ages, wealth)."""

    @abc.abstractmethod
    def individuals(self, agent: AgentType, cross: PyTree) -> tuple[Own, Float[Array, " individuals"]]:
        """A batch of own states (leading axis) and weights that sum to one."""

    @abc.abstractmethod
    def fate(self, survival: Float[Array, " individuals"], key: Key) -> Float[Array, " individuals"]:
        """The share of each listed individual that lives on: the probability itself in a continuum, else 0 or 1.

        Drawn once a date, so that the estates are those of the individuals who really died.
        """

    @abc.abstractmethod
    def advance(self, agent: AgentType, cross: PyTree, moved: Own, survival, step: "Step") -> PyTree:
        """The next cross-section. `moved` has the next endogenous fields; `survival` is a `fate`, None for immortal types."""


class Step(eqx.Module):
    """What moves an individual's chance between two dates."""

    exo: Array
    exo_next: Array
    outcome: PyTree
    key: Key


class Histogram(Population):
    """A continuum as weights on nodes of one endogenous stock and the risk states (Young 2010).

    The state is weights only; node values are rebuilt from the axis, so that compiled loops can hoist them. An axis of
    None is placed by `solve` (pilot simulation), with `nodes` nodes.

        @article{young2010solving, title={Solving the incomplete markets model with aggregate uncertainty using the
          {K}rusell-{S}mith algorithm and non-stochastic simulations}, author={Young, Eric R}, journal={Journal of
          Economic Dynamics and Control}, volume={34}, number={1}, pages={36--41}, year={2010}}

    Raises:
        InputError: for a type with several endogenous fields or with traits (use a `Panel`), or without finite risk.
    """

    axis: Axis | None = None
    nodes: int = eqx.field(static=True, default=200)

    def _check(self, agent: AgentType) -> str:
        own = type(agent.limits())
        fields, traits = own.endogenous(), own.traits()
        if len(fields) != 1 or traits or agent.risk.n is None:
            raise InputError(
                f"{type(agent).__name__} has endogenous fields {fields}, traits {traits}, risk states {agent.risk.n}; "
                "a histogram takes one endogenous field, no trait and finite risk",
                where="Histogram",
                remedy="Use a panel population for this type, or a finite chain for its risk.",
            )
        return fields[0]

    def batch(self, agent: AgentType) -> Own:
        """All nodes as a batch of own states, risk state major: shape (risk states × nodes,)."""
        field = self._check(agent)
        assert self.axis is not None
        n = agent.risk.n
        own = agent.limits().to(**{field: jnp.tile(self.axis.nodes, n)})
        risk = own.risk_field()
        return own.to(**{risk: jnp.repeat(jnp.arange(n), self.axis.n)}) if risk else own

    def birth(self, agent, key, exo):
        """The nodes of the type's distribution at birth, placed by lottery."""
        return self.place(agent, agent.birth(0, exo), key)

    def place(self, agent, distribution, key):
        """The nodes of the distribution, placed by lottery."""
        field = self._check(agent)
        own, weights = distribution.nodes()
        risk = own.risk_field()
        state = getattr(own, risk) if risk else jnp.zeros(len(weights), jnp.int32)
        return self._scatter(agent, getattr(own, field), state, weights)

    def _scatter(self, agent, value, state, weights):
        # Two flat scatters of half the mass each: merged into one (indices joined, or windows of two) a date of
        # Krusell–Smith took 7 to 23 % longer on a processor, single or batched.
        cell, right = self.axis.lottery(value)
        flat = (state * self.axis.n).astype(jnp.int32) + cell
        mass = jnp.zeros(agent.risk.n * self.axis.n, weights.dtype)
        put = {"mode": "promise_in_bounds", "wrap_negative_indices": False}
        mass = mass.at[flat].add(weights * (1 - right), **put)
        mass = mass.at[flat + 1].add(weights * right, **put)
        return mass.reshape(agent.risk.n, self.axis.n)

    def individuals(self, agent, cross):
        """Every node, weighted by its mass."""
        return self.batch(agent), cross.reshape(-1)

    def fate(self, survival, key):
        """A node is a continuum: exactly this share lives on."""
        return survival

    def advance(self, agent, cross, moved, survival, step):
        """One lottery of the endogenous part, then the n × n mix of the risk states, then births for the dead."""
        field = self._check(agent)
        risk = moved.risk_field()
        state = getattr(moved, risk) if risk else jnp.zeros(cross.size, jnp.int32)
        weights = cross.reshape(-1) if survival is None else cross.reshape(-1) * survival
        mass = self._scatter(agent, getattr(moved, field), state, weights)
        if agent.risk.n > 1:
            matrix = transition_matrix(agent.risk, step.exo, step.exo_next, step.outcome)
            mass = jnp.einsum("ef,ea->fa", matrix, mass, precision="highest")
        if survival is not None:
            dead = jnp.sum(cross.reshape(-1) * (1 - survival))
            mass = mass + dead * self.birth(agent, step.key, step.exo_next)
        return mass

    @staticmethod
    def resting(cell, right, matrix) -> np.ndarray:
        """The cross-section that a constant move leaves where it is, by a sparse direct solve on the host.

        The chain of a patient household forgets over thousands of dates, too slowly for iteration, and is too lopsided
        for Krylov methods.

        Args:
            cell, right: lottery of every node's move (risk state major), each of shape (risk states × nodes,).
            matrix: transition matrix of the risk state.

        Returns:
            The mass, shape (risk states, nodes).

        Raises:
            SolveError: where it depends on the beginning.
        """
        moves = Histogram.moves(cell, right, matrix)
        n, size = len(matrix), np.size(cell)
        # The mass of one node is set, not the sum of all: a row of ones would fill the factors (sixteen times as dear in
        # Aiyagari's economy). The node must be one that is visited for ever: the fullest after some dates.
        seen = np.full(size, 1.0 / size)
        for _ in range(200):
            seen = moves @ seen
        pinned = int(np.argmax(seen))
        kept = np.delete(np.arange(size), pinned)
        system = (scipy.sparse.identity(size, format="csc") - moves)[kept]
        mass = np.ones(size)
        with warnings.catch_warnings():
            warnings.simplefilter("error", scipy.sparse.linalg.MatrixRankWarning)
            try:
                mass[kept] = scipy.sparse.linalg.spsolve(system[:, kept].tocsc(), -system[:, [pinned]].toarray()[:, 0])
            except scipy.sparse.linalg.MatrixRankWarning as warning:
                raise SolveError("where people come to rest depends on where they begin", where="cross-section",
                                 remedy="Search nearer, or look at the rule: some never leave a part of the grid.") from warning  # fmt: skip
        return np.maximum(mass, 0.0).reshape(n, -1) / np.maximum(mass, 0.0).sum()

    @staticmethod
    def moves(cell, right, matrix) -> scipy.sparse.csc_matrix:
        """What a constant move makes of a cross-section: column by column where the people of a node go.

        Args:
            cell, right: lottery of every node's move (risk state major), each of shape (risk states × nodes,).
            matrix: transition matrix of the risk state.
        """
        matrix = np.asarray(matrix)
        n = len(matrix)
        cell, right = (np.asarray(x).reshape(n, -1) for x in (cell, right))
        m = cell.shape[1]
        source = np.broadcast_to(np.arange(n * m).reshape(n, 1, m), (n, n, m))
        target = np.arange(n)[None, :, None] * m + cell[:, None, :]
        weight = matrix[:, :, None] * np.stack([1 - right, right])[:, :, None, :]
        rows = np.concatenate([target.ravel(), target.ravel() + 1])
        return scipy.sparse.csc_matrix((weight.ravel(), (rows, np.tile(source.ravel(), 2))), (n * m, n * m))


class _Listed(Population):
    """Shared by populations that list individuals."""

    def individuals(self, agent, cross):
        """The listed individuals, equal weights."""
        count = jax.tree_util.tree_leaves(cross)[0].shape[0]
        return cross, jnp.full((count,), 1.0 / count, precision(cross))

    def fate(self, survival, key):
        """Each individual lives on or does not."""
        return (jax.random.uniform(key, survival.shape, survival.dtype) < survival).astype(survival.dtype)

    def advance(self, agent, cross, moved, survival, step):
        """Each individual draws its own chance; the dead are replaced by births."""
        count = jax.tree_util.tree_leaves(cross)[0].shape[0]
        risk = moved.risk_field()
        if risk:
            states = getattr(cross, risk)
            keys = jax.random.split(jax.random.fold_in(step.key, 0), count)
            draw = jax.vmap(lambda s, k: agent.risk.given(s, step.exo, step.exo_next, step.outcome).sample(k))
            moved = moved.to(**{risk: draw(states, keys)})
        moved = moved.to(**{name: getattr(cross, name) for name in cross.traits()})
        if survival is not None:
            dies = survival == 0
            born = self.birth(agent, jax.random.fold_in(step.key, 2), step.exo_next)
            moved = jax.tree_util.tree_map(lambda b, m: jnp.where(like(dies, m), b, m), born, moved)
        return moved

    @abc.abstractmethod
    def birth(self, agent, key, exo):
        """The first individuals."""


def _strata(n: int, key: Key) -> Float[Array, " n"]:
    """One uniform in each of `n` equal stretches of [0, 1), in random order."""
    shift = jax.random.uniform(key, (n,))
    return jax.random.permutation(jax.random.fold_in(key, 1), (jnp.arange(n) + shift) / n)


def like(mask: Array, leaf: Array) -> Array:
    """A mask by individual, with as many axes as a leaf."""
    return mask.reshape(mask.shape + (1,) * (leaf.ndim - 1))


class Panel(_Listed):
    """A sample of `n` individuals of a continuum; draws at birth are stratified."""

    n: int = eqx.field(static=True)

    def birth(self, agent, key, exo):
        """`n` stratified draws of the distribution at birth, in random order.

        The order matters where births replace the dead: else a place in the list would be a fate.
        """
        return jax.vmap(lambda i, u: agent.birth(i, exo).at(u))(jnp.arange(self.n), _strata(self.n, key))

    def place(self, agent, distribution, key):
        """Stratified draws in random order."""
        return jax.vmap(distribution.at)(_strata(self.n, key))


class Finite(_Listed):
    """These `n` individuals ARE the agents, of mass agent.mass / n each; each has a number, passed to `birth`."""

    n: int = eqx.field(static=True)

    def birth(self, agent, key, exo):
        """Individual i by `agent.birth(i)`; one draw each."""
        keys = jax.random.split(key, self.n)
        return jax.vmap(lambda i, k: agent.birth(i, exo).sample(k))(jnp.arange(self.n), keys)

    def place(self, agent, distribution, key):
        """Stratified draws in random order; for types whose individuals have no number of their own."""
        return jax.vmap(distribution.at)(_strata(self.n, key))


class Representative(_Listed):
    """One individual that stands for all."""

    def birth(self, agent, key, exo):
        """The one individual that birth gives."""
        return self.place(agent, agent.birth(0, exo), key)

    def place(self, agent, distribution, key):
        """The individual in the middle of the distribution."""
        return jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf)[None], distribution.at(jnp.asarray(0.5)))


def check_identities(populations: dict[str, Population], agents: dict[str, AgentType]) -> None:
    """Per-agent parameters and the number of agents must agree.

    A type with identities (its parameters have a leading axis named by `identities`) needs mass = n = that length: an
    index past the end would be clamped without a word.

    Raises:
        InputError: if they do not, naming the type and the numbers.
    """
    for name, agent in agents.items():
        size = getattr(agent, "identities", None)
        population = populations.get(name)
        if size is None or not is_concrete(agent.mass):
            continue
        count = population.n if isinstance(population, Finite) else None
        if count != size or not np.isclose(float(agent.mass), size):
            raise InputError(
                f"{name} has parameters for {size} individuals, mass {float(agent.mass):g} and population "
                f"{'finite:' + str(count) if count else type(population).__name__}",
                where="start",
                remedy=f"Use finite:{size} and mass {size}.",
            )


def check_rules(populations: dict[str, Population], rules: dict[str, Rule]) -> None:
    """A stochastic rule needs listed individuals: one draw for a whole node is no law of large numbers.

    Raises:
        InputError: if the rule of a type on a histogram draws its choices.
    """
    for name, rule in rules.items():
        if isinstance(rule, Stochastic) and isinstance(populations.get(name), Histogram):
            raise InputError(
                f"the rule {type(rule).__name__} of {name} draws its choices; a histogram has nobody to draw for",
                where="start",
                remedy="Use a panel population for this type, or the rule's mean.",
            )


def mortality(agent: AgentType, own, view, outcome):
    """Survival probabilities of a batch of individuals, None for immortal types."""
    if not isinstance(agent, Mortal):
        return None
    return jax.vmap(lambda o: agent.survives(o, view, outcome))(own)
