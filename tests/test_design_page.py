"""The page of a design, made of the files of its folder alone."""

import json

import numpy as np
import pytest
import xarray as xr

import walras as w
from walras.report.design_page import design_page

PEOPLE = [
    ("everybody", "everybody", 1.0, -0.01, 0.4),
    ("own risk", "state 0", 1.0, -0.01, 0.4),
    ("wealth", "poorest fifth", 0.2, 0.034, 1.0),
]
APPRAISAL = {"equal_worth": 1.25}


def folder_of(path, regime: str, value: float, size: int = 1, **more):
    """The files of a finished design, written by hand."""
    path.mkdir()
    names = [f"government.{name}" for name in ("tau_k", "tau_n", "tau_c")[:size]]
    asked = {"economy": "tax-economy", "calibration": "ghh", "over": names[0], "welfare": "utilitarian", "along": "transition",
             "regime": regime, "searcher": "grid", "preset": "fast", "seed": 3, "parameters": {"alpha": 0.3}}  # fmt: skip
    people = [dict(zip(("kind", "name", "people", "gain", "better"), group, strict=True)) for group in PEOPLE]
    rates = {"base": [0.5, 1.0, 2.0], "marginal": [0.1, 0.2, 0.3], "average": [0.0, 0.1, 0.2]}
    design = {
        "request": asked, "economy": "TaxEconomy", "values": dict.fromkeys(names, value), "given": dict.fromkeys(names, 0.2),
        "intervals": {key: [-0.2, 0.6] for key in names}, "corners": {names[0]: "upper"}, "regime": regime, "welfare": "utilitarian",
        "along": "transition", "searcher": "grid", "preset": "standard", "gap": 2.6e-5, "settled": True, "note": "a <note>",
        "appraisal": APPRAISAL, "status_quo": APPRAISAL, "people": people, "verdict": "certified", "equilibria": 3,
        "gain": {"total": 0.0067, "level": 0.001, "insurance": 0.002, "redistribution": 0.0037},
        "schedules": {"given": {"government.income": rates}, "chosen": {"government.income": rates}},
    } | more  # fmt: skip
    (path / "design.json").write_text(json.dumps(design))
    (path / "manifest.json").write_text(json.dumps({"files": {"design.json": "abc"}}))
    lines = [
        {"policy": [0.1 * k] * size, "appraisal": {"equal_worth": 1.0 + 0.1 * k}, "why": "", "seconds": 1.0} for k in range(3)
    ]
    lines.append({"policy": [0.5] * size, "appraisal": None, "why": "no equilibrium", "seconds": 1.0})
    (path / "evaluations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (path / "trail.csv").write_text(",".join(names) + "\n" + "\n".join(",".join(["0.1"] * size) for _ in range(2)))
    dates = np.arange(-1, 80)
    path_of_r = xr.Dataset({"r": ("horizon", 0.05 + 0.01 * 0.9 ** np.abs(dates))}, {"horizon": dates})
    path_of_r.to_netcdf(path / "transition.nc", engine="h5netcdf")
    return path


@pytest.mark.parametrize("size", [1, 2, 3])
def test_it_says_what_was_found(tmp_path, size):
    page = design_page(folder_of(tmp_path / "one", "commitment", 0.6, size))
    for text in ("Design of TaxEconomy", "a corner: the upper end", "0.67", "Poorest fifth", "3.4", "A &lt;note&gt;", "The transition",
                 "government.income", "--over government.tau_k", "--set alpha=0.3", "Certified".lower()):  # fmt: skip
        assert text in page, text
    assert page.count("<svg") == 4  # surface, schedules, gains, transition


def test_what_does_not_apply_is_left_out(tmp_path):
    folder = folder_of(tmp_path / "one", "commitment", 0.6, gain=None, people=[], schedules={"given": {}, "chosen": {}})
    (folder / "transition.nc").unlink()
    page = design_page(folder)
    assert page.count("<svg") == 1 and "Who gains" not in page and "What it is worth" not in page


def test_designs_stand_side_by_side(tmp_path):
    one, other = folder_of(tmp_path / "one", "commitment", 0.6), folder_of(tmp_path / "other", "discretion", -0.123)
    page = design_page(one, (other,))
    assert "Beside other designs" in page and "−0.123" in page and "discretion, grid" in page
    assert "Beside other designs" not in design_page(one)


def test_a_damaged_folder_is_named(tmp_path):
    folder = folder_of(tmp_path / "one", "commitment", 0.6)
    (folder / "transition.nc").write_bytes(b"\x89HDF damaged")
    with pytest.raises(w.RunFolderError, match=r"transition\.nc cannot be read"):
        design_page(folder)
    (folder / "design.json").unlink()
    with pytest.raises(w.RunFolderError, match=r"design\.json is missing"):
        design_page(folder)
