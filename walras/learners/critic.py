"""What lies beyond a recorded stretch is worth: a linear function of terms in information, fitted to the values on the stretch."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras.economy.population import Histogram, Panel
from walras.economy.process import Distribution
from walras.economy.task import Task
from walras.learners.adjoint import Adjoint, adjoint
from walras.learners.beliefs import least_squares


class Critic(eqx.Module):
    """Discounted value of each own state as a linear function of terms in information; shape (terms, own)."""

    weights: Float[Array, "terms own"]

    def __call__(self, terms: Float[Array, "*batch terms"]) -> Float[Array, "*batch own"]:
        """Values at given terms."""
        return terms @ self.weights


def valued(
    critic: Critic,
    task: Task,
    nodes: Histogram,
    parts: Float[Array, "path time own choices"],
    terms: Float[Array, "path time terms"],
) -> tuple[Adjoint, Critic]:
    """The gradient and the values along the recorded stretch, and the critic fitted to these values.

    Half of the weight lies on the people who were there, half on all nodes alike.

    Args:
        nodes: own states where values are asked for; people in a list are put on the nodes beside them.
        parts: positions at the nodes at every date.
        terms: what the critic reads, at every date.
    """
    before = jax.tree_util.tree_map(lambda leaf: leaf[:, :-1], task.field)
    people = _people(task, nodes).reshape(len(parts), -1)
    weights = 0.5 * people + 0.5 / people.shape[1]
    found = adjoint(task.agent, nodes, before, parts[:, :-1], weights, critic(terms[:, -1]))
    rows = terms[:, :-1].reshape(-1, terms.shape[-1])
    return found, Critic(least_squares(rows, found.value.reshape(len(rows), -1)))


def _people(task: Task, nodes: Histogram) -> Float[Array, "path states nodes"]:
    """Weights of the nodes at the first date of every path."""
    if not isinstance(task.cohort, Panel):
        return task.start
    shares = jnp.full(task.cohort.n, 1.0 / task.cohort.n)
    return jax.vmap(lambda own: nodes.place(task.agent, Distribution(own, shares), None))(task.start)
