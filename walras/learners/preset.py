"""Named sizes and tolerances. No tolerance that decides accuracy has a hidden default: a preset is chosen and printed."""

import dataclasses

from walras._core.errors import UnknownName


@dataclasses.dataclass(frozen=True)
class EulerSizes:
    """Sizes of `EulerIteration`.

    `nodes` of the own stock, `coordinate_nodes` of the aggregate coordinate, `sweeps` a round, degrees of law and view fit;
    `wide` and `bend`: first grid top and pivot, in units of the stock at birth; `guard`: band left and right of what was
    seen, as a share of its width; `placing_rounds`: rounds in which the coordinate grid may still move. Own nodes go up to
    2.5 times where `tail_share` of the stationary mass lies above.

    `clearing`, `representative`, `several`: share of the way that the law moves in a round, sweeps and placing rounds where
    one type's prices clear a market, where a representative lives alone (its best answer to a law overshoots many times), and
    where several types meet in cleared markets; there the bands are wider (`several_guard`): where the nodes end, so does the
    answer of demand to the interest rate. `outcome_step`: share of the way that forecasts of views and outcomes move in a round where
    choices of the same date make them, `outcome_alone` that of both law and forecasts where a representative makes them.
    """

    nodes: int
    coordinate_nodes: int
    sweeps: int
    law_degree: int
    view_degree: int
    wide: float = 40.0
    bend: float = 0.25
    guard: float = 0.35
    placing_rounds: int = 6
    tail_share: float = 1e-12
    household_tolerance: float = 1e-10
    clearing: tuple[float, int, int] = (0.5, 2, 25)
    representative: tuple[float, int, int] = (0.03, 40, 0)
    several: tuple[float, int, int] = (1.0, 1, 20)
    several_guard: float = 0.6
    outcome_step: float = 0.3
    outcome_alone: float = 0.015


@dataclasses.dataclass(frozen=True)
class StructuralSizes:
    """Sizes of `StructuralRL`.

    `paths` × `dates` are simulated in each of `rounds`; in the first `warm_rounds` only grids and critic move;
    `coordinate_nodes` of each aggregate coordinate; `rate`: longest step of the logits, which steps grow to over the first `ramp_rounds`,
    and of which `decay` is left at the end; the parameters are averaged over `average_rounds`; rounds end early where the residual of the first-order conditions is below
    `tolerance`. The share `people` of the weight lies on the people who are there, the rest on all nodes alike; beyond the
    stretch nothing is worth anything unless `tail`. `form`: of the rule. `nodes` of the own stock, which are those of the histogram.
    """

    rounds: int
    paths: int
    dates: int
    warm_rounds: int = 20
    ramp_rounds: int = 0
    coordinate_nodes: int = 12
    rate: float = 0.02
    average_rounds: int = 200
    chasing_rounds: int = 10
    tolerance: float = 1e-4
    decay: float = 0.1
    people: float = 0.5
    tail: bool = True
    form: str = "smooth"
    nodes: int = 150


@dataclasses.dataclass(frozen=True)
class DeepSizes:
    """Sizes of `DeepEuler`.

    `paths` × `dates` are simulated in each of `rounds`; in a round `refreshes` times some `points` are drawn and targets made
    at them, each time for `steps` steps of Adam on `batch` of them, whose `rate` falls along a cosine to `final` of it. `nodes` of the
    own stock and `coordinate_nodes` of each coordinate where the rule is tabulated. `units` of each of the two hidden layers,
    `features` of own states that the aggregate information weighs.
    """

    rounds: int
    paths: int
    dates: int
    refreshes: int
    steps: int
    points: int = 3000
    batch: int = 64
    rate: float = 1e-2
    final: float = 0.01
    nodes: int = 200
    coordinate_nodes: int = 10
    units: int = 32
    features: int = 64
    tolerance: float = 0.0


@dataclasses.dataclass(frozen=True)
class ModelFreeSizes:
    """Sizes of `Reinforce`, `PPO` and `SAC`.

    `paths` × `dates` are simulated in each of `rounds`; `people` of a cohort live along each path (those who explore in the economy
    are as many as there are). `units` of each of two hidden layers. A round takes `epochs` of steps on its experience in
    `batches` parts; `rates` of actor and critic, gradients cut at `clip_norm`. Until the share `hold` of the rounds all stays
    wide; then rates fall to `final` of what they were. The rule is the average over the last share `averaged` of the rounds. In the
    first `warm_rounds` only the critic learns.
    """

    rounds: int
    paths: int
    dates: int
    people: int
    units: int = 64
    epochs: int = 4
    batches: int = 4
    rates: tuple[float, float] = (1e-3, 3e-3)
    clip_norm: float = 1.0
    hold: float = 0.3
    final: float = 0.02
    averaged: float = 0.25
    warm_rounds: int = 10
    tolerance: float = 0.0


@dataclasses.dataclass(frozen=True)
class Preset:
    """What one name of `--preset` stands for.

    `paths` × `dates` are simulated in every round; `histogram_nodes` of a histogram that is not placed by hand; the loop
    stops when the estimated distances of rule and law to the fixed point are below `tolerance` and that of the
    cross-section (share of people who are elsewhere) is below `cross_tolerance`, or after `max_rounds`. Where rounds are mixed
    (several types in one market) the changes of three rounds must be below `mixed_tolerance` instead.
    """

    name: str
    euler: EulerSizes
    structural: StructuralSizes
    histogram_nodes: int
    stationary_nodes: int
    paths: int
    dates: int
    tolerance: float
    cross_tolerance: float
    stationary_tolerance: float
    max_rounds: int
    exogenous_states: int
    certificate_dates: int
    mixed_tolerance: float
    deep: DeepSizes = DeepSizes(300, 8, 8, 4, 48)
    model_free: ModelFreeSizes = ModelFreeSizes(400, 16, 50, 100)


PRESETS = {
    "fast": Preset(
        "fast",
        EulerSizes(120, 8, 30, 1, 3),
        StructuralSizes(300, 6, 30, ramp_rounds=40),
        150,
        300,
        8,
        150,
        1e-4,
        5e-3,
        1e-6,
        80,
        7,
        3_000,
        3e-4,
        DeepSizes(150, 8, 8, 4, 48),
        ModelFreeSizes(200, 16, 30, 20),
    ),
    "standard": Preset(
        "standard",
        EulerSizes(200, 10, 40, 1, 3),
        StructuralSizes(550, 8, 40, average_rounds=300, ramp_rounds=40),
        250,
        1000,
        8,
        250,
        2e-5,
        1e-3,
        1e-9,
        150,
        9,
        10_000,
        1e-4,
    ),
    "precise": Preset(
        "precise",
        EulerSizes(400, 16, 40, 3, 4),
        StructuralSizes(1500, 32, 60, average_rounds=800, nodes=500, ramp_rounds=40),
        500,
        2000,
        8,
        1000,
        2e-6,
        1e-4,
        1e-10,
        300,
        9,
        10_000,
        1e-5,
        DeepSizes(1200, 8, 8, 4, 48),
        ModelFreeSizes(1000, 32, 50, 200),
    ),
}
# As printed by Yang, Wang, Schaab and Moll (2025), Tables 4 and 5; docs/choose-a-learner.md says what has no counterpart here.
PAPER = StructuralSizes(
    1000,
    512,
    90,
    warm_rounds=50,
    coordinate_nodes=30,
    rate=5e-4,
    average_rounds=1,
    tolerance=0.0,
    decay=0.5,
    people=0.0,
    tail=False,
    form="free",
    nodes=200,
)
PRESETS["paper"] = dataclasses.replace(PRESETS["standard"], name="paper", structural=PAPER, histogram_nodes=200)


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UnknownName: with the nearest one.
    """
    if name not in PRESETS:
        raise UnknownName("preset", name, PRESETS)
    return PRESETS[name]
