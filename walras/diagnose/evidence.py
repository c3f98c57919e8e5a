"""The fresh simulation on which all checks look: final rules, shocks that were not used in solving.

The iteration flag of a solver is never the verdict. So the economy is simulated again under the final rules, and every
`stride` dates the whole state is kept, at which Euler errors are computed with the prices that really follow.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.compiling import brief_jit
from walras._core.keys import stream
from walras._core.types import Key
from walras.diagnose import laws
from walras.economy import foc
from walras.economy import path as paths
from walras.economy import period as periods
from walras.economy.agent import Institution, ProfitSeeker
from walras.economy.information import moment, sees_state
from walras.economy.population import Finite, Histogram, Panel
from walras.economy.process import Distribution, transition_matrix
from walras.economy.rule import Stochastic
from walras.economy.space import choice_fields
from walras.economy.task import Field
from walras.loop import Laboratory, LoopState, stationary_people


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What the fresh simulation left behind, as NumPy arrays with a leading time axis.

    `dates` holds per-date records: `exo`, `public` (the public record), `views`, `infos`, `outcomes`, `accounts`,
    `mass_error`, `top_mass`, `moments` (mean of log(1 + stock − limit) of types with one stock), `status`. `samples` holds, at every `stride`-th date, `own`, `weight`, `error` (Euler errors
    in consumption units, signed), `binding` for each type that learns or has first-order conditions to look at, and the states themselves. `laws` holds, for types whose
    rule does not see the exogenous state, a belief about what the economy's view says.
    """

    lab: Laboratory
    rules: dict[str, Any]
    learner_states: dict[str, Any]
    key: Key
    stride: int
    dates: dict[str, Any]
    samples: dict[str, Any]
    states: periods.EconomyState
    final: periods.EconomyState
    laws: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def learning(self) -> list[str]:
        """Types whose rule was learned by a learner that says what it believes."""
        return [name for name in self.samples if _believes(self.learner_states[name])]

    @property
    def unseen(self) -> list[str]:
        """Types at whose rule nothing here looks, but for institutions, which do what they do."""
        types = periods.agents(self.lab.economy)
        return [name for name, agent in types.items() if name not in self.samples and not isinstance(agent, Institution)]

    def field(self, name: str) -> Field:
        """What one type saw along the simulation, leading axis time."""
        exo = self.dates["public"].exo
        cut = lambda tree: jax.tree_util.tree_map(lambda leaf: leaf[:-1], tree)  # noqa: E731
        parts = (self.dates["views"][name], self.dates["outcomes"][name], self.dates["infos"][name], self.dates["public"])
        return Field(exo[:-1], exo[1:], *(cut(part) for part in parts))

    def law(self, name: str) -> tuple[Any, Any]:
        """A type's belief, and the information (index, coordinates) along the simulation that it is about."""
        if name in self.laws:
            return self.laws[name], laws.view_info(self.dates["views"][name])
        return self.learner_states[name].belief, self.dates["infos"][name]


def _believes(state: Any) -> bool:
    """Whether a learner's state says what it believes."""
    return getattr(state, "belief", None) is not None


def judged(lab: Laboratory, loop: LoopState, begin: periods.EconomyState) -> tuple[Laboratory, periods.EconomyState]:
    """The laboratory and the state in which rules are judged: people of a panel are put on their stationary histogram.

    A panel is a sample of a continuum, and sampling is no fault of a rule.
    """
    populations, cross = dict(lab.populations), dict(begin.cross)
    found, types = stationary_people(lab.learners, loop.learners), periods.agents(lab.economy)
    for name, learner in lab.learners.items():
        histogram = learner.histogram(loop.learners[name])
        if not isinstance(populations[name], Panel) or histogram is None:
            continue
        populations[name] = histogram
        if name in found:
            cross[name] = np.asarray(found[name][1])
        else:  # no distribution at rest is known: the people themselves, and dates that are thrown away do the rest
            cross[name] = _put(histogram, types[name], begin.cross[name])
    return dataclasses.replace(lab, populations=populations), dataclasses.replace(begin, cross=cross)


@brief_jit
def _put(histogram: Histogram, agent, people):
    """The mass of listed people on the nodes of a histogram."""
    count = jax.tree_util.tree_leaves(people)[0].shape[0]
    return histogram.place(agent, Distribution(people, jnp.full(count, 1.0 / count)), None)


def gather(
    lab: Laboratory,
    learner_states: dict,
    start: periods.EconomyState,
    dates: int,
    stride: int,
    key: Key,
    burn: int | None = None,
) -> Evidence:
    """Simulate `dates` fresh dates after `burn` that are thrown away, and sample every `stride`-th of them.

    A tenth of `dates` is thrown away if nothing else is said, none without aggregate risk.

    A learner with new shocks in every round believes in no law: one is fitted for it here, to a simulation of its own.
    """
    burn = (0 if lab.stationary else dates // 10) if burn is None else burn
    sizes = (burn // stride, dates // stride, stride)
    if not lab.fresh:
        return _simulated(lab, learner_states, start, sizes, key)
    pilot = _simulated(lab, learner_states, start, sizes, stream(key, "law"), judging=False)
    known = {}
    for name in pilot.learning:
        field, state = pilot.field(name), learner_states[name]
        if sees_state(pilot.rules[name].information):
            fitted = eqx.tree_at(lambda s: s.belief, state, laws.fit(state.belief, field))
            learner_states = {**learner_states, name: fitted}
        else:
            known[name] = laws.of_state(field, lab.economy.exogenous, lab.preset)
    return dataclasses.replace(_simulated(lab, learner_states, start, sizes, key), laws=known)


def _simulated(lab: Laboratory, learner_states: dict, start, sizes: tuple[int, int, int], key: Key, judging=True) -> Evidence:
    """`sizes`: blocks that are thrown away, blocks that are kept, dates a block. If not `judging`, Euler errors are zeros."""
    rules = {name: learner.rule(learner_states[name]) for name, learner in lab.learners.items()}
    learned = tuple(name for name, s in learner_states.items() if _believes(s) or _has_conditions(lab, rules, name))
    burn, kept, stride = sizes
    key_pass, blocks = stream(key, "certificate"), burn + kept
    path = paths.exogenous_path(lab.economy, start.exo, blocks * stride, key_pass).reshape(blocks, stride)
    judged_from = np.int64(burn if judging else blocks)
    seen, samples, states, final = _pass(lab, rules, start, key_pass, (path, judged_from), burn, learned)
    host = jax.tree_util.tree_map(np.asarray, (seen, samples))
    return Evidence(lab, rules, learner_states, key, stride, *host, states, final)


def _has_conditions(lab: Laboratory, rules, name: str) -> bool:
    """Whether first-order conditions of a type say something about any rule, a given one too.

    It takes prices as given, there is one stock, nothing else is carried on, and chance is finite.
    """
    agent, population = periods.agents(lab.economy)[name], lab.populations[name]
    own = type(agent.limits())
    if isinstance(agent, Institution) or isinstance(rules[name], Stochastic) or isinstance(population, Finite | Panel):
        return False
    return len(own.endogenous()) == 1 and not own.traits() and agent.risk.n is not None and lab.economy.exogenous.n is not None


@brief_jit
def _pass(lab: Laboratory, rules, start, key, plan, burn: int, learned: tuple[str, ...]):
    """Blocks of dates: Euler errors at the first date of each, records of all.

    `plan`: exogenous states (blocks, stride), and the first block with Euler errors: one program for those who ask for none.
    """
    path, judged_from = plan
    begin = dataclasses.replace(start, date=jnp.asarray(-burn * path.shape[1], start.date.dtype))

    def record(now: periods.Now, before: periods.Now):
        mass = {name: jnp.abs(jnp.sum(cross.weight) - 1.0) for name, cross in now.cross.items()}
        accounts = lab.economy.accounts(before, now)
        return {
            "public": now.public(),
            "views": now.views,
            "infos": now.infos,
            "outcomes": now.outcome,
            "accounts": {k: jnp.where(now.date == 0, 0.0, v) for k, v in accounts.items()},
            "mass_error": mass,
            "top_mass": _top_mass(lab, now),
            "moments": _moments(lab, now, learned),
            "payoff": {name: now.welfare(name) for name in now.payoff},
        }

    def judge(state):
        return {name: euler_errors(lab, rules, name, state, key) for name in learned}

    unjudged = jax.tree_util.tree_map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(judge, begin))

    def block(carry, step):
        number, shocks = step
        errors = jax.lax.cond(number >= judged_from, judge, lambda _: unjudged, carry[0])
        after, before, seen = paths.run_on(lab.economy, lab.populations, rules, carry, shocks, key, record)
        return (after, before), (seen, errors, carry[0])

    opened = jax.eval_shape(lambda s: periods.open_market(lab.economy, lab.populations, rules, s, key)[0].public(), begin)
    nothing = jax.tree_util.tree_map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), opened)
    (final, _), trails = jax.lax.scan(block, (begin, nothing), (jnp.arange(len(path)), path))
    # The first blocks only bring the economy away from where solving left it.
    seen, errors, kept = jax.tree_util.tree_map(lambda leaf: leaf[burn:], trails)
    seen = jax.tree_util.tree_map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), seen)
    return seen, errors, kept, final


def _top_mass(lab: Laboratory, now: periods.Now):
    """Mass at the highest node of each histogram."""
    top = {}
    for name, population in lab.populations.items():
        if isinstance(population, Histogram):
            top[name] = jnp.sum(now.cross[name].weight.reshape(-1, population.axis.n)[:, -1])
    return top


def _moments(lab: Laboratory, now: periods.Now, learned: tuple[str, ...]):
    """Mean of log(1 + stock − limit) of every learned type with one stock: what its people together may know of themselves."""
    found = {}
    for name in learned:
        limits = periods.agents(lab.economy)[name].limits()
        if len(type(limits).endogenous()) == 1:
            found[name] = moment("mean_log", now.cross[name], getattr(limits, type(limits).endogenous()[0]).low)
    return found


def euler_errors(lab: Laboratory, rules, name: str, state: periods.EconomyState, key: Key):
    """Signed Euler errors (implied over actual consumption, less one) of all individuals at one date.

    The next date is opened once for every exogenous state that may follow: the prices in the expectation are those that
    really come about, not those of a law. Where the next stock is at its limit, an implied choice beyond it is no error.
    """
    economy, populations, exogenous = lab.economy, lab.populations, lab.economy.exogenous
    agent, field = periods.agents(economy)[name], foc.stock_field(periods.agents(economy)[name])
    now, guess = periods.open_market(economy, populations, rules, state, key)
    own, view, outcome = now.cross[name].own, now.views[name], now.outcome[name]
    choice = now.choices[name]
    moved = jax.vmap(lambda o, c: agent.move(o, c, view, outcome))(own, choice)
    probability = exogenous.given(state.exo, None, None, None).weights
    risk = own.risk_field()
    risks = jnp.arange(agent.risk.n)

    def following(exo_next):
        after = periods.move_on(economy, populations, rules, state, now, key, exo_next, guess)
        then, _ = periods.open_market(economy, populations, rules, after, key)
        mix = transition_matrix(agent.risk, state.exo, exo_next, outcome)
        return then.views[name], then.outcome[name], then.infos[name], mix

    views, outcomes, infos, mixes = jax.lax.map(following, jnp.arange(exogenous.n))

    def value(o, e, v, out, info):
        o = o.to(**{risk: e}) if risk else o
        c = rules[name](o, v, info)
        return agent.discount(o, v, out) * foc.marginal_value(agent, o, c, v, out)

    def expected(o_next, e_now):
        """Expected discounted marginal value of the next stock of one individual."""
        over_risk = jax.vmap(value, in_axes=(None, 0, None, None, None))
        over_exo = jax.vmap(over_risk, in_axes=(None, None, 0, 0, 0))
        values = over_exo(o_next, risks, views, outcomes, infos)
        return jnp.einsum("j,jf,jf->", probability, mixes[:, e_now], values, precision="highest")

    states_now = getattr(own, risk) if risk else jnp.zeros(len(now.cross[name].weight), jnp.int32)
    W = jax.vmap(expected)(moved, states_now)
    last = choice_fields(jax.tree_util.tree_map(lambda leaf: leaf[0], choice))[-1]

    def error(o, c, w):
        implied = foc.implied_choice(agent, o, c, view, outcome, w)
        chosen = {n: getattr(c, n) for n in choice_fields(c)[:-1]}
        space = getattr(agent.feasible(o, view, chosen), last)
        allowed = jnp.clip(implied, space.low, space.high)
        return allowed / getattr(c, last) - 1.0

    limit = getattr(agent.limits(), field).low
    scale = jnp.maximum(jnp.abs(getattr(own, field)), 1e-3)
    binding = jnp.abs(getattr(moved, field) - limit) < 1e-9 * scale + 1e-12
    return {
        "own": own,
        "weight": now.cross[name].weight,
        "error": jax.vmap(error)(own, choice, W),
        "curvature": jax.vmap(lambda o, c: _curvature(agent, o, c, view, outcome))(own, choice),
        "binding": binding,
        "choice": getattr(choice, last),
    }


def _curvature(agent, own, choice, view, outcome):
    """Minus the elasticity of marginal payoff in the last choice: what a per cent of it is worth in per cent of a return.

    Zero for who is paid in money: a seller's marginal payoff passes through zero, and nothing is a wedge on it.
    """
    if isinstance(agent, ProfitSeeker):
        return jnp.zeros(())
    *others, last = choice_fields(choice)

    def slope(x):
        chosen = type(choice)(**{name: getattr(choice, name) for name in others}, **{last: x})
        return foc.margins(agent, own, chosen, view, outcome).u_c[-1]

    x = jnp.asarray(getattr(choice, last), float)
    value, rate = jax.jvp(slope, (x,), (jnp.ones_like(x),))
    return -x * rate / value
