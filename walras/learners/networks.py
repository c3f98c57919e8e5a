"""Forms with a network: one that reads the present, and one that remembers.

For each own state the logits are linear in three kinds of terms: polynomials in the (scaled) coordinates and the exogenous
value, as in `SmoothForm`; what is remembered; and the outputs of a small network of both. The last layer is the own state's:
kinks and corners of a rule in wealth are not for a network to find, and one evaluation a date serves all own nodes. With a
last layer of zeros the first rule is the smooth one.

`RecurrentForm` remembers by a gated recurrent unit that reads public numbers once a date, after prices are settled, so that
a date's rule knows the past by its memory and the present by its view. The memory at the start of a recorded stretch is the
one that the economy carried there; from it the memory is built again along the stretch, and the gradient goes through it to
the unit's weights (back-propagation cut at the stretch's start; where the rule is optimal given what it reads, every date's
gradient has mean zero, so that the cut moves the rounds but not where they rest).

Networks are in float64 like everything else here: next to a histogram's date their cost is small.

    @inproceedings{wibault2026recurrent, title={Recurrent structural policy gradient for partially observable mean field
      games}, author={Wibault, Clarisse and others}, booktitle={International Conference on Machine Learning}, year={2026}}
"""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from walras._core.compiling import brief_jit
from walras._core.errors import InputError
from walras._core.keys import stream
from walras._core.types import Key
from walras.economy import period as periods
from walras.economy.population import Histogram
from walras.economy.rule import RecurrentInformation, Rule
from walras.learners.beliefs import PolynomialBelief, Powers, least_squares, monomials
from walras.learners.forms import Form, TableForm, filled, positions
from walras.learners.learner import Setup
from walras.learners.opening import placed
from walras.learners.table import TableRule, between_nodes


def public_prices(now: periods.Now) -> Float[Array, " prices"]:
    """All prices of a date, in the order of their names: what is observed unless something else is given."""
    return jax.flatten_util.ravel_pytree(now.prices)[0]


class Terms(eqx.Module):
    """Logits of every own state as a linear function of polynomials, memory and a network's outputs.

    `coefficients` of the polynomials, `heads` of memory and outputs; `weights` are the network's arrays (its own class could
    not be saved), from regressors and memory to `width` outputs.
    """

    coefficients: Float[Array, "terms own"]
    heads: Float[Array, "outputs own"]
    weights: tuple[Array, ...]
    powers: Powers = eqx.field(static=True)
    memory: int = eqx.field(static=True)
    width: int = eqx.field(static=True)

    def beyond(self, x: Float[Array, "*batch variables"], memory: Float[Array, "*batch memory"]) -> Float[Array, "*batch own"]:
        """What memory and network add to the polynomials."""
        known = jnp.concatenate([x, memory], axis=-1)
        network = _rebuilt(lambda key: _network(known.shape[-1], self.width, key), self.weights)
        outputs = jax.vmap(network)(known.reshape(-1, known.shape[-1])).reshape(*known.shape[:-1], self.width)
        return jnp.concatenate([memory, outputs], axis=-1) @ self.heads

    def __call__(
        self, x: Float[Array, "*batch variables"], memory: Float[Array, "*batch memory"]
    ) -> Float[Array, "*batch own"]:
        """Logits at regressors and memory."""
        return monomials(x, self.powers) @ self.coefficients + self.beyond(x, memory)

    def nothing(self, x: Float[Array, "info variables"]) -> Float[Array, "info memory"]:
        """The memory of one who has seen nothing, for every row of regressors."""
        return jnp.zeros((len(x), self.memory))

    def fitted(self, x: Float[Array, "info variables"], logits: Float[Array, "info own"]) -> "Terms":
        """Other polynomials, so that logits without memory are nearest to these; what was learned beyond them stays."""
        rest = logits - self.beyond(x, self.nothing(x))
        return dataclasses.replace(self, coefficients=least_squares(monomials(x, self.powers), rest))


class NetworkForm(TableForm):
    """A table filled by polynomials and a network."""

    terms: Terms

    def logits(self, regressors):
        """The terms at the nodes."""
        return self.terms(regressors, self.terms.nothing(regressors))

    def fitted(self, regressors, logits):
        """Other polynomials."""
        return NetworkForm(self.terms.fitted(regressors, logits))


class Memory(eqx.Module):
    """A gated recurrent unit that reads scaled observations."""

    cell: eqx.nn.GRUCell
    centre: Float[Array, " observations"]
    scale: Float[Array, " observations"]

    def __call__(self, observed, memory):
        """The next memory."""
        return self.cell((observed - self.centre) / self.scale, memory)


class RecurrentForm(Form):
    """Polynomials, memory and a network of both.

    `cell` holds the arrays of the recurrent unit. `centre` and `scale` (mean and s.d.) of the observations are taken from
    the fields seen while nodes are placed, and are no parameters: no gradient reaches them.
    """

    terms: Terms
    cell: tuple[Array, ...]
    centre: Float[Array, " observations"]
    scale: Float[Array, " observations"]
    observe: Callable = eqx.field(static=True)

    def logits(self, regressors):
        """The terms at the nodes, where nothing is remembered."""
        return self.terms(regressors, self.terms.nothing(regressors))

    def fitted(self, regressors, logits):
        """Other polynomials."""
        return dataclasses.replace(self, terms=self.terms.fitted(regressors, logits))

    def information(self) -> RecurrentInformation:
        """What the rule conditions on."""
        size = self.terms.memory
        cell = _rebuilt(lambda key: eqx.nn.GRUCell(len(self.centre), size, key=key), self.cell)
        memory = Memory(cell, jax.lax.stop_gradient(self.centre), jax.lax.stop_gradient(self.scale))
        return RecurrentInformation(memory, self.observe, size)

    def rule(self, table, belief):
        """The rule, with the memory that it needs."""
        return RecurrentRule(table, self, belief, self.information())

    def parts(self, table, belief, field):
        """Positions at the memory built again from the public record, from the one carried to the first date."""
        rule, present = self.rule(table, belief), len(belief.shape.logs)

        def at(index, coordinates):
            part = rule.at(index, coordinates)
            return part.reshape(-1, part.shape[-1])

        def along(path):
            memory = jnp.stack([number[0] for number in path.info[1][present:]])
            return jax.vmap(at)(*path.rebuilt(rule.information, memory))

        return jax.vmap(along)(field)

    def seen(self, field, placing):
        """Observations are centred and scaled by what was seen."""
        observed = jax.vmap(jax.vmap(self.observe))(field.public)
        centre, scale = jnp.mean(observed, (0, 1)), jnp.std(observed, (0, 1))
        # A number that never moves tells nothing: it is divided by one.
        scale = jnp.where(scale > 1e-9 * jnp.maximum(1.0, jnp.abs(centre)), scale, 1.0)
        kept = lambda new, old: jnp.where(placing, new, old)  # noqa: E731
        return dataclasses.replace(self, centre=kept(centre, self.centre), scale=kept(scale, self.scale))


class RecurrentRule(Rule):
    """The rule of a `RecurrentForm`. Between own nodes it is read as a table is; `frame` has the nodes."""

    frame: TableRule
    form: RecurrentForm
    belief: PolynomialBelief
    information: RecurrentInformation

    def at(self, index, coordinates) -> Float[Array, "risk nodes choices"]:
        """Positions at this information: the view's coordinates, then the memory (none: nothing is remembered)."""
        axes = self.frame.axes
        if axes:
            ends = [(axis.low, axis.high, 0.25 * (axis.high - axis.low)) for axis in axes]
            low, high = jnp.stack([a - q for a, _, q in ends]), jnp.stack([b + q for _, b, q in ends])
            seen = jnp.clip(self.belief.transform(coordinates), low, high)  # as far as a table goes on beyond its nodes
        else:
            seen = jnp.zeros(0)
        remembered = coordinates[len(axes) :]
        memory = jnp.stack(remembered) if remembered else self.information.start()
        return positions(self.form.terms(self.belief.regressors(index, seen), memory)).reshape(self.frame.table.shape[-3:])

    def __call__(self, own, view, info, *, key=None):
        """The choice of one individual."""
        return between_nodes(self.frame, self.at(*info), own, view)

    def forgetful(self) -> TableRule:
        """The rule of one who remembers nothing, as a table: where a best answer without memory may start from."""
        return filled(self.form, self.frame, self.belief)


def blank(
    setup: Setup, table: TableRule, cohort: Histogram, powers: Powers, sizes: tuple[int, int], observe: Callable
) -> NetworkForm | RecurrentForm:
    """A form to be fitted: no polynomials yet, a last layer of zeros, other weights at random.

    `sizes`: outputs of the network, and numbers that are remembered (0: a form without memory).

    Raises:
        InputError: if `observe` does not give a vector.
    """
    width, memory = sizes
    own = int(np.prod(table.table.shape[-3:]))
    weights = _arrays(lambda key: _network(len(powers[0]) + memory, width, key), stream(setup.key, "network"))
    terms = Terms(jnp.zeros((0, own)), jnp.zeros((memory + width, own)), weights, powers, memory, width)
    if not memory:
        return NetworkForm(terms)
    seen = _observed(setup, table, cohort, observe)
    cell = _arrays(lambda key: eqx.nn.GRUCell(seen, memory, key=key), stream(setup.key, "memory"))
    return RecurrentForm(terms, cell, jnp.zeros(seen), jnp.ones(seen), observe)


def _observed(setup: Setup, table: TableRule, cohort: Histogram, observe: Callable) -> int:
    """How many numbers are observed at a date."""

    def first():
        populations, rules = placed(setup.populations, setup.name, cohort), {**setup.rules, setup.name: table}
        state = periods.start(setup.economy, populations, rules, setup.key, setup.exo)
        return observe(periods.open_market(setup.economy, populations, rules, state, setup.key)[0].public())

    shape = eqx.filter_eval_shape(first).shape
    if len(shape) != 1 or not shape[0]:
        raise InputError(
            f"what is observed has shape {shape}", where=setup.name, remedy="Let `observe(now)` give a vector of numbers."
        )
    return shape[0]


def _network(inputs: int, width: int, key: Key) -> eqx.nn.MLP:
    # Bounded outputs: what a network says far from what was seen must not carry the rule away.
    return eqx.nn.MLP(inputs, width, width, 1, activation=jnp.tanh, final_activation=jnp.tanh, key=key)


def _arrays(make: Callable, key: Key) -> tuple[Array, ...]:
    """The arrays of a module made at random."""
    return tuple(brief_jit(lambda k: jax.tree_util.tree_leaves(eqx.filter(make(k), eqx.is_array)))(key))


def _rebuilt(make: Callable, arrays: tuple[Array, ...]):
    """The module that `make(key)` would give, with these arrays."""
    shapes = eqx.filter_eval_shape(make, jax.random.key(0))
    known, rest = eqx.partition(shapes, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    return eqx.combine(jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(known), arrays), rest)
