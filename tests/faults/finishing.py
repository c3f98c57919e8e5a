"""The end of a run, the replacement of a finished one, and additions to it: killed or failed at every point."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

from tests.faults.harness import ROOT, Server

KNOWN = ROOT / "tests" / "formats" / "2" / "solve"
"""A small finished run whose figures are known."""
HOW = ("before", "within", "after")


@dataclasses.dataclass
class Ends:
    """Kills, finished results damaged or lost, and runs that could not be completed."""

    kills: int = 0
    lost: int = 0
    refused: list[str] = dataclasses.field(default_factory=list)


class End:
    """The end of one run in one mode of `server.end`."""

    def __init__(self, server: Server, folder: Path, mode: str):
        self.server, self.folder, self.mode = server, folder, mode
        self.log = folder.with_name(folder.name + ".log")

    def go(self, mode: str, folder: Path | None = None, fault: dict[str, Any] | None = None) -> tuple[int, list[str]]:
        """One child; its exit status and its events."""
        self.log.unlink(missing_ok=True)
        given = {"folder": str(folder or self.folder), "known": str(KNOWN), "log": str(self.log)}
        answer = self.server.ask(do="end", mode=mode, fault=fault, **given)
        return answer["status"], self.log.read_text().splitlines() if self.log.exists() else []

    def begin(self) -> None:
        """A folder as it is before: a finished run, or nothing."""
        for path in (self.folder, self.new, self.folder.with_name(f".{self.folder.name}.replaced")):
            shutil.rmtree(path, ignore_errors=True)
        if self.mode != "finish":
            shutil.copytree(KNOWN, self.folder)

    @property
    def new(self) -> Path:
        """Where a run is written that will replace one."""
        return self.folder.with_name(self.folder.name + ".new")

    def points(self) -> int:
        """Number of points of the undisturbed end."""
        self.begin()
        status, events = self.go(self.mode)
        if status != 0:
            raise RuntimeError(f"the undisturbed end failed: {events[-2:]}")
        return sum(event.startswith("point ") for event in events)

    def intact(self) -> bool:
        """Whether the finished run is whole: the old one or the new one."""
        status, events = self.go("verify")
        return status == 0 and events[-1] in ("intact 1", "intact 2")

    def completed(self) -> bool:
        """Go on after a kill; whether the new run then stands whole in its place."""
        if self.mode == "add":
            return self.go("add")[0] == 0 and self.intact()
        self.go("resume", self.new if self.new.exists() else self.folder)
        status, events = self.go("verify")
        return status == 0 and events[-1] == "intact 2" and not self.new.exists() and not (self.folder / "checkpoints").exists()


def exhausted(server: Server, folder: Path, modes: tuple[str, ...] = ("finish", "force", "add"), every: int = 1) -> Ends:
    """Kill at every `every`-th point of each mode, before, within and after it."""
    found = Ends()
    for mode in modes:
        end = End(server, folder.with_name(f"{folder.name}-{mode}"), mode)
        turns = [(point, how) for point in range(end.points()) for how in HOW]
        for point, how in turns[::every]:
            end.begin()
            status, _ = end.go(mode, fault={"what": f"kill {how}", "at": point})
            found.kills += status == -9
            if mode != "finish" and not end.intact():
                found.lost += 1
            if not end.completed():
                found.refused.append(f"{mode}: {how} point {point}")
    return found
