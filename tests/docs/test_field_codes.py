"""The guide lists every code that an entry of `errors` can have."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from app.core.sentences import SENTENCES, code_of

ROOT = Path(__file__).parents[2]
PLACES = {"refusal": 0, "invalid": 2, "field_error": 2, "reason": 2}
"""The functions that make an entry, and which argument of theirs is the code."""


def codes_in(file: Path) -> Iterator[str]:
    """The codes that a file writes out."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PLACES:
            arguments = node.args[PLACES[node.func.id] :]
            if arguments and isinstance(arguments[0], ast.Constant):
                yield str(arguments[0].value)


def test_every_code_of_a_field_is_listed() -> None:
    guide = (ROOT / "docs/guides/http.md").read_text()
    table = guide.partition("| code in `errors` |")[2].partition("\n\n")[0]
    listed = set(re.findall(r"`([a-z0-9-]+)`", table))

    written = {code for file in (ROOT / "app").rglob("*.py") for code in codes_in(file)}

    assert len(written) >= 30
    assert written - listed == set()
    assert {code_of(kind) for kind in SENTENCES} - listed == set()
