"""The packed document: for every caller, in production too, from memory, and whole where a screen reads it."""

from typing import Any

import httpx
from fastapi import FastAPI

from app.core.config import Environment, Settings
from app.main import create_app
from tests.people import Person, SignedInAs, person

PACKED_BYTES = 21_500
READ = {"200"}


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
    assert int(small.headers["content-length"]) <= PACKED_BYTES
    assert app.state.assets.built["document"].body == plain.content


async def test_it_has_all_that_a_screen_reads_of_lists_and_items(app: FastAPI, signed_in_as: SignedInAs) -> None:
    whole, packed = app.openapi(), (await (await signed_in_as()).get("/document")).json()
    lists = [path for path, item in whole["paths"].items() if "x-resource" in item.get("get", {})]

    below = {path for path in whole["paths"] if any(f"{path}/".startswith(f"{each}/") for each in lists)}
    assert packed["paths"].keys() == below
    for path in below:
        for method, operation in whole["paths"][path].items():
            kept = packed["paths"][path][method]
            for name in ("x-access", "x-resource"):
                assert kept.get(name) == operation.get(name)
            assert bodies(kept) == bodies(operation)
    for path in lists:
        kept, operation = packed["paths"][path]["get"], whole["paths"][path]["get"]
        assert names(kept) == names(operation)
        assert kept["responses"].keys() == READ
        assert references(kept["responses"]) == references(operation["responses"]["200"]["content"]["application/json"])


async def test_its_schemas_are_those_of_lists_and_items_with_all_that_a_field_says(
    app: FastAPI, signed_in_as: SignedInAs
) -> None:
    whole, packed = app.openapi(), (await (await signed_in_as()).get("/document")).json()

    schemas = packed["components"]["schemas"]
    assert set(references(packed)) == schemas.keys()
    assert {"TaskRead", "TaskCreate", "TaskUpdate", "CustomerRead", "AccessRead"} <= schemas.keys()
    for name, kept in schemas.items():
        schema = whole["components"]["schemas"][name]
        assert (kept.get("enum"), kept.get("required")) == (schema.get("enum"), schema.get("required"))
        assert kept.get("properties", {}).keys() == schema.get("properties", {}).keys()
        for field, node in schema.get("properties", {}).items():
            own = kept["properties"][field]
            assert own.get("title", in_words(field)).lower() == node.get("title", in_words(field)).lower()
            for said in ("description", "type", "format", "$ref", "x-read-action", "x-write-action", "x-enum-titles"):
                assert own.get(said) == node.get(said)


def in_words(field: str) -> str:
    return field.replace("_", " ")


def names(operation: dict[str, Any]) -> list[str]:
    return [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]


def bodies(operation: dict[str, Any]) -> list[str]:
    """The schemas of what is sent in JSON."""
    content = operation.get("requestBody", {}).get("content", {})
    return references(content.get("application/json", {}))


def references(node: Any) -> list[str]:
    """The names of the schemas that a part of the document refers to, each as often as it does."""
    if isinstance(node, list):
        return [name for item in node for name in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"].rpartition("/")[2]] if "$ref" in node else []
    return [*own, *(name for item in node.values() for name in references(item))]


async def test_production_without_docs_serves_it(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"environment": Environment.production, "docs_enabled": False}))
    app.state.settings = settings.model_copy(update={"docs_enabled": False})
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as client:
            caller: Person = await person(app, client)
            served, docs = await caller.get("/document"), await client.get("http://attest.test/openapi.json")

    assert (served.status_code, docs.status_code) == (200, 404)
