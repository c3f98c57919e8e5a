# pyright: reportMissingImports=false
"""An economy for PettingZoo: every individual of every type that acts, all at once (the parallel interface)."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from pettingzoo import ParallelEnv

from walras._core.errors import InputError
from walras.interfaces.environment import Environment
from walras.interfaces.one_agent import MARGIN, action_space, observation_space, told


class Everybody(ParallelEnv):
    """All individuals, named `type_0`, `type_1`, …; inside, arrays by type.

    A dictionary by individual is what PettingZoo asks for and costs time in proportion to their number: to train many use
    `Environment`.
    """

    metadata = {"name": "walras", "render_modes": []}  # noqa: RUF012 (as the base class has it)

    def __init__(self, env: Environment, margin: float = MARGIN):
        """Set up; `margin` is the share cut off at either end of continuous choices."""
        self.env, self.margin = env, margin
        self.possible_agents = [f"{name}_{i}" for name in env.acting for i in range(env.count(name))]
        self.agents: list[str] = []
        self._place = {f"{name}_{i}": (name, i) for name in env.acting for i in range(env.count(name))}
        self._reset, self._step, self._masks = eqx.filter_jit(env.reset), eqx.filter_jit(env.step), eqx.filter_jit(env.masks)
        seen = eqx.filter_eval_shape(lambda k: env.reset(k)[0], jax.random.key(0))
        # One space for each individual: random draws of one must not move those of another.
        self.observation_spaces = {who: observation_space(seen[name].shape[1]) for who, (name, _) in self._place.items()}
        self.action_spaces = {who: action_space(env.heads[name]) for who, (name, _) in self._place.items()}
        self._rng, self._key, self._state = np.random.default_rng(), jax.random.key(0), None

    def observation_space(self, agent: str):
        """Space of what an individual sees."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str):
        """Space of what it may do."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None):
        """A new episode. The seed decides all that follows."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self._key = jax.random.key(int(self._rng.integers(2**31)))
        obs, self._state = self._reset(self._key)
        self.agents = list(self.possible_agents)
        return self._by_individual(obs, np.float32), self._infos()

    def step(self, actions: dict[str, np.ndarray]):
        """One date: observations, rewards, terminations, truncations, infos by individual."""
        if not self.agents:
            raise InputError("a step before a reset, or after the end", where="Everybody", remedy="Call reset first.")
        rows = {name: np.zeros((self.env.count(name), self.env.heads[name].size)) for name in self.env.acting}
        for who, (name, i) in self._place.items():
            if who not in actions:
                raise InputError(f"no action for '{who}'", where="Everybody", remedy="Give one for each of `agents`.")
            rows[name][i] = told(self.env.heads[name], actions[who], 1, self.margin)
        given = {name: jnp.asarray(row) for name, row in rows.items()}
        obs, self._state, reward, done, info = self._step(self._key, self._state, given)
        done, ends = bool(done), self.env.terminates
        over = dict.fromkeys(self.agents, done and ends), dict.fromkeys(self.agents, done and not ends)
        seen, paid = self._by_individual(obs, np.float32), self._by_individual(reward, float)
        infos = {who: {**known, "cleared": bool(info["cleared"])} for who, known in self._infos().items()}
        if done:
            self.agents = []
        return seen, paid, *over, infos

    def render(self):
        """There is nothing to see."""

    def close(self):
        """Nothing is open."""

    def _by_individual(self, by_type: dict[str, Any], kind) -> dict[str, Any]:
        arrays = {name: np.asarray(x) for name, x in by_type.items()}
        pick = (lambda x: float(x)) if kind is float else (lambda x: x.astype(kind))
        return {who: pick(arrays[name][i]) for who, (name, i) in self._place.items()}

    def _infos(self) -> dict[str, dict]:
        """`action_mask` of those whose heads are all discrete: a tuple with a row for each head, as their spaces sample it."""
        masks = {name: np.asarray(x).astype(np.int8) for name, x in self._masks(self._state).items()}
        infos = {}
        for who, (name, i) in self._place.items():
            heads = self.env.heads[name]
            ends = np.cumsum(heads.values)[:-1]
            infos[who] = {"action_mask": tuple(np.split(masks[name][i], ends))} if heads.discrete else {}
        return infos
