"""Deep learning of first-order conditions: what it refuses, its pieces, and false solutions that the certificate refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras.economies import ConsumptionSaving, HuggettRisk, KrusellSmith
from walras.economy.population import Panel
from walras.economy.space import Interval
from walras.learners import DeepEuler
from walras.learners.deep_rule import Capped, Network, Share
from walras.learners.objectives import AllInOne, FischerBurmeister

NAME = "household"


@pytest.mark.parametrize(
    ("economy", "why"),
    [(HuggettRisk.srl2025, "market that clears, with aggregate risk")],
    ids=["bonds"],
)
def test_what_it_cannot_solve_is_refused(economy, why):
    with pytest.raises(w.InputError, match=f"DeepEuler does not take a {why}"):
        w.solve(economy(), {NAME: DeepEuler()}, preset="fast")


def test_heads_are_feasible_and_start_at_the_base():
    space = Interval(0.0, 2.0)
    for head in (Capped(), Share()):
        values = [float(head(jnp.asarray(1.2), jnp.asarray(x), space)) for x in (-50.0, 0.0, 50.0)]
        assert values[1] == pytest.approx(1.2)
        assert all(0.0 <= v <= 2.0 for v in values)
    assert float(Capped()(jnp.asarray(3.0), jnp.asarray(0.0), space)) == 2.0  # the limit binds exactly


def test_a_blank_network_says_nothing():
    network = Network.blank((2, 3), (8, 5), 0.1, jax.random.key(0))
    said = network.features(jnp.ones((4, 2))) * network.weigh(jnp.ones((4, 3)))
    assert np.all(np.asarray(said) == 0)


def test_all_in_one_needs_two_groups_of_pairs():
    for draws in (2, 6):
        with pytest.raises(ValueError, match="4, 8, 12"):
            AllInOne(draws=draws)


def reasons(solution):
    return " ".join(solution.certificate.reasons)


def test_a_gradient_through_both_sides_is_refused():
    learner = DeepEuler(objective=FischerBurmeister(through=True), head=Capped(), rounds=40, rate=2e-2)
    solution = w.solve(ConsumptionSaving.maliar2021(), {NAME: learner}, preset="fast")
    assert solution.certificate.figure("euler_log10_mean") < -3.0  # no Euler error sees it
    assert solution.verdict != "certified"
    assert solution.certificate.figure("top_mass") > 0.5
    assert "Best response" in reasons(solution)
    assert "Mass at the top node" in reasons(solution)


def test_a_cap_in_the_loss_with_a_start_that_saves_everything_is_refused():
    learner = DeepEuler(objective=AllInOne(cap=27.6, draws=4), base=False, start=0.02, rounds=60)
    solution = w.solve(KrusellSmith.maliar2021(), {NAME: learner}, populations={NAME: Panel(50)}, preset="fast")
    assert solution.verdict != "certified"
    assert "Dates outside the nodes" in reasons(solution)
    assert "Mass at the top node" in reasons(solution)
