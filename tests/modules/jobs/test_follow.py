"""A job that is followed: its events are what a request would show, until it has ended or may not be read."""

import asyncio
from typing import Any

import orjson
import pytest
from fastapi import FastAPI

from app.core.db.engine import Database
from app.modules.jobs import service
from tests.modules.audit.sealer.followers import OpenRequest
from tests.modules.jobs.kinds import ask, context_of, make_brand, run_all
from tests.people import SignedInAs


@pytest.fixture(autouse=True)
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "FOLLOW_SECONDS", 0.05)


async def events_of(stream: OpenRequest) -> list[dict[str, Any]]:
    """Every event to the end of a stream."""
    found = []
    while (part := await stream.part()) is not None:
        if not part.startswith(":"):
            found.append(orjson.loads(part.removeprefix("data: ")))
    return found


async def test_a_job_is_followed_to_its_end(app: FastAPI, database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")
    job = await ask(database, context_of(person.id), make_brand, "Acme", fails=1)

    async with OpenRequest(app, person, f"/jobs/{job}/events") as stream:
        head = await stream.head()
        first = await stream.part()
        await run_all(database)
        events = await events_of(stream)

    assert (head["status"], dict(head["headers"])[b"content-type"]) == (200, b"text/event-stream; charset=utf-8")
    assert first is not None
    assert orjson.loads(first.removeprefix("data: "))["state"] == "queued"
    assert events[-1] == (await person.get(f"/jobs/{job}")).json()
    assert (events[-1]["state"], events[-1]["attempts"], events[-1]["result"]) == ("succeeded", 2, {"brands": 1})


async def test_a_job_that_has_ended_is_one_event(app: FastAPI, database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")
    job = await ask(database, context_of(person.id), make_brand, "Acme")
    await run_all(database)

    async with OpenRequest(app, person, f"/jobs/{job}/events") as stream:
        await stream.head()
        assert await events_of(stream) == [(await person.get(f"/jobs/{job}")).json()]


async def test_another_person_finds_no_job_to_follow(database: Database, signed_in_as: SignedInAs) -> None:
    person, other = await signed_in_as("brands:create"), await signed_in_as("brands:create")
    job = await ask(database, context_of(person.id), make_brand, "Acme")

    assert (await other.get(f"/jobs/{job}/events")).status_code == 404


async def test_it_ends_with_the_session_and_with_the_process(
    app: FastAPI, database: Database, signed_in_as: SignedInAs
) -> None:
    people = await signed_in_as("brands:create"), await signed_in_as("brands:create")
    jobs = [await ask(database, context_of(person.id), make_brand, person.username) for person in people]

    async with (
        OpenRequest(app, people[0], f"/jobs/{jobs[0]}/events") as signed_out,
        OpenRequest(app, people[1], f"/jobs/{jobs[1]}/events") as goes_on,
    ):
        for stream in (signed_out, goes_on):
            await stream.head()
            await stream.part()
        assert (await people[0].post("/auth/logout")).status_code == 204
        ended = await events_of(signed_out)
        await asyncio.sleep(0.2)
        assert not goes_on.task.done()
        for end in app.state.before_stop:
            end()
        stopped = await events_of(goes_on)

    assert (ended, stopped) == ([], [])
