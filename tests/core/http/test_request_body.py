"""Request bodies are read strictly: media type, size, JSON, and types."""

import json
import threading
from collections.abc import AsyncIterator

import httpx
import pytest

from app.core.errors import Malformed
from app.core.field_errors import escape_pointer
from app.core.strict_json import check
from tests.core.http.problems import assert_problem
from tests.people import SignedInAs

FORM = "application/x-www-form-urlencoded"


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
        json.dumps({f"member {n}": n for n in range(1_001)}).encode(),
        json.dumps({"title": [0] * 10_001}).encode(),
        json.dumps({"title": [{}] * 5_001}).encode(),
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
async def test_lenient_json_is_refused(signed_in_as: SignedInAs, body: bytes) -> None:
    person = await signed_in_as("tasks:create")

    answer = await person.call("POST", "/tasks", content=body, headers={"Content-Type": "application/json"})

    assert_problem(answer, 400, "malformed-request")


async def test_a_public_endpoint_takes_8_kib(client: httpx.AsyncClient) -> None:
    padding = " " * 8 * 1024

    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"refresh_token": "x"}'
        yield padding.encode()

    headers = {"Content-Type": "application/json"}
    declared = await client.post("/auth/token/refresh", content=f'{{"refresh_token": "x"}}{padding}', headers=headers)
    chunked = await client.post("/auth/token/refresh", content=chunks(), headers=headers)

    assert_problem(declared, 413, "content-too-large")
    assert_problem(chunked, 413, "content-too-large")


async def test_commas_in_text_are_no_values(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    texts = [{"title": "commas", "description": '\\",' * 3_000} for _ in range(5)]

    answer = await person.post("/tasks/bulk", {"create": texts})

    assert answer.status_code == 200, answer.text


async def test_many_values_are_refused_before_anything_is_built_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.strict_json.DECODER.decode", lambda *_args, **_kwargs: pytest.fail("it was built"))

    with pytest.raises(Malformed, match="more than 10000 values"):
        check(b"[" + b"[]," * 300_000 + b"[]]", 20)


async def test_errors_are_built_as_far_as_they_are_shown(
    signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await signed_in_as("tasks:create")
    built: list[object] = []

    def record(part: object) -> str:
        built.append(part)
        return escape_pointer(part)

    monkeypatch.setattr("app.core.field_errors.escape_pointer", record)
    unknown = {f"member {number}": number for number in range(900)}
    answer = await person.post("/tasks/bulk", {"create": [unknown] * 10})

    assert_problem(answer, 422, "invalid-fields")
    assert answer.json()["detail"] == "The request has 9010 invalid fields."
    assert len(answer.json()["errors"]) == 20
    assert {part for part in built if str(part).startswith("member")} <= {f"member {number}" for number in range(20)}


async def test_a_form_has_a_limit_of_fields(client: httpx.AsyncClient) -> None:
    answer = await client.post("/auth/token", content="a&" * 1_001, headers={"Content-Type": FORM})

    assert_problem(answer, 400, "malformed-request")


async def test_a_large_body_is_validated_beside_the_event_loop(
    signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await signed_in_as("tasks:create")
    threads: list[bool] = []

    def record_thread(body: bytes, max_depth: int) -> None:
        threads.append(threading.current_thread() is threading.main_thread())
        check(body, max_depth)

    monkeypatch.setattr("app.core.http.request_body.check", record_thread)
    small = await person.post("/tasks", {"title": "small"})
    large = await person.post("/tasks", {"title": "x" * 70_000})

    assert small.status_code == 201
    assert_problem(large, 422, "invalid-fields")
    assert threads == [True, False]


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
    garbage = {f"m{n}": n for n in range(500)}

    answer = await client.post("/auth/token/refresh", json=garbage)

    body = assert_problem(answer, 422, "invalid-fields")
    assert len(body["errors"]) == 20
    assert "501 invalid fields" in body["detail"]
