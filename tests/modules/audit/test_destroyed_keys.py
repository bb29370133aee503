"""The keys of people go one way only: by a unit of work that leaves an entry for each, which no other program can."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from app.core.clock import new_id, now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import AnyRow
from app.modules.audit.changes.write_guard import UnauditedWrite
from app.modules.audit.models import AuditSubjectKey
from tests.core.db.rows import count
from tests.modules.audit.entries import change_entries
from tests.modules.audit.erasure import destroy_keys
from tests.modules.audit.master_keys import add_customer, change_by_sql, keys_table, wrapped_keys
from tests.people import SignedInAs


async def keys_of(database: Database, person: UUID) -> list[AnyRow]:
    return [row for row in await wrapped_keys(database) if row.subject_id == person]


async def test_a_key_that_is_destroyed_leaves_an_entry(database: Database, signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as(superuser=True)
    customer = await add_customer(auditor)
    (key,) = await keys_of(database, UUID(customer))

    await destroy_keys(database, UUID(customer))

    assert await keys_of(database, UUID(customer)) == []
    (entry,) = (await auditor.get("/audit/changes?entity=audit_subject_key")).json()["items"]
    assert (entry["action"], entry["entity_id"], entry["actor_name"]) == ("delete", str(key.id), "erase")
    assert entry["changes"]["subject_id"] == {"old": customer, "new": None}
    assert set(entry["changes"]["wrapped_key"]["old"]) == {"$secret"}, "not even wrapped"


async def add_keys(database: Database, person: UUID, number: int) -> None:
    rows = [AuditSubjectKey(subject_id=person, wrapped_key=b"wrapped", created_at=now()) for _ in range(number)]
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        session.add_all(rows)


@pytest.mark.parametrize("number", [1, 20])
async def test_any_number_of_keys_is_destroyed_at_once(database: Database, job: RequestContext, number: int) -> None:
    person = new_id()
    await add_keys(database, person, number)
    assert await change_entries(database, job, "audit_subject_key") == [], "what is added leaves none"

    await destroy_keys(database, person)

    assert len(await change_entries(database, job, "audit_subject_key")) == number
    assert await count(database, job, AuditSubjectKey) == 0


@pytest.mark.parametrize("column", ["subject_id", "created_at"])
async def test_a_key_is_not_given_to_another_person(database: Database, job: RequestContext, column: str) -> None:
    await add_keys(database, new_id(), 1)
    async with database.unit_of_work(job) as session:
        key = (await session.execute(select(AuditSubjectKey))).scalar_one()
        setattr(key, column, {"subject_id": new_id(), "created_at": now()}[column])
        with pytest.raises(UnauditedWrite, match="audit_subject_key"):
            await session.flush()
        session.expunge_all()


ATTACKS: list[Any] = [
    delete(keys_table),
    text("REPLACE INTO audit_subject_key SELECT * FROM audit_subject_key"),
    text("TRUNCATE audit_subject_key"),
    update(keys_table).values(subject_id=new_id()),
]


@pytest.mark.parametrize("statement", ATTACKS, ids=str)
async def test_no_other_program_destroys_a_key(database: Database, statement: Any) -> None:
    """What was recorded of another key does not help."""
    destroyed, kept = new_id(), new_id()
    for person in (destroyed, kept):
        await add_keys(database, person, 1)
    await destroy_keys(database, destroyed)

    with pytest.raises(DBAPIError):
        await change_by_sql(database, statement)

    assert len(await keys_of(database, kept)) == 1
