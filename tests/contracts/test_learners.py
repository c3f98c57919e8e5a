"""`check_learner` over all learners, and every contract of it broken once."""

import dataclasses
import inspect
import pkgutil

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
import walras.learners
from tests.contracts.catalogue import LEARNERS
from walras.economies.brock_mirman import BrockMirman, Consumption
from walras.economy.process import NoRisk
from walras.economy.rule import Information, Rule, ViewInformation
from walras.learners.learner import Learner, Progress


@pytest.mark.parametrize("name", LEARNERS)
def test_contract(name):
    learner, economy = LEARNERS[name]
    w.testing.check_learner(learner(), economy())


# ---- a small learner, and what can be wrong with one ----


class ShareRule(Rule):
    """Consumes a share of cash."""

    share: jax.Array
    information: Information = ViewInformation()

    def __call__(self, own, view, info, *, key=None):
        return Consumption(self.share * (view.R * own.k + view.w))


class Groping(Learner):
    """Moves its share a tenth of the way to .6544 = 1 − αβ each round: a learner without a task."""

    def init(self, setup):
        return jnp.asarray(np.float64(0.5))

    def update(self, key, state, task):
        new = state + 0.1 * (1 - 0.36 * 0.96 - state)
        return new, Progress(jnp.abs(new - state), jnp.zeros(()))

    def rule(self, state):
        return ShareRule(state)


def still_world():
    """Brock and Mirman's economy without aggregate risk: rounds are instant."""
    return dataclasses.replace(BrockMirman.textbook(), exogenous=NoRisk())


def check(learner):
    w.testing.check_learner(learner, still_world(), rounds=(3, 2))


def test_a_small_learner_keeps_the_contract():
    check(Groping())
    check(w.learners.Fixed(ShareRule(jnp.asarray(np.float64(0.6)))))


def test_every_learner_has_its_line():
    listed = {type(learner()) for learner, _ in LEARNERS.values()} | {w.learners.Fixed}
    for info in pkgutil.iter_modules(walras.learners.__path__):
        for cls in vars(getattr(walras.learners, info.name)).values():
            if inspect.isclass(cls) and issubclass(cls, Learner) and not inspect.isabstract(cls):
                assert cls in listed, cls


class Remembering(Groping):
    def init(self, setup):
        return {"share": jnp.asarray(np.float64(0.5)), "name": "a string"}

    def update(self, key, state, task):
        new, progress = super().update(key, state["share"], task)
        return {**state, "share": new}, progress

    def rule(self, state):
        return ShareRule(state["share"])


class Starting(Groping):
    def init(self, setup):
        return jnp.asarray(np.nan)

    def rule(self, state):
        return ShareRule(jnp.where(jnp.isnan(state), 0.5, state))


class Weakening(Groping):
    def update(self, key, state, task):
        new, progress = super().update(key, state, task)
        return jnp.asarray(float(new)), progress  # weakly typed: what is compiled for the first round is compiled again


class Boastful(Groping):
    def update(self, key, state, task):
        new, _ = super().update(key, state, task)
        return new, Progress(new / 0.0, jnp.zeros(()))


class Bare(Groping):
    def rule(self, state):
        return lambda own, view, info, key=None: ShareRule(state)(own, view, info)


class Unread(Groping):
    def rule(self, state):
        return ShareRule(state, Blank())


class Blank(Information):
    full: bool = eqx.field(static=True, default=False)

    def start(self):
        return ()

    def step(self, memory, now):
        return ()

    def read(self, memory, view, now):
        return ()


class Spendthrift(Groping):
    def rule(self, state):
        return ShareRule(1.78 * state)  # a share of .89 at first, of 1.002 after five rounds


class Stubborn(Groping):
    def rule(self, state):
        return ShareRule(jax.lax.stop_gradient(state))


class Cornered(Groping):
    def rule(self, state):
        return ShareRule(state + jnp.sqrt(0.0 * state))


class Moody(Groping):
    def update(self, key, state, task):
        new, progress = super().update(key, state, task)
        return new + 1e-9 * MOOD.uniform(), progress


MOOD = np.random.default_rng(0)


class Foreign(Groping):
    """Keeps a random key of a kind that a file does not know."""

    def init(self, setup):
        return {"share": super().init(setup), "key": jax.random.key(0, impl="rbg")}

    def update(self, key, state, task):
        new, progress = super().update(key, state["share"], task)
        return {**state, "share": new}, progress

    def rule(self, state):
        return ShareRule(state["share"])


@pytest.mark.parametrize(
    ("learner", "contract", "match"),
    [
        (Remembering, "arrays", "is a str, no array"),
        (Starting, "arrays", "holds NaN"),
        (Weakening, "steady", r"float64\[\] before an update and float64\[\] \(weak\) after it"),
        (Boastful, "progress", "no round counted"),
        (Bare, "runs", "AttributeError: 'function' object has no attribute"),
        (Unread, "carries", "reads nothing"),
        (Spendthrift, "feasible", "leaves its set"),
        (Stubborn, "differentiable", "no choice depends on any number"),
        (Cornered, "differentiable", "in the learner's numbers is not finite"),
        (Moody, "repeatable", "differ"),
        (Foreign, "resumable", "cannot be saved and read"),
    ],
)
def test_a_breach_is_named(learner, contract, match):
    with pytest.raises(AssertionError, match=f"{learner.__name__} breaks the contract '{contract}': .*{match}"):
        check(learner())
