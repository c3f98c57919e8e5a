"""Figures of paths: the law of motion, forecasts, a history, impulse responses."""

import math

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from walras.report import labels
from walras.report.figures import frequent
from walras.report.style import MUTED, SERIES, figure

WINDOW = 300
HISTORY = 200
DOTS = 250
PANELS = 6
FIRST = ("exogenous_value", "price_Y", "C", "K", "B", "price_r", "price_R", "price_w", "Pi", "mc", "i")


def coordinates(data: xr.Dataset, who: str) -> list[int]:
    """Numbers of the aggregate coordinates that a type forecasts."""
    return [j for j in range(20) if f"{who}_law_{j}" in data]


def law(data: xr.Dataset, who: str, j: int) -> Figure:
    """Change of an aggregate coordinate by the law and as it came about; and the forecast error over all dates."""
    grid, following = data[f"{who}_law_grid_{j}"], data[f"{who}_law_{j}"].values
    actual, exo = data[f"{who}_actual_{j}"].values, data["exogenous_state"].values
    relative = bool((actual > 0).all())
    grows = lambda after, now: 100 * (after / now - 1) if relative else after - now  # noqa: E731
    unit = "% per period" if relative else f"{grid.attrs['units']} per period"
    drawn = figure(3.8)
    left, right = drawn.subplots(1, 2)
    for colour, z in zip(SERIES, frequent(data), strict=False):
        value = labels.exogenous(data, z)
        at = np.flatnonzero(exo[:-1] == z)
        at = at[:: max(1, len(at) // DOTS)]
        left.scatter(actual[at], grows(actual[at + 1], actual[at]), s=5, color=colour, alpha=0.35, linewidths=0)
        left.plot(grid.values, grows(following[z], grid.values), color=colour, label=f"exogenous value {value}")
    left.axhline(0, color=MUTED, linewidth=0.8)
    name = grid.attrs["long_name"]
    changing = name if len(name) <= 28 else grid.attrs["symbol"]
    left.set(title=f"Law of motion of {name}", xlabel=labels.axis(grid), ylabel=f"Change of {changing} [{unit}]")
    drawn.legend(handles=left.get_legend_handles_labels()[0], loc="outside lower center", ncols=3)
    gap = error(actual, data[f"{who}_forecast_{j}"].values)
    low, high = envelope(gap, 400)
    dates = np.linspace(0, len(gap), len(low))
    right.fill_between(dates, low, high, color=SERIES[0], linewidth=0.8, edgecolor=SERIES[0])
    right.axhline(0, color=MUTED, linewidth=0.8)
    right.set(title="Error of the dynamic forecast", xlabel=f"Date [{_period(data)}]", xlim=(0, len(gap)))
    right.set(ylabel=f"Forecast less truth [{'%' if relative else grid.attrs['units']}]")
    return drawn


def error(actual: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Forecast errors in per cent (log points) where positive, else in units."""
    return 100 * np.log(forecast / actual) if (actual > 0).all() and (forecast > 0).all() else forecast - actual


def envelope(values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value in each of at most `most` stretches."""
    parts = np.array_split(values, min(most, len(values)))
    return np.array([p.min() for p in parts]), np.array([p.max() for p in parts])


def den_haan(data: xr.Dataset, who: str, j: int) -> Figure:
    """What came about and what the law forecast from the first date on, around the date of the largest error."""
    actual, forecast = data[f"{who}_actual_{j}"], data[f"{who}_forecast_{j}"].values
    worst = int(np.argmax(np.abs(error(actual.values, forecast))))
    begin = int(np.clip(worst - WINDOW // 2, 0, max(len(forecast) - WINDOW, 0)))
    part = slice(begin, begin + WINDOW)
    drawn = figure(2.9)
    ax = drawn.subplots()
    dates = data["time"].values[part]
    ax.plot(dates, actual.values[part], color=SERIES[0], label="simulated")
    ax.plot(dates, forecast[part], color=SERIES[1], linestyle=(0, (4, 2)), label="forecast by the law alone")
    ax.axvline(worst, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
    ax.annotate("largest error", (worst, 1.0), (4, -2), xycoords=("data", "axes fraction"), va="top",
                textcoords="offset points", color=MUTED, fontsize=7.5)  # fmt: skip
    ax.set(xlabel=f"Date [{_period(data)}]", ylabel=labels.short_axis(actual), xlim=(dates[0], dates[-1]))
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return drawn


def _period(data: xr.Dataset) -> str:
    return labels.period(float(data.attrs.get("years_per_period", 1.0)))


def moving(data: xr.Dataset, prefix: str = "", dim: str = "time") -> list[str]:
    """Names of the series along `dim` that move, the familiar ones first, at most six."""
    skipped = ("_error", "_percent")
    found = []
    for name, variable in data.items():
        plain = str(name).removeprefix(prefix)
        wanted = str(name).startswith(prefix) and "horizon" in variable.dims if prefix else variable.dims == (dim,)
        wanted = wanted and not plain.endswith(skipped) and "_forecast_" not in plain and "_actual_" not in plain
        scale = max(abs(float(variable.attrs.get("baseline", 0.0))), float(np.abs(variable).max()), 1e-300)
        if wanted and plain != "exogenous_state" and float(variable.max() - variable.min()) > max(1e-7 * scale, 1e-12):
            found.append(plain)

    def rank(name: str) -> int:
        return next((k for k, f in enumerate(FIRST) if name == f or name.endswith(f"_{f}")), len(FIRST))

    return sorted(found, key=rank)[:PANELS]


def grid(count: int) -> tuple[Figure, list]:
    """A figure with `count` panels, three in a row, the rest of the last row left empty."""
    rows = math.ceil(count / 3)
    drawn = figure(2.1 * rows + 0.5)
    axes = list(drawn.subplots(rows, 3, sharex=True, squeeze=False).ravel())
    for number in range(count, len(axes)):
        axes[number].set_visible(False)
    for number in range(max(0, count - 3), count):
        axes[number].xaxis.set_tick_params(labelbottom=True)
    return drawn, axes[:count]


def history(data: xr.Dataset) -> Figure | None:
    """The last dates of the fresh simulation."""
    names = moving(data)
    if not names:
        return None
    drawn, axes = grid(len(names))
    dates = data["time"].values[-HISTORY:]
    for number, (ax, name) in enumerate(zip(axes, names, strict=True)):
        series = data[name]
        ax.plot(dates, series.values[-HISTORY:], color=SERIES[0], linewidth=1.3)
        ax.axhline(float(series.mean()), color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
        ax.set(title=labels.title(series), ylabel=f"[{series.attrs['units']}]", xlim=(dates[0], dates[-1]))
        if number >= len(names) - 3:
            ax.set_xlabel(f"Date [{_period(data)}]")
    return drawn


def impulse_responses(data: xr.Dataset) -> Figure | None:
    """Mean responses with bands of two Monte-Carlo standard errors; rates in percentage points, the rest in per cent."""
    if "impulse" not in data.dims:
        return None
    names = moving(data, "irf_")
    drawn, axes = grid(len(names))
    horizon = data["horizon"].values
    lines: list = []
    for number, (ax, name) in enumerate(zip(axes, names, strict=True)):
        level = data[f"irf_{name}"]
        values, bands, unit = _shown(data, name)
        lines = []
        for k, colour in enumerate(SERIES[: level.shape[0]]):
            band = 2 * bands[k]
            ax.fill_between(horizon, values[k] - band, values[k] + band, color=colour, alpha=0.25, linewidth=0)
            lines += ax.plot(horizon, values[k], color=colour, label=str(data["impulse"].values[k]))
        ax.axhline(0, color=MUTED, linewidth=0.8)
        ax.set(title=labels.title(level), ylabel=f"[{unit}]", xlim=(horizon[0], horizon[-1]))
        if number >= len(names) - 3:
            ax.set_xlabel(f"After the shock [{_period(data)}]")
    drawn.legend(handles=lines, loc="outside lower center", ncols=len(lines))
    return drawn


def _shown(data: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Responses and standard errors (impulse, horizon), and their unit.

    Percentage points for rates and shares, per cent of the baseline where there is one, else the unit of the series.
    """
    level, wrong = data[f"irf_{name}"].values, data[f"irf_{name}_error"].values
    unit = data[f"irf_{name}"].attrs["units"]
    if unit in ("per period", "persons") or unit.startswith("share"):
        return 100 * level, 100 * wrong, "percentage points"
    if f"irf_{name}_percent" in data:
        baseline = abs(float(data[f"irf_{name}"].attrs["baseline"]))
        return data[f"irf_{name}_percent"].values, 100 * wrong / baseline, "%"
    return level, wrong, unit
