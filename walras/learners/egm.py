"""The endogenous-grid step, for any type with one endogenous stock and any number of choices.

Given what the next date will look like at every node, the discounted expected marginal value W of each next stock is
known; `foc.invert` gives the choices and the present stock that make it optimal; they are carried onto the nodes.

    @article{carroll2006method, title={The method of endogenous gridpoints for solving dynamic stochastic optimization
      problems}, author={Carroll, Christopher D}, journal={Economics Letters}, volume={91}, number={3}, pages={312--320},
      year={2006}}
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras._core.types import PyTree
from walras.economy import foc
from walras.economy.agent import AgentType
from walras.economy.process import Chain, ConditionalChain, NoRisk, transition_matrix
from walras.economy.space import choice_fields, choose, positions_of
from walras.learners.table import TableRule
from walras.numerics.interpolate import Axis


class Prospect(eqx.Module):
    """What the agent faces at each node of information (leading axis `info`: index major, then coordinates).

    `view`/`outcome` [info]; `spread` (info, next, coordinate nodes): weights of the coordinate nodes that give the value at
    tomorrow's coordinates if the next exogenous state is `next`; `chance` (info, next, risk, risk'): probability of the pair
    of next exogenous state and next own risk state. `settled`: tomorrow's coordinates follow from today alone and
    chance does not depend on them: `spread` is (info, 1, coordinate nodes), `chance` (index, next, risk, risk').
    """

    view: PyTree
    outcome: PyTree
    spread: Array
    chance: Array
    settled: bool = eqx.field(static=True, default=False)


def prospect(agent: AgentType, exogenous, belief, axes) -> Prospect:
    """The prospect that a belief implies at all nodes of the table."""
    states = jnp.arange(exogenous.n)
    grids = jnp.meshgrid(states, *(axis.nodes for axis in axes), indexing="ij")
    index = grids[0].reshape(-1)
    coordinates = jnp.stack([g.reshape(-1) for g in grids[1:]], -1) if axes else jnp.zeros((exogenous.n, 0))
    transition = transition_matrix(exogenous, None, None, None)
    view, outcome = jax.vmap(belief.forecast)(index, coordinates)

    def after(i, here, out, j):
        there = belief.step(i, here, j) if axes else here
        spread = jnp.ones(1)
        for n, axis in enumerate(axes):
            # Beyond the nodes the value at the end: extrapolated values, fed back in every sweep, would grow without bound.
            first, weights = axis.stencil(jnp.clip(there[n], axis.low, axis.high))
            along = jnp.zeros(axis.n).at[first + jnp.arange(4)].add(weights)
            spread = (spread[:, None] * along).reshape(-1)
        return spread, transition[i, j] * transition_matrix(agent.risk, i, j, out)

    over_next = jax.vmap(after, in_axes=(None, None, None, 0))
    spread, chance = jax.vmap(over_next, in_axes=(0, 0, 0, None))(index, coordinates, outcome, states)
    if not belief.shape.sees_next and isinstance(agent.risk, NoRisk | Chain | ConditionalChain):  # which read no outcome
        spread, chance = spread[:, :1], chance.reshape(len(states), -1, *chance.shape[1:])[:, 0]
        return Prospect(view, outcome, spread, chance, True)
    return Prospect(view, outcome, spread, chance)


def marginal_values(rule: TableRule, ahead: Prospect) -> Float[Array, "info risk nodes"]:
    """discount · V_s at every node of information, risk and own stock, under the rule."""
    agent, field = rule.agent, foc.stock_field(rule.agent)
    template = agent.limits()
    risk = template.risk_field()
    table = rule.table.reshape(-1, *rule.table.shape[-3:])

    def value(state, stock, position, view, outcome):
        own = template.to(**{field: stock})
        own = own.to(**{risk: state}) if risk else own
        choice = choose(agent, own, view, position)
        return agent.discount(own, view, outcome) * foc.marginal_value(agent, own, choice, view, outcome)

    over_nodes = jax.vmap(value, in_axes=(None, 0, 0, None, None))
    over_risk = jax.vmap(over_nodes, in_axes=(0, None, 0, None, None))
    over_info = jax.vmap(over_risk, in_axes=(None, None, 0, 0, 0))
    return over_info(jnp.arange(agent.risk.n), rule.own_axis.nodes, table, ahead.view, ahead.outcome)


def expected_by_node(rule: TableRule, ahead: Prospect) -> Float[Array, "index coordinates risk nodes"]:
    """Expectation of the marginal values at each node of *tomorrow's* coordinates, given today's exogenous state."""
    values = marginal_values(rule, ahead)
    by_state = values.reshape(ahead.chance.shape[1], -1, *values.shape[1:])
    return jnp.einsum("ijef,jlfa->ilea", ahead.chance, by_state, precision="highest")


def expected_marginal_value(rule: TableRule, ahead: Prospect) -> Float[Array, "info risk nodes"]:
    """W at every node: expectation over exogenous and own risk of the marginal values at tomorrow's information.

    They are computed once at the nodes and carried to tomorrow's coordinates by the same cubic as the rule: powers are
    dear, products of matrices are cheap. An expectation lies between the least and the largest of what is expected; a
    cubic far outside what was seen need not.
    """
    if ahead.settled:
        expected = expected_by_node(rule, ahead)
        least, largest = jnp.min(expected, axis=(0, 1)), jnp.max(expected, axis=(0, 1))
        spread = ahead.spread.reshape(len(expected), -1, ahead.spread.shape[-1])
        W = jnp.einsum("ikl,ilea->ikea", spread, expected, precision="highest")
        return jnp.clip(W.reshape(-1, *W.shape[2:]), least, largest)
    values = marginal_values(rule, ahead)
    least, largest = jnp.min(values, axis=(0, 1)), jnp.max(values, axis=(0, 1))
    by_state = values.reshape(ahead.chance.shape[1], -1, *values.shape[1:])
    tomorrow = jnp.einsum("mjl,jlfa->mjfa", ahead.spread, by_state, precision="highest")
    return jnp.clip(jnp.einsum("mjef,mjfa->mea", ahead.chance, tomorrow, precision="highest"), least, largest)


def sweep(rule: TableRule, ahead: Prospect, tidy: Array | None = None) -> TableRule:
    """One endogenous-grid step at all nodes.

    `tidy`: whether a stock is made to be worth no more where there is more of it. A rule with noise in it, learned or made
    by hand, says otherwise here and there, and would fold the endogenous grid over; one tidy step is enough.
    """
    W = expected_marginal_value(rule, ahead)
    if tidy is not None:
        W = jax.lax.cond(tidy, lambda x: jax.lax.cummin(x, axis=2), lambda x: x, W)
    old = rule.table.reshape(len(W), *rule.table.shape[-3:])
    new = jax.vmap(lambda *at: answer(rule.agent, rule.own_axis, *at))(W, ahead.view, ahead.outcome, old)
    return dataclasses.replace(rule, table=new.reshape(rule.table.shape))


def answer(
    agent: AgentType, axis: Axis, W: Float[Array, "risk nodes"], view, outcome, old
) -> Float[Array, "risk nodes choices"]:
    """Positions at all own states that are optimal at this view, W being the expected marginal value of the next stock.

    `old` are positions to start from, where a type offers no inversion of its own.
    """
    nodes, field, template = axis.nodes, foc.stock_field(agent), agent.limits()
    risk, floor = template.risk_field(), getattr(template, field).low

    def own_at(state, stock):
        own = template.to(**{field: stock})
        return own.to(**{risk: state}) if risk else own

    def back(w, state, stock, position):
        """Choices and present stock that lead to this next stock."""
        own = own_at(state, stock)
        guess = None if isinstance(agent, foc.Invertible) else (choose(agent, own, view, position), own)
        choice, start = foc.invert(agent, w, own, view, outcome, own, guess)
        return jnp.stack([getattr(choice, n) for n in choice_fields(choice)]), getattr(start, field)

    corner = _corner(agent, own_at(0, nodes[-1]), view, outcome, old[0, -1], field)

    amounts = agent.feasible(own_at(0, nodes[-1]), view, {}).amounts

    def aimed(own, values, target):
        """The choices with the last one moved so that they lead to a next stock (Newton; at once where the stock is linear in it)."""
        kind = type(agent.feasible(own, view, {}))

        def after(last):
            choice = kind(**dict(zip(choice_fields(kind), (*values[:-1], last), strict=True)))
            return getattr(agent.move(own, choice, view, outcome), field)

        last = values[-1]
        for _ in range(2):
            reached, slope = jax.jvp(after, (last,), (jnp.ones_like(last),))
            last = last + (target - reached) / slope
        return values.at[-1].set(last)

    def onto(w, state, position):
        """Positions at all nodes, for one risk state."""
        choices, stocks = jax.vmap(back, in_axes=(0, None, 0, 0))(w, state, nodes, position)
        carried = jax.vmap(lambda c: axis.through(stocks, c), in_axes=1, out_axes=1)(choices)
        if choices.shape[1] > 1:
            bound = jax.vmap(lambda s, c0: _at_limit(agent, own_at(state, s), view, outcome, field, w[0], c0))
            limited = bound(nodes, jnp.broadcast_to(choices[0], carried.shape))
            carried = jnp.where((nodes < stocks[0])[:, None], limited, carried)
        if not amounts:
            carried = jax.vmap(aimed)(jax.vmap(own_at, (None, 0))(state, nodes), carried, axis.through(stocks, nodes))
        binds = (nodes < stocks[0]) & (nodes[0] <= floor)  # a grid may begin above the limit
        return jax.vmap(lambda s, c, b: _positions(agent, own_at(state, s), view, c, jnp.where(b, corner, jnp.nan)))(
            nodes, carried, binds
        )

    return jax.vmap(onto)(W, jnp.arange(agent.risk.n), old)


def _corner(agent, own, view, outcome, position, field):
    """Which end of the last choice is the limit on the next stock: earlier choices shape its interval."""
    limit = getattr(agent.limits(), field).low
    ends = [choose(agent, own, view, [*position[:-1], jnp.asarray(end)]) for end in (0.0, 1.0)]
    gaps = [jnp.abs(getattr(agent.move(own, end, view, outcome), field) - limit) for end in ends]
    return jnp.where(gaps[0] < gaps[1], 0.0, 1.0)


def _positions(agent, own, view, values, corner):
    """Positions of a vector of choices; `corner` that of the last one where the limit on the next stock binds, else NaN."""
    spaces = agent.feasible(own, view, {})
    names = choice_fields(spaces)
    choice = type(spaces)(**{name: values[i] for i, name in enumerate(names)})
    found = positions_of(agent, own, view, choice)
    return jnp.stack([*found[:-1], jnp.where(jnp.isnan(corner), found[-1], corner)])


def _at_limit(agent, own, view, outcome, field, w_threshold, start):
    """Choices where the next stock is at its limit: find W with present stock equal to the own one."""
    target = getattr(own, field)
    at_limit = own.to(**{field: getattr(agent.limits(), field).low})
    names = choice_fields(agent.feasible(own, view, {}))
    guess_choice = type(agent.feasible(own, view, {}))(**{n: start[i] for i, n in enumerate(names)})

    def solve(log_w):
        choice, found = foc.invert(agent, jnp.exp(log_w), own, view, outcome, at_limit, (guess_choice, own))
        return getattr(found, field) - target, choice

    def step(_, log_w):
        gap, slope = jax.jvp(lambda x: solve(x)[0], (log_w,), (jnp.ones_like(log_w),))
        return log_w - jnp.clip(gap / slope, -1.0, 1.0)

    log_w = jax.lax.fori_loop(0, 12, step, jnp.log(w_threshold))
    choice = solve(log_w)[1]
    return jnp.stack([getattr(choice, n) for n in names])
