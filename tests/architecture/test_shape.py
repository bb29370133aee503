"""The shape of the code is a promise; these tests keep it."""

import ast
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import cast

import pytest

from tests.architecture.sources import OF_APP, ROOT, Function, functions, nodes_of, place

MAX_FILE, MAX_FUNCTION, MAX_METHODS = 300, 25, 10
LONG_LISTS = {
    ("app/main.py", "create_app"): "the composition root, a flat list of steps",
    ("app/core/runtime/logging.py", "configure"): "the logging set-up, a flat list of steps",
    ("app/core/runtime/server.py", "serve"): "the options of the server, a flat list",
}


def length(node: Function) -> int:
    """Lines of the body, its docstring not counted."""
    first = node.body[1] if len(node.body) > 1 and ast.get_docstring(node) else node.body[0]
    return (node.end_lineno or 0) - first.lineno + 1


def test_banned_distributions_are_absent() -> None:
    installed = {str(found.metadata["Name"]).lower() for found in distributions()}
    locked = {line.split("==")[0] for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line}

    assert {"ecdsa", "rsa", "passlib"} & (installed | locked) == set()
    assert {"python-jose", "libpass"} <= locked


def test_the_lock_is_complete_and_hashed() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text().splitlines()
        pins = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert len(pins) >= 20
        assert all("==" in line and line.endswith("\\") for line in pins)


def complaints(file: str, nodes: tuple[ast.AST, ...], lines: int) -> Iterator[str]:
    """What makes a file hard to read."""
    if not ast.get_docstring(cast("ast.Module", nodes[0])):
        yield "it does not say what lives there"
    if lines > MAX_FILE:
        yield f"it has {lines} lines"
    for node in functions(nodes):
        if length(node) > (40 if (file, node.name) in LONG_LISTS else MAX_FUNCTION):
            yield f"{node.name} has {length(node)} lines"
    for found in nodes:
        if isinstance(found, ast.ClassDef):
            public = [item.name for item in found.body if isinstance(item, Function) and item.name[0] != "_"]
            if len(public) > MAX_METHODS:
                yield f"{found.name} has {len(public)} public methods"


def test_files_stay_readable() -> None:
    for path in OF_APP:
        lines = len(path.read_text().splitlines())
        assert list(complaints(place(path), nodes_of(path), lines)) == [], path


def test_a_file_that_is_hard_to_read_is_found() -> None:
    methods = "".join(f"    def f{number}(self): pass\n" for number in range(MAX_METHODS + 1))
    planted = ast.parse(f"class C:\n{methods}\n\ndef f():\n" + "    x = 1\n" * (MAX_FUNCTION + 1))

    assert len(list(complaints("app/planted.py", tuple(ast.walk(planted)), MAX_FILE + 1))) == 4


CONNECTIONS = {"create_async_engine", "create_engine", "link", "transaction", "writers"}
"""Names that lead to a connection that can write."""
DOORS = {
    "app/core/runtime/server.py": {"writers"},  # the size of the pool
    "app/core/security/keys.py": {"link"},  # of files
}


def commits(nodes: Iterable[ast.AST]) -> list[int]:
    """The lines that end a transaction, or make tables."""
    ends = {"commit", "rollback", "create_all", "drop_all"}
    return [node.lineno for node in nodes if isinstance(node, ast.Attribute) and node.attr in ends]


def test_only_the_link_commits() -> None:
    """It does so by a statement."""
    assert {place(path): lines for path in OF_APP if (lines := commits(nodes_of(path)))} == {}
    assert commits(ast.walk(ast.parse("await session.commit()"))) == [1]


def doors(nodes: Collection[ast.AST]) -> set[str]:
    """The words in a file that lead to a connection."""
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    imports = {name.name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    return (attributes | imports) & CONNECTIONS


def test_only_the_database_package_holds_connections() -> None:
    """What goes to a connection past the unit of work would leave no change entry."""
    others = [path for path in OF_APP if not path.is_relative_to(ROOT / "app/core/db")]

    found = {place(path): words for path in others if (words := doors(nodes_of(path)))}

    assert found == DOORS


@pytest.mark.parametrize(
    "source",
    [
        "await database.writers.pool.take()",
        "await session.transaction.command('UPDATE task')",
        "from sqlalchemy.ext.asyncio import create_async_engine",
        "from app.core.db.connecting import create_engine",
    ],
)
def test_a_way_past_the_unit_of_work_is_seen(source: str) -> None:
    assert doors(list(ast.walk(ast.parse(source))))


def test_the_migration_folder_is_no_package() -> None:
    assert not (ROOT / "alembic/__init__.py").exists()


def test_no_dependency_is_a_bare_class() -> None:
    """`Depends()` on a class takes every constructor through the thread pool."""
    for path in OF_APP:
        assert "Depends()" not in path.read_text().replace("`Depends()`", ""), path


def test_no_dependency_is_synchronous() -> None:
    from fastapi.routing import iter_route_contexts  # noqa: PLC0415  # only here

    from app.core.http.query_parameters import flatten  # noqa: PLC0415  # only here
    from app.main import create_app  # noqa: PLC0415  # only here

    seen = 0
    for route in iter_route_contexts(create_app().routes):
        for dependant in flatten(route.dependant) if route.dependant else ():
            call = dependant.call
            code = getattr(call, "__code__", None) or getattr(type(call).__call__, "__code__", None)
            flags = getattr(code, "co_flags", 0)
            assert flags & (0x80 | 0x200) or hasattr(call, "__wrapped__"), f"{route.path}: {call}"
            seen += 1
    assert seen >= 100


GROUND = {"config", "context.py", "errors.py", "field_errors.py", "sentences.py", "clock.py", "strict_json.py"}
PACKAGES = {"jobs", "outgoing", "fields", "runtime", "security", "db", "http", "resources", "openapi"}
MODULE_FILES = {
    "__init__.py",
    "hooks.py",
    "router.py",
    "jobs.py",
    "service.py",
    "repository.py",
    "models.py",
    "schemas.py",
}
IGNORED = {"__pycache__"}


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - IGNORED


def strangers(module: Path) -> set[str]:
    """What stands in the folder of a module and is neither one of its files nor a named sub-package."""
    packages = {path.name for path in module.iterdir() if (path / "__init__.py").exists()}
    return entries(module) - MODULE_FILES - packages


MODULES = sorted(path for path in (ROOT / "app/modules").iterdir() if (path / "__init__.py").exists())


def test_the_top_of_the_kernel_is_what_it_is() -> None:
    assert entries(ROOT / "app/core") == GROUND | PACKAGES | {"__init__.py"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_holds_its_files_and_named_sub_packages_only(module: Path) -> None:
    assert strangers(module) == set()


def test_a_sixth_file_of_a_module_is_seen(tmp_path: Path) -> None:
    for name in ("__init__.py", "service.py", "pricing.py"):
        (tmp_path / name).touch()

    assert strangers(tmp_path) == {"pricing.py"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_sub_package_is_a_name_and_nothing_more(module: Path) -> None:
    """What its `__init__` would import, no contract could see."""
    for path in module.glob("*/__init__.py"):
        assert [type(node) for node in ast.parse(path.read_text()).body] == [ast.Expr], path
