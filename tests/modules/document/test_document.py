"""The packed document: for every caller, in production too, from memory, and whole where a screen reads it."""

from typing import Any

import httpx
from fastapi import FastAPI

from app.core.config import Environment, Settings
from app.main import create_app
from tests.people import Person, SignedInAs, person


async def test_callers_who_may_do_nothing_get_it(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    powerless = await signed_in_as()

    assert (await powerless.get("/document")).status_code == 200
    assert (await client.get("/document")).status_code == 401


async def test_it_is_sent_packed_and_once(app: FastAPI, signed_in_as: SignedInAs) -> None:
    caller = await signed_in_as()

    plain = await caller.get("/document", headers={"Accept-Encoding": "identity"})
    small = await caller.get("/document", headers={"Accept-Encoding": "gzip"})

    assert (small.headers["content-encoding"], small.json()) == ("gzip", plain.json())
    assert small.headers["etag"] == f'{plain.headers["etag"][:-1]}-gzip"'
    assert not plain.headers["etag"].startswith("W/")
    assert plain.headers["cache-control"] == "private, no-cache"
    for tag in (plain.headers["etag"], small.headers["etag"]):
        known = await caller.get("/document", headers={"If-None-Match": tag})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert int(small.headers["content-length"]) < 45_000
    assert app.state.assets.built["document"].body == plain.content


async def test_it_has_all_that_a_screen_reads(app: FastAPI, signed_in_as: SignedInAs) -> None:
    whole, packed = app.openapi(), (await (await signed_in_as()).get("/document")).json()

    assert packed["paths"].keys() == whole["paths"].keys()
    assert packed["components"]["schemas"].keys() == whole["components"]["schemas"].keys()
    for path, item in whole["paths"].items():
        for method, operation in item.items():
            kept = packed["paths"][path][method]
            for name in ("operationId", "summary", "x-access", "x-resource"):
                assert kept.get(name) == operation.get(name)
            assert names(kept) == names(operation)
    for name, schema in whole["components"]["schemas"].items():
        kept = packed["components"]["schemas"][name]
        assert kept.get("enum") == schema.get("enum")
        assert kept.get("required") == schema.get("required")
        fields = schema.get("properties", {})
        assert {field: node.get("title") for field, node in kept.get("properties", {}).items()} == {
            field: node.get("title") for field, node in fields.items()
        }
        for field, node in fields.items():
            assert kept["properties"][field].get("description") == node.get("description")
            assert kept["properties"][field].get("x-write-action") == node.get("x-write-action")


def names(operation: dict[str, Any]) -> list[str]:
    return [parameter["name"] for parameter in operation.get("parameters", ())]


async def test_production_without_docs_serves_it(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"environment": Environment.production, "docs_enabled": False}))
    app.state.settings = settings.model_copy(update={"docs_enabled": False})
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as client:
            caller: Person = await person(app, client)
            served, docs = await caller.get("/document"), await client.get("http://attest.test/openapi.json")

    assert (served.status_code, docs.status_code) == (200, 404)
