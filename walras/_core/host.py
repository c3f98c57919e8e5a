"""Where work runs that gains nothing from an accelerator: long chains of small steps, and sparse systems."""

import contextlib
from collections.abc import Iterator

import jax


@contextlib.contextmanager
def on_host() -> Iterator[None]:
    """Everything inside on the processor, also where JAX would take an accelerator; a decorator as well.

    What is made here follows those who use it later: rounds of learning run where JAX puts them.
    """
    if jax.default_backend() == "cpu":
        yield
        return
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        yield
