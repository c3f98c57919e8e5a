# pyright: reportAttributeAccessIssue=false
"""Chance: one object for draws and expectations, and processes against their closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras._core.errors import InputError
from walras.economies import KrusellSmith
from walras.economy.process import (
    Chain,
    ConditionalChain,
    Distribution,
    Gaussian,
    LogAR1,
    NoRisk,
    SquareRoot,
    joint,
    log_chain,
    point,
    simulate_chain,
    transition_matrix,
)


def test_quantiles_of_a_distribution_have_its_weights():
    # The inverse distribution function on an even grid of 1,000 returns each value as often as its weight says.
    law = Distribution({"a": jnp.asarray([1.0, 5.0, 7.0]), "b": jnp.asarray([10, 50, 70])}, jnp.asarray([0.2, 0.5, 0.3]))
    drawn = jax.vmap(law.at)((jnp.arange(1000) + 0.5) / 1000)
    values, counts = np.unique(drawn["a"], return_counts=True)
    assert values.tolist() == [1.0, 5.0, 7.0] and counts.tolist() == [200, 500, 300]
    np.testing.assert_array_equal(drawn["b"], 10 * drawn["a"])  # fields stay together
    # Weights that add up to a little less than one do not fall off the end.
    short = Distribution(jnp.asarray([1.0, 2.0]), jnp.asarray([0.5, 0.5 - 1e-12]))
    assert float(short.at(jnp.asarray(1.0 - 1e-16))) == 2.0


def test_draws_have_the_frequencies_of_the_nodes():
    law = Distribution(jnp.arange(3), jnp.asarray([0.2, 0.5, 0.3]))
    drawn = jax.vmap(law.sample)(jax.random.split(jax.random.key(0), 20_000))
    share = np.bincount(drawn, minlength=3) / 20_000
    weights = np.asarray(law.nodes()[1])
    assert np.all(np.abs(share - weights) < 4 * np.sqrt(weights * (1 - weights) / 20_000))


def test_map_and_point():
    law = Distribution(jnp.asarray([1.0, 2.0]), jnp.asarray([0.3, 0.7])).map(lambda x: (x, x**2))
    values, weights = law.nodes()
    np.testing.assert_array_equal(values[1], [1.0, 4.0])
    np.testing.assert_array_equal(weights, [0.3, 0.7])
    assert float(point(jnp.asarray(3.0)).sample(jax.random.key(0))) == 3.0


@pytest.mark.parametrize("n", [3, 5, 7])
def test_gauss_hermite_is_exact_to_degree_2n_less_1(n):
    # Central moments of a normal: 0 for odd k, sd^k (k − 1)!! for even k; the first that fails is k = 2n.
    law = Gaussian(jnp.asarray(0.0), jnp.asarray(1.0), n)
    nodes, weights = (np.asarray(v) for v in law.nodes())
    double_factorial = 1
    for k in range(1, 2 * n):
        expected = 0 if k % 2 else double_factorial
        np.testing.assert_allclose(weights @ nodes**k, expected, rtol=1e-12, atol=1e-9)
        double_factorial *= k + 1 if k % 2 == 0 else 1
    missed = float(weights @ nodes ** (2 * n)) / double_factorial
    assert missed < 0.999


def test_gaussian_draws_quantiles_and_maps_agree():
    law = Gaussian(jnp.asarray(0.4), jnp.asarray(0.3))
    assert float(law.at(jnp.asarray(0.5))) == pytest.approx(0.4, abs=1e-15)
    # The 97.5 % quantile of the standard normal table: 1.959963984540054.
    np.testing.assert_allclose(float(law.at(jnp.asarray(0.975))), 0.4 + 0.3 * 1.959963984540054, rtol=1e-12)
    drawn = jax.vmap(law.sample)(jax.random.split(jax.random.key(1), 40_000))
    assert abs(float(jnp.mean(drawn)) - 0.4) < 4 * 0.3 / 200
    assert abs(float(jnp.var(drawn)) / 0.09 - 1) < 4 * np.sqrt(2 / 40_000)
    # E[exp x] = exp(mean + sd²/2): by nodes nearly exactly (seven nodes: 1e-9), by stratified quantiles to O(1/n).
    lognormal = law.map(jnp.exp)
    values, weights = lognormal.nodes()
    np.testing.assert_allclose(float(weights @ values), np.exp(0.4 + 0.045), rtol=1e-9)
    stratified = jax.vmap(lognormal.at)((jnp.arange(10_000) + 0.5) / 10_000)
    np.testing.assert_allclose(float(jnp.mean(stratified)), np.exp(0.445), rtol=1e-4)
    assert float(lognormal.sample(jax.random.key(2))) == float(jnp.exp(law.sample(jax.random.key(2))))


def test_chain_starts_at_its_stationary_distribution():
    # Leaving rates a, b: weights b/(a+b), a/(a+b); the derivative of the first in a is −b/(a+b)².
    def first(a, b=0.4):
        matrix = jnp.stack([jnp.stack([1 - a, a]), jnp.stack([jnp.asarray(b), jnp.asarray(1 - b)])])
        return Chain([0.0, 1.0], matrix).start(None).weights[0]

    np.testing.assert_allclose(float(first(jnp.asarray(0.1))), 0.8, rtol=1e-14)
    np.testing.assert_allclose(float(jax.grad(first)(jnp.asarray(0.1))), -0.4 / 0.25, rtol=1e-10)


def test_a_clock_starts_evenly():
    # A periodic chain has no limit, but rests at equal weights.
    clock = Chain([0.0, 1.0], np.array([[0.0, 1.0], [1.0, 0.0]]))
    np.testing.assert_array_equal(clock.start(None).weights, [0.5, 0.5])


def test_chain_draws_and_matrix_are_one_thing():
    matrix = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.0, 0.5, 0.5]])
    chain = Chain([1.0, 2.0, 4.0], matrix)
    np.testing.assert_array_equal(transition_matrix(chain, None, None, None), matrix)
    path = np.asarray(jax.jit(lambda key: simulate_chain(chain, jnp.asarray(0), 30_000, key))(jax.random.key(0)))
    counts = np.zeros((3, 3))
    np.add.at(counts, (path[:-1], path[1:]), 1)
    visits = counts.sum(axis=1, keepdims=True)
    error = np.sqrt(matrix * (1 - matrix) / visits)
    assert np.all(np.abs(counts / visits - matrix) <= 4 * error)  # zeros exactly
    assert float(chain.value(2)) == 4.0 and chain.n == 3 and chain.chain(7) is chain


def test_a_bad_row_is_refused_where_it_is_written():
    with pytest.raises(InputError, match=r"Chain: row \(1,\).*sum of 0.9"):
        Chain([0.0, 1.0], np.array([[0.5, 0.5], [0.5, 0.4]]))
    with pytest.raises(InputError, match=r"ConditionalChain: row \(0, 0, 1\)"):
        ConditionalChain([0.0, 1.0], np.array([[[[0.5, 0.5], [0.5, 0.4]]]]), np.array([[0.5, 0.5]]))


def test_unemployment_depends_on_the_state_of_the_economy_alone():
    # Krusell and Smith (1998), Den Haan, Judd and Juillard (2010), Table 2: .10 in bad, .04 in good times.
    economy = KrusellSmith.dhjj2010()
    risk, u = economy.household.risk, np.array([0.10, 0.04])
    for now in (0, 1):
        np.testing.assert_allclose(risk.start(now).weights, [u[now], 1 - u[now]], rtol=1e-15)
        for following in (0, 1):
            mixed = risk.start(now).weights @ transition_matrix(risk, now, following, None)
            np.testing.assert_allclose(mixed, [u[following], 1 - u[following]], rtol=1e-12)
    # Expected duration of an aggregate state: eight quarters; of unemployment in lasting good times 1.5 quarters.
    np.testing.assert_allclose(1 / (1 - np.diag(economy.exogenous.transition)), 8, rtol=1e-12)
    np.testing.assert_allclose(1 / (1 - float(transition_matrix(risk, 1, 1, None)[0, 0])), 1.5, rtol=1e-12)
    np.testing.assert_allclose(1 / (1 - float(transition_matrix(risk, 0, 0, None)[0, 0])), 2.5, rtol=1e-12)
    # Krusell and Smith (1998): on a change to good times the chance of staying unemployed is .75 times that of lasting
    # good times (1/3), on a change to bad times 1.25 times that of lasting bad ones (.6).
    np.testing.assert_allclose(float(transition_matrix(risk, 0, 1, None)[0, 0]), 0.25, rtol=1e-12)
    np.testing.assert_allclose(float(transition_matrix(risk, 1, 0, None)[0, 0]), 0.75, rtol=1e-12)


def test_log_ar1_and_its_chain():
    # sd = .03/(1 − .81)^½; the chain has the same persistence and s.d. of log x.
    process = LogAR1(0.9, 0.03, 1.0)
    sd = 0.03 / np.sqrt(1 - 0.81)
    assert float(process.unconditional_sd) == pytest.approx(sd, rel=1e-15) and process.n is None
    chain = process.chain(9)
    logs, weights = np.log(chain.values), np.asarray(chain.start(None).weights)
    np.testing.assert_allclose(weights @ logs**2, sd**2, rtol=1e-12)
    np.testing.assert_allclose(chain.transition @ logs, 0.9 * logs, rtol=0, atol=1e-14)
    law = process.given(jnp.asarray(0.1), None, None, None)
    assert float(law.mean) == pytest.approx(0.09) and float(law.sd) == 0.03
    assert float(process.start(None).sd) == pytest.approx(sd) and float(process.value(jnp.asarray(0.1))) == np.exp(0.1)


@pytest.mark.parametrize("scale", [1.0, 2.5, None])
def test_the_chain_keeps_the_scale(scale):
    # None: exp(−sd²/2), which asks for a mean of one, kept exactly in the chain.
    sd = 0.2 / np.sqrt(1 - 0.36)
    process = LogAR1(0.6, 0.2, np.exp(-(sd**2) / 2) if scale is None else scale)
    chain = process.chain(5)
    mean = float(chain.start(None).weights @ chain.values)
    if scale is None:
        np.testing.assert_allclose(mean, 1.0, rtol=1e-13)
    else:
        np.testing.assert_allclose(chain.values[2], scale, rtol=1e-15)  # the middle node is log x = 0
        # Binomial nodes: E exp = scale × cosh(sd/2)^4 for n − 1 = 4 steps of ± sd/2.
        np.testing.assert_allclose(mean, scale * np.cosh(sd / 2) ** 4, rtol=1e-12)


def test_log_chain_normalises_levels():
    chain = log_chain(3, 0.9, 0.3, normalise=True)
    np.testing.assert_allclose(chain.start(None).weights @ chain.values, 1.0, rtol=1e-13)
    np.testing.assert_allclose(np.log(chain.values[1:] / chain.values[:-1]), 0.3 * np.sqrt(2), rtol=1e-12)  # steps kept


def test_no_risk():
    process = NoRisk()
    assert process.n == 1 and process.chain(5) is process and float(process.value(0)) == 1.0
    np.testing.assert_array_equal(transition_matrix(process, None, None, None), [[1.0]])
    assert int(process.start(None).sample(jax.random.key(0))) == 0


def test_a_quantile_at_a_border_belongs_to_the_value_above():
    # [0, .25) picks the first, [.25, .75) the second: a value of no weight is never picked, not even at 0.
    law = Distribution(jnp.asarray([1.0, 2.0, 3.0]), jnp.asarray([0.25, 0.5, 0.25]))
    assert [float(law.at(jnp.asarray(u))) for u in (0.0, 0.24, 0.25, 0.74, 0.75, 1.0)] == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    assert float(Distribution(jnp.asarray([7.0, 8.0]), jnp.asarray([0.0, 1.0])).at(jnp.asarray(0.0))) == 8.0


def test_one_value_is_not_drawn():
    # Where there is one value it is taken whatever the quantile and its weight, and no number enters the program.
    law = point({"a": 3.0, "b": jnp.asarray([1, 2])})
    assert law.weights.tolist() == [1.0] and law.values["b"].tolist() == [[1, 2]] and float(law.values["a"][0]) == 3.0
    traced = jax.make_jaxpr(law.at)(jnp.asarray(0.3))
    assert "cumsum" not in str(traced)
    assert law.at(jnp.asarray(0.999))["b"].tolist() == [1, 2]
    # Of two values the second can be drawn.
    assert int(Distribution(jnp.arange(2), jnp.asarray([0.5, 0.5])).at(jnp.asarray(0.6))) == 1


def test_a_normal_has_seven_nodes_unless_told():
    nodes, weights = (np.asarray(x) for x in Gaussian(jnp.asarray(2.0), jnp.asarray(0.5)).nodes())
    assert nodes.shape == weights.shape == (7,)
    # Probabilities: they sum to one, mean and variance are those of the law, whatever the number of nodes.
    np.testing.assert_allclose([weights.sum(), weights @ nodes, weights @ (nodes - 2) ** 2], [1, 2, 0.25], rtol=1e-13)
    # Three nodes of the standard normal: 0 and ±√3, of weights 2/3 and 1/6.
    nodes, weights = Gaussian(jnp.asarray(1.0), jnp.asarray(2.0), 3).nodes()
    np.testing.assert_allclose(nodes, [1 - 2 * np.sqrt(3), 1, 1 + 2 * np.sqrt(3)], rtol=1e-13)
    np.testing.assert_allclose(weights, [1 / 6, 2 / 3, 1 / 6], rtol=1e-13)


def test_processes_on_a_continuum_have_seven_nodes_unless_told():
    for process in (LogAR1(0.9, 0.03, 1.0), SquareRoot(0.1, 0.9, 0.02)):
        assert process.nodes == 7 and process.given(jnp.asarray(0.1), None, None, None).n == 7
    assert LogAR1(0.9, 0.03, 1.0).start(None).n == 7
    process = LogAR1(0.9, 0.03, 2.0, nodes=5)
    assert process.start(None).n == process.given(jnp.asarray(0.1), None, None, None).n == 5
    assert float(process.start(None).mean) == 0.0
    np.testing.assert_allclose(float(process.value(jnp.asarray(0.3))), 2 * np.exp(0.3), rtol=1e-15)


def test_square_root_process_by_hand():
    # From 4 with mean 1, persistence .75, s.d. .2: mean .25 + 3, s.d. .2 · 2; below zero nothing is drawn.
    process = SquareRoot(1.0, 0.75, 0.2)
    law = process.given(jnp.asarray(4.0), None, None, None)
    np.testing.assert_allclose([float(law.mean), float(law.sd)], [3.25, 0.4], rtol=1e-15)
    law = SquareRoot(2.0, 0.75, 0.2, nodes=5).given(jnp.asarray(-4.0), None, None, None)
    np.testing.assert_allclose([float(law.mean), float(law.sd)], [0.5 - 3.0, 0.0], rtol=1e-15)
    assert law.n == 5 and process.n is None
    start = process.start(None)
    assert start.values.tolist() == [1.0] and start.weights.tolist() == [1.0]
    assert float(process.value(jnp.asarray(0.7))) == 0.7


def test_the_chain_of_a_square_root_process_covers_99_percent_of_its_gamma_law():
    # The stationary law: mean m, variance m ν²/(1 − ρ²). With m = 3, ρ = .6, ν² = .96 its shape is 2 and its scale 1.5:
    # F(x) = 1 − e^(−x/1.5) (1 + x/1.5).
    process = SquareRoot(3.0, 0.6, np.sqrt(0.96))
    chain = process.chain(15)
    nodes = np.asarray(chain.values)
    below = 1 - np.exp(-nodes / 1.5) * (1 + nodes / 1.5)
    np.testing.assert_allclose([below[0], below[-1]], [0.005, 0.995], rtol=1e-9)
    np.testing.assert_allclose(np.diff(np.log(nodes)), np.log(nodes[-1] / nodes[0]) / 14, rtol=1e-12)
    # Inside, the moments of the next state are those of the process.
    matrix, inside = np.asarray(chain.transition), slice(3, -3)
    mean = matrix @ nodes
    np.testing.assert_allclose(mean[inside], (1.2 + 0.6 * nodes)[inside], rtol=1e-5)
    variance = matrix @ nodes**2 - mean**2
    np.testing.assert_allclose(variance[inside], 0.96 * nodes[inside], rtol=1e-4)


def test_a_slow_chain_starts_at_its_stationary_distribution_too():
    # It leaves its states once in ten million dates: 2³⁰ dates are enough, a thousand times fewer are not.
    slow = Chain([0.0, 1.0], np.array([[1 - 1e-7, 1e-7], [3e-7, 1 - 3e-7]]))
    np.testing.assert_allclose(slow.start(None).weights, [0.75, 0.25], rtol=1e-6)
    assert slow.start(None).values.tolist() == [0, 1]


def test_a_chain_that_hangs_on_the_economy_reads_this_state_first():
    # `transition[exo, exo_next, state]`: every row here names its indices, and so do values and first distributions.
    ways = np.eye(2)[np.array([[[0, 1], [1, 0]], [[1, 1], [0, 0]]])]
    risk = ConditionalChain([2.0, 5.0], ways, np.array([[1.0, 0.0], [0.25, 0.75]]))
    following = [
        [[int(risk.given(s, now, then, None).at(jnp.asarray(0.5))) for s in (0, 1)] for then in (0, 1)] for now in (0, 1)
    ]
    assert following == [[[0, 1], [1, 0]], [[1, 1], [0, 0]]]
    assert risk.start(1).weights.tolist() == [0.25, 0.75] and risk.start(1).values.tolist() == [0, 1]
    assert risk.n == 2 and risk.chain(3) is risk and float(risk.value(1)) == 5.0


def test_independent_chains_as_one():
    # Values of two and three states: the last moves fastest; the chance of a pair is the product of the chances.
    first = Chain([1.0, 2.0], np.array([[0.9, 0.1], [0.4, 0.6]]))
    second = Chain([10.0, 20.0, 30.0], np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.0, 0.25, 0.75]]))
    both = joint(first, second, names=("z", "g"))
    assert both.n == 6 and both.names == ("z", "g")
    assert both.values.tolist() == [[1, 10], [1, 20], [1, 30], [2, 10], [2, 20], [2, 30]]
    # From (1, 20) to (2, 30): .1 · .1; from (2, 30) to (1, 20): .4 · .25; from (1, 10) to itself .45.
    np.testing.assert_allclose([both.transition[1, 5], both.transition[5, 1], both.transition[0, 0]], [0.01, 0.1, 0.45])
    np.testing.assert_allclose(both.start(None).weights, np.kron(first.start(None).weights, second.start(None).weights))
    assert joint(first, second).names == () and joint(first).values.tolist() == [[1.0], [2.0]] and first.names == ()
    with pytest.raises(InputError, match="joint: every chain needs a name, or none, got 1 names, 2 chains"):
        joint(first, second, names=("z",))


def test_a_chain_in_levels_is_the_exponential_of_the_nodes():
    # Three states of Rouwenhorst: 0 and ± sd √2 in logs; without normalising the middle is exactly one.
    chain = log_chain(3, 0.5, 0.3, normalise=False)
    np.testing.assert_allclose(chain.values, np.exp([-0.3 * np.sqrt(2), 0, 0.3 * np.sqrt(2)]), rtol=1e-14)
    assert float(chain.values[1]) == 1.0
    np.testing.assert_allclose(chain.transition[0], [0.75**2, 2 * 0.75 * 0.25, 0.25**2], rtol=1e-14)


def test_a_scale_that_nearly_asks_for_a_mean_of_one_is_kept():
    # Only exp(−sd²/2) itself asks for it: a millionth beside it the middle node is the scale again.
    sd = 0.2 / np.sqrt(1 - 0.36)
    scale = np.exp(-(sd**2) / 2) * (1 + 1e-6)
    np.testing.assert_allclose(float(LogAR1(0.6, 0.2, scale).chain(5).values[2]), scale, rtol=1e-14)


def test_a_path_begins_after_its_first_state():
    # A clock of three hours: no chance at all, so that the path is known.
    clock = Chain([0.0, 1.0, 2.0], np.roll(np.eye(3), 1, axis=1))
    assert simulate_chain(clock, jnp.asarray(0), 5, jax.random.key(0)).tolist() == [1, 2, 0, 1, 2]


def test_draws_along_a_path_are_independent():
    # A fair coin: of 400 tosses 200 ± 4 · 10 are heads, and as many repeat the toss before.
    coin = Chain([0.0, 1.0], np.full((2, 2), 0.5))
    tosses = np.asarray(simulate_chain(coin, jnp.asarray(0), 400, jax.random.key(5)))
    assert abs(tosses.sum() - 200) <= 40 and abs(np.sum(tosses[1:] == tosses[:-1]) - 199.5) <= 40


def test_no_risk_is_state_zero_for_ever():
    for law in (NoRisk().start(None), NoRisk().given(jnp.asarray(0), None, None, None)):
        assert law.values.tolist() == [0] and law.weights.tolist() == [1.0]
