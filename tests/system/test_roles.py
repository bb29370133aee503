"""The roles of the database: each can do its work and nothing else."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db import migrations
from app.core.db.append_only import append_only_models
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.entity import DatabaseRole
from app.core.db.roles import OWNER, REVISIONS, ROLES, apply_roles, privileges
from app.modules.audit.sealer.logs import Log
from app.modules.audit.verifier.command import verify
from tests.databases import Backend, Postgresql, in_a_thread
from tests.fixtures.databases import settings_for
from tests.modules.audit.entries import add_task
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.roles import as_owner, as_role, create_logins, open_as
from tests.system.test_cli import Command, command

__all__ = ["command"]

only_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)

RIGHTS = """
SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants
WHERE grantee IN ('attest_app', 'attest_sealer', 'attest_auditor') AND table_schema = 'public'"""
ATTACKS = {
    "change an entry": "UPDATE audit_change SET actor_name = 'x'",
    "remove an entry": "DELETE FROM audit_access",
    "truncate": "TRUNCATE audit_change",
    "disable the triggers": "ALTER TABLE audit_change DISABLE TRIGGER ALL",
    "drop a trigger": "DROP TRIGGER audit_change_append_only ON audit_change",
    "replace the function": "CREATE OR REPLACE FUNCTION audit_change_append_only() RETURNS trigger LANGUAGE plpgsql"
    " AS $$ BEGIN RETURN NULL; END $$",
    "suspend all triggers": "SET session_replication_role = replica",
    "become the owner": f"SET ROLE {OWNER}",
    "add a table": "CREATE TABLE mine (id int)",
}
OF_ROLES: list[tuple[DatabaseRole, str]] = [
    ("app", "INSERT INTO audit_run SELECT * FROM audit_run"),
    ("app", "UPDATE audit_seal SET epoch = 9"),
    ("app", "DELETE FROM audit_tile"),
    ("app", "UPDATE audit_subject_key SET subject_id = id"),
    ("app", "UPDATE audit_caller SET name = 'another'"),
    ("sealer", "INSERT INTO audit_change SELECT * FROM audit_change"),
    ("sealer", "SELECT * FROM audit_subject_key"),
    ("sealer", 'SELECT * FROM "user"'),
    ("sealer", "UPDATE audit_checkpoint SET size = 1"),
    ("auditor", "SELECT * FROM audit_subject_key"),
    ("auditor", "UPDATE audit_caller SET name = 'another'"),
    ("auditor", 'SELECT password_hash FROM "user"'),
    ("auditor", "INSERT INTO audit_run SELECT * FROM audit_run"),
]


async def execute(settings: Settings, sql: str) -> list[Any]:
    """The rows of a statement, whose work is undone."""
    async with create_engine(settings).connect() as connection:
        found = await connection.execute(text(sql))
        return list(found.all()) if found.returns_rows else []


@only_postgresql
@pytest.mark.parametrize("role", ["app", "sealer", "auditor"])
@pytest.mark.parametrize("sql", ATTACKS.values(), ids=ATTACKS)
async def test_no_role_gets_past_the_triggers(settings: Settings, role: DatabaseRole, sql: str) -> None:
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner|can only be added to"):
        await execute(as_role(settings, role), sql)


@only_postgresql
@pytest.mark.parametrize(("role", "sql"), OF_ROLES)
async def test_a_role_cannot_do_the_work_of_another(settings: Settings, role: DatabaseRole, sql: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        await execute(as_role(settings, role), sql)


@only_postgresql
async def test_rights_are_those_of_the_models(settings: Settings) -> None:
    found = {tuple(row)[:3] for row in await execute(as_owner(settings), RIGHTS)}

    expected = {
        (f"attest_{role}", table, verb)
        for role in ("app", "sealer", "auditor")
        for table, verbs in privileges(role).items()
        for verb in verbs
        if "(" not in verb and not table.endswith("_of_a_test")
    }
    assert found == expected


def test_every_table_is_covered() -> None:
    """Also that of a module which is not written yet: what is no log is of the application."""
    assert privileges("app").keys() == {REVISIONS, *SQLModel.metadata.tables}
    logs = append_only_models()
    assert {table for table, verbs in privileges("app").items() if "UPDATE" in verbs} & logs.keys() == set()
    assert not any(privileges("sealer").get(name) for name in ("user", "customer", "audit_subject_key"))


@only_postgresql
async def test_the_sealer_seals_and_the_auditor_verifies(database: Database, job: RequestContext) -> None:
    await add_task(database, job)
    sealer = sealer_of(database)
    for log in Log:
        await seal_all(sealer, log)

    result = await verify(open_as(database, "auditor"))

    assert result.exit_code == 0, result.lines


@pytest.fixture
def fresh(backend: Backend, tmp_path: Any) -> Iterator[Settings]:
    """An empty database."""
    name = f"test_roles_{id(tmp_path)}"
    yield settings_for(backend.create(name), tmp_path)
    backend.drop(name)


@only_postgresql
def test_roles_twice_from_many_processes(fresh: Settings) -> None:
    migrations.upgrade(fresh)

    async def apply_at_once() -> list[Any]:
        return await asyncio.gather(*(apply_roles(fresh) for _ in range(4)))

    results = in_a_thread(apply_at_once)

    assert all(lines[1:] == results[0][1:] for lines in results)
    owners = in_a_thread(
        lambda: execute(fresh, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    )
    assert [tuple(row) for row in owners] == [(OWNER,)]


@only_postgresql
def test_a_later_migration_runs_as_the_owner_and_covers_its_tables(fresh: Settings, backend: Postgresql) -> None:
    from alembic import command as alembic  # noqa: PLC0415  # slow to import

    migrations.upgrade(fresh)
    create_logins(fresh, backend.run)
    alembic.downgrade(migrations.config(fresh), "base")
    migrations.upgrade(fresh)

    owners = in_a_thread(lambda: execute(fresh, "SELECT DISTINCT tableowner FROM pg_tables WHERE tablename = 'task'"))
    assert [tuple(row) for row in owners] == [(OWNER,)]
    in_a_thread(lambda: execute(as_role(fresh, "app"), "UPDATE task SET title = 'x'"))


@only_postgresql
def test_an_empty_database_is_refused(fresh: Settings, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.settings", lambda: fresh)

    result = command("roles")

    assert result.exit_code == 1
    assert "migrate" in result.stderr


def test_the_command(settings: Settings, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.settings", lambda: as_owner(settings))

    result = command("roles")

    if settings.is_sqlite:
        assert (result.exit_code, result.stderr) == (2, "Refused: SQLite has no roles\n")
    else:
        assert result.exit_code == 0, result.output
        assert "attest_auditor: SELECT on" in result.stdout
        assert ROLES[0] in result.stdout


@only_postgresql
def test_the_application_may_not_apply_them(settings: Settings, command: Command) -> None:
    assert command("roles").exit_code == 1
