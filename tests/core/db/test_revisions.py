"""What the code says of revisions without Alembic is what Alembic says."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from app.core.config import Settings
from app.core.db import revisions
from app.core.db.migrations import config
from app.core.db.revisions import heads, is_migrated
from tests.fixtures.databases import settings_for
from tests.fixtures.servers import environment_of

ROOT = Path(__file__).parents[3]
MIGRATE = """
import sys
from app.cli import cli
cli(["migrate"], standalone_mode=False)
sys.exit("alembic" in sys.modules)
"""


def sqlite_at(file: Path) -> Settings:
    return settings_for(f"sqlite+aiosqlite:///{file}", file.parent / "var")


def migrate(settings: Settings) -> bool:
    """Run `migrate` in a process of its own. Whether it needed Alembic."""
    run = subprocess.run(
        [sys.executable, "-c", MIGRATE], cwd=ROOT, env=environment_of(settings), check=False, timeout=60
    )
    assert run.returncode in (0, 1)
    return run.returncode == 1


def test_the_newest_revisions_are_those_of_alembic() -> None:
    assert heads() == set(ScriptDirectory.from_config(config()).get_heads())


def test_branches_and_their_merge_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {"a": None, "b": "a", "c": "a", "d": ("b", "c"), "e": "a"}
    for name, before in declared.items():
        (tmp_path / f"{name}.py").write_text(f'revision: str = "{name}"\ndown_revision = {before!r}\n')
    monkeypatch.setattr(revisions, "VERSIONS", tmp_path)
    heads.cache_clear()

    try:
        assert heads() == {"d", "e"}
    finally:
        heads.cache_clear()


def test_a_migrated_database_is_left_without_alembic(tmp_path: Path) -> None:
    settings = sqlite_at(tmp_path / "new.db")

    assert not is_migrated(settings)
    assert migrate(settings)
    assert is_migrated(settings)
    assert not migrate(settings)


def test_what_is_no_migrated_database_is_left_to_alembic(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("This is no database at all, but a text that somebody left here." * 20)

    assert not any(is_migrated(sqlite_at(tmp_path / name)) for name in ("missing.db", "empty.db", "text.db"))
    assert not (tmp_path / "missing.db").exists()
