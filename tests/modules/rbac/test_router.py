"""Roles: what they grant, when it counts, and what nobody can hand out."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import event, select
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.main import create_app
from app.modules.roles.models import Module, ModuleGroup, Role, RoleModule, UserRole
from tests.conftest import SignedInAs
from tests.people import Person

ALL = {"can_create": True, "can_update": True, "can_delete": True}


async def role_of(person: Person, root: Person) -> UUID:
    """The id of the one role that a test person has."""
    return UUID((await root.get(f"/users/{person.id}/roles")).json()[0]["id"])


async def test_a_role_with_a_matrix_opens_doors_at_once(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    assert (await person.get("/tasks")).status_code == 403

    role = (await root.post("/roles", {"name": "Clerks"})).json()["id"]
    await root.put(f"/roles/{role}/modules", {"modules": [{"module_slug": "tasks", "can_create": True}]})
    assigned = await root.put(f"/users/{person.id}/roles", {"role_ids": [role]})

    assert [found["name"] for found in assigned.json()] == ["Clerks"]
    assert (await person.get("/auth/me/roles")).json() == assigned.json()
    assert (await person.get("/tasks")).status_code == 200
    assert (await person.post("/tasks", {"title": "x"})).status_code == 201
    await root.put(f"/roles/{role}/modules", {"modules": []})
    assert (await person.get("/tasks")).status_code == 403
    assert (await root.get(f"/roles/{role}/modules")).json() == []


async def test_permissions_are_the_union_of_roles(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    roles = []
    for flag in ("can_create", "can_delete"):
        role = (await root.post("/roles", {"name": f"Role {flag}"})).json()["id"]
        await root.put(f"/roles/{role}/modules", {"modules": [{"module_slug": "tasks", flag: True}]})
        roles.append(role)
    await root.put(f"/users/{person.id}/roles", {"role_ids": roles})

    found = (await person.get("/auth/me/permissions")).json()

    expected = {"module_slug": "tasks", "can_create": True, "can_read": True, "can_update": False, "can_delete": True}
    assert found == [expected]
    menu = (await person.get("/auth/me/menu")).json()
    assert [(g["group_name"], [m["slug"] for m in g["modules"]]) for g in menu] == [("Work", ["tasks"])]
    assert menu[0]["modules"][0]["permissions"] == expected


async def switch(database: Database, job: RequestContext, kind: type[Any], role: UUID) -> None:
    """Turn one link of the chain off."""
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

    answers = [
        await person.put(f"/roles/{own}/modules", {"modules": [{"module_slug": "tasks", "can_delete": True}]}),
        await person.put(f"/users/{person.id}/roles", {"role_ids": [strong]}),
        await person.patch(f"/roles/{strong}", {"is_active": True}),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "cannot-grant")] * 3
    allowed = await person.put(f"/roles/{own}/modules", {"modules": [{"module_slug": "tasks"}]})
    assert allowed.status_code == 200


async def test_a_bad_matrix_changes_nothing(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    role = (await root.post("/roles", {"name": "Careful"})).json()["id"]
    good = {"module_slug": "tasks", "can_create": True, "can_update": False, "can_delete": False}
    await root.put(f"/roles/{role}/modules", {"modules": [good]})

    unknown = await root.put(f"/roles/{role}/modules", {"modules": [{"module_slug": "nothing"}]})
    twice = await root.put(f"/roles/{role}/modules", {"modules": [good, good]})
    stale = await root.put(f"/roles/{role}/modules", {"modules": []}, headers={"If-Match": '"9"'})
    nowhere = await root.put(f"/roles/{uuid4()}/modules", {"modules": []})
    stranger = await root.put(f"/users/{root.id}/roles", {"role_ids": [str(uuid4())]})
    nobody = await root.put(f"/users/{uuid4()}/roles", {"role_ids": []})

    answers = (unknown, twice, stale, nowhere, stranger, nobody)
    assert [answer.status_code for answer in answers] == [422, 422, 412, 404, 422, 404]
    assert (await root.get(f"/roles/{role}/modules")).json() == [good]


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


async def test_a_warm_request_asks_the_database_nothing_for_permission(
    signed_in_as: SignedInAs, database: Database
) -> None:
    person = await signed_in_as("tasks:read")
    await person.get("/auth/me/menu")
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(database.readers.sync_engine, "before_cursor_execute", note)
    denied = await person.post("/tasks", {"title": "no"})

    assert denied.status_code == 403
    assert [s for s in statements if "auth_session" in s or "role_module" in s] == []


async def test_another_process_learns(
    signed_in_as: SignedInAs, database: Database, job: RequestContext, app: FastAPI
) -> None:
    """Another process changes a role: here, a second application on the same database."""
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    role = await role_of(person, root)
    assert (await person.get("/tasks")).status_code == 200
    other = create_app(database.settings)
    async with other.router.lifespan_context(other), other.state.database.unit_of_work(job) as session:
        row = (await session.execute(select(Role).where(col(Role.id) == role))).scalar_one()
        row.is_active = False

    deadline = asyncio.get_running_loop().time() + 10  # within a second, on a machine that is not busy
    while (status := (await person.get("/tasks")).status_code) == 200:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    assert status == 403


async def test_a_set_has_a_version_too(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    role = (await root.post("/roles", {"name": "Versioned"})).json()["id"]
    one, other = {"modules": [{"module_slug": "tasks"}]}, {"modules": [{"module_slug": "users"}]}
    fresh = {"If-Match": '"1"'}

    matrix = [await root.put(f"/roles/{role}/modules", body, headers=fresh) for body in (one, other)]
    roles = [await root.put(f"/users/{person.id}/roles", {"role_ids": ids}, headers=fresh) for ids in ([role], [])]

    assert [answer.status_code for answer in matrix] == [200, 412]
    assert [answer.status_code for answer in roles] == [200, 412]
    assert (await root.get(f"/roles/{role}")).json()["version"] == 2


async def test_concurrent_assignments_replace_and_never_merge(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    first, second = [(await root.post("/roles", {"name": name})).json()["id"] for name in ("First", "Second")]
    path = f"/users/{person.id}/roles"

    for _ in range(5):
        answers = await asyncio.gather(*(root.put(path, {"role_ids": [role]}) for role in (first, second)))

        assert [answer.status_code for answer in answers] == [200, 200]
        assert len((await root.get(path)).json()) == 1


async def test_out_of_touch_a_process_asks_every_time(
    signed_in_as: SignedInAs, database: Database, job: RequestContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No poll succeeded for too long: cached permissions do not count until one does."""
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    role = await role_of(person, root)
    assert (await person.get("/tasks")).status_code == 200
    other = create_app(database.settings)
    async with other.router.lifespan_context(other):
        monkeypatch.setattr("app.modules.rbac.engine.cache.STRICT_AFTER_SECONDS", -1)
        async with other.state.database.unit_of_work(job) as session:
            (await session.execute(select(Role).where(col(Role.id) == role))).scalar_one().is_active = False

    assert (await person.get("/tasks")).status_code == 403


async def test_a_savepoint_that_rolls_back_does_not_hide_a_change(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    role = await role_of(person, root)
    assert (await person.get("/tasks")).status_code == 200

    async with database.unit_of_work(job) as session:
        (await session.execute(select(Role).where(col(Role.id) == role))).scalar_one().is_active = False
        await session.flush()
        with suppress(ZeroDivisionError):
            async with session.begin_nested():
                session.add(Role(name="undone"))
                await session.flush()
                raise ZeroDivisionError

    assert (await person.get("/tasks")).status_code == 403


async def test_a_rolled_back_change_costs_nobody_their_cache(
    signed_in_as: SignedInAs, database: Database, job: RequestContext, app: FastAPI
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    role = await role_of(person, root)
    await person.get("/tasks")
    version = app.state.authenticator.cache.version

    with suppress(ZeroDivisionError):
        async with database.unit_of_work(job) as session:
            (await session.execute(select(Role).where(col(Role.id) == role))).scalar_one().is_active = False
            await session.flush()
            raise ZeroDivisionError

    assert app.state.authenticator.cache.version == version
    assert (await person.get("/tasks")).status_code == 200
