"""Every way a computation can end, with its remedy. The members are integers so that compiled loops can carry them."""

import enum


class RootStatus(enum.IntEnum):
    """How a market-clearing root ended at one date."""

    BRACKETED = 0
    NO_BRACKET = 1
    NOT_CONVERGED = 2

    @property
    def remedy(self) -> str:
        """What to try when a root ended this way."""
        return {
            RootStatus.BRACKETED: "",
            RootStatus.NO_BRACKET: "widen the bracket of the market, or look whether demand is flat in the price",
            RootStatus.NOT_CONVERGED: "raise the number of root steps, or give a guess nearer to the equilibrium",
        }[self]


class Verdict(enum.StrEnum):
    """What a certificate concludes."""

    CERTIFIED = "certified"
    NOT_CERTIFIED = "not-certified"
    FAILED = "failed"
