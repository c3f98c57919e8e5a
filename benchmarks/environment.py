"""How fast economies are stepped under given actions, beside a kernel written by hand for the economy of Curry et al.

128 economies, random actions drawn beforehand, single precision, one core; Krusell and Smith's in double. Both sides first step the same economies by the same
actions and must hold the same money; then they take turns, and the medians of their processor times are compared. Observations
are left out (nobody reads them), as they are in the kernel.

    python benchmarks/environment.py
"""

import argparse

import common

common.one_core()

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from walras._core.tree import precision  # noqa: E402
from walras.economies import CurryRBC, KrusellSmith  # noqa: E402
from walras.economy.population import Finite, Panel  # noqa: E402
from walras.interfaces import Environment  # noqa: E402

ECONOMIES, POOL = 128, 4
AGREEMENT = 1e-4


def by_hand(N: int, F: int, dates: int):
    """The rules of the released code as arrays [economy, individual, good]: (scan over the pool's actions, first state)."""
    real = jnp.float32
    alpha = jnp.asarray([0.2, 0.3, 0.4, 0.6, 0.8], real)[jnp.arange(F) % 5]
    theta = ((1 - jnp.arange(N) / N) ** 0.25).astype(real)
    born = jnp.where(2 * jnp.arange(F) < F, 5000.0, 10000.0).astype(real)
    full = lambda n, x: jnp.full((ECONOMIES, n), x, real)  # noqa: E731
    first = (full(N, 2000), full(F, 22_000 * N), full(F, 1) * born, full(F, 0), full(F, 1000), full(F, 0), full(2, 0))

    def step(carry, row):
        (m, money, k, y, p, w, tax), t = carry
        goods, h, works = row["consumer"][..., :F], 260 * row["consumer"][..., F], row["consumer"][..., F + 1]
        cost = jnp.einsum("enf,ef->en", goods, p)
        goods = goods * jnp.where(cost > m, m / jnp.where(cost > 0, cost, 1), 1)[..., None]
        asked = goods.sum(1)
        c = goods * jnp.where(asked > y, y / jnp.where(asked > 0, asked, 1), 1)[:, None]
        sold = jnp.minimum(asked, y)
        exported = jnp.where(p >= 500, jnp.minimum(100, y - sold), 0)
        hours = jax.nn.one_hot(works.astype(int), F, dtype=real) * h[..., None]
        L = hours.sum(1)
        gross = p * (sold + exported) - w * L
        invested = 0.1 * jnp.maximum(gross, 0)
        paid = tax[:, 1:] * jnp.maximum(gross - invested, 0)
        profit = gross - invested - paid
        rebate = (tax[:, 0] * (w * L).sum(1) + paid.sum(1)) / N
        utility = ((jnp.exp(0.9 * jnp.log(c + 1)) - 1) / 0.9).sum(2) - 0.005 * theta * h
        m = m - (p[:, None] * c).sum(2) + (1 - tax[:, :1]) * (hours * w[:, None]).sum(2) + rebate[:, None] + 0.01
        posted, rates = row["firm"][..., 0], row["government"][:, 0]
        later = (m, money + profit, k + invested, y - sold - exported + 0.01 * k ** (1 - alpha) * L**alpha,
                 500 * jnp.floor(posted / 5), 11 * (posted % 5), 0.2 * jnp.concatenate([jnp.floor(rates / 6), rates % 6], -1))  # fmt: skip
        later = jax.tree_util.tree_map(lambda a, b: jnp.where((t + 1) % 10 == 0, a, b), first, later)
        return (later, t + 1), (utility.sum(1), profit.sum(1))

    def run(pool):
        row = lambda t: jax.tree_util.tree_map(lambda x: x[t % POOL], pool)  # noqa: E731
        return jax.lax.scan(lambda carry, t: step(carry, row(t)), (first, 0), jnp.arange(dates))

    return jax.jit(run)


def stepped(env: Environment, dates: int):
    """The same through `env.step`."""

    @eqx.filter_jit
    def run(env, pool):
        _, state = jax.vmap(env.reset)(jax.random.split(jax.random.key(0), ECONOMIES))

        def date(state, t):
            row = jax.tree_util.tree_map(lambda x: x[t % POOL], pool)
            _, state, reward, _, _ = jax.vmap(lambda s, a: env.step(jax.random.key(1), s, a))(state, row)
            return state, {name: jnp.sum(x, axis=1) for name, x in reward.items()}

        return jax.lax.scan(date, state, jnp.arange(dates))

    return lambda pool: run(env, pool)


def pool_of(env: Environment):
    """Random actions [pool, economy, individual, head]."""
    keys = jax.random.split(jax.random.key(2), (POOL, ECONOMIES))
    drawn = jax.vmap(jax.vmap(env.sample))(keys)
    return jax.tree_util.tree_map(lambda x: x.astype(precision(env.economy)), drawn)


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dates", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="write the table (on a quiet machine)")
    args = parser.parse_args()
    rows = []
    for N, F in ((100, 10), (20, 4)):
        people = {"consumer": Finite(N), "firm": Finite(F)}
        env = Environment.of(CurryRBC.open(), populations=people, horizon=10, single=True, scaled=False)
        pool, ours, hand = pool_of(env), stepped(env, args.dates), by_hand(N, F, args.dates)
        money, theirs = ours(pool)[0].economy.cross["consumer"].m, hand(pool)[0][0][0]
        gap = float(np.max(np.abs(np.asarray(money) - np.asarray(theirs)) / np.asarray(theirs)))
        assert gap < AGREEMENT, f"the two do not hold the same money: {gap:.2g}"
        took = common.interleaved({"ours": lambda: ours(pool), "hand": lambda: hand(pool)}, jax.block_until_ready, args.repeats)  # noqa: B023
        speeds = {name: ECONOMIES * args.dates / (1e-3 * ms) for name, ms in took.items()}
        rows.append(
            [
                f"curry-rbc, {N} + {F} + 1",
                N + F + 1,
                *(f"{speeds[x]:.3g}" for x in ("ours", "hand")),
                f"{took['ours'] / took['hand']:.2f}",
            ]
        )
    env = Environment.of(KrusellSmith.dhjj2010(), populations={"household": Panel(100)}, scaled=False)
    pool, ours = pool_of(env), stepped(env, args.dates)
    ours(pool)
    took = common.interleaved({"ours": lambda: ours(pool)}, jax.block_until_ready, args.repeats)
    rows.append(["krusell-smith, 100 households", 100, f"{ECONOMIES * args.dates / (1e-3 * took['ours']):.3g}", "", ""])
    columns = ["economy", "individuals", "dates/s", "by hand, dates/s", "ratio"]
    common.show(columns, rows)
    if args.write:
        common.write(
            "environment.csv", columns, rows, about="dates of 128 economies a second of processor time, one core, given actions"
        )


if __name__ == "__main__":
    main()
