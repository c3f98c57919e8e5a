"""Contracts on a whole economy: information, accounts, populations that agree, compilation, gradients, repetition."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from walras.economy import period as periods
from walras.economy.economy import Clear, Economy
from walras.economy.population import Histogram
from walras.numerics.interpolate import Axis
from walras.testing.probe import Probe, opened, run


def informed(alive: Probe) -> None:
    """`View.info` gives an integer index of the exogenous state and a tuple of finite numbers."""
    n = int(alive.economy.exogenous.n or 0)
    for who, points in alive.points.items():
        index, coordinates = points.info
        integer = jnp.issubdtype(index.dtype, jnp.integer) and index.ndim == 1
        alive.require(integer, "informed", f"the index of {who}'s info is {index.dtype}{index.shape[1:]}, not one integer")
        low, high = int(index.min()), int(index.max())
        what = f"the index of {who}'s info goes from {low} to {high}, states are {n}"
        alive.require(low >= 0 and high < n, "informed", what)
        alive.require(isinstance(coordinates, tuple), "informed", f"the coordinates of {who}'s info are no tuple")
        for number, c in enumerate(coordinates):
            fine = jnp.issubdtype(c.dtype, jnp.floating) and bool(jnp.all(jnp.isfinite(c)))
            alive.require(fine, "informed", f"coordinate {number} of {who}'s info is {c.dtype}, or not finite")


def _histograms(alive: Probe):
    """Histograms for all types that can have one (their top out of reach), the listed populations for the others."""
    populations = dict(alive.populations)
    for who, agent in alive.agents.items():
        own = type(agent.limits())
        if len(own.endogenous()) != 1 or own.traits() or agent.risk.n is None or not alive.points[who].own.risk_field():
            continue
        stock = own.endogenous()[0]
        low, seen = float(getattr(agent.limits(), stock).low), float(np.max(getattr(alive.points[who].own, stock)))
        if np.isfinite(low):
            high = low + 50 * max(seen - low, 1.0)
            populations[who] = Histogram(Axis(low, high, (high - low) / 100, alive.sizes.nodes), alive.sizes.nodes)
    return populations


def _walk(alive: Probe, populations):
    """Records by date, weights by date, identities from date 1 on in shares of flows, of dates that cleared."""
    state = opened(alive.economy, populations, alive.rules, alive.key, alive.openings)
    _, (record, _, weights) = run(alive.economy, populations, alive.rules, state, alive.exo_path, alive.key)
    now = jax.tree_util.tree_map(lambda leaf: leaf[1:-1], record)
    after = jax.tree_util.tree_map(lambda leaf: leaf[2:], record)
    identities = jax.vmap(alive.economy.accounts)(now, after)
    flows = [np.abs(np.asarray(x)).reshape(len(x), -1).sum(axis=1) for x in jax.tree_util.tree_leaves((now.flows, now.stocks))]
    return record, weights, identities, max(float(np.mean(sum(flows))), 1e-12), np.asarray(now.status[0]) == 0


def accounts(alive: Probe) -> None:
    """Identities vanish (to 1e-8 of flows and stocks) from date 1 on, in histogram and panel; mass is one (to 1e-12)."""
    for kind, populations in (("histogram", _histograms(alive)), ("panel", alive.populations)):
        _, weights, identities, scale, cleared = _walk(alive, populations)
        if isinstance(alive.economy.market(), Clear):
            dates = f"no date cleared its market in the {kind} under these rules; give `rules` under which it does"
            alive.require(cleared.any(), "accounts", dates)
        for identity, values in identities.items():
            gap = float(np.max(np.abs(np.asarray(values))[cleared])) / scale
            alive.require(gap < 1e-8, "accounts", f"'{identity}' does not vanish in the {kind}: {gap:.3g} of flows and stocks")
        for who, weight in weights.items():
            gap = float(np.max(np.abs(np.asarray(weight).sum(axis=1) - 1)))
            alive.require(gap < 1e-12, "accounts", f"the mass of {who} in the {kind} misses one by {gap:.3g}")
            alive.require(np.min(weight) >= -1e-15, "accounts", f"a mass of {who} in the {kind} is negative")


def agree(alive: Probe) -> None:
    """Histogram and panel give the same stocks at birth and a date later, within six standard errors of the sample."""
    histograms = _histograms(alive)
    if not any(isinstance(p, Histogram) for p in histograms.values()):
        return
    records = [_walk(alive, populations)[0] for populations in (histograms, alive.populations)]
    for who, agent in alive.agents.items():
        if not isinstance(histograms[who], Histogram):
            continue
        for name, exact in records[0].stocks[who].items():
            counted, exact = np.asarray(records[1].stocks[who][name])[:2], np.asarray(exact)[:2]
            held = np.asarray(jax.vmap(agent.holds)(alive.points[who].own)[name])
            error = float(agent.mass) * (held.std() + 1e-9 * np.abs(held).max()) / np.sqrt(alive.sizes.individuals)
            gap = float(np.max(np.abs(counted - exact)))
            what = f"stock '{name}' of {who} is {counted} in a panel and {exact} in a histogram, six s.e. are {6 * error:.3g}"
            alive.require(gap <= 6 * error, "agree", what)


def _numbers_of(economy: Economy):
    """The scalar parameters of an economy as one vector, and the economy as a function of it."""
    flat, tree = jax.tree_util.tree_flatten(economy)
    at = [i for i, leaf in enumerate(flat) if eqx.is_inexact_array(leaf) and leaf.ndim == 0]
    vector = jnp.stack([flat[i] for i in at])

    def rebuilt(values):
        leaves = list(flat)
        for number, i in enumerate(at):
            leaves[i] = values[number]
        return jax.tree_util.tree_unflatten(tree, leaves)

    names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(economy)]
    return vector, rebuilt, [names[i] for i in at]


def _shifted(economy: Economy, factor: float) -> Economy:
    """The economy with every number in it, array or not, multiplied by a factor."""
    real = lambda leaf: isinstance(leaf, float) or (eqx.is_inexact_array(leaf) and leaf.ndim == 0)  # noqa: E731
    return jax.tree_util.tree_map(lambda leaf: leaf * factor if real(leaf) else leaf, economy)


def compiled(alive: Probe) -> None:
    """A date is traced once for all parameter values, and a batch of economies gives what each gives alone."""
    traces = []

    def date(economy):
        traces.append(1)
        now = periods.open_market(economy, alive.populations, alive.rules, alive.state, jax.random.fold_in(alive.key, 0))[0]
        return now.stocks, now.flows, now.prices

    once = eqx.filter_jit(date)
    other = _shifted(alive.economy, 1 + 1e-6)
    for economy in (alive.economy, other):
        once.lower(economy)
    alive.require(len(traces) == 1, "compiled", f"other parameter values were traced again ({len(traces)} traces)")
    vector, rebuilt, _ = _numbers_of(alive.economy)
    together = jax.jit(jax.vmap(lambda values: date(rebuilt(values))))(jnp.stack([vector * (1 + 1e-6), vector]))
    alone = (alive.record.stocks, alive.record.flows, alive.record.prices)
    for a, b in zip(jax.tree_util.tree_leaves(alone), jax.tree_util.tree_leaves(together), strict=True):
        same = np.allclose(a[0], b[1], rtol=1e-9, atol=1e-11)
        alive.require(same, "compiled", f"in a batch of economies it gives {b[1]} where alone it gives {a[0]}")


def gradients(alive: Probe) -> None:
    """The derivative of every aggregate in every scalar parameter is finite and equals a finite difference (to 1e-4)."""
    vector, rebuilt, names = _numbers_of(alive.economy)
    steps = 1e-6 * jnp.maximum(jnp.abs(vector), 1e-2)

    def after(values):
        """Stocks and flows after three dates from the opening, as one vector."""
        economy = rebuilt(values)
        state = opened(economy, alive.populations, alive.rules, alive.key, alive.openings)
        _, (record, _, _) = run(economy, alive.populations, alive.rules, state, alive.exo_path[:3], alive.key)
        leaves = [leaf[-1].ravel() for leaf in jax.tree_util.tree_leaves((record.stocks, record.flows))]
        return jnp.concatenate([leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)])

    # One program: values and derivatives along each parameter, a step below and a step above.
    directions = jnp.eye(len(vector))
    along = jax.jit(jax.vmap(lambda at, d: jax.jvp(after, (at,), (d,))))
    below, slope_below = along(vector - directions * steps, directions)
    above, slope_above = along(vector + directions * steps, directions)
    differences = np.asarray((above - below) / (2 * steps[:, None]))
    derived = np.asarray(0.5 * (slope_below + slope_above))
    # An aggregate that hardly moves is measured against its own size: a difference is no better than its rounding.
    scale = np.maximum(np.abs(differences), 1e-2 * (1 + np.abs(np.asarray(above))))
    gaps = np.abs(derived - differences) / scale
    for name, expected, found, gap in zip(names, differences, derived, gaps, strict=True):
        alive.require(np.isfinite(found).all(), "gradients", f"the derivative of an aggregate in {name} is not finite")
        worst = int(np.argmax(gap)) if len(gap) else 0
        what = f"the derivative of an aggregate in {name} misses a finite difference"
        alive.require(not (gap > 1e-4).any(), "gradients", f"{what}: {found[worst:]} against {expected[worst:]}")


def repeatable(alive: Probe) -> None:
    """The same key gives the same bits."""
    runs = [run(alive.economy, alive.populations, alive.rules, alive.state, alive.exo_path, alive.key)[1][0] for _ in range(2)]
    for a, b in zip(*map(jax.tree_util.tree_leaves, runs), strict=True):
        alive.require(np.array_equal(a, b, equal_nan=True), "repeatable", "two runs with one key differ")
