"""One-time addresses: what a plain link downloads, once, as long as the session lives and may."""

import asyncio
import io
import zipfile
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.entity import table_of
from app.modules.downloads.models import Download
from app.modules.downloads.service import LIFETIME
from tests.modules.audit.evidence.test_evidence import sealed_tasks
from tests.people import Person, SignedInAs

BAD = (401, "bad-download-address")
CSV = "format=csv&sort=title&separator=semicolon&q=lamps"


async def ask(person: Person, query: str = CSV, path: str = "/api/v1/tasks", **options: Any) -> httpx.Response:
    return await person.post("/downloads", {"path": path, "query": query}, **options)


async def follow(client: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 201, answer.text
    return await client.get(answer.json()["url"].removeprefix("/api/v1"))


def outcome(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.fixture
async def person(signed_in_as: SignedInAs) -> Person:
    person = await signed_in_as("tasks:create")
    for title in ("Count lamps", "Move lamps", "Sweep"):
        assert (await person.post("/tasks", {"title": title})).status_code == 201
    return person


async def test_a_link_downloads_the_list_once(person: Person, client: httpx.AsyncClient) -> None:
    by_header = await person.get(f"/tasks?{CSV}")

    address = await ask(person)
    file = await follow(client, address)
    again = await follow(client, address)

    assert (file.status_code, file.content) == (200, by_header.content)
    assert len(file.text.splitlines()) == 3
    assert file.headers["content-disposition"] == 'attachment; filename="tasks.csv"'
    assert file.headers["cache-control"] == "no-store"
    assert outcome(again) == BAD


async def test_a_link_downloads_evidence_and_the_access_review(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    """An auditor's files, which are too large for the memory of a page."""
    auditor = await sealed_tasks(app, signed_in_as, count=2)
    by_header = await auditor.get("/audit/evidence/changes?entity=task")

    evidence = await follow(client, await ask(auditor, "entity=task", "/api/v1/audit/evidence/changes"))
    review = await follow(client, await ask(auditor, "format=csv", "/api/v1/rbac/access-review"))
    without_permission = await ask(await signed_in_as("tasks:read"), "", "/api/v1/audit/evidence/changes")
    unknown = await ask(auditor, "colour=red", "/api/v1/audit/evidence/access")

    files = [zipfile.ZipFile(io.BytesIO(answer.content)) for answer in (by_header, evidence)]
    assert evidence.headers["content-type"] == "application/zip"
    assert evidence.headers["content-disposition"] == 'attachment; filename="evidence-changes.zip"'
    assert [file.namelist() for file in files] == [files[0].namelist()] * 2
    assert [len(file.read("entries.ndjson").splitlines()) for file in files] == [2, 2]
    assert (review.status_code, review.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert auditor.username in review.text
    assert outcome(without_permission) == (403, "permission-denied")
    assert unknown.json()["errors"][0]["pointer"] == "/query/colour"


async def test_a_head_leaves_the_address_to_be_used(person: Person, client: httpx.AsyncClient) -> None:
    address = await ask(person)
    path = address.json()["url"].removeprefix("/api/v1")

    head = await client.head(path)
    file = await client.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert (file.status_code, file.headers["content-type"]) == (200, head.headers["content-type"])


async def test_only_one_of_many_requests_gets_the_file(person: Person, client: httpx.AsyncClient) -> None:
    address = await ask(person)

    answers = await asyncio.gather(*(follow(client, address) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]


async def test_the_access_log_has_who_downloaded_what(
    person: Person, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    auditor = await signed_in_as("audit:read")

    file = await follow(client, await ask(person))
    refused = await client.get("/downloads/file?token=mine")

    calls = [answer.headers["attest-call-id"] for answer in (file, refused)]
    entries = [(await auditor.get("/audit/access", params={"call_id": call})).json()["items"][0] for call in calls]
    names = ("actor_id", "actor_name", "auth_method", "method", "path", "route", "module", "decision", "query")
    assert [entries[0][name] for name in names] == [
        str(person.id),
        person.username,
        "download",
        "GET",
        "/api/v1/tasks",
        "/api/v1/tasks",
        "tasks",
        "tasks:read",
        CSV.replace("lamps", "%5Bmasked%5D"),
    ]
    assert entries[0]["session_id"] is not None
    assert [entries[1][name] for name in ("actor_kind", "path", "query", "status")] == [
        "anonymous",
        "/api/v1/downloads/file",
        "token=%5Bmasked%5D",
        401,
    ]


async def test_an_address_ends_with_its_minute_and_with_its_session(
    person: Person, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, signed_out = await ask(person), await ask(person)
    with monkeypatch.context() as patch:
        patch.setattr("app.modules.downloads.service.now", lambda: now() + LIFETIME)
        after_a_minute = await follow(client, late)
    await person.post("/auth/logout")

    ended = await follow(client, signed_out)

    assert outcome(after_a_minute) == BAD
    assert outcome(ended) == (401, "unauthenticated")


async def test_permissions_are_checked_when_the_file_is_downloaded(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person, admin = await signed_in_as("tasks:read"), await signed_in_as(superuser=True)
    address = await ask(person)
    assert (await admin.put(f"/users/{person.id}/roles", {"role_ids": []})).status_code == 200

    refused = await follow(client, address)
    asked = await ask(person)

    assert outcome(refused) == outcome(asked) == (403, "permission-denied")


async def test_what_the_list_would_refuse_has_no_address(person: Person, signed_in_as: SignedInAs) -> None:
    key = (await person.post("/auth/api-keys", {"name": "k", "scopes": ["tasks:read"]})).json()
    refused = {
        "no list": await ask(person, path="/api/v1/auth/me"),
        "no route": await ask(person, path="/api/v1/nowhere"),
        "other host": await ask(person, path="https://example.com/api/v1/tasks"),
        "no format": await ask(person, "sort=title"),
        "format": await ask(person, "format=xlsx"),
        "parameter": await ask(person, "format=csv&colour=red"),
        "value": await ask(person, "format=csv&limit=0"),
        "deleted": await ask(person, "format=csv&deleted=only"),
        "other module": await ask(person, path="/api/v1/brands"),
        "key": await ask(person, headers={"Authorization": f"Bearer {key['key']}"}),
        "retry": await ask(person, headers={"Idempotency-Key": "a"}),
    }

    found = {
        name: (answer.status_code, (answer.json().get("errors") or [{"pointer": ""}])[0]["pointer"])
        for name, answer in refused.items()
    }
    assert found == {
        "no list": (422, "/body/path"),
        "no route": (422, "/body/path"),
        "other host": (422, "/body/path"),
        "no format": (422, "/body/query"),
        "format": (422, "/query/format"),
        "parameter": (422, "/query/colour"),
        "value": (422, "/query/limit"),
        "deleted": (403, ""),
        "other module": (403, ""),
        "key": (403, ""),
        "retry": (400, ""),
    }


async def test_what_is_stored_tells_nothing(app: FastAPI, person: Person) -> None:
    token = (await ask(person)).json()["url"].rpartition("=")[2]

    rows = await app.state.database.read_session(RequestContext.for_job("test")).all(select(table_of(Download)))

    (row,) = rows
    stored = bytes(row.id) + bytes(row.address)
    assert not any(word in stored for word in (token.encode(), b"lamps", b"tasks"))
    assert timedelta(0) < row.expires_at - now() <= LIFETIME


async def test_a_page_of_a_download_has_one_link_to_the_next(person: Person, client: httpx.AsyncClient) -> None:
    file = await follow(client, await ask(person, "format=ndjson&limit=1"))

    assert (file.headers["content-type"], len(file.text.splitlines())) == ("application/x-ndjson", 1)
    assert file.headers["link"].count("rel=") == 1
    assert file.headers["link"].startswith("</api/v1/tasks?")
