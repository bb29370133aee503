"""Actions that a module declares beside the standard ones."""

from typing import Any

import pytest
from fastapi import FastAPI

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.runtime.module_info import ModuleInfo
from app.modules.roles import ModuleService
from tests.answers import statuses
from tests.modules.products.factory import body
from tests.modules.roles.policies import role
from tests.people import Person, SignedInAs

MOVE = {"delta": 4, "reason": "Delivered"}
WAREHOUSE = {"module_slug": "products", "actions": ["move-stock"]}


async def declare(app: FastAPI, database: Database, job: RequestContext, **changes: Any) -> None:
    """Start as a release would whose code declares something else of products."""
    infos = [ModuleInfo(**{**vars(info), **(changes if info.slug == "products" else {})}) for info in app.state.modules]
    async with database.unit_of_work(job) as session:
        await ModuleService(session).synchronize(infos)


async def warehouse(root: Person, person: Person, **terms: Any) -> str:
    """Give the person a role that may record stock movements, and nothing else."""
    role_id = await role(root, f"Warehouse {person.username}", WAREHOUSE)
    given = await root.put(f"/users/{person.id}/roles", {"assignments": [{"role_id": role_id, **terms}]})
    assert given.status_code == 200, given.text
    return role_id


async def test_the_warehouse_moves_stock_and_sets_no_price(signed_in_as: SignedInAs) -> None:
    """Regression: recording a movement needed `products:update`, with which a price was set to 1.00."""
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    product = (await root.post("/products", body())).json()["id"]
    await warehouse(root, person)

    answers = {
        "move": await person.post(f"/products/{product}/stock-movements", MOVE),
        "price": await person.patch(f"/products/{product}", {"price": "1.00"}),
        "delete": await person.delete(f"/products/{product}"),
        "read": await person.get(f"/products/{product}"),
    }
    editor = await signed_in_as("products:update")
    refused = await editor.post(f"/products/{product}/stock-movements", MOVE)

    assert statuses(answers) == {"move": 201, "price": 403, "delete": 403, "read": 200}
    assert (refused.status_code, refused.json()["detail"]) == (403, "This needs the permission products:move-stock.")


async def test_it_is_in_every_view_of_the_policy(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    await warehouse(root, person)

    [mine] = (await person.get("/auth/me/permissions")).json()
    query = {"user_id": str(person.id), "permission": "products:move-stock"}
    explained = (await root.get("/rbac/explain", params=query)).json()
    missed = (await root.get("/rbac/explain", params={**query, "permission": "products:update"})).json()
    unknown = await root.get("/rbac/explain", params={**query, "permission": "products:fly"})
    who = (await root.get("/rbac/who-can", params={"permission": "products:move-stock"})).json()["items"]
    key = {"name": "Scanner", "scopes": ["products:move-stock"]}
    made = await person.post("/auth/api-keys", key)
    too_much = await person.post("/auth/api-keys", {**key, "scopes": ["products:update"]})

    assert (mine["module_slug"], mine["actions"], mine["can_update"]) == ("products", ["move-stock"], False)
    assert (explained["allowed"], explained["scopes"]) == (True, ["all"])
    assert explained["reasons"][0]["grant"] == ["products:move-stock", "products:read"]
    assert (missed["allowed"], missed["near_misses"][0]["effect"]) == (False, "flag-missing")
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (422, "unknown-permission")
    assert person.username in {item["username"] for item in who}
    assert (made.status_code, too_much.status_code) == (201, 403)


async def test_it_is_granted_only_by_who_holds_it(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    clerk = await signed_in_as("roles:update", "products:update")
    role_id = await role(root, "For the warehouse")
    path, wanted = f"/roles/{role_id}/modules", {"modules": [WAREHOUSE]}

    answers = {
        "not held": await clerk.put(path, wanted),
        "unknown": await root.put(path, {"modules": [{"module_slug": "products", "actions": ["fly"]}]}),
        "of another module": await root.put(path, {"modules": [{"module_slug": "tasks", "actions": ["move-stock"]}]}),
        "twice": await root.put(path, {"modules": [{"module_slug": "products", "actions": ["move-stock"] * 2}]}),
        "held": await root.put(path, wanted),
    }

    assert statuses(answers) == {"not held": 403, "unknown": 422, "of another module": 422, "twice": 422, "held": 200}
    assert answers["not held"].json()["code"] == "cannot-grant"
    error = answers["of another module"].json()["errors"][0]
    assert (error["pointer"], error["code"]) == ("/body/modules/0/actions/0", "unknown-action")


async def test_a_version_gives_it_back_and_a_dry_run_tells(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    role_id = await warehouse(root, person)
    before = (await root.get("/rbac/versions", params={"limit": 1})).json()["items"][0]["id"]
    path, less = f"/roles/{role_id}/modules", {"modules": [{"module_slug": "products"}]}

    told = await root.put(path, less, params={"dry_run": True})
    taken = await root.put(path, less)
    rolled = await root.post(f"/rbac/versions/{before}/rollback")

    [effect] = told.json()["effects"]
    assert (effect["gained"], effect["lost"]) == ([], ["products:move-stock"])
    assert (taken.status_code, rolled.status_code) == (200, 204)
    assert (await root.get(path)).json()["modules"][0]["actions"] == ["move-stock"]


async def test_an_action_that_the_code_declares_no_more_grants_nothing(
    signed_in_as: SignedInAs, app: FastAPI, database: Database, job: RequestContext
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    role_id = await warehouse(root, person)
    query = {"user_id": str(person.id), "permission": "products:move-stock"}

    await declare(app, database, job, actions={})
    gone = (await root.get("/rbac/explain", params=query)).json()
    module = next(row for row in (await root.get("/modules")).json()["items"] if row["slug"] == "products")
    kept = (await root.get(f"/roles/{role_id}/modules")).json()
    again = await root.put(f"/roles/{role_id}/modules", kept)
    anew = await root.put(f"/roles/{await role(root, 'Another')}/modules", {"modules": [WAREHOUSE]})
    await declare(app, database, job)
    back = (await root.get("/rbac/explain", params=query)).json()

    assert (gone["allowed"], gone["near_misses"][0]["effect"]) == (False, "action-inactive")
    assert {"name": "move-stock", "title": "Record stock movements", "is_active": False} in module["actions"]
    assert not [action for action in module["actions"] if action["is_active"]]
    assert (kept["modules"][0]["actions"], again.status_code, again.json()) == (["move-stock"], 200, kept)
    assert (anew.status_code, anew.json()["errors"][0]["code"]) == (422, "unknown-action")
    assert back["allowed"] is True


@pytest.mark.parametrize("name", ["update", "all", "Move", "", "a" * 41])
def test_a_name_that_means_something_else_stops_the_start(name: str) -> None:
    with pytest.raises(ValueError, match="cannot have an action or a scope"):
        ModuleInfo("products", "Products", "Catalogue", "package", "/products", 1, actions={name: "Something"})
