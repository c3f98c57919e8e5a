"""Model-free learners: chances and entropies against integrals, exact toys (bandit, Riccati, oligopoly), refusals."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras._core.errors import InputError
from walras.economies import CurryRBC
from walras.economies.oligopoly import DemandView
from walras.economies.rival import FirmOwn, Market, Offer
from walras.economy.population import Finite, Panel
from walras.economy.rule import ViewInformation
from walras.economy.space import Discrete, Interval
from walras.learners import PPO, SAC, Reinforce
from walras.learners.heads import Categorical, Squashed
from walras.learners.heads_of_choice import Heads
from walras.learners.learner import Setup
from walras.learners.policy import ExploringRule, TypeNetwork
from walras.learners.preset import ModelFreeSizes, preset
from walras.loop import advance, training_fields
from walras.numerics.advantages import clipped, generalised, standardised
from walras.solve import laboratory
from walras.testing import toys
from walras.testing.toys.bandit import NothingToSee, PlayerOwn, Pull
from walras.testing.toys.regulator import PlantOwn

SMALL = ModelFreeSizes(120, 8, 16, 32, units=32)
FAST = dataclasses.replace(SMALL, rounds=300, rates=(1e-2, 3e-3))
"""One step of the rule a round: more of them, and larger."""


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


@pytest.mark.parametrize("learner", [PPO(entropy=0.02, mix=0.0, sizes=SMALL), Reinforce(entropy=0.02, mix=0.0, sizes=FAST)])
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
    explore = ExploringRule(rules["player"], jnp.asarray(1.0), jnp.asarray(1.0))
    drawn = jax.vmap(lambda k: explore(own, view, view.info(), key=k).arm)(jax.random.split(jax.random.key(0), 500))
    assert not np.any(np.asarray(drawn) == 2)


def test_regulator():
    economy = toys.Regulator.drifting()
    learner = PPO(noise=(0.3, 0.03), start="middle", sizes=dataclasses.replace(SMALL, rounds=150))
    *_, rules = trained(economy, {"plant": learner}, {"plant": Panel(32)})
    plant, view = economy.plant, NothingToSee(jnp.asarray(0))
    for x in (-0.7, -0.3, 0.3, 0.7):  # where a plant that is kept near zero is to be found
        own = PlantOwn(jnp.asarray(x), e=jnp.asarray(1))
        exact = -plant.gain() * float(plant.drift(own))
        assert abs(float(rules["plant"](own, view, view.info()).u) - exact) < 0.03  # of a span of .96


def firms_offers(economy, rule):
    """What every firm offers in every state of demand, (states, firms)."""

    def one(z, i):
        view = DemandView(z, economy.exogenous.value(z))
        return rule(FirmOwn(id=i), view, view.info()).x

    over = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))
    return np.asarray(over(jnp.arange(2), jnp.arange(economy.firm.identities)))


def test_market_power_is_in_the_task():
    # The same economy: takers bring it to marginal cost, those who explore in it to Nash. Prices are 43 % apart.
    economy = w.economies.Oligopoly.cournot(3)
    sizes = ModelFreeSizes(150, 64, 8, 1, units=16, hold=0.4)
    for conduct, form in (("taker", "taker"), ("strategic", "nash")):
        learner = PPO(conduct=conduct, mix=0.0, noise=(1.0, 0.05), sizes=sizes)
        *_, rules = trained(economy, {"firm": learner})
        known = economy.benchmark(form)["q"]
        assert np.abs(firms_offers(economy, rules["firm"]) / known - 1).mean() < 0.02
        assert abs(firms_offers(economy, rules["firm"]).sum() / known.sum() - 1) < 0.01


def test_benchmarks_of_oligopoly_are_optima():
    # No firm gains by another quantity or price, others' given (Nash); none at given market conditions (takers).
    for economy in (w.economies.Oligopoly.cournot(), w.economies.Oligopoly.bertrand()):
        firm, state = economy.firm, 1
        z = economy.exogenous.value(state)
        for conduct in ("nash", "taker"):
            at = economy.benchmark(conduct)["p" if firm.posts else "q"][state]

            def profit(x, i, own_market, at=at, firm=firm, economy=economy, z=z):
                offers = jnp.asarray(at).at[i].set(x) if own_market else jnp.asarray(at)
                worth = jnp.sum(firm.drawn(Offer(offers))) if firm.posts else 0.0
                market = Market(economy.intercept * z - economy.tilt * jnp.sum(offers), 1 + worth, z)
                return firm.payoff(FirmOwn(id=i), Offer(x), None, market)

            for i in range(5):
                slope, curve = (f(at[i], i, conduct == "nash") for f in (jax.grad(profit), jax.grad(jax.grad(profit))))
                assert abs(float(slope)) < 1e-8 and float(curve) < 0


def test_closed_form_of_many_learners():
    # Share 1 − αβ and hours (1 − α)/(b (1 − αβ) + 1 − α), from a start at a half of everything, seed 0.
    economy = w.economies.MarlRbc.closed_form()
    lab, loop, _ = trained(economy, {"household": PPO(start="middle", sizes=ModelFreeSizes(100, 16, 30, 20))})
    flow = training_fields(lab, loop)["household"].public.flows["household"]
    assert np.abs(np.asarray(flow["sL"] / flow["L"]) - 0.658).mean() < 0.005
    assert np.abs(np.asarray(flow["N"]) - 0.64 / (5 * 0.658 + 0.64)).mean() < 0.005


def test_what_nobody_looked_at_is_not_certified():
    economy = w.economies.Oligopoly.cournot(2)
    learner = PPO(sizes=ModelFreeSizes(2, 2, 4, 1, units=4))
    solution = w.solve(economy, {"firm": learner}, preset="fast")
    assert solution.verdict == "not-certified"
    assert solution.accuracy()["unseen_types"] == 1
    assert solution.accuracy()["accounts_max"] < 1e-12
    assert isinstance(solution.lab.populations["firm"], Finite)


def test_ten_seeds_begin_with_numbers():
    economy = w.economies.MarlRbc.closed_form()
    sizes = ModelFreeSizes(3, 2, 4, 4, units=4, warm_rounds=1)
    for seed in range(10):
        _, loop, _ = trained(economy, {"household": PPO(sizes=sizes)}, seed=seed)
        assert bool(loop.finite) and int(loop.round) == 3
        assert np.isfinite(loop.learners["household"].course).all()


@pytest.mark.parametrize(
    ("learner", "population", "match"),
    [
        (PPO(conduct="strategic"), Panel(5), "too small to move prices"),
        (PPO(conduct="leader"), Panel(5), "knows no conduct 'leader'"),
        (SAC(), Panel(5), "does not take discrete choices"),
        (PPO(start="nowhere"), Panel(5), "no rule starts at 'nowhere'"),
    ],
)
def test_what_is_refused(learner, population, match):
    with pytest.raises(InputError, match=match):
        laboratory(toys.Bandit.two_kinds(), {"player": learner}, {"player": population}, None, preset("fast"), 0)


def test_mortals_are_refused():
    economy, populations = toys.Overlapping.diamond(0.7), {"household": Panel(50)}
    setup = Setup(economy, populations, {}, ViewInformation(), jax.random.key(0), 0, "household", preset("fast"))
    with pytest.raises(InputError, match="live for ever"):
        PPO().init(setup)


def test_several_picks_are_drawn_each_for_itself():
    """Three picks of two values of which one is not admitted: chances multiply, entropies add, and numbers are places in the list."""
    head = Categorical(jnp.asarray([True, True, False]), 3)
    assert (head.outputs, head.draws) == (9, 3)
    out = jnp.asarray([0.0, 0.0, 9.0, 1.0, 0.0, 9.0, 0.0, 2.0, 9.0])
    chances = jax.nn.sigmoid(jnp.asarray([0.0, -1.0, 2.0]))  # of the second value in each pick
    drawn = head.draw(out, None, jnp.asarray([0.49, 0.99, 0.5]))
    np.testing.assert_allclose(drawn, (np.array([0, 1, 1]) + 0.5) / 3)
    np.testing.assert_array_equal(head.number(drawn), [0, 1, 1])
    p = np.array([1 - chances[0], chances[1], chances[2]])
    np.testing.assert_allclose(head.log_prob(out, None, head.number(drawn)), np.log(p).sum(), rtol=1e-6)
    entropy = -(chances * np.log(chances) + (1 - chances) * np.log(1 - chances)).sum()
    np.testing.assert_allclose(head.entropy(out, None), entropy, rtol=1e-6)
    np.testing.assert_allclose(head.middle(out), (np.array([0, 0, 1]) + 0.5) / 3)


def test_a_joint_choice_is_one_of_its_pairs_and_follows_the_economys_bounds():
    """Pairs outside the bounds are not drawn; a mask of the user's and the economy's bounds must leave something together."""
    menu = CurryRBC.open().firm.menu
    narrow = dataclasses.replace(menu, p_low=menu.prices[2], p_high=menu.prices[2], w_low=menu.wages[1], w_high=menu.wages[2])
    wide, few = menu.spaces(10), narrow.spaces(10)
    heads = Heads.of(few, {}, "firm")
    assert (heads.outputs, heads.draws) == (30, 1)
    drawn = [
        few.posted.at(heads.draw(jnp.zeros(30), jnp.ones(1), jnp.asarray([u]))[0]).tolist() for u in (0.01, 0.49, 0.51, 0.99)
    ]
    assert drawn == [[1000, 11]] * 2 + [[1000, 22]] * 2
    everything = Heads.of(wide, {}, "firm")
    assert float(everything.entropy(jnp.zeros(30), jnp.ones(1))) == pytest.approx(np.log(30))
    assert float(heads.entropy(jnp.zeros(30), jnp.ones(1))) == pytest.approx(np.log(2))
    with pytest.raises(InputError, match="leaves no action"):
        Heads.of(few, {"posted": (True,) * 5 + (False,) * 25}, "firm")


def test_everybody_learns_in_an_economy_of_posted_prices():
    """Consumers, firms and a government of Curry et al. together, episodes of ten dates: all numbers are finite, all three move."""
    economy = CurryRBC.open().sized({"consumer": 3, "firm": 2})
    sizes = ModelFreeSizes(3, 4, 11, 0, units=8, epochs=1, batches=1, warm_rounds=1)
    learner = Reinforce(entropy=0.05, sizes=sizes, start="middle")
    everybody = dict.fromkeys(("consumer", "firm", "government"), learner)
    lab, loop = laboratory(economy, everybody, None, None, preset("fast"), 0)
    begun = {name: state.rule.network for name, state in loop.learners.items()}
    loop = advance(lab, loop, 3)
    assert bool(loop.finite) and int(loop.round) == 3
    for name, state in loop.learners.items():
        assert np.isfinite(np.asarray(state.course)).all() and (np.asarray(state.course)[:, 1] > 0).all(), name
        assert not np.array_equal(state.rule.network.own, begun[name].own), name


def test_price_takers_who_die_are_refused():
    """A cohort of measure zero that dies has no episode; individuals inside the economy have."""
    with pytest.raises(InputError, match="live for ever"):
        laboratory(
            CurryRBC.open().sized({"consumer": 2, "firm": 2, "government": 0}),
            dict.fromkeys(("consumer", "firm"), Reinforce(conduct="taker")), None, None, preset("fast"), 0,
        )  # fmt: skip
