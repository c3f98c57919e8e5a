"""Contracts on the equations of one individual: chance, feasibility, first-order conditions."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.keys import stream
from walras.economy import foc
from walras.economy.agent import AgentType, Institution, Invertible, Mortal, ProfitSeeker
from walras.economy.process import transition_matrix
from walras.economy.space import Interval, choice_fields
from walras.testing.probe import Probe, picked_by, position_shapes, random_choices, sample


def chances(alive: Probe) -> None:
    """Weights at birth, at the start and in every transition are probabilities that sum to one (to 1e-12)."""
    exogenous, none = alive.economy.exogenous, None
    rows = {"exogenous.start": exogenous.start(none).nodes()[1], "exogenous": transition_matrix(exogenous, none, none, none)}
    for who, agent in alive.agents.items():
        outcome = jax.tree_util.tree_map(lambda leaf: leaf[0], alive.points[who].outcome)
        for i in range(exogenous.n):
            rows[f"{who}.birth at exogenous state {i}"] = agent.birth(0, jnp.asarray(i)).nodes()[1]
            rows[f"{who}.risk.start at exogenous state {i}"] = agent.risk.start(jnp.asarray(i)).nodes()[1]
            for j in range(exogenous.n):
                chance = transition_matrix(agent.risk, jnp.asarray(i), jnp.asarray(j), outcome)
                rows[f"{who}.risk from exogenous state {i} to {j}"] = chance
    for where, weights in rows.items():
        weights = np.asarray(weights)
        gap = float(np.abs(weights.sum(axis=-1) - 1).max())
        alive.require(gap < 1e-12, "chances", f"probabilities of {where} miss one by {gap:.3g}")
        alive.require(weights.min() >= 0, "chances", f"a probability of {where} is {weights.min():.3g}")


@eqx.filter_jit
def _equations(agent: AgentType, points, choice):
    def one(p, c):
        return {
            "payoff": agent.payoff(p.own, c, p.view, p.outcome),
            "move": agent.move(p.own, c, p.view, p.outcome),
            "holds": agent.holds(p.own),
            "does": agent.does(p.own, c, p.view),
            "discount": agent.discount(p.own, p.view, p.outcome),
            "feasible": agent.feasible(p.own, p.view, dict(zip(choice_fields(c), vars(c).values(), strict=True))),
        }

    return jax.vmap(one)(points, choice)


def numbers(alive: Probe) -> None:
    """No equation gives NaN at a generic point, and payoffs, moves, stocks and flows are finite there."""
    for who, agent in alive.agents.items():
        points = sample(alive.points[who], alive.sizes.points)
        choice = random_choices(agent, points, stream(alive.key, "numbers"), 0.02, 0.98)
        for method, value in _equations(agent, points, choice).items():
            for path, leaf in jax.tree_util.tree_leaves_with_path(value):
                bad = np.isnan(leaf) if method == "feasible" else ~np.isfinite(leaf)
                where = f"{who}.{method}{jax.tree_util.keystr(path)}"
                what = f"{where} is not a finite number at {int(bad.sum())} of {bad.size} points"
                alive.require(not bad.any(), "numbers", what)


def kept(alive: Probe) -> None:
    """`move` leaves the risk state and the traits alone, to the bit."""
    for who, agent in alive.agents.items():
        points = sample(alive.points[who], alive.sizes.points)
        choice = random_choices(agent, points, stream(alive.key, "kept"), 0.02, 0.98)
        moved = _equations(agent, points, choice)["move"]
        for field in filter(None, (points.own.risk_field(), *points.own.traits())):
            same = np.array_equal(getattr(points.own, field), getattr(moved, field))
            alive.require(same, "kept", f"{who}.move changes '{field}', which belongs to chance (or to nobody)")


def discounts(alive: Probe) -> None:
    """Discount factors lie in (0, 1).

    Zero is allowed where one may die, one where the type does not offer `invert` (it lives for some dates, or does not
    optimise), a tenth more where the factor moves (a firm that discounts with the real rate).
    """
    for who, agent in alive.agents.items():
        points = sample(alive.points[who], alive.sizes.points)
        values = np.asarray(_equations(agent, points, random_choices(agent, points, alive.key, 0.1, 0.9))["discount"])
        lowest, highest = float(values.min()), float(values.max())
        most = 1.1 if np.ptp(values) > 0 else 1.0
        enough = lowest > 0 or (lowest == 0 and isinstance(agent, Mortal))
        alive.require(enough, "discounts", f"{who} discounts by {lowest:.6g}")
        patient = highest < 1 or (highest <= most and not isinstance(agent, Invertible))
        alive.require(patient, "discounts", f"{who} discounts by {highest:.6g}")


@eqx.filter_jit
def _extremes(agent: AgentType, points, keys):
    """Next states at random positions, and with the last position at either end."""

    def one(p, key):
        shapes = position_shapes(agent, p.own, p.view)
        drawn = [jax.random.uniform(jax.random.fold_in(key, i), s) for i, s in enumerate(shapes)]
        ends = [[*drawn[:-1], jnp.full(shapes[-1], end)] for end in (0.0, 1.0)]
        picked = [picked_by(agent, p.own, p.view, positions) for positions in (drawn, *ends)]
        chosen = dict(zip(choice_fields(picked[0]), vars(picked[0]).values(), strict=True))
        spaces = agent.feasible(p.own, p.view, chosen)
        return spaces, picked[0], [agent.move(p.own, c, p.view, p.outcome) for c in picked]

    return jax.vmap(one)(points, keys)


def feasible(alive: Probe) -> None:
    """Any position gives a choice in its set and a next stock within its limits; a corner is on the limit exactly."""
    for who, agent in alive.agents.items():
        points = sample(alive.points[who], alive.sizes.points)
        keys = jax.random.split(stream(alive.key, "positions"), alive.sizes.points)
        spaces, choice, (moved, *corners) = _extremes(agent, points, keys)
        for field in choice_fields(choice):
            space, value = getattr(spaces, field), np.asarray(getattr(choice, field))
            if isinstance(space, Interval):
                empty = np.asarray(space.high < space.low)
                alive.require(not empty.any(), "feasible", f"{who}.{field} has an empty set at {int(empty.sum())} points")
                outside = np.asarray((value < space.low) | (value > space.high))
                alive.require(not outside.any(), "feasible", f"{who}.{field} leaves its set at {int(outside.sum())} points")
        limits = agent.limits()
        for field in type(limits).endogenous():
            limit, following = getattr(limits, field), np.asarray(getattr(moved, field))
            slack = 1e-12 * np.maximum(1.0, np.abs(following))
            below = np.max(np.asarray(limit.low) - following - slack)
            above = np.max(following - limit.high - slack) if np.isfinite(limit.high) else -np.inf
            alive.require(below <= 0, "feasible", f"{who}.move takes '{field}' below its limit, by {below:.3g}")
            alive.require(above <= 0, "feasible", f"{who}.move takes '{field}' above its limit, by {above:.3g}")
        _corner(alive, who, agent, limits, corners, spaces)


def _corner(alive: Probe, who: str, agent: AgentType, limits, corners, spaces) -> None:
    """With one stock and a floor under it, one end of the last choice leads to the floor itself.

    Not of who sells (the floor of a price is where it would cease to be one, and no choice leads there), nor of who chooses
    several numbers at once, nor of an institution, which chooses nothing.
    """
    if isinstance(agent, ProfitSeeker | Institution):
        return
    fields = type(limits).endogenous()
    last = getattr(spaces, choice_fields(spaces)[-1])
    scalar = isinstance(last, Interval) and last.low.ndim == 1  # one number at each point
    if len(fields) != 1 or not scalar or not np.isfinite(getattr(limits, fields[0]).low):
        return
    low = float(getattr(limits, fields[0]).low)
    ends = [np.asarray(getattr(corner, fields[0])) for corner in corners]
    # Next to a floor of consumption of zero, who works may save without bound: that end is measured by nothing.
    scale = np.maximum(1.0, np.where(np.isfinite(ends[0]), np.abs(ends[0]), 0.0))
    gaps = [float(np.max(np.where(np.isfinite(end), np.abs(end - low), np.inf) / scale)) for end in ends]
    what = f"at neither end of its last choice does {who}'s '{fields[0]}' reach its limit {low:g}: it stays {min(gaps):.3g} off"
    alive.require(min(gaps) <= 1e-12, "feasible", what)


def _has_conditions(agent: AgentType, points) -> bool:
    """Whether the derived conditions apply: a stock, and a choice of numbers in intervals, made by who optimises."""
    if isinstance(agent, Institution) or not type(agent.limits()).endogenous():
        return False
    p = jax.tree_util.tree_map(lambda leaf: leaf[0], points)
    spaces = agent.feasible(p.own, p.view, {})
    kinds = [getattr(spaces, name) for name in choice_fields(spaces)]
    return all(isinstance(k, Interval) for k in kinds) and all(s == () for s in position_shapes(agent, p.own, p.view))


@eqx.filter_jit
def _slopes(agent: AgentType, points, choice):
    """Derived margins beside central differences, and V_s beside a difference along a fixed next stock."""
    stock = foc.stock_field(agent)

    def one(p, c):
        names = choice_fields(c)
        x = jnp.stack([jnp.asarray(getattr(p.own, stock), float), *(getattr(c, n) for n in names)])

        def values(x):
            chosen = type(c)(**dict(zip(names, x[1:], strict=True)))
            own = p.own.to(**{stock: x[0]})
            moved = agent.move(own, chosen, p.view, p.outcome)
            return jnp.stack([agent.payoff(own, chosen, p.view, p.outcome), jnp.asarray(getattr(moved, stock), float)])

        step = 1e-5 * jnp.maximum(jnp.abs(x), 1e-3)
        shifts = jnp.diag(step)
        rows = jax.vmap(lambda d: values(x + d) - values(x - d))(shifts) / (2 * step[:, None])
        derived = foc.margins(agent, p.own, c, p.view, p.outcome)
        found = jnp.stack(
            [jnp.concatenate([derived.u_s[None], derived.u_c]), jnp.concatenate([derived.m_s[None], derived.m_c])]
        )

        def along(s):
            """Payoff at another present stock, the last choice such that the next stock stays."""
            target, last = values(x)[1], x[-1]
            for _ in range(6):
                gap, slope = jax.jvp(lambda v: values(x.at[0].set(s).at[-1].set(v))[1], (last,), (jnp.ones(()),))
                last = last - (gap - target) / slope
            return values(x.at[0].set(s).at[-1].set(last))[0]

        value = (along(x[0] + step[0]) - along(x[0] - step[0])) / (2 * step[0])
        return found, rows.T, derived.value, value

    return jax.vmap(one)(points, choice)


def conditions(alive: Probe) -> None:
    """The derived slopes of payoff and next stock, and V_s, equal finite differences (to 1e-5 of the largest)."""
    for who, agent in alive.agents.items():
        points = sample(alive.points[who], alive.sizes.points)
        if not _has_conditions(agent, points):
            continue
        choice = random_choices(agent, points, stream(alive.key, "conditions"), 0.2, 0.8)
        found, expected, value, along = (np.asarray(x) for x in _slopes(agent, points, choice))
        scale = np.maximum(np.abs(expected).max(axis=-1, keepdims=True), 1e-8)
        gap = float(np.max(np.abs(found - expected) / scale))
        alive.require(gap < 1e-5, "conditions", f"slopes of {who}'s payoff or move miss finite differences by {gap:.3g}")
        gap = float(np.max(np.abs(value - along) / np.maximum(np.abs(along), 1e-8)))
        alive.require(gap < 1e-4, "conditions", f"V_s of {who} misses the payoff along a fixed next stock by {gap:.3g}")


@eqx.filter_jit
def _inverted(agent: Any, points, choice, factors):
    stock = foc.stock_field(agent)

    def one(p, c, factor):
        slopes = foc.margins(agent, p.own, c, p.view, p.outcome)
        W = factor * -slopes.u_c[-1] / slopes.m_c[-1]
        following = agent.move(p.own, c, p.view, p.outcome)
        back, start = agent.invert(W, p.own, p.view, p.outcome, following)
        elsewhere = p.own.to(**{stock: 1.7 * getattr(p.own, stock) + 0.3})
        again = agent.invert(W, elsewhere, p.view, p.outcome, following)
        residual = foc.residual(agent, start, back, p.view, p.outcome, W)
        size = jnp.abs(foc.margins(agent, start, back, p.view, p.outcome).u_c)
        target = getattr(following, stock)
        missed = getattr(agent.move(start, back, p.view, p.outcome), stock) - target
        other = jnp.max(
            jnp.stack([jnp.abs(a - b) for a, b in zip(*map(jax.tree_util.tree_leaves, (again, (back, start))), strict=True)])
        )
        chosen = dict(zip(choice_fields(back), vars(back).values(), strict=True))
        sets = agent.feasible(start, p.view, chosen)
        inside = jnp.stack([(getattr(sets, n).low < v) & (v < getattr(sets, n).high) for n, v in chosen.items()]).all()
        return jnp.max(jnp.abs(residual) / size), jnp.abs(missed) / jnp.maximum(1.0, jnp.abs(target)), other, inside

    return jax.vmap(one)(points, choice, factors)


def inverted(alive: Probe) -> None:
    """`invert` solves the derived conditions and hits the next stock (to 1e-9), whatever the present stock it is shown.

    A seller's conditions may have no solution, and one of several choices may be at an end of its own set: then they are asked for
    where the answer is inside its set, at a fifth of the points or more.
    """
    for who, agent in alive.agents.items():
        if not isinstance(agent, Invertible):
            continue
        points = sample(alive.points[who], alive.sizes.points)
        # Who consumes a tenth of a stock that lasts for years works no more: small shares belong to it.
        several = len(position_shapes(agent, *jax.tree_util.tree_map(lambda x: x[0], (points.own, points.view)))) > 1
        low = 0.005 if several else 0.1
        choice = random_choices(agent, points, stream(alive.key, "inverted"), low, 0.9, logs=several)
        factors = jnp.exp(0.5 * jax.random.normal(stream(alive.key, "factors"), (alive.sizes.points,)))
        *found, inside = (np.asarray(x) for x in _inverted(agent, points, choice, factors))
        ends = isinstance(agent, ProfitSeeker) or len(choice_fields(choice)) > 1
        asked = inside if ends else np.ones_like(inside)
        enough = asked.mean() >= 0.2
        alive.require(enough, "inverted", f"{who}.invert is inside its set at {asked.mean():.0%} of the points")
        residual, missed, other = (float(np.max(x[asked])) for x in found)
        alive.require(
            residual < 1e-9, "inverted", f"{who}.invert leaves {residual:.3g} of the marginal payoff in the conditions"
        )
        alive.require(missed < 1e-9, "inverted", f"{who}.invert misses the next stock by {missed:.3g}")
        alive.require(other == 0, "inverted", f"{who}.invert depends on the present stock that it is meant to find")
