"""The words of the code: standard terms, functions that are verbs or nouns, and a line for every column and field."""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from sqlmodel import SQLModel

from app.core.openapi.descriptions import field_lines
from app.main import app
from app.modules import discover, import_models, names
from tests.architecture.sources import ROOT, SOURCES, functions, nodes_of, place

RIDDLES = re.compile(r"\b(nobody|somebody|whoever|whomever|whosoever)\b|\bthe record\b", re.IGNORECASE)
PARTICIPLE = re.compile(
    r"(?<!bre)(?<!se)(?<!ne)(?<!fe)(?:ed|ing)$|^(known|seen|shown|found|made|kept|given|taken|sent|written|bound|spoken)$"
)
NOUNS = frozenset({"held", "seed"})
"""Names that end like a participle and are none."""
DECLARATIONS = frozenset({"authenticated", "deprecated", "redacted"})
"""What a route or a column is declared to be: they read as adjectives where they stand."""
MODULE_WORD = re.compile(r"/api/v1|^({})(:|/|$)".format("|".join(names())))


def riddles(nodes: Iterable[ast.AST]) -> list[str]:
    """Docstrings, and lines below attributes, that are riddles."""
    lines = [node.value for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    return [line.value for line in lines if isinstance(line.value, str) and RIDDLES.search(line.value)]


def participles(nodes: tuple[ast.AST, ...]) -> set[str]:
    """Functions that are named by a bare participle."""
    return {node.name for node in functions(nodes) if PARTICIPLE.search(node.name) and "_" not in node.name}


def test_docstrings_are_plain() -> None:
    assert {place(path): found for path in SOURCES if (found := riddles(nodes_of(path)))} == {}


def test_no_function_is_named_by_a_bare_participle() -> None:
    allowed = NOUNS | DECLARATIONS

    assert {place(path): found for path in SOURCES if (found := participles(nodes_of(path)) - allowed)} == {}


def test_the_words_that_are_refused_are_found() -> None:
    source = 'def masked(x):\n    """Nobody calls it."""\n\ndef build(x):\n    """The record."""\n'
    planted = tuple(ast.walk(ast.parse(source)))

    assert (riddles(planted), participles(planted)) == (["Nobody calls it.", "The record."], {"masked"})


def names_of_modules(nodes: Iterable[ast.AST]) -> list[str]:
    """Texts in the code, not in its docstrings, that name a module or its routes."""
    nodes = list(nodes)
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in prose]
    words = [node.value for node in texts if isinstance(node.value, str)]
    return [word for word in words if MODULE_WORD.search(word) and word not in KERNEL_WORDS]


def test_the_kernel_names_no_module() -> None:
    kernel = [path for path in SOURCES if path.is_relative_to(ROOT / "app/core")]
    examples = {"app/core/openapi/schemas.py"}  # an OpenAPI example shows a real path

    assert {place(path) for path in kernel if names_of_modules(nodes_of(path))} <= examples
    assert names_of_modules(ast.walk(ast.parse("call('tasks:read')"))) == ["tasks:read"]


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
