"""The report: what it says, what it leaves out, and that it needs nothing but itself."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from tests.report_fixtures import data, krusell_smith, manifest_of, summary_of, write_folder
from walras._core.errors import RunFolderError
from walras.report import labels
from walras.report.page import write_report
from walras.report.reading import calibration, read_run

SECTIONS = ("rules", "law", "distribution", "history", "responses", "propensity", "euler", "convergence")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    solution = krusell_smith()
    path = tmp_path_factory.mktemp("runs") / "ks"
    return write_folder(path, summary_of(solution), manifest_of(solution), data())


@pytest.fixture(scope="module")
def page(folder):
    path = write_report(folder)
    assert path == folder / "report.html"
    return path.read_text(encoding="utf-8")


def present(page: str) -> set[str]:
    """Keys of the sections with figures."""
    return {key for key in SECTIONS if f'<h2 id="{key}">' in page}


def test_verdict_figures_and_command(page):
    solution = krusell_smith()
    assert "Certified" in page and "equilibrium" in page
    for finding in solution.certificate.findings:
        assert finding.meaning in page
        assert labels.number(finding.value, 3) in page
    assert labels.number(solution.moments()["capital_mean"]) in page
    assert "walras solve krusell-smith --calibration dhjj2010 --learner household=euler --preset fast --seed 0" in page
    assert present(page) == set(SECTIONS)


def test_it_needs_nothing_but_itself(page):
    without_names = page.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "")
    assert "http" not in without_names
    assert not re.findall(r"<(script|link|img|iframe)\b|@import|src=", page)
    assert not re.findall(r"url\((?!#)", page)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'href="#([^"]*)"', page)) | set(re.findall(r"url\(#([^)]*)\)", page))
    assert used <= set(ids)


def test_drawings_are_sound_and_follow_the_page_in_colour(page):
    drawings = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(drawings) == len(SECTIONS) + 1  # the law has two
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("aria-label") and root.get("viewBox")
        assert "<text" not in drawing  # letters are paths: no font is needed
        # Every colour is a variable of the page, so that dark pages and paper are served by the same drawing.
        assert not re.findall(r"(?:fill|stroke): #", drawing)


def test_the_same_run_makes_the_same_page(folder, page):
    assert write_report(folder).read_text(encoding="utf-8") == page


def test_calibration_joins_values_with_symbols_and_sources(folder):
    rows = {p.name: p for p in calibration(read_run(folder))}
    assert (rows["household.beta"].symbol, rows["household.beta"].value) == ("β", 0.99)
    assert rows["household.mu"].source == "Den Haan, Judd, Juillard (2010), Table 1"
    assert rows["alpha"].value == 0.36 and rows["alpha"].symbol == "α"
    assert rows["household.risk"].value is None  # a process is no single number
    assert rows["household.k_birth"].value == 39.0 and rows["household.k_birth"].symbol == ""


def test_what_does_not_apply_is_left_out(tmp_path):
    solution = krusell_smith()
    aggregate = [n for n in data().data_vars if re.search("law|irf_|actual|forecast", str(n))]
    still = data().drop_vars([*aggregate, "household_law_grid_0"]).drop_dims(["impulse", "horizon"]).isel(exo=[0])
    folder = write_folder(tmp_path / "still", summary_of(solution), manifest_of(solution), still)
    text = write_report(folder).read_text(encoding="utf-8")
    assert present(text) == set(SECTIONS) - {"law", "responses", "history"}
    alike = still.drop_vars(["household_mass", "household_mpc"])
    folder = write_folder(tmp_path / "alike", summary_of(solution), manifest_of(solution), alike)
    text = write_report(folder).read_text(encoding="utf-8")
    assert present(text) == {"rules", "euler", "convergence"}


def test_a_failed_check_says_what_to_try(tmp_path):
    solution = krusell_smith()
    summary = summary_of(solution)
    summary["checks"][0] |= {"passed": False, "value": -2.0, "remedy": "more nodes & <patience>"}
    summary |= {"verdict": "not-certified", "reasons": ["Euler error is -2"]}
    folder = write_folder(tmp_path / "run", summary, manifest_of(solution), data())
    text = write_report(folder).read_text(encoding="utf-8")
    assert "Solved, not certified" in text and "Do not rely" in text
    assert "more nodes &amp; &lt;patience&gt;" in text
    assert text.count('class="no"') == 1


def test_a_failed_solve_has_a_page(tmp_path):
    summary = summary_of(krusell_smith())
    summary |= {"verdict": "failed", "reasons": ["no equilibrium was bracketed"], "checks": [], "moments": {}}
    summary |= {"accuracy": {}, "thresholds": {}}
    manifest = manifest_of(krusell_smith()) | {"parameters": [], "description": ""}
    folder = write_folder(tmp_path / "run", summary, manifest, None)
    text = write_report(folder).read_text(encoding="utf-8")
    assert "No equilibrium was bracketed" in text and not present(text)


def test_descriptions_cannot_bring_markup(tmp_path):
    solution = krusell_smith()
    manifest = manifest_of(solution) | {"description": "Title <b>\n\n<script>alert(1)</script> and `code`\n"}
    folder = write_folder(tmp_path / "run", summary_of(solution), manifest, None)
    text = write_report(folder).read_text(encoding="utf-8")
    assert "<script" not in text and "<b>\n" not in text and "<code>code</code>" in text


def test_what_is_missing_or_damaged_is_named(tmp_path):
    with pytest.raises(RunFolderError, match=r"summary\.json is missing or damaged"):
        write_report(tmp_path)
    folder = write_folder(tmp_path / "run", summary_of(krusell_smith()), manifest_of(krusell_smith()), None)
    (folder / "simulation.nc").write_bytes(b"nothing of the kind")
    with pytest.raises(RunFolderError, match=r"simulation\.nc cannot be read"):
        write_report(folder)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (39.5612, "39.56"),
        (0.9999999, "1"),
        (-0.00051, "−0.00051"),
        (1e-8, "1·10⁻⁸"),
        (-1.8234e-13, "−1.823·10⁻¹³"),
        (1234567.0, "1.235·10⁶"),
        (float("nan"), "not a number"),
        (None, "–"),
        ([0.5, 2.0], "0.5, 2"),
    ],
)
def test_numbers(value, text):
    assert labels.number(value) == text
