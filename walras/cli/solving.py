"""The verbs that make something: solve, resume, design; and the catalogue."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from walras._core.errors import InputError
from walras.cli.common import Folder, Progress, app, numbers_of, out, pairs, total


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
    curriculum: Annotated[str, typer.Option(help="Stages of learning: curry2022. Your own are given in Python.")] = "",
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
    asked = {
        "economy": economy,
        "calibration": chosen,
        "learners": pairs(learner, "--learner"),
        "populations": pairs(population, "--population"),
        "information": pairs(information, "--information"),
        "parameters": numbers_of(set_, "--set"),
        **({"curriculum": curriculum} if curriculum else {}),
        "preset": preset,
        "seed": seed,
    }
    request = Request.read(asked, "the command line")
    folder = out_ or _free(Path("runs") / f"{_stem(economy)}-{chosen}-{preset}-{seed}")
    with Progress() as progress:
        solution = experiment.run(request, folder, force, progress.say, total)
    show(solution, folder)


def _stem(economy: str) -> str:
    return Path(economy.partition(":")[0]).stem


def _free(folder: Path) -> Path:
    number, candidate = 1, folder
    while candidate.exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def show(solution, folder: Path) -> None:
    """Print a certificate and leave with the status of its verdict."""
    out.print(solution.table())
    if solution.certificate.reasons:
        out.print(f"{solution.verdict}:", *(f"\n  - {reason}" for reason in solution.certificate.reasons), highlight=False)
    out.print(f"report: {folder / 'report.html'}   ({total():.1f} s in all)", highlight=False, soft_wrap=True)
    raise typer.Exit({"certified": 0, "not-certified": 3, "failed": 1}[solution.verdict])


@app.command()
def resume(folder: Folder) -> None:
    """Go on with an interrupted solve, to the same bits, or with an interrupted design."""
    from walras.lab import designing, experiment

    experiment.compile_cache()
    if designing.is_design(folder):
        _designed(folder, lambda say: designing.resume(folder, say))
    with Progress() as progress:
        solution, target = experiment.resume(folder, progress.say, total)
    show(solution, target)


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
    more = {"searcher": searcher, "parameters": numbers_of(set_, "--set"), "preset": preset, "seed": seed}
    request = designing.DesignRequest.read(asked | more, "the command line")
    _designed(folder, lambda say: designing.run(request, folder, say))


def _designed(folder: Path, work) -> None:
    """Do the work of a design and show it; whatever equilibria were solved before an interruption are kept."""
    with Progress() as progress:
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
    out.print(f"in {folder}   ({total():.1f} s in all)", highlight=False, soft_wrap=True)
    raise typer.Exit({"certified": 0, "not-certified": 3, "failed": 1}[found.solution.verdict] if found.settled else 3)
