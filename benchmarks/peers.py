"""The peers, each called as its own example calls it; one process each, started by `run.py`.

    python benchmarks/peers.py hark|ssj

Prints one line of JSON: seconds of import and run, and what came out. Nothing of a peer is copied or changed.
"""

import json
import sys
import time

import common

common.one_core()

HARK_TO_DHJJ = 1 / 0.3271 / 0.9
"""Capital per unit of labour endowment there, in an economy whose employed work 1/.9 units here."""


def hark() -> dict:
    """`KrusellSmithType` and `KrusellSmithEconomy` with the defaults of their example."""
    begin = time.perf_counter()
    import numpy as np
    from HARK.ConsumptionSaving.ConsAggShockModel import KrusellSmithEconomy, KrusellSmithType

    imported = time.perf_counter()
    household = KrusellSmithType()
    economy = KrusellSmithEconomy(agents=[household])
    economy.make_Mrkv_history()
    economy.give_agent_params()
    economy.solve()
    done = time.perf_counter()
    kept = slice(economy.T_discard, None)
    K = np.asarray(economy.history["Aprev"])[kept]
    z = np.asarray(economy.MrkvNow_hist)[kept][: len(K)]
    gap = np.abs(np.log(_hark_forecast(economy, K[0], z) / K))
    return {
        "import_s": imported - begin,
        "run_s": done - imported,
        "K_dhjj": float(K.mean()) * HARK_TO_DHJJ,
        "den_haan_mean_percent": 100 * float(gap.mean()),
        "den_haan_max_percent": 100 * float(gap.max()),
        "note": "belief never reaches the households: its history is that of the first guess",
    }


def _hark_forecast(economy, K, z):
    """Its last saving rule iterated on its own forecasts along the shocks of its history.

    The coefficients are those it prints; its attribute `AFunc` still holds the first guess.
    """
    import numpy as np

    path = np.empty(len(z))
    for t, state in enumerate(z):
        path[t] = K
        idle, level = (economy.UrateB, economy.ProdB) if state == 0 else (economy.UrateG, economy.ProdG)
        labour = (1 - idle) * economy.LbrInd
        ratio = K / labour
        gross = 1 + level * economy.rFunc(ratio) - economy.DeprRte
        M = gross * K + level * economy.Wfunc(ratio) * labour
        K = float(np.exp(economy.intercept_prev[state] + economy.slope_prev[state] * np.log(M)))
    return path


def ssj() -> dict:
    """The Krusell–Smith example: steady state on its 7 × 500 notebook grid, Jacobian and impulse response, twice."""
    begin = time.perf_counter()
    import numpy as np
    from sequence_jacobian import create_model
    from sequence_jacobian.examples import krusell_smith as example

    imported = time.perf_counter()
    household = example.hh.add_hetinputs([example.income, example.make_grids])
    model = create_model([household, example.firm, example.mkt_clearing], name="Krusell-Smith")
    model_ss = create_model([household, example.firm_ss, example.mkt_clearing], name="Krusell-Smith SS")
    calibration = {"eis": 1.0, "delta": 0.025, "alpha": 0.11, "rho": 0.966, "sigma": 0.5}
    calibration |= {"Y": 1.0, "L": 1.0, "nS": 7, "nA": 500, "amax": 200, "r": 0.01}
    seconds = {}
    for turn in ("first", "warm"):
        start = time.perf_counter()
        steady = model_ss.solve_steady_state(
            calibration, {"beta": (0.98 / 1.01, 0.999 / 1.01)}, {"asset_mkt": 0.0}, solver="brentq"
        )
        at_steady = time.perf_counter()
        jacobian = model.solve_jacobian(steady, ["K"], ["asset_mkt"], ["Z"], T=300)
        response = jacobian @ {"Z": 0.01 * steady["Z"] * 0.8 ** np.arange(300)}
        seconds[turn] = (at_steady - start, time.perf_counter() - at_steady)
    return {
        "import_s": imported - begin,
        "run_s": sum(seconds["warm"]),
        "first_s": sum(seconds["first"]),
        "goods_residual": float(abs(steady["goods_mkt"])),
        "dK_20": float(response["K"][20]),
        "note": "linearised around a steady state, another calibration: no aggregate risk in it",
    }


if __name__ == "__main__":
    print(json.dumps({"hark": hark, "ssj": ssj}[sys.argv[1]]()))
