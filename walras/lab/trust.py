"""Code in a run folder is run only if this user has run it before.

A run folder of somebody's own economy holds a copy of its file, and whoever reads the folder has to run it. A file that is named
on the command line or imported by hand is the user's own decision; its SHA-256 is remembered in the user's private cache. Code
that comes with a folder is run if it is among those, else refused, unless `WALRAS_TRUST=1` says that its reader has looked at it.
"""

import contextlib
import hashlib
import os
from pathlib import Path

from walras._core.errors import InputError

VARIABLE = "WALRAS_TRUST"


def cache_folder() -> Path:
    """The user's private folder of compiled programs and of what is trusted."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(os.environ.get("WALRAS_CACHE") or os.path.join(home, "walras"))


def trust(code: bytes) -> None:
    """Remember code that the user has asked for by name."""
    known = cache_folder() / "trusted"
    with contextlib.suppress(OSError):  # nothing is remembered: folders of one's own economies ask again
        if not is_trusted(code):
            known.mkdir(mode=0o700, parents=True, exist_ok=True)
            (known / _digest(code)).touch(mode=0o600)


def is_trusted(code: bytes) -> bool:
    """Whether the user has asked for this code before, or says that everything is to be trusted."""
    return os.environ.get(VARIABLE) == "1" or (cache_folder() / "trusted" / _digest(code)).is_file()


def check(path: Path, code: bytes) -> None:
    """Refuse code that comes with a run folder and is not known.

    Raises:
        InputError: saying where it is and how to accept it.
    """
    if not is_trusted(code):
        raise InputError(
            "the run folder brings code that you have not run before, and reading it would run it",
            where=str(path),
            remedy=f"Look at the file; if you trust it, set {VARIABLE}=1 for this command.",
        )


def _digest(code: bytes) -> str:
    return hashlib.sha256(code).hexdigest()
