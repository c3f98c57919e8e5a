"""Ways to search a box for the best policy, interchangeable: all maximise an `Objective`, all by common draws."""

from walras.govern.searchers.annealed import AnnealedES
from walras.govern.searchers.evolution import CMAES
from walras.govern.searchers.grid import Grid
from walras.govern.searchers.implicit import Implicit
from walras.govern.searchers.pathwise import Pathwise
from walras.govern.searchers.ppo import PPO
from walras.govern.searchers.searcher import Found, Objective, Searcher

__all__ = ["CMAES", "PPO", "AnnealedES", "Found", "Grid", "Implicit", "Objective", "Pathwise", "Searcher"]
