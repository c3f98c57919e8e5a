"""What `replicate.py` asks of the HANK economy: rest, moments, the Phillips curve, small shocks."""

import sys
from pathlib import Path

import common

common.one_core()

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from sizes import LEARNED, hank_learners, hank_preset  # noqa: E402

import walras as w  # noqa: E402
from walras._core.tree import entry  # noqa: E402
from walras.economy import period as periods  # noqa: E402
from walras.learners.preset import PRESETS  # noqa: E402
from walras.numerics import markov  # noqa: E402
from walras.simulate import evidence_of  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.truth.new_keynesian import Linear  # noqa: E402

HORIZON, DATES, SHOCKS = 40, 300, 0.05
PRESETS[LEARNED] = hank_preset()


def learned(economy, rates: tuple[float, float] = (0.01, 0.004), key: int = 0) -> w.Solution:
    """Households and firms by `StructuralRL`."""
    return w.solve(economy, hank_learners(rates), preset=LEARNED, key=key)


def series(history) -> dict[str, np.ndarray]:
    """Return r, wage, cost, inflation, output, consumption and rate of a simulation."""
    i, Pi, mc = history.bank_i.values, history.firm_Pi.values, history.price_mc.values
    wage, Y, C = mc * history.exogenous_value.values, history.price_Y.values, history.household_C.values
    return {"r": (1 + i) / (1 + Pi) - 1, "w": wage, "mc": mc, "Pi": Pi, "Y": Y, "C": C, "i": i}


def apart(reference: w.Solution, solution: w.Solution, gap) -> dict[str, float]:
    """Mean gaps of two solutions along common shocks (`gap`: their comparison), each in per cent of the reference's s.d."""
    both = [series(w.simulate(one, periods=2200, key=1)) for one in (reference, solution)]
    first, second = (100 * gap.paths[name][3] for name in ("firm_Pi", "bank_i"))
    found = {"Pi": first, "i": second, "Y": 100 * gap.paths["price_Y"][3]}
    r, other = both[0]["r"][200:], both[1]["r"][200:]
    found["R"] = 100 * np.abs(other - r).mean() / r.std()
    # z is common, and one on average: the gap of the wage is that of marginal cost
    found["w"] = 100 * gap.paths["price_mc"][2] / both[0]["w"].std()
    return {name: float(value) for name, value in found.items()}


def phillips(solution: w.Solution, dates: int) -> np.ndarray:
    """Residuals of the Phillips curve at some dates of the fresh simulation, in inflation per period.

    The expectation is that over every next exogenous state, each with the prices that then clear the markets.
    """
    lab, states = solution.lab, evidence_of(solution).states
    firm, transition = lab.economy.firm, np.asarray(lab.economy.exogenous.transition)

    @eqx.filter_jit
    def around(state):
        def following(j):
            after, now = periods.period(lab.economy, lab.populations, solution.rules, state, jax.random.key(0), j)
            then = periods.period(lab.economy, lab.populations, solution.rules, after, jax.random.key(0), j)[1]
            return now.public(), then.public()

        return jax.lax.map(following, jnp.arange(lab.economy.exogenous.n))

    found = []
    for k in np.linspace(0, len(np.asarray(states.exo)) - 1, dates).astype(int):
        state = entry(states, int(k))
        now, then = (jax.tree_util.tree_map(np.asarray, record) for record in around(state))
        Pi, Y, mc = now.flows["firm"]["Pi"][0], now.prices["Y"][0], now.prices["mc"][0]
        Pi_next, i_next = then.flows["firm"]["Pi"], then.stocks["bank"]["i"]
        ahead = then.prices["Y"] / Y * Pi_next * (1 + Pi_next) ** 2 / (1 + i_next)
        epsilon, theta = float(firm.epsilon), float(firm.theta)
        expected = transition[int(state.exo)] @ ahead
        found.append(Pi * (1 + Pi) - epsilon / theta * (mc - (epsilon - 1) / epsilon) - expected)
    return np.abs(np.array(found))


def linear() -> Linear:
    """The second solver."""
    nodes, transition = markov.binned(3, 0.6, 0.2)
    return Linear(np.exp(nodes), transition, 0.5 * np.expm1(np.linspace(0, 1, 400) * np.log1p(60 / 0.5)))


def gaps(solution: w.Solution, paths: int) -> dict[tuple[str, str], float]:
    """Largest gap, in per cent of the peak, between simulated and linear responses, by shock and series."""
    other = linear()
    jacobians, found = other.jacobians(DATES), {}
    for shock, sd in (("z", 0.07), ("v", 0.002)):
        path, still = sd * SHOCKS * np.sqrt(1 - 0.9**2) * 0.9 ** np.arange(DATES), np.zeros(DATES)
        theirs = other.responses(jacobians, *((path, still) if shock == "z" else (still, path)))
        data = w.impulse_response(solution, shock=shock, horizon=HORIZON, paths=paths)
        gross, Pi = 1 + data.bank_i_baseline.values, data.firm_Pi_baseline.values
        ours = {"Pi": data.firm_Pi.values, "Y": data.price_Y.values, "C": data.household_C.values, "mc": data.price_mc.values}
        ours["R"] = data.bank_i.values / (1 + Pi) - gross / (1 + Pi) ** 2 * ours["Pi"]
        for name, response in ours.items():
            truth = theirs[name][:HORIZON]
            found[shock, name] = float(100 * np.abs(response - truth).max() / np.abs(truth).max())
    return found
