"""Consumers, firms that post prices and wages, and a government, with a productivity shock and continuous choices.

The economy of Curry et al. (2022) with what a real-business-cycle model has and theirs lacks: that shock, depreciation, labour demand
by firms, choices from intervals.

Equations as in `curry_rbc`, with z_t in the production function, k' = (1 − δ) k + invested, hours taken on up to what the firm
asks for (all who offer get the same share of it, and toil only for what was taken on), disutility θ θ_j h as printed, and no
money from nowhere. Consumers choose any quantity of each good and any division of their time among firms; firms any price, wage,
labour demand and share of gross income invested; the government any two rates.

| symbol | field | meaning | unit | source |
|---|---|---|---|---|
| z | `exogenous` | productivity: persistence .95, innovations of .007 | – | Cooley, Prescott (1995) |
| δ | `firm.delta` | depreciation | per quarter | .025 |
| | `firm.menu.most_hires` | most hours that a firm can take on | hours per quarter | what 100 consumers have |
| | `consumer.hours_weight`, `consumer.gift` | factor on disutility; paid each quarter | –; money | 1; 0 |
| | everything else | as in `curry_rbc` | | |
"""

from collections.abc import Mapping

from jaxtyping import Array

from walras._core.module import parameter
from walras.economies import posted_prices as trade
from walras.economies.posted_consumer import BasketIntervals, Consumer
from walras.economies.posted_firm import Firm
from walras.economies.posted_government import Government, RateIntervals
from walras.economies.posted_menus import PostingIntervals
from walras.economy.economy import Economy, Formula, Sized
from walras.economy.process import LogAR1, NoRisk, Process


class CurryRBCCleaned(Economy, Sized):
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
        """The same without exports."""
        return cls.of(0.0)

    @classmethod
    def of(cls, export_cap: float):
        """The numbers of the released code where they have a counterpart."""
        basket = BasketIntervals(10.0, 1040.0)
        consumer = Consumer(basket, 0.1, 0.01, 4.0, 1.0, 0.0, 0.0, 2000.0, 0.9999, 100.0, 100, 10, NoRisk())
        posting = PostingIntervals(0.0, 2500.0, 0.0, 44.0, 104_000.0)
        alpha, opening = [0.2, 0.3, 0.4, 0.6, 0.8], [5000.0, 10000.0]
        firm = Firm(posting, 0.01, alpha, 0.025, opening, 2.2e6, 1000.0, 0.0, 0.9999, 10.0, 10, NoRisk())
        government = Government(RateIntervals(1.0, 1.0), 0.0025, 0.0, 0.0, 0.9999, 1.0, 10, NoRisk())
        productivity = LogAR1(0.95, 0.007, 1.0)
        return cls(consumer, firm, government, productivity, 500.0, export_cap, 10.0, 2500.0, 44.0, 0.25)
