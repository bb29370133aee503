"""The shape of the code is a promise; these tests keep it."""

import ast
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "app").rglob("*.py"))
MAX_FILE, MAX_FUNCTION, MAX_METHODS = 300, 25, 10
LONG_LISTS = {
    ("app/main.py", "create_app"): "the composition root, a flat list of steps",
    ("app/core/runtime/logging.py", "configure"): "the logging set-up, a flat list of steps",
    ("app/core/runtime/server.py", "serve"): "the options of the server, a flat list",
}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_stays_readable(path: Path) -> None:
    place = str(path.relative_to(ROOT))
    tree = ast.parse(path.read_text())

    assert ast.get_docstring(tree), "every file says what lives there"
    assert len(path.read_text().splitlines()) <= MAX_FILE
    for node in functions(path):
        limit = 40 if (place, node.name) in LONG_LISTS else MAX_FUNCTION
        assert length(node) <= limit, f"{node.name} has {length(node)} lines"
    for found in ast.walk(tree):
        if isinstance(found, ast.ClassDef):
            methods = [item.name for item in found.body if isinstance(item, (ast.AsyncFunctionDef, ast.FunctionDef))]
            public = [name for name in methods if not name.startswith("_")]
            assert len(public) <= MAX_METHODS, f"{found.name} has {len(public)} public methods"


OTHERS = [path for path in SOURCES if path != ROOT / "app/core/db/unit_of_work/transaction.py"]
CONNECTIONS = {"create_async_engine", "create_engine", "link", "transaction", "writers"}
"""Names that lead to a connection that can write."""
DOORS = {
    "app/core/runtime/server.py": {"writers"},  # the size of the pool
    "app/core/security/keys.py": {"link"},  # of files
}


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_link_commits(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"commit", "rollback", "create_all", "drop_all"}, node.lineno


def doors(source: str) -> set[str]:
    """The words in a file that lead to a connection."""
    nodes = list(ast.walk(ast.parse(source)))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    imports = {name.name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    return (attributes | imports) & CONNECTIONS


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if not path.is_relative_to(ROOT / "app/core/db")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_only_the_database_package_holds_connections(path: Path) -> None:
    """What goes to a connection past the unit of work would leave no change entry."""
    assert doors(path.read_text()) <= DOORS.get(str(path.relative_to(ROOT)), set())


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
    assert doors(source)


def test_the_migration_folder_is_no_package() -> None:
    assert not (ROOT / "alembic/__init__.py").exists()


def test_no_dependency_is_a_bare_class() -> None:
    """`Depends()` on a class takes every constructor through the thread pool."""
    for path in SOURCES:
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
