"""Roles: what they grant, when they grant it, and what their editors must hold."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.roles.models import Module, ModuleGroup, Role, RoleModule, UserRole
from tests.answers import refusals, statuses
from tests.modules.roles.policies import ALL, role, role_of
from tests.people import SignedInAs


async def test_a_role_grants_its_permissions_at_once(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    assert (await person.get("/tasks")).status_code == 403

    role = (await root.post("/roles", {"name": "Clerks"})).json()["id"]
    await root.put(f"/roles/{role}/modules", {"modules": [{"module_slug": "tasks", "can_create": True}]})
    assigned = await root.put(f"/users/{person.id}/roles", {"role_ids": [role]})

    assert [found["role"]["name"] for found in assigned.json()["assignments"]] == ["Clerks"]
    assert (await person.get("/auth/me/roles")).json() == assigned.json()
    assert (await person.get("/tasks")).status_code == 200
    assert (await person.post("/tasks", {"title": "x"})).status_code == 201
    await root.put(f"/roles/{role}/modules", {"modules": []})
    assert (await person.get("/tasks")).status_code == 403
    assert (await root.get(f"/roles/{role}/modules")).json() == {"modules": []}


async def test_permissions_are_the_union_of_roles(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    roles = []
    for flag in ("can_create", "can_delete"):
        role = (await root.post("/roles", {"name": f"Role {flag}"})).json()["id"]
        await root.put(f"/roles/{role}/modules", {"modules": [{"module_slug": "tasks", flag: True}]})
        roles.append(role)
    await root.put(f"/users/{person.id}/roles", {"role_ids": roles})

    found = (await person.get("/auth/me/permissions")).json()

    flags = {"can_create": True, "can_read": True, "can_update": False, "can_delete": True, "can_audit": False}
    words = {"action_titles": {}, "scope_titles": {"own": "Tasks that you created or that you are to do"}}
    expected = {"module_slug": "tasks", **flags, "actions": [], "scopes": {}, **words}
    assert found == [expected]
    menu = (await person.get("/auth/me/menu")).json()
    assert [(g["group_name"], [m["slug"] for m in g["modules"]]) for g in menu] == [("Work", ["tasks"])]
    assert menu[0]["modules"][0]["permissions"] == expected


async def switch(database: Database, job: RequestContext, kind: type[Any], role: UUID) -> None:
    """Deactivate one link between a role and its permissions."""
    async with database.unit_of_work(job) as session:
        if kind is Role:
            row = (await session.execute(select(Role).where(col(Role.id) == role))).scalar_one()
        elif kind in (RoleModule, UserRole):
            row = (await session.execute(select(kind).where(col(kind.role_id) == role))).scalar_one()
        else:
            slug = "tasks" if kind is Module else "work"
            row = (await session.execute(select(kind).where(col(kind.slug) == slug))).scalar_one()
        row.is_active = False


@pytest.mark.parametrize("kind", [Role, RoleModule, UserRole, Module, ModuleGroup])
async def test_an_inactive_link_grants_nothing_from_the_next_request_on(
    signed_in_as: SignedInAs, database: Database, job: RequestContext, kind: type[Any]
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    assert (await person.get("/tasks")).status_code == 200

    await switch(database, job, kind, await role_of(person, root))

    assert (await person.get("/tasks")).status_code == 403


async def test_a_deleted_role_grants_nothing_and_a_restored_one_does_again(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    role = await role_of(person, root)

    await root.delete(f"/roles/{role}")
    assert (await person.get("/tasks")).status_code == 403

    await root.post(f"/roles/{role}/restore")
    assert (await person.get("/tasks")).status_code == 200


async def test_nobody_grants_what_they_do_not_hold(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("roles:create", "roles:update", "roles:delete", "users:update", "tasks:read")
    root = await signed_in_as(superuser=True)
    strong = (await root.post("/roles", {"name": "Strong", "is_active": False})).json()["id"]
    await root.put(f"/roles/{strong}/modules", {"modules": [{"module_slug": "audit", **ALL}]})
    own = (await person.post("/roles", {"name": "Own"})).json()["id"]

    more = {"modules": [{"module_slug": "tasks", "can_delete": True}]}
    refused = {
        "extend a role": await person.put(f"/roles/{own}/modules", more),
        "assign a role": await person.put(f"/users/{person.id}/roles", {"role_ids": [strong]}),
        "activate a role": await person.patch(f"/roles/{strong}", {"is_active": True}),
    }

    assert refusals(refused) == dict.fromkeys(refused, (403, "cannot-grant"))
    allowed = await person.put(f"/roles/{own}/modules", {"modules": [{"module_slug": "tasks"}]})
    assert allowed.status_code == 200


async def test_a_role_is_renamed_by_those_who_hold_what_it_grants(signed_in_as: SignedInAs) -> None:
    """Regression: with the name of a weaker role, a stronger one was given away by mistake."""
    root, person = await signed_in_as(superuser=True), await signed_in_as("roles:create", "roles:update", "tasks:read")
    strong = await role(root, "Strong", {"module_slug": "audit"})
    asleep = await role(root, "Asleep", {"module_slug": "audit"})
    await root.patch(f"/roles/{asleep}", {"is_active": False})
    weak = await role(root, "Weak", {"module_slug": "tasks"})
    modules = {module["slug"]: module["id"] for module in (await root.get("/modules")).json()["items"]}

    refused = {
        "name": await person.patch(f"/roles/{strong}", {"name": "Clerks"}),
        "description": await person.patch(f"/roles/{strong}", {"description": "May do next to nothing."}),
        "icon": await person.patch(f"/roles/{strong}", {"icon": "feather"}),
        "name of an inactive role": await person.patch(f"/roles/{asleep}", {"name": "Clerks"}),
        "name of a module": await person.patch(f"/modules/{modules['audit']}", {"name": "Tasks"}),
    }
    allowed = {
        "the same name": await person.patch(f"/roles/{strong}", {"name": "Strong"}),
        "its place": await person.patch(f"/roles/{strong}", {"sort_order": 7}),
        "what one holds": await person.patch(f"/roles/{weak}", {"name": "Feeble", "description": "Reads tasks."}),
        "what grants nothing": await person.patch(f"/roles/{await role(root, 'Empty')}", {"name": "Void"}),
        "everything": await root.patch(f"/roles/{strong}", {"name": "Stronger"}),
    }

    assert refusals(refused) == dict.fromkeys(refused, (403, "target-has-more-permissions"))
    assert "audit:read" in refused["name"].json()["detail"]
    assert statuses(allowed) == dict.fromkeys(allowed, 200)
