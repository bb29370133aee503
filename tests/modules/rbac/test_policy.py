"""Why and who, what would change, what changed, and the way back."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.models import AuditChange
from app.modules.rbac.models import PolicyState, PolicyVersion
from tests.conftest import SignedInAs
from tests.modules.rbac.test_router import ALL, role_of
from tests.people import Person


async def role(root: Person, name: str, *modules: dict[str, Any]) -> str:
    made: str = (await root.post("/roles", {"name": name})).json()["id"]
    await root.put(f"/roles/{made}/modules", {"modules": list(modules)})
    return made


async def explain(asker: Person, who: Person, permission: str) -> dict[str, Any]:
    answer = await asker.get("/rbac/explain", params={"user_id": str(who.id), "permission": permission})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_why_somebody_may(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:create")

    told = await explain(root, person, "tasks:create")
    of_root = await explain(root, root, "audit:delete")

    assert (told["allowed"], [r["role"] for r in told["reasons"]], told["near_misses"]) == (True, [person.username], [])
    assert told["reasons"][0]["grant"] == ["tasks:create", "tasks:read"]
    assert (of_root["allowed"], of_root["detail"]) == (True, "A superuser may do everything.")


async def test_near_misses_say_what_is_in_the_way(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    names = ("Asleep", "Buried", "Over", "Tomorrow", "Reader")
    ids = {name: await role(root, name, {"module_slug": "tasks", "can_create": name != "Reader"}) for name in names}
    await root.patch(f"/roles/{ids['Asleep']}", {"is_active": False})
    yesterday, tomorrow = (now() + timedelta(days=d) for d in (-1, 1))
    terms = {"Over": {"valid_until": yesterday.isoformat()}, "Tomorrow": {"valid_from": tomorrow.isoformat()}}
    body = [{"role_id": made, **terms.get(name, {})} for name, made in ids.items()]
    assert (await root.put(f"/users/{person.id}/roles", {"assignments": body})).status_code == 200
    await root.delete(f"/roles/{ids['Buried']}")

    told = await explain(root, person, "tasks:create")

    assert (told["allowed"], told["reasons"]) == (False, [])
    assert {miss["role"]: miss["effect"] for miss in told["near_misses"]} == {
        "Asleep": "role-inactive",
        "Buried": "role-deleted",
        "Over": "assignment-expired",
        "Tomorrow": "assignment-not-started",
        "Reader": "flag-missing",
    }
    assert (await explain(root, person, "tasks:read"))["reasons"][0]["role"] == "Reader"


async def test_modules_groups_and_users_are_in_the_way_too(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    module = next(m for m in (await root.get("/modules")).json()["items"] if m["slug"] == "tasks")

    await root.patch(f"/modules/{module['id']}", {"is_active": False})
    await root.patch(f"/module-groups/{module['group_id']}", {"is_active": False})
    await root.patch(f"/users/{person.id}", {"is_active": False})

    (miss,) = (await explain(root, person, "tasks:read"))["near_misses"]
    assert miss["obstacles"] == ["user-inactive", "module-inactive", "group-inactive"]


async def test_who_can(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    creator, reader = await signed_in_as("tasks:create"), await signed_in_as("tasks:read")
    await signed_in_as("users:read")

    page = (await root.get("/rbac/who-can", params={"permission": "tasks:create"})).json()
    almost = (await root.get("/rbac/who-can", params={"permission": "tasks:create", "near_misses": "true"})).json()

    assert {item["user_id"] for item in page["items"]} == {str(root.id), str(creator.id)}
    assert {i["user_id"]: i["allowed"] for i in almost["items"]}[str(reader.id)] is False
    first = (await root.get("/rbac/who-can", params={"permission": "tasks:read", "limit": 2})).json()
    assert (len(first["items"]), first["next_cursor"] is not None) == (2, True)


async def test_questions_about_nothing(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")

    answers = [
        await root.get("/rbac/explain", params={"user_id": str(uuid4()), "permission": "tasks:read"}),
        await root.get("/rbac/explain", params={"user_id": str(root.id), "permission": "nothing:read"}),
        await root.get("/rbac/explain", params={"user_id": str(root.id), "permission": "tasks:fly"}),
        await root.get("/rbac/who-can", params={"permission": "nothing:read"}),
        await person.get("/rbac/who-can", params={"permission": "tasks:read"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 422, 422, 422, 403]


async def test_an_assignment_begins_and_ends_by_itself(
    signed_in_as: SignedInAs, pass_time: Callable[[timedelta], None]
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    reader = await role(root, "For an hour", {"module_slug": "tasks"})
    begins, ends = now() + timedelta(hours=1), now() + timedelta(hours=2)
    terms = {"role_id": reader, "valid_from": begins.isoformat(), "valid_until": ends.isoformat(), "reason": "cover"}

    given = await root.put(f"/users/{person.id}/roles", {"assignments": [terms]})

    assert given.json()[0]["reason"] == "cover"
    statuses = []
    for minutes in (0, 59, 61, 119, 121):
        pass_time(timedelta(minutes=minutes))
        statuses.append((await person.get("/tasks")).status_code)
    assert statuses == [403, 403, 200, 200, 403]


async def test_bad_terms_are_refused_and_reasons_kept(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    reader, path = await role(root, "Terms", {"module_slug": "tasks"}), f"/users/{person.id}/roles"
    early, late = now().isoformat(), (now() + timedelta(days=1)).isoformat()

    bad = [
        {"assignments": [{"role_id": reader, "valid_from": late, "valid_until": early}]},
        {"assignments": [{"role_id": reader}, {"role_id": reader}]},
        {"assignments": [], "role_ids": []},
        {"assignments": [{"role_id": reader, "valid_from": "2026-01-01T00:00:00"}]},
        {"reason": "nothing else"},
    ]
    assert [(await root.put(path, body)).status_code for body in bad] == [422] * 5

    await root.put(path, {"role_ids": [reader], "reason": "holiday cover"})
    again = await root.put(path, {"role_ids": [reader]})
    assert again.json()[0]["reason"] == "holiday cover"


async def test_the_matrix_of_all_roles_is_read_and_edited_at_once(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    first, second = await role(root, "First", {"module_slug": "tasks"}), await role(root, "Second")
    body: list[dict[str, Any]] = [
        {"role_id": first, "modules": []},
        {"role_id": second, "version": 1, "modules": [{"module_slug": "users", **ALL}]},
    ]

    edited = await root.patch("/roles/matrix", {"roles": body})

    assert edited.status_code == 200, edited.text
    rows = {row["role_id"]: row for row in (await root.get("/roles/matrix")).json()["items"]}
    assert (rows[first]["modules"], rows[second]["modules"]) == ([], [{"module_slug": "users", **ALL}])
    stale = await root.patch("/roles/matrix", {"roles": [{**body[0], "modules": [{"module_slug": "tasks"}]}, body[1]]})
    unknown = await root.patch("/roles/matrix", {"roles": [{"role_id": first, "modules": [{"module_slug": "x"}]}]})
    assert (stale.status_code, unknown.status_code) == (412, 422)
    assert unknown.json()["errors"][0]["pointer"] == "/body/roles/0/modules/0/module_slug"
    assert (await root.get(f"/roles/{first}/modules")).json() == [], "all or nothing"


async def test_who_has_a_role(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")

    page = (await root.get(f"/roles/{await role_of(person, root)}/users")).json()

    assert [(item["id"], item["username"]) for item in page["items"]] == [(str(person.id), person.username)]
    assert (await root.get(f"/roles/{uuid4()}/users")).status_code == 404


async def counted(database: Database, job: RequestContext) -> tuple[int, int, int]:
    reader = database.read_session(job)
    version = await reader.value(select(table_of(PolicyState).c.version))
    rows = [await reader.value(select(func.count()).select_from(table_of(m))) for m in (PolicyVersion, AuditChange)]
    return version, rows[0], rows[1]


async def test_a_dry_run_tells_and_leaves_nothing(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root, person, weak = (
        await signed_in_as(superuser=True),
        await signed_in_as("tasks:create"),
        await signed_in_as("roles:update"),
    )
    mine, other = str(await role_of(person, root)), await role(root, "Other", {"module_slug": "users"})
    module = next(m for m in (await root.get("/modules")).json()["items"] if m["slug"] == "tasks")
    before = await counted(database, job)
    dry = {"params": {"dry_run": "true"}}

    matrix = await root.put(f"/roles/{mine}/modules", {"modules": [{"module_slug": "audit"}]}, **dry)
    calls = [
        await root.patch(f"/roles/{mine}", {"is_active": False}, **dry),
        await root.delete(f"/roles/{mine}", **dry),
        await root.put(f"/users/{person.id}/roles", {"role_ids": [other]}, **dry),
        await root.patch(f"/users/{person.id}", {"is_active": False}, **dry),
        await root.delete(f"/users/{person.id}", **dry),
        await root.patch(f"/modules/{module['id']}", {"is_active": False}, **dry),
        await root.patch(f"/module-groups/{module['group_id']}", {"is_active": False}, **dry),
        await root.patch("/roles/matrix", {"roles": [{"role_id": mine, "modules": []}]}, **dry),
    ]
    refused = await weak.put(f"/roles/{mine}/modules", {"modules": [{"module_slug": "audit"}]}, **dry)

    assert matrix.json() == {
        "dry_run": True,
        "effects": [
            {
                "user_id": str(person.id),
                "username": person.username,
                "gained": ["audit:read"],
                "lost": ["tasks:create", "tasks:read"],
            }
        ],
    }
    for answer in calls:
        assert answer.status_code == 200, answer.text
        assert answer.json()["effects"][0]["lost"] == ["tasks:create", "tasks:read"]
    assert (refused.status_code, refused.json()["code"]) == (403, "cannot-grant")
    assert await counted(database, job) == before
    assert (await person.get("/tasks")).status_code == 200


async def test_versions_are_listed_with_their_author_and_effects(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    reader = await role(root, "Versioned reader", {"module_slug": "tasks"})

    answer = await root.put(f"/users/{person.id}/roles", {"role_ids": [reader]}, headers={"X-Request-ID": "grant"})

    (version,) = (await root.get("/rbac/versions", params={"request_id": "grant"})).json()["items"]
    assert (version["actor_id"], version["actor_name"], version["restores"]) == (str(root.id), root.username, None)
    assert version["effects"] == [
        {"user_id": str(person.id), "username": person.username, "gained": ["tasks:read"], "lost": []}
    ]
    ((change,)) = version["changes"]
    assert (change["entity"], change["old"], change["new"]["role_id"]) == ("user_role", None, reader)
    assert answer.headers["policy-version"] == str(version["id"])
    assert (await person.get("/tasks")).headers["policy-version"] == str(version["id"])
    assert (await root.get(f"/rbac/versions/{version['id']}")).json() == version
    assert (await root.get("/rbac/versions/999999")).status_code == 404


async def test_the_way_back_to_a_version(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:create")
    mine = str(await role_of(person, root))
    kept = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    module = next(m for m in (await root.get("/modules")).json()["items"] if m["slug"] == "tasks")
    other = await role(root, "Another", {"module_slug": "users"})
    await root.put(f"/users/{person.id}/roles", {"role_ids": [other]})
    await root.put(f"/users/{person.id}/roles", {"role_ids": [other, mine]})
    await root.put(f"/roles/{mine}/modules", {"modules": [{"module_slug": "audit"}]})
    await root.put(f"/roles/{mine}/modules", {"modules": []})
    await root.patch(f"/modules/{module['id']}", {"is_active": False})
    await root.delete(f"/roles/{mine}")
    assert (await person.get("/tasks")).status_code == 403

    preview = await root.post(f"/rbac/versions/{kept}/rollback", params={"dry_run": "true"})
    done = await root.post(f"/rbac/versions/{kept}/rollback", headers={"X-Request-ID": "back"})

    assert preview.json()["effects"] == [
        {
            "user_id": str(person.id),
            "username": person.username,
            "gained": ["tasks:create", "tasks:read"],
            "lost": ["users:read"],
        }
    ]
    assert done.status_code == 204, done.text
    assert (await person.post("/tasks", {"title": "again"})).status_code == 201
    assert [r["id"] for r in (await root.get(f"/users/{person.id}/roles")).json()] == [mine]
    (version,) = (await root.get("/rbac/versions", params={"request_id": "back"})).json()["items"]
    assert version["restores"] == kept
    changes = (await (await signed_in_as("audit:read")).get("/audit/changes", params={"request_id": "back"})).json()
    assert {row["entity"] for row in changes["items"]} >= {"role", "role_module", "user_role", "module"}
    current = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    assert (await root.post(f"/rbac/versions/{current}/rollback")).status_code == 409


async def test_the_way_back_does_not_bring_back_users(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    kept = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    await root.patch(f"/users/{person.id}", {"is_active": False})

    assert (await root.post(f"/rbac/versions/{kept}/rollback")).status_code == 204

    assert (await root.get(f"/users/{person.id}")).json()["is_active"] is False


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


async def test_a_menu_for_each_role(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:create")
    second = await role(root, "Second menu", {"module_slug": "users"})
    mine = str(await role_of(person, root))
    await root.put(f"/users/{person.id}/roles", {"role_ids": [str(mine), second]})

    merged = (await person.get("/auth/me/menu")).json()
    one = (await person.get(f"/auth/me/menu/{mine}")).json()
    other = (await person.get(f"/auth/me/menu/{second}")).json()

    def slugs(menu: Any) -> set[str]:
        return {module["slug"] for group in menu for module in group["modules"]}

    assert (slugs(merged), slugs(one), slugs(other)) == ({"tasks", "users"}, {"tasks"}, {"users"})
    assert one[0]["modules"][0]["permissions"]["can_create"] is True
    assert (await person.get(f"/auth/me/menu/{uuid4()}")).status_code == 404


@pytest.mark.timeout(60)
async def test_concurrent_policy_writes_take_turns(app: FastAPI, signed_in_as: SignedInAs) -> None:
    """Two superusers edit at once: versions stay gapless, and each says what it changed."""
    first, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    roles = [await role(first, f"Parallel {n}") for n in range(6)]
    before = (await first.get("/rbac/versions")).json()["items"][0]["id"]
    body = {"modules": [{"module_slug": "tasks"}]}

    answers = await asyncio.gather(
        *((first, second)[n % 2].put(f"/roles/{made}/modules", body) for n, made in enumerate(roles))
    )

    assert [answer.status_code for answer in answers] == [200] * 6
    found = [v for v in (await first.get("/rbac/versions")).json()["items"] if v["id"] > before]
    assert [v["id"] for v in found] == list(range(before + 6, before, -1))
    assert all(len(v["changes"]) == 1 for v in found)
    assert {UUID(v["changes"][0]["new"]["role_id"]) for v in found} == {UUID(made) for made in roles}
