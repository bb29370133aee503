"""The change log: complete, atomic, typed, and without secrets."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.derived import own_columns
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.modules.audit.changes.place import Place
from app.modules.audit.changes.redaction_rules import UndeclaredRedaction, redaction_version, redactions
from app.modules.audit.changes.secret_digest import secret_digest
from app.modules.audit.entries import canonical
from app.modules.sessions.models import AuthSession, SessionUse
from app.modules.tasks.models import Task, TaskPriority, TaskStatus
from app.modules.users import User
from tests.core.db.rows import count
from tests.modules.audit.entries import add_task, change_entries
from tests.modules.audit.erasure import destroy_keys
from tests.people import PASSWORD_HASH


async def test_create_update_delete_tell_everything(database: Database, job: RequestContext) -> None:
    task = await add_task(database, job, priority=TaskPriority.high)
    async with database.unit_of_work(job) as session:
        found = (await session.execute(select(Task))).scalar_one()
        found.title, found.status = "second", TaskStatus.done
    async with database.unit_of_work(job) as session:
        session.remove((await session.execute(select(Task))).scalar_one())

    create, change, gone = await change_entries(database, job, "task")

    assert [row.action for row in (create, change, gone)] == ["create", "update", "delete"]
    assert {row.entity_id for row in (create, change, gone)} == {str(task.id)}
    assert create.changes["priority"] == {"new": "high"}
    assert set(create.changes) == {column.name for column in own_columns(table_of(Task))}
    assert change.changes["title"] == {"old": "first", "new": "second"}
    assert change.changes["status"] == {"old": "todo", "new": "done"}
    assert set(change.changes) == {"title", "status", "version", "updated_at"}
    assert gone.changes["title"] == {"old": "second"}
    assert (create.actor_kind, create.actor_name, create.source) == ("system", "test", "hook")
    assert create.redaction_version == redaction_version()
    assert create.xid is None if database.is_sqlite else create.xid > 0


async def test_a_value_that_the_database_would_compute_is_refused(database: Database, job: RequestContext) -> None:
    """What is recorded is known before it is written."""
    await add_task(database, job, title="ab")
    async with database.unit_of_work(job) as session:
        task = (await session.execute(select(Task))).scalar_one()
        with pytest.raises(TypeError, match="computes"):
            task.title = table_of(Task).c.title + "c"


async def test_every_row_of_a_flush_leaves_an_entry(database: Database, job: RequestContext) -> None:
    async with database.unit_of_work(job) as session:
        session.add_all([Task(title=f"t{n}") for n in range(40)])

    found = await change_entries(database, job, "task")

    assert sorted(row.changes["title"]["new"] for row in found) == sorted(f"t{n}" for n in range(40))
    assert len({row.xid for row in found}) == 1


async def test_bookkeeping_leaves_the_audited_row_and_its_entries_alone(
    database: Database, job: RequestContext
) -> None:
    async with database.unit_of_work(job) as session:
        user = User(username="use", email="use@example.com", password_hash=PASSWORD_HASH)
        row = AuthSession(user_id=user.id, seed=b"seed", expires_at=now())
        session.add_all([user, row, SessionUse(id=row.id)])
    async with database.unit_of_work(job) as session:
        (await session.execute(select(SessionUse))).scalar_one().counter = 7

    found = await change_entries(database, job, "auth_session")

    assert [entry.action for entry in found] == ["create"]
    assert set(found[0].changes) == set(redactions(AuthSession)), "every column is recorded"
    digest = secret_digest(database.keys.secret_digest, Place("auth_session", found[0].entity_id, "seed"), b"seed")
    assert found[0].changes["seed"] == {"new": {"$secret": digest}}
    assert await change_entries(database, job, "auth_session_use") == []
    async with database.unit_of_work(job) as session:
        (stored, use), *_ = await session.all(select(AuthSession, SessionUse))
        assert (stored.version, stored.updated_at, use.counter) == (1, row.updated_at, 7)
        session.remove(stored)
    assert await count(database, job, SessionUse) == 0, "it goes with its row"


async def test_personal_values_are_encrypted_and_decrypted_for_readers(database: Database, job: RequestContext) -> None:
    from app.modules.audit.schemas import ChangeQuery  # noqa: PLC0415  # only here
    from app.modules.audit.service import ChangeService  # noqa: PLC0415  # only here

    async with database.unit_of_work(job) as session:
        session.add(User(username="per", email="canary@example.com", first_name="Canary", password_hash=PASSWORD_HASH))

    stored = (await change_entries(database, job, "user"))[0]
    service = ChangeService(database.read_session(job))
    opened = (await service.page(ChangeQuery(entity="user"))).items[0]

    assert "anary" not in str(stored.changes)
    assert set(stored.changes["email"]["new"]) == {"$personal", "$key"}
    assert stored.changes["last_name"] == {"new": None}
    assert opened["changes"]["email"] == {"old": None, "new": "canary@example.com"}

    await destroy_keys(database, UUID(stored.entity_id))
    erased = (await service.page(ChangeQuery(entity="user"))).items[0]
    assert erased["changes"]["email"]["new"] == {"$erased": True}
    assert erased["changes"]["username"]["new"] == {"$erased": True}
    assert erased["changes"]["is_active"]["new"] is True

    async with database.unit_of_work(job) as session:
        (await session.execute(select(User))).scalar_one().first_name = "Later"
    later, before = (await service.page(ChangeQuery(entity="user"))).items
    assert later["changes"]["first_name"] == {"old": "Canary", "new": "Later"}
    assert before["changes"]["email"]["new"] == {"$erased": True}, "a new key does not touch what was erased"


def test_an_undeclared_secret_stops_the_start() -> None:
    class Leaky(Entity):
        __tablename__ = "leaky"

    from sqlalchemy import Column, LargeBinary, MetaData, String, Table  # noqa: PLC0415  # only here

    from app.modules.audit.changes.redaction_rules import redaction_of  # noqa: PLC0415  # only here

    table = Table("leaky", MetaData(), Column("api_token", String), Column("blob", LargeBinary), Column("name", String))

    for name in ("api_token", "blob"):
        with pytest.raises(UndeclaredRedaction, match=name):
            redaction_of(table.c[name])
    assert redaction_of(table.c.name).treatment == "plain"


def test_values_have_one_canonical_encoding() -> None:
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
            '{"at":"2026-01-02T03:04:05.000000Z","flag":true,"id":"00000000-0000-0000-0000-000000000001",'
            '"list":[1,{"a":"0.5"}],"money":"1.10","number":1152921504606846976,"raw":"AA==",'
            '"status":"todo","text":"é"}'
        ).encode()
    )
    with pytest.raises(TypeError):
        canonical.canonical_value(object())


async def test_a_stored_entry_encodes_to_the_same_bytes_as_when_it_was_made(
    database: Database, job: RequestContext
) -> None:
    """A hash of an entry must not depend on the database that stored it."""
    task = await add_task(database, job, title="Ünïcode \U0001f600", due_date=now().date())

    stored = (await change_entries(database, job, "task"))[0]

    expected = {name: {"new": getattr(task, name)} for name in redactions(Task)}
    assert canonical.encode(stored.changes) == canonical.encode(expected)


def test_every_audited_column_has_a_redaction() -> None:
    assert redactions(User)["password_hash"].treatment == "secret"
    assert redactions(User)["email"].treatment == "personal"
    assert redactions(AuthSession)["seed"].treatment == "secret"
    assert len(redaction_version()) == 16
