# pyright: reportMissingImports=false
"""The wrappers keep the contracts of Gymnasium and PettingZoo, and Stable-Baselines3 trains on them out of the box.

`make test-rl` runs this in an environment of its own; elsewhere it is left out where a package is missing.
"""

import warnings

import jax
import numpy as np
import pytest

pytest.importorskip("gymnasium")
pytest.importorskip("pettingzoo")

from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test

from walras._core.errors import InputError, UnknownName
from walras.economies import BrockMirman, CurryRBC
from walras.economy.period import agents
from walras.economy.population import Finite
from walras.economy.rule import UniformRule
from walras.inputs import with_parameters
from walras.interfaces import Environment
from walras.interfaces.everybody import Everybody
from walras.interfaces.one_agent import OneAgent

# Observations are arcsinh of what has no bounds; Gymnasium says so as a warning.
pytestmark = pytest.mark.filterwarnings("ignore:.*A Box observation space:UserWarning")

ALPHA, BETA, MARGIN = 0.36, 0.96, 0.005


def asked(share):
    """The action that consumes this share of output."""
    return np.asarray([2 * (share - MARGIN) / (1 - 2 * MARGIN) - 1], np.float32)


@pytest.fixture(scope="module")
def curry():
    small = {"consumer": Finite(3), "firm": Finite(2)}
    return Environment.of(CurryRBC.open(), populations=small, horizon=10, terminates=True)


@pytest.fixture(scope="module")
def others(curry):
    return {name: UniformRule(agent) for name, agent in agents(curry.economy).items()}


@pytest.fixture(scope="module")
def growth():
    return Environment.of(BrockMirman.textbook(), horizon=30)


@pytest.mark.parametrize("individual", [1, None], ids=["individual", "type"])
def test_gymnasium_contract_with_discrete_choices(curry, others, individual):
    env = OneAgent(curry, "firm", others, individual)
    assert env.action_space.nvec.tolist() == [30] * (1 if individual is not None else 2)
    check_env(env, skip_render_check=True)


def test_gymnasium_contract_with_shares(growth):
    env = OneAgent(growth, "household")
    assert env.action_space.shape == (1,)
    check_env(env, skip_render_check=True)
    # Full depreciation and log utility: consuming 1 − αβ of output is optimal, and log(1 − αβ) + log Y is what it pays.
    obs, _ = env.reset(seed=3)
    again, _ = env.reset(seed=3)
    np.testing.assert_array_equal(obs, again)
    rewards = {}
    for share in (1 - ALPHA * BETA, 0.3):
        env.reset(seed=3)
        rewards[share] = [env.step(asked(share))[1] for _ in range(20)]
    assert sum(BETA**t * r for t, r in enumerate(rewards[1 - ALPHA * BETA])) > sum(
        BETA**t * r for t, r in enumerate(rewards[0.3])
    )


def test_pettingzoo_contract(curry):
    env = Everybody(curry)
    assert env.possible_agents == ["consumer_0", "consumer_1", "consumer_2", "firm_0", "firm_1", "government_0"]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="pettingzoo")  # "no rendering"
        parallel_api_test(env, num_cycles=30)


def test_masks_reach_both_wrappers(curry, others):
    economy = with_parameters(curry.economy, {"firm.menu.p_low": 1000.0, "firm.menu.p_high": 1500.0})
    bounded = Environment.of(economy, horizon=10)
    env = OneAgent(bounded, "firm", others)
    env.reset(seed=0)
    assert env.action_masks().shape == (30,) and int(env.action_masks().sum()) == 10  # two prices, five wages
    _, infos = Everybody(bounded).reset(seed=0)
    assert int(infos["firm_0"]["action_mask"][0].sum()) == 10
    space = Everybody(bounded).action_space("firm_0")
    assert all(env.action_masks()[space.sample(mask=infos["firm_0"]["action_mask"])[0]] for _ in range(50))


def test_what_is_missing_is_named(curry, others):
    with pytest.raises(UnknownName, match=r"no type that acts is called 'firms'\. Did you mean 'firm'"):
        OneAgent(curry, "firms", others)
    with pytest.raises(InputError, match="no rule for the other individuals of type 'firm'"):
        OneAgent(curry, "firm", {name: rule for name, rule in others.items() if name != "firm"})
    with pytest.raises(InputError, match="no rule for type 'consumer'"):
        OneAgent(curry, "government", {"firm": others["firm"]})
    with pytest.raises(InputError, match="firm has 2 individuals, got 5"):
        OneAgent(curry, "firm", others, 5)
    with pytest.raises(InputError, match="before the first reset"):
        OneAgent(curry, "firm", others).step([0])
    env = Everybody(curry)
    env.reset(seed=0)
    with pytest.raises(InputError, match="no action for 'consumer_0'"):
        env.step({})


def test_stable_baselines_trains_out_of_the_box(growth):
    sb3 = pytest.importorskip("stable_baselines3")
    env = OneAgent(growth, "household")
    model = sb3.PPO("MlpPolicy", env, n_steps=300, batch_size=100, gamma=BETA, learning_rate=3e-3, seed=0, device="cpu")
    model.learn(12_000)
    obs, _ = env.reset(seed=1)
    shares = []
    for _ in range(30):
        action, _ = model.predict(obs, deterministic=True)
        shares.append(MARGIN + (1 - 2 * MARGIN) * 0.5 * (float(action[0]) + 1))
        obs, *_ = env.step(action)
    # A fresh policy consumes half of output; the optimum is 1 − αβ = .654.
    assert abs(np.mean(shares) - (1 - ALPHA * BETA)) < 0.1, shares


def test_stable_baselines_takes_discrete_choices(curry, others):
    sb3 = pytest.importorskip("stable_baselines3")
    env = OneAgent(curry, "consumer", others)
    model = sb3.PPO("MlpPolicy", env, n_steps=40, batch_size=20, seed=0, device="cpu").learn(80)
    action, _ = model.predict(env.reset(seed=0)[0])
    assert action.shape == (4,) and env.action_space.contains(action)


def test_the_seed_decides_everything(curry):
    def first(seed):
        env = Everybody(curry)
        env.reset(seed=seed)
        actions = {who: np.zeros(env.action_space(who).shape, int) for who in env.agents}
        return env.step(actions)[0]["firm_1"]

    np.testing.assert_array_equal(first(5), first(5))
    assert jax.default_backend() == "cpu"
