"""Migrations that move data: what was stored before is found after, and again after the way back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op
from alembic.operations.ops import AddColumnOp, CreateIndexOp, ModifyTableOps
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, column, insert, select, table
from sqlalchemy.exc import DBAPIError, IntegrityError

from alembic import command
from app.core.config import Settings
from app.core.db import derived, migrations, unique_migrations
from app.core.db.connecting import create_engine
from app.core.db.derived import own_columns
from app.core.db.entity import table_of
from app.core.db.uniqueness import INFO as UNIQUE_KEY
from app.modules.audit.entries.callers import commitment
from app.modules.audit.models import AuditAccess, AuditCaller, AuditChange
from app.modules.brands.models import Brand
from app.modules.rbac.models import PolicyVersion
from app.modules.sessions.models import LoginAttempt
from app.modules.users import User
from tests.databases import Backend, in_a_thread
from tests.fixtures.databases import settings_for
from tests.modules.audit.entries import select_with_callers

BEFORE_CALLERS = "e4d27b90c6f3"
BEFORE_UNNAMED_VERSIONS = "a6d1f83b205e"
BEFORE_LOGIN_CALLERS = "d7b40c92e61f"
BEFORE_FOLDED_NAMES = "5be2d07f94a6"
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
USER, KEY, OWNER = UUID(int=1), UUID(int=2), UUID(int=3)
TOLD = ("actor_kind", "actor_id", "owner_id", "actor_name", "ip", "user_agent")
CALLERS: list[tuple[Any, ...]] = [
    ("user", USER, None, "ann", "192.0.2.1", "curl"),
    ("user", USER, None, "ann", "192.0.2.1", "curl"),
    ("user", USER, None, "ann", None, None),
    ("api-key", KEY, OWNER, "robot", "192.0.2.2", None),
    ("anonymous", None, None, None, "192.0.2.3", "bot"),
    ("system", None, None, "prune", None, None),
]
"""What old entries told of their callers: one caller twice, and a job, which is none."""
LOGS: dict[Table, dict[str, Any]] = {
    table_of(AuditAccess): {"method": "GET", "path": "/", "status": 200, "duration_us": 1, "bytes_out": 2},
    table_of(AuditChange): {
        "source": "hook",
        "action": "create",
        "entity": "task",
        "entity_id": "1",
        "changes": {},
        "redaction_version": "x",
    },
}
"""The columns that each log needs besides."""


@pytest.fixture
def empty(backend: Backend, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a database without tables."""
    name = f"test_{uuid4().hex}"
    yield settings_for(backend.create(name), tmp_path)
    backend.drop(name)


def run(settings: Settings, work: Callable[[Connection], Any]) -> Any:
    """The result of `work`, committed."""

    async def run_there() -> Any:
        engine = create_engine(settings)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return in_a_thread(run_there)


def old(log: Table) -> Any:
    """The columns of a log before its callers moved."""
    own = [column(each.name, each.type) for each in log.columns]
    return table(log.name, *own, column("ip"), column("user_agent"))


def add_old_entries(connection: Connection) -> None:
    for log, own in LOGS.items():
        rows = [{"at": AT, "request_id": "r", **own, **dict(zip(TOLD, caller, strict=True))} for caller in CALLERS]
        connection.execute(insert(old(log)), rows)


def read_old_entries(connection: Connection) -> list[list[tuple[Any, ...]]]:
    selects = [select(*(log.c[name] for name in TOLD)).order_by(log.c.id) for log in map(old, LOGS)]
    return [[tuple(row) for row in connection.execute(each)] for each in selects]


def read_entries(connection: Connection) -> list[list[dict[str, Any]]]:
    selects = [select_with_callers(log).order_by(log.c.id) for log in LOGS]
    return [[dict(row._mapping) for row in connection.execute(each)] for each in selects]


def read_callers(connection: Connection) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(select(table_of(AuditCaller)))]


def test_callers_move_out_of_the_logs_and_back(empty: Settings) -> None:
    command.upgrade(migrations.config(empty), BEFORE_CALLERS)
    run(empty, add_old_entries)

    migrations.upgrade(empty)
    for entries in run(empty, read_entries):
        assert [tuple(entry[name] for name in TOLD) for entry in entries] == CALLERS
        assert {(entry["stored_at"], entry["format"]) for entry in entries} == {(AT, 1)}
        assert [entry["caller_id"] is None for entry in entries] == [False] * 5 + [True]
    for caller in run(empty, read_callers):
        told = {name: caller[name] for name in ("user_id", "name", "ip", "user_agent")}
        assert commitment(caller["salt"], told) == caller["id"]
    assert {caller["user_id"] for caller in run(empty, read_callers)} == {USER, OWNER, None}

    command.downgrade(migrations.config(empty), BEFORE_CALLERS)
    assert run(empty, read_old_entries) == [CALLERS] * 2


def test_names_and_reasons_move_out_of_policy_versions(empty: Settings) -> None:
    command.upgrade(migrations.config(empty), BEFORE_UNNAMED_VERSIONS)
    versions = table_of(PolicyVersion)
    terms = {"user_id": str(USER), "valid_until": None}
    effect = {"user_id": str(USER), "gained": ["tasks:read"], "lost": []}
    stored: dict[str, Any] = {
        "changes": [
            {"entity": "user_role", "id": "1", "old": None, "new": {**terms, "reason": "for Carla"}},
            {"entity": "role", "id": "2", "old": {"is_active": True}, "new": {"is_active": False}},
        ],
        "effects": [{**effect, "username": "ann"}],
    }
    row = {"id": 1, "at": AT, "request_id": "r", "actor_kind": "system", **stored}
    run(empty, lambda connection: connection.execute(insert(versions), row))

    migrations.upgrade(empty)

    (found,) = run(empty, lambda connection: connection.execute(select(versions)).all())
    assert found.effects == [effect]
    assert found.changes == [{**stored["changes"][0], "new": terms}, stored["changes"][1]]
    with pytest.raises(DBAPIError, match="can only be added to"):
        run(empty, lambda connection: connection.execute(versions.update().values(request_id="x")))


def add_old_attempts(connection: Connection) -> None:
    """Two attempts from one place, of which one succeeded; one of an unknown name; and one from nowhere."""
    user = User(id=USER, username="ann", email="ann@example.com", password_hash="x")
    given = {each.name: user.__dict__[each.name] for each in own_columns(table_of(User))}
    old = {name: value for name, value in given.items() if value is not None}  # columns of later have none
    connection.execute(insert(table_of(User)), old)
    places = [(USER, True, "192.0.2.1"), (USER, False, "192.0.2.1"), (None, False, "192.0.2.1"), (None, False, None)]
    log = table(
        "login_attempt",
        *(column(name) for name in ("request_id", "ip", "is_successful")),
        *(
            column(each.name, each.type)
            for each in table_of(LoginAttempt).columns
            if each.name in ("id", "at", "user_id")
        ),
    )
    rows = [
        {"id": uuid4(), "at": AT, "request_id": str(n), "user_id": user_id, "is_successful": is_successful, "ip": ip}
        for n, (user_id, is_successful, ip) in enumerate(places)
    ]
    connection.execute(insert(log), rows)


def read_attempts(connection: Connection) -> list[tuple[Any, ...]]:
    attempts, callers = table_of(LoginAttempt), table_of(AuditCaller)
    called = attempts.outerjoin(callers, attempts.c.caller_id == callers.c.id)
    told = select(callers.c.user_id, callers.c.name, callers.c.ip).select_from(called).order_by(attempts.c.request_id)
    return [tuple(row) for row in connection.execute(told)]


def read_old_attempts(connection: Connection) -> list[Any]:
    log = table("login_attempt", column("ip"), column("request_id"))
    return list(connection.execute(select(log.c.ip).order_by(log.c.request_id)).scalars())


def test_addresses_move_out_of_the_login_log_and_back(empty: Settings) -> None:
    command.upgrade(migrations.config(empty), BEFORE_LOGIN_CALLERS)
    run(empty, add_old_attempts)

    migrations.upgrade(empty)
    assert run(empty, read_attempts) == [
        (USER, "ann", "192.0.2.1"),
        (USER, None, "192.0.2.1"),
        (None, None, "192.0.2.1"),
        (None, None, None),
    ]
    for caller in run(empty, read_callers):
        told = {name: caller[name] for name in ("user_id", "name", "ip", "user_agent")}
        assert commitment(caller["salt"], told) == caller["id"]
    with pytest.raises(DBAPIError, match="can only be added to"):
        run(empty, lambda connection: connection.execute(table_of(LoginAttempt).update().values(request_id="x")))

    command.downgrade(migrations.config(empty), BEFORE_LOGIN_CALLERS)
    assert run(empty, read_old_attempts) == [*["192.0.2.1"] * 3, None]


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_a_log_that_was_migrated_can_still_only_be_added_to(empty: Settings, log: Table) -> None:
    """A table that is made anew loses its triggers."""
    command.upgrade(migrations.config(empty), BEFORE_CALLERS)
    run(empty, add_old_entries)
    migrations.upgrade(empty)

    with pytest.raises(DBAPIError, match="can only be added to"):
        run(empty, lambda connection: connection.execute(log.update().values(request_id="x")))
    with pytest.raises(DBAPIError, match="can only be added to"):
        run(empty, lambda connection: connection.execute(log.delete()))


OLD_NAMES = table(
    "brand",
    column("id", table_of(Brand).c.id.type),
    *(column(name, table_of(Brand).c[name].type) for name in ("created_at", "updated_at", "deleted_at")),
    column("version"),
    column("name"),
)


def add_old_brands(connection: Connection, names: dict[int, str], deleted: frozenset[int] = frozenset()) -> None:
    """Brands of before, by the number of their ids."""
    rows = [
        {"id": UUID(int=number), "created_at": AT, "updated_at": AT, "version": 1, "name": name}
        | {"deleted_at": AT if number in deleted else None}
        for number, name in names.items()
    ]
    connection.execute(insert(OLD_NAMES), rows)


def test_stored_names_are_folded_and_back(empty: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "ROWS_AT_ONCE", 2)
    command.upgrade(migrations.config(empty), BEFORE_FOLDED_NAMES)
    names = {1: "ACME", 2: "Stra\u00dfe", 3: "Cafe\u0301", 4: "\u0130zmir", 5: "ＡＣＭＥ"}
    run(empty, lambda connection: add_old_brands(connection, names, deleted=frozenset({5})))

    migrations.upgrade(empty)

    brands = table_of(Brand)
    rows = run(empty, lambda connection: connection.execute(select(brands).order_by(brands.c.id)).all())
    assert [row.name for row in rows] == list(names.values())
    assert [row.name_folded for row in rows] == ["acme", "strasse", "caf\u00e9", "i\u0307zmir", "acme"]
    with pytest.raises(IntegrityError):
        run(empty, lambda connection: connection.execute(insert(brands), {**rows[0]._mapping, "id": uuid4()}))
    entries = select(table_of(AuditChange).c.id)
    assert run(empty, lambda connection: connection.execute(entries).all()) == [], "no value was changed"

    command.downgrade(migrations.config(empty), BEFORE_FOLDED_NAMES)
    left = run(empty, lambda connection: connection.execute(select(OLD_NAMES.c.name).order_by(OLD_NAMES.c.id)).all())
    assert [row.name for row in left] == list(names.values())


def test_names_that_become_one_stop_the_migration(empty: Settings) -> None:
    command.upgrade(migrations.config(empty), BEFORE_FOLDED_NAMES)
    names = {1: "Caf\u00e9", 2: "Cafe\u0301", 3: "other", 4: "ＡＣＭＥ", 5: "Acme"}
    run(empty, lambda connection: add_old_brands(connection, names))

    with pytest.raises(unique_migrations.NotUnique) as refusal:
        migrations.upgrade(empty)

    pairs = [f"{UUID(int=one)} = {UUID(int=other)}" for one, other in ((1, 2), (4, 5))]
    assert str(refusal.value).startswith("brand.name ")
    assert all(pair in str(refusal.value) for pair in pairs)
    assert "Caf" not in str(refusal.value)
    left = run(empty, lambda connection: connection.execute(select(OLD_NAMES.c.name)).all())
    assert len(left) == len(names), "everything is as it was"


def test_a_new_unique_field_of_a_stored_table_is_folded_by_its_migration() -> None:
    brands = table_of(Brand)
    (index,) = [index for index in brands.indexes if UNIQUE_KEY in index.info]
    found = ModifyTableOps("brand", [AddColumnOp.from_column(brands.c.name_folded), CreateIndexOp.from_index(index)])

    moved = unique_migrations.move_unique_out(found, brands)

    assert found.ops == []
    context = AutogenContext(MigrationContext.configure(dialect_name="sqlite"))
    assert [render_op(context, each) for each in moved] == [
        ["op.make_unique('brand', 'name')  # type: ignore[attr-defined]  # our own operation"]
    ]
