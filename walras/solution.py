"""What `solve` returns: rules, the state of the loop, the certificate, and everything needed to look again."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from walras._core.durable import write_aside
from walras._core.encode import decode, encode
from walras._core.errors import RunFolderError
from walras._core.results import Verdict
from walras.diagnose.certificate import Certificate
from walras.diagnose.evidence import Evidence
from walras.loop import Laboratory, LoopState
from walras.moments import moments


@dataclasses.dataclass(frozen=True)
class Solution:
    """Rules and their evidence.

    `lab` and `loop` are the laboratory and the last state of the loop (None where there is no answer); `evidence` the
    fresh simulation behind the certificate (None after `load`, until `diagnose` is asked); `seconds` of compile, run.
    """

    name: str
    preset: str
    seed: int
    lab: Laboratory | None
    loop: LoopState | None
    certificate: Certificate
    evidence: Evidence | None
    seconds: dict[str, float]

    @property
    def verdict(self) -> str:
        """`certified`, `not-certified` or `failed`."""
        return str(self.certificate.verdict)

    @property
    def economy(self):
        """The economy as it was solved (processes on finite chains)."""
        return self.lab.economy

    @property
    def rules(self) -> dict[str, Any]:
        """The rule of each type."""
        return {name: learner.rule(self.loop.learners[name]) for name, learner in self.lab.learners.items()}

    @property
    def trace(self) -> np.ndarray:
        """Changes of rule, law and cross-section by round, shape (rounds, 3)."""
        return np.asarray(self.loop.trace)[: int(self.loop.round)]

    def accuracy(self) -> dict[str, float]:
        """The figures of the certificate by name."""
        return {f.figure: float(f.value) for f in self.certificate.findings}

    def moments(self) -> dict[str, float]:
        """Long-run moments of the fresh simulation by name."""
        return moments(self.evidence) if self.evidence is not None else {}

    def save(self, path: str | Path) -> None:
        """Write laboratory and loop state to one safetensors file."""
        extra = {"name": self.name, "preset": self.preset, "seed": self.seed}
        write_aside(Path(path), encode({"lab": self.lab, "loop": self.loop}, extra))

    @staticmethod
    def load(path: str | Path, user_module: Any = None) -> "Solution":
        """Read a file that `save` wrote. Its certificate is made anew by `diagnose`.

        Raises:
            RunFolderError: if the file is missing, damaged or of another kind.
        """
        value, extra = decode(Path(path), user_module)
        if not (isinstance(value, dict) and {"name", "preset", "seed"} <= set(extra) and {"lab", "loop"} <= set(value)):
            remedy = "Read a run folder with `walras.load`."
            raise RunFolderError(f"{Path(path).name} holds no solution", where=str(Path(path).parent), remedy=remedy)
        return Solution(extra["name"], extra["preset"], extra["seed"], value["lab"], value["loop"], loaded(), None, {})

    def table(self) -> Table:
        """The certificate as a table for a terminal."""
        seconds = ", ".join(f"{k} {v:.1f} s" for k, v in self.seconds.items())
        table = Table(title=f"{self.name}: {self.verdict}", caption=seconds or None, title_justify="left")
        for column, justify in (
            ("check", "left"),
            ("value", "right"),
            ("allowed", "right"),
            ("unit", "left"),
            ("", "left"),
        ):
            table.add_column(column, justify=justify)
        for f in self.certificate.findings:
            allowed = "" if f.threshold is None else f"{f.threshold:.3g}"
            mark = "" if f.threshold is None else ("ok" if f.passed else "FAILED")
            table.add_row(f.meaning, f"{f.value:.3g}", allowed, f.unit, mark)
        for name, value in self.moments().items():
            table.add_row(name.replace("_", " "), f"{value:.5g}", "", "", "")
        return table

    def __str__(self) -> str:
        reasons = "".join(f"\n  - {reason}" for reason in self.certificate.reasons)
        return as_text(self.table()) + (f"Why it is {self.verdict}:{reasons}\n" if reasons else "")


def loaded() -> Certificate:
    """The certificate of a solution that was read from a file and not looked at yet."""
    return Certificate(Verdict.NOT_CERTIFIED, (), ("loaded, not diagnosed: call walras.diagnose",))


def as_text(table: Table) -> str:
    """A table as plain text."""
    console = Console(width=110, no_color=True)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
