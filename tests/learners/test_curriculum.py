"""Curricula: schedules by hand, what they refuse, and what they do in the loop of learning."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from walras import lessons
from walras._core.encode import decode_bytes, encode
from walras._core.errors import InputError, UnknownName
from walras.economies import CurryRBC
from walras.inputs import with_parameters
from walras.lab import store
from walras.lab.request import Request
from walras.lab.request import curriculum as named
from walras.learners import Collapse, Curriculum, Reinforce, Stage
from walras.learners.preset import ModelFreeSizes, preset
from walras.loop import advance
from walras.solution import Solution, loaded
from walras.solve import laboratory

SIZES = ModelFreeSizes(8, 2, 4, 0, units=4, epochs=1, batches=1, warm_rounds=0)
TYPES = ("consumer", "firm", "government")
ECONOMY = CurryRBC.open().sized({"consumer": 2, "firm": 2})
STAGES = (
    Stage(
        0.5,
        ("consumer",),
        {"firm.menu.p_high": (1000, 2500), "firm.menu.p_low": (1000, 0), "consumer.theta": (0, 0.01)},
        masks={"government.rates": (True,) + (False,) * 35},
        entropy={"consumer": (10, 1)},
    ),
    Stage(0.5, entropy=(2, 1), pace={"firm": 0.5}),
)
CURRICULUM = Curriculum(STAGES, Collapse("consumer", "hours", 1e9, patience=1, memory=1, restarts=1))
"""It dies once, in its second round."""


def begun(curriculum, seed=0, economy=ECONOMY, learner=None):
    learner = learner or Reinforce(entropy=0.05, sizes=SIZES, start="middle")
    return laboratory(economy, dict.fromkeys(TYPES, learner), None, None, preset("fast"), seed, curriculum)


@pytest.fixture(scope="module")
def start():
    return begun(CURRICULUM)


# ---- schedules ----


def test_where_a_round_is():
    assert CURRICULUM.begins(8).tolist() == [0, 4, 8]
    assert Curriculum.curry2022().begins(200).tolist() == [0, 30, 60, 200]
    assert [int(CURRICULUM.number(jnp.asarray(r), 8)) for r in (0, 3, 4, 7, 8)] == [0, 0, 1, 1, 1]


def test_parameters_move_evenly_and_are_the_economys_own_where_a_stage_does_not_name_them():
    own = {
        name: jnp.asarray(x) for name, x in (("firm.menu.p_high", 2500.0), ("firm.menu.p_low", 0.0), ("consumer.theta", 0.01))
    }
    values = [CURRICULUM.parameters(jnp.asarray(r), 8, own) for r in range(8)]
    np.testing.assert_allclose([v["firm.menu.p_high"] for v in values], [1000, 1500, 2000, 2500, 2500, 2500, 2500, 2500])
    np.testing.assert_allclose([v["consumer.theta"] for v in values[:4]], [0, 0.01 / 3, 0.02 / 3, 0.01])
    assert float(values[3]["consumer.theta"]) == 0.01  # to the last bit


def test_factors_move_by_equal_ratios():
    at = lambda what, name, r: float(CURRICULUM.factor(what, name, jnp.asarray(r), 8))  # noqa: E731
    np.testing.assert_allclose(
        [at("entropy", "consumer", r) for r in (0, 1, 3, 4, 7)], [10, 10 ** (2 / 3), 1, 2, 1], rtol=1e-12
    )
    np.testing.assert_allclose([at("entropy", "firm", r) for r in (0, 4, 7)], [1, 2, 1])
    np.testing.assert_allclose([at("pace", "firm", r) for r in (0, 4)], [1, 0.5])
    nothing = Curriculum((Stage(1.0, entropy=(1, 0)),))
    np.testing.assert_allclose(
        [float(nothing.factor("entropy", "x", jnp.asarray(r), 5)) for r in range(5)], [1, 0.75, 0.5, 0.25, 0]
    )


def test_who_learns_and_masks():
    assert [bool(CURRICULUM.learns("firm", jnp.asarray(r), 8)) for r in (3, 4)] == [False, True]
    assert bool(CURRICULUM.learns("consumer", jnp.asarray(0), 8))
    masks = [CURRICULUM.masks("government", jnp.asarray(r), 8)["rates"] for r in (0, 4)]
    assert masks[0].sum() == 1 and masks[1].sum() == 36 and CURRICULUM.masks("firm", jnp.asarray(0), 8) == {}


def test_it_is_said_in_lines():
    first, second = CURRICULUM.lines(8)
    assert first.startswith("rounds 1 to 4: consumer learns; firm.menu.p_high 1000 → 2500;")
    assert second == "rounds 5 to 8: everybody learns; entropy × 2 → 1; pace of firm × 0.5"


# ---- refusals ----


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Stage(0), r"share of the rounds must lie in \(0, 1\]"),
        (lambda: Stage(1, ()), "it trains nobody"),
        (lambda: Stage(1, masks={"firm.posted": (False, False)}), "mask of 'firm.posted' leaves no action"),
        (lambda: Stage(1, entropy={"firm": (1, -1)}), "factor on entropy of 'firm' is negative"),
        (lambda: Collapse("consumer", "hours", 26, memory=0), "memory must be 1 at least"),
        (lambda: Curriculum(()), "must sum to one"),
        (lambda: Curriculum((Stage(0.5), Stage(0.4))), "must sum to one"),
    ],
)
def test_what_cannot_be_written(make, match):
    with pytest.raises(InputError, match=match):
        make()


@pytest.mark.parametrize(
    ("stage", "error", "match"),
    [
        ({"learn": ("farm",)}, UnknownName, "firm"),
        ({"entropy": {"consumers": 2}}, UnknownName, "consumer"),
        ({"parameters": {"firm.menu.phigh": 1}}, UnknownName, "p_high"),
        ({"parameters": {"firm.alpha": 0.5}}, InputError, r"firm.alpha is 5 numbers.*alpha\[0\]"),
        ({"parameters": {"consumer.beta": 1.5}}, InputError, "must lie in"),
        ({"parameters": {"firm.menu.p_low": 600, "firm.menu.p_high": 900}}, InputError, "no price of the grid"),
        ({"parameters": {"consumer.theta": 0.02}}, InputError, "it ends with consumer.theta at 0.02, which in the economy is 0.01"),
        ({"parameters": {"firm.menu.p_high": (0, 2500)}, "masks": {"firm.posted": (False,) * 29 + (True,)}}, InputError,
         "leave no action together"),
        ({"masks": {"firm.prices": (True, False)}}, UnknownName, "posted"),
        ({"masks": {"firm.posted": (True, False)}}, InputError, "needs 30 values"),
        ({"masks": {"firm.posted": (True,) * 30}}, InputError, "last stage masks"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_before_the_first_round(start, stage, error, match):
    lab, loop = start
    with pytest.raises(error, match=match):
        lessons.check(Curriculum((Stage(1.0, **stage),)), lab.economy, lab.learners, loop.learners, 8)


def test_masks_need_a_learner_that_takes_them():
    curriculum = Curriculum((Stage(1.0, masks={"household.c": (True,)}),))
    with pytest.raises(InputError, match="takes no masks"):
        laboratory(
            w.economies.BrockMirman.textbook(),
            {"household": w.learners.EulerIteration()},
            None,
            None,
            preset("fast"),
            0,
            curriculum,
        )


# ---- at work ----


def test_heads_follow_the_bounds_and_the_masks_of_a_round(start):
    lab, loop = start
    admitted = lambda r, name: (  # noqa: E731
        lessons.at_round(lab, dataclasses.replace(loop, round=jnp.asarray(r)))[1].learners[name].rule.heads.heads[0].mask
    )
    assert [int(admitted(r, "firm").sum()) for r in range(5)] == [5, 10, 20, 30, 30]  # five wages for each price
    assert [int(admitted(r, "government").sum()) for r in (0, 4)] == [1, 36]


def test_rounds_of_a_curriculum(start, tmp_path):
    """Who does not learn stands still; a stage begins again where the economy died, with other random numbers; the rounds end in the
    economy itself; what was saved in between goes on, in pieces of another length, to the same bits."""
    lab, loop = start
    seen = [loop]
    for _ in range(10):
        seen.append(advance(lab, seen[-1], 1))
    assert [int(s.round) for s in seen] == [0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert [int(s.anchor.restarts) for s in seen[:5]] == [0, 0, 1, 1, 1] and float(seen[-1].anchor.alive) > 0
    own = lambda s, name: np.asarray(s.learners[name].rule.network.own)  # noqa: E731
    assert np.array_equal(own(seen[2], "consumer"), own(loop, "consumer")) and not np.array_equal(
        own(seen[1], "consumer"), own(seen[3], "consumer")
    )
    half, end = seen[6], seen[-1]
    assert [not np.array_equal(own(half, n), own(loop, n)) for n in TYPES] == [True, False, False]
    assert [int(half.learners[n].rounds) for n in TYPES] == [4, 0, 0]
    assert np.array_equal(np.asarray(half.anchor.learners["consumer"].rule.network.own), own(half, "consumer"))
    assert [int(end.learners[n].rounds) for n in TYPES] == [8, 4, 4] and bool(end.finite)
    assert float(end.learners["firm"].rule.agent.menu.p_high) == 2500.0
    assert bool(end.learners["firm"].rule.heads.heads[0].mask.all())
    saved, _ = decode_bytes(encode({"lab": lab, "loop": seen[3]}), tmp_path)  # as a checkpoint does
    pieces = advance(saved["lab"], saved["loop"], 7)
    for a, b in zip(jax.tree_util.tree_leaves(pieces), jax.tree_util.tree_leaves(end), strict=True):
        same = jax.random.key_data if jnp.issubdtype(a.dtype, jax.dtypes.prng_key) else np.asarray
        assert np.array_equal(same(a), same(b))


def test_a_flow_that_does_not_exist(start):
    lab, loop = start
    curriculum = dataclasses.replace(CURRICULUM, collapse=Collapse("consumer", "hour", 1.0))
    with pytest.raises(UnknownName, match="hours"):
        advance(dataclasses.replace(lab, curriculum=curriculum), loop, 1)


def test_a_learner_by_conditions_follows_it_to_the_same_rule():
    """Euler iteration in an economy whose discount factor moves for a while ends where it ends without that."""
    economy = w.economies.BrockMirman.textbook()
    moving = Curriculum((Stage(0.3, parameters={"household.beta": (0.955, float(economy.household.beta))}), Stage(0.7)))
    plain, staged = (w.solve(economy, preset="fast", curriculum=given) for given in (None, moving))
    assert staged.verdict == plain.verdict == "certified"
    for name, figure in plain.moments().items():
        assert staged.moments()[name] == pytest.approx(figure, rel=preset("fast").tolerance), name  # both end within that


# ---- asked for by name, and told in the run folder ----


def test_a_request_names_a_curriculum():
    asked = {"economy": "curry-rbc", "calibration": "open"}
    assert named(Request.read(asked, "here")) is None
    assert named(Request.read(asked | {"curriculum": "curry2022"}, "here")) == Curriculum.curry2022()
    with pytest.raises(UnknownName, match="curry2022"):
        named(Request.read(asked | {"curriculum": "curry2023"}, "here"))


def test_the_released_stages_fit_the_released_economy():
    """The first rounds of `curry2022` in `curry-rbc`: one price, one wage, no tax; it ends in the economy as it is."""
    economy, curriculum = CurryRBC.open(), Curriculum.curry2022()
    first = with_parameters(economy, {name: ends[0] for name, ends in curriculum.stages[0].parameters})
    assert int(first.firm.menu.spaces(10).posted.admitted.sum()) == 1
    assert int(first.government.menu.spaces(10).rates.admitted.sum()) == 1
    last = with_parameters(economy, {name: ends[1] for name, ends in curriculum.stages[1].parameters})
    assert int(last.government.menu.spaces(10).rates.admitted.sum()) == 36


def test_the_summary_tells_stages_and_restarts(start):
    lab, loop = start
    told = store.curriculum_of(Solution("CurryRBC", "fast", 0, lab, loop, loaded(), None, {}))
    assert told == {"curriculum": {"stages": CURRICULUM.lines(8), "restarts": 0}}
