"""What all benchmarks share: one core, one thread, a header that says on what they ran."""

import csv
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


def one_core() -> None:
    """This process and its children on one core, one thread per maths library. Call it before they are imported."""
    os.environ.update(ONE_THREAD)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def processor() -> str:
    """Class of the processor and number of cores."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        name = lines[0] if lines else name
    return f"{name}, {os.cpu_count()} cores"


def versions(*packages: str) -> str:
    """Python and the packages that are installed, with their versions."""
    found = [f"python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def load() -> str:
    """Load average of the last minute: whether something else ran at the same time."""
    return f"{os.getloadavg()[0]:.1f}"


def write(name: str, columns: list[str], rows: Iterable[Iterable], *, about: str, packages: tuple[str, ...] = ()) -> Path:
    """A small table under `results/`, headed by date, hardware and versions."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / name
    with path.open("w", newline="") as file:
        file.write(f"# {about}\n# date: {datetime.now(UTC):%Y-%m-%d}\n# hardware: {processor()}; load {load()}\n")
        file.write(f"# versions: {versions('walras', 'jax', 'jaxlib', 'numpy', *packages)}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def read(name: str) -> list[list[str]]:
    """Rows of a table under `results/` as it stands, without its header; none where there is no such table."""
    path = RESULTS / name
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.reader(lines[1:]))


def show(columns: list[str], rows: list[list]) -> None:
    """The table on the terminal."""
    cells = [columns, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for number, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), flush=True)
        if number == 0:
            print("  ".join("-" * width for width in widths), flush=True)


def cpu_milliseconds(call: Callable[[], object], ready: Callable[[object], object]) -> float:
    """Processor time of one call: on a shared core the wall clock counts what others do."""
    start = time.process_time()
    ready(call())
    return 1e3 * (time.process_time() - start)


def interleaved(calls: dict[str, Callable[[], object]], ready: Callable[[object], object], repeats: int) -> dict[str, float]:
    """Median milliseconds of each call; they take turns, so that a busy spell hits all of them."""
    for call in calls.values():
        ready(call())
    seen: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            seen[name].append(cpu_milliseconds(call, ready))
    return {name: statistics.median(times) for name, times in seen.items()}


def measured_process(command: list[str], environment: dict[str, str] | None = None) -> dict:
    """Run a program to its end: wall and processor seconds, peak memory (GiB), what it printed, exit status."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(environment or {})}
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    scale = 2**30 if sys.platform == "darwin" else 2**20
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss / scale,
        "output": output,
        "status": process.returncode,
    }
