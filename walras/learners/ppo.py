"""Proximal policy optimisation (Schulman et al. 2017), for any type in any economy.

A rule that explores is tried out; what was drawn and turned out better than the critic expected becomes likelier, by several epochs
of steps that are cut where the chance of a choice has moved by more than `clip`. Nothing of the economy is known: neither
derivatives nor laws of motion, only payoffs.

Use it for discrete choices, kinks, payoffs without derivatives, and individuals who move prices. Do not use it where
`EulerIteration` or `StructuralRL` work: they know the equations, and are faster and more exact by orders of magnitude.

Cost: some 2 µs a transition with networks of 2 × 64 on one core, most of it matrix products.

    @article{schulman2017ppo, title={Proximal policy optimization algorithms}, author={Schulman, John and Wolski, Filip and
      Dhariwal, Prafulla and Radford, Alec and Klimov, Oleg}, journal={arXiv:1707.06347}, year={2017}}
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from walras._core.keys import stream
from walras.learners import actor_critic as ac
from walras.learners import ascent
from walras.learners.learner import Experience, Learner
from walras.learners.preset import ModelFreeSizes
from walras.learners.trials import check, is_strategic
from walras.numerics.advantages import clipped


class PPO(Learner):
    """Proximal policy optimisation of one type. Sizes left at None come from the preset.

    Args:
        conduct: `taker` (prices are what they are) or `strategic` (individuals of a finite population learn what they do to
            prices); by default the latter for finite populations.
        noise: standard deviation of the log-odds of continuous choices, first and last.
        entropy: weight of the entropy of discrete choices (and of the shape of continuous ones) until `hold`.
        mix: λ of the generalised advantages.
        clip: how far the chance of a choice may move in a round.
        start: where the first rule is: `rest` (what keeps the economy where it rests) or `middle` (of what is feasible).
        masks: by field, which values of a discrete choice are admitted.
        sizes: everything else, if not that of the preset.
    """

    conduct: str | None = eqx.field(static=True, default=None)
    noise: tuple[float, float] = eqx.field(static=True, default=(1.0, 0.1))
    entropy: float = eqx.field(static=True, default=0.0)
    mix: float = eqx.field(static=True, default=0.95)
    clip: float = eqx.field(static=True, default=0.2)
    start: str = eqx.field(static=True, default="rest")
    masks: tuple[tuple[str, tuple[bool, ...]], ...] = eqx.field(static=True, default=())
    sizes: ModelFreeSizes | None = eqx.field(static=True, default=None)
    fresh: ClassVar[bool] = True
    progress: ClassVar[str] = "change of the network's weights"

    def _sizes(self, preset) -> ModelFreeSizes:
        return self.sizes or preset.model_free

    def experience(self, preset):
        """The sizes of the preset for this learner."""
        return Experience.of(self._sizes(preset))

    def init(self, setup):
        """A rule that keeps the economy where it rests, or in the middle of what is feasible; a critic that says nothing."""
        check(setup, self.conduct, "PPO")
        sizes = self._sizes(setup.preset)
        return ac.blank(setup, sizes, (self.masks, self.start), self.conduct, self.noise[0], ac.state_critic(sizes))

    def under(self, state, agent, masks):
        """Heads follow the bounds."""
        return state.under(agent, masks)

    def explores(self, population):
        """Strategic ones do."""
        return is_strategic(self.conduct, population)

    def explore(self, state):
        """The present network with its noise."""
        return state.exploring()

    def update(self, key, state, task):
        """One round."""
        sizes = self._sizes(task.preset)
        now = ac.stage(state.rounds, sizes, task.schedule)
        seen = ac.experience(stream(key, "lives"), state, task, now, self.conduct, sizes.people)
        batch = ascent.batch_of(state, seen.trials, self.mix)
        bonus = (self.entropy * now.bonus).astype(jnp.float32)

        def objective(chance, before, gain, entropy):
            return clipped(chance - before, gain, self.clip) + bonus * entropy

        found = ascent.improved(state, batch, objective, now, sizes, stream(key, "steps"))
        return ac.concluded(state, task, sizes, self.noise, seen, found)

    def rule(self, state):
        """The averaged network; players of a game go on drawing their discrete choices."""
        return state.present()

    def histogram(self, state):
        """The histogram on which the rule is judged."""
        return state.cohort
