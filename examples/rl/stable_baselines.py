# pyright: reportMissingImports=false
"""Stable-Baselines3's PPO learns to consume in the growth model of Brock and Mirman, where the answer is known.

pip install "walras[rl]" stable-baselines3
python examples/rl/stable_baselines.py --steps 20000
"""

import argparse

import numpy as np
from stable_baselines3 import PPO

import walras as w
from walras.interfaces import Environment
from walras.interfaces.one_agent import OneAgent


def main() -> None:
    """Train, then look at the share of output that is consumed: 1 − αβ is optimal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20_000)
    steps = parser.parse_args().steps

    economy = w.economies.BrockMirman.textbook()
    alpha, beta = float(economy.alpha), float(economy.household.beta)
    env = OneAgent(Environment.of(economy, horizon=30), "household")
    model = PPO("MlpPolicy", env, n_steps=300, batch_size=100, gamma=beta, learning_rate=3e-3, seed=0, device="cpu")
    model.learn(steps)

    obs, _ = env.reset(seed=1)
    shares = []
    for _ in range(30):
        action, _ = model.predict(obs, deterministic=True)
        shares.append(env.margin + (1 - 2 * env.margin) * 0.5 * (float(np.clip(action[0], -1, 1)) + 1))
        obs, *_ = env.step(action)
    print(f"share of output consumed: {np.mean(shares):.3f} after {steps} steps; optimal: {1 - alpha * beta:.3f}")


if __name__ == "__main__":
    main()
