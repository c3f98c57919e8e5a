"""Damaged files: cut at every length, with every kind of byte changed; each must be noticed, and named with what to do."""

import dataclasses
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from walras._core.errors import WalrasError
from walras.lab import checkpoint, store

FORMATS = Path(__file__).parent.parent / "formats" / "2"


@dataclasses.dataclass
class Noticed:
    """Damages of one kind of file by whether they were noticed and named."""

    flips: int = 0
    cuts: int = 0
    missed: list[str] = dataclasses.field(default_factory=list)


def _run(folder: Path) -> object:
    return store.verify(folder)


def _checkpoint(folder: Path) -> object:
    return checkpoint.newest(folder, "solve", lambda _: ())


def _design(folder: Path) -> object:
    from walras._core.durable import read_sealed

    return read_sealed(folder / "request.json")


KINDS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "manifest": ("solve", "manifest.json", _run),
    "summary": ("solve", "summary.json", _run),
    "solution": ("solve", "solution.safetensors", _run),
    "simulation": ("solve", "simulation.nc", _run),
    "report": ("solve", "report.html", _run),
    "state of a checkpoint": ("interrupted", "checkpoints/000000.safetensors", _checkpoint),
    "manifest of a checkpoint": ("interrupted", "checkpoints/000000.json", _checkpoint),
    "request of a design": ("design-interrupted", "request.json", _design),
}
"""Folder, file and reader of every kind of file that a run leaves."""


def examine(kind: str, folder: Path, flips: int, cuts: int, seed: int = 0) -> Noticed:
    """Change single bits (in the first and last bytes, and in every class of bytes), and cut at `cuts` lengths spread evenly."""
    name, file, read = KINDS[kind]
    run = folder / name
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(FORMATS / name, run)
    path, found = run / file, Noticed()
    whole = path.read_bytes()
    read(run)  # undamaged, it is read
    for at, bit in places(whole, flips, random.Random(seed)):
        data = bytearray(whole)
        data[at] ^= 1 << bit
        path.write_bytes(data)
        found.flips += 1
        _named(read, run, path.name, f"bit {bit} of byte {at}", found)
    for length in range(0, len(whole), max(1, len(whole) // cuts)):
        path.write_bytes(whole[:length])
        found.cuts += 1
        _named(read, run, path.name, f"cut to {length}", found)
    for what, other in (("longer", whole + b"\0"), ("zeros", bytes(len(whole))), ("doubled", whole + whole)):
        path.write_bytes(other)
        found.cuts += 1
        _named(read, run, path.name, what, found)
    path.unlink()
    if kind != "request of a design":
        found.cuts += 1
        _named(read, run, path.name if kind != "manifest of a checkpoint" else "000000.safetensors", "removed", found)
    return found


def places(data: bytes, count: int, generator: random.Random) -> Iterator[tuple[int, int]]:
    """Bytes and bits to change: ends of the file, then classes of bytes in turn (digits, letters, marks, blanks, others)."""
    classes: dict[str, list[int]] = {}
    for at, byte in enumerate(data):
        classes.setdefault(_class(byte), []).append(at)
    ends = [*range(min(12, len(data))), *range(max(0, len(data) - 4), len(data))]
    for number in range(count):
        if number < len(ends):
            yield ends[number], generator.randrange(8)
            continue
        members = list(classes.values())[number % len(classes)]
        yield generator.choice(members), generator.randrange(8)


def _class(byte: int) -> str:
    text = chr(byte)
    if not text.isascii():
        return "high"
    return (
        "digit"
        if text.isdigit()
        else "letter"
        if text.isalpha()
        else "blank"
        if text.isspace()
        else "mark"
        if byte > 31
        else "control"
    )


def _named(read: Callable[[Path], object], run: Path, name: str, what: str, found: Noticed) -> None:
    try:
        read(run)
    except WalrasError as error:
        if name not in str(error) or not error.remedy:
            found.missed.append(f"{what}: not named: {error}")
    except Exception as error:
        found.missed.append(f"{what}: {type(error).__name__}: {error}")
    else:
        found.missed.append(f"{what}: not noticed")
