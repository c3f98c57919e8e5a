"""Every contract can fail: one planted breach each, and the message says which contract broke."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras._core.module import as_parameter
from walras.economies.brock_mirman import BrockMirman, CapitalOwn, Consumption, PriceView
from walras.economies.brock_mirman import Household as Planner
from walras.economies.krusell_smith import KrusellSmith
from walras.economies.saver import CapitalOwn as RiskyOwn
from walras.economies.saver import Household as Saver
from walras.economy.economy import Move, Timing
from walras.economy.process import Distribution, Process
from walras.economy.space import Interval
from walras.testing import economies as suite
from walras.testing import individual, whole
from walras.testing.probe import Sizes, probe

SMALL = Sizes(individuals=40, dates=4, points=40, nodes=30)


def recast(cls, module, **fields):
    """The same fields in another class."""
    given = {f.name: getattr(module, f.name) for f in dataclasses.fields(module)}
    return cls(**(given | fields))


@pytest.fixture(scope="module")
def simple():
    """A sound probe of a representative agent's economy; breaches are put into it."""
    return probe(BrockMirman.textbook(), sizes=SMALL)


@pytest.fixture(scope="module")
def risky():
    """A sound probe of an economy with own risk."""
    return probe(KrusellSmith.dhjj2010(), sizes=SMALL)


def breaks(contract, alive, household=None, economy=None, match=""):
    """The contract holds for the probe, and is broken once a household or an economy is put into it."""
    contract(alive)
    economy = economy or dataclasses.replace(alive.economy, household=household)
    with pytest.raises(AssertionError, match=f"breaks the contract '{contract.__name__}': .*{match}"):
        contract(dataclasses.replace(alive, economy=economy))


# ---- seen without running ----


def test_a_python_number_is_no_parameter():
    economy = BrockMirman.textbook()
    object.__setattr__(economy, "alpha", 0.36)  # past the converter
    with pytest.raises(AssertionError, match=r"'parameters': .*alpha = 0.36 is no array"):
        suite.parameters(economy)


def test_a_weak_type_is_no_parameter():
    economy = eqx.tree_at(lambda e: e.household.beta, BrockMirman.textbook(), jnp.asarray(0.96))
    assert economy.household.beta.aval.weak_type
    with pytest.raises(AssertionError, match=r"'parameters': .*household.beta is weakly typed"):
        suite.parameters(economy)


def test_single_precision_is_no_parameter():
    economy = eqx.tree_at(lambda e: e.alpha, BrockMirman.textbook(), jnp.asarray(0.36, jnp.float32))
    with pytest.raises(AssertionError, match=r"'parameters': .*alpha is float32"):
        suite.parameters(economy)


def test_a_parameter_outside_its_interval():
    economy = eqx.tree_at(lambda e: e.household.beta, BrockMirman.textbook(), as_parameter(1.01))
    with pytest.raises(AssertionError, match=r"'parameters': .*household.beta \(discount factor\) must lie in \(0, 1\)"):
        suite.parameters(economy)


class Silent(Planner):
    def payoff(self, own, choice, view, outcome):
        return jnp.log(choice.c)


def test_docstrings_are_missed():
    economy = dataclasses.replace(BrockMirman.textbook(), household=recast(Silent, BrockMirman.textbook().household))
    with pytest.raises(AssertionError, match=r"'documented': Silent has no docstring"):
        suite.documented(economy)


class Twice(BrockMirman):
    """Somebody moves in the market and once more after it."""

    def timing(self):
        """Twice."""
        move = Move(self.household, self.household_sees)
        return Timing(market={"household": move}, after={"household": move})


def test_nobody_moves_twice():
    with pytest.raises(AssertionError, match=r"'movers': a type moves twice"):
        suite.movers(recast(Twice, BrockMirman.textbook()))


def test_what_raises_is_named():
    class Torn(Planner):
        """Its budget has a name that nobody gave."""

        def move(self, own, choice, view, outcome):
            """No such price."""
            return own.to(k=view.q * own.k)

    economy = dataclasses.replace(BrockMirman.textbook(), household=recast(Torn, BrockMirman.textbook().household))
    with pytest.raises(AssertionError, match=r"'runs': under feasible rules it raised AttributeError: .*'q'"):
        w.testing.check_economy(economy, sizes=SMALL)


# ---- one individual ----


class Leaky(Process):
    """Two states whose probabilities miss one by a thousandth."""

    @property
    def n(self):
        return 2

    def start(self, exo):
        return Distribution(jnp.arange(2), jnp.asarray([0.5, 0.5]))

    def given(self, state, exo, exo_next, outcome):
        return Distribution(jnp.arange(2), jnp.asarray([0.5, 0.501]))

    def value(self, state):
        return 1.0 + state

    def chain(self, n):
        return self


def test_chances_that_do_not_sum_to_one(risky):
    leaky = dataclasses.replace(risky.economy.household, risk=Leaky())
    breaks(individual.chances, risky, household=leaky, match=r"household.risk from exogenous state 0 to 0 miss one by 0.001")


def test_births_that_do_not_sum_to_one(simple):
    class Sparse(Planner):
        def birth(self, i, exo):
            return Distribution(CapitalOwn(jnp.asarray([0.19, 0.2])), jnp.asarray([0.5, 0.4]))

    breaks(individual.chances, simple, household=recast(Sparse, simple.economy.household), match="birth .* miss one by 0.1")


def test_an_equation_that_is_no_number(simple):
    class Undefined(Planner):
        def payoff(self, own, choice, view, outcome):
            return jnp.log(choice.c - 10.0)

    undefined = recast(Undefined, simple.economy.household)
    breaks(individual.numbers, simple, household=undefined, match="household.payoff is not a finite number at 40 of 40 points")


def test_a_move_that_plays_chance(risky):
    class Fortunate(Saver):
        def move(self, own, choice, view, outcome):
            moved = super().move(own, choice, view, outcome)
            return dataclasses.replace(moved, e=jnp.ones_like(own.e))

    breaks(individual.kept, risky, household=recast(Fortunate, risky.economy.household), match="household.move changes 'e'")


@pytest.mark.parametrize("beta", [0.0, 1.0, 1.04])
def test_a_discount_factor_outside(simple, beta):
    class Odd(Planner):
        def discount(self, own, view, outcome):
            return jnp.asarray(beta)

    breaks(individual.discounts, simple, household=recast(Odd, simple.economy.household), match=f"discounts by {beta:g}")


def test_a_feasible_set_beyond_the_limit(simple):
    class Generous(Planner):
        def feasible(self, own, view, chosen):
            return Consumption(Interval(0.0, 1.05 * (view.R * own.k + view.w)))

    breaks(individual.feasible, simple, household=recast(Generous, simple.economy.household), match="takes 'k' below its limit")


def test_a_corner_that_is_not_the_limit(simple):
    class Timid(Planner):
        def feasible(self, own, view, chosen):
            return Consumption(Interval(0.0, 0.95 * (view.R * own.k + view.w)))

    breaks(individual.feasible, simple, household=recast(Timid, simple.economy.household), match="at neither end")


def test_an_empty_set(simple):
    class Ruined(Planner):
        def feasible(self, own, view, chosen):
            return Consumption(Interval(1.0, view.R * own.k + view.w))

    breaks(individual.feasible, simple, household=recast(Ruined, simple.economy.household), match="empty set")


def test_a_hidden_gradient(simple):
    class Stopped(Planner):
        def payoff(self, own, choice, view, outcome):
            return jnp.log(jax.lax.stop_gradient(choice.c) * choice.c) / 2

    breaks(individual.conditions, simple, household=recast(Stopped, simple.economy.household), match="miss finite differences")


def test_an_inverse_of_other_equations(simple):
    class Wrong(Planner):
        def invert(self, W, own, view, outcome, next_own):
            c = 1.0 / (1.001 * W)
            return Consumption(c), own.to(k=(c + next_own.k - view.w) / view.R)

    breaks(individual.inverted, simple, household=recast(Wrong, simple.economy.household), match="of the marginal payoff")


def test_an_inverse_that_misses_the_budget(simple):
    class Short(Planner):
        def invert(self, W, own, view, outcome, next_own):
            return Consumption(1.0 / W), own.to(k=(1.0 / W + next_own.k) / view.R)

    breaks(individual.inverted, simple, household=recast(Short, simple.economy.household), match="misses the next stock")


def test_an_inverse_that_peeks(simple):
    class Peeking(Planner):
        def invert(self, W, own, view, outcome, next_own):
            c = 1.0 / W + 1e-13 * own.k
            return Consumption(c), own.to(k=(c + next_own.k - view.w) / view.R)

    breaks(individual.inverted, simple, household=recast(Peeking, simple.economy.household), match="on the present stock")


# ---- the whole economy ----


def reprobed(economy):
    """The probe of a broken economy: what its information reads shows only in a run."""
    return probe(economy, sizes=SMALL)


def test_information_whose_index_is_no_state(simple):
    class Lost(PriceView):
        def info(self):
            return self.z + 2, (self.K,)

    class Astray(BrockMirman):
        def household_sees(self, now):
            view = super().household_sees(now)
            return Lost(view.R, view.w, view.z, view.K)

    whole.informed(simple)
    with pytest.raises(AssertionError, match=r"'informed': the index of household's info goes from \d to \d, states are 3"):
        whole.informed(reprobed(recast(Astray, simple.economy)))


def test_goods_out_of_nothing(simple):
    class Manna(Planner):
        def move(self, own, choice, view, outcome):
            return own.to(k=view.R * own.k + view.w - choice.c + 1e-6)

    breaks(whole.accounts, simple, household=recast(Manna, simple.economy.household), match="'goods' does not vanish in the")


def test_an_expected_share_leaks_in_a_sample_only(risky):
    # Taxes by the expected number of unemployed: right in the continuum, wrong in a sample, where they are counted.
    class Expected(KrusellSmith):
        def prices(self, now):
            found = super().prices(now)
            unemployed = jnp.where(now.exo == 0, 0.10, 0.04)
            return found | {"tau": self.household.mu * unemployed / now.stocks["household"]["L"]}

    breaks(whole.accounts, risky, economy=recast(Expected, risky.economy), match="'goods' does not vanish in the panel")


def test_a_birth_that_depends_on_its_number(risky):
    class Dynasty(Saver):
        def birth(self, i, exo):
            return self.risk.start(exo).map(lambda e: RiskyOwn(self.k_birth * jnp.where(i == 0, 1.0, 1.3), e=e))

    breaks(whole.agree, risky, household=recast(Dynasty, risky.economy.household), match="stock 'K' of household")


def test_a_number_that_is_compiled_in(simple):
    economy = simple.economy
    fixed = dataclasses.replace(economy)
    object.__setattr__(fixed, "alpha", 0.36)
    breaks(whole.compiled, simple, economy=fixed, match="traced again")


def test_a_derivative_that_is_dropped(simple):
    class Deaf(BrockMirman):
        def prices(self, now):
            return BrockMirman.prices(dataclasses.replace(self, alpha=jax.lax.stop_gradient(self.alpha)), now)

    breaks(whole.gradients, simple, economy=recast(Deaf, simple.economy), match=r"\.alpha misses a finite difference")


def test_a_derivative_that_is_no_number(simple):
    class Steep(Planner):
        def does(self, own, choice, view):
            return {"C": choice.c + jnp.sqrt(0.0 * self.beta)}

    breaks(whole.gradients, simple, household=recast(Steep, simple.economy.household), match="is not finite")


def test_chance_from_outside(simple):
    class Fickle(BrockMirman):
        def prices(self, now):
            return super().prices(now) | {"tip": jax.pure_callback(lambda: DICE.pop(), jax.ShapeDtypeStruct((), float))}

    DICE = [np.float64(x) for x in range(10_000)]
    breaks(whole.repeatable, simple, economy=recast(Fickle, simple.economy), match="two runs with one key differ")


def test_a_batch_that_is_not_its_members(simple):
    class Crowded(BrockMirman):
        def prices(self, now):
            found = BrockMirman.prices(self, now)
            together = jax.custom_batching.custom_vmap(lambda x: x)
            together.def_vmap(lambda size, batched, x: (1.01 * x, True))
            return found | {"w": together(found["w"])}

    breaks(whole.compiled, simple, economy=recast(Crowded, simple.economy), match="in a batch of economies")
