"""`check_economy` over the whole catalogue."""

import inspect

import pytest

import walras as w
from tests.contracts.catalogue import ECONOMIES
from walras.lab.request import calibrations
from walras.lab.request import economies as named_economies
from walras.testing.economies import contracts


@pytest.mark.parametrize("name", ECONOMIES)
def test_contract(name):
    constructor, situation = ECONOMIES[name]
    w.testing.check_economy(constructor(), situation=situation)


def test_the_list_is_complete():
    # Every calibration of every economy of the catalogue has its line.
    listed = {constructor for constructor, _ in ECONOMIES.values()}
    for cls in named_economies().values():
        for name in calibrations(cls):
            assert any(getattr(c, "__func__", None) is inspect.getattr_static(cls, name).__func__ for c in listed), name


def test_every_contract_says_what_it_asks():
    assert len(contracts()) == 16 and all(text.endswith(".") for text in contracts().values())


def test_a_waived_contract_must_exist():
    with pytest.raises(AssertionError, match="no contract is called 'feasable'"):
        w.testing.check_economy(w.economies.BrockMirman.textbook(), waived={"feasable": "a slip of the pen"})
