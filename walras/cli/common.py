"""What all verbs share: the application, how arguments are read, progress, the two consoles."""

import gc
import time

_STARTED = time.perf_counter()
# Tracing makes many small objects that live on: looking through them again and again for garbage took a fifth of a run.
gc.set_threshold(100_000, 50, 100)

from pathlib import Path  # noqa: E402
from typing import Annotated  # noqa: E402

import typer  # noqa: E402
from rich.console import Console  # noqa: E402

from walras._core.errors import InputError  # noqa: E402

ABOUT = "The command line. Thin: it reads arguments, calls the library and prints."
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=ABOUT)
out, err = Console(), Console(stderr=True)

Folder = Annotated[Path, typer.Argument(help="A run folder.")]
Pairs = Annotated[list[str] | None, typer.Option(help="NAME=VALUE; may be given several times.")]


def total() -> float:
    """Seconds since the command began."""
    return time.perf_counter() - _STARTED


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """NAME=VALUE, given several times.

    Raises:
        InputError: for anything else.
    """
    found = {}
    for item in given or []:
        name, equals, value = item.partition("=")
        if not equals or not name or not value:
            raise InputError("expected NAME=VALUE", where=option, number=f"'{item}'")
        found[name.strip()] = value.strip()
    return found


def numbers_of(given: list[str] | None, option: str) -> dict[str, float]:
    """NAME=NUMBER, given several times.

    Raises:
        InputError: for anything else.
    """
    numbers = {}
    for name, text in pairs(given, option).items():
        try:
            numbers[name] = float(text)
        except ValueError:
            raise InputError(f"{name} needs a number", where=option, number=f"'{text}'") from None
    return numbers


class Progress:
    """A spinner line on a terminal, plain lines elsewhere (at most one a second)."""

    def __init__(self):
        self.live = err.status("starting …") if err.is_terminal else None
        self.last = 0.0

    def __enter__(self):
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_):
        if self.live:
            self.live.stop()

    def say(self, text: str) -> None:
        """Show one line."""
        if self.live:
            self.live.update(text)
        elif time.monotonic() - self.last > 1.0 or "…" in text:
            err.print(text, highlight=False)
            self.last = time.monotonic()
