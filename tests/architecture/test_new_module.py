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


@pytest.mark.timeout(300)
def test_a_new_module_needs_no_edit_elsewhere(tree: Path) -> None:
    run(tree, sys.executable, "scripts/new_module.py", "gadgets")
    run(tree, sys.executable, "-m", "app", "migrate")
    run(tree, sys.executable, "-m", "alembic", "revision", "--autogenerate", "-m", "add gadgets")

    (migration,) = (tree / "alembic" / "versions").glob("*add_gadgets.py")
    assert "create_table" in migration.read_text()
    assert "op.make_backstop(" in migration.read_text()
    run(tree, sys.executable, "-m", "app", "migrate")
    run(tree, sys.executable, "-m", "alembic", "check")
    selected = ["tests/contract", "tests/modules/gadgets", "tests/architecture/test_routes.py"]
    output = run(
        tree,
        sys.executable,
        "-m",
        "pytest",
        "-q",
        *selected,
        "-k",
        "gadgets or test_routes",
        "-p",
        "no:cacheprovider",
    )
    ran = dict(re.findall(r"^(sqlite|postgresql) \S+: (\d+) passed", output, re.MULTILINE))
    assert int(ran["sqlite"]) == int(ran["postgresql"]) >= 15
    run(tree, str(BIN / "ruff"), "check", "alembic", "app/modules/gadgets", "tests/modules/gadgets")
    run(tree, str(BIN / "ruff"), "format", "--check", "app/modules/gadgets", "tests/modules/gadgets")
    run(tree, str(BIN / "lint-imports"), "--no-cache")


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


@pytest.mark.parametrize("arguments", [["tasks"], ["Tasks"], ["task-lists"], ["sheep"], []])
def test_a_name_that_cannot_be_is_refused(tree: Path, arguments: list[str]) -> None:
    before = sorted(tree.rglob("*.py"))

    done = subprocess.run(
        [sys.executable, "scripts/new_module.py", *arguments], cwd=tree, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert sorted(tree.rglob("*.py")) == before
