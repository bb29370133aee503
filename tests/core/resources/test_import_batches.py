"""Imports of several batches: all or nothing on PostgreSQL; on SQLite others write meanwhile, and a retry goes on."""

import asyncio
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import make_url

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.openapi.schemas import PROBLEM
from app.core.resources.imports.rows import LINES_PER_BATCH, ROWS_PER_BATCH
from app.core.strict_json import parse
from scripts.servers import PATIENCE_SECONDS, Server, signed_in, walk
from tests.fixtures.servers import superuser_in
from tests.people import Person, SignedInAs

NDJSON = "application/x-ndjson"
ROWS = 3 * ROWS_PER_BATCH
only_on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
only_on_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


def file_of(count: int, field: str = "name") -> bytes:
    return b"".join(json.dumps({field: f"row {number}"}).encode() + b"\n" for number in range(1, count + 1))


async def upload(person: Person, content: bytes, path: str = "/brands/import", **headers: str) -> httpx.Response:
    return await person.post(path, content=content, headers={"Content-Type": NDJSON, **headers})


async def total(person: Person, path: str = "/brands") -> int:
    found: int = (await person.get(path, params={"total": "true"})).json()["total"]
    return found


@only_on_sqlite
async def test_others_sign_in_and_write_during_an_import(settings: Settings, server: Server) -> None:
    """Regression: an import had the only connection that writes for its whole length."""
    credentials = await superuser_in(settings)
    async with signed_in(server, credentials, timeout=PATIENCE_SECONDS) as client:
        content, headers = file_of(60 * ROWS_PER_BATCH), {"Content-Type": NDJSON}
        importing = asyncio.create_task(client.post("/brands/import", content=content, headers=headers))
        await wait_for_items(client, "/brands", importing)
        done = [(await client.post("/tasks", json={"title": "meanwhile"})).status_code]
        done.append((await client.post("/auth/token", data=credentials)).status_code)
        finished_first = importing.done()
        report = (await importing).json()

    assert (done, finished_first) == ([201, 200], False)
    assert report["created"] == 60 * ROWS_PER_BATCH


async def wait_for_items(client: httpx.AsyncClient, path: str, importing: "asyncio.Task[httpx.Response]") -> None:
    """Wait until the first batch is committed, or the import has ended."""
    items: list[object] = []
    while not items and not importing.done():
        items = (await client.get(path, params={"limit": 1})).json()["items"]


@only_on_sqlite
async def test_a_killed_import_goes_on_at_its_retry(settings: Settings, server: Server) -> None:
    """Every line exactly once, with its change entry."""
    credentials, rows = await superuser_in(settings), 20 * ROWS_PER_BATCH
    headers = {"Content-Type": NDJSON, "Idempotency-Key": "once"}
    content = file_of(rows, "title")
    async with signed_in(server, credentials, timeout=PATIENCE_SECONDS) as client:
        importing = asyncio.create_task(client.post("/tasks/import", content=content, headers=headers))
        await wait_for_items(client, "/tasks", importing)
        server.kill()
        with pytest.raises(httpx.TransportError):
            await importing
    server.start()
    async with signed_in(server, credentials, timeout=PATIENCE_SECONDS) as client:
        kept = (await client.get("/tasks", params={"total": "true", "limit": 1})).json()["total"]
        retried = await client.post("/tasks/import", content=content, headers=headers)
        replayed = await client.post("/tasks/import", content=content, headers=headers)
        titles = Counter([item["title"] async for item in walk(client, "/tasks", {})])
        changes = Counter([row["entity_id"] async for row in walk(client, "/audit/changes", {"entity": "task"})])

    assert kept % ROWS_PER_BATCH == 0
    assert 0 < kept < rows
    assert (retried.status_code, retried.json()["created"]) == (200, rows)
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert titles == Counter([f"row {number}" for number in range(1, rows + 1)])
    assert (len(changes), set(changes.values())) == (rows, {1})


@only_on_postgresql
async def test_the_database_hears_of_an_import_that_reads_empty_lines(
    database: Database, signed_in_as: SignedInAs
) -> None:
    """Regression: nothing was said in the transaction meanwhile, and the database closed the connection."""
    person = await signed_in_as("brands:create")
    heard: list[str] = []
    database.writers.listeners.append(lambda sql, _: heard.append(sql))

    report = await upload(person, file_of(1) + b"\n" * 3 * LINES_PER_BATCH + b'{"name": "last"}\n')

    assert report.json()["created"] == 2
    assert sum(sql.startswith("SAVEPOINT") for sql in heard) >= 4


MANY = 3 * LINES_PER_BATCH
LONG_SEARCHES = {
    "for the header": b"\n" * MANY + b"name;description\nAcme;\n",
    "for the header below a declaration": b"sep=;\n" + b"\n" * MANY + b"name;description\nAcme;\n",
}


@only_on_postgresql
@pytest.mark.parametrize("content", LONG_SEARCHES.values(), ids=LONG_SEARCHES)
async def test_the_database_hears_of_an_import_that_looks_for_its_header(
    database: Database, signed_in_as: SignedInAs, content: bytes
) -> None:
    """Regression: nothing was said in the transaction, which had begun with the key, before the first row."""
    person = await signed_in_as("brands:create")
    heard: list[str] = []
    database.writers.listeners.append(lambda sql, _: heard.append(sql))

    report = await upload(person, content, **{"Content-Type": "text/csv", "Idempotency-Key": "once"})

    assert report.status_code == 200, report.text
    assert report.json()["created"] == 1
    assert savepoints_before(heard, "brand") >= MANY // LINES_PER_BATCH


@only_on_postgresql
async def test_the_database_hears_of_an_import_that_looks_for_its_decimal_sign(
    database: Database, signed_in_as: SignedInAs
) -> None:
    """Regression: it looks at all rows where no amount shows the sign, and said nothing meanwhile."""
    person = await signed_in_as("products:create", "products:set-price")
    heard: list[str] = []
    database.writers.listeners.append(lambda sql, _: heard.append(sql))
    content = b"sku;name;price;currency\nA-1;Acme;12;EUR\n" + b";;;\n" * MANY

    report = await upload(
        person, content, "/products/import", **{"Content-Type": "text/csv", "Idempotency-Key": "once"}
    )

    assert report.status_code == 200, report.text
    assert report.json()["created"] == 1
    assert savepoints_before(heard, "product") >= MANY // LINES_PER_BATCH


def savepoints_before(heard: list[str], table: str) -> int:
    """The number of savepoints before the first row of a table."""
    (first, *_) = (place for place, sql in enumerate(heard) if f"INSERT INTO {table} " in sql)
    return sum(sql.startswith("SAVEPOINT") for sql in heard[:first]) - 1  # that of the batch of the row


async def test_a_crash_in_the_middle_is_made_good_by_a_retry(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")
    crash_at_commit(database, 2)

    first = await upload(person, file_of(ROWS), **{"Idempotency-Key": "k", "X-Request-ID": "first"})
    kept = await total(person)
    retried = [await upload(person, file_of(ROWS), **{"Idempotency-Key": "k"}) for _ in range(2)]
    other = await upload(person, file_of(1), **{"Idempotency-Key": "k"})

    assert (first.status_code, kept) == (500, ROWS_PER_BATCH if database.is_sqlite else 0)
    assert [(answer.status_code, answer.json()["created"]) for answer in retried] == [(200, ROWS)] * 2
    assert other.json()["code"] == "idempotency-key-reused"
    assert await total(person) == ROWS


def crash_at_commit(database: Database, batch: int) -> None:
    """Fail the commit of this batch (PostgreSQL: the only commit) of the request `first`."""
    commits: list[int] = []

    async def crash(session: Any) -> None:
        if session.context.request_id != "first":
            return
        commits.append(1)
        # the first transaction only looks for a response to the key
        if not database.is_sqlite or len(commits) == batch + 1:
            raise RuntimeError("the process dies here")

    database.hooks.before_commit.append(crash)


@only_on_sqlite
@pytest.mark.parametrize("on_error", ["abort", "stop"])
async def test_what_is_taken_between_check_and_batch_stops_the_import(
    database: Database, signed_in_as: SignedInAs, on_error: str
) -> None:
    person = await signed_in_as("brands:create", "brands:delete")
    line = 2 * ROWS_PER_BATCH + 7
    when_first_batch_is_committed(database, lambda: insert_brand(database, f"row {line}"))
    path = f"/brands/import?on_error={on_error}"

    stopped = await upload(person, file_of(ROWS), path, **{"Idempotency-Key": "k", "X-Request-ID": "first"})
    again = await upload(person, file_of(ROWS), path, **{"Idempotency-Key": "k"})
    kept = await total(person)
    (foreign,) = (await person.get("/brands", params={"q": f"row {line}"})).json()["items"]
    await person.delete(f"/brands/{foreign['id']}")
    rest = await upload(person, file_of(ROWS), f"/brands/import?from_line={line}", **{"Idempotency-Key": "rest"})

    body = stopped.json()
    assert (body["created"], body["stopped_at_line"]) == (line - 1, line)
    assert body["errors"][0]["pointer"] == f"/body/{line}/name"
    if on_error == "abort":
        assert (stopped.status_code, body["code"]) == (409, "partly-imported")
        assert body.keys() <= PROBLEM["properties"].keys()
        assert (again.status_code, again.json()["stopped_at_line"]) == (409, line)
    else:
        assert (stopped.status_code, again.json()) == (200, body)
    assert kept == line
    assert (rest.status_code, rest.json()["created"]) == (200, ROWS - line + 1)
    assert await total(person) == ROWS


def when_first_batch_is_committed(database: Database, call: Callable[[], None]) -> None:
    commits: list[int] = []

    def after_commit(session: Any) -> None:
        if session.context.request_id == "first":
            commits.append(1)
            if len(commits) == 2:  # the first transaction only looks for a response to the key
                call()

    database.hooks.after_commit.append(after_commit)


def insert_brand(database: Database, name: str) -> None:
    """Insert a brand beside the application, as another process would."""
    copy = """INSERT INTO brand (id, created_at, updated_at, version, name, name_folded, search_words)
        SELECT ?, created_at, updated_at, 1, ?, ?, ? FROM brand LIMIT 1"""
    connection = sqlite3.connect(str(make_url(database.settings.database_url.get_secret_value()).database))
    with connection:
        connection.execute(copy, ("0" * 32, name, name.lower(), f" {name.lower()}"))
    connection.close()


REFUSED = {
    "duplicate": ("/brands", {"name": "ROW 1"}, "already-exists"),
    "of a stored row": ("/brands", {"name": "stored"}, "already-exists"),
    "unknown user": ("/tasks", {"title": "a", "assignee_id": "01890000-0000-7000-8000-000000000000"}, None),
    "unknown category": ("/categories", {"name": "a", "parent_id": "01890000-0000-7000-8000-000000000000"}, None),
    "schema": ("/brands", {"name": ""}, "string-too-short"),
}


@pytest.mark.parametrize(("path", "row", "code"), REFUSED.values(), ids=list(REFUSED))
async def test_a_refused_line_leaves_nothing_of_the_batches_before(
    signed_in_as: SignedInAs, path: str, row: dict[str, str], code: str | None
) -> None:
    person = await signed_in_as("brands:create", "tasks:create", "categories:create")
    await person.post("/brands", {"name": "stored"})
    before, name = await total(person, path), "title" if path == "/tasks" else "name"
    content = file_of(2 * ROWS_PER_BATCH, name) + json.dumps(row).encode() + b"\n" + file_of(0)

    dry = await upload(person, content, f"{path}/import?dry_run=true")
    refused = await upload(person, content, f"{path}/import")

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-fields")
    assert [error["pointer"].split("/")[2] for error in refused.json()["errors"]] == [str(2 * ROWS_PER_BATCH + 1)]
    assert {error["code"] for error in refused.json()["errors"]} == {code or "unknown-reference"}
    assert (dry.json()["created"], dry.json()["failed"]) == (2 * ROWS_PER_BATCH, 1)
    assert await total(person, path) == before


@only_on_sqlite
async def test_a_dry_run_and_a_refusal_need_no_connection_that_writes(
    database: Database, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as("brands:create")
    writers: list[str] = []

    async def note(session: Any) -> None:
        writers.append(session.context.request_id)

    database.hooks.after_begin.append(note)

    dry = await upload(person, file_of(ROWS), "/brands/import?dry_run=true", **{"X-Request-ID": "checked"})
    refused = await upload(person, file_of(ROWS) + b"{}\n", **{"X-Request-ID": "checked"})

    assert (dry.status_code, dry.json()["created"], refused.status_code) == (200, ROWS, 422)
    assert "checked" not in writers


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b'{"name": "a"}\n{"name": ""}\n{"name": "c"}\n', NDJSON), (b"name,description\n,\nc,\n", "text/csv")],
)
async def test_an_import_begins_at_a_line(signed_in_as: SignedInAs, content: bytes, kind: str) -> None:
    person = await signed_in_as("brands:create")

    answer = await upload(person, content, "/brands/import?from_line=3", **{"Content-Type": kind})

    assert (answer.status_code, answer.json()["created"]) == (200, 1), answer.text
    assert [item["name"] for item in (await person.get("/brands")).json()["items"]] == ["c"]


async def test_lines_are_judged_beside_the_event_loop(
    signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await signed_in_as("brands:create")
    on_event_loop: list[bool] = []

    def record_thread(body: bytes, max_depth: int) -> object:
        on_event_loop.append(threading.current_thread() is threading.main_thread())
        return parse(body, max_depth)

    monkeypatch.setattr("app.core.resources.imports.ndjson_format.parse", record_thread)
    answer = await upload(person, file_of(3))

    assert answer.status_code == 200
    assert set(on_event_loop) == {False}
