"""Imports and exports whose file, database or job is gone in the middle: nothing that is incomplete looks whole."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.unit_of_work.change import Change
from app.core.errors import DatabaseUnavailable, NotFound
from app.modules.jobs.models import JobQueue
from app.modules.transfers.jobs import Writing
from app.modules.transfers.repository import TransferRepository, find_part
from app.modules.transfers.service import PART_BYTES
from tests.modules.jobs.kinds import run_all
from tests.modules.transfers.test_transfers import (
    Killed,
    count_parts,
    export,
    job_of,
    kill,
    make_brands,
    names,
    send,
    transfer_of,
)
from tests.people import Person, SignedInAs

queue = table_of(JobQueue)


async def run_next_attempt(database: Database) -> None:
    """Run jobs that wait, or whose worker was killed."""
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        await session.execute(update(queue).values(leased_until=None, run_at=now()))
    await run_all(database)


def fail_at_write(database: Database, number: int) -> None:
    """Let the database be away when brands are written for the nth time."""
    writes = 0

    async def fail(_session: Any, changes: Sequence[Change]) -> None:
        nonlocal writes
        writes += any(change.table.name == "brand" for change in changes)
        if writes == number:
            writes += 1
            raise DatabaseUnavailable("The database did not answer in time; try again shortly.")

    database.hooks.before_write.append(fail)


async def test_an_import_during_which_the_database_was_away_is_tried_again(
    database: Database, signed_in_as: SignedInAs
) -> None:
    """Regression: the file was dropped as if it had been refused, and the next attempt succeeded without a row."""
    person = await signed_in_as("brands:create")
    rows = "\n".join(f"brand {number:03}" for number in range(250))
    answer = await send(person, f"name\n{rows}\n")

    fail_at_write(database, 2)
    await run_all(database)
    await run_next_attempt(database)
    job = await job_of(person, answer)

    assert (job["state"], job["result"]["created"], job["result"]["failed"]) == ("succeeded", 250, 0)
    assert (await person.get("/brands?total=exact&limit=1")).json()["total"] == 250


async def test_a_refused_import_that_is_tried_again_is_refused_again(
    database: Database, signed_in_as: SignedInAs
) -> None:
    """Regression: the file is dropped with the refusal, and the job then succeeded without a row."""
    person = await signed_in_as("brands:create")
    answer = await send(person, f"name\nAcme\n{'x' * 300}\n")
    await run_all(database)
    refused = await job_of(person, answer)
    report = (await transfer_of(person, refused))["report"]

    again = await person.post(f"/jobs/{refused['id']}/retry")
    await run_all(database)
    job = await job_of(person, answer)

    assert (refused["state"], refused["error"]) == ("failed", "invalid-fields")
    assert again.status_code == 200, again.text
    assert (job["state"], job["error"], job["result"]) == ("failed", "invalid-fields", None)
    assert (await transfer_of(person, job))["report"] == report


def meanwhile(patch: pytest.MonkeyPatch, number: int, act: Callable[[], Awaitable[object]]) -> None:
    """Act once, before the part with this number is read."""
    acts = [act]

    async def find(session: Any, id: UUID, wanted: int) -> bytes | None:
        if wanted == number and acts:
            await acts.pop()()
        return await find_part(session, id, wanted)

    patch.setattr("app.modules.transfers.service.find_part", find)


async def drop_files(database: Database) -> None:
    """Drop all files, as where a person is erased."""
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        await TransferRepository(session).remove_all()


async def file_of(person: Person, rows: int, database: Database) -> str:
    """The path of an exported file."""
    await make_brands(person, rows)
    answer = await export(person, "format=csv&sort=name")
    await run_all(database)
    return f"/transfers/{answer.json()['id']}/file"


async def test_a_file_that_is_fetched_twice_at_once_is_whole_or_cut_off(
    app: FastAPI, database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the slower of the two ended early, as if it were whole."""
    person = await signed_in_as("brands:create")
    path, faster = await file_of(person, 1500, database), []

    async def fetch() -> None:
        faster.append(await person.get(path))

    meanwhile(monkeypatch, 1, fetch)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=person.client.base_url) as client:
        with pytest.raises(NotFound):  # the server closes the connection then
            await replace(person, client=client).get(path)

    assert len(faster[0].text.splitlines()) == 1501


async def test_a_file_that_is_dropped_while_it_is_imported_is_not_imported_in_part(
    database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the job imported the parts that it had read by then, and succeeded."""
    person = await signed_in_as("brands:create")
    empty = "\n" * (PART_BYTES + 10)
    answer = await send(person, f"name\nAcme\n{empty}Bolt\n")

    meanwhile(monkeypatch, 1, lambda: drop_files(database))
    await run_all(database)
    job = await job_of(person, answer)

    assert (job["state"], job["error"]) == ("failed", "content-erased")
    assert await names(person) == []


async def test_a_file_that_is_dropped_while_it_is_written_is_written_again(
    database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the job went on behind the pages that were gone, and offered a file without a beginning."""
    person = await signed_in_as("brands:create")
    await make_brands(person, 1500)
    direct = await person.get("/brands?format=csv&sort=name")
    answer = await export(person, "format=csv&sort=name")
    write_page = Writing.write_page

    async def write(writing: Writing) -> bool:
        has_more = await write_page(writing)
        await drop_files(database)
        return has_more

    with monkeypatch.context() as patch:
        patch.setattr(Writing, "write_page", write)
        await run_all(database)
    await run_next_attempt(database)
    job = await job_of(person, answer)
    file = await person.get(f"/transfers/{job['id']}/file")

    assert (job["state"], file.status_code) == ("succeeded", 200)
    assert file.content == direct.content


async def test_a_file_is_not_offered_while_it_is_written_again(
    database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: what a killed attempt had completed was offered still, while the next one replaced it."""
    person = await signed_in_as("brands:create")
    await make_brands(person, 1500)
    answer = await export(person, "format=csv&sort=name")
    path = f"/transfers/{answer.json()['id']}/file"
    with monkeypatch.context() as patch:
        patch.setattr("app.modules.jobs.running.attempts.end_job", kill)
        with pytest.raises(Killed):
            await run_all(database)

    with monkeypatch.context() as patch:
        patch.setattr("app.modules.transfers.jobs.Writing.write_page", kill)
        with pytest.raises(Killed):
            await run_next_attempt(database)
    early = await person.get(path)
    await run_next_attempt(database)

    assert early.status_code == 404
    assert len((await person.get(path)).text.splitlines()) == 1501


async def test_a_cancelled_import_keeps_no_file(
    database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: its file was kept for a day, and counted against the user, who could not be rid of it."""
    monkeypatch.setattr("app.modules.transfers.service.MOST_FILES", 2)
    person = await signed_in_as("brands:create")
    answers = [await send(person, f"name\nbrand {number}\n") for number in range(2)]

    full = await send(person, "name\nAcme\n")
    ended = [await person.post(f"/jobs/{answer.json()['id']}/cancel") for answer in answers]
    kept = await count_parts(database)
    again = await send(person, "name\nAcme\n")
    await run_all(database)

    assert [each.json()["state"] for each in ended] == ["cancelled", "cancelled"]
    assert (full.status_code, kept, again.status_code) == (409, 0, 202)
    assert await names(person) == ["Acme"]


async def test_an_export_that_failed_keeps_no_file(
    database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: its pages were kept for a day, and counted against the user, who could not fetch them."""
    person, root = await signed_in_as("brands:create"), await signed_in_as(superuser=True)
    await make_brands(person, 1500)
    answer = await export(person, "format=csv")
    write_page = Writing.write_page

    async def write(writing: Writing) -> bool:
        has_more = await write_page(writing)
        await root.put(f"/users/{person.id}/roles", {"role_ids": []})
        return has_more

    monkeypatch.setattr(Writing, "write_page", write)
    await run_all(database)

    job = (await root.get(f"/jobs/{answer.json()['id']}")).json()
    assert (job["state"], job["error"]) == ("failed", "permission-denied")
    assert await count_parts(database) == 0


class Deadlock(Exception):
    """What the driver raises for the victim of a deadlock."""

    sqlstate = "40P01"


async def test_a_file_whose_storing_is_tried_again_is_stored_whole(
    database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the next attempt took how far the one before had read the file for its size."""
    person = await signed_in_as("brands:create")
    content, add_part, failures = "name\nAcme\n" + "\n" * (2 * PART_BYTES) + "Bolt\n", TransferRepository.add_part, [1]

    async def add(rows: TransferRepository, id: UUID, number: int, part: bytes) -> None:
        if number in failures:
            failures.remove(number)
            raise DBAPIError("INSERT", None, Deadlock())
        await add_part(rows, id, number, part)

    monkeypatch.setattr(TransferRepository, "add_part", add)
    answer = await send(person, content)
    stored = await transfer_of(person, await job_of(person, answer))
    await run_all(database)

    assert (failures, stored["size"]) == ([], len(content))
    assert (await job_of(person, answer))["state"] == "succeeded"
    assert await names(person) == ["Acme", "Bolt"]
