"""Verification finds a caller who was exchanged: entries have an id that was made of the name and the address."""

from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, select

from app.core.clock import new_id, now
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.models import AuditCaller
from app.modules.audit.sealer.logs import Log
from app.modules.audit.verifier.command import verify_logs
from app.modules.audit.verifier.findings import Verdict
from tests.modules.audit.entries import access_entries
from tests.modules.audit.sealer.sealed import read_all, run_sql, seal_all, sealed_ids, sealer_of
from tests.people import SignedInAs
from tests.roles import open_as

callers = table_of(AuditCaller)
FORGED: dict[str, dict[str, Any]] = {
    "the name": {"name": "somebody else"},
    "the address": {"ip": "192.0.2.99"},
    "no address": {"ip": None},
    "the user agent": {"user_agent": "another browser"},
    "the person": {"user_id": new_id()},
    "the salt": {"salt": bytes(16)},
}


async def find(database: Database) -> list[tuple[Verdict, list[tuple[str, str, int | None]]]]:
    """The verdict of each log, with its findings."""
    reports, _ = await verify_logs(database, [], [], 1)
    return [(each.verdict, [(found.kind, found.detail, found.seq) for found in each.findings]) for each in reports]


@pytest.fixture
async def person(app: FastAPI, database: Database, signed_in_as: SignedInAs) -> UUID:
    """A person with two sealed changes, and the sealed requests that made them."""
    person = await signed_in_as("tasks:create")
    for title in ("one", "two"):
        assert (await person.post("/tasks", {"title": title})).status_code == 201
    await access_entries(app)
    for log in Log:
        await seal_all(sealer_of(database), log)
    return person.id


async def first_places(database: Database, log: Log, ids: set[UUID]) -> list[tuple[int, int]]:
    """The place and the number of the first entry of a log that names each of these callers."""
    rows = await read_all(database, select(log.table).where(log.table.c.caller_id.is_not(None)))
    caller_of, first = {row.id: row.caller_id for row in rows}, dict[UUID, tuple[int, int]]()
    for seq, number in enumerate(await sealed_ids(database, log), 1):
        if caller_of.get(number) in ids:
            first.setdefault(caller_of[number], (seq, number))
    return list(first.values())


@pytest.mark.parametrize("what", FORGED)
async def test_an_exchanged_caller_is_found_in_both_logs(database: Database, person: UUID, what: str) -> None:
    own = callers.c.user_id == person
    rows = [dict(row._mapping) for row in await read_all(database, select(callers).where(own))]
    forged = [{**row, **FORGED[what]} for row in rows]
    await run_sql(database, delete(callers).where(own), callers.insert().values(forged))
    ids = {row["id"] for row in rows}

    changes, access = await find(database)

    for (verdict, findings), log, noun in ((changes, Log.changes, "change"), (access, Log.access, "access entry")):
        places = await first_places(database, log, ids)
        assert places
        assert verdict is Verdict.forged
        assert findings == [
            ("caller", f"the caller of {noun} {number} is not the one that was sealed", seq) for seq, number in places
        ]


async def test_one_that_no_entry_names_is_found(database: Database, person: UUID) -> None:
    values = {"id": new_id(), "salt": bytes(16), "user_id": person, "name": "another", "created_at": now()}
    await run_sql(database, callers.insert().values(values))

    changes, access = await find(database)

    assert changes == (
        Verdict.forged,
        [("caller", "callers that no entry here names, and that are not the ones of their ids: 1", None)],
    )
    assert access == (Verdict.intact, [])


async def test_callers_as_they_were_and_forgotten_ones_are_no_forgery(database: Database, person: UUID) -> None:
    assert await find(database) == [(Verdict.intact, []), (Verdict.intact, [])]

    await run_sql(database, delete(callers).where(callers.c.user_id == person))

    assert await find(database) == [(Verdict.intact, []), (Verdict.intact, [])]


async def test_who_may_not_read_callers_cannot_tell(database: Database, person: UUID) -> None:
    if database.settings.is_sqlite:
        pytest.skip("SQLite has no roles")

    reports, obstacles = await verify_logs(open_as(database, "sealer"), [], [], 1)

    assert obstacles == ["this user of the database may not read the callers: run `python -m app roles`"]
    assert [each.verified for each in reports] == [each.size for each in reports]
