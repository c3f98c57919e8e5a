"""A table whose rule answers prices of the date itself: at the market's candidates, before anything is learned of them.

    logit of the position = table(index, coordinates) + Σ slope · (price − price at rest)

The slopes are given and stay; the table is learned, and takes back whatever the answer says at prices that follow from what it
reads. So nothing is imposed on the equilibrium, and the market has a demand that moves with its prices. Reading such prices
*instead* of the state that they follow from gives a demand too, but a wrong one: along the equilibrium a price may hardly move
with that state (in HANK the nominal rate of the next date moves by .02 with the one of this date), and from so little nobody
learns a slope.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from walras._core.errors import InputError
from walras.economy.information import view_numbers
from walras.learners.forms import logits_of, positions
from walras.learners.table import TableRule


class AnsweringRule(TableRule):
    """Positions of the table, moved by the answer to prices of the view by name."""

    at_rest: Float[Array, " prices"]
    prices: tuple[str, ...] = eqx.field(static=True)
    slopes: tuple[float, ...] = eqx.field(static=True)

    def part(self, view, info):
        """Positions of all own states at this date."""
        numbers = view_numbers(view)
        gaps = jnp.stack([numbers[name] for name in self.prices]) - self.at_rest
        return positions(logits_of(super().part(view, info)) + gaps @ jnp.asarray(self.slopes))

    def tabulated(self) -> TableRule:
        """The table alone."""
        return TableRule(self.agent, self.table, self.axes, self.own_axis, self.information, self.logs)


def pairs(answers) -> tuple[tuple[str, float], ...]:
    """Names and slopes; a dictionary of them is one way to give them."""
    return tuple(answers.items()) if isinstance(answers, dict) else tuple(answers)


def answering(table: TableRule, answers: dict[str, float], view, where: str) -> TableRule:
    """The table with answers to prices, which are those of `view` at rest; the table itself where there are none.

    Raises:
        InputError: for a price that the view does not have.
    """
    if not answers:
        return table
    numbers = view_numbers(view)
    for name in answers:
        if name not in numbers:
            raise InputError(
                f"'{name}' is no number of the view, so that nothing can be answered to it",
                where=where,
                remedy=f"The view has {', '.join(numbers)}.",
            )
    at_rest = jnp.stack([jnp.asarray(numbers[name], float) for name in answers])
    parts = {f.name: getattr(table, f.name) for f in dataclasses.fields(table)}
    return AnsweringRule(**parts, at_rest=at_rest, prices=tuple(answers), slopes=tuple(answers.values()))
