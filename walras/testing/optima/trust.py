"""Monetary policy and trust: which regime a scheme ends in (T9), and a rule that answers shocks."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from walras.govern.problem import Box, Problem
from walras.testing.optima.draws import normals


class BarroGordon(Problem):
    """T9 (Barro and Gordon 1983). Loss a π²/2 − b (π − π_e); people expect what will be: π_e = π.

    Commitment: the second term is nothing, π = 0. Discretion: π_e is settled, a π = b, π = b/a, and people know.
    """

    sunk: ClassVar[tuple[str, ...]] = ("expected",)
    separate: ClassVar[bool] = False
    observables: ClassVar[int] = 0
    a: float = 1.0
    b: float = 0.5

    def box(self):
        """π in [−1, 1]."""
        return Box(("pi",), (-1.0,), (1.0,))

    def draws(self, key, n):
        """Nothing is random."""
        return jnp.zeros(0)

    def start(self, draws):
        """No inflation expected."""
        return {"expected": jnp.zeros(())}

    def conditions(self, response, policy, draws):
        """Whoever loses by the squared error of his forecast expects what will be."""
        return {"expected": response["expected"] - policy(np.zeros(0))[0]}

    def welfare(self, policy, response, draws):
        """Minus the loss."""
        pi = policy(np.zeros(0))[0]
        return -(0.5 * self.a * pi**2 - self.b * (pi - response["expected"]))

    def optimum(self):
        """By regime."""
        return {"commitment": 0.0, "discretion": self.b / self.a}


class Stabilisation(Problem):
    """Kydland–Prescott with shocks: output y = π − π_e + ε, loss a π²/2 + (y − ȳ)²/2, π may answer ε.

    Commitment to a rule π(ε): with E π = π_e the loss is least at π = −ε/(1 + a); the best constant is 0, and the rule gains
    sd²/(2 (1 + a)). Discretion: π = ȳ/a − ε/(1 + a).
    """

    sunk: ClassVar[tuple[str, ...]] = ("expected",)
    separate: ClassVar[bool] = False
    observables: ClassVar[int] = 1
    a: float = 1.0
    target: float = 0.5
    sd: float = 0.3

    def box(self):
        """π in [−1, 1]."""
        return Box(("pi",), (-1.0,), (1.0,))

    def draws(self, key, n):
        """Shocks ε."""
        return self.sd * normals(key, n)

    def start(self, draws):
        """No inflation expected."""
        return {"expected": jnp.zeros(())}

    def _inflation(self, policy, draws):
        return jax.vmap(lambda e: policy(e[None] / self.sd)[0])(draws)

    def conditions(self, response, policy, draws):
        """π_e = E π."""
        return {"expected": response["expected"] - jnp.mean(self._inflation(policy, draws))}

    def welfare(self, policy, response, draws):
        """Minus the average loss."""
        pi = self._inflation(policy, draws)
        gap = pi - response["expected"] + draws - self.target
        return -jnp.mean(0.5 * self.a * pi**2 + 0.5 * gap**2)

    def best_rule(self, shock):
        """π = −ε/(1 + a)."""
        return -shock / (1 + self.a)

    def optimum(self):
        """Best constants by regime, and what the best rule gains over the best constant."""
        gain = self.sd**2 / (2 * (1 + self.a))
        return {"commitment": 0.0, "discretion": self.target / self.a, "gain": gain}
