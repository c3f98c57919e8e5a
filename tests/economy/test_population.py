# pyright: reportAttributeAccessIssue=false
"""Cross-sections against figures by hand: where a lottery puts people, who dies, who is born, who may be listed."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import ndtr

from walras._core.errors import InputError, SolveError
from walras.economies import BrockMirman
from walras.economy.population import (
    Finite,
    Histogram,
    Panel,
    Representative,
    Step,
    check_identities,
    check_rules,
    like,
    mortality,
)
from walras.economy.process import Chain, Distribution, Gaussian, LogAR1, Process, point
from walras.economy.rule import FunctionRule, UniformRule
from walras.numerics.interpolate import Axis
from walras.testing.toys import Bandit, Cournot, Overlapping, TwoStocks
from walras.testing.toys.bandit import PlayerOwn
from walras.testing.toys.cournot import FirmOwn
from walras.testing.toys.overlapping import CohortOwn, Household, IncomeView
from walras.testing.toys.two_stocks import Holdings

NODES = Axis(0.0, 3.0, 1.0, 3)
"""Its nodes are 0, 1 and 3: low + pivot (exp(u log(1 + 3)) − 1) = 4^u − 1 for u = 0, ½, 1."""

HISTOGRAM = Histogram(NODES)
UP = Chain([0.0, 1.0], jnp.asarray([[0.75, 0.25], [0.5, 0.5]]))
DIAMOND = Overlapping.diamond().household
KEY = jax.random.key(4)
VIEW = IncomeView(*jnp.asarray([1.5, 0.5, 0.25]), jnp.asarray(0))


class Turn(Process):
    """A wheel of seven states that turns by exo + 2 exo' + outcome: what is drawn tells what was asked with."""

    @property
    def n(self):
        """Seven."""
        return 7

    def start(self, exo):
        """State 0."""
        return point(jnp.asarray(0))

    def given(self, state, exo, exo_next, outcome):
        """One state of seven, for certain."""
        return Distribution(jnp.arange(7), jax.nn.one_hot((state + exo + 2 * exo_next + outcome) % 7, 7, dtype=float))

    def value(self, state):
        """The state."""
        return jnp.asarray(state, float)

    def chain(self, n):
        """Itself."""
        return self


class Heir(Household):
    """Starts with one at an exogenous state of 1, with three else, plus its number, and young."""

    def birth(self, i, exo):
        """See the class."""
        return point(CohortOwn(jnp.where(exo == 1, 1.0, 3.0) + i, age=jnp.asarray(0)))


def heir(risk) -> Heir:
    """One of mass one."""
    return Heir(0.3, 0.5, 1.0, risk)


def people(capital, age) -> CohortOwn:
    """A list of individuals."""
    return CohortOwn(jnp.asarray(capital, float), age=jnp.asarray(age))


def step(exo=0, exo_next=0, outcome=0) -> Step:
    """What moves chance."""
    return Step(jnp.asarray(exo), jnp.asarray(exo_next), jnp.asarray(outcome), KEY)


# ---- histograms ----


def test_the_batch_of_a_histogram_has_all_nodes_of_the_first_risk_state_first():
    own = HISTOGRAM.batch(DIAMOND)
    np.testing.assert_allclose(own.k, [0, 1, 3, 0, 1, 3], atol=1e-14)
    assert own.age.tolist() == [0, 0, 0, 1, 1, 1]
    cross = jnp.asarray([[0.1, 0.2, 0.3], [0.15, 0.05, 0.2]])
    own, weight = HISTOGRAM.individuals(DIAMOND, cross)
    assert weight.tolist() == [0.1, 0.2, 0.3, 0.15, 0.05, 0.2] and own.age.tolist() == [0, 0, 0, 1, 1, 1]
    assert HISTOGRAM.nodes == 200 and Histogram().axis is None


def test_a_lottery_keeps_the_mean():
    # 2 lies half-way between the nodes 1 and 3, ¼ a quarter of the way from 0 to 1; beyond the ends the end node takes all.
    placed = HISTOGRAM.place(
        DIAMOND, Distribution(people([2.0, 0.25, 9.0, -1.0], [1, 0, 1, 0]), jnp.asarray([0.4, 0.4, 0.15, 0.05])), KEY
    )
    np.testing.assert_allclose(placed, [[0.35, 0.1, 0.0], [0.0, 0.2, 0.35]], atol=1e-14)
    np.testing.assert_allclose(HISTOGRAM.birth(DIAMOND, KEY, None), [[1.0, 0, 0], [0, 0, 0]], atol=1e-15)
    np.testing.assert_allclose(HISTOGRAM.birth(heir(UP), KEY, 1), [[0, 1.0, 0], [0, 0, 0]], atol=1e-14)


def test_a_type_without_risk_has_one_row():
    # Brock and Mirman's household: one risk state, no field for it.
    agent = BrockMirman.textbook().household
    own = HISTOGRAM.batch(agent)
    placed = HISTOGRAM.place(agent, Distribution(own.to(k=jnp.asarray([2.0, 0.5, 3.0])), jnp.asarray([0.5, 0.25, 0.25])), KEY)
    np.testing.assert_allclose(placed, [[0.125, 0.375, 0.5]], atol=1e-14)
    moved = own.to(k=jnp.asarray([1.0, 2.0, 0.0]))
    np.testing.assert_allclose(HISTOGRAM.advance(agent, placed, moved, None, step()), [[0.5, 0.3125, 0.1875]], atol=1e-14)


CROSS = jnp.asarray([[0.1, 0.2, 0.3], [0.2, 0.0, 0.2]])
MOVED = people([1.0, 0.0, 2.0, 0.0, 0.0, 3.0], [0, 0, 0, 1, 1, 1])
"""Where the people of the six nodes go; by stock alone [.2, .1 + .15, .15] are young, [.2, 0, .2] old."""


def test_a_date_of_a_histogram_by_hand():
    # First the stocks move, then the risk mixes: young' = .75 young + .5 old, old' = .25 young + .5 old at each node.
    agent = dataclasses.replace(DIAMOND, risk=UP)
    after = HISTOGRAM.advance(agent, CROSS, MOVED, None, step())
    np.testing.assert_allclose(after, [[0.25, 0.1875, 0.2125], [0.15, 0.0625, 0.1375]], atol=1e-14)


def test_the_dead_of_a_histogram_are_born_again():
    # Half of the young and a quarter of the old die, .3 + .1 of mass; births at the next exogenous state hold one.
    survival = jnp.asarray([0.5, 0.5, 0.5, 0.75, 0.75, 0.75])
    after = np.asarray(HISTOGRAM.advance(heir(UP), CROSS, MOVED, survival, step(exo=0, exo_next=1)))
    young, old = np.array([0.1, 0.125, 0.075]), np.array([0.15, 0.0, 0.15])
    expected = np.stack([0.75 * young + 0.5 * old, 0.25 * young + 0.5 * old])
    expected[0, 1] += 0.4
    np.testing.assert_allclose(after, expected, atol=1e-14)
    assert HISTOGRAM.fate(survival, KEY) is survival


def test_the_risk_of_a_histogram_knows_both_states_and_the_outcome():
    # Turned by 1 + 2 · 2 + 3 = 8, that is one state of seven on; the wheel starts at 6 and ends at 0.
    agent = heir(Turn())
    cross = jnp.zeros((7, 3)).at[6, 1].set(1.0)
    after = HISTOGRAM.advance(agent, cross, HISTOGRAM.batch(agent), None, step(1, 2, 3))
    np.testing.assert_allclose(after, np.zeros((7, 3)) + np.outer(np.eye(7)[0], [0, 1, 0]), atol=1e-14)


def test_a_histogram_takes_one_stock_no_trait_and_finite_risk():
    continuum = dataclasses.replace(DIAMOND, risk=LogAR1(0.9, 0.1, 1.0))
    for agent in (TwoStocks.small().household, Cournot.five().firm, Bandit.two_kinds().player, continuum):
        with pytest.raises(InputError, match=f"Histogram: {type(agent).__name__} has endogenous fields"):
            HISTOGRAM.place(agent, agent.birth(0, None), KEY)
    with pytest.raises(InputError, match=r"fields \('k',\), traits \(\), risk states None; .*Use a panel"):
        HISTOGRAM.batch(continuum)


# ---- the cross-section at rest ----


def test_moves_are_columns_of_where_people_go():
    # Two risk states, three nodes. Column: risk state major; from (0, node 1) half to node 1, half to node 2, then the risk.
    cell, right = [0, 1, 1, 0, 0, 1], [0.25, 0.5, 1.0, 0.0, 1.0, 0.5]
    moves = Histogram.moves(cell, right, [[0.75, 0.25], [0.5, 0.5]]).toarray()
    assert moves.shape == (6, 6)
    np.testing.assert_allclose(moves.sum(axis=0), 1, rtol=1e-15)
    np.testing.assert_allclose(moves[:, 0], [0.5625, 0.1875, 0, 0.1875, 0.0625, 0], rtol=1e-15)
    np.testing.assert_allclose(moves[:, 1], [0, 0.375, 0.375, 0, 0.125, 0.125], rtol=1e-15)
    np.testing.assert_allclose(moves[:, 2], [0, 0, 0.75, 0, 0, 0.25], rtol=1e-15)
    np.testing.assert_allclose(moves[:, 5], [0, 0.25, 0.25, 0, 0.25, 0.25], rtol=1e-15)
    # The same as a date of the population.
    agent = dataclasses.replace(DIAMOND, risk=UP)
    moved = people([0.25, 2.0, 3.0, 0.0, 1.0, 2.0], [0, 0, 0, 1, 1, 1])
    after = HISTOGRAM.advance(agent, CROSS, moved, None, step())
    np.testing.assert_allclose(moves @ np.asarray(CROSS).reshape(-1), np.asarray(after).reshape(-1), atol=1e-14)


def test_people_at_rest_by_hand():
    # Two nodes: a quarter goes up, a half comes down: two thirds below.
    rest = Histogram.resting([0, 0], [0.25, 0.5], [[1.0]])
    np.testing.assert_allclose(rest, [[2 / 3, 1 / 3]], rtol=1e-14)
    # Risk states that last for ¾ and ½: weights 2/3 and 1/3. In the first people go down, in the second up, for certain:
    # who is in state 0 was sent up only if it was in state 1 before: below .75 · 2/3 = .5, above .5 · 1/3 = 1/6; and so on.
    rest = Histogram.resting([0, 0, 0, 0], [0.0, 0.0, 1.0, 1.0], [[0.75, 0.25], [0.5, 0.5]])
    np.testing.assert_allclose(rest, [[1 / 2, 1 / 6], [1 / 6, 1 / 6]], rtol=1e-13)


def test_nodes_that_everybody_leaves_are_empty_at_rest():
    # Everybody goes up by one node a date, the last two nodes change places: .5 each, nobody below.
    n = 40
    cell = np.minimum(np.arange(n), n - 2)
    right = np.where(np.arange(n) == n - 1, 0.0, 1.0)
    rest = Histogram.resting(cell, right, [[1.0]])
    np.testing.assert_allclose(rest, [[*[0.0] * (n - 2), 0.5, 0.5]], atol=1e-14)
    assert rest.min() >= 0.0


def test_a_rest_that_depends_on_the_beginning_is_refused():
    # Two nodes that nobody leaves, and one between them from which one comes to both.
    with pytest.raises(SolveError, match="cross-section: where people come to rest depends on where they begin"):
        Histogram.resting([0, 0, 1], [0.0, 0.5, 1.0], [[1.0]])


# ---- lists ----


def test_listed_individuals_weigh_the_same():
    for population in (Panel(4), Finite(4)):
        own, weight = population.individuals(DIAMOND, people([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1]))
        assert weight.tolist() == [0.25] * 4 and own.k.tolist() == [1.0, 2.0, 3.0, 4.0]
    cross = Representative().birth(DIAMOND, KEY, None)
    assert Representative().individuals(DIAMOND, cross)[1].tolist() == [1.0]
    single = CohortOwn(jnp.ones(4, jnp.float32), age=jnp.zeros(4, jnp.int32))
    assert Panel(4).individuals(DIAMOND, single)[1].dtype == jnp.float32  # the precision of the people


def test_each_listed_individual_lives_or_dies():
    # 4,000 chances of .3: 1,200 ± 4 · 29 live, none half; certainty is certain; another date has other fates.
    chance = jnp.full(4000, 0.3)
    lives, others = (np.asarray(Panel(4000).fate(chance, jax.random.key(seed))) for seed in (0, 1))
    assert set(lives) == {0.0, 1.0} and abs(lives.sum() - 1200) < 4 * 29 and np.any(lives != others)
    assert lives.dtype == np.float64
    assert Finite(3).fate(jnp.asarray([0.0, 1.0, 0.0]), KEY).tolist() == [0.0, 1.0, 0.0]


def test_listed_individuals_draw_their_own_chance():
    # The wheel turns from the state each had at this date, whatever `moved` says of it, by 1 + 2 · 2 + 3 = 8.
    cross, moved = people([0.0, 0.0, 0.0], [0, 3, 6]), people([5.0, 6.0, 7.0], [2, 2, 2])
    after = Finite(3).advance(heir(Turn()), cross, moved, None, step(1, 2, 3))
    assert after.age.tolist() == [1, 4, 0] and after.k.tolist() == [5.0, 6.0, 7.0]
    # A coin for each, not one for all.
    coin = dataclasses.replace(DIAMOND, risk=Chain([0.0, 1.0], np.full((2, 2), 0.5)))
    many = people(np.zeros(400), np.zeros(400, int))
    assert abs(int(Panel(400).advance(coin, many, many, None, step()).age.sum()) - 200) < 40


def test_the_dead_of_a_list_are_replaced_where_they_were():
    # Individuals 0 and 2 die: those born hold one at the next exogenous state (1), plus their number, and are young.
    cross, moved = people([0.0] * 4, [1, 1, 1, 1]), people([5.0, 6.0, 7.0, 8.0], [1, 1, 1, 1])
    agent = heir(Chain([0.0, 1.0], np.eye(2)))
    for population in (Finite(4), Panel(4)):
        after = population.advance(agent, cross, moved, jnp.asarray([0.0, 1.0, 0.0, 1.0]), step(0, 1))
        assert after.k.tolist() == [1.0, 6.0, 3.0, 8.0] and after.age.tolist() == [0, 1, 0, 1]


def test_traits_never_move():
    # What a rule says about a firm's number or a player's kind is of no effect; a type without risk draws nothing.
    after = Finite(3).advance(Cournot.five().firm, FirmOwn(id=jnp.arange(3)), FirmOwn(id=jnp.asarray([7, 7, 7])), None, step())
    assert after.id.tolist() == [0, 1, 2]
    kept = Panel(2).advance(
        Bandit.two_kinds().player, PlayerOwn(kind=jnp.asarray([1, 0])), PlayerOwn(kind=jnp.zeros(2, int)), None, step()
    )
    assert kept.kind.tolist() == [1, 0]


def test_agents_of_a_finite_population_have_their_numbers():
    assert Finite(5).birth(Cournot.five().firm, KEY, None).id.tolist() == [0, 1, 2, 3, 4]
    assert Finite(3).birth(heir(UP), KEY, 0).k.tolist() == [3.0, 4.0, 5.0]
    assert Panel(3).birth(heir(UP), KEY, 1).k.tolist() == [1.0, 2.0, 3.0]
    # Each draws for itself: kinds of 400 players are 200 ± 4 · 10, and not in turn.
    kinds = np.asarray(Finite(400).birth(Bandit.two_kinds().player, KEY, None).kind)
    assert abs(kinds.sum() - 200) < 40 and 100 < np.sum(np.diff(kinds) != 0) < 300
    # A panel has exactly as many of each.
    panel = np.asarray(Panel(400).birth(Bandit.two_kinds().player, KEY, None).kind)
    assert panel.sum() == 200 and 100 < np.sum(np.diff(panel) != 0) < 300


@pytest.mark.parametrize("population", [Panel(500), Finite(500)], ids=["panel", "finite"])
def test_strata_have_one_draw_each_in_random_order(population):
    # The quantile of the distribution of u itself is u: one in each 500th, anywhere in it, in no order.
    even = Gaussian(jnp.asarray(0.0), jnp.asarray(1.0)).map(lambda x: CohortOwn(ndtr(x), age=jnp.asarray(0)))
    first, second = (500 * np.asarray(population.place(DIAMOND, even, jax.random.key(seed)).k) for seed in (0, 1))
    assert sorted(np.floor(first + 1e-9).astype(int)) == list(range(500))
    inside = first - np.floor(first + 1e-9)
    assert abs(inside.mean() - 0.5) < 4 * 0.2887 / np.sqrt(500) and abs(inside.std() - 0.2887) < 0.03
    # Correlations of 500 pairs without any: s.d. .045.
    assert abs(np.corrcoef(first, np.arange(500))[0, 1]) < 0.18 and abs(np.corrcoef(first, second)[0, 1]) < 0.18
    assert abs(np.corrcoef(inside, first)[0, 1]) < 0.18


def test_a_representative_is_in_the_middle():
    three = Distribution(people([1.0, 2.0, 9.0], [0, 1, 0]), jnp.asarray([0.4, 0.3, 0.3]))
    cross = Representative().place(DIAMOND, three, KEY)
    assert cross.k.tolist() == [2.0] and cross.age.tolist() == [1]
    assert Representative().birth(heir(UP), KEY, 0).k.tolist() == [3.0]  # it has number 0


def test_a_mask_has_as_many_axes_as_what_it_masks():
    mask = jnp.asarray([True, False])
    assert [like(mask, jnp.zeros(shape)).shape for shape in ((2,), (2, 3), (2, 3, 4))] == [(2,), (2, 1), (2, 1, 1)]
    assert jnp.where(like(mask, jnp.zeros((2, 2))), jnp.ones((2, 2)), 0).tolist() == [[1, 1], [0, 0]]


# ---- what fits together ----


def test_identities_need_a_finite_population_of_their_number():
    """Types without identities are left alone, before and after one that has them."""
    firm, player = Cournot.five().firm, Bandit.two_kinds().player
    types = {"player": player, "firm": firm}
    check_identities({"player": Panel(3), "firm": Finite(5)}, types)
    for population, said in ((Finite(4), "finite:4"), (Panel(5), "Panel"), (Histogram(), "Histogram")):
        with pytest.raises(InputError, match=f"start: firm has parameters for 5 individuals, mass 5 and population {said}"):
            check_identities({"player": Panel(3), "firm": population}, types)
    light = dataclasses.replace(firm, mass=jnp.asarray(1.0))
    with pytest.raises(InputError, match=r"mass 1 and population finite:5.*Use finite:5 and mass 5"):
        check_identities({"firm": Finite(5)}, {"firm": light})
    # A mass that is being differentiated cannot be looked at.
    seen = jax.grad(lambda m: (check_identities({"firm": Finite(4)}, {"firm": dataclasses.replace(firm, mass=m)}), m)[1])
    assert float(seen(5.0)) == 1.0


def test_a_histogram_has_nobody_to_draw_for():
    player = Bandit.two_kinds().player
    plain, drawn = FunctionRule(lambda own, view, info: None), UniformRule(player)
    check_rules({"a": Histogram(), "b": Panel(2), "c": Finite(2)}, {"a": plain, "b": drawn, "c": drawn, "d": drawn})
    with pytest.raises(InputError, match="start: the rule UniformRule of b draws its choices; a histogram has nobody"):
        check_rules({"a": Histogram(), "b": Histogram()}, {"a": plain, "b": drawn})


def test_only_mortals_have_chances_of_survival():
    # Overlapping generations: the young grow old with the chance s, the old die.
    agent = Overlapping.diamond(grows_old=0.75).household
    assert mortality(agent, people([1.0, 2.0, 3.0], [0, 1, 0]), VIEW, ()).tolist() == [0.75, 0.0, 0.75]
    assert mortality(TwoStocks.small().household, Holdings(1.0, 1.0, e=jnp.zeros(1, int)), VIEW, ()) is None
