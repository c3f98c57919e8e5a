"""The documentation says what the code says: thresholds, presets, contracts, verbs, names, calibrations."""

import ast
import re
from pathlib import Path

import pytest

import walras as w
from walras.diagnose.certificate import STANDARD, thresholds
from walras.lab.request import calibrations, economies
from walras.learners.preset import PRESETS
from walras.testing.economies import contracts
from walras.testing.learners import CONTRACTS as LEARNER_CONTRACTS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])


def rows(page: str) -> dict[str, list[str]]:
    """The rows of all tables of a page, by their first cell (back quotes removed)."""
    found = {}
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            found[first.strip("`")] = cells
    return found


def number(text: str) -> float:
    """A number as the pages write it: a true minus sign, no zero before the point."""
    return float(text.replace("−", "-").replace(",", ""))


def test_thresholds():
    table = rows("certificate.md")
    assert len(STANDARD) > 8
    for figure in STANDARD:
        _, _, standard, precise = table[figure]
        assert number(standard) == pytest.approx(STANDARD[figure]), figure
        assert number(precise) == pytest.approx(thresholds("precise")[figure]), figure


def test_presets():
    table = rows("choose-a-learner.md")
    names = ("fast", "standard", "precise")
    for field in ("nodes", "coordinate_nodes", "sweeps", "law_degree", "view_degree"):
        assert [number(x) for x in table[field][1:]] == [getattr(PRESETS[n].euler, field) for n in names], field
    assert [number(x) for x in table["(markets that clear)"][1:]] == [PRESETS[n].euler.clearing[1] for n in names]


def test_contracts():
    text = (DOCS / "extend.md").read_text(encoding="utf-8")
    for name in [*contracts(), *(contract.__name__ for contract in LEARNER_CONTRACTS)]:
        assert f"`{name}`" in text, name


def test_verbs():
    from walras.cli import app

    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    verbs = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert len(verbs) >= 8
    for verb in verbs:
        assert f"walras {verb}" in text, verb


def test_every_public_name_has_its_reference():
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    for name in [*w.__all__, *w.economies.__all__, *w.learners.__all__, "check_economy", "check_learner"]:
        assert re.search(rf"\b{name}\b", text), name


def test_every_economy_has_its_page_and_calibrations():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for name, cls in economies().items():
        text = (DOCS / "economies" / f"{name}.md").read_text(encoding="utf-8")
        assert f"economies/{name}.md" in navigation
        for calibration in calibrations(cls):
            assert f"`{calibration}`" in text, f"{name}: {calibration}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_on_the_pages_parses(page):
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        ast.parse(block)


def test_there_are_pages():
    assert len(PAGES) > 14


def test_a_result_that_is_there_is_shown():
    # `<!-- later: NAME.csv -->` holds the place of a table that no run has written yet.
    for page in PAGES:
        for name in re.findall(r"<!-- later: ([\w.-]+\.csv)", page.read_text(encoding="utf-8")):
            assert not (ROOT / "benchmarks" / "results" / name).exists(), f"{page.name}: {name} is there, show it"


def test_a_missing_result_fails_the_build(tmp_path, caplog):
    from docs.hooks import table

    assert table(tmp_path / "gone.csv", "page.md") == "" and "there is no" in caplog.text
    (tmp_path / "empty.csv").write_text("# nothing\nwhat,value\n")
    assert table(tmp_path / "empty.csv", "page.md") == "" and "holds no row" in caplog.text
    (tmp_path / "some.csv").write_text("# measured\nwhat,value\na|b,1.5\nc,\n")
    lines = table(tmp_path / "some.csv", "page.md").split("\n")
    assert lines[1:5] == ["| what | value |", "| --- | ---: |", "| a\\|b | 1.5 |", "| c |  |"]
    assert "measured" in lines[6]


def test_the_economy_of_the_readme_solves(capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if "class Taxed" in block)
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    shown = capsys.readouterr().out
    assert "Taxed: certified" in shown and "0.0544" in shown
