"""Learners of many agents against what is known: closed forms, Nash equilibria, Euler iteration.

python benchmarks/marl.py                                 all groups, an hour on one core
python benchmarks/marl.py --only closed-form --seeds 5

Rows of the groups that are run replace those of before in `results/marl.csv`; the others stay.
"""

import argparse
import csv
import dataclasses
import time

import common

common.one_core()

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import walras as w  # noqa: E402
from walras.economies.krusell_smith import PriceView  # noqa: E402
from walras.economies.oligopoly import DemandView  # noqa: E402
from walras.economies.producer import Share  # noqa: E402
from walras.economies.rival import FirmOwn  # noqa: E402
from walras.economy.population import Panel  # noqa: E402
from walras.learners import PPO, SAC, Reinforce  # noqa: E402
from walras.learners.preset import ModelFreeSizes, preset  # noqa: E402
from walras.loop import advance, training_fields  # noqa: E402
from walras.moments import gini  # noqa: E402
from walras.solve import gather_for, laboratory  # noqa: E402

COLUMNS = ["group", "learner", "seed", "transitions", "seconds", "figure", "target", "measured", "met"]
SHARE, HOURS = 1 - 0.36 * 0.95, 0.64 / (5 * (1 - 0.36 * 0.95) + 0.64)
ROUNDS = ModelFreeSizes(150, 16, 30, 20)
CLOSED = {
    "ppo": PPO(start="middle", sizes=ROUNDS),
    "sac": SAC(start="middle", sizes=ModelFreeSizes(150, 8, 20, 20, units=32, epochs=8)),
    "reinforce": Reinforce(start="middle", sizes=ModelFreeSizes(300, 16, 30, 20, rates=(5e-3, 3e-3))),
}
FIRMS = ModelFreeSizes(300, 192, 8, 1, units=32, hold=0.4)


def learn(economy, learner, seed: int, name: str, populations=None, sizes: str = "standard"):
    """(laboratory, last state, seconds without the first round, transitions lived through)."""
    lab, loop = laboratory(economy, {name: learner}, populations, None, preset(sizes), seed)
    loop = advance(lab, loop, 1)
    began = time.perf_counter()
    loop = jax.block_until_ready(advance(lab, loop, lab.rounds))
    given = learner.sizes or preset(sizes).model_free
    people = getattr(economy, name).identities if hasattr(getattr(economy, name), "identities") else given.people
    return lab, loop, time.perf_counter() - began, float(given.rounds * given.paths * given.dates * people)


def closed_form(seeds: int):
    """Consumption share and hours of `marl-rbc` closed_form, from a start at a half of everything."""
    for name, learner in CLOSED.items():
        for seed in range(seeds):
            lab, loop, seconds, count = learn(w.economies.MarlRbc.closed_form(), learner, seed, "household")
            flow = training_fields(lab, loop)["household"].public.flows["household"]
            share, hours = np.asarray(flow["sL"] / flow["L"]), np.asarray(flow["N"])
            for figure, value in (("share", np.abs(share - SHARE).mean()), ("hours", np.abs(hours - HOURS).mean())):
                yield "closed-form", name, seed, count, seconds, f"error of {figure}", 0.005, value


def oligopoly(seeds: int):
    """Quantities (prices) of every firm against the closed form, learned as takers and within the economy."""
    markets = {"cournot": w.economies.Oligopoly.cournot(), "bertrand": w.economies.Oligopoly.bertrand()}
    for market, economy in markets.items():
        for conduct, form in (("strategic", "nash"), ("taker", "taker")):
            learner = PPO(conduct=conduct, mix=0.0, noise=(1.0, 0.02 if economy.firm.posts else 0.05), sizes=FIRMS)
            for seed in range(seeds):
                lab, loop, seconds, count = learn(economy, learner, seed, "firm")
                known = economy.benchmark(form)["p" if economy.firm.posts else "q"]
                off = np.abs(offers(lab, loop) / known - 1)
                for figure, value in (("mean", off.mean()), ("largest", off.max())):
                    target = 0.005 if figure == "mean" else None
                    yield (
                        "oligopoly",
                        "ppo",
                        seed,
                        count,
                        seconds,
                        f"{market}, {conduct}: error of offers, {figure}",
                        target,
                        value,
                    )


@eqx.filter_jit
def offers(lab, loop):
    """What every firm offers in every state of demand, (states, firms)."""
    rule, economy = lab.learners["firm"].rule(loop.learners["firm"]), lab.economy

    def one(z, i):
        view = DemandView(z, economy.exogenous.value(z))
        return rule(FirmOwn(id=i), view, view.info()).x

    over = jax.vmap(jax.vmap(one, (None, 0)), (0, None))
    return over(jnp.arange(economy.exogenous.n), jnp.arange(economy.firm.identities))


def krusell_smith(seeds: int):
    """Capital, consumption and inequality of `marl-rbc` krusell_smith by PPO, against Euler iteration on the same histogram."""
    reference = w.solve(w.economies.KrusellSmith.dhjj2010(), preset="standard")
    moments, rule = reference.moments(), reference.rules["household"]
    for seed in range(seeds):
        learner = PPO(sizes=ModelFreeSizes(300, 16, 50, 100, hold=0.4))
        populations = {"household": Panel(100)}
        lab, loop, seconds, count = learn(w.economies.MarlRbc.krusell_smith(), learner, seed, "household", populations)
        evidence = gather_for(lab, loop, seed)
        capital = float(np.mean(evidence.dates["public"].stocks["household"]["K"]))
        sample = evidence.samples["household"]
        last = slice(None, None, max(len(sample["weight"]) // 100, 1))
        unequal = np.mean([gini(k, m) for k, m in zip(sample["own"].k[last], sample["weight"][last], strict=True)])
        error = gap_of_consumption(evidence, rule)
        given = ("krusell-smith", "ppo", seed, count, seconds)
        yield *given, "K, per cent off", 1.0, 100 * abs(capital / moments["capital_mean"] - 1)
        yield *given, "Gini, off", 0.04, abs(unequal - moments["wealth_gini"])
        yield *given, "error of c, mean, per cent", 3.0, 100 * error


def gap_of_consumption(evidence, rule) -> float:
    """Mean over people and sampled dates of |c/c of a rule of `krusell-smith` at the same state − 1|."""
    sample, agent, economy = evidence.samples["household"], evidence.lab.economy.household, evidence.lab.economy
    blocks = np.arange(len(sample["weight"]))[:: max(len(sample["weight"]) // 100, 1)]
    at = blocks * evidence.stride
    public, market = evidence.dates["public"], evidence.dates["outcomes"]["household"]
    cut = lambda tree, where: jax.tree_util.tree_map(lambda x: jnp.asarray(np.asarray(x)[where]), tree)  # noqa: E731

    def date(own, share, outcome, exo, K):
        view = PriceView(outcome["rent"] - economy.delta, outcome["w"], outcome["tau"], exo, K)
        c = jax.vmap(lambda o, s: s * agent.cash(o, Share(s), outcome))(own, share)
        return jnp.abs(c / jax.vmap(lambda o: rule(o, view, view.info()).c)(own) - 1)

    dated = (cut(market, at), cut(public.exo, at), cut(public.stocks["household"]["K"], at))
    gap = jax.jit(jax.vmap(date))(cut(sample["own"], blocks), cut(sample["choice"], blocks), *dated)
    weight = np.asarray(sample["weight"])[blocks]
    return float((np.asarray(gap) * weight).sum() / weight.sum())


def pathwise(seeds: int):
    """`StructuralRL` on `marl-rbc` krusell_smith, trained with a histogram, 100 and 1,000 people, judged on the histogram of Euler iteration
    along 100,000 common dates; inequality where the certificate looks, on common shocks."""
    economy = w.economies.MarlRbc.krusell_smith()
    reference = w.solve(economy, preset="standard")
    unequal = reference.moments()["wealth_gini"]
    for people in (None, 100, 1000):
        populations = None if people is None else {"household": Panel(people)}
        for seed in range(seeds):
            found = w.solve(economy, {"household": w.learners.StructuralRL()}, populations=populations, key=seed)
            sizes = found.lab.preset.structural
            given = ("pathwise", "structural" if people is None else f"structural, {people} people", seed)
            given = (*given, float(sizes.rounds * sizes.paths * sizes.dates * (people or sizes.nodes)), found.seconds["run"])
            judged = dataclasses.replace(
                found,
                lab=dataclasses.replace(found.lab, populations=reference.lab.populations),
                loop=dataclasses.replace(found.loop, economy=reference.loop.economy),
            )
            gap = w.compare(reference, judged, dates=100_000)
            first, second = gap.paths["household_K"][:2]
            there = dataclasses.replace(judged, evidence=gather_for(judged.lab, judged.loop, 0)).moments()["wealth_gini"]
            yield *given, "K, per cent off", 0.3, 100 * abs(second / first - 1)
            yield *given, "K along the path, mean gap, per cent", None, 100 * gap.paths["household_K"][2] / first
            yield *given, "Gini, off", 0.02, abs(there - unequal)
            yield *given, "error of c, mean, per cent", 0.3, gap.rules["household"][0]
            yield *given, "error of c, 99 %, per cent", 3.0, gap.rules["household"][1]
            yield *given, "seconds", 20.0, found.seconds["run"]


def rbc(seeds: int):
    """`StructuralRL` on `marl-rbc` rbc, where one household stands for all, against Euler iteration on common shocks."""
    economy = w.economies.MarlRbc.rbc()
    reference = w.solve(economy, {"household": w.learners.EulerIteration(law_step=0.03)}, preset="standard")
    responses = w.impulse_response(reference, horizon=40, paths=64)
    for seed in range(seeds):
        found = w.solve(economy, {"household": w.learners.StructuralRL()}, key=seed)
        sizes, gap = found.lab.preset.structural, w.compare(reference, found)
        given = ("rbc", "structural", seed, float(sizes.rounds * sizes.paths * sizes.dates), found.seconds["run"])
        yield *given, "share consumed, mean gap, per cent", 0.5, gap.rules["household"][0]
        for name, what in (("household_K", "K"), ("household_N", "hours")):
            first, _, apart, _ = gap.paths[name]
            yield *given, f"{what} along the path, mean gap, per cent", 0.5, 100 * apart / first
        learned = w.impulse_response(found, horizon=40, paths=64)
        for name, what in (("household_K", "K"), ("household_N", "hours")):
            known = responses[name].values
            off = 100 * np.abs(learned[name].values - known).max() / np.abs(known).max()
            yield *given, f"response of {what}, largest gap, per cent of peak", 5.0, off


GROUPS = {"closed-form": closed_form, "oligopoly": oligopoly, "krusell-smith": krusell_smith, "pathwise": pathwise, "rbc": rbc}


def main() -> None:
    """Run groups; every row is written as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(GROUPS), help="groups: " + ", ".join(GROUPS))
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    chosen, path = given.only.split(","), common.RESULTS / "marl.csv"
    rows = []
    if path.exists():
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
        rows = [row for row in csv.reader(lines[1:]) if row[0] not in chosen]
    for group in chosen:
        for *what, target, value in GROUPS[group](given.seeds):
            met = "" if target is None else "yes" if value <= target else "no"
            kept = [f"{x:.0f}" if isinstance(x, float) else x for x in what]
            rows.append([*kept, "" if target is None else f"{target:g}", f"{value:.2g}", met])
            print(*rows[-1], sep="  ", flush=True)
            about = "seconds without compiling, those of `structural` with the certificate; every seed by itself"
            common.write("marl.csv", COLUMNS, rows, about=about, packages=("optax",))


if __name__ == "__main__":
    main()
