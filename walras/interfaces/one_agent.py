# pyright: reportMissingImports=false
"""An economy for Gymnasium: one individual, or one whole type, against others whose rules are fixed."""

import dataclasses
from typing import Any

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from walras._core.errors import InputError, UnknownName
from walras.economy.rule import Rule
from walras.interfaces.actions import Heads
from walras.interfaces.environment import Environment, EnvironmentState

MARGIN = 0.005
"""Share cut off at either end of what is feasible. Learners begin with wide draws: an individual that consumed nothing, or saved
nothing, would end an economy in minus infinity at its first step."""


def action_space(heads: Heads, individuals: int | None = None) -> gym.Space:
    """The space of one action, or of `individuals` one after the other: MultiDiscrete where all heads are, else a Box of [−1, 1].

    In a mixed choice a discrete head is a number in [−1, 1] too, cut into as many equal parts as there are values.
    """
    times = 1 if individuals is None else individuals
    if heads.discrete:
        return gym.spaces.MultiDiscrete(np.tile(np.asarray(heads.values, np.int64), times))
    return gym.spaces.Box(-1.0, 1.0, (heads.size * times,), np.float32)


def told(heads: Heads, action: np.ndarray, individuals: int, margin: float) -> np.ndarray:
    """Actions [individual, head] from an element of `action_space`: −1 is the share `margin` of what is feasible, 1 the rest."""
    rows = np.asarray(action, np.float64).reshape(individuals, heads.size)
    if heads.discrete:
        return rows
    n, half = np.asarray(heads.values), 0.5 * (np.clip(rows, -1.0, 1.0) + 1)
    return np.where(n > 0, np.minimum(np.floor(half * n), np.maximum(n - 1, 0)), margin + (1 - 2 * margin) * half)


def observation_space(features: int) -> gym.spaces.Box:
    """Numbers without bounds."""
    return gym.spaces.Box(-np.inf, np.inf, (features,), np.float32)


class OneAgent(gym.Env):
    """One individual of a type (or all of them, told by one) in an economy; everybody else follows a rule.

    Reward is the payoff, the mean of payoffs for a whole type. `info` says whether markets cleared, and the type's mean discount
    factor between the last date and this one.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 (as the base class has it)

    def __init__(
        self,
        env: Environment,
        agent: str,
        others: dict[str, Rule] | None = None,
        individual: int | None = 0,
        margin: float = MARGIN,
    ):
        """Set up.

        Args:
            env: the environment.
            agent: type that acts.
            others: rules of all other types that the environment does not move, and of the other individuals of this one.
            individual: its place in the list; None for the whole type, whose observations and actions are those of its
                individuals, one after the other.
            margin: share cut off at either end of continuous choices.

        Raises:
            UnknownName: if the environment has no such type.
            InputError: if somebody has no rule, or there is no such individual.
        """
        if agent not in env.acting:
            raise UnknownName("type that acts", agent, env.acting, where="OneAgent")
        others, count = others or {}, env.count(agent)
        if individual is not None and not 0 <= individual < count:
            remedy = f"Give a place from 0 to {count - 1}, or None for all."
            raise InputError(f"{agent} has {count} individuals", where="OneAgent", number=individual, remedy=remedy)
        alone = individual is None or count == 1
        for name in env.acting:
            if name not in others and not (name == agent and alone):
                whose = "the other individuals of type" if name == agent else "type"
                raise InputError(f"no rule for {whose} '{name}'", where="OneAgent", remedy=f"Give others={{'{name}': rule}}.")
        self.env, self.agent, self.individual = env, agent, individual
        self.heads, self.count, self.margin = env.heads[agent], count, margin
        self._rules = {**env.rules, **{name: rule for name, rule in others.items() if not (name == agent and alone)}}
        self._acts = jnp.arange(count) == (0 if individual is None else individual)
        whole = None if individual is not None else count
        self.action_space = action_space(self.heads, whole)
        self._begin, self._advance = eqx.filter_jit(self._begun), eqx.filter_jit(self._advanced)
        self._key, self._state = jax.random.key(0), None
        obs, _ = eqx.filter_eval_shape(self._begun, self._key)
        self.observation_space = observation_space(obs.shape[0])

    def _all(self, actions) -> dict[str, Rule]:
        mine, theirs = self.env.act(self.agent, actions), self._rules.get(self.agent)
        if theirs is not None:
            mine = dataclasses.replace(mine, acts=self._acts, others=theirs)
        return {**self._rules, self.agent: mine}

    def _seen(self, obs):
        mine = obs[self.agent]
        return (mine.ravel() if self.individual is None else mine[self.individual]).astype(jnp.float32)

    def _begun(self, key):
        nobody = jnp.zeros((self.count, self.heads.size))
        obs, state = self.env.begin(key, self._all(nobody))
        return self._seen(obs), state

    def _advanced(self, key, state: EnvironmentState, actions):
        obs, state, reward, done, info = self.env.advance(key, state, self._all(actions))
        paid = reward[self.agent]
        paid = jnp.mean(paid) if self.individual is None else paid[self.individual]
        info = {"cleared": info["cleared"], "discount": jnp.mean(info["discount"][self.agent])}
        return self._seen(obs), state, paid, done, info

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        """A new episode. The seed decides all that follows."""
        super().reset(seed=seed, options=options)
        self._key = jax.random.key(int(self.np_random.integers(2**31)))
        obs, self._state = self._begin(self._key)
        return np.asarray(obs), {}

    def step(self, action):
        """One date: observation, reward, terminated, truncated, info."""
        if self._state is None:
            raise InputError("a step before the first reset", where="OneAgent", remedy="Call reset first.")
        rows = told(self.heads, action, self.count if self.individual is None else 1, self.margin)
        actions = jnp.asarray(np.broadcast_to(rows, (self.count, self.heads.size)), float)
        obs, self._state, paid, done, info = self._advance(self._key, self._state, actions)
        done, ends = bool(done), self.env.terminates
        info = {"cleared": bool(info["cleared"]), "discount": float(info["discount"])}
        return np.asarray(obs), float(paid), done and ends, done and not ends, info

    def action_masks(self) -> np.ndarray:
        """Which values may be chosen, all heads one after the other (as sb3-contrib's MaskablePPO asks)."""
        masks = np.asarray(self.env.masks(self._state)[self.agent])
        return masks.ravel() if self.individual is None else masks[self.individual]
