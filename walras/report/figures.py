"""Figures of rules and cross-sections. Each takes the data set of a run and returns a drawing, or None."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from walras.report import labels
from walras.report.style import GRID, INK, MUTED, SERIES, figure

BINS = 150


def chosen(n: int, most: int = 4) -> list[int]:
    """Which of n states are drawn: all, or lowest, middle and highest."""
    return list(range(n)) if n <= most else [0, (n - 1) // 2, n - 1]


def frequent(data: xr.Dataset) -> list[int]:
    """Exogenous states around which a tenth, half and nine tenths of the dates lie."""
    reached = data["exo_share"].values.cumsum()
    return sorted({int(np.searchsorted(reached, share)) for share in (0.1, 0.5, 0.9)})


def risk_label(data: xr.Dataset, who: str, state: int) -> str:
    """An own risk state in a legend."""
    return f"risk value {labels.number(float(data[f'{who}_risk_value'][state]), 3)}"


def quantile_node(data: xr.Dataset, who: str, share: float) -> float:
    """The own stock below which `share` of all people are."""
    mass = data[f"{who}_mass"].values.sum(axis=0).cumsum()
    return float(data[f"{who}_stock"].values[np.searchsorted(mass, share * mass[-1])])


def stock_range(data: xr.Dataset, who: str) -> tuple[float, float]:
    """The part of the own stock that is drawn: where people are, or half around what a representative holds."""
    nodes = data[f"{who}_stock"].values
    if f"{who}_mass" in data:
        return float(nodes[0]), quantile_node(data, who, 0.995)
    seen = data.get(f"{who}_actual_0")
    if seen is None:
        return float(nodes[0]), float(nodes[-1])
    return max(float(nodes[0]), 0.5 * float(seen.min())), min(float(nodes[-1]), 1.5 * float(seen.max()))


def decision_rules(data: xr.Dataset, who: str) -> Figure:
    """The last choice and the change of the own stock, by own stock; colours: own risk, dashes: exogenous state."""
    stock, choice, following = (data[f"{who}_{name}"] for name in ("stock", "choice", "next_stock"))
    low, high = stock_range(data, who)
    near = (stock.values >= low) & (stock.values <= high)
    x = stock.values[near]
    drawn = figure(3.4)
    axes = drawn.subplots(1, 2)
    risks, states = chosen(choice.shape[1]), sorted({0, choice.shape[0] - 1}, reverse=True)
    for colour, e in zip(SERIES, risks, strict=False):
        for dash, z in zip(("-", (0, (4, 2))), states, strict=False):
            axes[0].plot(x, choice.values[z, e, near], color=colour, linestyle=dash)
            axes[1].plot(x, following.values[z, e, near] - x, color=colour, linestyle=dash)
    axes[1].axhline(0, color=MUTED, linewidth=0.8)
    axes[0].set(title=labels.title(choice), ylabel=labels.axis(choice), xlabel=labels.axis(stock))
    change = f"Change of {stock.attrs['long_name']} [{stock.attrs['units']} per period]"
    axes[1].set(title=f"Change of {stock.attrs['long_name']} over the period", ylabel=change, xlabel=labels.axis(stock))
    handles = [
        Line2D([], [], color=c, label=risk_label(data, who, e)) for c, e in zip(SERIES, risks, strict=False)
    ] if len(risks) > 1 else []  # fmt: skip
    if len(states) > 1:
        for dash, z, name in zip(("-", (0, (4, 2))), states, ("highest", "lowest"), strict=True):
            value = labels.exogenous(data, z)
            label = f"{name} exogenous state ({value})"
            handles.append(Line2D([], [], color=INK, linestyle=dash, label=label))
    if handles:
        wide = sum(len(str(handle.get_label())) for handle in handles) > 100
        drawn.legend(handles=handles, loc="outside lower center", ncols=3 if wide else len(handles))
    _frame(axes, x)
    return drawn


def _frame(axes, x) -> None:
    for ax in axes:
        ax.set_xlim(x[0], x[-1])


def density(nodes: np.ndarray, mass: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Mass per unit between evenly spaced edges, of masses at nodes (the lowest left out: an atom has no density)."""
    middles = np.concatenate([[nodes[0]], 0.5 * (nodes[1:] + nodes[:-1]), [nodes[-1]]])
    reached = np.concatenate([[0.0, 0.0], np.cumsum(mass[1:])])
    return np.diff(np.interp(edges, middles, reached)) / np.diff(edges)


def distribution(data: xr.Dataset, who: str) -> Figure | None:
    """Density of the own stock by own risk state, and the Lorenz curve (where what people hold has a positive sum)."""
    if f"{who}_mass" not in data:
        return None
    stock, mass = data[f"{who}_stock"], data[f"{who}_mass"].values
    nodes = stock.values
    curve = lorenz(nodes, mass.sum(axis=0))
    drawn = figure(3.4)
    axes = drawn.subplots(1, 2 if curve is not None else 1, squeeze=False)[0]
    edges = np.linspace(nodes[0], quantile_node(data, who, 0.99), BINS + 1)
    x = np.concatenate([edges[:1], 0.5 * (edges[1:] + edges[:-1]), edges[-1:]])
    shape = lambda m: np.pad(density(nodes, m, edges), 1, mode="edge")  # noqa: E731
    axes[0].fill_between(x, shape(mass.sum(axis=0)), color=GRID, linewidth=0, label="everybody")
    risks = chosen(len(mass), 5)
    for colour, e in zip(SERIES, risks, strict=False):
        if len(mass) > 1:
            axes[0].plot(x, shape(mass[e]), color=colour, label=risk_label(data, who, e))
    atom = 100 * mass[:, 0].sum() / mass.sum()
    if atom > 0.05:
        text = f"not drawn: {labels.number(atom, 3)} % of people\nat the limit of {labels.number(nodes[0], 3)}"
        axes[0].annotate(text, (0.98, 0.5), xycoords="axes fraction", ha="right", va="top", color=MUTED, fontsize=8)
    axes[0].set(title=f"Distribution of {stock.attrs['long_name']}", xlabel=labels.axis(stock))
    axes[0].set(ylabel=f"People per unit [share / {stock.attrs['units']}]", xlim=(edges[0], edges[-1]), ylim=(0, None))
    axes[0].legend(loc="upper right")
    if curve is not None:
        _lorenz(axes[1], *curve, stock.attrs["long_name"])
    return drawn


def lorenz(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Cumulative shares of people and holdings, poorest first; None where the holdings have no positive sum."""
    held = np.concatenate([[0.0], np.cumsum(values * weights)])
    people = np.concatenate([[0.0], np.cumsum(weights)])
    if held[-1] <= 1e-9 * np.sum(np.abs(values) * weights):
        return None
    return people / people[-1], held / held[-1]


def _lorenz(ax: Axes, people: np.ndarray, held: np.ndarray, name: str) -> None:
    gini = 1.0 - np.sum((held[1:] + held[:-1]) * np.diff(people))
    top = 1.0 - np.interp(0.9, people, held)
    ax.plot(100 * people, 100 * people, color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
    ax.plot(100 * people, 100 * held, color=SERIES[0])
    ax.fill_between(100 * people, 100 * held, 100 * people, color=SERIES[0], alpha=0.12, linewidth=0)
    text = f"Gini coefficient {gini:.3f}\nRichest tenth holds {100 * top:.1f} %"
    ax.annotate(text, (0.05, 0.93), xycoords="axes fraction", va="top")
    ax.set(title="Lorenz curve", xlabel="People, poorest first [%]", ylabel=f"Share of {name} [%]")
    ax.set(xlim=(0, 100), ylim=(min(0.0, 100 * held.min()), 100))


def propensity(data: xr.Dataset, who: str) -> Figure | None:
    """Marginal propensity by own stock, and how it is spread over people."""
    if f"{who}_mpc" not in data or f"{who}_mass" not in data:
        return None
    stock, mpc, mass = data[f"{who}_stock"], data[f"{who}_mpc"], data[f"{who}_mass"].values
    middle = (mpc.shape[0] - 1) // 2
    values, x = mpc.values[middle], stock.values
    high = quantile_node(data, who, 0.99)
    drawn = figure(3.2)
    left, right = drawn.subplots(1, 2)
    for colour, e in zip(SERIES, chosen(len(values)), strict=False):
        left.plot(x, values[e], color=colour, label=risk_label(data, who, e))
    left.set(title="By what they hold", xlabel=labels.axis(stock), ylabel="Marginal propensity [share]")
    left.set(xlim=(x[0], high), ylim=(0, 1.04))
    if len(values) > 1:
        left.legend(loc="upper right")
    mean = float((values * mass).sum() / mass.sum())
    order = np.argsort(values, axis=None)
    reached = np.cumsum(mass.ravel()[order]) / mass.sum()
    top = min(1.0 + 1e-6, max(0.1, 1.1 * float(values.ravel()[order][np.searchsorted(reached, 0.995)])))
    shares, edges = np.histogram(values, np.linspace(0, top, 41), weights=100 * mass / mass.sum())
    right.bar(edges[:-1], shares, width=np.diff(edges), align="edge", color=SERIES[0], alpha=0.75)
    right.axvline(mean, color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
    right.annotate(f"mean {mean:.3f}", (mean, 0.97), (6, 0), xycoords=("data", "axes fraction"), va="top",
                   textcoords="offset points")  # fmt: skip
    above = 100 * mass[values > top].sum() / mass.sum()
    if above > 0.005:
        text = f"{labels.number(above, 2)} % above"
        right.annotate(text, (0.99, 0.03), xycoords="axes fraction", ha="right", color=MUTED, fontsize=7.5)
    right.set(title="Over people", xlabel="Marginal propensity [share]", ylabel="People [%]", xlim=(0, top))
    return drawn


def euler_errors(data: xr.Dataset, who: str, accuracy: dict[str, float], allowed: dict[str, float]) -> Figure:
    """The spread of Euler errors, with mean and 99 % quantile and what is allowed for them."""
    share, middle = 100 * data[f"{who}_euler_share"].values, data[f"{who}_error_bin"].values
    drawn = figure(2.7)
    ax = drawn.subplots()
    ax.bar(middle, share, width=middle[1] - middle[0], color=SERIES[0], alpha=0.75)
    for colour, figure_name, name in ((SERIES[2], "euler_log10_mean", "mean"), (SERIES[1], "euler_log10_p99", "99 %")):
        if figure_name in accuracy:
            ax.axvline(accuracy[figure_name], color=colour, label=f"{name}: {labels.number(accuracy[figure_name], 3)}")
        if figure_name in allowed:
            limit = allowed[figure_name]
            ax.axvline(limit, color=colour, linestyle=(0, (4, 2)), label=f"{name}, allowed: {labels.number(limit)}")
    seen = np.flatnonzero(share > 0.05)
    if len(seen):
        ax.set_xlim(middle[seen[0]] - 0.3, max(middle[seen[-1]], -1.8) + 0.3)
    ax.set(xlabel="log10 of the absolute Euler error [share of consumption]", ylabel="People and dates [%]")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return drawn


def convergence(data: xr.Dataset) -> Figure | None:
    """Changes from round to round."""
    trace = data["trace"].values
    if len(trace) < 2:
        return None
    names = {"rule": "decision rule", "law": "law of motion", "cross": "cross-section"}
    tolerance = data["tolerance"].values
    drawn = figure(2.9)
    ax = drawn.subplots()
    for number, (name, colour) in enumerate(zip(data["measure"].values, SERIES, strict=False)):
        if (trace[:, number] > 0).any():
            shown = np.where(trace[:, number] > 0, trace[:, number], np.nan)
            label = names.get(str(name), str(name))
            ax.semilogy(data["round"].values, shown, color=colour, marker="o", markersize=2.5, label=label)
    for limit in sorted({float(t) for t in tolerance if np.isfinite(t)}, reverse=True):
        whose = ", ".join(str(n) for n, t in zip(data["measure"].values, tolerance, strict=True) if t == limit)
        label = f"tolerance ({whose}): {labels.number(limit)}"
        dash = (0, (4, 2)) if "rule" in whose else (0, (1, 1.5))
        ax.axhline(limit, color=MUTED, linewidth=0.9, linestyle=dash, label=label)
    ax.set(xlabel="Round", ylabel="Change since the round before [1]")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.yaxis.set_major_formatter(lambda value, _: labels.power_of_ten(value))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return drawn
