"""Model-free learners: chances and entropies against integrals, exact toys (bandit, Riccati, oligopoly), refusals."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras._core.errors import InputError
from walras.economy.population import Panel
from walras.economy.space import Discrete, Interval
from walras.learners import PPO, Reinforce
from walras.learners.heads import Categorical, Heads, Squashed
from walras.learners.policy import ExploringRule, TypeNetwork
from walras.learners.preset import ModelFreeSizes, preset
from walras.loop import advance
from walras.numerics.advantages import clipped, generalised, standardised
from walras.solve import laboratory
from walras.testing import toys
from walras.testing.toys.bandit import NothingToSee, PlayerOwn, Pull
from walras.testing.toys.regulator import PlantOwn

SMALL = ModelFreeSizes(120, 8, 16, 32, units=32)


def trained(economy, learners, populations=None, seed=0):
    """Laboratory, last state and rules after all rounds, without a certificate."""
    lab, loop = laboratory(economy, learners, populations, None, preset("fast"), seed)
    loop = advance(lab, loop, lab.rounds)
    return lab, loop, {name: learner.rule(loop.learners[name]) for name, learner in lab.learners.items()}


# ---- heads ----


@pytest.mark.parametrize(("out", "sd"), [(0.3, 1.0), (-2.8, 0.4), (1.5, 0.1)])
def test_density_and_entropy_of_a_squashed_normal(out, sd):
    head, out, sd = Squashed(0), jnp.asarray([out]), jnp.asarray([sd])
    p = jax.nn.sigmoid(out + sd * jnp.linspace(-7, 7, 4001))
    log_density = jax.vmap(lambda x: head.log_prob(out, sd, head.number(x)))(p)
    assert abs(np.trapezoid(np.exp(log_density), p) - 1) < 1e-5
    entropy = -np.trapezoid(np.exp(log_density) * log_density, p)
    assert abs(float(head.entropy(out, sd)) - entropy) < 2e-3  # five nodes


def test_draws_follow_the_density():
    head, out, sd = Squashed(0), jnp.asarray([0.4]), jnp.asarray([0.8])
    u = (jnp.arange(1000) + 0.5) / 1000
    drawn = jax.vmap(lambda x: head.draw(out, sd, x[None]))(u)
    assert np.all(np.diff(drawn) > 0)  # one uniform, its quantile
    np.testing.assert_allclose(float(head.middle(out)), drawn[499:501].mean(), rtol=1e-4)
    # The quantile at u has the mass u below it.
    p = jax.nn.sigmoid(jnp.linspace(-7.0, jnp.log(drawn[799] / (1 - drawn[799])), 4001))
    below = np.trapezoid(np.exp(jax.vmap(lambda x: head.log_prob(out, sd, head.number(x)))(p)), p)
    assert abs(below - 0.7995) < 1e-5


def test_categories_are_drawn_by_their_chances_and_never_where_masked():
    mask = jnp.asarray([True, False, True, True, False])
    head, out = Categorical(mask), jnp.asarray([0.0, 9.0, 1.0, -1.0, 9.0])
    u = (jnp.arange(4000) + 0.5) / 4000
    drawn = jax.vmap(lambda x: head.number(head.draw(out, None, x[None]))[0])(u)
    chances = np.exp([0.0, 1.0, -1.0]) / np.exp([0.0, 1.0, -1.0]).sum()
    counts = np.bincount(np.asarray(drawn, int), minlength=5) / 4000
    np.testing.assert_allclose(counts[[0, 2, 3]], chances, atol=5e-4)
    assert counts[1] == counts[4] == 0
    assert float(head.middle(out)) == 0.5  # the third of five
    np.testing.assert_allclose(float(head.entropy(out, None)), -(chances * np.log(chances)).sum(), rtol=1e-6)
    np.testing.assert_allclose(float(head.log_prob(out, None, jnp.asarray([3.0]))), np.log(chances[2]), rtol=1e-6)
    last = head.draw(out, None, jnp.asarray([1.0]))
    assert int(head.number(last)[0]) == 3  # not even at the very end
    slope = jax.grad(lambda o: head.entropy(o, None))(out)
    assert np.isfinite(slope).all() and slope[1] == 0


def test_a_choice_of_several_fields():
    spaces = Pull(Discrete([0.0, 1.0, 2.0]), Interval(0.0, 1.0))
    heads = Heads.of(spaces, {"arm": (False, True, True)}, "player")
    assert (heads.outputs, heads.draws) == (4, 2)
    out, sd = jnp.asarray([5.0, 0.2, 0.1, -0.7]), jnp.asarray(0.5)
    positions = heads.draw(out, sd, jnp.asarray([0.3, 0.9]))
    numbers = heads.numbers(positions)
    alone = heads.heads[0].log_prob(out[:3], sd, numbers[:1]) + heads.heads[1].log_prob(out[3:], sd[None], numbers[1:])
    np.testing.assert_allclose(heads.log_prob(out, sd, numbers), alone, rtol=1e-12)
    np.testing.assert_allclose(heads.middle(heads.opening([jnp.asarray(0.5), jnp.asarray(0.2)]))[1], 0.2, rtol=1e-12)


@pytest.mark.parametrize(("mask", "match"), [((False,) * 3, "leaves no action"), ((True,), "another length")])
def test_masks_that_cannot_be(mask, match):
    with pytest.raises(InputError, match=match):
        Heads.of(Pull(Discrete([0.0, 1.0, 2.0]), Interval(0.0, 1.0)), {"arm": mask}, "player")


# ---- gradients ----


def test_generalised_advantages_by_hand():
    u, beta, v = np.array([1.0, 2.0, 3.0]), 0.9, np.array([0.5, 0.1, -0.4, 2.0])
    whole = [sum(beta ** (s - t) * u[s] for s in range(t, 3)) + beta ** (3 - t) * v[3] - v[t] for t in range(3)]
    found = generalised(jnp.asarray(u), jnp.full(3, beta), jnp.asarray(v), 1.0)
    np.testing.assert_allclose(found, whole, rtol=1e-12)  # a cut loses nothing: what follows is worth the last value
    np.testing.assert_allclose(generalised(jnp.asarray(u), jnp.full(3, beta), jnp.asarray(v), 0.0), u + beta * v[1:] - v[:-1])


def test_the_clipped_objective_stops_where_it_should():
    slope = jax.vmap(jax.grad(lambda x, a: clipped(x[None], a[None], 0.2)), in_axes=(0, 0))
    log_ratio, gain = jnp.log(jnp.asarray([1.3, 1.1, 0.7, 0.9, 1.3])), jnp.asarray([1.0, 1.0, -1.0, -1.0, -1.0])
    np.testing.assert_allclose(slope(log_ratio, gain), [0.0, 1.1, 0.0, -0.9, -1.3], rtol=1e-6)
    assert abs(float(jnp.std(standardised(jnp.asarray([1.0, 5.0, 9.0])))) - 1) < 1e-9


def test_public_inputs_are_multiplied_once():
    network = TypeNetwork.random((3, 5), 16, 2, jax.random.key(0), 1.0)
    people, seen = jnp.ones((40, 3)), jnp.ones(5)
    jaxpr = jax.make_jaxpr(jax.vmap(network, in_axes=(0, None)))(people, seen)
    products = [e for e in jaxpr.jaxpr.eqns if e.primitive.name == "dot_general"]
    public = [e for e in products if any(v.aval.shape == (5,) for v in e.invars)]
    assert len(public) == 1 and public[0].outvars[0].aval.shape == (16,)


# ---- exact toys ----


@pytest.mark.parametrize("learner", [PPO(entropy=0.02, mix=0.0, sizes=SMALL), Reinforce(entropy=0.02, mix=0.0, sizes=SMALL)])
def test_bandit(learner):
    economy = toys.Bandit.two_kinds()
    *_, rules = trained(economy, {"player": learner}, {"player": Panel(64)})
    view = NothingToSee(jnp.asarray(0))
    for kind, arm, x in ((0, 2, 0.2), (1, 0, 0.7)):
        choice = rules["player"](PlayerOwn(kind=jnp.asarray(kind)), view, view.info())
        assert int(choice.arm) == arm
        assert abs(float(choice.x) - x) < 0.02  # a loss of 4e-4 of 1


def test_a_masked_arm_is_left_alone():
    economy = toys.Bandit.two_kinds()
    sizes = dataclasses.replace(SMALL, rounds=40)
    learner = PPO(entropy=0.02, mix=0.0, sizes=sizes, masks=(("arm", (True, True, False)),))
    *_, rules = trained(economy, {"player": learner}, {"player": Panel(64)})
    own, view = PlayerOwn(kind=jnp.asarray(0)), NothingToSee(jnp.asarray(0))
    assert int(rules["player"](own, view, view.info()).arm) == 1  # the best that is left
    explore = ExploringRule(rules["player"], jnp.asarray(1.0))
    drawn = jax.vmap(lambda k: explore(own, view, view.info(), key=k).arm)(jax.random.split(jax.random.key(0), 500))
    assert not np.any(np.asarray(drawn) == 2)


@pytest.mark.parametrize(("learner", "tolerance"), [(PPO(mix=0.95, noise=(0.5, 0.05), start="middle", sizes=SMALL), 0.03)])
def test_regulator(learner, tolerance):
    economy = toys.Regulator.drifting()
    *_, rules = trained(economy, {"plant": learner}, {"plant": Panel(32)})
    plant, view = economy.plant, NothingToSee(jnp.asarray(0))
    for x in (-1.5, -0.5, 0.5, 1.5):
        own = PlantOwn(jnp.asarray(x), e=jnp.asarray(1))
        exact = -plant.gain() * float(plant.drift(own))
        assert abs(float(rules["plant"](own, view, view.info()).u) - exact) < tolerance * 2.0  # of the span of x
