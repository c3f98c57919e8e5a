"""Sizes and learners that several benchmarks share; imports nothing that pins the process or its backend."""

import dataclasses

import walras as w
from walras.learners.preset import PRESETS, Preset

LEARNED, NODES = "hank by StructuralRL", 120


def hank_preset(**structural) -> Preset:
    """`standard` with fewer own nodes, more rounds, more and shorter paths; `structural` changes sizes further."""
    standard = PRESETS["standard"]
    sizes = {"rounds": 900, "paths": 32, "dates": 20, "average_rounds": 300} | structural
    return dataclasses.replace(
        standard,
        euler=dataclasses.replace(standard.euler, nodes=NODES),
        structural=dataclasses.replace(standard.structural, **sizes),
        histogram_nodes=150,
    )


def hank_learners(rates: tuple[float, float] = (0.01, 0.004)) -> dict[str, w.learners.StructuralRL]:
    """Households and firms by `StructuralRL`, each answering a price of the date; `rates` of both."""
    return {
        "household": w.learners.StructuralRL(rate=rates[0], answer={"gross_next": -6.0}),
        "firm": w.learners.StructuralRL(degree=3, rate=rates[1], answer={"mc": 1.0}),
    }
