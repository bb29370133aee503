"""Limits of a request: length, headers, time and text that no database stores."""

import asyncio
import base64
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.core.config import DatabaseSettings, LimitSettings
from app.core.context import RequestContext
from app.core.http.guards import public
from app.core.http.router import Router
from app.main import create_app
from tests.core.http.problems import assert_problem
from tests.fixtures.databases import settings_for
from tests.people import SignedInAs, person

FORM = "application/x-www-form-urlencoded"


async def test_a_url_that_is_too_long_is_a_414(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/tasks", params={"q": "x" * 9000}), 414, "uri-too-long")


async def test_headers_have_a_limit(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/tasks", headers={"X-Long": "x" * 17_000}), 431, "headers-too-large")


HOSTILE: list[tuple[str, str, int]] = [
    ("GET", "/tasks?q=a%00b", 400),
    ("GET", "/audit/access?request_id=%00", 400),
    ("GET", "/audit/changes/9223372036854775808", 422),
    ("GET", "/audit/changes/0", 422),
    ("GET", "/audit/access?status_gte=99999999999999999999", 422),
    ("GET", "/audit/access?status=99999999999", 422),
    ("GET", "/audit/access?at_gte=2026-01-01T00:00:00", 422),
    ("GET", "/audit/access?at_gte=0001-01-01T00:00:00%2B14:00", 422),
    ("GET", "/audit/access?total=true", 422),
    ("GET", "/audit/access?total=false", 200),
    ("GET", "/tasks?due_date_lt=9999-12-31", 200),
    ("GET", "/tasks?q=%FF%FE", 200),
    ("GET", "/tasks/not-a-uuid", 404),
    ("GET", "/tasks/bulk", 405),
    ("GET", "/tasks?limit=99999999999999999999999999999999", 422),
]


@pytest.mark.parametrize(("method", "path", "status"), HOSTILE)
async def test_hostile_addresses_never_crash(signed_in_as: SignedInAs, method: str, path: str, status: int) -> None:
    person = await signed_in_as("tasks:read", "audit:read")

    answer = await person.call(method, path)

    assert answer.status_code == status, answer.text


async def test_hostile_sign_ins_never_crash(client: httpx.AsyncClient) -> None:
    nul = await client.post("/auth/token", content=b"username=a%00b&password=x", headers={"Content-Type": FORM})
    json_body = await client.post("/auth/token", json={"username": "a", "password": "b"})
    deep = base64.urlsafe_b64encode(b"[" * 2400).decode()
    token = await client.get("/tasks", headers={"Authorization": f"Bearer {deep}.e30.e30"})

    assert_problem(nul, 422, "invalid-fields")
    assert_problem(json_body, 415, "unsupported-media-type")
    assert_problem(token, 401, "unauthenticated")


async def test_a_slow_request_ends(app: FastAPI, tmp_path: Path, database_url: str) -> None:
    limits = app.state.settings.limits.model_copy(update={"request_seconds": 0.05})
    slow = create_app(settings_for(database_url, tmp_path, limits=limits))
    router = Router(prefix="/slow")

    @router.get("", dependencies=[public()])
    async def wait() -> None:
        await asyncio.Event().wait()

    slow.include_router(router, prefix="/api/v1")
    async with slow.router.lifespan_context(slow):
        transport = httpx.ASGITransport(slow, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as caller:
            answer = await caller.get("/api/v1/slow")

    assert_problem(answer, 504, "request-timeout")
    assert answer.headers["retry-after"] == "1"


async def test_a_change_must_say_of_which_version_where_that_is_asked_for(database_url: str, tmp_path: Path) -> None:
    strict = create_app(settings_for(database_url, tmp_path, limits=LimitSettings(require_if_match=True)))
    transport = httpx.ASGITransport(strict, raise_app_exceptions=False)
    async with (
        strict.router.lifespan_context(strict),
        httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as caller,
    ):
        someone = await person(strict, caller, ("tasks:create", "tasks:update"))
        path = f"/tasks/{(await someone.post('/tasks', {'title': 'x'})).json()['id']}"

        refused = await someone.patch(path, {"title": "y"})
        changed = await someone.patch(path, {"title": "y"}, headers={"If-Match": '"1"'})

    assert_problem(refused, 428, "precondition-required")
    assert changed.status_code == 200


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_statement_that_takes_too_long_is_a_504(database_url: str, tmp_path: Path) -> None:
    """The limit of one second also holds for the statements of the start, which take milliseconds."""
    strict = create_app(settings_for(database_url, tmp_path, database=DatabaseSettings(statement_timeout_ms=1000)))
    router = Router(prefix="/slow")

    @router.get("", dependencies=[public()])
    async def sleep() -> None:
        await strict.state.database.read_session(RequestContext()).value(select(func.pg_sleep(60)))

    strict.include_router(router, prefix="/api/v1")
    transport = httpx.ASGITransport(strict, raise_app_exceptions=False)
    async with (
        strict.router.lifespan_context(strict),
        httpx.AsyncClient(transport=transport, base_url="http://attest.test") as caller,
    ):
        answer = await caller.get("/api/v1/slow")

    assert_problem(answer, 504, "request-timeout")
    assert answer.headers["retry-after"] == "1"
