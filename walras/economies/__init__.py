"""The catalogue: one file per economy."""

from walras.economies.aiyagari import Aiyagari
from walras.economies.brock_mirman import BrockMirman
from walras.economies.consumption_saving import ConsumptionSaving
from walras.economies.curry_rbc import CurryRBC
from walras.economies.curry_rbc_cleaned import CurryRBCCleaned
from walras.economies.hank import Hank
from walras.economies.huggett import Huggett
from walras.economies.huggett_partial import HuggettPartial
from walras.economies.huggett_risk import HuggettRisk
from walras.economies.krusell_smith import KrusellSmith
from walras.economies.marl_rbc import MarlRbc
from walras.economies.oligopoly import Oligopoly
from walras.economies.tax_cycle import TaxCycle
from walras.economies.tax_economy import TaxEconomy
from walras.economies.zlb import Zlb

__all__ = [
    "Aiyagari",
    "BrockMirman",
    "ConsumptionSaving",
    "CurryRBC",
    "CurryRBCCleaned",
    "Hank",
    "Huggett",
    "HuggettPartial",
    "HuggettRisk",
    "KrusellSmith",
    "MarlRbc",
    "Oligopoly",
    "TaxCycle",
    "TaxEconomy",
    "Zlb",
]
