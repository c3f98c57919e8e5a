"""Figure of a design: welfare of every equilibrium that was looked at, the optimum, and the path of the search."""

import io

import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG

from walras.govern.design import Design
from walras.report.style import INK, SERIES, drawing, figure


def draw_surface(design: Design) -> bytes:
    """An SVG: one panel for each parameter; the worth of equilibria in per cent of the best one's."""
    known = [e for e in design.surface if e.appraisal is not None]
    points = np.asarray([e.policy for e in known]).reshape(len(known), len(design.names))
    worth = np.asarray([e.appraisal.equal_worth for e in known if e.appraisal is not None])
    with drawing():
        drawn = figure(3.2)
        axes = np.atleast_1d(drawn.subplots(1, len(design.names)))
        for i, (name, axis) in enumerate(zip(design.names, axes, strict=True)):
            order = np.argsort(points[:, i])
            loss = 100 * (worth / worth.max() - 1)
            dash = "-" if len(design.names) == 1 else ""
            axis.plot(points[order, i], loss[order], f"o{dash}", color=SERIES[0], markersize=3)
            for x in np.unique(design.trail[:, i][:: max(1, len(design.trail) // 60)]):
                axis.plot(x, 0.0, "|", color=SERIES[1], markersize=6)
            axis.axvline(design.values[name], color=INK, linewidth=0.8)
            axis.set_xlabel(name)
            axis.set_ylabel("worth against the best, per cent" if i == 0 else "")
            axis.set_title("equilibria (dots), path of the search (ticks), chosen (line)" if i == 0 else "")
        file = io.BytesIO()
        FigureCanvasSVG(drawn).print_svg(file, metadata={"Date": None, "Creator": None})
    return file.getvalue()
