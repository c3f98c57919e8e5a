"""Eigenvalues, damping and rounds of maps so small that every figure of the report can be worked out on paper."""

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg

from walras._core.errors import InputError, SolveError
from walras.diagnose import stability as module
from walras.diagnose.certificate import failed
from walras.diagnose.stability import (
    Stability,
    damped,
    extragradient_play,
    gradient_play,
    learning_eigenvalues,
    learning_stability,
    loop_map,
)
from walras.economy.population import Histogram, Representative
from walras.loop import Laboratory, LoopState
from walras.solution import Solution


def made(*eigenvalues, edge=(), observed=None) -> Stability:
    """A report on these eigenvalues."""
    return Stability("here", np.array(eigenvalues, complex), np.array(edge, complex), "law", 0.15, observed or {})


# ---- what follows from eigenvalues ----


def test_the_radius_is_the_modulus_of_the_first_and_one_does_not_converge():
    assert made(3 + 4j, 3 - 4j, 1.0).radius == 5
    assert made(0.999).converges and not made(1.0).converges and not made(-1.0).converges


def test_e_stability_looks_at_all_real_parts_also_at_the_edge():
    """Every real part must lie below one; at one itself a direction never comes to rest."""
    found = made(-3.0, 0.2, edge=(0.5 + 2j, 0.5 - 2j))
    assert found.largest_real_part == 0.5 and found.e_stable
    assert not made(-3.0, edge=(1.0,)).e_stable and not made(1.0).e_stable
    assert made(1.0).damping is None and made(1.0).best_damping is None
    assert made(0.5 + 9j, 0.5 - 9j).e_stable


@pytest.mark.parametrize(
    ("eigenvalues", "edge", "high"),
    [
        ((-3.0,), (), 0.5),  # 2/(1 − t)
        ((-3.0, 0.5), (), 0.5),  # the tighter of two bounds, here .5 and 4
        ((-3.0,), (-7.0,), 0.25),  # the edge binds
        ((2j, -2j), (), 0.4),  # 2 · 1/(1 + 4)
        ((-1 + 2j, -1 - 2j), (), 0.5),  # 2 · 2/(4 + 4)
    ],
)
def test_the_bound_on_damping(eigenvalues, edge, high):
    """|1 − d s| < 1 with s = 1 − t exactly for d below 2 Re s/|s|²."""
    low, found = made(*eigenvalues, edge=edge).damping
    assert low == 0 and found == pytest.approx(high, rel=1e-14)


@pytest.mark.parametrize(
    ("eigenvalues", "best", "factor"),
    [
        ((0.9, 0.5), 2 / 0.6, 0.4 / 0.6),  # Richardson: d = 2/(2 − a − b), above one
        ((-2.0, 0.25, 0.5), 2 / 3.5, 2.5 / 3.5),  # of three the two at the ends
        ((2j, -2j), 0.2, np.sqrt(0.8)),  # the bottom of one parabola, 1 − 2d + 5d²
        ((2j, -2j, 0.9), 1.8 / 4.99, 1 - 0.18 / 4.99),  # it crosses (1 − d/10)²
    ],
)
def test_the_best_damping(eigenvalues, best, factor):
    """The least over d of the largest |1 − d s|: at the bottom of a parabola or where two cross."""
    assert made(*eigenvalues).best_damping == pytest.approx((best, factor), rel=1e-12)


def test_the_edge_counts_for_the_best_damping():
    """An edge at −2 beside an eigenvalue of .5 is the same as an eigenvalue there."""
    assert made(0.5, edge=(-2.0,)).best_damping == pytest.approx((2 / 3.5, 2.5 / 3.5))


def test_verdicts_say_the_number_and_what_to_do():
    """Rounds for a digit: the smallest n with radiusⁿ ≤ .1, one for a map that forgets everything."""
    assert made(0.5).verdict == "undamped rounds converge: spectral radius 0.5, 4 rounds for a digit"
    assert made(0.99).verdict == "undamped rounds converge: spectral radius 0.99, 230 rounds for a digit"
    assert made(0.0).verdict == "undamped rounds converge: spectral radius 0, 1 rounds for a digit"
    assert made(-3.0, 0.5).verdict == (
        "undamped rounds diverge (spectral radius 3), damped ones converge for any damping below 0.5; "
        "best is 0.4444, factor 0.778 a round"
    )
    assert made(1.5, -1.0).verdict == (
        "nothing converges: spectral radius 1.5, and no constant damping helps where a real part is 1.5, not below one; "
        "try another learner or start, in games extragradient steps"
    )


def test_rows_of_the_report():
    """One row a figure; of damping "none" where there is none, of the edge a row only where something was not seen."""
    rows = made(-3.0, 0.5 + 0.25j, 0.5 - 0.25j, edge=(-0.25, 0.125), observed={"rule": 0.75})._rows()
    assert rows == [
        ("eigenvalues, largest first", "-3  0.5+0.25i  0.5-0.25i"),
        ("all others, modulus at most", "0.25"),
        ("spectral radius", "3"),
        ("E-stable (all real parts < 1)", "yes (0.5)"),
        ("damping that converges", "0 to 0.5"),
        ("best damping, factor a round", f"{rows[5][1]}"),
        ("slowest direction", "law"),
        ("distance of T(x) from x, relative", "0.15"),
        ("observed contraction, rule", "0.75"),
    ]
    best, factor = (float(part) for part in rows[5][1].split(", "))
    assert (best, factor) == pytest.approx(made(-3.0, 0.5 + 0.25j, 0.5 - 0.25j).best_damping, rel=1e-3)
    none = dict(made(1.5)._rows())
    assert none["damping that converges"] == none["best damping, factor a round"] == "none"
    assert none["E-stable (all real parts < 1)"] == "no (1.5)" and "all others, modulus at most" not in none
    table = made(0.5).table()
    assert table.title == f"here: {made(0.5).verdict}" and table.title_justify == "left" and not table.show_header
    assert len(table.columns) == 2 and table.columns[1].justify == "right" and table.row_count == 7
    text = str(made(0.5))
    assert text.startswith("here: undamped rounds converge") and "slowest direction" in text and "law" in text


# ---- eigenvalues of a map ----


def linear(matrix):
    """The map x ↦ A x."""
    matrix = jnp.asarray(matrix)
    return lambda x: matrix @ x


def test_how_far_the_map_moves_is_told_relative_to_the_largest_number():
    found = learning_stability(lambda x: x + jnp.array([0.1, -0.3]), np.array([1.0, -2.0]))
    assert found.gap == pytest.approx(0.15) and found.where == "map" and found.observed == {}
    assert learning_stability(lambda x: 0.5 * x, np.zeros(2)).gap == 0
    assert learning_stability(lambda x: 0.5 * x + 1, np.zeros(2)).gap > 1e300  # at zero nothing is small


def test_the_slowest_part_is_told_relative_to_its_size():
    """T(a, b) = (.9 a, .3 a + .3 b): the eigenvector of .9 is (1, .5), half as long in b; that of .3 is b alone."""
    step = lambda x: {"a": 0.9 * x["a"], "b": 0.3 * x["a"] + 0.3 * x["b"]}  # noqa: E731
    even = learning_stability(step, {"a": 1.0, "b": 1.0}, where="even")
    assert even.slowest == "a" and even.where == "even" and even.eigenvalues == pytest.approx([0.9, 0.3])
    assert learning_stability(step, {"a": 10.0, "b": 1.0}).slowest == "b"
    assert learning_stability(step, {"a": 1.0, "b": 0.0}).slowest == "b"
    nested = learning_stability(lambda x: {"in": {"side": 0.5 * x["in"]["side"]}}, {"in": {"side": 1.0}})
    assert nested.slowest == "in.side"


def test_what_is_no_real_number_is_held_fixed():
    """A counter scales the map but is not one of its numbers."""
    found = learning_stability(lambda x: {"n": x["n"], "x": x["x"] / x["n"]}, {"n": 4, "x": 1.0})
    assert found.eigenvalues == pytest.approx([0.25]) and found.slowest == "x"


def test_eigenvalues_come_by_modulus():
    values = learning_eigenvalues(linear(np.diag([0.1, -0.9, 0.5])), np.ones(3))
    assert values == pytest.approx([-0.9, 0.5, 0.1]) and values.dtype == complex


def test_up_to_forty_numbers_all_eigenvalues_are_known():
    """Beyond them as many as asked for, six if nothing is said, and what holds the others."""
    small = learning_stability(linear(np.diag(np.linspace(0.1, 0.9, 40))), np.ones(40), 2)
    assert len(small.eigenvalues) == 40 and len(small.edge) == 0 and module.DENSE == 40
    values = np.linspace(0.1, 0.9, 41)
    large = learning_stability(linear(np.diag(values)), np.ones(41))
    assert large.eigenvalues == pytest.approx(values[:-7:-1]) and len(large.edge) == 3
    assert learning_eigenvalues(linear(np.diag(values)), np.ones(41)) == pytest.approx(values[:-7:-1])
    assert len(learning_eigenvalues(linear(np.diag(values)), np.ones(41), 100)) == 39  # ARPACK's most


def test_what_is_refused_says_where():
    with pytest.raises(InputError, match="there: 1 real numbers to learn and 0 eigenvalues asked for"):
        learning_stability(lambda x: x, 1.0, 0, "there")
    assert learning_stability(lambda x: x, 1.0, 1).radius == 1
    with pytest.raises(InputError, match="took 2 real numbers and gave 3"):
        learning_stability(lambda x: jnp.concatenate([x, x[:1]]), np.ones(2))
    with pytest.raises(InputError, match="not finite"):
        learning_stability(jnp.sqrt, np.zeros(2))  # the number is finite, its slope is not
    with pytest.raises(InputError, match="not finite"):
        learning_stability(lambda x: x + jnp.inf, np.ones(2))  # the other way round


def spectrum(values, n):
    """What is found of a diagonal map of sixty numbers: eigenvalues by `values`, the rest zero."""
    diagonal = np.concatenate([values, np.zeros(60 - len(values))])
    return module._spectrum(lambda v: diagonal * np.ravel(v), 60, n, "there")


def test_inside_the_circle_the_others_lie_in_a_disk():
    """Its extreme points on the real line are what damping is judged on."""
    values, edge, direction = spectrum([0.7, -0.9, 0.8, 0.3], 3)
    assert values == pytest.approx([-0.9, 0.8, 0.7]) and edge == pytest.approx([-0.7, 0.7, 0.7])
    assert np.argmax(direction) == 1 and direction[1] == pytest.approx(1)


def test_outside_the_circle_the_rightmost_are_asked_for_too():
    """The others lie in |t| ≤ 1.5, Re t ≤ .2: the corners are .2 ± i √(1.5² − .2²)."""
    values, edge, _ = spectrum([-5.0, -4.0, -1.5, 0.4, 0.3, 0.2, 0.1, -0.5], 3)
    height = np.sqrt(1.5**2 - 0.2**2)
    assert values == pytest.approx([-5, -4, -1.5, 0.4, 0.3, 0.2])
    assert edge == pytest.approx([-1.5, 0.2 + 1j * height, 0.2 - 1j * height])


def test_those_that_are_both_large_and_right_are_listed_once():
    values, edge, _ = spectrum([3.0, -2.5, 2.0, 0.5, 0.1], 3)
    assert values == pytest.approx([3, -2.5, 2, 0.5]) and np.real(edge) == pytest.approx([-2, 0.5, 0.5])


def test_a_map_without_slope_has_one_eigenvalue_of_zero():
    values, vectors = module._arnoldi(lambda v: 0 * v, 50, 3, "LM", "there")
    assert values.tolist() == [0] and vectors.shape == (50, 1) and not vectors.any()


def test_an_iteration_that_fails_says_what_to_try(monkeypatch):
    def fails(*given, **options):
        raise scipy.sparse.linalg.ArpackError(-9999)

    monkeypatch.setattr(module.scipy.sparse.linalg, "eigs", fails)
    with pytest.raises(SolveError, match=r"there: .*did not find 3 eigenvalues of a map of 60 numbers.*one more or fewer"):
        spectrum([0.5], 3)


# ---- steps ----


def test_a_damped_map_goes_the_share_of_the_way():
    step = damped(lambda x: {"a": x["a"] + 4, "b": 3 * x["b"]}, 0.25)
    assert step({"a": 1.0, "b": 2.0}) == {"a": 2.0, "b": 3.0}


LOSSES = (lambda z: 3 * z[0] + z[0] * z[1] * z[2], lambda z: z[1] ** 2 + 2 * z[0] * z[1], lambda z: z[2] * z[1])


def test_players_step_at_once():
    """Slopes 3 + bc, 2b + 2a and b at (1, 2, 1): 5, 6, 2."""
    found = gradient_play(LOSSES, 0.1)((jnp.asarray(1.0), jnp.asarray(2.0), jnp.asarray(1.0)))
    assert [float(x) for x in found] == pytest.approx([0.5, 1.4, 0.8])


def test_extragradient_steps_take_the_slopes_of_where_a_first_step_leads():
    """There, at (.5, 1.4, .8), the slopes are 4.12, 3.8 and 1.4."""
    found = extragradient_play(LOSSES, 0.1)((jnp.asarray(1.0), jnp.asarray(2.0), jnp.asarray(1.0)))
    assert [float(x) for x in found] == pytest.approx([0.588, 1.62, 0.86])


# ---- rounds of a loop ----


def test_observed_contraction_is_that_of_the_last_four_rounds():
    """From 16 to 1 in four rounds is one half a round; what stands still has none."""
    trace = np.ones((6, 3))
    trace[:, 0] = [1e3, 16, 9, 8, 7, 1]
    trace[:, 1] = [1, 81, 1, 1, 1, 16]
    assert module._observed(trace) == pytest.approx({"rule": 0.5, "law": 2 / 3, "cross": 1})
    assert list(module._observed(trace)) == ["rule", "law", "cross"]
    assert module._observed(trace[:4]) == {} and len(module._observed(trace[:5])) == 3
    trace[-1, 0], trace[-5, 1] = 0, 0
    assert list(module._observed(trace)) == ["cross"]


class People(eqx.Module):
    """Of an economy's state only the cross-sections."""

    cross: dict


class Learns:
    """A learner of which only is known whether it asks for new shocks."""

    def __init__(self, fresh=False):
        self.fresh = fresh


LARGEST = float(np.finfo(float).max)


def toy(histogram: bool, learners: dict | None = None, stationary=False) -> tuple[Solution, Laboratory, LoopState]:
    """A solution whose round is two lines of arithmetic (`turned`)."""
    population: Any = object.__new__(Histogram) if histogram else Representative()
    lab = Laboratory(None, {"h": population}, learners or {"h": Learns()}, None, None, None, stationary)  # pyright: ignore
    parts = {
        "rule": jnp.array([4.0, 2.0]), "taste": jnp.array(3.0), "bound": jnp.array(LARGEST), "fixed": jnp.array(5.0),
        "reset": jnp.array(2.0), "count": jnp.array(7),
    }  # fmt: skip
    economy: Any = People({"h": jnp.array([[1.0, 3.0]])})
    trace = jnp.arange(30.0).reshape(10, 3)
    loop = LoopState(jnp.array(2), None, {"h": parts}, economy, trace, jnp.zeros(3), jnp.array(True), "mixed")  # pyright: ignore
    solution = Solution("toy", "fast", 0, lab, loop, failed("nothing was judged"), None, {})
    return solution, lab, loop


def turned(lab, loop):
    """rule ← ½ rule + cross; taste stays; fixed stays while the bound is finite; reset is 2 whatever it was."""
    parts, cross = loop.learners["h"], loop.economy.cross["h"]
    new = {
        **parts,
        "rule": 0.5 * parts["rule"] + cross[0],
        "fixed": parts["fixed"] + 0 * parts["bound"],
        "reset": jnp.array(2.0),
        "count": parts["count"] + 1,
    }
    return dataclasses.replace(loop, learners={"h": new}, economy=People({"h": 2 * cross}))


@pytest.fixture
def rounds(monkeypatch):
    """The loop's program is replaced by `turned`; what it was given is kept."""
    given = []

    def advance(lab, loop, count):
        given.append((int(loop.round), np.asarray(loop.distance).tolist(), int(count), loop.mixing))
        for _ in range(int(count)):
            loop = turned(lab, loop)
        trace = jnp.full((4, 3), float(len(given)))
        return dataclasses.replace(loop, round=loop.round + int(count), trace=trace)

    monkeypatch.setattr(module, "advance_compiled", advance)
    monkeypatch.setattr(module, "one_round", turned)
    return given


def test_a_round_is_a_map_of_what_it_changes(rounds):
    """What comes out as it went in is a parameter; the largest number stands for no bound, and is not made infinite."""
    solution, _, loop = toy(histogram=False)
    map_, x, trace = loop_map(solution)
    assert set(x) == {"learners.h.rule", "learners.h.reset", "economy.cross.h"}
    assert x["learners.h.rule"].tolist() == [4, 2] and trace.tolist() == np.arange(6.0).reshape(2, 3).tolist()
    after = map_(x)
    assert after["learners.h.rule"].tolist() == [3, 4] and after["economy.cross.h"].tolist() == [[2, 6]]
    assert after.keys() == x.keys()
    # The program of the solve ran one round from zero, as far from rest as can be, without mixing.
    assert rounds == [(0, [np.inf] * 3, 1, None)]
    assert loop.mixing == "mixed"


def test_of_a_histogram_only_shares_are_states(rounds):
    """Masses of 1 and 3 are shares of a quarter and three."""
    map_, x, _ = loop_map(toy(histogram=True)[0])
    after = map_(x)
    assert after["learners.h.rule"].tolist() == [2.25, 1.75] and after["economy.cross.h"].tolist() == [[0.5, 1.5]]


def test_further_rounds_come_four_at_a_time(rounds):
    """Ten more are 4 + 4 + 2, each counted from zero; their changes follow those of the solve."""
    _, x, trace = loop_map(toy(histogram=False)[0], 10)
    assert [count for _, _, count, _ in rounds] == [4, 4, 2, 1] and module.CHUNK == 4
    assert {(at, tuple(distance)) for at, distance, _, _ in rounds} == {(0, (np.inf,) * 3)}
    assert trace[:, 0].tolist() == [0, 3] + [1] * 4 + [2] * 4 + [3] * 2
    assert x["economy.cross.h"].tolist() == [[1024, 3072]]


def test_rounds_that_leave_the_numbers_are_refused(monkeypatch):
    _, lab, loop = toy(histogram=False)
    monkeypatch.setattr(module, "_rounds", lambda lab, loop, count: dataclasses.replace(loop, finite=jnp.asarray(count == 4)))
    with pytest.raises(InputError, match=r"stability: .*not finite came up after 8 more rounds.*rounds=0"):
        module._further(lab, loop, 10)


def test_the_report_of_a_loop(rounds, monkeypatch):
    """The eigenvalues of `turned`: one half twice, 2 of the cross-section twice, 0 of what is reset; six figures of changes."""
    found = module.stability(toy(histogram=False)[0])
    assert np.sort(np.real(found.eigenvalues)) == pytest.approx([0, 0.5, 0.5, 2, 2])
    assert found.where == "toy" and found.observed == {}  # two rounds are too few
    assert found.gap == pytest.approx(3 / 4)  # the cross-section moves by three, the largest number is four
    seen = {}

    def looked(map_, x, n, where):
        seen.update(n=n, where=where)
        return made(0.5)

    monkeypatch.setattr(module, "learning_stability", looked)
    more = module.stability(toy(histogram=False)[0], rounds=4)
    assert seen == {"n": 6, "where": "toy"}
    assert more.observed == pytest.approx({"rule": (2 / 3) ** 0.25, "law": (2 / 4) ** 0.25, "cross": (2 / 5) ** 0.25})


def test_loops_that_are_no_map_are_refused_by_name():
    with pytest.raises(InputError, match="stability of toy: without aggregate risk"):
        loop_map(toy(histogram=False, stationary=True)[0])
    several = {"a": Learns(), "h": Learns(fresh=True), "j": Learns(fresh=True)}
    with pytest.raises(InputError, match="stability of toy: Learns of h, Learns of j gets new shocks"):
        loop_map(toy(histogram=False, learners=several)[0])
