"""Names for the few array types that the equations use."""

from typing import Any

from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from jaxtyping import Int as _Int

Scalar = Float[Array, ""]
"""One real number as an array: what an equation reads and returns for one individual."""

Int = _Int[Array, ""]
"""One integer as an array: the index of a state of a chain."""

Key = PRNGKeyArray
Fields = dict[str, Any]

__all__ = ["Array", "Fields", "Int", "Key", "PyTree", "Scalar"]
