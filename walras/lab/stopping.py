"""Being asked to stop: Ctrl-C and SIGTERM finish the step that runs, then work is put down and the exit status is 130.

A second Ctrl-C does not wait for the step.
"""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

STOPPED = 130
"""Exit status of a run that was asked to stop."""


class Stopped(Exception):
    """Work was put down on request; it can go on from `folder`, with the verb `again`."""

    def __init__(self, folder: Path, where: str, again: str = "resume", options: str = ""):
        super().__init__(f"interrupted {where}; go on with: walras {again} {folder}{options}")
        self.folder = folder


class Stop:
    """While it is entered, whether somebody asked to stop: `asked`. Where `at_once` is set, the step is not waited for: a
    KeyboardInterrupt is raised."""

    def __init__(self, say: Callable[[str], None], step: str):
        self.say, self.step, self.asked, self.at_once = say, step, False, False
        self._old: dict = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():  # elsewhere Python delivers no signals
            self._old = {s: signal.signal(s, self._heard) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _heard(self, number, _frame) -> None:
        again, self.asked = self.asked, True
        if self.at_once or (again and number == signal.SIGINT):
            raise KeyboardInterrupt
        self.say(f"stopping after {self.step} …")
