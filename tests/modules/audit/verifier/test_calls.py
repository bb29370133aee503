"""Requests that changed something and have no access entry are told of; jobs, commands and archives are not."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, select

from app.core.clock import new_id
from app.core.db.engine import Database
from app.main import open_database
from app.modules.audit.requests.place import SpoolPlace
from app.modules.audit.sealer.logs import Log
from app.modules.audit.verifier import calls
from app.modules.audit.verifier.command import verify
from tests.modules.audit.archive.months import MONTHS, archive_into, fill_months, in_month
from tests.modules.audit.sealer.sealed import change_values, read_all, run_sql, seal_all, sealed_ids, sealer_of
from tests.modules.jobs.kinds import run_all
from tests.people import Person, SignedInAs
from tests.roles import open_as


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of this moment are looked at."""
    monkeypatch.setattr(calls, "PATIENCE", -timedelta(minutes=1))


@pytest.fixture
async def elsewhere(database: Database, tmp_path: Path) -> AsyncIterator[Database]:
    """The database as another host sees it, which has none of the spools."""
    found = open_database(database.settings.model_copy(update={"state_dir": tmp_path / "elsewhere"}))
    yield found
    await found.dispose()


async def seal_both(database: Database) -> None:
    for log in Log:
        await seal_all(sealer_of(database), log)


async def log_one(app: FastAPI, person: Person) -> None:
    """Let the access log begin."""
    await person.get("/auth/me")
    await app.state.access_log.flush()


async def told(database: Database) -> tuple[int, int | None]:
    """How many requests the command tells of, and the first place, as an auditor runs it."""
    result = await verify(open_as(database, "auditor"), as_json=True)
    assert result.exit_code == 0, result.lines
    changes, access = orjson.loads(result.lines[0])["logs"]
    assert access["without_request"] == 0
    return changes["without_request"], changes["without_request_seq"]


async def kill_before_entry(person: Person, monkeypatch: pytest.MonkeyPatch, *requests: Any, **headers: str) -> None:
    """Send requests whose process ends when they are committed and their access entries are to be written."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(SpoolPlace, "append", die)
        for title in requests:
            with pytest.raises(Killed):
                await person.post("/tasks", {"title": title}, headers=headers)


async def test_a_request_that_was_killed_behind_its_commit_is_told_of(
    app: FastAPI, database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await signed_in_as(superuser=True)
    await log_one(app, admin)
    await seal_both(database)
    assert await told(database) == (0, None)
    size = len(await sealed_ids(database))

    await kill_before_entry(admin, monkeypatch, "one", "two")
    await kill_before_entry(admin, monkeypatch, "three", **{"X-Request-ID": "a-word-of-the-client"})
    assert (await admin.post("/tasks", {"title": "after"})).status_code == 201
    await app.state.access_log.flush()
    await seal_both(database)

    assert await told(database) == (3, size + 1)
    lines = (await verify(database)).lines
    assert f"changes: notice: 3 requests have changes and no access entry, the first at seq {size + 1}" in lines
    assert lines[-1] == "The logs are what was sealed."


async def test_several_changes_of_a_request_are_one(
    app: FastAPI, database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await signed_in_as(superuser=True)
    await log_one(app, admin)
    with monkeypatch.context() as patch:
        patch.setattr(SpoolPlace, "append", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            await admin.post("/brands/import", content=b"name\nAcme\nBolt\n", headers={"Content-Type": "text/csv"})
    await seal_both(database)

    assert (await told(database))[0] == 1


async def test_an_entry_that_waits_in_a_spool_is_not_missed(
    app: FastAPI, database: Database, elsewhere: Database, signed_in_as: SignedInAs
) -> None:
    """It is found where it waits; elsewhere it is told of until it is shipped."""
    admin = await signed_in_as(superuser=True)
    await log_one(app, admin)
    await app.state.access_log.work.stop()
    await admin.post("/tasks", {"title": "waits"})
    await seal_both(database)

    assert await told(database) == (0, None)
    assert (await told(elsewhere))[0] == 1
    await app.state.access_log.flush()
    assert await told(elsewhere) == (0, None)


async def test_jobs_that_act_as_users_are_no_requests(
    app: FastAPI, database: Database, elsewhere: Database, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as("brands:create", "brands:audit")
    await log_one(app, person)
    for word in ({}, {"X-Request-ID": "a-word-of-the-client"}):
        headers = {"Prefer": "respond-async", "Content-Type": "text/csv", **word}
        content = f"name\nAcme {word}\nBolt {word}\n".encode()
        assert (await person.post("/brands/import", content=content, headers=headers)).status_code == 202
    await run_all(database)
    await app.state.access_log.flush()
    await seal_both(database)

    made = await read_all(database, select(Log.changes.table).where(Log.changes.table.c.entity == "brand"))
    assert [row.actor_kind for row in made] == ["user"] * 4
    assert await told(elsewhere) == (0, None)


async def test_young_changes_are_not_looked_at(
    app: FastAPI, database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PATIENCE", timedelta(minutes=1))
    admin = await signed_in_as(superuser=True)
    await log_one(app, admin)
    await kill_before_entry(admin, monkeypatch, "one")
    await seal_both(database)

    assert await told(database) == (0, None)


async def add_requests(database: Database, month: str, count: int) -> None:
    """Add changes of requests without access entries."""
    at = in_month(month)
    rows = [change_values(at=at, stored_at=at, actor_kind="user", call_id=new_id()) for _ in range(count)]
    await run_sql(database, insert(Log.changes.table).values(rows))
    await seal_all(sealer_of(database))


async def test_months_whose_access_entries_are_archived_are_left_out(database: Database, tmp_path: Path) -> None:
    await fill_months(database)
    for month in MONTHS:
        await add_requests(database, month, 2)
    is_kept = database.is_sqlite
    assert (await told(database))[0] == 6

    await archive_into(tmp_path / "a", database, "2026-01", log=[Log.access])

    result = await verify(database, archive=[tmp_path / "a"], as_json=True)
    assert result.exit_code == 0
    assert orjson.loads(result.lines[0])["logs"][0]["without_request"] == (6 if is_kept else 2)
