"""Figures of a design. Each takes what a design folder says and returns a drawing, or None where it does not apply."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from walras.report import labels
from walras.report.dynamics import grid, moving
from walras.report.style import INK, MUTED, SERIES, figure

NEAR = 5.0
"""Losses [%] beyond which policies are drawn alike: what is far below the best is only known to be bad."""


def surface(design: dict[str, Any]) -> Figure | None:
    """Worth of equilibria against the best: by the one parameter, over the plane of two, by each of several."""
    names = list(design["values"])
    known = [e for e in design["evaluations"] if e["appraisal"] is not None]
    if not known:
        return None
    points = np.asarray([e["policy"] for e in known]).reshape(len(known), len(names))
    worth = np.asarray([e["appraisal"]["equal_worth"] for e in known])
    loss, trail = 100 * (1 - worth / worth.max()), np.asarray(design["trail"]).reshape(-1, len(names))
    chosen = [design["values"][name] for name in names]
    return _plane(names, points, loss, trail, chosen) if len(names) == 2 else _sides(names, points, loss, trail, chosen)


def _plane(names, points, loss, trail, chosen) -> Figure:
    drawn = figure(4.2)
    axes = drawn.subplots()
    shown = np.minimum(loss, NEAR)
    dots = axes.scatter(points[:, 0], points[:, 1], c=shown, cmap="viridis_r", s=26, linewidths=0.4, edgecolors=MUTED, zorder=2)
    axes.plot(trail[:, 0], trail[:, 1], color=SERIES[1], linewidth=1.0, zorder=1, label="path of the search")
    axes.plot(*chosen, "x", color=SERIES[3], markersize=9, markeredgewidth=2, zorder=3, label="chosen")
    more = "" if loss.max() <= NEAR else f" ({NEAR:g} or more: alike)"
    drawn.colorbar(dots, ax=axes, label=f"Loss against the best [% of consumption]{more}")
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.legend(loc="best")
    return drawn


def _sides(names, points, loss, trail, chosen) -> Figure:
    drawn = figure(3.2)
    axes = np.atleast_1d(drawn.subplots(1, len(names)))
    for i, (name, axis) in enumerate(zip(names, axes, strict=True)):
        order = np.argsort(points[:, i])
        axis.plot(points[order, i], loss[order], f"o{'-' if len(names) == 1 else ''}", color=SERIES[0], markersize=3)
        for x in np.unique(trail[:: max(1, len(trail) // 60), i]):
            axis.plot(x, 0.0, "|", color=SERIES[1], markersize=6)
        axis.axvline(chosen[i], color=INK, linewidth=0.8)
        axis.set(xlabel=name, ylabel="Loss against the best [% of consumption]" if i == 0 else "")
        axis.invert_yaxis()
    return drawn


def schedules(design: dict[str, Any]) -> Figure | None:
    """Marginal and average rates of every schedule that does not tax all bases alike."""
    found = design.get("schedules", {})
    names = list(found.get("chosen", {}))
    if not names:
        return None
    drawn, axes = grid(len(names))
    for axis, name in zip(axes, names, strict=True):
        for which, dash in (("given", (0, (4, 2))), ("chosen", "-")):
            rates = found.get(which, {}).get(name)
            for colour, kind in zip(SERIES, ("marginal", "average"), strict=False):
                if rates is not None:
                    label = kind if which == "chosen" else None
                    axis.plot(rates["base"], 100 * np.asarray(rates[kind]), color=colour, linestyle=dash, label=label)
        axis.set(title=name, xscale="log", xlabel="Base [goods per period]", ylabel="Rate [%]")
        axis.legend()
    return drawn


def gains(design: dict[str, Any]) -> Figure | None:
    """Mean gain of each group."""
    people = [g for g in design.get("people", []) if g["kind"] != "everybody"]
    if not people:
        return None
    kinds = list(dict.fromkeys(g["kind"] for g in people))
    drawn = figure(2.8)
    axes = np.atleast_1d(drawn.subplots(1, len(kinds), sharey=True))
    for axis, kind in zip(axes, kinds, strict=True):
        groups = [g for g in people if g["kind"] == kind]
        values = [100 * g["gain"] for g in groups]
        axis.bar(range(len(groups)), values, color=[SERIES[0] if v >= 0 else SERIES[1] for v in values])
        names = [g["name"].removesuffix(" fifth").removeprefix("state ") for g in groups]
        axis.set_xticks(range(len(groups)), names)
        axis.axhline(0, color=MUTED, linewidth=0.8)
        axis.set(
            title=f"By {kind}", xlabel="State" if kind == "own risk" else "Fifth", ylabel="Gain [%]" if axis is axes[0] else ""
        )
    return drawn


def transition(path: xr.Dataset | None) -> Figure | None:
    """Prices, stocks and flows from the announcement to the last date at which something still moves."""
    if path is None:
        return None
    names = moving(path, dim="horizon")
    if not names:
        return None
    drawn, axes = grid(len(names))
    last = _resting(path, names)
    for axis, name in zip(axes, names, strict=True):
        series = path[name].values
        axis.plot(path["horizon"].values[1 : last + 1], series[1 : last + 1], color=SERIES[0])
        axis.axhline(series[0], color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
        axis.set(title=labels.title(path[name]), ylabel=f"[{path[name].attrs.get('units', '')}]")
    for axis in axes[-3:]:
        axis.set_xlabel("Date")
    return drawn


def _resting(path: xr.Dataset, names: list[str], share: float = 0.01) -> int:
    """The first date from which no series is farther from its end than a share of all that it moves."""
    last = 20
    for name in names:
        series = path[name].values[1:]
        away = np.abs(series - series[-1]) > share * np.ptp(series)
        last = max(last, int(np.max(np.nonzero(away)[0], initial=0)) + 2)
    return min(last, path.sizes["horizon"] - 1)
