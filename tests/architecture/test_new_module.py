"""Adding a module is one new folder and one migration command: done here in a copy of the tree, and run."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("app", "alembic", "scripts", "seeds", "tests")
FILES = ("alembic.ini", "pytest.ini", "ruff.toml", "mypy.ini", ".importlinter")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


BIN = Path(sys.executable).parent


def run(tree: Path, *command: str) -> str:
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite+aiosqlite:///{tree}/var/new.db",
        "STATE_DIR": f"{tree}/var",
        "PYTHONPATH": str(tree),
    }
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout + done.stderr


EVERY_KIND = (
    "price:money", "brand:reference=brands", "due:date", "status:choice=draft,active", "notes:text", "code:string",
    "copies:integer", "is_open:boolean", "starts_at:instant", "head:reference=users",
    "place:reference=categories", "cost:money",
)  # fmt: skip


MODULES = {
    "gadgets": ["gadgets"],
    "price_lists": ["price lists", "--group", "Sales", *(f"--field={field}" for field in EVERY_KIND)],
}
"""By folder, the arguments of each: without a field, and with every kind of field."""


WRITTEN = [path for name in MODULES for path in (f"app/modules/{name}", f"tests/modules/{name}", f"seeds/{name}.py")]
TESTS = (
    *("tests/contract", "tests/architecture/test_routes.py", "tests/architecture/test_sort_indexes.py"),
    *("tests/console/test_modules.py", *(f"tests/modules/{folder}" for folder in MODULES)),
    *("-k", " or ".join([*MODULES, "test_routes", "test_sort_indexes"]), "-p", "no:cacheprovider"),
)
"""The tests of the modules, and those of all modules for them."""


def add_modules(tree: Path) -> None:
    """Write the modules and their migration, as the guide says."""
    for arguments in MODULES.values():
        run(tree, sys.executable, "scripts/new_module.py", *arguments)
    run(tree, str(BIN / "ruff"), "check", "--fix", *WRITTEN)
    run(tree, str(BIN / "ruff"), "format", *WRITTEN)
    run(tree, sys.executable, "-m", "app", "migrate")
    run(tree, sys.executable, "-m", "alembic", "revision", "--autogenerate", "-m", "add modules")


@pytest.mark.timeout(900)
def test_new_modules_need_no_edit_elsewhere(tree: Path) -> None:
    add_modules(tree)

    (migration,) = (tree / "alembic" / "versions").glob("*add_modules.py")
    assert migration.read_text().count("create_table") == migration.read_text().count("op.make_backstop(") == 2
    run(tree, sys.executable, "-m", "app", "migrate")
    run(tree, sys.executable, "-m", "alembic", "check")
    run(tree, sys.executable, "-m", "app", "seed", "--count", "2")
    with closing(sqlite3.connect(tree / "var" / "new.db")) as database:
        for folder in MODULES:
            count = f"SELECT count(*) FROM {folder.removesuffix('s')}"  # noqa: S608  # ours
            assert database.execute(count).fetchone() == (3,)
    assert passed(tree, "not postgresql")["sqlite"] >= 15 * len(MODULES)
    run(tree, str(BIN / "ruff"), "check", "alembic", *WRITTEN)
    if (cache := ROOT / ".mypy_cache").is_dir():  # what did not change since is not analysed again
        shutil.copytree(cache, tree / cache.name)
    run(tree, str(BIN / "mypy"), *WRITTEN)
    run(tree, str(BIN / "lint-imports"), "--no-cache")


@pytest.mark.timeout(900)
@pytest.mark.postgresql
def test_new_modules_are_tested_on_postgresql_too(tree: Path) -> None:
    add_modules(tree)

    collected = run(tree, sys.executable, "-m", "pytest", "-q", "--collect-only", *TESTS)
    on_sqlite, on_postgresql = (len(re.findall(rf"[\[-]{name}", collected)) for name in ("sqlite", "postgresql"))
    assert passed(tree, "postgresql")["postgresql"] == on_postgresql == on_sqlite


def passed(tree: Path, mark: str) -> dict[str, int]:
    """Run the tests with `mark`. Returns how many passed on each database."""
    output = run(tree, sys.executable, "-m", "pytest", "-q", "-m", mark, *TESTS)
    ran = re.findall(r"^(sqlite|postgresql) \S+: (\d+) passed", output, re.MULTILINE)
    return {database: int(count) for database, count in ran}


LOG = '''"""Visits."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Field

from app.core.clock import new_id, now
from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping


class Visit(Bookkeeping, table=True):
    __tablename__ = "visit"
    not_audited = "is a log itself"
    append_only = True
    removable_after = timedelta(days=3)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    at: datetime = Field(default_factory=now, sa_type=Instant)
'''


def test_the_migration_of_a_new_log_makes_it_append_only(tree: Path) -> None:
    module = tree / "app" / "modules" / "visits"
    module.mkdir()
    (module / "__init__.py").write_text('"""Visits."""\n')
    (module / "models.py").write_text(LOG)
    run(tree, sys.executable, "-m", "app", "migrate")
    run(tree, sys.executable, "-m", "alembic", "revision", "--autogenerate", "-m", "add visits")
    run(tree, sys.executable, "-m", "app", "migrate")

    with closing(sqlite3.connect(tree / "var" / "new.db")) as database:
        database.execute("INSERT INTO visit VALUES ('old', datetime('now', '-4 days')), ('new', datetime('now'))")
        for refused in ("UPDATE visit SET at = at", "DELETE FROM visit WHERE id = 'new'"):
            with pytest.raises(sqlite3.IntegrityError, match="visit can only be added to"):
                database.execute(refused)
        assert database.execute("DELETE FROM visit WHERE id = 'old'").rowcount == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["tasks"],
        ["Tasks"],
        ["sheep"],
        [],
        ["price lists", "--field", "price"],
        ["price lists", "--field", "price:float"],
        ["price lists", "--field", "name:text"],
        ["price lists", "--field", "created_by:reference=users"],
        ["price lists", "--field", "Due:date"],
        ["price lists", "--field", "due:date=today"],
        ["price lists", "--field", "status:choice"],
        ["price lists", "--field", "brand:reference=makers"],
        ["price lists", "--field", "due:date", "--field", "due:text"],
        ["price lists", "--field", "brand:reference=brands", "--field", "brand:text"],
        ["price lists", "--field", "price:money", "--field", "price_places:integer"],
        ["price lists", "--group", 'Sales"'],
    ],
)
def test_a_name_that_cannot_be_is_refused(tree: Path, arguments: list[str]) -> None:
    before = sorted(tree.rglob("*.py"))

    done = subprocess.run(
        [sys.executable, "scripts/new_module.py", *arguments], cwd=tree, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert sorted(tree.rglob("*.py")) == before
