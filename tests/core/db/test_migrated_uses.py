"""The migration that moves the use of sessions, keys and factors to tables of its own loses nothing, up and down."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Connection, LargeBinary, Uuid, column, insert, select, table

from alembic import command
from app.core.config import Settings
from app.core.db import migrations
from app.core.db.column_types import JSON_DOCUMENT, Instant
from app.core.db.connecting import create_engine
from tests.databases import Backend, in_a_thread
from tests.fixtures.databases import settings_for
from tests.roles import as_owner

REVISION = "f2a6c8e19d40"
AT, USED = datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC), datetime(2026, 5, 6, 7, 8, 9, 12, UTC)
ENTITY = {"created_at": AT, "updated_at": AT, "version": 3}
USER, SESSION, USED_KEY, NEW_KEY, FACTOR = (UUID(int=number) for number in range(1, 6))
TYPES: dict[str, Any] = {
    **dict.fromkeys(("id", "user_id"), Uuid()),
    **dict.fromkeys(("created_at", "updated_at", "used_at", "expires_at", "last_used_at"), Instant()),
    **dict.fromkeys(("is_active", "is_superuser", "is_service", "must_change_password"), Boolean()),
    **dict.fromkeys(("scopes", "allowed_addresses"), JSON_DOCUMENT),
    **dict.fromkeys(("seed", "secret"), LargeBinary()),
}
SESSION_USE = {"counter": 7, "base": 5, "confirmed": 6, "used_at": USED}
KEY_USE = {"last_used_at": USED, "last_used_ip": "192.0.2.7"}
KEY = {"user_id": USER, "name": "k", "secret_hash": "h", "scopes": [], "allowed_addresses": [], **ENTITY}
FLAGS = {"is_active": True, "is_superuser": False, "is_service": False, "must_change_password": False}
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("user", {"id": USER, "username": "u", "email": "e", "password_hash": "h", **FLAGS, **ENTITY}),
    ("auth_session", {"id": SESSION, "user_id": USER, "seed": b"s", "expires_at": USED, **ENTITY, **SESSION_USE}),
    ("api_key", {"id": USED_KEY, "prefix": "used", **KEY, **KEY_USE}),
    ("api_key", {"id": NEW_KEY, "prefix": "new", **KEY, "last_used_at": None, "last_used_ip": None}),
    ("second_factor", {"id": FACTOR, "user_id": USER, "secret": b"s", "last_step": 59_000_000, **ENTITY}),
]


@pytest.fixture
def before(backend: Backend, tmp_path: Path) -> Iterator[Settings]:
    """A database as the revision before left it."""
    name = f"test_{uuid4().hex}"
    settings = settings_for(backend.create(name), tmp_path / "var")
    script = ScriptDirectory.from_config(migrations.config()).get_revision(REVISION)
    command.upgrade(migrations.config(settings), str(script.down_revision))
    yield settings
    backend.drop(name)


def test_the_use_of_a_row_moves_with_it(before: Settings) -> None:
    run(before, lambda connection: [connection.execute(insert(of(name, row)), row) for name, row in ROWS])

    command.upgrade(migrations.config(before), REVISION)
    assert read(before, "auth_session_use", SESSION_USE) == [{"id": SESSION, **SESSION_USE}]
    assert read(before, "api_key_use", KEY_USE) == [{"id": USED_KEY, **KEY_USE}]
    assert read(before, "second_factor_use", {"last_step": 0}) == [{"id": FACTOR, "last_step": 59_000_000}]
    for name, row in ROWS:
        left = {key: value for key, value in row.items() if key not in {*SESSION_USE, *KEY_USE, "last_step"}}
        assert left in read(before, name, left), "the row itself stays as it was, its version too"

    command.downgrade(migrations.config(before), "-1")
    for name, row in ROWS:
        assert row in read(before, name, row)


def of(name: str, columns: dict[str, Any]) -> Any:
    return table(name, *(column(key, TYPES.get(key)) for key in columns))


def read(settings: Settings, name: str, columns: dict[str, Any]) -> list[dict[str, Any]]:
    """These columns of every row, and its id."""
    wanted = of(name, {"id": None, **columns})
    found: list[dict[str, Any]] = run(
        settings, lambda connection: [dict(row._mapping) for row in connection.execute(select(wanted))]
    )
    return found


def run(settings: Settings, work: Callable[[Connection], Any]) -> Any:
    async def connected() -> Any:
        async with create_engine(as_owner(settings)).begin() as connection:
            return await connection.run_sync(work)

    return in_a_thread(connected)
