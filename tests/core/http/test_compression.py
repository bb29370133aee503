"""Responses over a kilobyte are compressed for clients that ask for it, unless they may show a secret."""

import gzip
import re
from typing import Any, get_args

import httpx
import orjson
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel

from app.core.http.route import Route
from app.core.runtime.masking import SECRET_NAME
from app.main import create_app
from tests.modules.audit.entries import access_entries
from tests.people import PASSWORD, Person, SignedInAs

GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}
LONG = {"title": "Count the stock", "description": "Every shelf. " * 200}


async def raw(person: Person, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The response to a GET, and its body as it was sent."""
    all_headers = {"Authorization": f"Bearer {person.access_token}", **headers}
    async with person.client.stream("GET", path, headers=all_headers) as answer:
        return answer, b"".join([chunk async for chunk in answer.aiter_raw()])


async def test_a_long_response_is_compressed_for_those_who_ask(signed_in_as: SignedInAs, app: FastAPI) -> None:
    person = await signed_in_as("tasks:create")
    task = (await person.post("/tasks", LONG)).json()

    answer, sent = await raw(person, f"/tasks/{task['id']}", **GZIP)
    plain = await person.get(f"/tasks/{task['id']}", headers=PLAIN)

    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(sent) == plain.content
    assert int(answer.headers["content-length"]) == len(sent) < len(plain.content) / 3
    assert "content-encoding" not in plain.headers
    for each in (answer, plain):
        assert each.headers["vary"] == "Accept-Encoding, Authorization"
    assert [entry.bytes_out for entry in await access_entries(app)][-2:] == [len(sent), len(plain.content)]


async def test_a_short_response_is_sent_as_it_is(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    task = (await person.post("/tasks", {"title": "x"})).json()

    answer = await person.get(f"/tasks/{task['id']}", headers=GZIP)

    assert "content-encoding" not in answer.headers
    assert (answer.headers["etag"], answer.headers["vary"]) == ('"1"', "Authorization")


async def test_the_tag_of_a_compressed_response_is_a_condition_like_the_other(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")
    path = f"/tasks/{(await person.post('/tasks', LONG)).json()['id']}"
    tags = [(await person.get(path, headers=coding)).headers["etag"] for coding in (PLAIN, GZIP)]

    known = [await person.get(path, headers={"If-None-Match": tag} | GZIP) for tag in tags]
    weak = await person.get(path, headers={"If-None-Match": f"W/{tags[1]}"})
    lines = [("Authorization", f"Bearer {person.access_token}"), ("If-None-Match", '"0"'), ("If-None-Match", tags[1])]
    listed = await person.client.get(path, headers=lines)
    changed = await person.patch(path, {"title": "y"}, headers={"If-Match": tags[1]})
    stale = await person.patch(path, {"title": "z"}, headers={"If-Match": tags[1]})

    assert tags == ['"1"', '"1-gzip"']
    assert [(answer.status_code, answer.headers["etag"]) for answer in known] == [(304, tags[0]), (304, tags[1])]
    assert {answer.headers["vary"] for answer in (*known, weak, listed)} == {"Accept-Encoding, Authorization"}
    assert (weak.status_code, listed.status_code) == (304, 304)
    assert (changed.status_code, stale.status_code) == (200, 412)


@pytest.mark.parametrize("kind", ["text/csv", "application/x-ndjson"])
async def test_a_file_is_compressed_as_it_is_written(signed_in_as: SignedInAs, kind: str, app: FastAPI) -> None:
    person = await signed_in_as("tasks:create")
    creations = [{"title": f"Task {number}"} for number in range(500)]
    for _ in range(3):
        await person.post("/tasks/bulk", {"create": creations})

    answer, sent = await raw(person, "/tasks", Accept=kind, **GZIP)
    plain = await person.get("/tasks", headers={"Accept": kind} | PLAIN)

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == plain.headers["vary"] == "Accept, Accept-Encoding, Authorization"
    assert gzip.decompress(sent) == plain.content
    assert len(sent) < len(plain.content) / 4
    assert [entry.bytes_out for entry in await access_entries(app)][-2:] == [len(sent), len(plain.content)]


async def test_a_long_list_is_compressed_in_a_thread(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    await person.post("/tasks/bulk", {"create": [LONG] * 100})

    answer, sent = await raw(person, "/tasks?limit=100", **GZIP)

    assert len(orjson.loads(gzip.decompress(sent))["items"]) == 100
    assert int(answer.headers["content-length"]) == len(sent)


async def test_what_is_compressed_already_is_sent_as_it_is(signed_in_as: SignedInAs, app: FastAPI) -> None:
    root = await signed_in_as(superuser=True)

    stream = await root.call("HEAD", "/audit/feed/stream", headers=GZIP)

    assert "content-encoding" not in stream.headers


async def test_a_replayed_response_is_compressed_for_whom_it_is_sent_to(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    key = {"Idempotency-Key": "one"}

    first = await person.post("/tasks", LONG, headers=key | GZIP)
    plain = await person.post("/tasks", LONG, headers=key | PLAIN)
    again = await person.post("/tasks", LONG, headers=key | GZIP)

    assert first.json() == plain.json() == again.json()
    assert [answer.headers.get("content-encoding") for answer in (first, plain, again)] == ["gzip", None, "gzip"]
    assert [answer.headers["etag"] for answer in (first, plain, again)] == ['"1-gzip"', '"1"', '"1-gzip"']


async def test_tokens_and_keys_are_never_compressed(signed_in_as: SignedInAs, client: httpx.AsyncClient) -> None:
    person = await signed_in_as()
    long_name = {"name": "k" * 100, "scopes": []}

    token = await client.post("/auth/token", data={"username": person.username, "password": PASSWORD}, headers=GZIP)
    key = await person.post("/auth/api-keys", long_name, headers=GZIP)

    for answer in (token, key):
        assert "content-encoding" not in answer.headers


def test_no_route_that_shows_a_secret_is_compressed() -> None:
    routes = [context.original_route for context in iter_route_contexts(create_app().routes)]
    secret = {
        name_of(route)
        for route in routes
        if isinstance(route, Route) and any(is_secret(name) for name in fields_of(route.response_model))
    }
    compressed = {name_of(route) for route in routes if isinstance(route, Route) and route.is_compressible}

    assert len(secret) >= 6, "the walk must see the routes"
    assert secret & compressed == set()


def name_of(route: Route) -> str:
    return f"{sorted(route.methods or ())} {route.path}"


def is_secret(name: str) -> bool:
    return SECRET_NAME.search(name) is not None or re.search("token|secret|password$|codes$|^key$", name) is not None


def fields_of(model: Any) -> set[str]:
    """The text fields of a response, those of nested models included."""
    names: set[str] = set()
    for part in (model, *get_args(model)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            for name, info in part.model_fields.items():
                names |= fields_of(info.annotation) | ({name} if mentions_text(info.annotation) else set())
    return names


def mentions_text(annotation: Any) -> bool:
    return annotation is str or any(mentions_text(part) for part in get_args(annotation))
