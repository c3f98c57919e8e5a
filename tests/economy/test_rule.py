# pyright: reportAttributeAccessIssue=false
"""What rules condition on, and the rules that need no learning: by hand on types whose choices can be counted."""

import dataclasses
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras._core.errors import InputError
from walras.economy.agent import Institution
from walras.economy.rule import (
    Actions,
    ConductRule,
    FullInformation,
    FunctionRule,
    LaggedInformation,
    PairedInformation,
    RecurrentInformation,
    Rule,
    Together,
    UniformRule,
    ViewInformation,
)
from walras.economy.space import Discrete, Interval
from walras.testing.toys import Bandit, Cournot
from walras.testing.toys.bandit import NothingToSee, Player, PlayerOwn, Pull
from walras.testing.toys.cournot import Firm, FirmOwn, Quantity

KEY = jax.random.key(0)
PLAYER = Bandit.two_kinds().player


class Seen(eqx.Module):
    """A view of one number."""

    x: jax.Array

    def info(self):
        """State 3 and the number."""
        return jnp.asarray(3), (self.x,)


class Record(SimpleNamespace):
    """A date of which only one number is public."""

    def public(self):
        """What everybody may know."""
        return Record(price=self.price)


VIEW, NOW = Seen(jnp.asarray(0.5)), Record(price=jnp.asarray(2.0), secret=jnp.asarray(9.0))


def price(now):
    """What is public."""
    return now.price


def secret(now):
    """What is not."""
    return (now.secret,)


def numbers(read):
    """(index, coordinates) as plain numbers."""
    return int(read[0]), [float(c) for c in read[1]]


# ---- information ----


def test_the_default_information_is_the_view():
    one = ViewInformation()
    assert numbers(one.read((), VIEW, NOW)) == (3, [0.5])
    assert one.start() == one.step((), NOW) == () and not one.full


def test_lags_are_the_last_values_newest_first():
    lagged = LaggedInformation(price, 3, 7.0)
    memory = lagged.start()
    assert memory.tolist() == [7.0, 7.0, 7.0] and not lagged.full
    for value in (1.0, 2.0):
        memory = lagged.step(memory, Record(price=value))
    assert memory.tolist() == [2.0, 1.0, 7.0]
    assert numbers(lagged.read(memory, VIEW, NOW)) == (3, [0.5, 2.0, 1.0, 7.0])  # today's 2 is not read, but remembered


def test_a_recurrent_memory_is_what_the_cell_makes_of_it():
    # memory' = memory/2 + (price, −price): from zero at a price of 2 twice: (2, −2), (3, −3).
    cell = lambda seen, memory: memory / 2 + seen * jnp.asarray([1.0, -1.0])  # noqa: E731
    one = RecurrentInformation(cell, price, 2)
    memory = one.start()
    assert memory.tolist() == [0.0, 0.0] and not one.full
    memory = one.step(one.step(memory, NOW), NOW)
    assert memory.tolist() == [3.0, -3.0]
    assert numbers(one.read(memory, VIEW, NOW)) == (3, [0.5, 3.0, -3.0])


def test_full_information_declares_itself():
    one = FullInformation(secret)
    assert one.full and one.start() == one.step((), NOW) == ()
    assert numbers(one.read((), VIEW, NOW)) == (3, [0.5, 9.0])


def test_a_pair_remembers_and_reads_side_by_side():
    # The part that is full reads the secret; the other is given the public record, as is everybody if neither is full.
    known, full = LaggedInformation(price, 1, 7.0), FullInformation(secret)
    for parts in ((known, full), (full, known)):
        pair = PairedInformation(parts)
        assert pair.full
        memory = pair.step(pair.start(), NOW)
        read = dict(zip([type(p) for p in parts], pair.read(memory, VIEW, NOW), strict=True))
        assert numbers(read[LaggedInformation]) == (3, [0.5, 2.0]) and numbers(read[FullInformation]) == (3, [0.5, 9.0])
    peeking = LaggedInformation(lambda now: now.secret, 1, 0.0)
    with pytest.raises(AttributeError, match="secret"):
        PairedInformation((full, peeking)).step(((), jnp.zeros(1)), NOW)
    undeclared = FullInformation(secret, full=False)
    with pytest.raises(AttributeError, match="secret"):
        PairedInformation((full, undeclared)).read(((), ()), VIEW, NOW)
    plain = PairedInformation((known, ViewInformation()))
    assert not plain.full and plain.start()[0].tolist() == [7.0] and plain.start()[1] == ()
    # What they are given already is public, and is passed on as it is.
    memory = plain.step(plain.start(), SimpleNamespace(price=4.0))
    assert memory[0].tolist() == [4.0] and memory[1] == ()


# ---- actions from outside ----

OWN = FirmOwn(id=jnp.arange(3))
WORLD = NothingToSee(jnp.asarray(0))
FIRM = Cournot.of([1.0, 2.0, 3.0]).firm


class ById(Rule):
    """A tenth of the firm's number."""

    information: ViewInformation = ViewInformation()

    def __call__(self, own, view, info, *, key=None):
        """See the class."""
        return Quantity(own.id / 10)


class InTurn(Together):
    """Quantities by place in the list."""

    information: LaggedInformation = eqx.field(default_factory=lambda: LaggedInformation(price, 2, 0.0))

    def together(self, own, view, info, keys):
        """The place."""
        return Quantity(jnp.arange(len(keys)) * 1.0)


def test_positions_of_actions_are_shares_of_what_is_feasible():
    # 0 ≤ q ≤ 10: a quarter is 2.5.
    actions = Actions(FIRM, [jnp.asarray([0.0, 0.25, 1.0])])
    chosen = actions.together(OWN, WORLD, None, jax.random.split(KEY, 3))
    assert chosen.q.tolist() == [0.0, 2.5, 10.0]
    assert isinstance(actions.information, ViewInformation)


@pytest.mark.parametrize(("others", "expected"), [(ById(), [5.0, 0.1, 5.0]), (InTurn(), [5.0, 1.0, 5.0])])
def test_where_nobody_acts_the_others_decide(others, expected):
    actions = Actions(FIRM, [jnp.full(3, 0.5)], jnp.asarray([True, False, True]), others)
    assert actions.together(OWN, WORLD, None, jax.random.split(KEY, 3)).q.tolist() == expected
    assert actions.information is others.information


def test_one_individual_cannot_be_told_from_another():
    with pytest.raises(InputError, match=r"Actions: one individual cannot be told.*Use it with a listed population"):
        Actions(FIRM, [jnp.zeros(3)])(FirmOwn(id=jnp.asarray(0)), WORLD, None)


class Two(Player):
    """A player with two places for arms (a vector), an integer hand beside."""

    def feasible(self, own, view, chosen):
        """Four arms in each place, of which the second and the last are admitted; x below 1 + the first arm."""
        top = chosen["arm"][0] + 1 if "arm" in chosen else 4.0
        return Pull(Discrete(jnp.arange(4.0), 2, jnp.asarray([False, True, False, True])), Interval(0.0, top))


TWO = Two(PLAYER.value, PLAYER.best, PLAYER.beta, PLAYER.mass, PLAYER.risk)


def test_vectors_of_choices_are_mixed_by_individual_and_keep_their_kind():
    # The first acts, the second does not: rows of the vector go together; the others' whole numbers become real ones.
    others = FunctionRule(lambda own, view, info: Pull(jnp.asarray([1, 1]), jnp.asarray(0)))
    positions = [jnp.asarray([[0.9, 0.4], [0.9, 0.9]]), jnp.asarray([0.5, 0.5])]
    mixed = Actions(TWO, positions, jnp.asarray([True, False]), others)
    players = PlayerOwn(kind=jnp.asarray([0, 1]))
    chosen = mixed.together(players, WORLD, None, jax.random.split(KEY, 2))
    assert chosen.arm.tolist() == [[3.0, 1.0], [1.0, 1.0]] and chosen.x.tolist() == [2.0, 0.0]
    assert chosen.arm.dtype == chosen.x.dtype == jnp.float64


def test_the_others_draw_with_their_own_keys():
    noisy = UniformRule(FIRM)
    actions = Actions(FIRM, [jnp.full(3, 0.5)], jnp.asarray([False, False, False]), noisy)
    keys = jax.random.split(KEY, 3)
    drawn = actions.together(OWN, WORLD, None, keys).q
    alone = [float(noisy(FirmOwn(id=jnp.asarray(i)), WORLD, None, key=k).q) for i, k in enumerate(keys)]
    np.testing.assert_allclose(drawn, alone, rtol=1e-14)
    assert len(set(alone)) == 3


# ---- anything feasible ----


def test_anything_feasible_has_the_same_chance():
    # Three arms, x in [0, 1], independent: of 900 draws 300 ± 4 · 14 of each arm, the mean of x .5 ± 4 · .0096.
    rule, own = UniformRule(PLAYER), PlayerOwn(kind=jnp.asarray(0))
    drawn = jax.vmap(lambda k: rule(own, WORLD, None, key=k))(jax.random.split(KEY, 900))
    assert np.all(np.abs(np.bincount(np.asarray(drawn.arm, int), minlength=3) - 300) < 57)
    assert abs(float(drawn.x.mean()) - 0.5) < 0.039 and abs(float(drawn.x.std()) - 0.2887) < 0.02
    assert abs(np.corrcoef(drawn.arm, drawn.x)[0, 1]) < 4 / 30


def test_a_later_draw_knows_the_earlier_ones():
    # Arms 1 or 3 in either place, alike and independent; x uniform up to 1 + the first arm.
    rule, own = UniformRule(TWO), PlayerOwn(kind=jnp.asarray(0))
    drawn = jax.vmap(lambda k: rule(own, WORLD, None, key=k))(jax.random.split(KEY, 900))
    arms, x = np.asarray(drawn.arm), np.asarray(drawn.x)
    pairs, counts = np.unique(arms, axis=0, return_counts=True)
    assert pairs.tolist() == [[1, 1], [1, 3], [3, 1], [3, 3]] and np.all(np.abs(counts - 225) < 52)
    share = x / (1 + arms[:, 0])
    assert share.max() < 1 and abs(share.mean() - 0.5) < 0.039 and share.min() >= 0


def test_the_density_of_a_uniform_rule_counts_admitted_values():
    # One of three arms: −log 3. Two places with two admitted of four: −2 log 2. An interval adds nothing.
    own, choice = PlayerOwn(kind=jnp.asarray(0)), Pull(jnp.asarray(1.0), jnp.asarray(0.3))
    np.testing.assert_allclose(float(UniformRule(PLAYER).log_prob(own, WORLD, None, choice)), -np.log(3), rtol=1e-15)
    pair = Pull(jnp.asarray([1.0, 3.0]), jnp.asarray(0.3))
    np.testing.assert_allclose(float(UniformRule(TWO).log_prob(own, WORLD, None, pair)), -2 * np.log(2), rtol=1e-15)
    density = UniformRule(FIRM).log_prob(FirmOwn(id=jnp.asarray(0)), WORLD, None, Quantity(jnp.asarray(1.0)))
    assert float(density) == 0.0 and density.shape == ()
    # It is a number to differentiate by, also where a bound depends on the choices before.
    assert isinstance(UniformRule(PLAYER).information, ViewInformation)


# ---- functions and institutions ----


class Monopoly(Firm, Institution):
    """A firm with a rule of its own."""

    def conduct(self, own, view):
        """Its number and the state."""
        return Quantity(own.id + 10.0 * view.state)


def test_a_function_and_a_conduct_are_rules():
    own, view = FirmOwn(id=jnp.asarray(2)), NothingToSee(jnp.asarray(1))
    rule = FunctionRule(lambda o, v, info: Quantity(o.id + v.state + info[1][0]))
    assert float(rule(own, view, (0, (0.5,))).q) == 3.5 and isinstance(rule.information, ViewInformation)
    agent = Monopoly(*(getattr(FIRM, f.name) for f in dataclasses.fields(FIRM)))
    assert float(ConductRule(agent)(own, view, None).q) == 12.0
    assert isinstance(ConductRule(agent).information, ViewInformation)
