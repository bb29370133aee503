"""Files of lists need an action of their own: `products:export`, and `customers:export`."""

from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from app.modules.products.models import OF_OWN_BRANDS
from tests.answers import statuses
from tests.modules.audit.entries import access_entries
from tests.modules.customers import factory as customers
from tests.modules.products import factory as products
from tests.modules.products.factory import body, body_in_scope
from tests.modules.roles.policies import role
from tests.people import Person, SignedInAs

CSV, NDJSON = {"Accept": "text/csv"}, {"Accept": "application/x-ndjson"}
modules = pytest.mark.parametrize("module", [products, customers], ids=["products", "customers"])


@pytest.fixture
async def root(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as(superuser=True)


async def ask_for_files(person: Person, path: str, item: str) -> dict[str, httpx.Response]:
    """Every way to get lists of a module as files."""
    slug = path.strip("/")
    return {
        "csv": await person.get(path, headers=CSV),
        "ndjson": await person.get(path, headers=NDJSON),
        "preferred": await person.get(path, headers={"Accept": "text/csv, application/json;q=0.5"}),
        "format": await person.get(path, params={"format": "csv"}),
        "one row": await person.get(path, params={"format": "ndjson", "limit": 1, "fields": "id"}),
        "head": await person.call("HEAD", path, headers=CSV),
        "address": await person.post("/downloads", {"path": f"/api/v1/{slug}", "query": "format=csv"}),
        "history": await person.get(f"{path}/{item}/history", headers=CSV),
    }


@modules
async def test_files_need_the_permission_to_export(root: Person, signed_in_as: SignedInAs, module: Any) -> None:
    slug, path = module.SLUG, module.PATH
    item = (await root.post(path, module.body())).json()["id"]
    reader, exporter = await signed_in_as(f"{slug}:read"), await signed_in_as(f"{slug}:export")

    refused, given = await ask_for_files(reader, path, item), await ask_for_files(exporter, path, item)
    shown = {
        "list": await reader.get(path),
        "preferred": await reader.get(path, headers={"Accept": "application/json, text/csv"}),
        "item": await reader.get(f"{path}/{item}", headers=CSV),
        "history": await reader.get(f"{path}/{item}/history"),
        "summary": await reader.get(f"{path}/summary", params={"by": "status"}),
        "file of another module": await root.get("/tasks", headers=CSV),
    }

    assert statuses(refused) == dict.fromkeys(refused, 403)
    assert statuses(given) == {**dict.fromkeys(given, 200), "address": 201}
    assert statuses(shown) == dict.fromkeys(shown, 200)
    problem = refused["csv"].json()
    assert problem["detail"] == f"This list as a file needs the permission {slug}:export."
    assert problem["params"]["permissions"] == [f"{slug}:export"]


async def test_lists_below_an_item_are_files_of_the_module(root: Person, signed_in_as: SignedInAs) -> None:
    item = (await root.post("/products", body())).json()["id"]
    reader = await signed_in_as("products:read", "tags:read")
    exporter = await signed_in_as("products:export", "tags:read")

    for path in (f"/products/{item}/stock-movements", f"/products/{item}/tags"):
        answers = [await person.get(path, headers=CSV) for person in (reader, exporter)]
        assert [answer.status_code for answer in answers] == [403, 200], path
    assert (await reader.get("/tags", headers=CSV)).status_code == 200


async def test_a_reader_of_the_whole_log_gets_histories_as_files(root: Person, signed_in_as: SignedInAs) -> None:
    """What admits such a reader is no permission of the module."""
    item = (await root.post("/products", body())).json()["id"]
    path = f"/products/{item}/history"
    auditor, both = await signed_in_as("audit:read"), await signed_in_as("audit:read", "products:read")

    assert [(await person.get(path, headers=NDJSON)).status_code for person in (auditor, both)] == [200, 200]
    assert (await both.get("/products", headers=NDJSON)).status_code == 403


async def test_a_file_has_the_rows_that_one_may_export(root: Person, signed_in_as: SignedInAs) -> None:
    """Reading all rows and exporting some does not make a file of all."""
    person = await signed_in_as("brands:create")
    some = {"module_slug": "products", "actions": ["export"], "scope": OF_OWN_BRANDS.name}
    roles = [await role(root, "Of all", {"module_slug": "products"}), await role(root, "Of some", some)]
    roles.append((await root.get(f"/users/{person.id}/roles")).json()["assignments"][0]["role_id"])
    assert (await root.put(f"/users/{person.id}/roles", {"role_ids": roles})).status_code == 200
    mine = (await root.post("/products", await body_in_scope(person))).json()["id"]
    other = (await root.post("/products", await body_in_scope(root))).json()["id"]

    listed = {item["id"] for item in (await person.get("/products")).json()["items"]}
    for options in ({}, {"sort": "sku"}, {"limit": 10}, {"q": "lamp"}):
        file = await person.get("/products", params=options, headers=NDJSON)
        assert [orjson.loads(line)["id"] for line in file.text.splitlines()] == [mine], options
    histories = [await person.get(f"/products/{one}/history", headers=NDJSON) for one in (mine, other)]

    assert listed == {mine, other}
    assert [answer.status_code for answer in histories] == [200, 404]


async def test_it_is_an_action_like_any_other(root: Person, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()
    role_id = await role(root, "Exporters")
    await root.put(f"/users/{person.id}/roles", {"role_ids": [role_id]})
    path, wanted = f"/roles/{role_id}/modules", {"modules": [{"module_slug": "products", "actions": ["export"]}]}

    [effect] = (await root.put(path, wanted, params={"dry_run": True})).json()["effects"]
    assert (await root.put(path, wanted)).status_code == 200
    asked = {"permission": "products:export"}
    explained = (await root.get("/rbac/explain", params={"user_id": str(person.id), **asked})).json()
    who = (await root.get("/rbac/who-can", params=asked)).json()["items"]
    matrix = (await root.get("/roles/matrix")).json()["items"]
    keys = [
        (await person.post("/auth/api-keys", {"name": scopes[-1], "scopes": scopes})).json()["key"]
        for scopes in (["products:read"], ["products:read", "products:export"])
    ]
    files = [
        await person.client.get("/products?format=csv", headers={"Authorization": f"Bearer {key}"}) for key in keys
    ]

    assert effect["gained"] == ["products:export", "products:read"]
    assert explained["reasons"][0]["grant"] == ["products:export", "products:read"]
    assert person.username in {item["username"] for item in who}
    assert ["export"] in [grant["actions"] for row in matrix for grant in row["modules"]]
    assert [file.status_code for file in files] == [403, 200]


async def test_the_access_log_names_it(signed_in_as: SignedInAs, app: FastAPI) -> None:
    person = await signed_in_as("products:export")
    for name, headers in (("as-a-file", CSV), ("as-a-list", {})):
        await person.get("/products", headers={**headers, "X-Request-ID": name})

    decisions = {row.request_id: row.decision for row in await access_entries(app)}
    assert decisions["as-a-file"] == "products:export"
    assert decisions["as-a-list"] == "products:read"


async def test_the_document_says_so(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    needed = {"operationId": "list_products", "method": "get", "path": "/api/v1/products"}

    operation, tasks = paths["/api/v1/products"]["get"], paths["/api/v1/tasks"]["get"]
    assert operation["x-resource"]["actions"]["export"] == {**needed, "anyOf": [["products:read", "products:export"]]}
    assert operation["x-access"]["byParameter"]["format"] == {"csv": ["products:export"], "ndjson": ["products:export"]}
    assert "A file requires the permission `products:export`, too." in operation["description"]
    assert "export" not in tasks["x-resource"]["actions"]
    assert "format" not in tasks["x-access"]["byParameter"]
    history = paths["/api/v1/products/{id}/history"]["get"]["x-resource"]["actions"]["export"]
    assert history["anyOf"] == [["products:read", "products:export"], ["audit:read"]]
