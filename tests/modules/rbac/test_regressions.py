"""Every defect that a hostile reading of the policy found, by what it allowed."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from app.core.clock import now
from tests.conftest import SignedInAs
from tests.modules.rbac.test_policy import role
from tests.modules.rbac.test_router import ALL
from tests.people import Person


async def own_roles(root: Person, person: Person) -> list[dict[str, str]]:
    return [{"role_id": found["id"]} for found in (await root.get(f"/users/{person.id}/roles")).json()]


async def test_nobody_hastens_or_prolongs_their_own_roles(signed_in_as: SignedInAs) -> None:
    root, admin = await signed_in_as(superuser=True), await signed_in_as("users:update")
    big = await role(root, "Big", {"module_slug": "roles", **ALL})
    path, kept = f"/users/{admin.id}/roles", await own_roles(root, admin)

    later = {"role_id": big, "valid_from": (now() + timedelta(days=365)).isoformat()}
    await root.put(path, {"assignments": [*kept, later]})
    sooner = {**later, "valid_from": (now() + timedelta(seconds=1)).isoformat()}
    hastened = await admin.put(path, {"assignments": [*kept, sooner]})

    shortly = {"role_id": big, "valid_until": (now() + timedelta(minutes=5)).isoformat()}
    assert (await root.put(path, {"assignments": [*kept, shortly]})).status_code == 200
    prolonged = await admin.put(path, {"assignments": [*kept, {"role_id": big}]})
    assert (await admin.get("/roles")).status_code == 200
    other = await role(root, "As big", {"module_slug": "roles", **ALL})
    by_another = await admin.put(path, {"assignments": [*kept, shortly, {"role_id": other}]})

    answers = [hastened, prolonged, by_another]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "cannot-grant")] * 3
    assert (await admin.put(path, {"assignments": kept})).status_code == 200, "giving up is always allowed"


async def test_a_service_account_is_no_superuser(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    name = f"robot-{uuid4().hex[:8]}"
    body = {"username": name, "email": f"{name}@example.com", "is_service": True}

    crowned = await root.post("/users", {**body, "is_superuser": True})
    robot = (await root.post("/users", body)).json()["id"]
    promoted = await root.patch(f"/users/{robot}", {"is_superuser": True})

    assert [crowned.status_code, promoted.status_code] == [422, 422]
    assert (await root.delete(f"/users/{root.id}")).json()["code"] == "last-superuser"


@pytest.mark.timeout(60)
async def test_policy_writes_wait_for_each_other_and_do_not_deadlock(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    first, second = [await role(root, name) for name in ("R1", "R2")]
    version = (await root.get("/rbac/versions")).json()["items"][0]["id"]

    for number in range(4):
        flags = [{"module_slug": "tasks", "can_create": number % 2 == 0}]
        matrix = {"roles": [{"role_id": id, "modules": flags} for id in (second, first)]}  # noqa: A001  # short
        answers = await asyncio.gather(
            root.patch("/roles/matrix", matrix),
            root.put(f"/roles/{first}/modules", {"modules": []}),
            root.put(f"/roles/{second}/modules", {"modules": []}),
            root.put(f"/users/{person.id}/roles", {"role_ids": [first, second][: number % 3]}),
            root.patch(f"/roles/{second}", {"is_active": number % 2 == 0}),
            root.post(f"/rbac/versions/{version}/rollback"),
        )
        assert {answer.status_code for answer in answers} <= {200, 204}, [a.text for a in answers]


async def test_a_key_is_held_to_what_its_owner_must_do_first(signed_in_as: SignedInAs) -> None:
    admin, owner = await signed_in_as("users:update", "tasks:read"), await signed_in_as("tasks:read")
    shown = (await owner.post("/auth/api-keys", {"name": "k", "scopes": ["tasks:read"]})).json()
    headers = {"Authorization": f"Bearer {shown['key']}"}
    assert (await owner.client.get("/tasks", headers=headers)).status_code == 200

    await admin.post(f"/users/{owner.id}/password")

    refused = await owner.client.get("/tasks", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "password-change-required")


async def test_a_rollback_that_gives_roles_back_administers_users(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    editor = await signed_in_as("roles:update", "tasks:read")
    version = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    await root.put(f"/users/{person.id}/roles", {"role_ids": []})

    answer = await editor.post(f"/rbac/versions/{version}/rollback")

    assert (answer.status_code, "users:update" in answer.json()["detail"]) == (403, True)


async def test_a_dry_run_does_not_tell_of_a_version_that_never_was(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    made = await role(root, "Never")
    before = (await root.get("/auth/me")).headers["policy-version"]

    dry = await root.put(f"/roles/{made}/modules", {"modules": [{"module_slug": "tasks"}]}, params={"dry_run": "true"})

    assert (dry.status_code, dry.headers["policy-version"]) == (200, before)


async def test_a_rollback_is_a_new_version_of_what_it_changed(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    (mine,) = [found["role_id"] for found in await own_roles(root, person)]
    version = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    await root.put(f"/roles/{mine}/modules", {"modules": []})
    await root.put(f"/users/{person.id}/roles", {"role_ids": []})
    etags = [(await root.get(path)).headers["etag"] for path in (f"/roles/{mine}", f"/users/{person.id}")]

    assert (await root.post(f"/rbac/versions/{version}/rollback")).status_code == 204

    stale = [
        await root.put(f"/roles/{mine}/modules", {"modules": []}, headers={"If-Match": etags[0]}),
        await root.put(f"/users/{person.id}/roles", {"role_ids": []}, headers={"If-Match": etags[1]}),
    ]
    assert [answer.status_code for answer in stale] == [412, 412]


async def test_a_hidden_role_comes_back_with_its_users(signed_in_as: SignedInAs) -> None:
    """Replacing the roles of a user deleted links to roles that nobody could see."""
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    (mine,) = [found["role_id"] for found in await own_roles(root, person)]
    await root.delete(f"/roles/{mine}")
    await root.put(f"/users/{person.id}/roles", {"role_ids": []})

    await root.post(f"/roles/{mine}/restore")

    assert (await person.get("/tasks")).status_code == 200
