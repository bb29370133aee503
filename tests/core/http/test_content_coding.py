"""Compressed requests: gzip is decoded within the limits of the route, and no other coding is taken for text."""

import gzip
import os
import zlib
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from app.core.http.content_coding import PIECE_BYTES, GzipDecoder
from tests.core.http.problems import assert_problem
from tests.modules.audit.entries import access_entries
from tests.people import PASSWORD, SignedInAs

JSON = {"Content-Type": "application/json"}
GZIP = JSON | {"Content-Encoding": "gzip"}
TASK = orjson.dumps({"title": "Count the stock"})


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", " gzip ,", "identity, gzip"])
async def test_gzip_is_decoded(signed_in_as: SignedInAs, coding: str) -> None:
    person = await signed_in_as("tasks:create")

    made = await person.call("POST", "/tasks", content=gzip.compress(TASK), headers=JSON | {"Content-Encoding": coding})

    assert (made.status_code, made.json()["title"]) == (201, "Count the stock")


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, br", "utf-8"])
async def test_another_coding_is_a_415(signed_in_as: SignedInAs, coding: str) -> None:
    person = await signed_in_as("tasks:create")

    answer = await person.call("POST", "/tasks", content=TASK, headers=JSON | {"Content-Encoding": coding})

    assert_problem(answer, 415, "unsupported-media-type")
    assert answer.headers["accept-encoding"] == "gzip"


async def test_two_lines_are_one_list_of_codings(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    lines = [("Authorization", f"Bearer {person.access_token}"), *GZIP.items(), ("Content-Encoding", "br")]

    answer = await person.client.post("/tasks", content=gzip.compress(TASK), headers=lines)

    assert_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "body",
    [
        TASK,
        gzip.compress(TASK)[:-1],
        gzip.compress(TASK)[:5],
        gzip.compress(TASK) + b"x",
        gzip.compress(TASK)[:-8] + bytes(8),
        zlib.compress(TASK),
    ],
    ids=["plain", "no-end", "no-body", "more", "wrong-sum", "zlib"],
)
async def test_what_is_no_gzip_is_a_400(signed_in_as: SignedInAs, body: bytes) -> None:
    person = await signed_in_as("tasks:create")

    answer = await person.call("POST", "/tasks", content=body, headers=GZIP)

    assert_problem(answer, 400, "malformed-request")
    assert "gzip" in answer.json()["detail"]


async def test_a_bomb_is_refused(signed_in_as: SignedInAs, app: FastAPI) -> None:
    person = await signed_in_as("tasks:create")
    bomb = gzip.compress(bytes(100 * 1024 * 1024))

    answer = await person.call("POST", "/tasks", content=bomb, headers=GZIP)
    upload = await person.call(
        "POST", "/tasks/import", content=bomb, headers=GZIP | {"Content-Type": "text/csv", "Prefer": "wait"}
    )

    assert_problem(answer, 413, "content-too-large")
    assert upload.status_code in (400, 422), "100 MiB are within the limit of a file; zeros are no CSV"
    first = next(entry for entry in await access_entries(app) if entry.status == 413)
    assert first.bytes_in == len(bomb), "what was sent"


async def test_a_bomb_is_decoded_only_as_far_as_the_limit() -> None:
    bomb = gzip.compress(bytes(50 * 1024 * 1024))
    decoder = GzipDecoder(receive_of(bomb))

    message = await decoder()

    assert len(message["body"]) == PIECE_BYTES
    assert message["more_body"]


async def test_a_form_may_be_compressed(signed_in_as: SignedInAs, client: httpx.AsyncClient) -> None:
    person = await signed_in_as()
    form = f"username={person.username}&password={PASSWORD.replace(' ', '+')}".encode()
    headers = GZIP | {"Content-Type": "application/x-www-form-urlencoded"}

    answer = await client.post("/auth/token", content=gzip.compress(form), headers=headers)
    cut = await client.post("/auth/token", content=gzip.compress(form)[:-3], headers=headers)
    large = await client.post("/auth/token", content=gzip.compress(form + b"&x=" + b"y" * 9000), headers=headers)

    assert answer.status_code == 200
    assert_problem(cut, 400, "malformed-request")
    assert_problem(large, 413, "content-too-large")


async def test_a_file_may_be_compressed(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    lines = b"title\n" + b"".join(b"Task %d\n" % number for number in range(2000))

    async def chunks() -> AsyncIterator[bytes]:
        compressed = gzip.compress(lines)
        for start in range(0, len(compressed), 1000):
            yield compressed[start : start + 1000]

    headers = GZIP | {"Content-Type": "text/csv", "Idempotency-Key": "one"}
    made = await person.call("POST", "/tasks/import", content=chunks(), headers=headers)
    again = await person.call(
        "POST", "/tasks/import", content=lines, headers={"Content-Type": "text/csv", "Idempotency-Key": "one"}
    )

    assert (made.status_code, made.json()["created"]) == (200, 2000)
    assert again.headers["idempotency-replayed"] == "true", "the same file, however it was sent"


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
async def test_chunks_of_any_size_make_the_same_body(size: int) -> None:
    plain = os.urandom(100_000) + bytes(300_000)
    compressed = gzip.compress(plain[:1000]) + gzip.compress(b"") + gzip.compress(plain[1000:])

    decoded = await read_all(GzipDecoder(receive_of(compressed, size)))

    assert decoded == plain


async def test_behind_the_body_comes_what_the_server_says() -> None:
    decoder = GzipDecoder(receive_of(gzip.compress(b"x")))
    await read_all(decoder)

    assert (await decoder())["type"] == "http.disconnect"


async def test_an_empty_body_has_no_coding() -> None:
    assert await read_all(GzipDecoder(receive_of(b""))) == b""
    with pytest.raises(HTTPException):
        await read_all(GzipDecoder(receive_of(b"\x1f")))


def receive_of(body: bytes, size: int = 1000) -> Receive:
    """What an ASGI server gives: `body` in chunks of `size`, and then that the client is gone."""
    chunks = [body[start : start + size] for start in range(0, len(body), size)] or [b""]

    async def receive() -> Message:
        if not chunks:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    return receive


async def read_all(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)
