"""Axes: exact nodes, location by arithmetic, lotteries that keep the mean, orders of convergence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from walras.numerics.interpolate import Axis, EvenAxis, along_first, cubics, curved

BENT = [Axis(0.0, 200.0, 10.0, 150), Axis(-2.0, 8.0, 0.5, 31), Axis(5.0, 6.0, 100.0, 12), Axis(0.0, 1e4, 1.0, 500)]


@pytest.mark.parametrize("axis", BENT)
def test_nodes_are_the_formula_and_ends_are_exact(axis):
    nodes = np.asarray(axis.nodes)
    low, high, pivot = float(axis.low), float(axis.high), float(axis.pivot)
    assert nodes[0] == low and nodes[-1] == high and np.all(np.diff(nodes) > 0)
    # By its own words: u = log(1 + (x − low)/pivot)/log(1 + (high − low)/pivot) is evenly spaced.
    u = np.log1p((nodes - low) / pivot) / np.log1p((high - low) / pivot)
    np.testing.assert_allclose(u, np.linspace(0, 1, axis.n), rtol=0, atol=1e-13)


def test_even_below_the_pivot_and_geometric_above_it():
    # Spacing is (x + pivot − low) × (exp(h) − 1), h = log(1 + (high − low)/pivot)/(n − 1): proportional to distance.
    axis = Axis(0.0, 1000.0, 1.0, 201)
    nodes = np.asarray(axis.nodes)
    step = np.log1p(1000.0) / 200
    np.testing.assert_allclose(np.diff(nodes), (nodes[:-1] + 1) * np.expm1(step), rtol=1e-10)


@pytest.mark.parametrize("axis", BENT)
def test_location_agrees_with_a_search(axis):
    # Second derivation: numpy's binary search. At a node the cell may be the one before, with weight one.
    nodes = np.asarray(axis.nodes)
    x = np.random.default_rng(0).uniform(nodes[0], nodes[-1], 5000)
    cell, weight = (np.asarray(v) for v in axis.locate(jnp.asarray(x)))
    np.testing.assert_array_equal(cell, np.clip(np.searchsorted(nodes, x, side="right") - 1, 0, axis.n - 2))
    np.testing.assert_allclose(nodes[cell] * (1 - weight) + nodes[cell + 1] * weight, x, rtol=1e-13, atol=1e-13)
    assert weight.min() >= 0 and weight.max() <= 1
    cell, weight = (np.asarray(v) for v in axis.locate(jnp.asarray(nodes)))
    np.testing.assert_allclose(nodes[cell] * (1 - weight) + nodes[cell + 1] * weight, nodes, rtol=1e-14, atol=1e-14)


def test_beyond_the_ends_weights_extrapolate_and_lotteries_stay():
    axis = BENT[0]
    first, last = np.asarray(axis.nodes)[:2], np.asarray(axis.nodes)[-2:]
    x = jnp.asarray([-1.0, 250.0])
    cell, weight = axis.locate(x)
    np.testing.assert_array_equal(cell, [0, axis.n - 2])
    np.testing.assert_allclose(weight, [-1 / (first[1] - first[0]), (250 - last[0]) / (last[1] - last[0])], rtol=1e-13)
    np.testing.assert_array_equal(axis.lottery(x)[1], [0.0, 1.0])


@pytest.mark.parametrize("axis", BENT)
def test_lottery_keeps_mass_and_mean(axis):
    nodes = np.asarray(axis.nodes)
    x = np.random.default_rng(1).uniform(nodes[0], nodes[-1], 4000)
    cell, right = (np.asarray(v) for v in axis.lottery(jnp.asarray(x)))
    mean = nodes[cell] * (1 - right) + nodes[cell + 1] * right
    scale = np.abs(nodes).max()
    np.testing.assert_allclose(mean, x, rtol=0, atol=4e-16 * scale)
    # What it adds is dispersion: right (1 − right) × width², at most a quarter of the cell's square.
    width = np.diff(nodes)[cell]
    second = nodes[cell] ** 2 * (1 - right) + nodes[cell + 1] ** 2 * right
    np.testing.assert_allclose(second - x**2, right * (1 - right) * width**2, rtol=1e-6, atol=1e-12 * scale**2)


def test_slope_of_the_weight_is_one_over_the_cell():
    axis = BENT[0]
    nodes = np.asarray(axis.nodes)
    for x in (0.37, 11.0, 180.0):
        cell, slope = int(axis.locate(jnp.asarray(x))[0]), float(jax.grad(lambda v: axis.locate(v)[1])(jnp.asarray(x)))
        np.testing.assert_allclose(slope, 1 / (nodes[cell + 1] - nodes[cell]), rtol=1e-12)


def test_even_axis_is_exact_for_cubics():
    # Four-point Lagrange interpolation reproduces polynomials of degree three, in every cell, end cells included.
    axis = EvenAxis(-1.0, 3.0, 9)
    cubic = lambda x: 2 * x**3 - x**2 + 0.5 * x - 4  # noqa: E731
    x = jnp.linspace(-1.0, 3.0, 101)
    read = jax.vmap(lambda v: along_first(cubic(axis.nodes), axis, v))(x)
    np.testing.assert_allclose(read, cubic(x), rtol=0, atol=1e-13)
    np.testing.assert_allclose(axis.nodes, np.linspace(-1, 3, 9), rtol=0, atol=1e-15)


def test_even_axis_converges_with_the_fourth_power():
    # Error of four-point interpolation is f'''' h⁴ × 9/384 in inner cells (at most): halving h divides it by 16.
    x = jnp.linspace(0.3, 1.7, 1001)

    def error(n):
        axis = EvenAxis(0.0, 2.0, n)
        read = jax.vmap(lambda v: along_first(jnp.sin(3 * axis.nodes), axis, v))(x)
        return float(jnp.max(jnp.abs(read - jnp.sin(3 * x))))

    errors = [error(n) for n in (17, 33, 65)]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    np.testing.assert_allclose(orders, 4.0, atol=0.15)
    np.testing.assert_allclose(errors[-1], 81 * (2 / 64) ** 4 * 9 / 384, rtol=0.1)


def test_even_axis_goes_on_linearly_then_stays():
    # Slope of the two end nodes for a quarter of the axis; beyond, the value reached there.
    axis = EvenAxis(0.0, 1.0, 5)
    table = axis.nodes**2
    read = jax.vmap(lambda v: along_first(table, axis, v))(jnp.asarray([-0.1, -0.25, -3.0, 1.1, 1.25, 9.0]))
    low, high = 0.25, (1 - 0.75**2) / 0.25
    expected = [-0.1 * low, -0.25 * low, -0.25 * low, 1 + 0.1 * high, 1 + 0.25 * high, 1 + 0.25 * high]
    np.testing.assert_allclose(read, expected, rtol=1e-13)


def test_even_axis_reads_whole_tables():
    # Along the first of three axes, every entry by itself.
    axis, table = EvenAxis(0.0, 1.0, 6), jnp.asarray(np.random.default_rng(2).normal(size=(6, 3, 2)))
    whole = along_first(table, axis, jnp.asarray(0.43))
    single = [[float(along_first(table[:, i, j], axis, jnp.asarray(0.43))) for j in range(2)] for i in range(3)]
    np.testing.assert_allclose(whole, single, rtol=1e-13)


@pytest.mark.parametrize("pivot", [0.3, 1e6])
def test_lines_through_points_agree_with_numpy_inside_and_go_on_outside(pivot):
    rng = np.random.default_rng(3)
    xp, fp = np.sort(rng.uniform(0, 10, 40)), rng.normal(size=40)
    axis = Axis(xp[0], xp[-1], pivot, 500)
    found = axis.through(jnp.asarray(xp), jnp.asarray(fp))
    np.testing.assert_allclose(found, np.interp(axis.nodes, xp, fp), atol=1e-9)
    wide = Axis(-1.0, 4.0, pivot, 6)
    line = wide.through(jnp.asarray([0.0, 1.0, 3.0]), jnp.asarray([0.0, 2.0, 3.0]))
    np.testing.assert_allclose([line[0], line[-1]], [-2.0, 3.5], rtol=1e-14)
    # Points on the nodes themselves give themselves back.
    np.testing.assert_allclose(wide.through(wide.nodes, wide.nodes**2), wide.nodes**2, atol=1e-12)


def test_lines_through_points_converge_with_the_square():
    # Largest error of linear interpolation: f'' h²/8.
    axis = Axis(0.0, 1.0, 1e6, 2001)

    def error(n):
        xp = jnp.linspace(0.0, 1.0, n)
        return float(jnp.max(jnp.abs(axis.through(xp, jnp.exp(xp)) - jnp.exp(axis.nodes))))

    np.testing.assert_allclose(np.log2(error(11) / error(21)), 2.0, atol=0.05)
    np.testing.assert_allclose(error(21), np.e * 0.05**2 / 8, rtol=0.03)


def _read(axis, values, row, x):
    """What `cubics` say at x in one row of values."""
    cell, right = axis.locate(x)
    return jax.vmap(lambda piece, t: jnp.polyval(piece[::-1], t))(cubics(axis, values)[row * (axis.n - 1) + cell], right)


@pytest.mark.parametrize("axis", BENT)
def test_cubics_are_exact_for_parabolas(axis):
    nodes = axis.nodes
    x = jnp.asarray(np.random.default_rng(0).uniform(nodes[0], nodes[-1], 500))
    parabola = lambda x: 2.0 + (x - axis.low) / axis.pivot - ((x - axis.low) / axis.pivot) ** 2  # noqa: E731
    found = _read(axis, jnp.stack([jnp.sin(nodes), parabola(nodes)]), 1, x)
    np.testing.assert_allclose(found, parabola(x), rtol=1e-9, atol=1e-9)


def test_slopes_of_cubics_are_continuous_and_of_third_order():
    errors = []
    for n in (41, 81, 161):
        axis = Axis(0.0, 20.0, 1.0, n)
        x = jnp.linspace(1.0, 15.0, 999)
        slope = jax.vmap(jax.grad(lambda y: _read(axis, jnp.log1p(axis.nodes)[None], 0, y[None])[0]))  # noqa: B023
        errors.append(float(jnp.abs(slope(x) - 1 / (1 + x)).max()))
        beside = 1e-9 * axis.nodes[5:-5]
        np.testing.assert_allclose(slope(axis.nodes[5:-5] - beside), slope(axis.nodes[5:-5] + beside), rtol=1e-6)
    # Inside, where the ends' one-sided slopes are far away: an order between two and three for the slope.
    assert errors[0] / errors[1] > 3.9 and errors[1] / errors[2] > 3.9 and errors[2] < 1e-4


def test_a_smooth_curve_through_four_points():
    """Parabolas exactly, third order otherwise; straight where it is asked for."""
    nodes, line = jnp.array([0.0, 1.0, 2.5, 3.0]), lambda x: 2 - x + 0.5 * x**2
    middle = 1 + 0.4 * 1.5
    assert curved(line(nodes), nodes, 0.4, False) == pytest.approx(line(middle), abs=1e-14)
    assert curved(line(nodes), nodes, 0.4, True) == pytest.approx(0.6 * line(1.0) + 0.4 * line(2.5), abs=1e-14)
    ends = jnp.array([1.0, 1.0, 2.5, 3.0])  # the first cell of a grid has no neighbour on its left
    assert jnp.isfinite(curved(line(ends), ends, 0.4, False))
