"""Consumers, firms that post prices and wages, and a government that taxes both (Curry et al. 2022).

By the rules of the released code; no price clears anything, and nothing is random but what the agents draw.

Equations: `posted_consumer`, `posted_firm`, `posted_government`, `posted_prices`. Choices are from grids: a demand for each good,
hours and an employer; price and wage jointly; both tax rates jointly. Where paper and code differ, and where we differ from
either: docs/economies/curry-rbc.md.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| η | `consumer.eta` | curvature of utility | – | .1 |
| θ, s | `consumer.theta`, `consumer.pareto` | disutility of hours: θ (1 − j/N)^(1/s) | utility per hour | .01, 4 |
| | `consumer.hours_weight` | factor on it | – | ½ (code) |
| | `consumer.m_birth`, `consumer.gift` | opening money, paid each quarter | money | 2,000; .01 (code) |
| A, α | `firm.productivity`, `firm.alpha` | productivity, exponents of labour | – | .01; .2, .3, .4, .6, .8 (code) |
| k, m | `firm.k_birth`, `firm.m_birth` | opening capital, money | money | 5,000 and 10,000; 22,000 N |
| ι | `firm.menu.invests` | share of gross income invested | – | .1 |
| | `export_floor`, `export_cap` | lowest price paid abroad; most bought of a good | money; goods per quarter | 500; 100 |
| | `government.firm_weight` | weight of profits in welfare | utility per money | .0025 |
| T | `horizon` | dates of an episode | quarters | 10 |

    @article{curry2022analyzing, title={Analyzing micro-founded general equilibrium models with many agents using deep
      reinforcement learning}, author={Curry, Michael and Trott, Alexander and Phade, Soham and Bai, Yu and Zheng,
      Stephan}, journal={arXiv:2201.01163}, year={2022}}
"""

from collections.abc import Mapping

from jaxtyping import Array

from walras._core.module import parameter
from walras.economies import posted_prices as trade
from walras.economies.posted_consumer import BasketGrid, Consumer
from walras.economies.posted_firm import Firm
from walras.economies.posted_government import Government, RateGrid
from walras.economies.posted_menus import PostingGrid
from walras.economy.economy import Economy, Formula, Sized
from walras.economy.process import NoRisk, Process


class CurryRBC(Economy, Sized):
    """The economy of the module docstring."""

    consumer: Consumer
    firm: Firm
    government: Government | None
    exogenous: Process
    export_floor: Array = parameter("lowest price paid abroad", "money per good", 0, closed=True)
    export_cap: Array = parameter("most that is bought abroad of a good", "goods per quarter", 0, closed=True)
    horizon: Array = parameter("dates of an episode", "quarters", 1, closed=True)
    price_unit: Array = parameter("unit in which prices are seen", "money per good", 0)
    wage_unit: Array = parameter("unit in which wages are seen", "money per hour", 0)
    years_per_period: Array = parameter("length of a period", "years", 0)

    def timing(self):
        """Everybody at once."""
        return trade.timing(self)

    def market(self):
        """Posted prices."""
        return Formula(lambda now: trade.prices(self, now))

    def accounts(self, now, after):
        """Money; goods and capital firm by firm."""
        return trade.accounts(self, now, after)

    def sized(self, numbers: Mapping[str, int]):
        """Any numbers of consumers and firms, with or without a government. Firms open with 22,000 for each consumer."""
        return trade.sized(self, numbers)

    @classmethod
    def open(cls):
        """100 consumers, 10 firms, a government that counts profits; a hundred of each good can be sold abroad from 500 on."""
        return cls.of(100.0)

    @classmethod
    def closed(cls):
        """The same without exports: firms can earn no more than what consumers opened with."""
        return cls.of(0.0)

    @classmethod
    def of(cls, export_cap: float):
        """The calibration of the released code."""
        wide = {"p_low": 0.0, "p_high": 2500.0, "w_low": 0.0, "w_high": 44.0}
        posting = PostingGrid([0.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0], [0.0, 11.0, 22.0, 33.0, 44.0], **wide, invests=0.1)
        basket = BasketGrid([float(c) for c in range(11)], [0.0, 260.0, 520.0, 780.0, 1040.0])
        consumer = Consumer(basket, 0.1, 0.01, 4.0, 0.5, 0.0, 0.01, 2000.0, 0.9999, 100.0, 100, 10, NoRisk())
        firm = Firm(
            posting, 0.01, [0.2, 0.3, 0.4, 0.6, 0.8], 0.0, [5000.0, 10000.0], 2.2e6, 1000.0, 0.0, 0.9999, 10.0, 10, NoRisk()
        )
        rates = RateGrid([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], 1.0, 1.0)
        government = Government(rates, 0.0025, 0.0, 0.0, 0.9999, 1.0, 10, NoRisk())
        return cls(consumer, firm, government, NoRisk(), 500.0, export_cap, 10.0, 2500.0, 44.0, 0.25)
