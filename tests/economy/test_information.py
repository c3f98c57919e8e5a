# pyright: reportAttributeAccessIssue=false
"""Each information reads what its name says, and can be saved and read again."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.waist.helpers import simulate
from walras._core.encode import decode, encode
from walras._core.errors import InputError, UnknownName
from walras.economies import HuggettPartial, HuggettRisk, KrusellSmith
from walras.economies.huggett import BondOwn
from walras.economies.krusell_smith import PriceView
from walras.economies.saver import CapitalOwn, Consumption
from walras.economy.information import Lags, Moments, Prices, Shares, in_logs, moment, seeing, sees_state
from walras.economy.period import Cross, Now
from walras.economy.population import Histogram
from walras.economy.rule import Information, Rule, ViewInformation
from walras.inputs import price_names
from walras.lab.request import Request, information
from walras.numerics.interpolate import Axis
from walras.solve import discretised

ONE = jnp.asarray(1.0)
VIEW = PriceView(0.04 * ONE, 1.2 * ONE, 0.0 * ONE, jnp.asarray(2), 5.0 * ONE)
PEOPLE = Cross(CapitalOwn(jnp.asarray([0.0, 1.0, 4.0, 9.0])), jnp.asarray([0.1, 0.2, 0.3, 0.4]), ONE)
NOW = Now(
    jnp.asarray(0), jnp.asarray(2), {"household": {"K": 5.0 * ONE}}, {}, {"r": 0.9 * ONE, "Y": 2.0 * ONE},
    cross={"household": PEOPLE},
)  # fmt: skip


def numbers(read) -> tuple[int, list[float]]:
    """(index, coordinates) as plain numbers."""
    return int(read[0]), [float(c) for c in read[1]]


def test_prices_are_fields_of_the_view_then_prices_of_the_economy():
    # The view's r, not the economy's; Y, which the view lacks, from the economy.
    assert numbers(Prices(("w", "r")).read((), VIEW, NOW.public())) == (0, [1.2, 0.04])
    assert numbers(Prices(("Y",), state=True).read((), VIEW, NOW.public())) == (2, [2.0])
    assert numbers(Prices(()).read((), VIEW, NOW.public())) == (0, [])
    assert numbers(ViewInformation().read((), VIEW, NOW.public())) == (2, [5.0])


def test_unknown_names_are_errors_with_the_nearest():
    with pytest.raises(UnknownName, match=r"'tax'.*Did you mean 'tau'"):
        Prices(("tax",)).read((), VIEW, NOW.public())
    with pytest.raises(UnknownName, match="'z'"):  # an exogenous state is no number
        Prices(("z",)).read((), VIEW, NOW.public())
    with pytest.raises(UnknownName, match="Did you mean 'mean_log'"):
        Moments("household", ("mean_lgo",))
    with pytest.raises(UnknownName, match="Did you mean 'household'"):
        Moments("houshold", ("mean",)).read((), VIEW, NOW)
    with pytest.raises(InputError, match="ascend"):
        Shares("household", (5.0, 1.0))


def test_moments_and_shares_by_hand():
    mean = 0.2 * 1 + 0.3 * 4 + 0.4 * 9
    variance = 0.1 * mean**2 + 0.2 * (1 - mean) ** 2 + 0.3 * (4 - mean) ** 2 + 0.4 * (9 - mean) ** 2
    logs = 0.2 * np.log(2) + 0.3 * np.log(5) + 0.4 * np.log(10)
    seen = Moments("household", ("mean", "variance", "mean_log")).read((), VIEW, NOW)
    assert int(seen[0]) == 2
    np.testing.assert_allclose(seen[1], [5.0, mean, variance, logs], rtol=1e-12)
    # A limit of −1: the same people, counted from there.
    below = Cross(BondOwn(PEOPLE.own.k - 1.0), PEOPLE.weight, ONE)
    np.testing.assert_allclose(moment("mean_log", below, -1.0), logs, rtol=1e-12)
    seen = Shares("household", (0.5, 4.0), seen=Prices(("r",))).read((), VIEW, NOW)
    assert int(seen[0]) == 0
    np.testing.assert_allclose(seen[1], [0.04, 0.1, 0.2], rtol=1e-12)  # 4 lies in the bin above, .7 above is left out


class Peek(Information):
    """Reads the cross-section without saying so."""

    full: bool = eqx.field(static=True, default=False)

    def start(self):
        return ()

    def step(self, memory, now):
        return ()

    def read(self, memory, view, now):
        return view.info()[0], (now.cross["household"].weight[0],)


def test_what_a_full_information_builds_on_reads_what_it_declares():
    for outer in (Moments("household", ("mean",), seen=Peek()), Shares("household", (1.0,), seen=Peek())):
        assert outer.full
        with pytest.raises(KeyError, match="household"):
            outer.read((), VIEW, NOW)
    assert not Lags(("r",), 1).full
    assert Lags(("r",), 1, seen=Moments("household", ("mean",))).full


class Saves(Rule):
    """Consumes 30 % of cash; keeps what it read."""

    household: eqx.Module
    information: Information

    def __call__(self, own, view, info, *, key=None):
        return Consumption(0.3 * self.household.cash(own, view))


def test_lags_are_the_prices_of_the_dates_before():
    economy = discretised(KrusellSmith.srl2025(), 3)
    rule = Saves(economy.household, Lags(("r", "household.K"), 2, seen=Prices(("r",))))
    keep = lambda now, before: (now.infos["household"], now.prices["r"], now.stocks["household"]["K"])  # noqa: E731
    run = simulate(economy, {"household": Histogram(Axis(0.0, 60.0, 5.0, 60), 60)}, {"household": rule}, 20, record=keep)
    (index, (now, r1, K1, r2, K2)), r, K = jax.tree_util.tree_map(np.asarray, run.record)
    assert not index.any() and r.std() > 1e-3
    np.testing.assert_array_equal(now, r)
    for found, series, lag in ((r1, r, 1), (K1, K, 1), (r2, r, 2), (K2, K, 2)):
        np.testing.assert_array_equal(found[lag:], series[:-lag])
        np.testing.assert_array_equal(found[:lag], series[:lag])  # nothing remembered yet: today's value


EVERY = [
    Prices(("r", "w")), Prices(("r",), state=True), Lags(("r",), 2), Lags(("r",), 1, seen=Prices(("w",))),
    Moments("household", ("mean", "mean_log"), -1.0), Shares("household", (1.0, 5.0), seen=Prices(("r",))),
]  # fmt: skip


@pytest.mark.parametrize("one", EVERY, ids=lambda one: type(one).__name__)
def test_saved_and_read_again(one, tmp_path):
    path = tmp_path / "information.safetensors"
    path.write_bytes(encode(one))
    again, _ = decode(path)
    assert eqx.tree_equal(again, one)
    known = numbers(one.read(one.start(), VIEW, NOW))
    assert numbers(again.read(again.start(), VIEW, NOW)) == known


def test_who_sees_the_state_and_what_is_read_in_logs():
    assert [sees_state(one) for one in EVERY] == [False, True, True, False, True, False]
    assert all(sees_state(seeing(one)) for one in EVERY)
    assert sees_state(ViewInformation()) and seeing(ViewInformation()) == ViewInformation()
    # Capital of the view in logs; a rate, a moment and a share as they are.
    assert in_logs(ViewInformation(), (5.0,)) == (True,)
    assert in_logs(Prices(("r", "w")), (0.04, 1.2)) == (False, False)
    assert in_logs(Moments("household", ("mean",)), (5.0, 5.0)) == (True, False)
    assert in_logs(Shares("household", (1.0,), seen=Lags(("r",), 1)), (5.0, 0.04, 0.2)) == (True, False, False)


def test_which_prices_move():
    assert price_names(discretised(KrusellSmith.srl2025(), 3), "household") == ("r", "w")  # its tax is always zero
    assert price_names(KrusellSmith.dhjj2010(), "household") == ("r", "w", "tau")
    assert price_names(discretised(HuggettRisk.srl2025_rate(), 3), "household") == ("r",)
    assert price_names(discretised(HuggettPartial.srl2025(), 3), "household") == ("r",)


def asked(text: str, economy=None, name: str = "household"):
    """The information that `--information NAME=TEXT` stands for."""
    request = Request(economy="x", calibration="y", information={name: text})
    return information(request, economy or KrusellSmith.srl2025())[name]


def test_the_command_line_names_them():
    low = HuggettRisk.srl2025()
    for text, one in {
        "view": ViewInformation(),
        "prices": Prices(("r", "w")),
        "prices:r": Prices(("r",)),
        "prices+state:r": Prices(("r",), state=True),
        "lags:2": Lags(("r",), 2),
        "lags:1,w": Lags(("w",), 1),
        "moments": Moments("household", ("mean_log",)),
        "moments:mean,variance": Moments("household", ("mean", "variance")),
        "shares:1,5": Shares("household", (1.0, 5.0)),
    }.items():
        assert eqx.tree_equal(asked(text), one), text
    assert eqx.tree_equal(asked("moments", low), Moments("household", ("mean_log",), -1.0))
    with pytest.raises(UnknownName, match="Did you mean 'prices'"):
        asked("price")
    with pytest.raises(UnknownName, match="Did you mean 'household'"):
        asked("prices", name="houshold")
    for text in ("lags", "lags:many", "shares", "shares:some"):
        with pytest.raises(InputError, match="need"):
            asked(text)


def test_a_record_without_prices_has_none():
    leader = dataclasses.replace(NOW, prices=None)
    with pytest.raises(UnknownName, match="'r'"):
        Prices(("r",)).read((), SimpleViewless(jnp.asarray(0)), leader.public())


@dataclasses.dataclass
class SimpleViewless:
    """A view of nothing."""

    z: jax.Array

    def info(self):
        return self.z, ()


def test_lags_of_several_numbers_are_kept_date_by_date():
    # Two fields, three lags: six coordinates, those of one date together; two dates have passed, so that today fills the third.
    one = Lags(("r", "household.K"), 3, seen=Prices(("w",)))
    memory = one.start()
    assert memory[2].shape == (3, 2) and int(memory[1]) == 0 and one.levels() == 7
    for r, K in ((0.1, 1.0), (0.2, 2.0)):
        now = dataclasses.replace(NOW, prices={"r": r * ONE}, stocks={"household": {"K": K * ONE}}).public()
        memory = one.step(memory, now)
    assert int(memory[1]) == 2
    assert numbers(one.read(memory, VIEW, NOW.public())) == (0, [1.2, 0.2, 2.0, 0.1, 1.0, 0.9, 5.0])
    assert numbers(one.read(one.start(), VIEW, NOW.public())) == (0, [1.2, *[0.9, 5.0] * 3])


def test_how_many_coordinates_are_read_as_they_are():
    # Prices all, lags × fields, a number for each moment and edge, and those of what is seen below.
    assert [one.levels() for one in EVERY] == [2, 1, 2, 2, 2, 3]
    assert Lags(("r", "w"), 3, seen=Prices(("r",))).levels() == 7
    assert Moments("household", ("mean",), seen=Prices(("r", "w"))).levels() == 3
    # A coordinate that is not positive is read as it is.
    assert in_logs(ViewInformation(), (5.0, 0.0, -1.0)) == (True, False, False)


def test_whose_cross_section_is_read_and_from_where():
    # Defaults: the view below, a limit of zero, declared; the state is added to what is seen, not to what is told beside.
    one = Moments("household", ("mean",))
    assert one.low == 0.0 and one.full and isinstance(one.seen, ViewInformation) and one.start() == one.step((), NOW) == ()
    assert not Prices(("r",)).state and not Prices(("r",)).full and Prices(("r",)).start() == Prices(("r",)).step((), NOW) == ()
    state = seeing(Moments("household", ("mean",), seen=Prices(("r",))))
    assert eqx.tree_equal(state, Moments("household", ("mean",), seen=Prices(("r",), state=True)))
    assert eqx.tree_equal(seeing(Lags(("r",), 2, seen=Prices(("r",)))), Lags(("r",), 2, seen=Prices(("r",), state=True)))
    # What is seen below goes on remembering.
    deep = Moments("household", ("mean",), seen=Lags(("r",), 1, seen=Prices(())))
    memory = deep.step(deep.start(), NOW)
    assert numbers(deep.read(memory, VIEW, dataclasses.replace(NOW, prices={"r": 0.3 * ONE})))[1][0] == 0.9


def test_stocks_below_their_limit_by_rounding_count_as_at_it():
    below = Cross(CapitalOwn(jnp.asarray([-1e-3, 1.0])), jnp.asarray([0.5, 0.5]), ONE)
    np.testing.assert_allclose(float(moment("mean_log", below)), 0.5 * np.log(2), rtol=1e-15)
    assert float(moment("mean", below)) == 0.4995


def test_equal_edges_of_bins_are_refused():
    with pytest.raises(InputError, match="information of household: edges of bins must ascend"):
        Shares("household", (1.0, 1.0))
    assert [float(s) for s in Shares("household", (1.0, 4.0, 9.5)).numbers(PEOPLE)] == pytest.approx([0.1, 0.2, 0.7])
