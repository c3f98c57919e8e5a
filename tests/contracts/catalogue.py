"""The contract list: a new economy or learner is one line here."""

import jax
import jax.numpy as jnp

from walras import economies, learners
from walras.economies.saver import Consumption
from walras.economies.sticky_prices import Price
from walras.economy.rule import FunctionRule
from walras.economy.space import choose
from walras.learners.preset import ModelFreeSizes
from walras.testing import Situation, toys

DIAMOND = toys.Overlapping.diamond(0.7)
SAVER = economies.HuggettRisk.srl2025_rate().household
WORKER = economies.Hank.srl2025().household


def saves_more(own, view, info):
    """Consumes half of what is feasible at a return of 1.03, less at a higher one: the bond market clears."""
    return choose(SAVER, own, view, [jax.nn.sigmoid(25 * (1.03 - view.R / view.q))])


def spends_a_share(own, view, info):
    """Consumes a share of cash that falls with the return; hours follow from their condition."""
    b, wage = view.R * own.b + view.transfer, view.w * WORKER.risk.value(own.e)
    share = (0.60 + 0.064 * jnp.maximum(b, 0.0)) / (0.60 + jnp.maximum(b, 0.0))
    share = share / (share + (1 - share) * jnp.exp(20 * (view.R - 1.025)))
    # c = share (b + w y n) with n = w y/c: the positive root of a quadratic.
    return Consumption(0.5 * (share * b + jnp.sqrt((share * b) ** 2 + 4 * share * wage**2)))


def follows_cost(own, view, info):
    """Prices grow where cost is high."""
    return Price(1 + 0.5 * (view.mc - 0.9))


def remembering():
    """Structural learning with a small recurrent memory."""
    return learners.StructuralRL(form="recurrent", memory=3, width=4)


def small(learner):
    """A model-free learner with little to do."""
    return lambda: learner(sizes=ModelFreeSizes(20, 4, 6, 8, units=8, warm_rounds=1))


# Random rules clear neither labour nor bonds.
SENSIBLE = Situation(rules={"household": FunctionRule(spends_a_share), "firm": FunctionRule(follows_cost)})


# (constructor, situation): every calibration of the catalogue, and toys with what the catalogue lacks: births and
# deaths, two stocks, numbered agents. (`tests/waist` has the others.)
def fewer(constructor, **numbers):
    """A calibration with seven consumers and three firms: of a hundred and ten it takes minutes to compile, and equations do not
    count people (`tests/waist/test_curry.py` has them all)."""

    def small():
        return constructor().sized({"consumer": 7, "firm": 3, **numbers})

    small.__func__ = constructor.__func__  # by which the list is known to be complete
    return small


ECONOMIES = {
    "brock-mirman": (economies.BrockMirman.textbook, None),
    "aiyagari benchmark": (economies.Aiyagari.benchmark, None),
    "aiyagari risk averse": (economies.Aiyagari.risk_averse, None),
    "consumption-saving": (economies.ConsumptionSaving.maliar2021, None),
    "huggett tutorial": (economies.Huggett.tutorial, None),
    "huggett tutorial, bond price": (economies.Huggett.tutorial_bond_price, None),
    "huggett 1993": (economies.Huggett.huggett1993, None),
    "huggett with aggregate risk": (economies.HuggettRisk.srl2025, None),
    "huggett with aggregate risk, rate form": (
        economies.HuggettRisk.srl2025_rate,
        # A random rule need not save more at a higher return: no date would clear.
        Situation(rules={"household": FunctionRule(saves_more)}),
    ),
    "huggett, the rate moving by itself": (economies.HuggettPartial.srl2025, None),
    "hank": (economies.Hank.srl2025, SENSIBLE),
    "hank without aggregate risk": (economies.Hank.steady, SENSIBLE),
    "krusell-smith dhjj2010": (economies.KrusellSmith.dhjj2010, None),
    "krusell-smith ks1998": (economies.KrusellSmith.ks1998, None),
    "krusell-smith maliar2021": (economies.KrusellSmith.maliar2021, None),
    "krusell-smith srl2025": (economies.KrusellSmith.srl2025, None),
    "marl-rbc, closed form": (economies.MarlRbc.closed_form, None),
    "marl-rbc": (economies.MarlRbc.rbc, None),
    "marl-rbc, krusell-smith": (economies.MarlRbc.krusell_smith, None),
    "marl-rbc, nine types": (economies.MarlRbc.heterogeneous, None),
    "oligopoly, cournot": (economies.Oligopoly.cournot, None),
    "oligopoly, bertrand": (economies.Oligopoly.bertrand, None),
    "curry-rbc": (fewer(economies.CurryRBC.open), None),
    "curry-rbc, closed": (fewer(economies.CurryRBC.closed, government=0), None),
    "curry-rbc-cleaned": (fewer(economies.CurryRBCCleaned.open), None),
    "curry-rbc-cleaned, closed": (fewer(economies.CurryRBCCleaned.closed), None),
    "tax-cycle": (economies.TaxCycle.countercyclical, None),
    "tax-economy": (economies.TaxEconomy.standard, None),
    "tax-economy, ghh": (economies.TaxEconomy.ghh, None),
    "tax-economy, taxai": (economies.TaxEconomy.taxai, None),
    "tax-economy, superstar": (economies.TaxEconomy.superstar, None),
    "zlb": (economies.Zlb.short_shocks, SENSIBLE),
    "zlb, long shocks": (economies.Zlb.srl2025, SENSIBLE),
    "zlb without aggregate risk": (economies.Zlb.steady, SENSIBLE),
    "toy: overlapping generations": (
        lambda: DIAMOND,
        # Births alone are all young and hold nothing: there would be no capital.
        Situation(openings={"household": DIAMOND.opening(0.2)}),
    ),
    "toy: two stocks": (toys.TwoStocks.small, None),
    "toy: cournot": (toys.Cournot.five, None),
    "toy: bandit": (toys.Bandit.two_kinds, None),
    "toy: regulator": (toys.Regulator.drifting, None),
}

# (learner, economy): one with a representative and aggregate risk, cleared prices without and with it, one with a histogram.
LEARNERS = {
    "euler on brock-mirman": (learners.EulerIteration, economies.BrockMirman.textbook),
    "euler on huggett": (learners.EulerIteration, economies.Huggett.tutorial),
    "euler on huggett with aggregate risk": (learners.EulerIteration, economies.HuggettRisk.srl2025),
    "deep euler on consumption-saving": (learners.DeepEuler, economies.ConsumptionSaving.maliar2021),
    "deep euler on huggett": (learners.DeepEuler, economies.Huggett.tutorial),
    "deep euler on krusell-smith": (learners.DeepEuler, economies.KrusellSmith.maliar2021),
    "structural on krusell-smith": (learners.StructuralRL, economies.KrusellSmith.srl2025),
    "structural with a memory on krusell-smith": (remembering, economies.KrusellSmith.srl2025),
    "ppo on marl-rbc": (small(learners.PPO), economies.MarlRbc.closed_form),
    "reinforce on krusell-smith": (small(learners.Reinforce), economies.KrusellSmith.dhjj2010),
    "sac on brock-mirman": (small(learners.SAC), economies.BrockMirman.textbook),
    "ppo on oligopoly": (small(learners.PPO), economies.Oligopoly.cournot),
    "euler on krusell-smith": (learners.EulerIteration, economies.KrusellSmith.dhjj2010),
}
