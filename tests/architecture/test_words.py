"""The words of the code: standard terms, functions that are verbs or nouns, and a line for every column and field."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from app.core.openapi.descriptions import field_lines
from app.main import app
from app.modules import discover, import_models, names

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "seeds").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")])
RIDDLES = re.compile(r"\b(nobody|somebody|whoever|whomever|whosoever)\b|\bthe record\b", re.IGNORECASE)
PARTICIPLE = re.compile(
    r"(?<!bre)(?<!se)(?<!ne)(?<!fe)(?:ed|ing)$|^(known|seen|shown|found|made|kept|given|taken|sent|written|bound|spoken)$"
)
NOUNS = frozenset({"held", "seed"})
"""Names that end like a participle and are none."""
DECLARATIONS = frozenset({"authenticated", "deprecated", "redacted"})
"""What a route or a column is declared to be: they read as adjectives where they stand."""
MODULE_WORD = re.compile(r"/api/v1|^({})(:|/|$)".format("|".join(names())))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def place(path: Path) -> str:
    return str(path.relative_to(ROOT))


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Docstrings, and the lines below attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_docstrings_are_plain(path: Path) -> None:
    riddles = [text for text in docstrings(tree_of(path)) if RIDDLES.search(text)]

    assert riddles == []


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_no_function_is_named_by_a_bare_participle(path: Path) -> None:
    found = [node.name for node in functions(tree_of(path)) if PARTICIPLE.search(node.name) and "_" not in node.name]

    assert set(found) - NOUNS - DECLARATIONS == set()


def test_the_words_that_are_refused_are_found() -> None:
    planted = ast.parse('def masked(x):\n    """Nobody calls it."""\n\ndef build(x):\n    """The record."""\n')

    assert [text for text in docstrings(planted) if RIDDLES.search(text)] == ["Nobody calls it.", "The record."]
    assert [node.name for node in functions(planted) if PARTICIPLE.search(node.name)] == ["masked"]


@pytest.mark.parametrize("path", sorted((ROOT / "app/core").rglob("*.py")), ids=place)
def test_the_kernel_names_no_module(path: Path) -> None:
    tree = tree_of(path)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    examples = {"app/core/openapi/schemas.py"}  # an OpenAPI example shows a real path
    words = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
        if MODULE_WORD.search(node.value) and node.value not in KERNEL_WORDS
    ]

    assert words == [] or place(path) in examples


KERNEL_WORDS = frozenset({"internal", "audit", "sessions"})
"""Words of the kernel that a module has as its name: an audience, a setting, an engine's attribute."""


def tables() -> list[type[SQLModel]]:
    import_models()
    classes: list[Any] = [mapper.class_ for mapper in SQLModel._sa_registry.mappers]
    return sorted((c for c in classes if c.__module__.startswith("app.")), key=lambda c: c.__name__)


@pytest.mark.parametrize("model", tables(), ids=lambda model: model.__name__)
def test_every_column_says_what_it_is(model: type[SQLModel]) -> None:
    described = field_lines(model)

    assert {name for name in model.model_fields if name not in described} == set()
    assert model.__doc__


def described_properties() -> list[tuple[str, bool]]:
    schemas = app.openapi()["components"]["schemas"]
    return [
        (f"{name}.{field}", bool(node.get("description")))
        for name, schema in schemas.items()
        for field, node in schema.get("properties", {}).items()
    ]


def test_every_field_of_the_document_says_what_it_is() -> None:
    properties = described_properties()

    assert len(properties) >= 500
    assert [name for name, is_described in properties if not is_described] == []


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_every_parameter_of_the_document_says_what_it_is() -> None:
    silent = [
        f"{name}: {parameter['name']}"
        for name, operation in operations()
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]

    assert silent == []


def test_a_description_says_more_than_its_summary() -> None:
    repeated = [
        name
        for name, operation in operations()
        if operation["description"].strip(". ") == operation["summary"].strip(". ")
    ]

    assert repeated == []


def test_every_module_has_hooks_of_the_one_kind() -> None:
    from app.core.http.module_hooks import ModuleHooks  # noqa: PLC0415  # only here

    hooks = dict(discover("hooks"))

    assert {"audit", "auth", "rbac", "roles", "idempotency"} <= set(hooks)
    assert all(isinstance(part.HOOKS, ModuleHooks) for part in hooks.values())
