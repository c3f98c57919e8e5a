"""What a learner by first-order conditions looks at in a round: recorded dates, and what may follow each.

Tomorrow's coordinates are those that really came about (stocks are settled today); tomorrow's view at each exogenous state
that may follow is what a regression on recent rounds says, for only one of them came about.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from walras._core.types import PyTree
from walras.economy import foc
from walras.economy.agent import AgentType
from walras.economy.process import transition_matrix
from walras.economy.task import Field, Task
from walras.learners import beliefs
from walras.learners.deep_rule import DeepRule, as_choice

MEMORY = 0.95
"""Weight of a round in the regression of views relative to the round after it."""


class Scene(eqx.Module):
    """Recorded dates: exogenous state, transformed coordinates now and next, view, outcome; leading axis date."""

    agent: AgentType
    exogenous: PyTree
    index: Int[Array, " dates"]
    here: Float[Array, "dates coordinates"]
    there: Float[Array, "dates coordinates"]
    view: PyTree
    outcome: PyTree
    stocks: Float[Array, " people"]

    @staticmethod
    def of(task: Task, belief: beliefs.PolynomialBelief) -> "Scene":
        """All recorded dates but the last of each path, and stocks of people who were there when the round began."""
        field, logs = task.field, belief.shape.logs
        index, coordinates = field.info
        seen = belief.transform(coordinates) if logs else jnp.zeros((*index.shape, 0))
        count = index.shape[0] * (index.shape[1] - 1)
        flat = lambda leaf: leaf[:, :-1].reshape(count, *leaf.shape[2:])  # noqa: E731
        view, outcome = jax.tree_util.tree_map(flat, (field.view, field.outcome))
        there = seen[:, 1:].reshape(count, seen.shape[-1])
        return Scene(task.agent, task.exogenous, flat(index), flat(seen), there, view, outcome, _stocks(task))

    @property
    def dates(self) -> int:
        """How many dates."""
        return len(self.index)

    def own(self, state, stock):
        """One individual."""
        template = self.agent.limits()
        own, risk = template.to(**{foc.stock_field(self.agent): stock}), template.risk_field()
        return own.to(**{risk: state}) if risk else own

    def at(self, d) -> tuple[PyTree, PyTree]:
        """View and outcome of a date."""
        return jax.tree_util.tree_map(lambda leaf: leaf[d], (self.view, self.outcome))

    def chance(self, d) -> Float[Array, "next risk risk"]:
        """Probability of the pair of next exogenous and next own risk state, given the date and the own risk state."""
        _, outcome = self.at(d)
        row = self.exogenous.given(self.index[d], None, None, None).weights
        mix = lambda j: transition_matrix(self.agent.risk, self.index[d], j, outcome)  # noqa: E731
        return row[:, None, None] * jax.vmap(mix)(jnp.arange(self.exogenous.n))

    def worth(self, rule: DeepRule, own, d, j) -> Array:
        """Discounted marginal value of the stock of one individual on the date after `d`, in exogenous state `j`."""
        view, outcome = rule.belief.forecast(j, self.there[d])
        choice = as_choice(self.agent, own, view, rule.value(own, view, j, self.there[d]))
        return self.agent.discount(own, view, outcome) * foc.marginal_value(self.agent, own, choice, view, outcome)

    def expected(self, rule: DeepRule, stock, e, d) -> Array:
        """W: expected discounted marginal value of a next stock for one individual of risk state `e` at date `d`."""
        over = jax.vmap(lambda j, f: self.worth(rule, self.own(f, stock), d, j), in_axes=(None, 0))
        values = jax.vmap(over, in_axes=(0, None))(jnp.arange(self.exogenous.n), jnp.arange(self.agent.risk.n))
        return jnp.sum(self.chance(d)[:, e] * values)

    def expected_all(self, rule: DeepRule, stocks: Float[Array, "dates points"]) -> Float[Array, "dates points risk"]:
        """W of next stocks at every date for all risk states at once, features and weights evaluated once each."""
        states, risks = jnp.arange(self.exogenous.n), jnp.arange(self.agent.risk.n)

        def one(d, here):
            own = jax.vmap(jax.vmap(self.own, in_axes=(0, None)), in_axes=(None, 0))(risks, here)
            features = rule.network.features(jax.vmap(jax.vmap(rule.own_inputs))(own))
            regressors = jax.vmap(rule.belief.regressors, in_axes=(0, None))(states, self.there[d])
            weights = rule.network.weigh(regressors)
            views, outcomes = jax.vmap(rule.belief.forecast, in_axes=(0, None))(states, self.there[d])

            def value(o, feature, view, outcome, weight):
                choice = as_choice(self.agent, o, view, rule.from_parts(o, view, feature, weight))
                return self.agent.discount(o, view, outcome) * foc.marginal_value(self.agent, o, choice, view, outcome)

            over = jax.vmap(value, in_axes=(None, None, 0, 0, 0))
            over = jax.vmap(jax.vmap(over, in_axes=(0, 0, None, None, None)), in_axes=(0, 0, None, None, None))
            values = over(own, features, views, outcomes, weights)
            return jnp.einsum("jef,mfj->me", self.chance(d), values, precision="highest")

        return jax.vmap(one)(jnp.arange(self.dates), stocks)


def _stocks(task: Task) -> Float[Array, " people"]:
    """A thousand quantiles of the own stock of people who were there when the round began."""
    start = task.start
    own, weight = jax.vmap(lambda cross: task.cohort.individuals(task.agent, cross))(start)
    stock = getattr(own, foc.stock_field(task.agent)).reshape(-1)
    weight = weight.reshape(-1)
    order = jnp.argsort(stock)
    mass = jnp.cumsum(weight[order])
    at = (jnp.arange(1000) + 0.5) / 1000 * mass[-1]
    return stock[order][jnp.searchsorted(mass, at)]


class Views(eqx.Module):
    """Normal equations of the regression of view and outcome on information, older rounds counting less."""

    gram: Float[Array, "terms terms"]
    moment: Float[Array, "terms numbers"]

    @staticmethod
    def blank(belief: beliefs.PolynomialBelief) -> "Views":
        """Nothing known but what the blank belief says, with a weight that fades."""
        terms = len(belief.shape.views)
        gram = 1e-6 * jnp.eye(terms)
        return Views(gram, gram @ belief.views)

    def seen(self, belief: beliefs.PolynomialBelief, field: Field) -> "tuple[Views, beliefs.PolynomialBelief]":
        """With one more round, and the belief that follows."""
        index, coordinates = field.info
        t = belief.transform(coordinates) if belief.shape.logs else jnp.zeros((*index.shape, 0))
        x = beliefs.monomials(jax.vmap(jax.vmap(belief.regressors))(index, t), belief.shape.views)
        leaves = [leaf for leaf in jax.tree_util.tree_leaves((field.view, field.outcome)) if eqx.is_inexact_array(leaf)]
        y = jnp.concatenate([leaf.reshape(index.size, -1) for leaf in leaves], axis=1)
        x = x.reshape(index.size, -1)
        known = Views(MEMORY * self.gram + x.T @ x, MEMORY * self.moment + x.T @ y)
        return known, dataclasses.replace(belief, views=beliefs.solved(known.gram, known.moment))
