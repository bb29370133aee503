"""The sources that the tests of this folder read, parsed once."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
OF_APP = sorted((ROOT / "app").rglob("*.py"))
SOURCES = sorted([*OF_APP, *(ROOT / "seeds").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")])

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of a file, the module first."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def functions(nodes: tuple[ast.AST, ...]) -> Iterator[Function]:
    return (node for node in nodes if isinstance(node, Function))


def place(path: Path) -> str:
    """The path of a file, as messages show it."""
    return str(path.relative_to(ROOT))
