"""A row of the table: what was looked at, the figure, the target, whether it is met."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """One line. A figure that is only told (`told`) has no target and is neither met nor missed."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None

    def cells(self) -> list[str]:
        """As written in the table."""
        return [self.what, self.figure, self.target, {None: "", True: "met", False: "missed"}[self.met]]


def at_least(what: str, value: float, limit: float, unit: str = "") -> Row:
    """A value no smaller than a limit."""
    return Row(what, f"{value:,g}{unit}", f"≥ {limit:,g}{unit}", bool(value >= limit))


def at_most(what: str, value: float, limit: float, unit: str = "") -> Row:
    """A value no larger than a limit (not a number misses it)."""
    return Row(what, f"{value:,.3g}{unit}", f"≤ {limit:,g}{unit}", bool(value <= limit))


def below(what: str, value: float, limit: float, unit: str = "") -> Row:
    """A value smaller than a limit."""
    return Row(what, f"{value:,.3g}{unit}", f"< {limit:,g}{unit}", bool(value < limit))


def exactly(what: str, value: int, target: int, unit: str = "") -> Row:
    """A count that must be one number."""
    return Row(what, f"{value:,}{unit}", f"{target:,}{unit}", value == target)


def all_of(what: str, hits: int, cases: int, least: int = 1) -> Row:
    """`hits` of `cases`, which must be all, and no fewer than `least` cases."""
    return Row(what, f"{hits:,} of {cases:,}", f"all, of ≥ {least:,}", hits == cases >= least)


def told(what: str, figure: object) -> Row:
    """A figure without a target."""
    return Row(what, str(figure))
