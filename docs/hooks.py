"""Accuracy and speed tables, read from `benchmarks/results/` whenever the pages are built.

A page says `<!-- table: NAME.csv -->` on a line of its own; the table takes its place, with the file's comment lines as
caption. A file that is missing or empty is an error, which fails a strict build (a quiet one, too, where warnings are not
counted): no page can show a number that no run has written.
"""

import csv
import logging
import re
from pathlib import Path

MARK = re.compile(r"^<!-- table: (?P<name>[\w.-]+\.csv) -->[ \t]*$", re.MULTILINE)
RESULTS = Path("benchmarks") / "results"
SENTENCE = 50
"""Letters from which on a cell is a sentence."""

log = logging.getLogger("mkdocs.hooks.tables")


def on_page_markdown(markdown, page, config, files):
    """Put every table of a page in its place."""
    folder = Path(config.config_file_path).parent / RESULTS
    return MARK.sub(lambda mark: table(folder / mark["name"], page.file.src_uri), markdown)


def on_serve(server, config, builder):
    """Build again when a result changes."""
    server.watch(str(Path(config.config_file_path).parent / RESULTS))


def table(path: Path, page: str) -> str:
    """A file of results as a Markdown table with its caption; nothing, and an error, where there is none."""
    if not path.is_file():
        log.error("%s: there is no %s", page, RESULTS / path.name)
        return ""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = list(csv.reader(line for line in lines if line.strip() and not line.startswith("#")))
    if len(rows) < 2:
        log.error("%s: %s holds no row", page, RESULTS / path.name)
        return ""
    head, *body = rows
    rule = ["---:" if numeric(body, column) else "---" for column in range(len(head))]
    out = [titles(head, body), line_of(rule), *(line_of(row) for row in body)]
    caption = [line.lstrip("# ").rstrip() for line in lines if line.startswith("#")]
    source = f"`{(RESULTS / path.name).as_posix()}`"
    text = " · ".join([*(escaped(line) for line in caption), source])
    return "\n".join(["", *out, "", f"*{text}*", ""])


def titles(head: list[str], body: list[list[str]]) -> str:
    """The line of titles; the first column of sentences keeps the width of a sentence."""
    cells = [escaped(name.replace("_", " ")) for name in head]
    for number, name in enumerate(cells):
        if max(len(row[number]) for row in body if number < len(row)) > SENTENCE:
            cells[number] = f'<span style="display: inline-block; min-width: 15rem">{name}</span>'
            break
    return "| " + " | ".join(cells) + " |"


def numeric(rows: list[list[str]], column: int) -> bool:
    """Whether a column holds numbers only (and gaps)."""
    for row in rows:
        try:
            float(row[column] or 0)
        except (ValueError, IndexError):
            return False
    return True


def line_of(cells: list[str]) -> str:
    """One line of a Markdown table."""
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def escaped(text: str) -> str:
    """Text that Markdown and HTML leave alone."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
