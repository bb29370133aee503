"""Callers: what the entries of both logs tell of a person is in one place, which can be erased without them."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import IntegrityError

from app.core.clock import now
from app.core.context import Actor, RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.pruning import PruneRule
from app.core.db.session import Session
from app.modules.audit.entries.callers import MOST, SALT_BYTES, commitment, old_strangers
from app.modules.audit.models import AuditAccess, AuditCaller, AuditChange
from app.modules.tasks.models import Task
from tests.modules.audit.entries import access_entries, change_entries, stored_callers
from tests.modules.audit.erasure import forget_callers
from tests.modules.auth.calls import sign_in
from tests.people import SignedInAs

ADDRESS = "192.0.2.7"
"""The address of the client in tests."""


def caller_context(name: str = "ann", ip: str = ADDRESS) -> RequestContext:
    return RequestContext(actor=Actor("user", name=name), ip=ip, user_agent="curl")


async def add_tasks(database: Database, context: RequestContext, *titles: str) -> None:
    for title in titles:
        async with database.unit_of_work(context) as session:
            session.add(Task(title=title))


def test_the_logs_hold_nothing_personal_of_a_caller_themselves() -> None:
    for model in (AuditAccess, AuditChange):
        assert not {"ip", "user_agent"} & set(table_of(model).columns.keys())


async def test_a_caller_is_stored_once_for_all_changes(database: Database) -> None:
    context = caller_context()

    await add_tasks(database, context, "one", "two")
    await add_tasks(database, caller_context(), "three")
    await add_tasks(database, caller_context(ip="192.0.2.8"), "four")

    entries = await change_entries(database, context, "task")
    assert [(row.actor_name, row.ip, row.user_agent) for row in entries] == [
        *[("ann", ADDRESS, "curl")] * 3,
        ("ann", "192.0.2.8", "curl"),
    ]
    assert len(await stored_callers(database)) == 2


async def test_a_job_is_no_caller_and_keeps_its_name(database: Database, job: RequestContext) -> None:
    await add_tasks(database, job, "one")

    (entry,) = await change_entries(database, job, "task")
    assert (entry.caller_id, entry.actor_name) == (None, "test")
    assert await stored_callers(database) == []


async def add_twice(database: Database) -> None:
    async with database.unit_of_work(caller_context()) as session:
        await add_the_same_twice(session)


async def add_the_same_twice(session: Session) -> None:
    """Raises IntegrityError, after a change entry was written."""
    async with session.begin_nested():
        first = Task(title="first")
        session.add(first)
        await session.flush()
        session.add(Task(id=first.id, title="the same id"))


async def test_a_caller_of_a_transaction_that_failed_is_stored_by_the_next(database: Database) -> None:
    """Regression guard: an id that was rolled back must not be remembered."""
    with pytest.raises(IntegrityError):
        await add_twice(database)

    await add_tasks(database, caller_context(), "kept")

    (entry,) = await change_entries(database, caller_context(), "task")
    assert entry.ip == ADDRESS


async def test_a_caller_of_a_savepoint_that_failed_is_stored_by_the_next_flush(database: Database) -> None:
    async with database.unit_of_work(caller_context()) as session:
        with pytest.raises(IntegrityError):
            await add_the_same_twice(session)
        session.add(Task(title="kept"))
    await add_tasks(database, caller_context(), "later")

    entries = await change_entries(database, caller_context(), "task")
    assert [(row.changes["title"]["new"], row.ip) for row in entries] == [("kept", ADDRESS), ("later", ADDRESS)]


async def test_a_row_is_used_on_one_day_only(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it can be forgotten by its age."""
    await add_tasks(database, caller_context(), "today")
    tomorrow = now() + timedelta(days=1)
    monkeypatch.setattr("app.modules.audit.entries.callers.now", lambda: tomorrow)
    await add_tasks(database, caller_context(), "tomorrow")

    assert len({row.caller_id for row in await change_entries(database, caller_context(), "task")}) == 2


async def test_the_id_commits_to_the_values_and_tells_nothing_without_the_salt(database: Database) -> None:
    await add_tasks(database, caller_context(), "one")

    (row,) = await stored_callers(database)
    values = {name: row._mapping[name] for name in ("user_id", "name", "ip", "user_agent")}
    assert commitment(row.salt, values) == row.id
    assert commitment(row.salt, {**values, "ip": "192.0.2.8"}) != row.id
    assert commitment(bytes(SALT_BYTES), values) != row.id


async def test_an_erased_caller_is_unknown_and_the_entries_stay(app: FastAPI, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    auditor = await signed_in_as("audit:read")
    assert (await person.post("/tasks", {"title": "x"})).status_code == 201
    before = await change_entries(app.state.database, RequestContext(), "task")

    await forget_callers(app.state.database, person.id)

    (entry,) = (await auditor.get("/audit/changes?entity=task")).json()["items"]
    assert (entry["actor_id"], entry["actor_name"], entry["ip"], entry["user_agent"]) == (str(person.id), *[None] * 3)
    after = await change_entries(app.state.database, RequestContext(), "task")
    assert [row.caller_id for row in after] == [row.caller_id for row in before]
    assert (await auditor.get(f"/audit/changes?actor_id={person.id}")).json()["items"], "found by the id as before"


async def test_requests_are_found_by_the_address_of_their_caller(
    app: FastAPI, client: Any, signed_in_as: SignedInAs
) -> None:
    await client.get("/tasks")
    auditor = await signed_in_as("audit:read")

    found = (await auditor.get(f"/audit/access?ip={ADDRESS}&status=401")).json()["items"]
    assert [(row["ip"], row["status"]) for row in found] == [(ADDRESS, 401)]
    assert (await auditor.get("/audit/access?ip=198.51.100.1")).json()["items"] == []
    assert len({row.caller_id for row in await access_entries(app)}) < len(await access_entries(app))


@pytest.mark.parametrize("spelling", ["2001:db8::7", "2001:0DB8:0:0::7", "[2001:db8::7]"])
async def test_an_address_is_found_in_each_spelling(app: FastAPI, signed_in_as: SignedInAs, spelling: str) -> None:
    """Regression: only by the spelling in which it is stored."""
    auditor = await signed_in_as("audit:read", "users:read")
    transport = httpx.ASGITransport(app, client=("2001:db8::7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as stranger:
        await sign_in(stranger, "unknown-name")

    for log in ("/audit/access", "/auth/logins"):
        found = (await auditor.get(log, params={"ip": spelling})).json()["items"]
        assert [row["ip"] for row in found] == ["2001:db8::7"], log


async def run_rule(database: Database, rule: PruneRule) -> int:
    async with database.unit_of_work(RequestContext.for_job("prune")) as session:
        return await rule.remove(session, 100)


async def test_strangers_are_forgotten_and_users_are_not(
    app: FastAPI, client: Any, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await signed_in_as("tasks:read")
    await person.get("/tasks")
    await client.get("/tasks")
    entries = await access_entries(app)

    assert await run_rule(app.state.database, old_strangers(timedelta(days=1))) == 0
    monkeypatch.setattr("app.modules.audit.entries.callers.now", lambda: now() + timedelta(days=2, minutes=1))
    assert await run_rule(app.state.database, old_strangers(timedelta(days=1))) >= 1

    assert {row.user_id for row in await stored_callers(app.state.database)} == {person.id}
    assert len(await access_entries(app)) == len(entries)


async def test_the_memory_of_callers_is_bounded(database: Database) -> None:
    known = database.hooks.recorder.callers  # type: ignore[union-attr]  # the recorder of the change log
    known.remember({("user", index): index for index in range(3 * MOST)})

    assert len(known.known) < 2 * MOST


def test_every_personal_column_of_a_caller_is_part_of_the_commitment() -> None:
    told = set(table_of(AuditCaller).columns.keys()) - {"id", "salt", "created_at"}

    assert told == {"user_id", "name", "ip", "user_agent"}
