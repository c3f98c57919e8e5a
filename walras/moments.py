"""Moments of a simulated economy and of its cross-sections."""

import numpy as np

from walras.diagnose.evidence import Evidence
from walras.economy.foc import stock_field
from walras.economy.period import agents


def gini(values: np.ndarray, weights: np.ndarray) -> float:
    """Gini coefficient of a weighted sample with non-negative mean: one minus twice the area under the Lorenz curve."""
    people, held = lorenz(values, weights)
    return float(1.0 - np.sum((held[1:] + held[:-1]) * np.diff(people)))


def lorenz(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative shares of people and of what they hold, poorest first, both from 0 to 1."""
    order = np.argsort(values)
    people = np.concatenate([[0.0], np.cumsum(weights[order])])
    held = np.concatenate([[0.0], np.cumsum((values * weights)[order])])
    return people / people[-1], held / held[-1]


def top_share(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """Share of the total held by the richest `share` of people."""
    people, held = lorenz(values, weights)
    return float(1.0 - np.interp(1.0 - share, people, held))


def moments(evidence: Evidence) -> dict[str, float]:
    """What `summary.json` reports under `moments`: aggregates over dates, inequality averaged over sampled dates."""
    public = evidence.dates["public"]
    series = {}
    prices = public.prices or {}
    for name, label in (("r", "interest_rate"), ("w", "wage"), ("Y", "output"), ("mc", "marginal_cost")):
        if name in prices:
            series[label] = np.asarray(prices[name])
    for stock in public.stocks.values():
        for name, label in (("K", "capital"), ("A", "assets"), ("B", "bonds"), ("i", "nominal_rate")):
            if name in stock:
                series[label] = series.get(label, 0.0) + np.asarray(stock[name])
    consumption = [np.asarray(flow["C"]) for flow in public.flows.values() if "C" in flow]
    if consumption:
        series["consumption"] = sum(consumption)
    for flow in public.flows.values():
        for name, label in (("Pi", "inflation"), ("N", "hours")):
            if name in flow:
                series[label] = np.asarray(flow[name])
    found = {f"{label}_mean": float(values.mean()) for label, values in series.items()}
    for label in ("capital", "output", "consumption", "interest_rate", "marginal_cost", "nominal_rate", "inflation"):
        if label in series and not evidence.lab.stationary:
            found[f"{label}_sd"] = float(series[label].std())
    if "output" in series and "consumption" in series:
        found["consumption_share_mean"] = float(np.mean(series["consumption"] / series["output"]))
    unequal = (_inequality(evidence, name) for name in evidence.learning)
    return found | next((figures for figures in unequal if figures), {})  # those of the first type with a cross-section


def _inequality(evidence: Evidence, name: str) -> dict[str, float]:
    """Wealth inequality of one type; absent where everybody holds the same."""
    sample = evidence.samples[name]
    field = stock_field(agents(evidence.lab.economy)[name])
    wealth, weight = np.asarray(getattr(sample["own"], field)), sample["weight"]
    if wealth.shape[1] < 2:
        return {}
    chosen = np.unique(np.linspace(0, len(wealth) - 1, 100).astype(int))
    constrained = {"share_at_constraint": float((sample["binding"] * weight).sum() / weight.sum())}
    if (wealth < 0).any():  # with debts nobody holds a share of anything
        return constrained
    return {
        "wealth_gini": float(np.mean([gini(wealth[t], weight[t]) for t in chosen])),
        "wealth_top10_share": float(np.mean([top_share(wealth[t], weight[t], 0.1) for t in chosen])),
        **constrained,
    }
