"""References, sets and parts of rows with scopes, shown with scopes that the tests give to other modules."""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db import row_access
from app.core.db.entity import Entity
from app.core.db.row_scopes import RowScope, RowScopes
from app.modules.brands.models import Brand
from app.modules.products.models import Product
from app.modules.roles import ModuleService
from app.modules.tags.models import Tag
from tests.answers import statuses
from tests.modules.brands import factory as brands
from tests.modules.products import factory as products
from tests.modules.roles.policies import ALL, role
from tests.modules.tags import factory as tags
from tests.people import Person, SignedInAs

NOWHERE = "01890000-0000-7000-8000-000000000000"
KNOWN = (
    row_access.model_of,
    row_access.scoped_modules,
    row_access.owner_key,
    row_access.scopes_of,
    row_access.access_by,
)
Scope = Callable[[type[Entity], str], Awaitable[None]]


def forget() -> None:
    for function in KNOWN:
        function.cache_clear()


@pytest.fixture
def scope(app: FastAPI, job: RequestContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scope]:
    """Declares that the rows of a module have the scope `own`, as a release would: those that the caller created."""

    infos = list(app.state.modules)

    async def declare(model: type[Entity], module: str) -> None:
        own = RowScopes(module, (RowScope("own", "What you created", ("created_by_id",)),))
        monkeypatch.setattr(model, "row_scopes", own)
        infos[:] = [replace(info, scopes=own.titles) if info.slug == module else info for info in infos]
        async with app.state.database.unit_of_work(job) as session:
            await ModuleService(session).synchronize(infos)
        forget()

    yield declare
    monkeypatch.undo()
    forget()


async def upload(caller: Person, row: dict[str, Any]) -> httpx.Response:
    """Import one product."""
    headers = {"Content-Type": "application/x-ndjson"}
    return await caller.call("POST", "/products/import", content=json.dumps(row), headers=headers)


async def test_what_a_row_refers_to_has_no_name_outside(signed_in_as: SignedInAs, scope: Scope) -> None:
    await scope(Brand, "brands")
    root = await signed_in_as(superuser=True)
    caller = await signed_in_as("products:create", "products:update", "products:set-price", "brands:create@own")
    other = (await root.post("/brands", brands.body())).json()
    own = (await caller.post("/brands", brands.body())).json()
    product = (await root.post("/products", {**products.body(), "brand_id": other["id"]})).json()
    path = f"/products/{product['id']}"

    shown = [
        (await caller.get(path)).json(),
        (await caller.get("/products")).json()["items"][0],
        (await caller.patch(path, {"name": "Changed"})).json(),
        (await caller.get("/products/summary", params={"by": "brand_id"})).json()["items"][0],
    ]
    told = [
        await caller.get(f"{path}/history"),
        await caller.get(f"{path}/as-of", params={"at": now().isoformat()}),
        await caller.get("/products", params={"q": product["name"]}),
    ]
    found = [
        (await caller.get("/products", params={"brand": other["name"], "total": "true"})).json()["total"],
        (await root.get("/products", params={"brand": other["name"], "total": "true"})).json()["total"],
    ]
    refused = {
        "missing": await caller.post("/products", {**products.body(), "brand_id": NOWHERE}),
        "outside": await caller.post("/products", {**products.body(), "brand_id": other["id"]}),
        "change": await caller.patch(path, {"brand_id": other["id"]}),
    }
    many = await caller.post("/products/bulk", {"create": [{**products.body(), "brand_id": other["id"]}]})
    imported = await upload(caller, {**products.body(), "brand_id": other["id"]})
    changed = await caller.patch(path, {"brand_id": own["id"]})
    again = await caller.patch(path, {"brand_id": other["id"]})

    assert [(item["brand_id"], item["brand"]) for item in shown] == [(other["id"], None)] * 4
    assert [answer.status_code for answer in told] == [200] * 3
    assert not [answer.text for answer in told if other["name"] in answer.text]
    assert found == [0, 1]
    assert statuses(refused) == {"missing": 422, "outside": 422, "change": 200}, "it had that brand already"
    assert [answer.json()["errors"][0]["code"] for answer in (many, imported)] == ["unknown-reference"] * 2
    assert refused["missing"].json()["errors"] == refused["outside"].json()["errors"] == again.json()["errors"]
    assert changed.json()["brand"] == {"id": own["id"], "name": own["name"]}


async def test_what_is_in_use_outside_is_not_counted(signed_in_as: SignedInAs, scope: Scope) -> None:
    await scope(Product, "products")
    root, caller = await signed_in_as(superuser=True), await signed_in_as("products:read@own", "brands:delete")
    brand = (await root.post("/brands", brands.body())).json()["id"]
    for _ in range(2):
        await root.post("/products", {**products.body(), "brand_id": brand})

    everything, part = await root.delete(f"/brands/{brand}"), await caller.delete(f"/brands/{brand}")

    assert everything.json()["detail"].startswith("2 products still refer")
    assert (part.status_code, part.json()["detail"].split(" still")[0]) == (409, "At least one product")
    assert part.json()["errors"][0]["params"]["count"] is None


async def test_a_set_has_the_members_that_the_caller_may_read(signed_in_as: SignedInAs, scope: Scope) -> None:
    """Members outside stay in the set, whatever the caller makes of it."""
    await scope(Tag, "tags")
    root = await signed_in_as(superuser=True)
    caller = await signed_in_as("products:create", "products:update", "products:set-price", "tags:create@own")
    other, own = [(await person.post("/tags", tags.body())).json() for person in (root, caller)]
    product = (await root.post("/products", products.body())).json()["id"]
    path = f"/products/{product}/tags"
    await root.put(path, {"tag_ids": [other["id"]]})

    empty = [(await caller.get(path)).json()["items"], (await caller.get(f"/products/{product}")).json()["tags"]]
    queries: list[dict[str, Any]] = [{"tag_id": other["id"]}, {"tag": other["name"]}, {"tag_id_null": "true"}]
    found = [(await caller.get("/products", params={**query, "total": "true"})).json()["total"] for query in queries]
    summary = (await caller.get("/products/summary", params={"by": "tag_id"})).json()["items"]
    refused = {
        "put": await caller.put(path, {"tag_ids": [other["id"]]}),
        "add": await caller.call("PUT", f"{path}/{other['id']}"),
        "remove": await caller.delete(f"{path}/{other['id']}"),
    }
    named = await upload(caller, {**products.body(), "tags": [other["name"]]})
    replaced = await caller.put(path, {"tag_ids": [own["id"]]})

    assert empty == [[], []]
    assert found == [0, 0, 1]
    assert [(group["tag_id"], group["count"]) for group in summary] == [(None, 1)]
    assert statuses(refused) == {"put": 422, "add": 404, "remove": 404}
    assert (named.status_code, named.json()["errors"][0]["code"]) == (422, "unknown-reference")
    assert [tag["id"] for tag in replaced.json()["tags"]] == [own["id"]]
    assert {tag["id"] for tag in (await root.get(path)).json()["items"]} == {own["id"], other["id"]}


async def test_a_history_tells_of_no_member_outside(signed_in_as: SignedInAs, scope: Scope) -> None:
    """Regression: entries of links, and the sets of past states, had the ids of all members."""
    await scope(Tag, "tags")
    await scope(Product, "products")
    root = await signed_in_as(superuser=True)
    actions = ("create", "read", "update", "set-price")
    caller = await signed_in_as(*(f"products:{action}@own" for action in actions), "tags:create@own", "tags:update@own")
    other, own = [(await person.post("/tags", tags.body())).json()["id"] for person in (root, caller)]
    foreign, product = [(await person.post("/products", products.body())).json()["id"] for person in (root, caller)]
    path, both = f"/products/{product}", {"tag_ids": [other, own]}
    for each in (product, foreign):
        assert (await root.put(f"/products/{each}/tags", both)).status_code == 200
    tagged = now().isoformat()
    assert (await root.put(f"{path}/tags", {"tag_ids": []})).status_code == 200
    questions: list[tuple[str, dict[str, str]]] = [
        (f"{path}/history", {}),
        (f"{path}/as-of", {"at": tagged}),
        (f"{path}/diff", {"from": tagged}),
        (f"/tags/{own}/history", {}),
    ]

    told = [await caller.get(address, params=query) for address, query in questions]
    everything = [await root.get(address, params=query) for address, query in questions]
    reverted = await caller.post(f"{path}/revert", {"at": tagged}, headers={"Audit-Reason": "Wrong"})

    assert [answer.status_code for answer in (*told, *everything, reverted)] == [200] * 9
    assert all(other in answer.text for answer in everything[:3])
    assert foreign in everything[3].text
    assert not [answer.text for answer in told if other in answer.text or foreign in answer.text]
    assert told[1].json()["tag_ids"] == [own]
    assert told[2].json()["changes"]["tag_ids"] == {"old": [own], "new": []}
    links = [[entry["entity"] for entry in told[index].json()["items"]].count("product_tag") for index in (0, 3)]
    assert links == [2, 2], "linked and unlinked"
    assert [tag["id"] for tag in reverted.json()["tags"]] == [own]


async def test_parts_and_sets_are_where_their_owner_is(signed_in_as: SignedInAs, scope: Scope) -> None:
    await scope(Product, "products")
    root = await signed_in_as(superuser=True)
    caller = await signed_in_as(
        *(f"products:{action}@own" for action in ("create", "update", "move-stock", "set-price")), "tags:read"
    )
    other, own = [(await person.post("/products", products.body())).json()["id"] for person in (root, caller)]
    tag = (await root.post("/tags", tags.body())).json()["id"]
    movement = {"delta": 3, "reason": "Delivered"}
    made = (await root.post(f"/products/{other}/stock-movements", movement)).json()["id"]
    await root.call("PUT", f"/products/{other}/tags/{tag}")

    async def ask(product: str) -> dict[str, Any]:
        path = f"/products/{product}"
        return {
            "move": await caller.post(f"{path}/stock-movements", movement),
            "movements": await caller.get(f"{path}/stock-movements", params={"total": "true"}),
            "movement": await caller.get(f"{path}/stock-movements/{made}"),
            "tags": await caller.get(f"{path}/tags"),
            "tag": await caller.call("PUT", f"{path}/tags/{tag}"),
            "untag": await caller.delete(f"{path}/tags/{tag}"),
        }

    outside, inside = await ask(other), await ask(own)

    assert set(statuses(outside).values()) == {404}, statuses(outside)
    expected = {"move": 201, "movements": 200, "movement": 404, "tags": 200, "tag": 200, "untag": 204}
    assert statuses(inside) == expected


async def test_each_action_has_its_own_rows(signed_in_as: SignedInAs) -> None:
    """One may read all tasks, and change only those of one's own: the others are there, and cannot be changed."""
    root, caller = await signed_in_as(superuser=True), await signed_in_as()
    readers = await role(root, "Readers", {"module_slug": "tasks"})
    doers = await role(root, "Doers", {"module_slug": "tasks", **ALL, "scope": "own"})
    await root.put(f"/users/{caller.id}/roles", {"role_ids": [readers, doers]})
    other = (await root.post("/tasks", {"title": "Of another"})).json()["id"]
    own = (await caller.post("/tasks", {"title": "My own"})).json()["id"]
    lines = json.dumps({"id": other, "title": "Taken"})

    answers = {
        "read": await caller.get(f"/tasks/{other}"),
        "update": await caller.patch(f"/tasks/{other}", {"title": "Taken"}),
        "delete": await caller.delete(f"/tasks/{other}"),
        "bulk": await caller.post("/tasks/bulk", {"delete": [{"id": own}, {"id": other}]}),
        "import": await caller.call(
            "POST",
            "/tasks/import",
            content=lines,
            params={"mode": "update"},
            headers={"Content-Type": "application/x-ndjson"},
        ),
        "own": await caller.patch(f"/tasks/{own}", {"title": "Changed"}),
    }

    refusals = {"read": 200, "update": 403, "delete": 403, "bulk": 403, "import": 403, "own": 200}
    assert statuses(answers) == refusals
    assert answers["update"].json()["detail"] == "You hold the permission tasks:update, but not for this."
    assert answers["bulk"].json()["errors"][0]["pointer"] == "/body/delete/1"
    assert [task["title"] for task in (await root.get("/tasks")).json()["items"]] == ["Changed", "Of another"]


async def test_what_is_handed_over_is_gone(signed_in_as: SignedInAs) -> None:
    """Who is to do a task may give it to another, and sees it a last time."""
    root, caller = await signed_in_as(superuser=True), await signed_in_as("tasks:update@own")
    task = (await root.post("/tasks", {"title": "Count", "assignee_id": str(caller.id)})).json()["id"]

    given = await caller.patch(f"/tasks/{task}", {"assignee_id": str(root.id)})
    gone = await caller.get(f"/tasks/{task}")

    assert (given.status_code, gone.status_code) == (200, 404)
