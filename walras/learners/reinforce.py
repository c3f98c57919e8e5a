"""Policy gradients with a baseline (Williams 1992), for any type in any economy.

A rule that explores is tried out; the log chance of every choice is moved in proportion to what came of it beyond what the critic
expected, once for each round of experience. What comes after the end of a path is worth what the critic says.

Use it as the plainest of the model-free learners, where a step a round is enough because simulating is cheap. `PPO` uses the
same experience several times.

Cost: four evaluations of the network a transition; no more memory than the experience of a round.

    @article{williams1992simple, title={Simple statistical gradient-following algorithms for connectionist reinforcement
      learning}, author={Williams, Ronald J}, journal={Machine Learning}, volume={8}, pages={229--256}, year={1992}}
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


class Reinforce(Learner):
    """Policy gradients of one type. Sizes left at None come from the preset; its epochs are those of the critic.

    Args:
        conduct, noise, entropy, start, masks, sizes: see `PPO`.
        mix: λ of the generalised advantages; 1: returns less the baseline.
    """

    conduct: str | None = eqx.field(static=True, default=None)
    noise: tuple[float, float] = eqx.field(static=True, default=(1.0, 0.1))
    entropy: float = eqx.field(static=True, default=0.0)
    mix: float = eqx.field(static=True, default=1.0)
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
        """As `PPO`."""
        check(setup, self.conduct, "Reinforce")
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
        """One round: a step of the rule along the gradient of all experience, steps of the critic."""
        sizes = self._sizes(task.preset)
        now = ac.stage(state.rounds, sizes, task.schedule)
        seen = ac.experience(stream(key, "lives"), state, task, now, self.conduct, sizes.people)
        batch = ascent.batch_of(state, seen.trials, self.mix)
        bonus = (self.entropy * now.bonus).astype(jnp.float32)

        def objective(chance, before, gain, entropy):
            return jnp.mean(chance * gain) + bonus * entropy

        found = ascent.improved(state, batch, objective, now, sizes, stream(key, "steps"), once=True)
        return ac.concluded(state, task, sizes, self.noise, seen, found)

    def rule(self, state):
        """The averaged network; players of a game go on drawing their discrete choices."""
        return state.present()

    def histogram(self, state):
        """The histogram on which the rule is judged."""
        return state.cohort
