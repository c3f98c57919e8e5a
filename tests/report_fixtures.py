"""Solutions and run folders that several test modules share: each is made once in a session."""

import functools
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

import walras as w
from walras._core.module import parameters_of
from walras.dataset import dataset
from walras.diagnose.certificate import thresholds
from walras.economies import BrockMirman, KrusellSmith
from walras.economies import krusell_smith as module
from walras.economies.brock_mirman import Consumption
from walras.economy.rule import Rule, ViewInformation
from walras.learners.fixed import Fixed
from walras.solution import Solution

ALPHA, BETA = 0.36, 0.96


@functools.cache
def krusell_smith() -> Solution:
    """Krusell and Smith's economy of two aggregate states, solved with the fast preset."""
    return w.solve(KrusellSmith.dhjj2010(), preset="fast", key=0)


class ClosedForm(Rule):
    """C = (1 − αβ) Y, Brock and Mirman (1972)."""

    share: Array
    information: ViewInformation

    def __call__(self, own, view, info, *, key=None):
        """Consumption is a share of the household's output R k + w."""
        return Consumption(self.share * (view.R * own.k + view.w))


@functools.cache
def brock_mirman() -> Solution:
    """Brock and Mirman's economy under its closed-form rule: nothing is learned, so that every number is exact."""
    rule = ClosedForm(jnp.asarray(1 - ALPHA * BETA), ViewInformation())
    return w.solve(BrockMirman.textbook(), {"household": Fixed(rule)}, preset="fast", key=0)


@functools.cache
def data() -> xr.Dataset:
    """The data set of `krusell_smith`."""
    return dataset(krusell_smith())


def summary_of(solution: Solution) -> dict:
    """What a run folder's `summary.json` holds."""
    accuracy = solution.accuracy()
    allowed = {k: v for k, v in thresholds(solution.preset).items() if k in accuracy}
    checks = [
        {
            "figure": f.figure,
            "meaning": f.meaning,
            "value": float(f.value),
            "unit": f.unit,
            "threshold": f.threshold,
            "passed": bool(f.passed),
            "where": f.where,
            "remedy": f.remedy,
        }
        for f in solution.certificate.findings
    ]
    return {
        "economy": "krusell-smith",
        "calibration": "dhjj2010",
        "learners": {"household": "euler"},
        "preset": solution.preset,
        "seed": solution.seed,
        "verdict": solution.verdict,
        "reasons": list(solution.certificate.reasons),
        "seconds": {"compile": 9.0, "run": 3.0, "total": 14.0},
        "accuracy": accuracy,
        "thresholds": allowed,
        "moments": solution.moments(),
        "checks": checks,
    }


def manifest_of(solution: Solution) -> dict:
    """What a run folder's `manifest.json` holds."""
    parameters = [
        {"name": name, "value": np.asarray(value).tolist(), "unit": about["unit"], "meaning": about["meaning"]}
        for name, value, about in parameters_of(solution.economy)
    ]
    return {
        "format": 1,
        "walras": "0.1.0",
        "versions": {"jax": "0.10.2"},
        "seed": 0,
        "device": "cpu",
        "platform": "Linux",
        "created": "2026-01-01T00:00:00+00:00",
        "parameters": parameters,
        "description": module.__doc__,
        "files": {"simulation.nc": "0" * 64},
    }


def write_folder(folder: Path, summary: dict, manifest: dict, simulation: xr.Dataset | None) -> Path:
    """A run folder with these contents."""
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    if simulation is not None:
        simulation.to_netcdf(folder / "simulation.nc", engine="h5netcdf")
    return folder
