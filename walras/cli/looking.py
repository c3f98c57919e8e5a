"""The verbs that look at a finished run."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from walras._core.errors import InputError
from walras.cli.common import Folder, Progress, app, numbers_of, out, pairs
from walras.cli.solving import show


@app.command()
def simulate(
    folder: Folder,
    periods: Annotated[int, typer.Option(min=1, help="Number of dates.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the shocks.")] = 0,
) -> None:
    """Simulate a solved economy on fresh shocks; writes simulation-SEED.nc into the run folder."""
    from walras.lab import experiment, store
    from walras.simulate import simulate as simulated

    experiment.compile_cache()
    data = simulated(store.load(folder), periods=periods, key=seed)
    path = folder / f"simulation-{seed}.nc"
    store.add(folder, path.name, store.netcdf(data))
    out.print(f"{periods} dates in {path}", highlight=False, soft_wrap=True)


@app.command()
def certify(
    folder: Folder,
    seeds: Annotated[int, typer.Option(min=1, help="Fresh shock paths; more than one reports the spread.")] = 1,
    dates: Annotated[int | None, typer.Option(min=200, help="Dates of the fresh simulation.")] = None,
) -> None:
    """Make the certificate of a solved economy anew, on shocks that solving never used."""
    from walras.lab import experiment, store
    from walras.solve import diagnose

    experiment.compile_cache()
    solution = diagnose(store.load(folder), dates=dates, seeds=seeds)
    for finding in solution.certificate.findings if seeds > 1 else ():
        out.print(f"{finding.meaning}: {finding.where}", highlight=False)
    show(solution, folder)


@app.command()
def irf(
    folder: Folder,
    shock: Annotated[str, typer.Option(help="Name or number of the component, of several (hank: z, v).")] = "exogenous",
    size: Annotated[float, typer.Option(help="In standard deviations of the innovation; for a chain, the state.")] = 1.0,
    horizon: Annotated[int, typer.Option(min=1, help="Number of dates, the first that of the shock.")] = 40,
) -> None:
    """Generalised impulse responses; writes irf.nc into the run folder."""
    from walras.impulse import impulse_response
    from walras.lab import experiment, store

    experiment.compile_cache()
    data = impulse_response(store.load(folder), shock=shock, size=size, horizon=horizon)
    store.add(folder, "irf.nc", store.netcdf(data))
    out.print(f"responses over {horizon} dates in {folder / 'irf.nc'}", highlight=False, soft_wrap=True)


@app.command()
def transition(
    folder: Folder,
    set_: Annotated[list[str] | None, typer.Option("--set", help="PARAMETER=NUMBER from the first date on.")] = None,
    horizon: Annotated[
        int | None, typer.Option(min=2, help="Number of dates; doubled until welfare stands still if left out.")
    ] = None,
) -> None:
    """From a stationary equilibrium to that of other parameters, foreseen by everybody; writes transition.nc."""
    from walras.inputs import with_parameters
    from walras.lab import experiment, store
    from walras.transition import transition as solved

    experiment.compile_cache()
    before = store.load(folder)
    with Progress() as progress:
        progress.say("transition …")
        found = solved(before, with_parameters(before.economy, numbers_of(set_, "--set")), horizon=horizon)
    store.add(folder, "transition.nc", store.netcdf(found.dataset()))
    gaps = ", ".join(f"{name} {gap:.2g}" for name, gap in found.accounts.items())
    out.print(f"{found.horizon} dates, markets within {found.excess:.2g}, accounts: {gaps}; welfare {found.welfare:.6g}",
              highlight=False)  # fmt: skip
    out.print(f"path in {folder / 'transition.nc'}", highlight=False, soft_wrap=True)


@app.command()
def compare(
    first: Folder,
    second: Folder,
    dates: Annotated[int, typer.Option(min=1, help="Dates of the common shocks.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the common shocks.")] = 0,
) -> None:
    """Two solutions of one economy side by side: rules, paths on common shocks, welfare. The first is the reference."""
    from walras.compare import compare as compared
    from walras.lab import experiment, store

    experiment.compile_cache()
    found = compared(store.load(first), store.load(second), dates=dates, key=seed)
    out.print(found.table(f"{second} against {first}, {found.dates} dates of common shocks"))
    for name, (mean, top) in found.rules.items():
        out.print(f"{name}: last choice differs by {mean:.3g} % on average, {top:.3g} % at the 99th percentile of people")
    for name, gain in found.welfare.items():
        out.print(f"{name}: the second is worth {gain:+.3g} % of consumption for ever")


@app.command()
def stability(
    folder: Folder,
    n: Annotated[int, typer.Option("--eigenvalues", min=1, help="How many eigenvalues, the largest first.")] = 6,
    rounds: Annotated[int, typer.Option(min=0, help="Rounds to run on before looking.")] = 0,
) -> None:
    """Eigenvalues of the loop of learning where a solve ended: whether its rounds contract, and how fast."""
    from walras.diagnose.stability import stability as looked_at
    from walras.lab import experiment, store

    experiment.compile_cache()
    out.print(looked_at(store.load(folder), n=n, rounds=rounds).table())


@app.command("long-horizon")
def long_horizon(
    folder: Folder,
    dates: Annotated[int, typer.Option(min=2000, help="Dates of each path.")] = 10_000,
    seeds: Annotated[int, typer.Option(min=1, help="Paths, each on shocks of its own.")] = 4,
) -> None:
    """Simulate far beyond the training dates and say whether the economy stays in order (exit status 3 if not)."""
    from walras.diagnose.long_horizon import long_horizon as looked_at
    from walras.lab import experiment, store

    experiment.compile_cache()
    found = looked_at(store.load(folder), dates=dates, seeds=seeds)
    out.print(found.table())
    for reason in found.reasons:
        out.print(f"  - {reason}", highlight=False)
    raise typer.Exit(0 if found.passed else 3)


@app.command()
def exploit(
    folder: Folder,
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", help="A type that deviates; all finite populations if none is named. Repeatable."),
    ] = None,
    individual: Annotated[
        list[str] | None, typer.Option(help="TYPE=NUMBER: one that deviates alone; numbers from 0. Repeatable.")
    ] = None,
    episodes: Annotated[int, typer.Option(min=2, help="Paths on which rules are compared.")] = 4096,
    dates: Annotated[
        int | None, typer.Option(min=1, help="Dates of each; one less than a round of the run has if left out.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each deviator.")] = 400,
    paths: Annotated[int, typer.Option(min=1, help="Paths that it sees in a round.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
) -> None:
    """What a type or an individual of a finite population gains by retraining; writes exploit.csv, goes on if interrupted."""
    from walras.lab import experiment, exploiting

    experiment.compile_cache()
    sizes = {"rounds": rounds, "paths": paths, "episodes": episodes, "dates": dates, "seed": seed}
    who = {"types": tuple(type_ or ()), "individuals": _individuals(individual)}
    request = exploiting.ExploitRequest.read(who | sizes, "walras exploit")
    with Progress() as progress:
        found = exploiting.run(folder, request, progress.say)
    columns = ("who", "gain", "s.e.", "% of trained less random", "s.e.", "% of the gain in training", "found by")
    title = f"payoff of a date gained by retraining, {rounds} rounds of {paths} paths, {episodes} episodes"
    shown = Table(*columns, title=title, title_justify="left")
    for _, _, gain in found:
        numbers = [
            f"{x:.3g}" if x == x else "" for x in (gain.gain, gain.error, gain.percent, gain.percent_error, gain.of_training)
        ]
        shown.add_row(gain.who, *numbers, f"{gain.start}, after {gain.checkpoint:.0%}")
    out.print(shown)
    out.print(f"lower bounds, in {folder / exploiting.TABLE}", highlight=False, soft_wrap=True)


def _individuals(given: list[str] | None) -> tuple[tuple[str, int], ...]:
    found = []
    for item in given or []:
        ((name, text),) = pairs([item], "--individual").items()
        if not text.isdecimal() or len(text) > 18:
            raise InputError(
                f"{name} needs a whole number", where="--individual", number=f"'{text}'", remedy=f"Write {name}=0."
            )
        found.append((name, int(text)))
    return tuple(found)


@app.command()
def report(
    folder: Folder,
    beside: Annotated[list[Path], typer.Option(help="Of a design: another one to set beside it. Repeatable.")] = [],  # noqa: B006
) -> None:
    """Draw report.html again from a folder."""
    from walras.lab import designing, store
    from walras.report.design_page import design_page
    from walras.report.page import page_of

    for one in (folder, *beside):
        store.verify(one)
    page = design_page(folder, tuple(beside)) if beside or designing.is_design(folder) else page_of(folder)
    path = store.add(folder, "report.html", page.encode())
    out.print(f"report: {path}", highlight=False, soft_wrap=True)


@app.command()
def cite(folder: Folder) -> None:
    """Print the references of what a run used, as BibTeX."""
    from walras.cite import references
    from walras.lab import store

    for entry in references(store.load(folder)):
        out.print(entry, highlight=False, markup=False, soft_wrap=True)
