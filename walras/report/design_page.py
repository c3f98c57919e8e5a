"""The page of a design: policy chosen, who gains, welfare over the policies, path of the search, schedules, transition.

It reads the files of a design folder alone, and those of other designs that are set beside it: commitment beside discretion,
one welfare criterion beside another.
"""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from walras._core.errors import RunFolderError
from walras.report import labels, policies
from walras.report.page import MEANING, Made, Section, drawn_sections, rendered
from walras.report.reading import object_in

ALONG = {
    "transition": "along the transition from the day of the announcement",
    "rest": "resting states compared",
    "cycle": "along shocks from the day of the announcement",
}
PARTS = ("total", "level", "insurance", "redistribution")


def design_page(folder: Path, beside: tuple[Path, ...] = ()) -> str:
    """The page of a design folder, with other designs beside it.

    Raises:
        RunFolderError: if a file that it reads is missing or damaged.
    """
    return rendered("design.html.j2", content(read_design(folder), [read_design(Path(other)) for other in beside]))


def read_design(folder: Path) -> dict[str, Any]:
    """What a folder says of its design: `design.json`, the ledger (`evaluations`), `path` and `manifest`."""
    found = object_in(folder / "design.json")
    ledger = (folder / "evaluations.jsonl").read_text(encoding="utf-8").splitlines()
    trail = (folder / "trail.csv").read_text(encoding="utf-8").splitlines()[1:]
    found["evaluations"] = [json.loads(line) for line in ledger]
    found["trail"] = [[float(x) for x in line.split(",")] for line in trail]
    found["manifest"], found["path"] = object_in(folder / "manifest.json"), None
    if (folder / "transition.nc").exists():
        try:
            with xr.open_dataset(folder / "transition.nc", engine="h5netcdf") as opened:
                found["path"] = opened.load()
        except (OSError, ValueError) as error:
            raise RunFolderError(
                f"transition.nc cannot be read ({error})", where=str(folder), remedy="Design again."
            ) from error
    return found


def content(design: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    """What the template shows."""
    verdict, gain = design["verdict"], design["gain"]
    policy = []
    for name, value in design["values"].items():
        low, high = design["intervals"][name]
        given, corner = design.get("given", {}).get(name), design["corners"].get(name)
        policy.append({"name": name, "given": given, "value": value, "low": low, "high": high, "corner": corner})
    together = [design, *others] if others else []
    return {
        "economy": design["economy"],
        "asked": design["request"],
        "welfare": design["welfare"],
        "along": ALONG.get(design["along"], design["along"]),
        "regime": design["regime"],
        "verdict": {"key": verdict, "name": MEANING.get(verdict, (verdict, ""))[0]},
        "conclusion": conclusion(design),
        "note": design["note"],
        "facts": facts(design),
        "policy": policy,
        "parts": [] if gain is None else [("all of it" if k == "total" else k, 100 * gain[k]) for k in PARTS],
        "people": design.get("people", []),
        "beside": [{"title": f"{d['regime']}, {d['searcher']}"} for d in together],
        "rows": side_by_side(together),
        "sections": list(sections(design)),
        "command": command(design["request"]),
        "provenance": [(f"SHA-256 of {k}", v) for k, v in design["manifest"].get("files", {}).items() if k != "report.html"],
    }


def conclusion(design: dict[str, Any]) -> str:
    """One sentence on how far to trust it."""
    text = (
        f"Solved again from scratch at the optimum with the preset {design['preset']} and another seed: the search was off by "
    )
    text += f"{labels.number(100 * design['gap'], 2)} % of consumption."
    if not design["settled"]:
        text += " The search did not come to rest."
    return text


def facts(design: dict[str, Any]) -> list[tuple[str, str]]:
    """The line below the verdict."""
    found = []
    if design["gain"] is not None:
        found.append(("gain, % of consumption for ever", labels.number(100 * design["gain"]["total"], 3)))
    everybody = next((g for g in design.get("people", []) if g["kind"] == "everybody"), None)
    if everybody is not None:
        found.append(("of all people gain", f"{labels.number(100 * everybody['better'], 3)} %"))
    return [*found, ("equilibria", str(design["equilibria"])), ("searcher", design["searcher"]), ("preset", design["preset"])]


def side_by_side(designs: list[dict[str, Any]]) -> list[list[str]]:
    """Rows of the table that sets designs side by side: a name, and one cell for each."""
    if not designs:
        return []
    percent = lambda d, k: "–" if d["gain"] is None else f"{labels.number(100 * d['gain'][k], 3)} %"  # noqa: E731
    rows = [["economy", *(d["economy"] for d in designs)], ["welfare", *(f"{d['welfare']}, {d['along']}" for d in designs)]]
    names = list(dict.fromkeys(name for d in designs for name in d["values"]))
    rows += [[name, *(labels.number(d["values"].get(name)) for d in designs)] for name in names]
    rows += [[f"gain: {part}", *(percent(d, part) for d in designs)] for part in PARTS]
    rows.append(["worth to everybody alike [goods]", *(labels.number(d["appraisal"]["equal_worth"], 6) for d in designs)])
    return [*rows, ["verdict", *(d["verdict"] for d in designs)]]


def sections(design: dict[str, Any]) -> Iterator[Section]:
    """The figures that apply."""
    groups = [
        ("surface", "Welfare and the path of the search", _surface),
        ("schedules", "Schedules", _schedules),
        ("gains", "Gains by group", _gains),
        ("transition", "The transition", _transition),
    ]
    yield from drawn_sections(groups, design)


def _surface(design: dict[str, Any]) -> Made:
    caption = "Every equilibrium that was looked at, by what it is worth against the best of them, and the path of the search (line or ticks)."
    yield policies.surface(design), caption


def _schedules(design: dict[str, Any]) -> Made:
    yield policies.schedules(design), "Rates of the tax schedules by base: full lines as chosen, dashed as they were."


def _gains(design: dict[str, Any]) -> Made:
    yield policies.gains(design), "Mean gain of the people of each group, per cent of consumption for ever."


def _transition(design: dict[str, Any]) -> Made:
    caption = "From the announcement on (date 0); dashed: as it was before. Stocks are those at the beginning of the date."
    yield policies.transition(design["path"]), caption


def command(asked: dict[str, Any]) -> str:
    """The command that makes this design again."""
    words = ["walras", "design", asked["economy"]]
    if asked.get("calibration"):
        words += ["--calibration", asked["calibration"]]
    for option in ("over", "welfare", "along", "regime", "searcher", "preset", "seed"):
        words += [f"--{option}", str(asked[option])]
    for name, value in asked.get("parameters", {}).items():
        words += ["--set", f"{name}={value}"]
    return shlex.join(words)
