"""What one individual could gain by leaving the rule that everybody uses.

The simulated prices are frozen. One individual's problem is solved again along them, with twice the nodes of the own stock,
half as many coordinate nodes again, and a law of one degree more than the rule was made with; then both rules live through
the same dates from the same cross-sections, and the difference of discounted payoffs is put in units of consumption. A rule
is only an equilibrium rule if this is small; it is a lower bound, since the deviator is not perfect either: it sees what the
type's view shows and remembers nothing, also where the rule does.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.compiling import brief_jit
from walras._core.keys import stream
from walras._core.tree import entry
from walras.diagnose.evidence import Evidence
from walras.diagnose.finding import Check, Finding
from walras.diagnose.laws import degrees_of
from walras.economy import foc
from walras.economy import period as periods
from walras.economy.agent import ProfitSeeker
from walras.economy.information import sees_state
from walras.economy.task import Field, MeanField
from walras.learners import beliefs
from walras.learners.egm import prospect, sweep
from walras.learners.networks import RecurrentRule
from walras.learners.table import TableRule
from walras.numerics.interpolate import Axis, EvenAxis


class BestResponse(Check):
    """Figure `best_response_gain_percent`: the largest over types, in per cent of consumption for ever.

    `sweeps` of the deviator's problem, `starts` dates from which both rules are followed, for at most `horizon` dates
    (or until what is left is discounted to 1e-3). Absent for types whose rule does not see the exogenous state.
    """

    sweeps: int = eqx.field(static=True, default=120)
    starts: int = eqx.field(static=True, default=6)
    horizon: int = eqx.field(static=True, default=1500)

    def run(self, evidence: Evidence, thresholds):
        """See the class."""
        # A rule that does not see the exogenous state has no law of its own with which to do better (`restricted`).
        seeing = [name for name in evidence.learning if sees_state(evidence.rules[name].information)]
        gains = {name: self.gain(evidence, name) for name in seeing}
        if not gains:
            return []
        # Where nothing better is found, not even a number, an individual keeps the rule: a gain of nothing. (What the rule
        # itself gives must be a number: `gain` is infinite where it is not.)
        listed = ", ".join(f"{n}: no other answer found" if np.isnan(g) else f"{n} {g:.2g} %" for n, g in gains.items())
        gains = {n: 0.0 if np.isnan(g) else g for n, g in gains.items()}
        name = max(gains, key=lambda n: gains[n])
        return [
            Finding(
                "best_response_gain_percent",
                "Best response, gain in consumption",
                gains[name],
                "%",
                thresholds["best_response_gain_percent"],
                listed,
                "the rule is not optimal given the prices it makes: more nodes, more rounds, or richer information",
                by_type=gains,
            )
        ]

    def gain(self, evidence: Evidence, name: str) -> float:
        """Gain of one type's individual, in per cent of consumption: infinite where what the rule gives is no number, not a
        number where the other answer is none."""
        lab, key = evidence.lab, stream(evidence.key, "best-response")
        agent, rule = periods.agents(lab.economy)[name], evidence.rules[name]
        field = evidence.field(name)
        belief = finer_belief(evidence.learner_states[name].belief, lab.economy.exogenous)
        start = rule.forgetful() if isinstance(rule, RecurrentRule) else rule.tabulated()
        better = _solve(agent, lab.economy.exogenous, start, belief, field, self.sweeps)
        most = min(self.horizon, len(field.exo) // 2)
        horizon = far_enough(agent, field, most)
        blocks = len(evidence.states.date)
        last = (len(field.exo) - horizon) // evidence.stride
        chosen = np.linspace(0, min(last, blocks - 1), self.starts).astype(int)
        # The rule goes on from what it remembers at these dates; the deviator remembers what its information says first.
        states, begin = evidence.states, chosen * evidence.stride
        begun = (begin, entry(states.cross[name], chosen), entry(states.memory[name], chosen))
        rules = ((rule, field.info), (better, field.info))
        value = follow(agent, lab.populations[name], field, rules, begun, key, horizon)
        (old, new), (worth, _) = (np.asarray(x) for x in value)
        if not (np.isfinite(old).all() and np.isfinite(worth).all()):
            return np.inf
        gains = 100 * (new - old) / np.mean(worth)
        return float(np.mean(gains)) if np.isfinite(new).all() else np.nan


def far_enough(agent, field: Field, most: int) -> int:
    """Dates until what is left is discounted to 1e-3 or less, at most `most`.

    Rounded up to a few lengths (a quarter apart): each is a program of its own, and discount factors differ from calibration
    to calibration.
    """
    dates = discounted_away(agent, field)
    return most if dates >= most else min(most, int(np.ceil(1.25 ** np.ceil(np.log(dates) / np.log(1.25) - 1e-9))))


def discounted_away(agent, field: Field) -> float:
    """Dates until what is left is discounted to 1e-3; infinite where nothing is discounted."""
    rate = float(np.mean(np.log(np.asarray(_discount(agent, field)))))  # of one date it may be above one
    return np.inf if rate >= 0 else float(np.ceil(np.log(1e-3) / rate))


def _finer(rule: TableRule) -> TableRule:
    axes = tuple(EvenAxis(axis.low, axis.high, axis.n + axis.n // 2) for axis in rule.axes)
    own = rule.own_axis
    finer = rule.moved_to(axes) if axes else rule
    return finer.on(Axis(own.low, own.high, own.pivot, 2 * own.n))


def finer_belief(belief: beliefs.PolynomialBelief, exogenous) -> beliefs.PolynomialBelief:
    """The belief with one more degree in law and view."""
    shape = belief.shape
    law_degree, view_degree = degrees_of(belief)
    new = beliefs.shape_of(*belief.exo.shape, shape.logs, (law_degree + 1, view_degree + 1), shape.sees_next)
    new = dataclasses.replace(new, bounded=shape.bounded)
    law, views = (
        jax.device_put(np.zeros(s)) for s in ((len(new.law), len(shape.logs)), (len(new.views), belief.views.shape[1]))
    )
    return dataclasses.replace(belief, law=law, views=views, shape=new)


@brief_jit
def _solve(agent, exogenous, rule: TableRule, belief, field: Field, sweeps: int) -> TableRule:
    one_path = jax.tree_util.tree_map(lambda leaf: leaf[None], field)
    rule = _finer(rule)
    ahead = prospect(agent, exogenous, belief.fit(one_path), rule.axes)
    return jax.lax.fori_loop(0, sweeps, lambda number, r: sweep(r, ahead, number == 0), rule)


@brief_jit
def _discount(agent, field: Field):
    own = jax.tree_util.tree_map(lambda leaf: leaf[0], agent.birth(0, field.exo[0]).nodes()[0])
    return jax.vmap(lambda view, outcome: agent.discount(own, view, outcome))(field.view, field.outcome)


@brief_jit
def follow(agent, population, field: Field, rules, begun, key, horizon: int):
    """What individuals get who follow each rule from the same cross-sections through the same dates.

    Args:
        rules: two pairs of a rule and the information (index, coordinates) that was recorded for it along the field.
        begun: first dates (starts,), cross-sections there, and what the first rule remembers there.

    Returns:
        Discounted payoffs, and discounted consumption weighted by its marginal worth; both of shape (rules, starts).
    """
    begin, cross, memory = begun
    in_money = isinstance(agent, ProfitSeeker)

    def along(rule, info, first, start, remembered):
        whole = dataclasses.replace(field, info=info)
        cut = jax.tree_util.tree_map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, first, horizon), whole)
        roll = MeanField(agent, population, cut).rollout(key, rule, start, remembered)

        def worth(own, choice, view, outcome):
            if in_money:
                return agent.payoff(own, choice, view, outcome)
            slopes = foc.margins(agent, own, choice, view, outcome)
            return slopes.u_c[-1] * jax.tree_util.tree_leaves(choice)[-1]

        over = jax.vmap(jax.vmap(worth, in_axes=(0, 0, None, None)))
        spent = over(roll.own, roll.choice, cut.view, cut.outcome)
        discount = jnp.cumprod(jnp.sum(roll.discount * roll.weight, axis=1))
        discount = jnp.concatenate([jnp.ones(1), discount[:-1]])
        total = lambda x: jnp.sum(discount * jnp.sum(x * roll.weight, axis=1))  # noqa: E731
        return total(roll.payoff), total(spent)

    one, other = rules
    pairs = [
        jax.lax.map(lambda at: along(*one, *at), (begin, cross, memory)),
        jax.lax.map(lambda at: along(*other, *at, None), (begin, cross)),
    ]
    return jnp.stack([p[0] for p in pairs]), jnp.stack([p[1] for p in pairs])
