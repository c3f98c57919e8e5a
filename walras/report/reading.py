"""A run folder as a report sees it, and the calibration table made of its two sources."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import xarray as xr
from markdown_it import MarkdownIt

from walras._core.errors import RunFolderError


@dataclasses.dataclass(frozen=True)
class Run:
    """`summary.json`, `manifest.json` and `simulation.nc` of a run folder; `data` is None where a solve failed."""

    folder: Path
    summary: dict[str, Any]
    manifest: dict[str, Any]
    data: xr.Dataset | None

    @property
    def types(self) -> list[str]:
        """Agent types whose rule was learned."""
        return [name for name in self.data.attrs.get("types", "").split(", ") if name] if self.data is not None else []

    @property
    def aggregate_risk(self) -> bool:
        """Whether the exogenous process has more than one state."""
        return self.data is not None and self.data.sizes.get("exo", 1) > 1


def read_run(folder: Path) -> Run:
    """Read a run folder into memory.

    Raises:
        RunFolderError: if one of its files is missing or damaged.
    """
    data = None
    path = folder / "simulation.nc"
    if path.exists():
        try:
            with xr.open_dataset(path, engine="h5netcdf") as opened:
                data = opened.load()
        except Exception as error:  # whatever a damaged file makes of the library
            raise RunFolderError(
                f"simulation.nc cannot be read ({error})", where=str(folder), remedy="Solve again with --force."
            ) from error
    return Run(folder, _object(folder / "summary.json"), _object(folder / "manifest.json"), data)


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(
            f"{path.name} is missing or damaged ({type(error).__name__})",
            where=str(path.parent),
            remedy="A report needs a finished run folder: solve again, or resume.",
        ) from error
    if not isinstance(value, dict):
        raise RunFolderError(f"{path.name} does not hold a JSON object", where=str(path.parent))
    return value


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One line of the calibration table; `value` is None for a process, which is no single number."""

    symbol: str
    name: str
    meaning: str
    value: Any
    unit: str
    source: str


def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def description(text: str) -> str:
    """The economy's docstring as HTML, without its title line and its table (which `calibration` shows)."""
    lines = [line for line in text.splitlines()[1:] if not line.lstrip().startswith("|")]
    return _markdown().render("\n".join(lines))


def title(text: str) -> str:
    """The first line of the economy's docstring."""
    return (text.splitlines() or [""])[0].rstrip(".")


def calibration(run: Run) -> list[Parameter]:
    """Values of the manifest joined with symbols and sources of the docstring's table (symbol, field, …, source)."""
    values = {p["name"]: p for p in run.manifest.get("parameters", [])}
    found = []
    for cells, fields in _rows(run.manifest.get("description", "")):
        cells = [*cells, *[""] * (5 - len(cells))]
        symbols, units = _split(cells[0], len(fields)), _split(cells[3], len(fields))
        for field, symbol, unit in zip(fields, symbols, units, strict=True):
            known = values.pop(field, None)
            if known is None:
                found.append(Parameter(symbol, field, cells[2], None, unit, cells[4]))
            else:
                found.append(Parameter(symbol, field, known["meaning"], known["value"], known["unit"], cells[4]))
    rest = [Parameter("", p["name"], p["meaning"], p["value"], p["unit"], "") for p in values.values()]
    return found + rest


def _split(cell: str, count: int) -> list[str]:
    """A cell with one entry per field, or one entry for all of them."""
    parts = [part.strip() for part in cell.split(",")]
    return parts if len(parts) == count else [cell] * count


def _rows(text: str) -> list[tuple[list[str], list[str]]]:
    """Rows of the first table of a Markdown text: the plain text of every cell, and the code spans of the second."""
    rows, cells, codes, body = [], [], [], False
    for token in _markdown().parse(text):
        if token.type == "tbody_open":
            body = True
        elif token.type == "table_close":
            break
        elif body and token.type == "tr_open":
            cells, codes = [], []
        elif body and token.type == "inline":
            spans = token.children or []
            if len(cells) == 1:
                codes = [span.content for span in spans if span.type == "code_inline"]
            cells.append("".join(span.content for span in spans))
        elif body and token.type == "tr_close" and codes:
            rows.append((cells, codes))
    return rows
