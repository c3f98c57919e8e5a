"""Every error that Walras raises on purpose, and how its text is built.

    WalrasError
    ├── InputError        what the user gave cannot be used (exit status 2)
    │   ├── UnknownName   no economy, learner, field … of that name; suggests the nearest
    │   └── RunFolderError   a run folder is missing, damaged, in use or not writable
    └── SolveError        a computation ended without an answer (exit status 1)

Each text says what happened, where, the number, and what to try.
"""

import difflib
from collections.abc import Iterable


class WalrasError(Exception):
    """Base class: the border between the library and its user."""

    exit_status = 1

    def __init__(self, what: str, *, where: str = "", number: object = None, remedy: str = ""):
        self.what, self.where, self.number, self.remedy = what, where, number, remedy
        parts = [what if not where else f"{where}: {what}"]
        if number is not None:
            parts.append(f"got {number}")
        text = ", ".join(parts) + "."
        super().__init__(f"{text} {remedy}".strip())


class InputError(WalrasError):
    """What the user gave cannot be used."""

    exit_status = 2


class UnknownName(InputError):
    """A name that is not known here; the message suggests the nearest one that is."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: str = ""):
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean '{near[0]}'? " if near else ""
        super().__init__(f"no {kind} is called '{name}'", where=where, remedy=f"{hint}Known: {', '.join(known)}.")


class RunFolderError(InputError):
    """A run folder that is missing, damaged, already in use or not writable."""


class SolveError(WalrasError):
    """A computation ended without an answer."""


def check_least(value: object, where: str, **least: float) -> None:
    """Raise InputError if a field of a value is below the least that it may be."""
    for name, number in least.items():
        if getattr(value, name) < number:
            remedy = f"Use {number:g} or more."
            raise InputError(f"{name} must be {number:g} at least", where=where, number=getattr(value, name), remedy=remedy)
