"""The command line. Thin: it reads arguments, calls the library and prints.

Exit status: 0 certified (other verbs: done), 3 solved but not certified, 2 bad input, 1 failure or verdict `failed`,
130 interrupted.
"""

import atexit
import gc
import sys

from walras._core.errors import WalrasError
from walras.cli import common, looking, solving  # noqa: F401 (the verbs enter themselves)
from walras.cli.common import app, err

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; every error that Walras raises becomes one message and an exit status."""
    from walras.lab.stopping import STOPPED, Stopped

    atexit.register(gc.freeze)  # nothing is to be looked through at the end either
    try:
        app()
    except WalrasError as error:
        err.print(f"error: {error}", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_status)
    except Stopped as stopped:
        err.print(str(stopped), highlight=False, markup=False, soft_wrap=True)
        sys.exit(STOPPED)
    except KeyboardInterrupt:
        err.print("interrupted before the first step; nothing to resume", highlight=False)
        sys.exit(STOPPED)
