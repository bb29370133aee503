"""Requests that leave no access entry when they succeed, and the size of an entry."""

import re
from collections.abc import Sequence
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from app.core.config import AuditSettings, Settings
from app.core.context import RequestContext
from app.main import create_app
from app.modules.audit.requests.exclusions import ExcludesEverything, is_excluded
from tests.modules.audit.entries import access_entries, change_entries
from tests.people import SignedInAs

PAGE = "http://attest.test"
DEFAULT = AuditSettings().access_exclude


def exclude(app: FastAPI, *patterns: str) -> None:
    audit = app.state.settings.audit.model_copy(update={"access_exclude": patterns})
    app.state.settings = app.state.settings.model_copy(update={"audit": audit})


async def entries(app: FastAPI) -> list[tuple[str, str, int]]:
    return [(row.method, row.path, row.status) for row in await access_entries(app)]


async def test_probes_and_static_files_leave_no_entry_by_default(app: FastAPI, client: httpx.AsyncClient) -> None:
    """Regression: each probe of an orchestrator left an entry."""
    for path in ("/healthz", "/readyz", "/static/icon.svg", "/", "/static/nothing.js", "/static/../healthz"):
        await client.get(f"{PAGE}{path}")
    await client.post(f"{PAGE}/healthz")

    found = [(method, path, status) for method, path, status in await entries(app)]
    assert found == [("GET", "/", 200), ("GET", "/static/nothing.js", 404), ("POST", "/healthz", 405)]


async def test_a_change_behind_an_excluded_path_keeps_its_actor(
    app: FastAPI, signed_in_as: SignedInAs, job: RequestContext
) -> None:
    """Regression of an earlier product: an excluded path lost the actor of its changes."""
    person = await signed_in_as("tasks:create")
    exclude(app, "POST /api/v1/tasks")

    created = await person.post("/tasks", {"title": "x"}, headers={"X-Request-ID": "unseen"})

    assert created.status_code == 201
    assert await entries(app) == []
    (change,) = await change_entries(app.state.database, job, "task")
    assert (change.actor_id, change.actor_name, change.request_id) == (person.id, person.username, "unseen")
    assert (str(change.call_id), change.ip) == (created.headers["attest-call-id"], "192.0.2.7")


async def test_a_refusal_and_a_failure_on_an_excluded_path_are_logged(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    exclude(app, "* /api/*")

    for caller in (client, person):
        await caller.get("/tasks")
    await client.get("/nothing")

    assert await entries(app) == [
        ("GET", "/api/v1/tasks", 401),
        ("GET", "/api/v1/tasks", 403),
        ("GET", "/api/v1/nothing", 404),
    ]


async def test_what_must_be_on_the_disk_is_never_left_out(app: FastAPI, signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as("audit:read", "tasks:read")
    exclude(app, "* /api/*")

    assert (await auditor.get("/audit/changes")).status_code == 200
    assert (await auditor.get("/tasks", headers={"Accept": "text/csv"})).status_code == 200
    assert (await auditor.get("/tasks")).status_code == 200

    assert await entries(app) == [("GET", "/api/v1/audit/changes", 200), ("GET", "/api/v1/tasks", 200)]


@pytest.mark.parametrize(
    ("patterns", "method", "path", "excluded"),
    [
        (DEFAULT, "GET", "/healthz", True),
        (DEFAULT, "HEAD", "/healthz", False),
        (DEFAULT, "GET", "/healthz/", False),
        (DEFAULT, "GET", "/healthzz", False),
        (DEFAULT, "GET", "/static/a.js", True),
        (DEFAULT, "GET", "/static", False),
        (DEFAULT, "GET", "/staticky/a.js", False),
        (DEFAULT, "get", "/healthz", False),
        (("* /a",), "POST", "/a", True),
        (("GET /",), "GET", "/", True),
        (("GET /",), "GET", "/a", False),
        ((), "GET", "/healthz", False),
    ],
)
def test_patterns(patterns: Sequence[str], method: str, path: str, excluded: bool) -> None:  # a parameter
    assert is_excluded(tuple(patterns), method, path) is excluded


@pytest.mark.parametrize(
    "pattern",
    [
        "/healthz",
        "GET",
        "GET healthz",
        "get /healthz",
        "GET  /a",
        "* /*",
        "GET /*",
        "GET /a*",
        "GET /a?b",
        "GET /*/a",
        "",
    ],
)
def test_a_pattern_that_cannot_be_read_stops_the_start(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT__ACCESS_EXCLUDE", orjson.dumps([pattern]).decode())

    with pytest.raises(ValidationError, match="AUDIT__ACCESS_EXCLUDE"):
        Settings(_env_file=None)


@pytest.mark.parametrize("pattern", ["* /api/v1/*", "GET /api/v1/*", "* /api/*"])
async def test_a_pattern_for_the_whole_api_stops_the_start(settings: Settings, pattern: str) -> None:
    """Regression: it switched the access log off."""
    app = create_app(settings)
    exclude(app, *DEFAULT, pattern)

    with pytest.raises(ExcludesEverything, match=re.escape(f"AUDIT__ACCESS_EXCLUDE: '{pattern}' names the whole API")):
        async with app.router.lifespan_context(app):
            pass


async def test_an_entry_has_a_size(app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: a stranger wrote 3 kB into the log with each request, 12 kB with control characters."""
    person = await signed_in_as("tasks:read")
    spool = app.state.access_log.spool
    agent = {"User-Agent": b"\x01\xe9" * 2000}
    calls: list[tuple[Any, str, dict[str, str]]] = [
        (client.get, "/" + "%01" * 2500, {}),
        (client.get, "/" + "%F0%9F%98%80" * 600, {}),
        (client.get, "/tasks/" + "a" * 7000, {}),
        (person.get, "/tasks", {"sort": "\x01" * 2000}),
        (person.get, "/tasks", {"status": "\U0001f600" * 500}),
    ]
    for call, path, params in calls:
        before = spool.size
        answer = await call(path, params=params, headers=agent)
        assert spool.size - before <= MAX_ENTRY, (path[:20], answer.status_code)

    rows = await access_entries(app)
    assert len(rows) == len(calls)
    assert all(len(row.path.encode()) <= 512 and len(row.user_agent.encode()) <= 400 for row in rows)


MAX_ENTRY = 2700
