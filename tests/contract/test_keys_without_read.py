"""What a caller without the permission to read learns from every endpoint that writes: nothing that is stored.

The permission to read comes with every grant of a role, so that only scopes of API keys can be without it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from app.core.http.guards import RequiresPermission
from app.main import API, create_app
from tests.contract.resources import declared, factories
from tests.people import Person, SignedInAs

NOWHERE = "01890000-0000-7000-8000-000000000000"
WRITES = [
    (method, str(route.path_format).removeprefix(API), guard)
    for route in iter_route_contexts(create_app().routes)
    for method in sorted(route.methods or [])
    if isinstance(guard := getattr(route.original_route, "guard", None), RequiresPermission) and method != "GET"
]
WITHOUT_READ = {"POST /tasks"}
"""Reviewed: their answers tell nothing that was stored before, because no value of an item can be taken."""


def name(method: str, path: str) -> str:
    return f"{method} {path}"


async def blind_key(root: Person) -> Person:
    """A key that may do everything but read."""
    slugs = [module["slug"] for module in (await root.get("/modules")).json()["items"]]
    scopes = [f"{slug}:{action}" for slug in slugs for action in ("create", "update", "delete")]
    made = await root.post("/auth/api-keys", {"name": "blind", "scopes": scopes})
    return Person(root.id, root.username, root.client, made.json()["key"], "")


async def stored_items(root: Person) -> dict[str, Mapping[str, Any]]:
    """One item of each module that has a factory, by the path of its collection."""
    items: dict[str, Mapping[str, Any]] = {}
    for factory in factories().values():
        body = factory.body()
        answer = await root.post(factory.PATH, body)
        assert answer.status_code == 201, answer.text
        items[factory.PATH] = {**answer.json(), "body": body}
    return items


def known_values(item: Mapping[str, Any]) -> list[str]:
    """The values of an item that could not be in an answer by chance."""
    shown = [str(value) for field, value in item.items() if field not in ("body", "id", "version")]
    return [value for value in shown if len(value) >= 4 and value not in ("None", "True", "False")]


def bodies(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Nothing, what is stored already, and what a bulk request takes."""
    same = item.get("body", {})
    bulk = {"create": [same], "update": [{"id": item["id"], "changes": {}}]}
    return [{}, same, bulk, {"delta": -1_000_000, "reason": "probe"}]


def test_the_walk_sees_every_endpoint_that_writes() -> None:
    assert len(WRITES) >= 45
    assert {name(method, path) for method, path, guard in WRITES if guard.without_read} == WITHOUT_READ


async def test_who_may_not_read_learns_nothing_from_a_write(signed_in_as: SignedInAs) -> None:
    """Regression: `PATCH {}` with a key that might only update showed the row, and imports told what is taken."""
    root = await signed_in_as(superuser=True)
    key, items = await blind_key(root), await stored_items(root)

    for method, path, guard in WRITES:
        item = items.get("/" + path.split("/")[1], {"id": NOWHERE})
        for body in bodies(item) if not guard.without_read else []:
            answers = []
            for found in (str(item["id"]), NOWHERE):
                place = re.sub(r"{\w+}", found, path)
                for headers in ({}, {"If-Match": '"1"'}, {"If-Match": '"99"'}):
                    answer = await key.call(method, place, json=body, headers=headers)
                    answers.append((answer.status_code, answer.json()["code"], answer.json()["detail"]))
                    assert "etag" not in answer.headers, name(method, path)
                    assert not [value for value in known_values(item) if value in answer.text], name(method, path)
            assert len(set(answers)) == 1, f"{name(method, path)} tells items that exist from others: {set(answers)}"
            assert answers[0][:2] == (403, "permission-denied"), name(method, path)


@pytest.mark.parametrize("resource", declared().values(), ids=list(declared()))
async def test_an_import_does_not_tell_what_is_taken(signed_in_as: SignedInAs, resource: Any) -> None:
    root = await signed_in_as(superuser=True)
    key, body = await blind_key(root), resource.body()
    assert (await root.post(resource.PATH, body)).status_code == 201

    for parameters in ({"dry_run": "true"}, {"on_error": "stop"}, {}):
        answer = await key.call(
            "POST",
            f"{resource.PATH}/import",
            content=json.dumps(body).encode(),
            params=parameters,
            headers={"Content-Type": "application/x-ndjson"},
        )

        assert (answer.status_code, answer.json()["code"]) == (403, "permission-denied")
        assert f"{resource.SLUG}:read" in answer.json()["detail"]


async def test_a_key_that_only_creates_gets_what_it_sent(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    key = await blind_key(root)

    first = await key.post("/tasks", {"title": "From a form"})
    again = await key.post("/tasks", {"title": "From a form"})

    assert [answer.status_code for answer in (first, again)] == [201, 201]
    assert first.json()["title"] == "From a form"
    assert (await key.get(f"/tasks/{first.json()['id']}")).status_code == 403


async def test_with_the_permission_to_read_a_key_writes(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    scopes = ["customers:read", "customers:update", "customers:read-personal"]
    made = await root.post("/auth/api-keys", {"name": "both", "scopes": scopes})
    key = Person(root.id, "", root.client, made.json()["key"], "")
    item = (await root.post("/customers", factories()["customers"].body())).json()

    answer = await key.patch(f"/customers/{item['id']}", {"notes": "Called."})

    assert (answer.status_code, answer.json()["notes"]) == (200, "Called.")
