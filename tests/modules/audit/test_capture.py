"""Change rows: complete, atomic, typed, and without what is nobody's business."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from app.core.clock import new_id, now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.core.db.session import AnyRow
from app.modules.audit.changes import canonical
from app.modules.audit.changes.redaction_rules import UndeclaredSecret, redaction_version, redactions
from app.modules.audit.changes.write_guard import UnauditedWrite, written_tables
from app.modules.audit.models import AuditAccess, AuditChange, AuditSubjectKey
from app.modules.sessions.models import AuthSession
from app.modules.tasks.models import Task, TaskPriority, TaskStatus
from app.modules.users import User
from tests.people import PASSWORD_HASH

changes_table = table_of(AuditChange)


async def rows(database: Database, job: RequestContext, entity: str) -> list[AnyRow]:
    statement = select(changes_table).where(changes_table.c.entity == entity).order_by(changes_table.c.id)
    return list(await database.read_session(job).all(statement))


async def planted(database: Database, job: RequestContext, **values: Any) -> Task:
    async with database.unit_of_work(job) as session:
        task = Task(**{"title": "first", **values})
        session.add(task)
    return task


async def test_create_update_delete_tell_everything(database: Database, job: RequestContext) -> None:
    task = await planted(database, job, priority=TaskPriority.high)
    async with database.unit_of_work(job) as session:
        found = (await session.execute(select(Task))).scalar_one()
        found.title, found.status = "second", TaskStatus.done
    async with database.unit_of_work(job) as session:
        await session.delete((await session.execute(select(Task))).scalar_one())

    create, change, gone = await rows(database, job, "task")

    assert [row.action for row in (create, change, gone)] == ["create", "update", "delete"]
    assert {row.entity_id for row in (create, change, gone)} == {str(task.id)}
    assert create.changes["priority"] == {"new": "high"}
    assert set(create.changes) == set(Task.model_fields)
    assert change.changes["title"] == {"old": "first", "new": "second"}
    assert change.changes["status"] == {"old": "todo", "new": "done"}
    assert set(change.changes) == {"title", "status", "version", "updated_at"}
    assert gone.changes["title"] == {"old": "second"}
    assert (create.actor_kind, create.actor_name, create.source) == ("system", "test", "hook")
    assert create.redaction_version == redaction_version()
    assert create.xid is None if database.is_sqlite else create.xid > 0


async def test_a_value_the_session_does_not_know_is_read_before_it_is_lost(
    database: Database, job: RequestContext
) -> None:
    await planted(database, job, description="old words")
    async with database.unit_of_work(job) as session:
        task = (await session.execute(select(Task))).scalar_one()
        session.sync_session.expire(task, ["description"])
        task.description = "new words"

    change = (await rows(database, job, "task"))[-1]

    assert change.changes["description"] == {"old": "old words", "new": "new words"}


async def test_a_value_only_the_database_computes_is_recorded(database: Database, job: RequestContext) -> None:
    await planted(database, job, title="ab")
    async with database.unit_of_work(job) as session:
        task = (await session.execute(select(Task))).scalar_one()
        task.title = table_of(Task).c.title + "c"  # type: ignore[assignment]  # an SQL expression, on purpose

    change = (await rows(database, job, "task"))[-1]

    assert change.changes["title"] == {"old": "ab", "new": "abc"}


async def test_many_rows_in_one_flush_all_leave_theirs(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        session.add_all([Task(title=f"t{n}") for n in range(40)])

    found = await rows(database, job, "task")

    assert sorted(row.changes["title"]["new"] for row in found) == sorted(f"t{n}" for n in range(40))
    assert len({row.xid for row in found}) == 1


async def test_what_is_omitted_makes_no_row(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        user = User(username="omit", email="omit@example.com", password_hash=PASSWORD_HASH)
        session.add(user)
        await session.flush()
        session.add(AuthSession(user_id=user.id, seed=b"seed", expires_at=now()))
    async with database.unit_of_work(job) as session:
        (await session.execute(select(AuthSession))).scalar_one().counter = 7

    found = await rows(database, job, "auth_session")

    assert [row.action for row in found] == ["create"]
    assert "counter" not in found[0].changes
    assert found[0].changes["seed"] == {"new": {"$secret": True}}


WRITES: list[Any] = [
    update(Task).values(title="bulk"),
    delete(Task),
    insert(Task).values(id=new_id(), title="x"),
    update(table_of(Task)).values(title="core"),
    delete(table_of(Task)),
    text("UPDATE task SET title = 'text'"),
    text("delete from Task"),
    text('INSERT INTO "task" (id) SELECT id FROM task'),
    text("WITH gone AS (SELECT 1) UPDATE task SET title = 'cte'"),
    text("/* quiet */ UPDATE /* very */ task SET title = 'comment'"),
    text("UPDATE\n\ttask\nSET title = 'space'"),
    text('update "main"."task" set title = 1'),
    update(User).values(is_superuser=True),
    text("UPDATE [task] SET title = 'bracket'"),
    text("UPDATE OR IGNORE task SET title = 'or'"),
    text("UPDATE main . task SET title = 'dot'"),
    text('UPDATE U&"\\\\0074ask" SET title = 1'),
    text("TRUNCATE login_attempt, user_role CASCADE"),
    text("COPY task FROM STDIN"),
    text("DROP TABLE task"),
    text('DELETE FROM"task"'),
    text('UPDATE"task"SET title = 1'),
    text("INSERT OR REPLACE INTO audit_change (id) VALUES (1)"),
    text("UPDATE audit_change SET actor_name = 'nobody'"),
    delete(AuditChange),
    delete(table_of(AuditAccess)),
]


@pytest.mark.parametrize("statement", WRITES, ids=str)
async def test_a_write_past_the_record_is_refused(database: Database, job: RequestContext, statement: Any) -> None:
    """Regression: bulk update invisible."""
    await planted(database, job)
    async with database.unit_of_work(job) as session:
        with pytest.raises(UnauditedWrite):
            await session.execute(statement)
        connection = await session.connection()
        with pytest.raises(UnauditedWrite):
            await connection.execute(statement)


async def test_a_driver_statement_is_refused_too(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        connection = await session.connection()
        with pytest.raises(UnauditedWrite):
            await connection.exec_driver_sql("UPDATE task SET title = 'raw'")


async def test_reading_connections_do_not_write(database: Database, job: RequestContext) -> None:
    await planted(database, job)
    async with database.readers.connect() as connection:
        with pytest.raises(UnauditedWrite):
            await connection.exec_driver_sql("UPDATE task SET title = 'raw'")


async def test_the_door_closes_again_after_a_flush_without_work(database: Database, job: RequestContext) -> None:
    await planted(database, job)
    async with database.unit_of_work(job) as session:
        task = (await session.execute(select(Task))).scalar_one()
        task.title = task.title
        await session.flush()
        with pytest.raises(UnauditedWrite):
            await session.execute(update(Task).values(title="bulk"))


@pytest.mark.parametrize("table", ["audit_change", "audit_access"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET request_id = 'x'", "DELETE FROM {}", "OVERWRITE"])
async def test_the_database_itself_keeps_the_record(
    database: Database, job: RequestContext, table: str, verb: str
) -> None:
    """Even around our own check, as another program would."""
    from app.core.db.engine import Database as Plain  # noqa: PLC0415  # without the capture

    if verb == "OVERWRITE":
        verb = "REPLACE INTO {} SELECT * FROM {}" if database.is_sqlite else "TRUNCATE {}"
    await planted(database, job)
    other = Plain(database.settings)
    async with other.engine.connect() as connection:
        if table == "audit_access":
            await connection.exec_driver_sql(
                "INSERT INTO audit_access (at, request_id, actor_kind, method, path, status, duration_us, bytes_out)"
                " VALUES (CURRENT_TIMESTAMP, 'r', 'system', 'GET', '/', 200, 1, 1)"
            )
        with pytest.raises(DBAPIError, match="can only be added to"):
            await connection.exec_driver_sql(verb.replace("{}", table))
    await other.dispose()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("SELECT 1", []),
        ("SELECT * FROM task FOR UPDATE", []),
        ("SELECT replace(a, 'x', 'y'), \"update\" FROM t", []),
        ("SELECT 'UPDATE t'", []),
        ("INSERT INTO a.b VALUES (1) ON CONFLICT DO UPDATE SET x = 1", [("insert into", "b")]),
        ("insert or replace into t values (1)", [("insert or replace into", "t")]),
        ("UPDATE OR IGNORE [t] SET x = 1", [("update or ignore", "t")]),
        ("UPDATE main . t SET x = 1", [("update", "t")]),
        ('UPDATE U&"\\0074" SET x = 1', [("update", "\\0074")]),
        ("TRUNCATE a, b CASCADE", [("truncate", "a")]),
        ("TRUNCATE TABLE ONLY t", [("truncate", "table")]),
        ("COPY t FROM STDIN", [("copy", "t")]),
        ('DELETE FROM"t"', [("delete from", "t")]),
        ('UPDATE"t"SET x=1', [("update", "t")]),
        (r"WITH a AS (SELECT E'\'') DELETE FROM t", [("delete from", "t")]),
        ("DO $$ BEGIN END $$", [("do", "")]),
        ("CALL anything()", [("call", "")]),
        ("UPDATE (SELECT 1)", [("update", "")]),
        ("MERGE INTO t USING s ON true WHEN MATCHED THEN DO NOTHING", [("merge into", "t")]),
        ("UPDATE ONLY t SET x = 1", [("update only", "t")]),
        (
            "WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM x",
            [("delete from", "t"), ("insert into", "u")],
        ),
        ("UPDATE -- why\n t SET x = 1", [("update", "t")]),
        ("SELECT '--' ; UPDATE t SET x = 1", [("update", "t")]),
    ],
)
def test_what_a_statement_writes(statement: str, found: list[tuple[str, str]]) -> None:
    assert list(written_tables(statement)) == found


async def test_personal_values_are_sealed_and_only_opened_for_readers(database: Database, job: RequestContext) -> None:
    from app.modules.audit.schemas import ChangeQuery  # noqa: PLC0415  # only here
    from app.modules.audit.service import ChangeService  # noqa: PLC0415  # only here

    async with database.unit_of_work(job) as session:
        session.add(User(username="per", email="canary@example.com", first_name="Canary", password_hash=PASSWORD_HASH))

    stored = (await rows(database, job, "user"))[0]
    service = ChangeService(database.read_session(job))
    opened = (await service.page(ChangeQuery(entity="user"))).items[0]

    assert "anary" not in str(stored.changes)
    assert set(stored.changes["email"]["new"]) == {"$personal", "$key"}
    assert stored.changes["last_name"] == {"new": None}
    assert opened["changes"]["email"] == {"old": None, "new": "canary@example.com"}

    await erase(database, job)
    erased = (await service.page(ChangeQuery(entity="user"))).items[0]
    assert erased["changes"]["email"]["new"] == {"$erased": True}
    assert erased["changes"]["username"]["new"] == "per"

    async with database.unit_of_work(job) as session:
        (await session.execute(select(User))).scalar_one().first_name = "Later"
    later, before = (await service.page(ChangeQuery(entity="user"))).items
    assert later["changes"]["first_name"] == {"old": "Canary", "new": "Later"}
    assert before["changes"]["email"]["new"] == {"$erased": True}, "a new key does not touch what was erased"


async def erase(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        await session.execute(delete(table_of(AuditSubjectKey)))


async def test_another_master_key_reads_nothing_and_breaks_nothing(database: Database, job: RequestContext) -> None:
    from dataclasses import replace  # noqa: PLC0415  # only here

    from app.modules.audit.schemas import ChangeQuery  # noqa: PLC0415  # only here
    from app.modules.audit.service import ChangeService  # noqa: PLC0415  # only here

    async with database.unit_of_work(job) as session:
        session.add(User(username="per", email="canary@example.com", password_hash=PASSWORD_HASH))
    reader = database.read_session(job)
    reader.keys = replace(database.keys, personal=bytes(32))

    opened = (await ChangeService(reader).page(ChangeQuery(entity="user"))).items[0]

    assert opened["changes"]["email"]["new"] == {"$unreadable": True}


def test_an_undeclared_secret_stops_the_start() -> None:
    class Leaky(Entity):
        __tablename__ = "leaky"

    from sqlalchemy import Column, LargeBinary, MetaData, String, Table  # noqa: PLC0415  # only here

    from app.modules.audit.changes.redaction_rules import redaction_of  # noqa: PLC0415  # only here

    table = Table("leaky", MetaData(), Column("api_token", String), Column("blob", LargeBinary), Column("name", String))

    for name in ("api_token", "blob"):
        with pytest.raises(UndeclaredSecret, match=name):
            redaction_of(table.c[name])
    assert redaction_of(table.c.name).treatment == "plain"


def test_values_are_typed_and_rows_have_one_encoding() -> None:
    raw = {
        "text": "é",
        "flag": True,
        "none": None,
        "number": 2**60,
        "money": Decimal("1.10"),
        "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "id": UUID(int=1),
        "raw": b"\x00",
        "status": TaskStatus.todo,
        "list": [1, {"a": 0.5}],
    }

    assert (
        canonical.encode(raw)
        == (
            '{"at":"2026-01-02T03:04:05.000000Z","flag":true,"format":1,"id":"00000000-0000-0000-0000-000000000001",'
            '"list":[1,{"a":"0.5"}],"money":"1.10","none":null,"number":1152921504606846976,"raw":"AA==",'
            '"status":"todo","text":"é"}'
        ).encode()
    )
    with pytest.raises(TypeError):
        canonical.canonical_value(object())


async def test_a_stored_row_encodes_to_the_same_bytes_as_when_it_was_made(
    database: Database, job: RequestContext
) -> None:
    """What a later seal hashes must not depend on the database that gave the row back."""
    task = await planted(database, job, title="Ünïcode \U0001f600", due_date=now().date())

    stored = (await rows(database, job, "task"))[0]

    expected = {name: {"new": getattr(task, name)} for name in Task.model_fields}
    assert canonical.encode(stored.changes) == canonical.encode(expected)


def test_every_audited_column_has_a_policy() -> None:
    assert redactions(User)["password_hash"].treatment == "secret"
    assert redactions(User)["email"].treatment == "personal"
    assert redactions(AuthSession)["seed"].treatment == "secret"
    assert len(redaction_version()) == 16
