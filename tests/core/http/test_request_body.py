"""Request bodies are read strictly: media type, size, JSON, and types."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.core.http.problems import assert_problem
from tests.people import SignedInAs


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"title": "a", "title": "b"}',
        b'{"title": NaN}',
        b'{"title": "a\\u0000b"}',
        b'{"title": "\\ud800"}',
        b'{"title": "\xff"}',
        b'{"title": ' + b"[" * 21 + b"]" * 21 + b"}",
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
    ],
)
async def test_lenient_json_is_refused(signed_in_as: SignedInAs, body: bytes) -> None:
    person = await signed_in_as("tasks:create")

    answer = await person.call("POST", "/tasks", content=body, headers={"Content-Type": "application/json"})

    assert_problem(answer, 400, "malformed-request")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", 1),
        ("title", None),
        ("title", ""),
        ("title", "x" * 201),
        ("title", "two\nlines"),
        ("status", "unknown"),
        ("due_date", 20_000),
        ("due_date", "tomorrow"),
        ("assignee_id", 7),
    ],
)
async def test_values_are_not_coerced(signed_in_as: SignedInAs, field: str, value: object) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")
    item = (await person.post("/tasks", {"title": "fine"})).json()

    created = await person.post("/tasks", {"title": "fine", field: value})
    changed = await person.patch(f"/tasks/{item['id']}", {field: value})

    for answer in (created, changed):
        assert assert_problem(answer, 422, "invalid-fields")["errors"][0]["pointer"] == f"/body/{field}"


async def test_a_flag_is_not_a_number(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("roles:create")

    answer = await person.post("/roles", {"name": "r", "is_active": 0})

    assert_problem(answer, 422, "invalid-fields")


async def test_only_json_is_read(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")

    for kind in ("text/plain", "application/xml", "multipart/form-data"):
        answer = await person.call("POST", "/tasks", content=b"<x/>", headers={"Content-Type": kind})
        assert_problem(answer, 415, "unsupported-media-type")
    missing = await person.post("/tasks")
    assert_problem(missing, 422, "invalid-fields")


async def test_an_oversized_body_is_refused_declared_or_chunked(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    big = json.dumps({"title": "x" * 1_100_000}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 65_536):
            yield big[start : start + 65_536]

    declared = await person.call("POST", "/tasks", content=big, headers={"Content-Type": "application/json"})
    chunked = await person.call("POST", "/tasks", content=chunks(), headers={"Content-Type": "application/json"})

    assert_problem(declared, 413, "content-too-large")
    assert_problem(chunked, 413, "content-too-large")


async def test_many_invalid_fields_get_a_short_answer(client: httpx.AsyncClient) -> None:
    garbage = {f"m{n}": n for n in range(50_000)}

    answer = await client.post("/auth/token/refresh", json=garbage)

    body = assert_problem(answer, 422, "invalid-fields")
    assert len(body["errors"]) == 20
    assert "50001 invalid fields" in body["detail"]
