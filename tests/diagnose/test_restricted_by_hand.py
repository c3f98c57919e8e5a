"""The price of restricted perceptions and its laws, on arrays of a few numbers and stand-ins for what is solved."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import walras as w
from tests.diagnose.test_checks import Made
from walras._core.keys import root_key, stream
from walras.diagnose import laws
from walras.diagnose import restricted as module
from walras.diagnose.restricted import MOST, RECORDED, Restricted, applies
from walras.economy.information import Moments, Prices
from walras.economy.population import Histogram, Panel, Representative
from walras.economy.process import Chain
from walras.economy.rule import ViewInformation
from walras.economy.task import Field
from walras.learners import beliefs
from walras.learners.preset import PRESETS
from walras.learners.table import TableRule
from walras.numerics.interpolate import Axis, EvenAxis


def field_of(dates: int, info: Any = None, view: Any = None) -> Field:
    """A field of which only length, information and view are there."""
    zeros = np.zeros(dates)
    return Field(zeros, zeros, zeros if view is None else view, zeros, zeros if info is None else info, zeros)


def told(information, **parts) -> Any:
    """A table rule of which only the named parts are there."""
    rule = object.__new__(TableRule)
    for name, value in {"information": information, **parts}.items():
        object.__setattr__(rule, name, value)
    return rule


# ---- when it is asked, and what it says ----


class Worth(Restricted):
    """The check with gains that are given."""

    gains: tuple = ()

    def worth(self, evidence, name):
        """See the class."""
        return dict(self.gains)[name]


def test_the_dearest_of_restricted_types_is_told(monkeypatch):
    """Types whose rules see what the view says, or for which nothing richer is there, are not asked."""
    monkeypatch.setattr(module, "applies", lambda evidence, name: name != "never")
    rules = {name: SimpleNamespace(information=Prices(())) for name in ("a", "b", "never")}
    rules["view"] = SimpleNamespace(information=ViewInformation())
    evidence = Made(learning=list(rules), rules=rules)
    check = Worth(gains=(("a", (0.125, 0.01)), ("b", (0.5, 0.02))))
    (found,) = check.run(evidence, {})
    assert (found.figure, found.value, found.unit, found.threshold) == ("restricted_perceptions_percent", 0.5, "%", None)
    assert found.where == "a 0.12 ± 0.01 %, b 0.5 ± 0.02 % (± one standard error)"
    assert found.by_type == {"a": 0.125, "b": 0.5} and found.meaning == "Price of restricted perceptions"
    assert check.run(Made(learning=["view", "never"], rules=rules), {}) == []


def test_sizes_are_those_of_the_documentation():
    """Seven nodes a coordinate, two coordinates at most, sixty starts, fifteen hundred dates."""
    check = Restricted()
    assert (check.nodes, check.starts, check.horizon, MOST) == (7, 60, 1500, 2) and RECORDED.full


def evidence_of(rule, population=None, stationary=False, moments=(1.0, 2.0), coordinates=1) -> Made:
    lab = SimpleNamespace(stationary=stationary, populations={"h": population or object.__new__(Histogram)})
    dates = {"moments": {} if moments is None else {"h": np.array(moments)}, "views": {"h": coordinates}}
    return Made(lab=lab, rules={"h": rule}, dates=dates)


def test_where_something_richer_is_there(monkeypatch):
    monkeypatch.setattr(module.laws, "view_info", lambda views: (None, (0,) * views))
    view, cash = told(ViewInformation()), told(Prices(()))
    assert applies(evidence_of(view), "h") and applies(evidence_of(cash), "h")
    assert applies(evidence_of(view, object.__new__(Panel)), "h")
    assert not applies(evidence_of(view, Representative()), "h")
    assert not applies(evidence_of(view, stationary=True), "h")
    assert not applies(evidence_of(SimpleNamespace(information=ViewInformation())), "h")  # no table
    assert not applies(evidence_of(view, moments=None), "h")
    assert not applies(evidence_of(view, moments=(1.0, 1.0)), "h")  # a moment that stands still tells nothing
    assert applies(evidence_of(view, moments=(1.0, 1.0 + 1e-9)), "h")
    # A view of two coordinates leaves no room for a moment; who does not see the view gains from it all the same.
    assert not applies(evidence_of(view, coordinates=2), "h") and not applies(evidence_of(view, coordinates=3), "h")
    assert applies(evidence_of(cash, coordinates=2), "h")


def test_who_knows_the_moment_already_gains_only_from_the_view(monkeypatch):
    monkeypatch.setattr(module.laws, "view_info", lambda views: (None, (0,) * views))
    assert not applies(evidence_of(told(Moments("h", ("mean_log",)))), "h")
    assert applies(evidence_of(told(Moments("h", ("mean_log",), seen=Prices(())))), "h")
    assert applies(evidence_of(told(Moments("other", ("mean_log",)))), "h")
    assert applies(evidence_of(told(Moments("h", ("mean",)))), "h")


# ---- how it is measured ----


def test_starts_lie_in_the_second_half(monkeypatch):
    """Of 1,000 dates, 30 apart and followed for 100: from date 510 (17 · 30) to 900 (30 · 30), six at least."""
    monkeypatch.setattr(module, "discounted_away", lambda agent, field: agent)
    chosen, horizon, count = Restricted().stretches(100.0, field_of(1000), 30)
    assert (chosen.tolist(), horizon, count) == ([17, 19, 22, 24, 27, 30], 100, 5.0)
    chosen, horizon, count = Restricted().stretches(20.0, field_of(1000), 10)
    assert (chosen[0], chosen[-1], len(chosen), horizon, count) == (50, 98, 25, 20, 25.0)
    assert len(Restricted(starts=10).stretches(20.0, field_of(1000), 10)[0]) == 10
    assert Restricted(horizon=40).stretches(100.0, field_of(1000), 10)[1] == 40
    # Never longer than half of that half, so that at least two fit beside each other.
    assert Restricted().stretches(np.inf, field_of(1000), 10)[1:] == (250, 2.0)
    assert Restricted().stretches(120.0, field_of(1001), 10)[2] == 501 / 120


def test_laws_have_a_degree_more_than_those_of_the_rule(monkeypatch):
    """A belief about nothing but exogenous states says nothing of degrees: one in the law, the preset's in views."""
    monkeypatch.setattr(module.laws, "degrees_of", lambda belief: belief)
    lab = SimpleNamespace(preset=SimpleNamespace(euler=SimpleNamespace(view_degree=4)))
    some = Made(lab=lab, law=lambda name: ((2, 5), (None, ("K",))))
    none = Made(lab=lab, law=lambda name: ((2, 7), (None, ())))
    assert Restricted()._degrees(some, "h") == ((3, 6), True)
    assert Restricted()._degrees(none, "h") == ((2, 5), True)


def test_laws_are_fitted_to_the_first_half_and_sweeps_follow_the_discount(monkeypatch):
    """Until what is left counts 1 %: β = 10^(−3/d) is there after 2d/3 sweeps, at least 120, at most 600."""
    kept = {}

    def fitted(field, process, logs, degrees, sees_next):
        kept.update(fitted=np.asarray(field.exo).tolist(), logs=logs, degrees=degrees, sees_next=sees_next)
        return "belief"

    def solve(agent, exogenous, rule, belief, fields, nodes, sweeps):
        kept.update(fields=fields, belief=belief, nodes=nodes, sweeps=int(sweeps))
        return "better"

    monkeypatch.setattr(module.laws, "fitted", fitted)
    monkeypatch.setattr(module, "_solve", solve)
    monkeypatch.setattr(module, "discounted_away", lambda agent, field: agent)
    answer: Any = Restricted._answer.__wrapped__ if hasattr(Restricted._answer, "__wrapped__") else Restricted._answer
    info = (np.zeros(6, int), (np.array([1.0, 2.0, 3.0, -1.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 1.0, 1.0, 1.0])))
    known = dataclasses.replace(field_of(6, info), exo=np.arange(6.0))
    rule = told(RECORDED)
    for away, sweeps in ((301.0, 200), (60.0, 120), (np.inf, 600), (700.0, 466)):
        assert answer(Restricted(), away, None, rule, (known, known, 3), (2, 3), True) == "better"
        assert kept["sweeps"] == sweeps
    # Read in logs where positive at all dates that are used: the −1 comes later, zero is not positive.
    assert kept["fitted"] == [0, 1, 2] and kept["logs"] == (True, False) and kept["degrees"] == (2, 3)
    assert kept["sees_next"] is True and kept["belief"] == "belief" and kept["nodes"] == 7
    assert [len(field.exo) for field in kept["fields"]] == [3, 3]


# ---- the moment beside the view ----


def test_the_moment_enters_as_what_the_view_leaves_unexplained(monkeypatch):
    """On all pairs of c ∈ ±{1, 2}, x ∈ ±1 and e ∈ ±1 the moment is a quadratic in c and x, and e, half of c³ − 3.4 c
    and ⅔ of (c² − 2.5) x, which are orthogonal to all quadratics: left are these, of variance 1 + 3.6/4 + 2.25 · 4/9. Later
    dates are put to the same scale."""
    monkeypatch.setattr(module.beliefs, "exogenous_values", lambda process: np.array([[-1.0], [1.0]]))
    c, index, e = (a.ravel() for a in np.meshgrid([-2.0, -1.0, 1.0, 2.0], [0, 1], [-1.0, 1.0], indexing="ij"))
    index, later = index.astype(int), np.array([0, 1])
    x = 2 * index - 1
    left = e + 0.5 * (c**3 - 3.4 * c) + (c**2 - 2.5) * x / 1.5
    moment = lambda c, x: 5 + 2 * c + 3 * c**2 + 4 * x + 7 * c * x  # noqa: E731
    values = np.concatenate([moment(c, x) + left, np.array([2.0, -3.0]) + moment(np.array([3.0, 4.0]), np.array([-1, 1]))])
    field = field_of(18, (np.concatenate([index, later]), (np.concatenate([c, [3.0, 4.0]]) + 10,)))
    at, (first, second) = module._with_moment(field, values, 16, None)
    assert at.tolist() == [*index, 0, 1] and first == pytest.approx(field.info[1][0])
    assert second == pytest.approx(np.concatenate([left, [2.0, -3.0]]) / np.sqrt(2.9))


def test_a_coordinate_that_stands_still_explains_nothing(monkeypatch):
    monkeypatch.setattr(module.beliefs, "exogenous_values", lambda process: np.zeros((1, 0)))
    field = field_of(4, (np.zeros(4, int), (np.full(4, 3.0),)))
    _, (_, left) = module._with_moment(field, np.array([1.0, 3.0, 1.0, 7.0]), 2, None)
    assert left == pytest.approx([-1, 1, -1, 5])
    _, (_, none) = module._with_moment(field, np.full(4, 2.0), 2, None)  # what is explained wholly stays zero
    assert none == pytest.approx(np.zeros(4), abs=1e-2)


# ---- the gain ----


@dataclasses.dataclass(frozen=True)
class Given:
    """A rule by name."""

    name: str
    information: Any

    def tabulated(self):
        """Itself."""
        return self


class Answers(Restricted):
    """The check with stand-ins for what it solves."""

    fits: float = eqx.field(static=True, default=9.0)

    def _degrees(self, evidence, name):
        return (2, 3), True

    def _answer(self, agent, exogenous, rule, along, degrees, ahead):
        used, known, half = along
        assert (agent, exogenous, half, degrees, ahead) == ("agent", "chain", 5, (2, 3), True)
        return Given("richer" if known.info != used.info else "same", None)

    def stretches(self, agent, field, stride):
        return np.array([1, 2, 3, 4]), 50, self.fits


@pytest.fixture
def followed(monkeypatch):
    """What two rules get by name, instead of a simulation; what was asked for is kept."""
    gets = {"rule": [1.0, 2.0, 3.0, 4.0], "same": [0.0, 2.0, 2.0, 3.0], "richer": [2.0, 2.0, 5.0, 5.0]}
    seen: dict[str, Any] = {"pairs": [], "gets": gets}

    def follow(agent, population, field, rules, begun, key, horizon):
        (one, info), (other, richer) = rules
        assert one.information is RECORDED and other.information is RECORDED and field.info == info
        seen["pairs"].append((one.name, info, other.name, richer))
        seen.update(begun=begun, key=key, horizon=horizon, population=population)
        return (np.array([gets[one.name], gets[other.name]]), np.array([[40.0, 60.0, 50.0, 50.0], [1.0] * 4]))

    monkeypatch.setattr(module, "follow", follow)
    monkeypatch.setattr(module.periods, "agents", lambda economy: {"h": "agent"})
    monkeypatch.setattr(module.laws, "of_view", lambda field: dataclasses.replace(field, info=seen["view"]))
    monkeypatch.setattr(module, "_with_moment", lambda view, values, half, exogenous: ("moment", values.tolist(), half))
    seen["view"] = (0, ("K",))
    return seen


def evidence_for(information) -> Made:
    lab = SimpleNamespace(economy=SimpleNamespace(exogenous="chain"), populations={"h": "people"})
    return Made(
        lab=lab, rules={"h": Given("rule", information)}, field=lambda name: field_of(10, "own"), key=root_key(5), stride=20,
        dates={"moments": {"h": np.arange(4)}}, states=SimpleNamespace(cross={"h": jnp.arange(6.0) * 10}),
    )  # fmt: skip


def test_the_gain_is_in_per_cent_of_consumption(followed):
    """The rule gets 2.5 on average, its own law's answer less: gains of 1, 0, 2, 1 over a worth of 50 are 2 % on average,
    with a standard deviation of 1.633 (three degrees of freedom), of four starts that fit beside each other."""
    gain, error = Answers().worth(evidence_for(ViewInformation()), "h")
    assert gain == pytest.approx(2) and error == pytest.approx(np.sqrt(8 / 3) / 2)
    moment = ("moment", [0, 1, 2], 5)  # the last date has no field
    assert followed["pairs"] == [("rule", "own", "richer", moment), ("same", "own", "richer", moment)]
    begin, cross, memory = followed["begun"]
    assert begin.tolist() == [20, 40, 60, 80] and cross.tolist() == [10, 20, 30, 40] and memory is None
    assert followed["horizon"] == 50 and followed["population"] == "people"
    assert (followed["key"] == stream(root_key(5), "restricted")).all()
    # Of stretches that overlap only as many count as fit.
    assert Answers(fits=2.0).worth(evidence_for(ViewInformation()), "h")[1] == pytest.approx(np.sqrt(8 / 3) / np.sqrt(2))


def test_the_better_of_the_rule_and_its_own_answer_is_compared(followed):
    """With 3 at every start the answer is better than the rule: gains are −1, −1, 2, 2 over 50."""
    followed["gets"]["same"] = [3.0] * 4
    assert Answers().worth(evidence_for(ViewInformation()), "h")[0] == pytest.approx(1)
    # Who does not see the state has no law from which to answer.
    assert Answers().worth(evidence_for(Prices(())), "h")[0] == pytest.approx(2) and len(followed["pairs"]) == 3


def test_a_view_of_two_coordinates_gets_no_moment(followed):
    followed["view"] = (0, ("K", "Y"))
    Answers().worth(evidence_for(Prices(())), "h")
    assert followed["pairs"] == [("rule", "own", "richer", (0, ("K", "Y")))]


# ---- the start of the richer problem ----


def test_the_richer_problem_begins_with_the_rule_where_it_was_met(monkeypatch):
    """Four nodes from a fifth of the width beyond what was seen on either side; each takes the rule of the nearest date of its
    exogenous state."""
    monkeypatch.setattr(module, "prospect", lambda agent, exogenous, belief, axes: axes)
    monkeypatch.setattr(
        module, "sweep", lambda rule, ahead, first: dataclasses.replace(rule, table=rule.table + 1 + 10 * first)
    )
    agent, chain = w.economies.KrusellSmith.dhjj2010().household, Chain([0.9, 1.1], np.full((2, 2), 0.5))
    # The rule's table is 3 z + log k, on one risk state and two nodes of the own stock.
    axis = EvenAxis(0.0, 1.0, 4)
    table = 3.0 * jnp.arange(2)[:, None] + axis.nodes
    table = jnp.broadcast_to(table[:, :, None, None, None], (2, 4, 1, 2, 1))
    rule = TableRule(agent, table, (axis,), Axis(0.0, 1.0, 1.0, 2), RECORDED, (True,))
    index = jnp.array([0, 0, 0, 1, 1])
    mine = jnp.exp(jnp.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    rich = jnp.array([0.0, 4.0, 10.0, 1.0, 6.0])
    template = (jnp.zeros(()), jnp.zeros(()))
    shape = beliefs.shape_of(2, 1, (False,), (1, 1), True)
    belief = beliefs.blank(np.array([[-1.0], [1.0]]), np.zeros(1), template, shape)
    fields = (field_of(5, (index, (mine,))), field_of(5, (index, (rich,))))
    found = module._solve(agent, chain, rule, belief, fields, 4, np.int64(2))
    assert (float(found.axes[0].low), float(found.axes[0].high), found.axes[0].n) == (pytest.approx(-2), pytest.approx(12), 4)
    assert found.table.shape == (2, 4, 1, 2, 1) and found.information == RECORDED and found.logs == (False,)
    # Nodes −2, 2⅔, 7⅓, 12; dates 0, 4, 10 of the first state, 1 and 6 of the second. Two sweeps: 11 + 1.
    begun = np.asarray(found.table)[:, :, 0, 0, 0] - 12
    assert begun == pytest.approx(np.array([[0.1, 0.2, 0.3, 0.3], [3.4, 3.4, 3.5, 3.5]]), abs=1e-9)


# ---- laws ----


class Seen(eqx.Module):
    """A view of a state and one or no number."""

    z: Any
    k: Any

    def info(self):
        """(state, numbers)."""
        return self.z, (self.k,) if self.k is not None else ()


CHAIN = Chain([0.9, 1.1], np.array([[0.5, 0.5], [0.5, 0.5]]))


def lived(k, z) -> Field:
    """A field whose views are of k and z, its outcome 2 log k."""
    view = Seen(jnp.asarray(z), None if k is None else jnp.asarray(k))
    outcome = jnp.zeros(len(z)) if k is None else 2 * jnp.log(jnp.asarray(k))
    return dataclasses.replace(field_of(len(z), view=view), outcome=outcome, exo=jnp.asarray(z), info="restricted")


def test_a_law_in_logs_is_found_again():
    """log k' = ½ log k + .1 z': the belief steps so."""
    z = np.random.default_rng(0).integers(0, 2, 60)
    log_k = [0.7]
    for after in z[1:]:
        log_k.append(0.5 * log_k[-1] + 0.1 * after)
    field = lived(np.exp(log_k), z)
    seen = laws.of_view(field)
    assert seen.info[0].tolist() == z.tolist() and len(seen.info[1]) == 1 and field.info == "restricted"
    belief = laws.fitted(seen, CHAIN, (True,), (1, 1), True)
    assert belief.shape.logs == (True,) and belief.shape.sees_next and laws.degrees_of(belief) == (1, 1)
    at = lambda k, after: float(belief.step(0, jnp.log(jnp.array([k])), after)[0])  # noqa: E731
    assert at(1.1, 1) == pytest.approx(0.5 * np.log(1.1) + 0.1, abs=1e-5)
    assert at(1.1, 0) == pytest.approx(0.5 * np.log(1.1), abs=1e-5)
    # Regressors are scaled to ±1 over what was seen, so that the ridge is small beside them.
    assert float(belief.centre[0]) == pytest.approx(0.5 * (max(log_k) + min(log_k)))
    assert float(belief.scale[0]) == pytest.approx(0.5 * (max(log_k) - min(log_k)))
    assert float(belief.forecast(0, jnp.log(jnp.array([1.1])))[1]) == pytest.approx(2 * np.log(1.1), abs=1e-5)


def test_a_coordinate_that_does_not_move_has_a_width():
    field = laws.of_view(lived(np.full(6, 2.0), np.array([0, 1, 0, 1, 0, 1])))
    belief = laws.fitted(field, CHAIN, (False,), (1, 1), False)
    assert float(belief.scale[0]) == pytest.approx(1e-6) and float(belief.centre[0]) == pytest.approx(2)
    assert not belief.shape.sees_next


def test_where_only_the_state_is_seen_every_state_has_its_number():
    """No coordinates: one number a state, and nothing to forecast but the state itself."""
    field = dataclasses.replace(laws.of_view(lived(None, np.array([0, 1, 1, 0]))), outcome=jnp.array([3.0, 5.0, 5.0, 3.0]))
    belief = laws.fitted(field, CHAIN, (), (4, 4), True)
    assert belief.exo.tolist() == [[1, 0], [0, 1]] and laws.degrees_of(belief)[0] == 1
    forecast = lambda state: float(belief.forecast(state, jnp.zeros(0))[1])  # noqa: E731
    assert (forecast(0), forecast(1)) == (pytest.approx(3, abs=1e-5), pytest.approx(5, abs=1e-5))


def test_degrees_of_a_law_of_the_state(monkeypatch):
    """The preset's; with more than two states a law of one degree gets two. Coordinates are read in logs where positive."""
    kept = []
    monkeypatch.setattr(laws, "fitted", lambda field, process, logs, degrees, sees: kept.append((logs, degrees, sees)) or "law")
    standard = PRESETS["standard"]
    for law_degree in (1, 3):
        preset = dataclasses.replace(standard, euler=dataclasses.replace(standard.euler, law_degree=law_degree, view_degree=5))
        for states in (2, 3):
            process = SimpleNamespace(n=states)
            assert laws.of_state(lived(np.array([1.0, 2.0]), np.array([0, 1])), process, preset) == "law"
    assert [degrees for _, degrees, _ in kept] == [(1, 5), (2, 5), (3, 5), (3, 5)]
    assert {(logs, sees) for logs, _, sees in kept} == {((True,), True)}
    laws.of_state(lived(np.array([0.0, 2.0]), np.array([0, 1])), SimpleNamespace(n=2), standard)
    assert kept[-1][0] == (False,)


def test_degrees_are_the_largest_powers():
    law, views = ((0, 0), (2, 1), (0, 3)), ((4,), (1,))
    belief = beliefs.blank(
        np.zeros((2, 1)), np.zeros(1), (jnp.zeros(()), jnp.zeros(())), beliefs.Shape(law, views, (False,), True)
    )
    assert laws.degrees_of(belief) == (3, 4)
    empty = dataclasses.replace(belief, shape=beliefs.Shape(((),), ((),), (False,), True))
    assert laws.degrees_of(empty) == (0, 0)
    assert laws.degrees_of(dataclasses.replace(belief, shape=beliefs.Shape((), (), (False,), True))) == (0, 0)
