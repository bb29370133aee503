"""Why a user may do something or may not, and which users may."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from app.core.clock import now
from tests.answers import statuses
from tests.modules.roles.policies import role
from tests.people import Person, SignedInAs


async def explain(asker: Person, who: Person, permission: str) -> dict[str, Any]:
    answer = await asker.get("/rbac/explain", params={"user_id": str(who.id), "permission": permission})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_explanation_names_the_granting_role(signed_in_as: SignedInAs) -> None:
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
    edges = {miss["role"]: (miss["valid_from"], miss["valid_until"]) for miss in told["near_misses"]}
    assert edges["Reader"] == (None, None)
    assert (edges["Over"][0], edges["Tomorrow"][1]) == (None, None)
    assert edges["Over"][1] == yesterday.isoformat().replace("+00:00", "Z")
    assert edges["Tomorrow"][0] == tomorrow.isoformat().replace("+00:00", "Z")
    assert (await explain(root, person, "tasks:read"))["reasons"][0]["role"] == "Reader"


async def test_inactive_modules_groups_and_users_are_obstacles(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    module = next(m for m in (await root.get("/modules")).json()["items"] if m["slug"] == "tasks")

    await root.patch(f"/modules/{module['id']}", {"is_active": False})
    await root.patch(f"/module-groups/{module['group_id']}", {"is_active": False})
    await root.patch(f"/users/{person.id}", {"is_active": False})

    (miss,) = (await explain(root, person, "tasks:read"))["near_misses"]
    assert miss["obstacles"] == ["user-inactive", "module-inactive", "group-inactive"]


async def test_who_can_lists_the_users_with_a_permission(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    creator, reader = await signed_in_as("tasks:create"), await signed_in_as("tasks:read")
    await signed_in_as("users:read")

    page = (await root.get("/rbac/who-can", params={"permission": "tasks:create"})).json()
    almost = (await root.get("/rbac/who-can", params={"permission": "tasks:create", "near_misses": "true"})).json()

    assert {item["user_id"] for item in page["items"]} == {str(root.id), str(creator.id)}
    assert {i["user_id"]: i["allowed"] for i in almost["items"]}[str(reader.id)] is False
    first = (await root.get("/rbac/who-can", params={"permission": "tasks:read", "limit": 2})).json()
    assert (len(first["items"]), first["next_cursor"] is not None) == (2, True)


async def test_questions_about_unknown_users_and_permissions_are_refused(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")

    async def ask(user_id: Any, permission: str) -> httpx.Response:
        return await root.get("/rbac/explain", params={"user_id": str(user_id), "permission": permission})

    answers = {
        "unknown user": await ask(uuid4(), "tasks:read"),
        "unknown module": await ask(root.id, "nothing:read"),
        "unknown action": await ask(root.id, "tasks:fly"),
        "holders of an unknown module": await root.get("/rbac/who-can", params={"permission": "nothing:read"}),
        "without permission": await person.get("/rbac/who-can", params={"permission": "tasks:read"}),
    }

    assert statuses(answers) == {
        "unknown user": 404,
        "unknown module": 422,
        "unknown action": 422,
        "holders of an unknown module": 422,
        "without permission": 403,
    }
