"""Modules and their groups: defined by the code, named and arranged by administrators."""

from uuid import uuid4

from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.main import create_app
from app.modules.roles.models import Module
from tests.people import SignedInAs


async def test_modules_and_groups_are_shown_as_an_administrator_wants(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read", "users:read")
    modules = {module["slug"]: module for module in (await root.get("/modules")).json()["items"]}
    tasks, users = modules["tasks"], modules["users"]

    await root.patch(f"/modules/{tasks['id']}", {"name": "Chores", "icon": "broom"})
    await root.patch(f"/module-groups/{tasks['group_id']}", {"name": "Daily", "sort_order": -1})
    moved = await root.patch(f"/modules/{users['id']}", {"group_id": tasks["group_id"], "sort_order": 99})
    nowhere = await root.patch(f"/modules/{users['id']}", {"group_id": str(uuid4())})
    none = await root.patch(f"/modules/{users['id']}", {"group_id": None})

    assert moved.status_code == 200, moved.text
    assert [nowhere.status_code, none.status_code] == [422, 422]
    (group,) = (await person.get("/auth/me/menu")).json()
    assert (group["group_name"], [m["name"] for m in group["modules"]]) == ("Daily", ["Chores", "Users"])


async def test_modules_come_from_the_code(signed_in_as: SignedInAs, app: FastAPI) -> None:
    root = await signed_in_as(superuser=True)

    listed = (await root.get("/modules")).json()["items"]

    declared = sorted(app.state.modules, key=lambda module: (module.sort_order, module.slug))
    assert [module["slug"] for module in listed] == [module.slug for module in declared]
    assert {"tasks", "users", "roles", "audit"} <= {module.slug for module in declared}
    assert {module["route"] for module in listed} == {f"/{module.slug}" for module in app.state.modules}


async def test_what_an_administrator_renamed_stays_renamed(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    root = await signed_in_as(superuser=True)
    async with database.unit_of_work(job) as session:
        row = (await session.execute(select(Module).where(col(Module.slug) == "tasks"))).scalar_one()
        row.name, row.route = "Chores", "/elsewhere"

    again = create_app(database.settings)
    async with again.router.lifespan_context(again):
        listed = (await root.get("/modules")).json()["items"]

    assert [(m["name"], m["route"]) for m in listed if m["slug"] == "tasks"] == [("Chores", "/tasks")]
