"""What lies beyond a recorded stretch is worth: a linear function of terms in information, fitted to the values on the stretch."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from walras.economy.population import Histogram, Panel
from walras.economy.process import Distribution
from walras.economy.task import Field, Task
from walras.learners.adjoint import Adjoint, adjoint
from walras.learners.beliefs import PolynomialBelief, Powers, least_squares, monomials, powers, solved, with_rows
from walras.learners.unseen import Insight

MEMORY = 0.9  # share of what was known that is still there after a round
OFTEN, NEAR = 100, 1e-4  # most passes over the first stretch, and relative change of values that ends them


class Critic(eqx.Module):
    """Discounted value of each own state as a linear function of terms in information; `gram` and `moment` are the sums of
    its least squares, in which older rounds count less."""

    weights: Float[Array, "terms own"]
    gram: Float[Array, "terms terms"]
    moment: Float[Array, "terms own"]

    @staticmethod
    def blank(terms: int, own: int) -> "Critic":
        """Nothing is worth anything, and nothing is known."""
        nothing = np.zeros((terms, own))
        return Critic(*(jax.device_put(x) for x in (nothing, np.zeros((terms, terms)), nothing)))

    def fitted(self, terms: Float[Array, "rows terms"], values: Float[Array, "rows own"], kept) -> "Critic":
        """The critic that has seen these values too; `kept`: weight of what it knew."""
        gram, moment = with_rows((self.gram, self.moment), terms, values, kept)
        return Critic(solved(gram, moment), gram, moment)

    def reading(self, slope: Float[Array, " variables"], shift: Float[Array, " variables"]) -> "Critic":
        """The same critic, and the same memory, for variables slope · x + shift; what is read beside their powers stays."""
        variables, terms = len(slope), len(self.weights)
        exponents = powers_of(variables)
        points = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (4 * len(exponents), variables)))
        change = least_squares(monomials(points, exponents), monomials(points * slope + shift, exponents))
        change = jnp.eye(terms).at[: len(exponents), : len(exponents)].set(change)
        weights = jnp.linalg.solve(change, self.weights)
        return Critic(weights, change.T @ self.gram @ change, change.T @ self.moment)

    def __call__(self, terms: Float[Array, "*batch terms"]) -> Float[Array, "*batch own"]:
        """Values at given terms."""
        return terms @ self.weights


def powers_of(variables: int) -> Powers:
    """Of the polynomials that it reads: of the second degree."""
    return powers([2] * variables, 2)


def terms_of(insight: Insight | None, belief: PolynomialBelief, field: Field) -> Float[Array, "path time terms"]:
    """What a critic reads at every date: powers of what the rule sees (of what `insight` sees, where there is one), and what the rule
    remembers, which tells of tomorrow too."""
    index, coordinates = field.info
    over = lambda f: jax.vmap(jax.vmap(f))  # noqa: E731
    if insight is None:
        transformed = belief.transform(coordinates) if belief.shape.logs else jnp.zeros((*index.shape, 0))
        known = over(belief.regressors)(index, transformed)
    else:
        known = over(insight)(field.exo, field.view)
    remembered = [number[..., None] for number in coordinates[len(belief.shape.logs) :]]
    return jnp.concatenate([monomials(known, powers_of(known.shape[-1])), *remembered], axis=-1)


def rescaled(critic: Critic, before: PolynomialBelief, after: PolynomialBelief) -> Critic:
    """A critic that reads in the scale of one belief, in that of another, whose nodes may have moved."""
    still = after.exo.shape[1]
    slope, shift = before.scale / after.scale, (before.centre - after.centre) / after.scale
    return critic.reading(*(jnp.concatenate([x, jnp.full(still, rest)]) for x, rest in ((slope, 1.0), (shift, 0.0))))


def valued(
    critic: Critic,
    task: Task,
    nodes: Histogram,
    parts: Float[Array, "path time own choices"],
    terms: Float[Array, "path time terms"],
    kept: Float[Array, ""],
    fresh: Bool[Array, ""],
) -> tuple[Adjoint, Critic]:
    """The gradient and the values along the recorded stretch, and the critic fitted to these values.

    Part of the weight lies on the people who were there, the rest on all nodes alike; without a tail the critic is not asked.

    Args:
        nodes: own states where values are asked for; people in a list are put on the nodes beside them.
        parts: positions at the nodes at every date.
        terms: what the critic reads, at every date.
        kept: weight of what the critic knew beside what is seen now.
        fresh: whether it knows nothing yet: then what lies beyond is worth the mean of what the stretch is worth.
    """
    before = jax.tree_util.tree_map(lambda leaf: leaf[:, :-1], task.field)
    people, sizes = _people(task, nodes).reshape(len(parts), -1), task.preset.structural
    weights = sizes.people * people + (1 - sizes.people) / people.shape[1]
    rows = terms[:, :-1].reshape(-1, terms.shape[-1])
    follow = lambda beyond: adjoint(task.agent, nodes, before, parts[:, :-1], weights, beyond)  # noqa: E731
    beyond = critic(terms[:, -1]) if sizes.tail else jnp.zeros_like(people)
    found = _rested(follow, beyond, fresh) if sizes.tail else follow(beyond)
    return found, critic.fitted(rows, found.value.reshape(len(rows), -1), kept)


def _rested(follow, beyond: Float[Array, "path own"], fresh: Bool[Array, ""]) -> Adjoint:
    """What `follow` finds with these values beyond the stretch; if `fresh`, with those that are the mean of what is found with them.

    A stretch is short beside a life: from zero the critic would need hundreds of rounds to know what a stock is worth, and the rule
    would spend it meanwhile. Means, because a critic that is asked beside what it was fitted to, and fitted to its own answer, runs away.
    """

    def going(carry):
        times, change, *_ = carry
        return (times == 0) | (fresh & (times < OFTEN) & (change > NEAR))

    def again(carry):
        times, _, beyond, _ = carry
        found = follow(beyond)
        then = jnp.broadcast_to(jnp.mean(found.value, axis=(0, 1)), beyond.shape)
        return times + 1, jnp.max(jnp.abs(then - beyond)) / jnp.max(jnp.abs(then)), then, found

    nothing = jax.tree_util.tree_map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), eqx.filter_eval_shape(follow, beyond))
    return jax.lax.while_loop(going, again, (jnp.zeros((), jnp.int32), jnp.ones(()), beyond, nothing))[-1]


def _people(task: Task, nodes: Histogram) -> Float[Array, "path states nodes"]:
    """Weights of the nodes at the first date of every path."""
    if not isinstance(task.cohort, Panel):
        return task.start
    shares = jnp.full(task.cohort.n, 1.0 / task.cohort.n)
    return jax.vmap(lambda own: nodes.place(task.agent, Distribution(own, shares), None))(task.start)
