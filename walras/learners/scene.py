"""What a learner by first-order conditions looks at in a round: recorded dates, and what may follow each.

Tomorrow's coordinates are those that really came about (stocks are settled today). Views follow from information: where prices
are a formula of one stock they are computed before the first round for a continuum of people (those of a few people meet prices
that others' luck has moved, and would be learned with it); else they are a regression on recent rounds. Some dates are made up:
any exogenous state, coordinates anywhere in the box of what was seen, the next ones by regression. Without them a rule is a
guess in states that are rarely met.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from walras._core.compiling import brief_jit
from walras._core.keys import stream
from walras._core.types import Key, PyTree
from walras.economy import foc
from walras.economy.agent import AgentType
from walras.economy.population import Panel
from walras.economy.process import transition_matrix
from walras.economy.task import Field, Task
from walras.learners import beliefs
from walras.learners.deep_base import as_choice
from walras.learners.deep_rule import DeepRule
from walras.learners.frozen import FrozenDate
from walras.learners.table import TableRule

MEMORY = 0.98
"""Weight of a round in the regressions relative to the round after it."""


APART = 1e-3
"""Ridge on what views are beside those of a continuum, in the regression of next coordinates."""

MADE_UP = 4
"""One date is made up for so many recorded ones."""


class Scene(eqx.Module):
    """Dates: exogenous state, transformed coordinates now and next, view, outcome; leading axis date."""

    agent: AgentType
    exogenous: PyTree
    index: Int[Array, " dates"]
    here: Float[Array, "dates coordinates"]
    there: Float[Array, "dates coordinates"]
    view: PyTree
    outcome: PyTree
    stocks: Float[Array, " people"]

    @staticmethod
    def of(key: Key, task: Task, rule: DeepRule) -> "Scene":
        """All recorded dates but the last of each path, some made up, and stocks of people who were there at the start."""
        field, belief, frame = task.field, rule.belief, rule.frame
        index, coordinates = field.info
        seen = belief.transform(coordinates) if frame.axes else jnp.zeros((*index.shape, 0))
        count = index.shape[0] * (index.shape[1] - 1)
        flat = lambda leaf: leaf[:, :-1].reshape(count, *leaf.shape[2:])  # noqa: E731
        states, here, there = flat(index), flat(seen), seen[:, 1:].reshape(count, seen.shape[-1])
        if frame.axes:
            more = count // MADE_UP
            other = jax.random.randint(stream(key, "states"), (more,), 0, task.exogenous.n).astype(index.dtype)
            low, high = (jnp.stack([getattr(axis, end) for axis in frame.axes]) for end in ("low", "high"))
            elsewhere = low + (high - low) * jax.random.uniform(stream(key, "coordinates"), (more, len(low)))
            states, here = jnp.concatenate([states, other]), jnp.concatenate([here, elsewhere])
            if isinstance(task.cohort, Panel):  # what came about is the luck of a few, too
                there = jax.vmap(belief.step)(states[:count], here[:count], states[:count])
            there = jnp.concatenate([there, jax.vmap(belief.step)(other, elsewhere, other)])
        felt = jax.vmap(belief.forecast)(states, here)
        return Scene(task.agent, task.exogenous, states, here, there, *felt, _stocks(task))

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

    def after(self, rule: DeepRule, d, j) -> tuple[PyTree, PyTree]:
        """View and outcome on the date after `d`, in exogenous state `j`."""
        return rule.belief.forecast(j, self.there[d])

    def worth(self, rule: DeepRule, own, d, j) -> Array:
        """Discounted marginal value of the stock of one individual on the date after `d`, in exogenous state `j`."""
        view, outcome = self.after(rule, d, j)
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
            views, outcomes = jax.vmap(lambda j: self.after(rule, d, j))(states)
            weights = rule.network.weigh(jax.vmap(rule.read, in_axes=(0, 0, None))(views, states, self.there[d]))

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


class Regressions(eqx.Module):
    """Normal equations (gram, moment) of the regressions of views on information, and of next coordinates on it, older rounds
    counting less; before anything is known, what the blank belief says, with a weight that fades.

    A few people who hold much have had luck, which lasts: their prices are not those of a continuum that holds as much, and the
    next stock is not. Where views of the continuum are known, how far views are from them is held constant, at nothing.
    """

    views: tuple[Array, Array]
    law: tuple[Array, Array]
    settled: bool = eqx.field(static=True)

    @staticmethod
    def blank(belief: beliefs.PolynomialBelief, settled: bool, few: bool) -> "Regressions":
        """Nothing seen yet; `settled`: views are known already; `few`: people are a sample."""
        known = lambda found: (1e-6 * jnp.eye(len(found)), 1e-6 * found)  # noqa: E731
        apart = jnp.zeros((belief.views.shape[1] if settled and few else 0, belief.law.shape[1]))
        return Regressions(known(belief.views), known(jnp.concatenate([belief.law, apart])), settled)

    def seen(self, belief: beliefs.PolynomialBelief, field: Field) -> "tuple[Regressions, beliefs.PolynomialBelief]":
        """With one more round, and the belief that follows."""
        index, coordinates = field.info
        t = belief.transform(coordinates) if belief.shape.logs else jnp.zeros((*index.shape, 0))
        x = jax.vmap(jax.vmap(belief.regressors))(index, t)
        rows = lambda terms: terms.reshape(-1, terms.shape[-1])  # noqa: E731
        leaves = [leaf for leaf in jax.tree_util.tree_leaves((field.view, field.outcome)) if eqx.is_inexact_array(leaf)]
        y = jnp.concatenate([leaf.reshape(*index.shape, -1) for leaf in leaves], axis=2)
        views = beliefs.with_rows(self.views, rows(beliefs.monomials(x, belief.shape.views)), rows(y), MEMORY)
        found = belief if self.settled else dataclasses.replace(belief, views=beliefs.solved(*views))
        if not belief.shape.logs:
            return Regressions(views, self.law, self.settled), found
        terms = beliefs.monomials(x, belief.shape.law)
        if len(self.law[1]) > terms.shape[-1]:
            terms = jnp.concatenate([terms, y - beliefs.monomials(x, belief.shape.views) @ belief.views], axis=-1)
        law = beliefs.with_rows(self.law, rows(terms[:, :-1]), rows((t[:, 1:] - belief.centre) / belief.scale), MEMORY)
        own = len(belief.shape.law)
        apart = jnp.where(jnp.arange(terms.shape[-1]) < own, 0.0, APART)
        law_found = beliefs.solved(law[0] + jnp.diag(apart), law[1])[:own]
        return Regressions(views, law, self.settled), dataclasses.replace(found, law=law_found)


@brief_jit
def known_views(problem: FrozenDate, rule: TableRule, mass, stock, belief: beliefs.PolynomialBelief):
    """The belief with views fitted to the dates at all exogenous states and stocks within a factor of 1.8 of `stock`."""

    def at(z, log_stock):
        state = dataclasses.replace(problem.state, exo=z)
        now = dataclasses.replace(problem, state=state).now(stock * jnp.exp(log_stock), rule, mass)
        index, coordinates = now.infos[problem.name]
        numbers = jax.tree_util.tree_leaves((now.views[problem.name], now.outcome[problem.name]))
        y = jnp.concatenate([jnp.ravel(leaf) for leaf in numbers if eqx.is_inexact_array(leaf)])
        return beliefs.monomials(belief.regressors(index, belief.transform(coordinates)), belief.shape.views), y

    states = jnp.arange(problem.economy.exogenous.n, dtype=problem.state.exo.dtype)
    x, y = jax.vmap(jax.vmap(at, in_axes=(None, 0)), in_axes=(0, None))(states, jnp.linspace(-0.6, 0.6, 41))
    return dataclasses.replace(belief, views=beliefs.least_squares(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])))
