"""The references of what a run used, from the docstrings of its modules."""

import inspect
import re

from walras.diagnose import best_response, den_haan, euler
from walras.economy import population
from walras.learners import beliefs, egm, stationary
from walras.numerics import markov, roots
from walras.solution import Solution


def references(solution: Solution) -> list[str]:
    """BibTeX entries of the economy, the learners, the populations and the checks of a solution, without repetition."""
    sources = [inspect.getmodule(type(solution.economy))]
    sources += [inspect.getmodule(type(learner)) for learner in solution.lab.learners.values()]
    sources += [beliefs, egm, stationary, population, markov, roots, euler, den_haan, best_response]
    texts = [inspect.getdoc(source) or "" for source in sources] + [inspect.getdoc(population.Histogram) or ""]
    found: dict[str, str] = {}
    for text in texts:
        for entry in entries(text):
            found.setdefault(entry.split(",", 1)[0], entry)
    return list(found.values())


def entries(text: str) -> list[str]:
    """The BibTeX entries in a text, by matching braces."""
    found = []
    for start in (m.start() for m in re.finditer(r"@(?:article|book|techreport|misc|incollection)\{", text)):
        depth = 0
        for end in range(text.index("{", start), len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if depth == 0:
                found.append(re.sub(r"\s+", " ", text[start : end + 1]))
                break
    return found
