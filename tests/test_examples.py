"""Every example runs to its end at toy size, and everything that it solves is certified."""

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, monkeypatch, capsys):
    """In this process, as a script, with the preset `fast`."""
    monkeypatch.setattr(sys, "argv", [str(path), "--preset", "fast"])
    runpy.run_path(str(path), run_name="__main__")
    verdicts = re.findall(r"\b(?:not-)?certified\b|\bfailed\b", capsys.readouterr().out)
    assert verdicts and set(verdicts) == {"certified"}


def test_they_are_numbered():
    """The number says in which order to read them; none is missed by the pattern above."""
    assert [path.name[:3] for path in EXAMPLES] == [f"{number:02d}_" for number in range(1, len(EXAMPLES) + 1)]
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_they_stay_short(path):
    """An example that does not fit on a page is no example; one with a whole economy in it may take two."""
    assert len(path.read_text(encoding="utf-8").splitlines()) < (180 if "own_economy" in path.name else 60)
