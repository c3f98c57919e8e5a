"""The household and firm of `KrusellSmith.srl2025` in sequence-jacobian: response to a small productivity shock.

    .venv-bench/bin/python benchmarks/ssj_response.py      writes results/ssj_response.csv

The same three income states, capital nodes bent in the same way (many more of them), no aggregate risk: the response of
the linearised economy to a shock of size one tenth of the calibration's innovation. `replicate.py` compares with it.
"""

import common

common.one_core()

import numpy as np  # noqa: E402
from sequence_jacobian import create_model, hetblocks, simple  # noqa: E402

from walras.numerics import markov  # noqa: E402

HORIZON = 300
SHOCK = 0.003
PERSISTENCE = 0.9
NODES, TOP, BEND = 2000, 120.0, 1.25


@simple
def firm(K, L, Z, alpha, delta):
    """Marginal products and output from the capital of the date before."""
    r = alpha * Z * (K(-1) / L) ** (alpha - 1) - delta
    w = (1 - alpha) * Z * (K(-1) / L) ** alpha
    Y = Z * K(-1) ** alpha * L ** (1 - alpha)
    return r, w, Y


@simple
def market(K, A):
    """What households save is next date's capital."""
    asset_mkt = A - K
    return asset_mkt


def incomes():
    """Three income states of mean one, their transition, and the nodes of capital."""
    nodes, Pi = markov.binned(3, 0.6, 0.2)
    y = np.exp(nodes)
    e_grid = y / (markov.stationary(Pi) @ y)
    a_grid = BEND * np.expm1(np.linspace(0, 1, NODES) * np.log1p(TOP / BEND))
    return e_grid, Pi, a_grid


def earnings(w, e_grid):
    """Labour income by state."""
    y = w * e_grid
    return y


def response() -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Responses by name, and the steady state."""
    household = hetblocks.hh_sim.hh.add_hetinputs([earnings, incomes])
    model = create_model([household, firm, market], name="srl2025")
    calibration = {"eis": 1 / 3, "beta": 0.95, "alpha": 0.36, "delta": 0.08, "L": 1.0, "Z": 1.0}
    steady = model.solve_steady_state(calibration, {"K": (4.8, 5.3)}, {"asset_mkt": 0.0}, solver="brentq")
    jacobian = model.solve_jacobian(steady, ["K"], ["asset_mkt"], ["Z"], T=HORIZON)
    found = jacobian @ {"Z": SHOCK * PERSISTENCE ** np.arange(HORIZON)}
    # Their K is chosen at a date, ours is at work in it.
    series = {"K": np.append(0.0, found["K"][:-1]), **{name: found[name] for name in ("Y", "C", "r", "w")}}
    return series, {name: float(steady[name]) for name in ("K", "Y", "C", "r", "w")}


def main() -> None:
    """Write the responses."""
    series, steady = response()
    at = ", ".join(f"{name} {value:.6g}" for name, value in steady.items())
    rows = [[t, *(f"{values[t]:.8e}" for values in series.values())] for t in range(201)]
    about = f"response to a productivity shock of {SHOCK} (persistence {PERSISTENCE}), sequence-jacobian; steady state {at}"
    path = common.write("ssj_response.csv", ["horizon", *series], rows, about=about, packages=("sequence-jacobian", "numba"))
    print(f"steady state {at}; wrote {path.name}")


if __name__ == "__main__":
    main()
