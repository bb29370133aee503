"""Assignments of roles to users: their time window, their reason, and who may change them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from app.core.clock import now
from tests.answers import refusals
from tests.modules.roles.policies import ALL, own_roles, role, role_of
from tests.people import SignedInAs


async def test_an_assignment_begins_and_ends_by_itself(
    signed_in_as: SignedInAs, pass_time: Callable[[timedelta], None]
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    reader = await role(root, "For an hour", {"module_slug": "tasks"})
    begins, ends = now() + timedelta(hours=1), now() + timedelta(hours=2)
    terms = {"role_id": reader, "valid_from": begins.isoformat(), "valid_until": ends.isoformat(), "reason": "cover"}

    given = await root.put(f"/users/{person.id}/roles", {"assignments": [terms]})

    assert given.json()["assignments"][0]["reason"] == "cover"
    for minutes, status in ((0, 403), (59, 403), (61, 200), (119, 200), (121, 403)):
        pass_time(timedelta(minutes=minutes))
        assert (await person.get("/tasks")).status_code == status, f"after {minutes} minutes"


async def test_bad_terms_are_refused_and_reasons_kept(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    reader, path = await role(root, "Terms", {"module_slug": "tasks"}), f"/users/{person.id}/roles"
    early, late = now().isoformat(), (now() + timedelta(days=1)).isoformat()

    bad: dict[str, Any] = {
        "ends before it begins": {"assignments": [{"role_id": reader, "valid_from": late, "valid_until": early}]},
        "a role twice": {"assignments": [{"role_id": reader}, {"role_id": reader}]},
        "both forms": {"assignments": [], "role_ids": []},
        "no time zone": {"assignments": [{"role_id": reader, "valid_from": "2026-01-01T00:00:00"}]},
        "neither form": {"reason": "nothing else"},
    }
    for name, body in bad.items():
        assert (await root.put(path, body)).status_code == 422, name

    await root.put(path, {"role_ids": [reader], "reason": "holiday cover"})
    again = await root.put(path, {"role_ids": [reader]})
    assert again.json()["assignments"][0]["reason"] == "holiday cover"


async def test_the_users_of_a_role_are_listed(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")

    page = (await root.get(f"/roles/{await role_of(person, root)}/users")).json()

    assert [(item["id"], item["username"]) for item in page["items"]] == [(str(person.id), person.username)]
    assert (await root.get(f"/roles/{uuid4()}/users")).status_code == 404


async def test_concurrent_assignments_replace_and_never_merge(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    first, second = [(await root.post("/roles", {"name": name})).json()["id"] for name in ("First", "Second")]
    path = f"/users/{person.id}/roles"

    for _ in range(5):
        answers = await asyncio.gather(*(root.put(path, {"role_ids": [role]}) for role in (first, second)))

        assert Counter(answer.status_code for answer in answers) == {200: 2}
        assert len((await root.get(path)).json()["assignments"]) == 1


async def test_own_assignments_are_neither_advanced_nor_prolonged(signed_in_as: SignedInAs) -> None:
    root, admin = await signed_in_as(superuser=True), await signed_in_as("users:update")
    big = await role(root, "Big", {"module_slug": "roles", **ALL})
    path, kept = f"/users/{admin.id}/roles", await own_roles(root, admin)

    later = {"role_id": big, "valid_from": (now() + timedelta(days=365)).isoformat()}
    await root.put(path, {"assignments": [*kept, later]})
    sooner = {**later, "valid_from": (now() + timedelta(seconds=1)).isoformat()}
    refused = {"advance": await admin.put(path, {"assignments": [*kept, sooner]})}

    shortly = {"role_id": big, "valid_until": (now() + timedelta(minutes=5)).isoformat()}
    assert (await root.put(path, {"assignments": [*kept, shortly]})).status_code == 200
    refused["prolong"] = await admin.put(path, {"assignments": [*kept, {"role_id": big}]})
    assert (await admin.get("/roles")).status_code == 200
    other = await role(root, "As big", {"module_slug": "roles", **ALL})
    refused["prolong by another role"] = await admin.put(path, {"assignments": [*kept, shortly, {"role_id": other}]})

    assert refusals(refused) == dict.fromkeys(refused, (403, "cannot-grant"))
    assert (await admin.put(path, {"assignments": kept})).status_code == 200, "giving up permissions is always allowed"


async def test_a_hidden_role_comes_back_with_its_users(signed_in_as: SignedInAs) -> None:
    """Regression: replacing the roles of a user also deleted its assignments of deleted roles."""
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    (mine,) = [found["role_id"] for found in await own_roles(root, person)]
    await root.delete(f"/roles/{mine}")
    await root.put(f"/users/{person.id}/roles", {"role_ids": []})

    await root.post(f"/roles/{mine}/restore")

    assert (await person.get("/tasks")).status_code == 200


async def test_the_roles_of_a_user_have_a_tag_to_change_them_by(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    path, mine = f"/users/{person.id}/roles", await role_of(person, root)
    read = await root.get(path)
    tag = read.headers["etag"]
    assert (await root.get(path, headers={"If-None-Match": tag})).status_code == 304

    await root.patch(f"/roles/{mine}", {"name": "Renamed"})
    renamed = await root.get(path, headers={"If-None-Match": tag})
    kept = await root.put(path, read.json(), headers={"If-Match": tag})
    taken = await root.put(path, {"assignments": []}, headers={"If-Match": tag})
    stale = await root.put(path, read.json(), headers={"If-Match": tag})

    assert [found["role"]["name"] for found in renamed.json()["assignments"]] == ["Renamed"]
    assert (kept.status_code, kept.json()) == (200, renamed.json()), "the name of the role was not set back"
    assert (taken.status_code, stale.status_code) == (200, 412)
    assert taken.headers["etag"] == (await root.get(path)).headers["etag"] != tag
