"""The migration that keeps when users last signed in takes it from the login log, and from sessions that are left."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import insert

from alembic import command
from app.core.config import Settings
from app.core.db import migrations
from app.core.db.column_types import Instant
from tests.core.db.test_migrated_uses import FLAGS, TYPES, of, read, run
from tests.databases import Backend
from tests.fixtures.databases import settings_for

REVISION = "5a7e0c91d3f4"
AT = datetime(2026, 5, 6, 7, 8, 9, 12, UTC)
LATER, LAST = AT + timedelta(days=1), AT + timedelta(days=2)
LOGGED, LEFT, REFUSED = (UUID(int=number) for number in range(1, 4))
ENTITY = {"created_at": AT, "updated_at": AT, "version": 1}


def user(user_id: UUID) -> dict[str, Any]:
    name = f"u{user_id.int}"
    folded = {"username_folded": name, "email_folded": name}
    return {"id": user_id, "username": name, "email": name, "password_hash": "h", **folded, **FLAGS, **ENTITY}


def attempt(user_id: UUID, at: datetime, *, is_successful: bool) -> dict[str, Any]:
    return {"id": uuid4(), "user_id": user_id, "at": at, "is_successful": is_successful, "request_id": "r"}


def session(user_id: UUID, at: datetime) -> dict[str, Any]:
    return {"id": uuid4(), "user_id": user_id, "seed": b"s", "expires_at": LAST, **ENTITY, "created_at": at}


ROWS: list[tuple[str, dict[str, Any]]] = [
    *(("user", user(who)) for who in (LOGGED, LEFT, REFUSED)),
    ("login_attempt", attempt(LOGGED, AT, is_successful=True)),
    ("login_attempt", attempt(LOGGED, LATER, is_successful=True)),
    ("login_attempt", attempt(LOGGED, LAST, is_successful=False)),
    ("login_attempt", attempt(REFUSED, LAST, is_successful=False)),
    ("auth_session", session(LOGGED, AT)),
    ("auth_session", session(LEFT, LATER)),
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


def test_the_last_sign_in_is_known_from_the_log_and_from_sessions(
    before: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TYPES, "at", Instant())
    monkeypatch.setitem(TYPES, "is_successful", TYPES["is_active"])
    run(before, lambda connection: [connection.execute(insert(of(name, row)), row) for name, row in ROWS])

    command.upgrade(migrations.config(before), REVISION)

    found = read(before, "last_sign_in", {"at": AT})
    assert {row["id"]: row["at"] for row in found} == {LOGGED: LATER, LEFT: LATER}
    command.downgrade(migrations.config(before), "-1")
    command.upgrade(migrations.config(before), REVISION)
    assert read(before, "last_sign_in", {"at": AT}) == found
