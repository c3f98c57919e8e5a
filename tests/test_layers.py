"""Who may import whom, and how large things may be.

    _core ◄ numerics ◄ economy ◄ {economies, learners} ◄ simulate, solve, … ◄ lab, report, app, cli, cite

Arrows point down only; economies and learners never import each other. `testing` is for users and tests: it may import
anything up to `solve` and is imported by nothing but the root.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "walras"
FILES = sorted(PACKAGE.rglob("*.py"))

LEVELS = {
    "_core": 0,
    "numerics": 1,
    "economy": 2,
    "economies": 3,
    "learners": 3,
    **dict.fromkeys(
        ("solve", "simulate", "compare", "health", "loop", "lessons", "solution", "inputs", "moments", "dataset", "impulse", "shocks", "diagnose", "rest", "transition",
         "interfaces", "govern", "calibrate", "testing"), 4
    ),
    **dict.fromkeys(("lab", "report", "app", "cli", "cite"), 5),
}  # fmt: skip
ROOT = "__init__"  # the curated public list: it imports everything


def part(path: Path) -> str:
    """The package or module at the top to which a file belongs."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST, path: Path):
    """(line, top-level part of walras) of every import of walras in a file, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            # `from walras import x` names the part in its list.
            names = [f"walras.{a.name}" for a in node.names] if node.module == "walras" else [node.module or ""]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "walras":
                yield node.lineno, [*name.split("."), ROOT][1]


def forbidden(importer: str, target: str) -> bool:
    """Whether a file of one part may not import another part."""
    if importer in (ROOT, target):
        return False
    if target in ("testing", ROOT):
        return True
    if importer == "testing":
        return LEVELS[target] > 4
    same = LEVELS[importer] == LEVELS[target]
    # Within the fourth and the fifth layer modules may use each other; economies and learners may not.
    return LEVELS[target] > LEVELS[importer] or (same and LEVELS[importer] == 3)


def test_every_file_has_a_layer():
    assert len(FILES) > 60  # the test looks at something
    unknown = {part(path) for path in FILES} - set(LEVELS) - {ROOT}
    assert not unknown, f"give these a layer: {unknown}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    wrong = [
        f"line {line} imports {target}"
        for line, target in imported(ast.parse(path.read_text()), path)
        if forbidden(part(path), target)
    ]
    assert not wrong, f"{path.relative_to(PACKAGE)}: {wrong}"


def test_the_rule_can_be_broken():
    # (importer, target): each is an arrow that points up or across.
    for pair in [("_core", "numerics"), ("economy", "learners"), ("economies", "learners"), ("learners", "economies"),
                 ("diagnose", "lab"), ("solve", "testing"), ("testing", "report"), ("learners", "solve")]:  # fmt: skip
        assert forbidden(*pair)
    for pair in [("learners", "economy"), ("diagnose", "loop"), ("cli", "lab"), ("testing", "solve"), (ROOT, "lab")]:
        assert not forbidden(*pair)
    tree = ast.parse("import walras.lab\ndef f():\n    from walras import solve\n    from walras.loop import advance")
    assert [target for _, target in imported(tree, PACKAGE)] == ["lab", "solve", "loop"]


def size_of(path: Path) -> tuple[int, int, int]:
    """Lines of a file, lines of its longest function, most arguments of a function."""
    text = path.read_text()
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    longest = max(((n.end_lineno or n.lineno) - n.lineno + 1 for n in functions), default=0)
    most = max((arguments(n) for n in functions), default=0)
    return len(text.splitlines()), longest, most


def arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many arguments a function takes, its own object left out."""
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([a for a in named if a.arg not in ("self", "cls")])


MOST_LINES = {"economies": 150, "learners": 250}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_sizes(path):
    lines, longest, most = size_of(path)
    assert lines <= MOST_LINES.get(part(path), 400), f"{lines} lines"
    assert longest <= 60, f"a function of {longest} lines"
    allowed = 11 if part(path) == "cli" else 8  # the command line: one argument for each option of `walras design`
    assert most <= allowed, f"a function of {most} arguments"


def test_sizes_are_counted(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("class A:\n    def f(self, a, b, *, c):\n        pass\n\n\n\nasync def g():\n    x = 1\n    return x\n")
    assert size_of(file) == (9, 3, 3)
