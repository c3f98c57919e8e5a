"""The command line. Thin: it reads arguments, calls the library and prints.

Exit status: 0 certified (other verbs: done), 3 solved but not certified, 2 bad input, 1 failure or verdict `failed`,
130 interrupted.
"""

import gc
import time

_STARTED = time.perf_counter()
# Tracing makes many small objects that live on: looking through them again and again for garbage took a fifth of a run.
gc.set_threshold(100_000, 50, 100)

import atexit  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Annotated  # noqa: E402

import typer  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from walras._core.errors import InputError, WalrasError  # noqa: E402

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=(__doc__ or "").split("\n")[0]
)
out, err = Console(), Console(stderr=True)

Folder = Annotated[Path, typer.Argument(help="A run folder.")]
Pairs = Annotated[list[str] | None, typer.Option(help="NAME=VALUE; may be given several times.")]


def _total() -> float:
    return time.perf_counter() - _STARTED


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    found = {}
    for item in given or []:
        name, equals, value = item.partition("=")
        if not equals or not name or not value:
            raise InputError("expected NAME=VALUE", where=option, number=f"'{item}'")
        found[name.strip()] = value.strip()
    return found


def _numbers(given: list[str] | None, option: str) -> dict[str, float]:
    numbers = {}
    for name, text in _pairs(given, option).items():
        try:
            numbers[name] = float(text)
        except ValueError:
            raise InputError(f"{name} needs a number", where=option, number=f"'{text}'") from None
    return numbers


class _Progress:
    """A spinner line on a terminal, plain lines elsewhere (at most one a second)."""

    def __init__(self):
        self.live = err.status("starting …") if err.is_terminal else None
        self.last = 0.0

    def __enter__(self):
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_):
        if self.live:
            self.live.stop()

    def say(self, text: str) -> None:
        """Show one line."""
        if self.live:
            self.live.update(text)
        elif time.monotonic() - self.last > 1.0 or "…" in text:
            err.print(text, highlight=False)
            self.last = time.monotonic()


@app.command("list")
def list_() -> None:
    """List economies with their calibrations, learners and presets."""
    from walras.lab.request import calibrations, economies, learners
    from walras.learners.preset import PRESETS

    table = Table("economy", "calibrations (the first is the default)", "what it is")
    for name, cls in economies().items():
        module = sys.modules[cls.__module__]
        table.add_row(name, ", ".join(calibrations(cls)), (module.__doc__ or "").split("\n")[0].rstrip("."))
    out.print(table)
    out.print("learners: " + ", ".join(learners()) + "   presets: " + ", ".join(PRESETS))


@app.command()
def solve(  # noqa: PLR0913 (one argument per option of the command line)
    economy: Annotated[str, typer.Argument(help="A name from `walras list`, or path/to/file.py:ClassName.")],
    calibration: Annotated[str | None, typer.Option(help="A named constructor of the economy.")] = None,
    learner: Annotated[list[str] | None, typer.Option(help="TYPE=LEARNER.")] = None,
    population: Annotated[list[str] | None, typer.Option(help="TYPE=histogram|panel:N|finite:N|representative.")] = None,
    information: Annotated[
        list[str] | None, typer.Option(help="TYPE=view|prices|prices+state|lags:N|moments|shares:EDGES; names may follow.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="PARAMETER=NUMBER, e.g. household.beta=0.98.")] = None,
    preset: Annotated[str, typer.Option(help="fast, standard, precise or paper.")] = "standard",
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    out_: Annotated[Path | None, typer.Option("--out", help="The run folder to write.")] = None,
    force: Annotated[bool, typer.Option(help="Replace a finished run.")] = False,
) -> None:
    """Solve an economy, certify the result, and write a run folder with its report."""
    from walras.lab import experiment
    from walras.lab.request import Request, calibrations, economy_class

    experiment.compile_cache()
    chosen = calibration or next(iter(calibrations(economy_class(economy))), "")
    if not chosen:
        raise InputError("it has no named constructor to start from", where=economy, remedy="Add a classmethod that builds it.")
    request = Request(
        economy=economy,
        calibration=chosen,
        learners=_pairs(learner, "--learner"),
        populations=_pairs(population, "--population"),
        information=_pairs(information, "--information"),
        parameters=_numbers(set_, "--set"),
        preset=preset,
        seed=seed,
    )
    folder = out_ or _free(Path("runs") / f"{_stem(economy)}-{chosen}-{preset}-{seed}")
    with _Progress() as progress:
        solution = experiment.run(request, folder, force, progress.say, _total)
    _show(solution, folder)


def _stem(economy: str) -> str:
    return Path(economy.partition(":")[0]).stem


def _free(folder: Path) -> Path:
    number, candidate = 1, folder
    while candidate.exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def _show(solution, folder: Path) -> None:
    out.print(solution.table())
    if solution.certificate.reasons:
        out.print(f"{solution.verdict}:", *(f"\n  - {reason}" for reason in solution.certificate.reasons), highlight=False)
    out.print(f"report: {folder / 'report.html'}   ({_total():.1f} s in all)", highlight=False, soft_wrap=True)
    raise typer.Exit({"certified": 0, "not-certified": 3, "failed": 1}[solution.verdict])


@app.command()
def resume(folder: Folder) -> None:
    """Go on with an interrupted solve, to the same bits, or with an interrupted design."""
    from walras.lab import designing, experiment

    experiment.compile_cache()
    if designing.is_design(folder):
        _designed(folder, lambda say: designing.resume(folder, say))
    with _Progress() as progress:
        solution, target = experiment.resume(folder, progress.say, _total)
    _show(solution, target)


@app.command()
def design(  # noqa: PLR0913 (one argument per option of the command line)
    economy: Annotated[str, typer.Argument(help="A name from `walras list`, or path/to/file.py:ClassName.")],
    over: Annotated[str, typer.Option(help="Parameters: NAME=LOW:HIGH,NAME …; without LOW:HIGH where the parameter may lie.")],
    welfare: Annotated[str, typer.Option(help="utilitarian, rawlsian, inequality-averse:ε, weighted:ω1,ω2,…")] = "utilitarian",
    along: Annotated[
        str, typer.Option(help="transition (from the economy as it is), rest, or cycle (along shocks).")
    ] = "transition",
    regime: Annotated[str, typer.Option(help="commitment or discretion.")] = "commitment",
    searcher: Annotated[str, typer.Option(help="pathwise, grid, cma-es, ppo, es, implicit; :N nodes or rounds.")] = "pathwise",
    calibration: Annotated[str | None, typer.Option(help="A named constructor of the economy.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="PARAMETER=NUMBER, e.g. household.beta=0.98.")] = None,
    preset: Annotated[str, typer.Option(help="With which equilibria are solved; the optimum with a finer one.")] = "standard",
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    out_: Annotated[Path | None, typer.Option("--out", help="The folder to write.")] = None,
) -> None:
    """Choose parameters of an economy by the welfare of the equilibria they make; go on with `walras resume` if interrupted."""
    from walras.lab import designing, experiment
    from walras.lab.request import calibrations, economy_class

    experiment.compile_cache()
    chosen = calibration or next(iter(calibrations(economy_class(economy))), "")
    folder = out_ or _free(Path("runs") / f"design-{_stem(economy)}-{seed}")
    asked = {"economy": economy, "calibration": chosen, "over": over, "welfare": welfare, "along": along, "regime": regime}
    request = designing.DesignRequest(**asked, searcher=searcher, parameters=_numbers(set_, "--set"), preset=preset, seed=seed)
    _designed(folder, lambda say: designing.run(request, folder, say))


def _designed(folder: Path, work) -> None:
    """Do the work of a design and show it; whatever equilibria were solved before an interruption are kept."""
    with _Progress() as progress:
        found = work(progress.say)
    _show_design(found, folder)


def _show_design(found, folder: Path) -> None:
    title = f"{found.economy}: {found.welfare} welfare ({found.along}), {found.regime}, {found.searcher}, {len(found.surface)} equilibria"
    table = Table("parameter", "searched in", "chosen", "", title=title, title_justify="left")
    for name, value in found.values.items():
        end = found.corners.get(name)
        table.add_row(name, "[{:g}, {:g}]".format(*found.intervals[name]), f"{value:.5g}", f"corner ({end})" if end else "")
    out.print(table)
    if found.gain is not None:
        parts = ", ".join(f"{part} {getattr(found.gain, part):+.3%}" for part in ("level", "insurance", "redistribution"))
        out.print(f"worth {found.gain.total:+.3%} of consumption for ever ({parts})", highlight=False)
    out.print(f"from scratch ({found.preset}): {found.solution.verdict}; the search was off by {found.gap:.1e} of consumption")
    if found.note:
        out.print(found.note, highlight=False)
    out.print(f"in {folder}   ({_total():.1f} s in all)", highlight=False, soft_wrap=True)
    raise typer.Exit({"certified": 0, "not-certified": 3, "failed": 1}[found.solution.verdict] if found.settled else 3)


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
    _show(solution, folder)


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
    with _Progress() as progress:
        progress.say("transition …")
        found = solved(before, with_parameters(before.economy, _numbers(set_, "--set")), horizon=horizon)
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
def report(folder: Folder) -> None:
    """Draw report.html again from the run folder."""
    from walras.lab import store
    from walras.report.page import page_of

    store.verify(folder)
    path = store.add(folder, "report.html", page_of(folder).encode())
    out.print(f"report: {path}", highlight=False, soft_wrap=True)


@app.command()
def cite(folder: Folder) -> None:
    """Print the references of what a run used, as BibTeX."""
    from walras.cite import references
    from walras.lab import store

    for entry in references(store.load(folder)):
        out.print(entry, highlight=False, markup=False, soft_wrap=True)


def main() -> None:
    """Run the command line; every error that Walras raises becomes one message and an exit status."""
    from walras.lab.stopping import STOPPED, Stopped

    atexit.register(gc.freeze)  # nothing is to be looked through at the end either
    try:
        app()
    except WalrasError as error:
        err.print(f"error: {error}", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_status)
    except Stopped as stopped:
        err.print(str(stopped), highlight=False, markup=False, soft_wrap=True)
        sys.exit(STOPPED)
    except KeyboardInterrupt:
        err.print("interrupted before the first step; nothing to resume", highlight=False)
        sys.exit(STOPPED)


if __name__ == "__main__":
    main()
