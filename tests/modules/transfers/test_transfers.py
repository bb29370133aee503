"""Imports and exports that outlive their request: stored with it, run once by a job, fetched by who asked."""

import csv
import hashlib
import io
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.person import Person as ErasedPerson
from app.core.resources.declared import resources
from app.modules.jobs.models import JobQueue
from app.modules.transfers.models import TransferPart
from app.modules.transfers.service import PART_BYTES
from tests.modules.jobs.kinds import run_all
from tests.people import Person, SignedInAs

parts, queue = table_of(TransferPart), table_of(JobQueue)
LATER = {"Prefer": "respond-async", "Content-Type": "text/csv"}


async def send(person: Person, text: str, query: str = "", path: str = "/brands/import", **headers: str) -> Any:
    return await person.post(f"{path}{query}", content=text.encode(), headers={**LATER, **headers})


async def job_of(person: Person, answer: httpx.Response) -> dict[str, Any]:
    """The job that an answer of 202 names."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
    found = await person.get(f"/jobs/{answer.json()['id']}")
    assert found.status_code == 200, found.text
    job: dict[str, Any] = found.json()
    return job


async def transfer_of(person: Person, job: dict[str, Any]) -> dict[str, Any]:
    found = await person.get(f"/transfers/{job['id']}")
    assert found.status_code == 200, found.text
    transfer: dict[str, Any] = found.json()
    return transfer


async def names(person: Person) -> list[str]:
    found = await person.get("/brands?sort=name&limit=100")
    return [item["name"] for item in found.json()["items"]]


async def count_parts(database: Database) -> int:
    read = database.read_session(RequestContext.for_job("test"))
    found: int = await read.value(select(func.count()).select_from(parts))
    return found


async def test_an_import_is_answered_at_once_and_done_by_a_job(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create", "brands:audit")

    answer = await send(person, "name\nAcme\nBolt\n")
    waiting, before = await job_of(person, answer), await names(person)
    await run_all(database)
    job = await job_of(person, answer)
    transfer = await transfer_of(person, job)

    assert answer.headers["preference-applied"] == "respond-async"
    assert (waiting["state"], waiting["kind"], before) == ("queued", "transfers.import", [])
    assert (job["state"], job["result"]) == (
        "succeeded",
        {"created": 2, "updated": 0, "unchanged": 0, "failed": 0, "dry_run": False},
    )
    assert await names(person) == ["Acme", "Bolt"]
    assert [line["line"] for line in transfer["report"]["lines"]] == [2, 3]
    assert transfer["direction"] == "import"
    assert await count_parts(database) == 0, "the file is not needed any more"
    made = await person.get("/brands?name=Acme")
    assert made.json()["items"][0]["created_by"]["id"] == str(person.id)


async def test_bad_lines_are_in_the_report_and_nothing_is_imported(
    database: Database, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as("brands:create")

    answer = await send(person, f"name\nAcme\n\n{'x' * 300}\nAcme\n")
    await run_all(database)
    job = await job_of(person, answer)
    report = (await transfer_of(person, job))["report"]

    assert (job["state"], job["error"], job["attempts"]) == ("failed", "invalid-fields", 1)
    assert [(error["line"], error["pointer"]) for error in report["errors"]] == [
        (4, "/body/4/name"),
        (5, "/body/5/name"),
    ]
    assert report["created"] == 0
    assert await names(person) == []


async def test_a_dry_run_keeps_nothing(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")

    answer = await send(person, "name\nAcme\n", "?dry_run=true")
    await run_all(database)
    job = await job_of(person, answer)

    assert (job["state"], job["result"]["created"], job["result"]["dry_run"]) == ("succeeded", 1, True)
    assert (await transfer_of(person, job))["report"]["dry_run"] is True
    assert await names(person) == []


async def test_an_import_that_stops_says_where(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")

    answer = await send(person, f"name\nAcme\n{'x' * 300}\nBolt\n", "?on_error=stop")
    await run_all(database)
    job = await job_of(person, answer)

    assert (job["state"], job["result"]["created"]) == ("succeeded", 1)
    assert (await transfer_of(person, job))["report"]["stopped_at_line"] == 3
    assert await names(person) == ["Acme"]


class Killed(BaseException):
    """The end of a process, as by kill -9."""


def kill(*_arguments: object, **_options: object) -> None:
    raise Killed


DEATHS = ["app.modules.transfers.jobs.Importing.tell", "app.modules.jobs.running.attempts.end_job"]
"""Behind the first batch, and behind the report."""


@pytest.mark.parametrize("place", DEATHS)
async def test_an_import_that_was_killed_is_done_once(
    database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    person = await signed_in_as("brands:create")
    rows = "\n".join(f"brand {number:03}" for number in range(250))
    answer = await send(person, f"name\n{rows}\n")

    with monkeypatch.context() as patch:
        patch.setattr(place, kill)
        with pytest.raises(Killed):
            await run_all(database)
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        await session.execute(update(queue).values(leased_until=now()))
    await run_all(database)
    job = await job_of(person, answer)

    assert (job["state"], job["result"]["created"], job["attempts"]) == ("succeeded", 250, 2)
    assert (await person.get("/brands?total=exact&limit=1")).json()["total"] == 250


async def test_an_import_needs_its_permissions_when_it_runs(
    app: FastAPI, database: Database, signed_in_as: SignedInAs
) -> None:
    person, root = await signed_in_as("brands:create"), await signed_in_as(superuser=True)
    answer = await send(person, "name\nAcme\n")

    assert (await root.put(f"/users/{person.id}/roles", {"role_ids": []})).status_code == 200
    await run_all(database)

    job = (await root.get(f"/jobs/{answer.json()['id']}")).json()
    assert (job["state"], job["error"], await names(root)) == ("failed", "permission-denied", [])


async def test_a_key_repeats_the_answer_and_not_the_import(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")

    key = {"Idempotency-Key": "once"}
    first, again = [await send(person, "name\nAcme\n", **key) for _ in range(2)]
    await run_all(database)

    assert (first.status_code, again.status_code, first.json()) == (202, 202, again.json())
    assert again.headers["location"] == first.headers["location"]
    assert await names(person) == ["Acme"]


async def test_a_large_file_is_imported_by_a_job_unless_the_client_waits(
    app: FastAPI, database: Database, signed_in_as: SignedInAs
) -> None:
    limits = app.state.settings.limits.model_copy(update={"import_later_bytes": 20})
    app.state.settings = app.state.settings.model_copy(update={"limits": limits})
    person = await signed_in_as("brands:create")

    waits = await send(person, f"name\n{'a' * 40}\n", Prefer="wait=60")
    large = await send(person, f"name\n{'b' * 40}\n", Prefer="")
    small = await send(person, "name\nc\n", Prefer="handling=lenient")

    assert [each.status_code for each in (waits, large, small)] == [200, 202, 200]
    assert "preference-applied" not in large.headers
    await run_all(database)
    assert len(await names(person)) == 3


async def test_a_file_of_several_parts_is_imported_whole(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")
    empty = "\n" * (PART_BYTES + 10)

    answer = await send(person, f"name\nAcme\n{empty}Bolt\n")
    stored = await count_parts(database)
    await run_all(database)

    assert stored == 2
    assert (await job_of(person, answer))["state"] == "succeeded"
    assert await names(person) == ["Acme", "Bolt"]


async def export(person: Person, query: str, path: str = "/api/v1/brands") -> httpx.Response:
    return await person.post("/transfers", {"path": path, "query": query})


async def make_brands(person: Person, number: int) -> None:
    rows = "\n".join(f"brand {each:04}" for each in range(number))
    answer = await person.post(
        "/brands/import", content=f"name\n{rows}\n".encode(), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 200, answer.text


async def test_an_export_is_the_list_as_a_file_and_fetched_once(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")
    await make_brands(person, 1500)

    answer = await export(person, "format=csv&sort=name&separator=semicolon")
    early = await person.get(f"/transfers/{answer.json()['id']}/file")
    await run_all(database)
    job = await job_of(person, answer)
    transfer = await transfer_of(person, job)
    direct = await person.get("/brands?format=csv&sort=name&separator=semicolon")
    file = await person.get(f"/transfers/{job['id']}/file")
    again = await person.get(f"/transfers/{job['id']}/file")

    assert early.status_code == 404
    assert (job["kind"], job["state"]) == ("transfers.export", "succeeded")
    assert (transfer["direction"], transfer["name"], transfer["is_ready"]) == ("export", "brands.csv", True)
    assert file.text == direct.text
    assert file.headers["content-type"].startswith("text/csv")
    assert file.headers["content-disposition"] == 'attachment; filename="brands.csv"'
    assert job["result"] == {
        "rows": 1500,
        "bytes": len(file.content),
        "sha256": hashlib.sha256(file.content).hexdigest(),
    }
    assert transfer["size"] == len(file.content)
    assert len(list(csv.reader(io.StringIO(file.text), delimiter=";"))) == 1501
    assert again.status_code == 404
    assert await count_parts(database) == 0


async def test_a_link_fetches_the_file_of_a_job_once_and_for_who_asked(
    client: httpx.AsyncClient, database: Database, signed_in_as: SignedInAs
) -> None:
    person, other = await signed_in_as("brands:create"), await signed_in_as("brands:create")
    await make_brands(person, 3)
    answer = await export(person, "format=csv&sort=name")
    await run_all(database)
    address = {"path": f"/api/v1/transfers/{answer.json()['id']}/file", "query": ""}

    files = []
    for caller in (other, person, person):
        made = await caller.post("/downloads", address)
        assert made.status_code == 201, made.text
        files.append(await client.get(made.json()["url"].removeprefix("/api/v1")))

    assert [file.status_code for file in files] == [404, 200, 404]
    assert len(files[1].text.splitlines()) == 4
    assert files[1].headers["content-disposition"] == 'attachment; filename="brands.csv"'
    assert await count_parts(database) == 0


async def test_an_export_has_the_filters_fields_and_limit_of_the_list(
    database: Database, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as("tasks:create")
    for number in range(4):
        status = "todo" if number % 2 else "in_progress"
        made = await person.post("/tasks", {"title": f"Task {number}", "priority": "high", "status": status})
        assert made.status_code == 201, made.text
    queries = [
        "format=ndjson&status=todo&fields=title,status",
        "format=ndjson&status=todo&status=in_progress&limit=3&sort=-title",
        "format=csv&q=task&priority=high&columns=importable&bom=true",
        "format=csv&created_at_gte=2020-01-01T00:00:00Z&due_date_null=true",
    ]

    for query in queries:
        answer = await export(person, query, "/api/v1/tasks")
        await run_all(database)
        job = await job_of(person, answer)
        assert job["state"] == "succeeded", (query, job)
        file = await person.get(f"/transfers/{job['id']}/file")
        assert file.content == (await person.get(f"/tasks?{query}")).content, query
        assert file.content, query


async def test_an_export_is_in_the_rows_that_its_caller_may_read(database: Database, signed_in_as: SignedInAs) -> None:
    person, other = await signed_in_as("tasks:create@own"), await signed_in_as("tasks:create")
    await other.post("/tasks", {"title": "Of another"})
    await person.post("/tasks", {"title": "Mine"})

    answer = await export(person, "format=ndjson&fields=title", "/api/v1/tasks")
    await run_all(database)

    file = await person.get(f"/transfers/{answer.json()['id']}/file")
    (line,) = file.text.splitlines()
    assert orjson.loads(line)["title"] == "Mine"


async def test_what_is_of_another_is_not_found(database: Database, signed_in_as: SignedInAs) -> None:
    person, root = await signed_in_as("brands:create"), await signed_in_as(superuser=True)
    await make_brands(person, 1)
    answer = await export(person, "format=csv")
    await run_all(database)

    for path in ("", "/file"):
        assert (await root.get(f"/transfers/{answer.json()['id']}{path}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/api/v1/brands", "", "no-format"),
        ("/api/v1/brands", "format=parquet", "literal-error"),
        ("/api/v1/brands", "format=csv&sort=nothing", "not-sortable"),
        ("/api/v1/brands", "format=csv&nothing=1", "unknown-parameter"),
        ("/api/v1/nothing", "format=csv", "not-a-list"),
        ("/api/v1/users", "format=csv", None),
    ],
)
async def test_what_the_list_would_refuse_is_refused_at_once(
    database: Database, signed_in_as: SignedInAs, path: str, query: str, code: str | None
) -> None:
    person = await signed_in_as("brands:create")

    answer = await export(person, query, path)

    if code is None:
        assert answer.status_code == 403
    else:
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["code"] == code
    assert await run_all(database) == 0


async def test_an_export_without_permission_when_it_is_fetched(database: Database, signed_in_as: SignedInAs) -> None:
    person, root = await signed_in_as("brands:create"), await signed_in_as(superuser=True)
    await make_brands(person, 1)
    answer = await export(person, "format=csv")
    await run_all(database)

    assert (await root.put(f"/users/{person.id}/roles", {"role_ids": []})).status_code == 200

    assert (await person.get(f"/transfers/{answer.json()['id']}/file")).status_code == 403


async def test_every_resource_can_be_exported(database: Database, signed_in_as: SignedInAs) -> None:
    """What a job reads of a query is what the list reads."""
    root = await signed_in_as(superuser=True)

    for path in sorted(resources):
        answer = await export(root, "format=csv&limit=5", f"/api/v1{path}")
        assert answer.status_code == 202, (path, answer.text)
        await run_all(database)
        assert (await job_of(root, answer))["state"] == "succeeded", path


async def test_stored_files_are_encrypted_and_dropped_where_a_person_is_erased(
    database: Database, signed_in_as: SignedInAs
) -> None:
    person, root = await signed_in_as("brands:create"), await signed_in_as(superuser=True)
    await send(person, "name\nVery secret brand\n")
    read = database.read_session(RequestContext.for_job("test"))
    (row,) = await read.all(select(parts))

    assert b"secret" not in row.content
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        for forget in session.hooks.erase:
            await forget(session, ErasedPerson("user", person.id, frozenset(), frozenset()))

    assert await count_parts(database) == 0
    await run_all(database)
    assert await names(root) == []


async def test_of_one_user_only_some_files_are_kept(
    database: Database, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small request can stand for a large file, compressed."""
    monkeypatch.setattr("app.modules.transfers.service.MOST_FILES", 2)
    person, other = await signed_in_as("brands:create"), await signed_in_as("brands:create")

    answers = [await send(person, f"name\nbrand {number}\n") for number in range(3)]
    of_other = await send(other, "name\nof another\n")
    exported = await export(person, "format=csv")
    first = await job_of(person, exported)
    await run_all(database)
    again = await send(person, "name\none more\n")

    assert [each.status_code for each in (*answers, of_other, again)] == [202, 202, 409, 202, 202]
    assert answers[2].json()["code"] == "too-many-files"
    assert (await person.get(f"/jobs/{first['id']}")).json()["state"] in ("succeeded", "failed")
