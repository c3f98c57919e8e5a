"""Growth economies with log utility: public capital (T5), carbon (T6, T7), old age at risk (T8), no reason to tax (T10)."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import quad

from walras.govern.problem import Box, Problem
from walras.testing.optima.draws import normals

NOTHING = np.zeros(0)


def dates_for(beta: float, left: float = 1e-6) -> int:
    """Dates until what is left is discounted to `left`."""
    return int(np.ceil(np.log(left) / np.log(beta)))


def logit(x: float):
    """log x/(1 − x)."""
    return jnp.log(x / (1 - x)) * jnp.ones(())


class PublicCapital(Problem):
    """T5. Brock–Mirman with public capital: Y = z K^α G^γ, an income tax τ pays for G', full depreciation.

        max E Σ β^t log c    c + k' = (1 − τ)(r k + w),    r = αY/K, w = (1 − α)Y

    With k' = s (1 − τ) Y the Euler condition is s/(1 − s) = αβ/(1 − s) whatever is expected of τ': s = αβ. Then
    log Y' = (α + γ) log Y + α log(1 − τ) + γ log τ + …, and the sum of log c is largest at τ = βγ, at every date and state.
    """

    sunk: ClassVar[tuple[str, ...]] = ("share",)
    separate: ClassVar[bool] = False
    observables: ClassVar[int] = 3
    beta: float = 0.96
    alpha: float = 0.3
    gamma: float = 0.15
    sd: float = 0.05
    rho: float = 0.8

    def box(self):
        """τ in [.01, .6]."""
        return Box(("tau",), (0.01,), (0.6,))

    def draws(self, key, n):
        """Log productivity along a few paths, shape (paths, dates): every path meets every policy."""
        dates, paths = dates_for(self.beta, 1e-5), max(1, n // 128)
        shocks = self.sd * normals(key, paths * dates).reshape(paths, dates)
        return jax.lax.scan(lambda z, e: (self.rho * z + e,) * 2, jnp.zeros(paths), shocks.T)[1].T

    def start(self, draws):
        """Half of disposable income is saved."""
        return {"share": logit(0.5)}

    def payoff(self, k_next, today, tomorrow, kept):
        """Two dates of one household whose capital tomorrow is k'; the capital after that is `kept`."""
        income, (r, w, tax) = today, tomorrow
        return jnp.log(income - k_next) + self.beta * jnp.mean(jnp.log((1 - tax) * (r * k_next + w) - kept))

    def conditions(self, response, policy, draws):
        """∂ payoff/∂k' = 0 at k' = K', times k'; from K = G = 1, over tomorrow's productivity."""
        share, z = jax.nn.sigmoid(response["share"]), draws[:, :2]
        now = jnp.exp(jnp.mean(z[:, 0]))
        tax = policy(jnp.stack([jnp.mean(z[:, 0]), 0.0, 0.0]))[0]
        K, G = share * (1 - tax) * now, tax * now
        Y = jnp.exp(z[:, 1]) * K**self.alpha * G**self.gamma
        seen = jnp.stack([z[:, 1], jnp.broadcast_to(jnp.log(K), Y.shape), jnp.broadcast_to(jnp.log(G), Y.shape)], axis=1)
        tax_next = jax.vmap(lambda s: policy(s)[0])(seen)
        tomorrow = (self.alpha * Y / K, (1 - self.alpha) * Y, tax_next)
        kept = share * (1 - tax_next) * Y
        return {"share": K * jax.grad(self.payoff)(K, (1 - tax) * now, tomorrow, kept)}

    def welfare(self, policy, response, draws):
        """(1 − β) Σ β^t log c, averaged over paths, from where a policy in the middle of the box would rest."""
        share = jax.nn.sigmoid(response["share"])

        def step(carry, z):
            k, g = carry
            tax = policy(jnp.stack([z, k, g]))[0]
            y = z + self.alpha * k + self.gamma * g
            c = jnp.log1p(-share) + jnp.log1p(-tax) + y
            return (jnp.log(share) + jnp.log1p(-tax) + y, jnp.log(tax) + y), c

        first = jnp.full(2, -2.0)
        paths = jax.vmap(lambda z: jax.lax.scan(step, (first[0], first[1]), z)[1])(draws)
        weight = (1 - self.beta) * self.beta ** jnp.arange(draws.shape[1])
        return jnp.mean(paths @ weight)

    def optimum(self):
        """τ = βγ."""
        return {"tau": self.beta * self.gamma}


class CarbonTax(Problem):
    """T6, T7. Y = e^(−g S) K^α E^ν (labour one); a tax of θY on a unit of carbon E, handed back.

    T6, one reservoir: S = (1 − φ) S₋₁ + E. T7 (Golosov, Hassler, Krusell and Tsyvinski 2014): a share `lasting` (φ_L) of E stays
    for ever, `reaching` (φ₀) of the rest enters the reservoir that decays at φ. Firms: νY/E = θY. Households: K' = αβY.
    A unit of E costs g Y Σ β^j (1 − d_j) in today's consumption: θ = g [φ_L/(1 − β) + (1 − φ_L) φ₀/(1 − (1 − φ) β)].
    The instrument is θ times `unit` (T7: dollars a ton of carbon).
    """

    sunk: ClassVar[tuple[str, ...]] = ()
    separate: ClassVar[bool] = False
    observables: ClassVar[int] = 0
    beta: float = 0.96
    alpha: float = 0.3
    nu: float = 0.04
    damage: float = 0.02
    decay: float = 0.1
    lasting: float = 0.0
    reaching: float = 1.0
    unit: float = 1.0
    ends: tuple[float, float] = (0.02, 0.6)

    @classmethod
    def ghkt(cls, discounting: float):
        """T7: decades, φ_L = .2, φ₀ = .393, φ = .0228, g = 2.3793e-5 a GtC, 700 trillion dollars of output a decade."""
        beta = (1 - discounting) ** 10
        ends = (5.0, 250.0) if beta < 0.95 else (50.0, 2000.0)
        return cls(beta, 0.3, 0.04, 2.3793e-5, 0.0228, 0.2, 0.393, 700e12 / 1e9, ends)

    def box(self):
        """θ, in its unit."""
        return Box(("theta",), self.ends[:1], self.ends[1:])

    def draws(self, key, n):
        """Nothing is random."""
        return jnp.zeros(0)

    def start(self, draws):
        """Half of income saved; carbon at the middle of the box, in logs."""
        middle = 0.5 * sum(self.ends) / self.unit
        return {"share": logit(0.5), "log_E": jnp.log(self.nu / middle) * jnp.ones(())}

    def profit(self, E, K, tax):
        """Output at no damage, less the tax a unit of carbon."""
        return K**self.alpha * E**self.nu - tax * E

    def payoff(self, k_next, income, tomorrow, kept):
        """Two dates of one household."""
        r, w = tomorrow
        return jnp.log(income - k_next) + self.beta * jnp.log(r * k_next + w - kept)

    def conditions(self, response, policy, draws):
        """∂ profit/∂E = 0 and ∂ payoff/∂k' = 0, at K = 1 and no damage (which scales both)."""
        share, E = jax.nn.sigmoid(response["share"]), jnp.exp(response["log_E"])
        theta = policy(NOTHING)[0] / self.unit
        Y = E**self.nu
        by_carbon = jax.grad(self.profit)(E, 1.0, theta * Y)
        K = share * Y
        Y_next = K**self.alpha * E**self.nu
        tomorrow = (self.alpha * Y_next / K, (1 - self.alpha) * Y_next)
        by_capital = jax.grad(self.payoff)(K, Y, tomorrow, share * Y_next)
        return {"share": K * by_capital, "log_E": E / Y * by_carbon}

    def welfare(self, policy, response, draws):
        """(1 − β) Σ β^t log c along the path from no carbon and K = 1."""
        log_share, log_E = jax.nn.log_sigmoid(response["share"]), response["log_E"]
        E = jnp.exp(log_E)
        enters = (1 - self.lasting) * self.reaching

        def step(carry, _):
            k, stays, fades = carry
            stays, fades = stays + self.lasting * E, (1 - self.decay) * fades + enters * E
            y = self.alpha * k + self.nu * log_E - self.damage * (stays + fades)
            return (log_share + y, stays, fades), y

        zero = jnp.zeros(())
        y = jax.lax.scan(step, (zero, zero, zero), None, dates_for(self.beta), unroll=8)[1]
        weight = (1 - self.beta) * self.beta ** jnp.arange(len(y))
        return y @ weight + jax.nn.log_sigmoid(-response["share"])

    def optimum(self):
        """θ times its unit."""
        lasts, fades = 1 / (1 - self.beta), 1 / (1 - (1 - self.decay) * self.beta)
        theta = self.damage * (self.lasting * lasts + (1 - self.lasting) * self.reaching * fades)
        return {"theta": self.unit * theta}


class RiskyOldAge(Problem):
    """T8 (Krueger, Ludwig and Villalvazo 2021). Two generations; the old have κη units of labour, E η = 1, the young 1 − κ.

        max log c_y + β E log c_o    c_y = (1 − κ) w − a,   c_o = (1 − τ) R a + κηw + T,   T = τ R K

    In equilibrium c_o = Y (α + κη(1 − α)), so with a = s (1 − κ) w: s/(1 − s) = αβ (1 − τ) Γ, Γ = E[1/(κη(1 − α) + α)].
    Generations weighted by θ^t: log s₀ is in log Y_t with α^t, each log Y_t counts θ^(t−1) (θ + β), so
    1/(1 − s) = α(θ + β)/((1 − αθ) s): s = α(β + θ)/(1 + αβ), whatever the risk, and τ = 1 − [s/(1 − s)]/(αβΓ).
    """

    sunk: ClassVar[tuple[str, ...]] = ()
    separate: ClassVar[bool] = False
    observables: ClassVar[int] = 0
    alpha: float = 0.3
    beta: float = 0.8
    kappa: float = 0.5
    theta: float = 0.7
    sd: float = 1.0

    def box(self):
        """τ in [−.8, .8]."""
        return Box(("tau",), (-0.8,), (0.8,))

    def draws(self, key, n):
        """Labour of the old."""
        return jnp.exp(self.sd * normals(key, n) - self.sd**2 / 2)

    def start(self, draws):
        """A tenth is saved."""
        return {"share": logit(0.1)}

    def payoff(self, a, wage, tomorrow, draws):
        """Both ages of one person."""
        R, w, tax, transfer = tomorrow
        old = (1 - tax) * R * a + self.kappa * draws * w + transfer
        return jnp.log((1 - self.kappa) * wage - a) + self.beta * jnp.mean(jnp.log(old))

    def conditions(self, response, policy, draws):
        """∂ payoff/∂a = 0 at a = K', times a; from K = 1."""
        tax, wage = policy(NOTHING)[0], 1 - self.alpha
        K = jax.nn.sigmoid(response["share"]) * (1 - self.kappa) * wage
        R, w = self.alpha * K ** (self.alpha - 1), (1 - self.alpha) * K**self.alpha
        return {"share": K * jax.grad(self.payoff)(K, wage, (R, w, tax, tax * R * K), draws)}

    def welfare(self, policy, response, draws):
        """(1 − θ) Σ θ^t (log c_y + β E log c_o) of the generation born at t, from K = 1."""
        share = jax.nn.sigmoid(response["share"])
        young = (1 - self.kappa) * (1 - self.alpha)
        old = jnp.mean(jnp.log(self.alpha + self.kappa * draws * (1 - self.alpha)))

        def step(y, _):
            y_next = self.alpha * (jnp.log(share * young) + y)
            return y_next, jnp.log((1 - share) * young) + y + self.beta * (old + y_next)

        value = jax.lax.scan(step, jnp.zeros(()), None, dates_for(self.theta))[1]
        return (1 - self.theta) * value @ self.theta ** jnp.arange(len(value))

    def optimum(self):
        """τ; Γ by adaptive quadrature."""
        labour = lambda x: np.exp(self.sd * x - self.sd**2 / 2)  # noqa: E731
        value = lambda x: np.exp(-x * x / 2) / (self.kappa * labour(x) * (1 - self.alpha) + self.alpha)  # noqa: E731
        gamma = quad(value, -12, 12, epsabs=1e-12)[0] / np.sqrt(2 * np.pi)
        s = self.alpha * (self.beta + self.theta) / (1 + self.alpha * self.beta)
        return {"tau": float(1 - s / (1 - s) / (self.alpha * self.beta * gamma))}


class LabourAndCapital(Problem):
    """T10. One household, taxes on capital and labour income, the rest raised or handed back in a lump sum, no externality.

        max Σ β^t [log c − h^(1+σ)/(1+σ)]    Y = K^α h^(1−α), full depreciation

    k' = αβ (1 − τ_k) Y and h^(1+σ) = (1 − τ_n)(1 − α)/(1 − αβ (1 − τ_k)); the planner's are those at τ_k = τ_n = 0.
    """

    sunk: ClassVar[tuple[str, ...]] = ()
    separate: ClassVar[bool] = False
    observables: ClassVar[int] = 0
    beta: float = 0.9
    alpha: float = 0.3
    curvature: float = 2.0

    def box(self):
        """Both in [−.5, .7]."""
        return Box(("tau_k", "tau_n"), (-0.5, -0.5), (0.7, 0.7))

    def draws(self, key, n):
        """Nothing is random."""
        return jnp.zeros(0)

    def start(self, draws):
        """A quarter of income saved, hours of one."""
        return {"share": logit(0.25), "log_h": jnp.zeros(())}

    def payoff(self, k_next, h, today, tomorrow, taxes):
        """Two dates of one household: capital k' and hours h; `today` (r K, w, transfer), `tomorrow` (r, income else, kept)."""
        (rent, wage, transfer), (r, other, kept), (tax_k, tax_n) = today, tomorrow, taxes
        now = (1 - tax_k) * rent + (1 - tax_n) * wage * h + transfer - k_next
        later = (1 - tax_k) * r * k_next + other - kept
        return jnp.log(now) - h ** (1 + self.curvature) / (1 + self.curvature) + self.beta * jnp.log(later)

    def conditions(self, response, policy, draws):
        """∂ payoff/∂k' = 0 and ∂ payoff/∂h = 0 where everybody does the same, from K = 1."""
        taxes = policy(NOTHING)
        share, h = jax.nn.sigmoid(response["share"]), jnp.exp(response["log_h"])
        Y = h ** (1 - self.alpha)
        rent, labour = self.alpha * Y, (1 - self.alpha) * Y
        K = share * Y
        Y_next = K**self.alpha * h ** (1 - self.alpha)
        today = (rent, labour / h, taxes[0] * rent + taxes[1] * labour)
        tomorrow = (self.alpha * Y_next / K, (1 - self.alpha) * Y_next + taxes[0] * self.alpha * Y_next, share * Y_next)
        by_capital, by_hours = jax.grad(self.payoff, argnums=(0, 1))(K, h, today, tomorrow, taxes)
        return {"share": K * by_capital, "log_h": h * by_hours}

    def welfare(self, policy, response, draws):
        """(1 − β) Σ β^t utility from K = 1."""
        share, log_h = jax.nn.sigmoid(response["share"]), response["log_h"]

        def step(k, _):
            y = self.alpha * k + (1 - self.alpha) * log_h
            return jnp.log(share) + y, jnp.log1p(-share) + y

        c = jax.lax.scan(step, jnp.zeros(()), None, dates_for(self.beta))[1]
        disutility = jnp.exp((1 + self.curvature) * log_h) / (1 + self.curvature)
        return (1 - self.beta) * c @ self.beta ** jnp.arange(len(c)) - disutility

    def optimum(self):
        """No tax."""
        return {"tau_k": 0.0, "tau_n": 0.0}
