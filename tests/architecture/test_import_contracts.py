"""Each import contract breaks where it should: known violations are planted in a copy of the code, and reported."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"

VIOLATIONS: dict[str, tuple[str, str, str]] = {
    "the web framework in a service": ("modules/tasks/service.py", "import fastapi", "speak HTTP"),
    "HTTP in a repository, by way of the kernel": (
        "modules/brands/repository.py",
        "from app.core.http.route import Route",
        "speak HTTP",
    ),
    "the web framework in a file of a sub-package": (
        "modules/audit/changes/capture.py",
        "from starlette.requests import Request",
        "speak HTTP",
    ),
    "SQL in a router": ("modules/brands/router.py", "from sqlalchemy import select", "write no SQL"),
    "SQL in schemas": ("modules/customers/schemas.py", "from sqlmodel import SQLModel", "write no SQL"),
    "SQL in a service": ("modules/products/service.py", "from sqlalchemy import insert", "write no SQL"),
    "a sub-package that knows its service": (
        "modules/rbac/engine/cache.py",
        "from app.modules.rbac.service import ExplainService",
        "do not know what is above them",
    ),
    "a repository that knows a sub-package": (
        "modules/audit/repository.py",
        "from app.modules.audit.changes.capture import ChangeCapture",
        "What is below the named sub-packages",
    ),
    "a repository that knows its service": (
        "modules/categories/repository.py",
        "from app.modules.categories.service import CategoryService",
        "Inside a module",
    ),
    "a router that knows its hooks": (
        "modules/idempotency/service.py",
        "from app.modules.idempotency.hooks import HOOKS",
        "Inside a module",
    ),
    "the inside of a sibling": (
        "modules/tasks/models.py",
        "from app.modules.users.models import User",
        "by its front door only",
    ),
    "modules in a cycle": ("modules/users/service.py", "from app.modules.roles import Role", "No cycles"),
    "files of the kernel in a cycle": (
        "core/http/etag.py",
        "from app.core.http.route import Route",
        "No cycles",
    ),
    "the web framework in the database layer": (
        "core/db/session.py",
        "from starlette.requests import Request",
        "know no web framework",
    ),
    "the kernel against its order": (
        "core/security/keys.py",
        "from app.core.db.session import Session",
        "The order of the kernel's packages",
    ),
    "the kernel that knows a module": (
        "core/fields/money.py",
        "from app.modules.products.models import Product",
        "main, cli > modules > core",
    ),
    "the application that knows the witness": (
        "main.py",
        "from app.witness import create_witness",
        "main, cli > modules > core",
    ),
    "tokens beside core.security": ("modules/internal/router.py", "from jose import jwt", "imports jose and passlib"),
    "a file at the top of the kernel": ("core/helpers.py", '"""Helpers."""', "The order of the kernel's packages"),
}
"""By name: the file in `app`, the line that is added to it, and words of the contract that forbids it."""

EVIDENCE = {
    "modules/users/service.py": ".users -> .roles",
    "core/http/etag.py": ".etag -> .route",
    "core/helpers.py": "helpers",
}
"""What the report names instead of the module of the file."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What lint-imports reports of a copy with every violation, by contract."""
    tree = tmp_path_factory.mktemp("planted")
    shutil.copytree(ROOT / "app", tree / "app", ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / ".importlinter", tree)
    for file, line, _ in VIOLATIONS.values():
        path = tree / "app" / file
        text = path.read_text() if path.exists() else '"""Planted."""\n'
        path.write_text(f"{text}\n{line}\n")
    done = lint_imports(tree)
    assert done.returncode == 1, done.stdout + done.stderr
    _, _, reports = done.stdout.partition("Broken contracts\n")
    parts = re.split(r"^(.+)\n-{10,}$", reports, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def lint_imports(tree: Path) -> "subprocess.CompletedProcess[str]":
    """Run lint-imports, with lines so long that none is folded."""
    command, environment = [str(LINT_IMPORTS), "--no-cache"], {**os.environ, "COLUMNS": "400"}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("file", "line", "contract"), VIOLATIONS.values(), ids=list(VIOLATIONS))
def test_a_violation_breaks_its_contract(broken: dict[str, str], file: str, line: str, contract: str) -> None:
    name = next((name for name in broken if contract in name), None)

    assert name is not None, f"no contract {contract!r} is broken: {list(broken)}"
    module = f"app.{file.removesuffix('.py').replace('/', '.')}"
    assert EVIDENCE.get(file, module) in broken[name], f"{file}: {line}\n{broken[name]}"


def test_the_code_itself_breaks_none() -> None:
    done = lint_imports(ROOT)

    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
