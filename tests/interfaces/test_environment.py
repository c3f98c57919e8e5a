"""The functional interface: what `period` does for rules it does for actions, in every economy of the catalogue."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras._core.errors import InputError, UnknownName
from walras.economies import CurryRBC, Huggett, KrusellSmith
from walras.economy.period import agents, period
from walras.economy.population import Finite, Histogram, Panel
from walras.economy.rule import Actions, FunctionRule, UniformRule
from walras.economy.space import choose
from walras.inputs import with_parameters
from walras.interfaces import Environment
from walras.lab.request import calibrations, economies

SMALL = {"consumer": Finite(3), "firm": Finite(2)}


@pytest.fixture(scope="module")
def curry():
    return Environment.of(CurryRBC.open(), populations=SMALL, horizon=10, scaled=False)


@pytest.fixture(scope="module")
def savers():
    return Environment.of(KrusellSmith.dhjj2010(), populations={"household": Panel(20)}, horizon=7)


@eqx.filter_jit
def reset(env, key):
    return env.reset(key)


@eqx.filter_jit
def step(env, key, state, actions):
    return env.step(key, state, actions)


@eqx.filter_jit
def sampled(env, key):
    return env.sample(key)


@pytest.mark.parametrize("name", economies())
def test_every_economy_can_be_stepped(name):
    # Shapes only: what the compiler is given, for every economy of the catalogue.
    cls = economies()[name]
    economy = getattr(cls, calibrations(cls)[0])()
    env = Environment.of(economy, horizon=5, scaled=False)
    key = jax.random.key(0)
    obs, state = eqx.filter_eval_shape(env.reset, key)
    later, following, reward, done, _ = eqx.filter_eval_shape(env.step, key, state, env.sample(key))
    assert env.acting and set(obs) == set(later) == set(reward) == set(env.acting)
    for who in env.acting:
        assert obs[who].shape == later[who].shape and obs[who].shape[0] == env.count(who) == reward[who].shape[0]
        assert obs[who].shape[1] > 0 and env.heads[who].size > 0
    same = jax.tree_util.tree_map(lambda a, b: a.shape == b.shape and a.dtype == b.dtype, state, following)
    assert all(jax.tree_util.tree_leaves(same)) and done.shape == ()  # it can be scanned


def test_actions_do_what_a_rule_does(savers):
    # Everybody consumes .04 of what is feasible: as an action, and as a rule.
    agent = agents(savers.economy)["household"]
    rule = FunctionRule(lambda own, view, info: choose(agent, own, view, [jnp.asarray(0.04)]))
    _, state = reset(savers, jax.random.key(3))
    obs, following, reward, done, info = step(savers, jax.random.key(4), state, {"household": jnp.full((20, 1), 0.04)})
    same, now = eqx.filter_jit(period)(
        savers.economy, savers.populations, {"household": rule}, state.economy, jax.random.key(4)
    )
    np.testing.assert_array_equal(following.economy.cross["household"].k, same.cross["household"].k)
    np.testing.assert_array_equal(reward["household"], now.payoff["household"])
    assert bool(info["cleared"]) and not bool(done) and np.all(np.isfinite(obs["household"]))
    assert np.all(np.abs(obs["household"]) < 2.0)  # of order one


def test_an_episode_ends_at_its_horizon(savers):
    _, state = reset(savers, jax.random.key(0))
    over = []
    for t in range(7):
        _, state, _, done, _ = step(savers, jax.random.key(t), state, sampled(savers, jax.random.key(100 + t)))
        over.append(bool(done))
    assert over == [False] * 6 + [True]


def test_nothing_is_nan_at_a_reset_or_after(curry):
    # A rival has NaN at reset for 3 seeds of 10.
    keys = jax.random.split(jax.random.key(0), 10)
    obs, state = eqx.filter_jit(lambda env, k: jax.vmap(env.reset)(k))(curry, keys)

    def date(state, key):
        out = curry.step(key, state, curry.sample(key))
        return out[1], (out[0], out[2], out[4]["discount"])

    run = jax.jit(jax.vmap(lambda s, k: jax.lax.scan(date, s, jax.random.split(k, 10))))
    _, (later, reward, discount) = run(state, keys)
    for value in jax.tree_util.tree_leaves((obs, later, reward, discount)):
        assert np.all(np.isfinite(value))
    np.testing.assert_array_equal(discount["firm"][:, 0], np.zeros((10, 2)))  # the first date of an episode


def test_heads_are_what_the_type_chooses(curry):
    assert curry.heads["consumer"].values == (11, 11, 5, 2)
    assert curry.heads["firm"].values == (30,) and curry.heads["government"].values == (36,)
    actions = {"consumer": jnp.asarray([[3, 0, 4, 1]] * 3), "firm": jnp.asarray([[29], [0]]), "government": jnp.asarray([[7]])}
    _, state = reset(curry, jax.random.key(0))
    state = step(curry, jax.random.key(1), state, actions)[1]
    held = state.economy.cross
    np.testing.assert_array_equal(held["firm"].p, [2500.0, 0.0])
    np.testing.assert_array_equal(held["firm"].w, [44.0, 0.0])
    assert (float(held["government"].tau[0]), float(held["government"].sigma[0])) == (0.2, 0.2)
    # All 3 × 1,040 hours went to firm 1, at a wage of nothing: y = A k^.7 L^.3.
    np.testing.assert_allclose(held["firm"].y, [0.0, 0.01 * 10000**0.7 * 3120**0.3], rtol=1e-13)


def test_masks_follow_the_bounds(curry):
    bounded = with_parameters(curry.economy, {"firm.menu.w_high": 11.0, "government.menu.tau_high": 0.0})
    env = Environment.of(bounded, horizon=10, scaled=False)
    masks = env.masks(reset(env, jax.random.key(0))[1])
    assert masks["consumer"].shape == (3, 29) and bool(jnp.all(masks["consumer"]))
    assert masks["firm"].sum(axis=1).tolist() == [12, 12] and masks["government"].sum(axis=1).tolist() == [6]


def test_single_precision_stays_single():
    env = Environment.of(CurryRBC.open(), populations=SMALL, horizon=10, single=True, scaled=False)
    obs, state = eqx.filter_eval_shape(env.reset, jax.random.key(0))
    out = eqx.filter_eval_shape(env.step, jax.random.key(0), state, env.sample(jax.random.key(1)))
    real = [
        x.dtype for x in jax.tree_util.tree_leaves((obs, out[:3], out[4]["discount"])) if jnp.issubdtype(x.dtype, jnp.floating)
    ]
    assert set(real) == {jnp.dtype("float32")}
    with pytest.raises(InputError, match=r"an equation makes cross\['household'\].k float64"):
        Environment.of(KrusellSmith.dhjj2010(), populations={"household": Panel(5)}, single=True)


def test_a_cleared_market_takes_shares():
    # Nobody's amount is an answer at every price, everybody's share is; whether some price clears is said.
    env = Environment.of(Huggett.tutorial(), populations={"household": Panel(50)}, horizon=5, scaled=False)
    assert env.formed == frozenset()  # the price is not known before they have chosen
    _, state = reset(env, jax.random.key(0))
    found = [step(env, jax.random.key(1), state, {"household": jnp.full((50, 1), share)})[4] for share in (0.05, 0.9)]
    for info in found:
        assert bool(info["cleared"]) == (abs(float(info["residual"])) < 1e-6)


def test_others_may_follow_rules_and_one_acts(curry):
    # Individual 1 acts, the others follow a rule that asks for nothing.
    agent = agents(curry.economy)["firm"]
    others = FunctionRule(lambda own, view, info: choose(agent, own, view, [jnp.asarray(0.0)]))
    mine = Actions(agent, [jnp.asarray([0.99, 0.99])], jnp.asarray([False, True]), others)
    rules = {name: UniformRule(a) for name, a in agents(curry.economy).items()} | {"firm": mine}
    _, state = eqx.filter_jit(curry.begin)(jax.random.key(0), rules)
    after = eqx.filter_jit(curry.advance)(jax.random.key(1), state, rules)[1].economy.cross["firm"]
    assert after.p.tolist() == [0.0, 2500.0]


def test_what_cannot_be_used_is_refused(curry):
    _, state = reset(curry, jax.random.key(0))
    actions = curry.sample(jax.random.key(0))
    with pytest.raises(InputError, match="no actions for type 'firm'"):
        curry.step(jax.random.key(0), state, {k: v for k, v in actions.items() if k != "firm"})
    with pytest.raises(InputError, match=r"an action has 4 numbers \(goods, hours, employer\).*got an array of shape \(3, 2\)"):
        curry.step(jax.random.key(0), state, {**actions, "consumer": actions["consumer"][:, :2]})
    with pytest.raises(InputError, match="one row for each individual is asked for, got 1 rows"):
        curry.step(jax.random.key(0), state, {**actions, "consumer": actions["consumer"][:1]})
    with pytest.raises(InputError, match="a histogram lists nobody who could act"):
        Environment.of(KrusellSmith.dhjj2010(), populations={"household": Histogram(None, 50)})
    with pytest.raises(InputError, match="zero agents of type 'firm', which the others need"):
        Environment.of(CurryRBC.open(), populations={"firm": Finite(0)})
    with pytest.raises(InputError, match="zero agents of type 'household', which others need"):
        Environment.of(KrusellSmith.dhjj2010(), populations={"household": Finite(0)})
    with pytest.raises(UnknownName, match="Did you mean 'household'"):
        Environment.of(KrusellSmith.dhjj2010(), populations={"households": Panel(5)})
    with pytest.raises(InputError, match="nobody acts"):
        agent = KrusellSmith.dhjj2010().household
        Environment.of(KrusellSmith.dhjj2010(), rules={"household": UniformRule(agent)})
    with pytest.raises(InputError, match="at least one date, got 0"):
        Environment.of(KrusellSmith.dhjj2010(), horizon=0)


def test_a_government_can_be_left_out_from_the_command_line():
    from walras.lab.request import Request, build

    people = {"consumer": "finite:20", "firm": "finite:4", "government": "finite:0"}
    economy, _, populations = build(Request(economy="curry-rbc", calibration="open", populations=people))
    assert set(populations) == {"consumer", "firm"} == set(agents(economy)) and populations["consumer"] == Finite(20)
    assert w.economies.CurryRBC.open().consumer.n == 100
