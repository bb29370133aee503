"""The users of a role: one call gives it to some and takes it from others."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.core.clock import now
from tests.answers import refusals
from tests.modules.roles.policies import ALL, own_roles, role, role_of
from tests.people import Person, SignedInAs


async def holders(root: Person, role_id: str) -> set[str]:
    return {item["id"] for item in (await root.get(f"/roles/{role_id}/users")).json()["items"]}


def effects(answer: Any) -> list[tuple[str, str]]:
    return [(result["username"], result["effect"]) for result in answer.json()["results"]]


async def test_a_role_is_handed_over_in_one_call(signed_in_as: SignedInAs) -> None:
    root, (leaving, first, second) = await signed_in_as(superuser=True), [await signed_in_as() for _ in range(3)]
    keeper, path = await role(root, "Keeper", {"module_slug": "tasks"}), "/roles/{}/users"
    path = path.format(keeper)
    await root.post(path, {"assign": [str(leaving.id)]})

    body = {"assign": [str(first.id), str(second.id)], "unassign": [str(leaving.id)], "reason": "Handover"}
    preview = await root.post(path, body, params={"dry_run": "true"})
    assert await holders(root, keeper) == {str(leaving.id)}
    done = await root.post(path, body)

    assert done.status_code == 200, done.text
    expected = [(first.username, "assigned"), (second.username, "assigned"), (leaving.username, "unassigned")]
    assert effects(done) == effects(preview) == expected
    assert {effect["username"] for effect in preview.json()["effects"]} == {name for name, _ in expected}
    assert await holders(root, keeper) == {str(first.id), str(second.id)}
    assert [(await person.get("/tasks")).status_code for person in (first, second, leaving)] == [200, 200, 403]
    assert [found["reason"] for found in await own_roles(root, first)] == ["Handover"]


async def test_what_is_so_already_stays_as_it_is(signed_in_as: SignedInAs) -> None:
    root, holder, other = await signed_in_as(superuser=True), await signed_in_as(), await signed_in_as()
    keeper = await role(root, "Keeper", {"module_slug": "tasks"})
    path, ends = f"/roles/{keeper}/users", (now() + timedelta(days=1)).isoformat()
    body: dict[str, Any] = {"assign": [str(holder.id)], "unassign": [str(other.id)]}
    await root.post(path, {**body, "valid_until": ends, "reason": "for a day"})
    before = [(await root.get(f"/users/{person.id}")).json()["version"] for person in (holder, other)]
    version = (await root.get("/rbac/versions", params={"limit": 1})).json()["items"][0]["id"]

    same = await root.post(path, {**body, "valid_until": ends})
    after = [(await root.get(f"/users/{person.id}")).json()["version"] for person in (holder, other)]
    latest = (await root.get("/rbac/versions", params={"limit": 1})).json()["items"][0]["id"]
    longer = await root.post(path, body)

    assert effects(same) == [(holder.username, "unchanged"), (other.username, "unchanged")]
    assert (after, latest) == (before, version)
    assert effects(longer)[0] == (holder.username, "changed")
    (assignment,) = await own_roles(root, holder)
    assert (assignment["valid_until"], assignment["reason"]) == (None, None), "other terms have their own reason"


async def test_a_refusal_of_one_is_a_refusal_of_all(signed_in_as: SignedInAs) -> None:
    root, admin = await signed_in_as(superuser=True), await signed_in_as("users:update", "roles:read", "tasks:read")
    weak, strong = await signed_in_as(), await signed_in_as("customers:delete")
    keeper = await role(root, "Keeper", {"module_slug": "tasks"})
    big = await role(root, "Big", {"module_slug": "customers", **ALL})
    gone = await signed_in_as()
    await root.delete(f"/users/{gone.id}")
    stored = (await root.get(f"/roles/{keeper}")).json()["version"]

    refused = {
        "more than one's own": await admin.post(f"/roles/{big}/users", {"assign": [str(weak.id)]}),
        "to who has more": await admin.post(f"/roles/{keeper}/users", {"assign": [str(weak.id), str(strong.id)]}),
        "an unknown role": await root.post(f"/roles/{uuid4()}/users", {"assign": [str(weak.id)]}),
        "an unknown user": await root.post(f"/roles/{keeper}/users", {"assign": [str(weak.id), str(uuid4())]}),
        "a hidden user": await root.post(f"/roles/{keeper}/users", {"unassign": [str(gone.id)]}),
        "twice": await root.post(f"/roles/{keeper}/users", {"assign": [str(weak.id)], "unassign": [str(weak.id)]}),
        "none": await root.post(f"/roles/{keeper}/users", {"reason": "none"}),
        "another version": await root.post(
            f"/roles/{keeper}/users", {"assign": [str(weak.id)]}, headers={"If-Match": f'"{stored + 1}"'}
        ),
    }

    assert refusals(refused) == {
        "more than one's own": (403, "cannot-grant"),
        "to who has more": (403, "target-has-more-permissions"),
        "an unknown role": (404, "not-found"),
        "an unknown user": (422, "invalid-fields"),
        "a hidden user": (422, "invalid-fields"),
        "twice": (422, "invalid-fields"),
        "none": (422, "invalid-fields"),
        "another version": (412, "stale-version"),
    }
    pointers = {name: refused[name].json()["errors"][0]["pointer"] for name in ("an unknown user", "a hidden user")}
    assert pointers == {"an unknown user": "/body/assign/1", "a hidden user": "/body/unassign/0"}
    assert await holders(root, keeper) == await holders(root, big) == set()
    fresh = {"If-Match": f'"{stored}"'}
    assert (await admin.post(f"/roles/{keeper}/users", {"assign": [str(weak.id)]}, headers=fresh)).status_code == 200


@pytest.mark.parametrize("held", [("users:update",), ("roles:read", "roles:update"), ("roles:read", "users:read")])
async def test_it_needs_what_changing_a_user_needs(signed_in_as: SignedInAs, held: tuple[str, ...]) -> None:
    root, admin, person = await signed_in_as(superuser=True), await signed_in_as(*held), await signed_in_as()
    empty = await role(root, "Empty")

    answer = await admin.post(f"/roles/{empty}/users", {"assign": [str(person.id)]})

    assert (answer.status_code, answer.json()["code"]) == (403, "permission-denied")


async def test_changes_of_the_same_users_at_the_same_moment_wait_for_each_other(signed_in_as: SignedInAs) -> None:
    root, people = await signed_in_as(superuser=True), [await signed_in_as() for _ in range(6)]
    keeper = await role(root, "Keeper", {"module_slug": "tasks"})
    ids = [str(person.id) for person in people]

    bodies = ({"assign": ids}, {"assign": ids[::-1]}, {"unassign": ids[:2], "assign": ids[2:]})
    answers = await asyncio.gather(*(root.post(f"/roles/{keeper}/users", body) for body in bodies))

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert set(ids[2:]) <= await holders(root, keeper)


async def test_a_key_repeats_the_answer(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    mine, key = str(await role_of(person, root)), {"Idempotency-Key": "take-it-away"}

    first = await root.post(f"/roles/{mine}/users", {"unassign": [str(person.id)]}, headers=key)
    again = await root.post(f"/roles/{mine}/users", {"unassign": [str(person.id)]}, headers=key)

    assert first.content == again.content
    assert effects(again) == [(person.username, "unassigned")]
