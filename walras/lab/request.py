"""What a user asked for, as one typed value; and names turned into economies, learners and populations.

ECONOMY and LEARNER are file names in `economies/` and `learners/` with hyphens, or `path/to/file.py:ClassName`.
"""

import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

import walras.economies
import walras.learners
from walras._core.errors import InputError, UnknownName
from walras._core.typed import Typed
from walras.economy import period as periods
from walras.economy.economy import Economy
from walras.economy.information import Lags, Moments, Prices, Shares
from walras.economy.population import Finite, Histogram, Panel, Population, Representative
from walras.economy.rule import Information, ViewInformation
from walras.inputs import fitted, price_names, with_parameters
from walras.lab import trust
from walras.learners.curriculum import Curriculum
from walras.learners.learner import Learner
from walras.solve import discretised

COPY = "economy.py"
"""Name of the copy of an economy's own file in its run folder."""


Name = Annotated[str, Field(min_length=1, max_length=4096)]
Short = Annotated[str, Field(min_length=1, max_length=200)]
Seed = Annotated[int, Field(ge=0, lt=2**63, description="the seed of all random numbers, a whole number from 0 to 2⁶³ − 1")]
Numbers = Annotated[dict[Short, float], Field(max_length=1000, description="numbers by the dotted name of a parameter")]
Choices = Annotated[dict[Short, Name], Field(max_length=100, description="a text for each agent type")]


class Request(Typed):
    """A solve as it was asked for. Unknown fields are errors."""

    economy: Name
    calibration: Short
    learners: Choices = Field(default_factory=dict)
    populations: Choices = Field(default_factory=dict)
    information: Choices = Field(default_factory=dict)
    parameters: Numbers = Field(default_factory=dict)
    preset: Short = "standard"
    seed: Seed = 0
    curriculum: Annotated[str, Field(max_length=200)] = ""


def catalogue(package: Any, base: type) -> dict[str, type]:
    """The classes of a package by file name with hyphens: the one in each file that is a final `base`."""
    found = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for cls in vars(module).values():
            own = isinstance(cls, type) and issubclass(cls, base) and cls.__module__ == module.__name__
            if own and not inspect.isabstract(cls):
                found[info.name.replace("_", "-")] = cls
    return found


def economies() -> dict[str, type[Economy]]:
    """All economies of the catalogue by name."""
    return catalogue(walras.economies, Economy)


def learners() -> dict[str, type[Learner]]:
    """All learners of the catalogue by name."""
    return catalogue(walras.learners, Learner)


def curriculum(request: Request) -> Curriculum | None:
    """The curriculum that a request names; None where it names none.

    Raises:
        UnknownName: if there is none of that name.
    """
    known = {"curry2022": Curriculum.curry2022}
    if request.curriculum and request.curriculum not in known:
        raise UnknownName("curriculum", request.curriculum, known, where="--curriculum")
    return known[request.curriculum]() if request.curriculum else None


def calibrations(cls: type[Economy]) -> list[str]:
    """Named constructors of an economy that take no argument, the default first."""
    names = []
    for name, value in vars(cls).items():
        if isinstance(value, classmethod) and not name.startswith("_"):
            parameters = list(inspect.signature(value.__func__).parameters.values())[1:]
            if all(p.default is not p.empty for p in parameters):
                names.append(name)
    return names


def economy_class(name: str) -> type[Economy]:
    """The class that an ECONOMY argument names.

    Raises:
        UnknownName: if there is none of that name; suggests the nearest.
        InputError: if a file cannot be imported; shows its line.
    """
    if ":" in name or name.endswith(".py"):
        return from_file(name, Economy)
    known = economies()
    if name not in known:
        raise UnknownName("economy", name, known, where="walras")
    return known[name]


def from_file(name: str, base: type) -> type:
    """The class `path/to/file.py:ClassName`."""
    path, _, class_name = name.partition(":")
    module = _imported(Path(path))
    found = {
        k: v for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, base) and v.__module__ == module.__name__
    }
    if not class_name and len(found) == 1:
        return next(iter(found.values()))
    if class_name not in found:
        raise UnknownName(f"{base.__name__} in {path}", class_name, found, where=path)
    return found[class_name]


def _imported(path: Path, copy: Path | None = None, *, asked: bool = True):
    """The module of a user's file; `copy` is read in its place, under its name, where it is given. `asked`: the user named it;
    else a run folder did, and it is run only if it is trusted."""
    source = copy or path
    if not source.is_file():
        raise InputError("there is no such file", where=str(path), remedy="Give path/to/file.py:ClassName.")
    code = source.read_bytes()
    if asked:
        trust.trust(code)
    else:
        trust.check(source, code)
    name = f"walras_user_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        del sys.modules[name]
        line = (error.text or "").rstrip()
        raise InputError(f"syntax error: {error.msg}\n    {line}", where=f"{path}, line {error.lineno}") from error
    except Exception as error:
        del sys.modules[name]
        line = _line_of(error, path)
        raise InputError(f"{type(error).__name__}: {error}", where=f"{path}{line}", remedy="The file must import.") from error
    return module


def _line_of(error: BaseException, path: Path) -> str:
    trace, line = error.__traceback__, ""
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).name == path.name:
            line = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return line


def user_file(request: Request) -> Path | None:
    """The economy's own file, None for the catalogue."""
    own = ":" in request.economy or request.economy.endswith(".py")
    return Path(request.economy.partition(":")[0]) if own else None


def user_modules(request: Request, folder: Path | None = None) -> tuple:
    """The modules of an economy's and of learners' own files; the economy's from the run folder's copy where there is one."""
    path, found = user_file(request), []
    if path is not None:
        copy = folder / COPY if folder is not None else None
        own = copy is not None and copy.is_file() and not copy.is_symlink()
        found.append(_imported(path, copy if own else None, asked=False))
    learned = [Path(text.partition(":")[0]) for text in request.learners.values() if ":" in text]
    return (*found, *(_imported(path, asked=False) for path in learned))


def build(request: Request) -> tuple[Economy, dict[str, Learner], dict[str, Population]]:
    """Economy, learners and populations of a request.

    Raises:
        UnknownName, InputError: for names and values that cannot be used.
    """
    cls = economy_class(request.economy)
    names = calibrations(cls)
    if request.calibration not in names:
        raise UnknownName("calibration", request.calibration, names, where=request.economy)
    economy = getattr(cls, request.calibration)()
    populations = {name: _population(name, text) for name, text in request.populations.items()}
    economy, populations = fitted(economy, populations)
    economy = with_parameters(economy, request.parameters)
    return economy, {name: _learner(text) for name, text in request.learners.items()}, populations


def _learner(text: str) -> Learner:
    known = {**learners(), "euler": learners()["euler"]}
    cls = from_file(text, Learner) if ":" in text else known.get(text)
    if cls is None:
        raise UnknownName("learner", text, known, where="walras")
    if text == "fixed":
        raise InputError("a fixed rule has to be given in Python", where="--learner", remedy="Use learners.Fixed(rule).")
    return cls()


def _population(name: str, text: str) -> Population:
    kind, _, number = text.partition(":")
    known = {"histogram": Histogram, "panel": Panel, "finite": Finite, "representative": Representative}
    if kind not in known:
        raise UnknownName("population", kind, known, where=f"--population {name}")
    where = f"--population {name}"
    if kind in ("panel", "finite"):
        what = f"{kind} needs a number of individuals"
        least = 1 if kind == "panel" else 0  # finite:0 leaves out a type that can be
        return known[kind](whole(number, least, 10**7, (what, where, f"Write {name}={kind}:1000.")))
    if kind == "histogram" and number:
        return Histogram(
            None, whole(number, 2, 10**5, ("histogram takes a number of nodes", where, f"Write {name}=histogram:200."))
        )
    return known[kind]()


def whole(text: str, low: int, high: int, said: tuple[str, str, str]) -> int:
    """A whole number in [low, high]; `said` = (what is needed, where, what to write).

    Raises:
        InputError: for anything else.
    """
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    if number is None or not low <= number <= high:
        raise InputError(f"{said[0]} from {low} to {high}", where=said[1], number=f"'{text[:100]}'", remedy=said[2])
    return number


def information(request: Request, economy: Economy) -> dict[str, Information]:
    """The information of each type that a request names.

    Raises:
        UnknownName, InputError: for names and values that cannot be used.
    """
    types, found = periods.agents(economy), {}
    for name, text in request.information.items():
        if name not in types:
            raise UnknownName("agent type", name, types, where="--information")
        # Three states are enough to see which prices move.
        found[name] = _information(name, text, discretised(economy, 3))
    return found


def _information(name: str, text: str, economy: Economy) -> Information:
    kind, _, rest = text.partition(":")
    listed, where = tuple(part for part in rest.split(",") if part), f"--information {name}"
    agent = periods.agents(economy)[name]
    if kind == "view":
        return ViewInformation()
    if kind in ("prices", "prices+state"):
        return Prices(listed or price_names(economy, name), state=kind == "prices+state")
    if kind == "moments":
        limits = agent.limits()
        low = float(getattr(limits, type(limits).endogenous()[0]).low)
        return Moments(name, listed or ("mean_log",), low)
    if kind == "lags":
        number, *fields = listed or ("",)
        dates = whole(number, 1, 1000, ("lags need their number", where, f"Write {name}=lags:2."))
        return Lags(tuple(fields) or price_names(economy, name)[:1], dates)
    if kind == "shares":
        try:
            return Shares(name, tuple(float(edge) for edge in listed or ("",)))
        except ValueError:
            remedy = f"Write {name}=shares:1,5."
            raise InputError("shares need the edges of their bins", where=where, number=f"'{rest}'", remedy=remedy) from None
    raise UnknownName("information", kind, ("view", "prices", "prices+state", "lags", "moments", "shares"), where=where)
