"""HEAD gets what GET gets, without the body."""

import re

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.main import create_app
from tests.core.http.problems import assert_problem
from tests.modules.audit.entries import access_entries
from tests.people import SignedInAs

NOWHERE = "01890000-0000-7000-8000-000000000000"
GETS = sorted(
    re.sub(r"{\w+}", NOWHERE, str(route.path_format))
    for route in iter_route_contexts(create_app().routes)
    if "GET" in (route.methods or ())
)
CHANGING = {"attest-call-id", "x-request-id", "ratelimit", "date", "content-length"}
"""What two requests of one kind do not share. The length of a problem depends on the id in it."""


def stable(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in CHANGING}


async def test_every_get_has_a_head(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    paths = [f"http://attest.test{path}" for path in GETS if not path.endswith("/feed/stream")]

    assert len(paths) > 60
    for path in paths:
        got, head = await root.get(path), await root.call("HEAD", path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert stable(head) == stable(got), path
        assert ("content-length" in head.headers) == ("content-length" in got.headers), path


async def test_the_length_is_that_of_the_body(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    task = (await person.post("/tasks", {"title": "x", "description": "y" * 2000})).json()

    for path in (f"/tasks/{task['id']}", "/tasks"):
        for coding in ("identity", "gzip"):
            got = await person.get(path, headers={"Accept-Encoding": coding})
            head = await person.call("HEAD", path, headers={"Accept-Encoding": coding})
            assert head.headers["content-length"] == got.headers["content-length"]
            assert head.headers.get("content-encoding") == got.headers.get("content-encoding")


async def test_the_access_entry_says_head(signed_in_as: SignedInAs, app: FastAPI) -> None:
    person = await signed_in_as("tasks:read")

    await person.call("HEAD", "/tasks")

    entry = (await access_entries(app))[-1]
    assert (entry.method, entry.path, entry.route) == ("HEAD", "/api/v1/tasks", "/api/v1/tasks")
    assert (entry.status, entry.bytes_out, entry.decision) == (200, 0, "tasks:read")


async def test_a_file_and_a_stream_do_not_begin(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)

    file = await root.call("HEAD", "/tasks", headers={"Accept": "text/csv"})
    stream = await root.call("HEAD", "/audit/feed/stream")

    assert file.headers["content-disposition"] == 'attachment; filename="tasks.csv"'
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert file.content == stream.content == b""


async def test_the_condition_of_a_head_is_that_of_a_get(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    path = f"/tasks/{(await person.post('/tasks', {'title': 'x'})).json()['id']}"

    known = await person.call("HEAD", path, headers={"If-None-Match": '"1"'})

    assert (known.status_code, known.headers["etag"]) == (304, '"1"')


async def test_where_there_is_no_get_there_is_no_head(signed_in_as: SignedInAs, app: FastAPI) -> None:
    person = await signed_in_as("tasks:read")

    head = await person.call("HEAD", "/tasks/bulk")
    other = await person.call("PUT", "/tasks")

    assert (head.status_code, head.headers["allow"], head.content) == (405, "POST", b"")
    assert other.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_stranger_learns_nothing(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/tasks")

    assert answer.status_code == 401
    if method == "GET":
        assert_problem(answer, 401, "unauthenticated")
