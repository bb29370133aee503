"""One call has all that the page of a user shows, as the calls of its parts say it."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.core.db.engine import Database
from tests.core.db.plans import statements_of
from tests.modules.auth.calls import sign_in, sign_in_again
from tests.modules.roles.policies import own_roles, role
from tests.modules.second_factor.devices import enrolled
from tests.people import Person, SignedInAs


async def overview(caller: Person, person: Person) -> dict[str, Any]:
    answer = await caller.get(f"/users/{person.id}/overview")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def items(caller: Person, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await caller.get(path, params=params)).json()["items"]
    return found


async def test_an_overview_has_what_its_parts_say(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:update", "brands:read")
    expired = await role(root, "Expired", {"module_slug": "customers"})
    terms = {"role_id": expired, "valid_until": "2020-01-01T00:00:00Z", "reason": "Stocktaking"}
    await root.put(f"/users/{person.id}/roles", {"assignments": [*(await own_roles(root, person)), terms]})
    await person.post("/auth/api-keys", {"name": "mine", "scopes": ["tasks:read"]})
    await sign_in_again(client, person)
    await sign_in(client, person, "wrong")
    await enrolled(person)

    found, path = await overview(root, person), f"/users/{person.id}"

    assert found["user"] == (await root.get(path)).json()
    assert found["assignments"] == await own_roles(root, person)
    assert [each["reason"] for each in found["assignments"] if each["role_id"] == expired] == ["Stocktaking"]
    assert found["sessions"]["items"] == await items(root, f"{path}/sessions")
    assert found["api_keys"]["items"] == await items(root, f"{path}/api-keys")
    assert found["logins"]["items"] == await items(root, "/auth/logins", user_id=str(person.id))
    assert (len(found["sessions"]["items"]), len(found["api_keys"]["items"]), len(found["logins"]["items"])) == (
        2,
        1,
        3,
    )
    assert found["last_sign_in_at"] >= found["logins"]["items"][-1]["at"]
    assert (found["has_second_factor"], found["is_locked"], found["left_out"]) == (True, False, [])
    assert [(each["kind"], each["failures"], each["blocked_until"]) for each in found["failed_attempts"]] == [
        ("account", 1, None),
        ("account-at-address", 1, None),
    ]
    assert [each["permission"] for each in found["permissions"]] == ["brands:read", "tasks:read", "tasks:update"]
    for each in found["permissions"]:
        asked = {"user_id": str(person.id), "permission": each["permission"]}
        assert each["reasons"] == (await root.get("/rbac/explain", params=asked)).json()["reasons"]


async def test_a_superuser_holds_everything_for_one_reason(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)

    held = (await overview(root, root))["permissions"]

    assert {reason["detail"] for each in held for reason in each["reasons"]} == {"A superuser may do everything."}
    assert {"users:delete", "audit:read"} <= {each["permission"] for each in held}


async def test_a_part_that_the_caller_may_not_read_is_left_out(signed_in_as: SignedInAs) -> None:
    reader, stranger, person = await signed_in_as("users:read"), await signed_in_as("roles:read"), await signed_in_as()

    found = await overview(reader, person)

    assert found["permissions"] is None
    assert found["left_out"] == [{"part": "permissions", "permission": "roles:read"}]
    assert [part for part in found if found[part] is None] == ["permissions"]
    assert (await stranger.get(f"/users/{person.id}/overview")).status_code == 403
    assert (await reader.get(f"/users/{uuid4()}/overview")).status_code == 404


async def test_a_locked_user_is_shown_so_until_unlocked(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    for _ in range(5):
        await sign_in(client, person, "wrong")

    locked = await overview(root, person)
    await root.post(f"/users/{person.id}/unlock")
    unlocked = await overview(root, person)

    assert locked["is_locked"]
    assert {each["kind"] for each in locked["failed_attempts"] if each["blocked_until"]} == {
        "account",
        "account-at-address",
    }
    assert (unlocked["is_locked"], unlocked["failed_attempts"]) == (False, [])


async def test_lists_go_on_at_their_own_addresses(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    for _ in range(11):
        assert (await sign_in(client, person)).status_code == 200

    answer = await root.get(f"/users/{person.id}/overview")
    logins, own = answer.json()["logins"], {"user_id": str(person.id)}
    rest = await items(root, "/auth/logins", **own, cursor=logins["next_cursor"])

    assert "link" not in answer.headers
    assert [*logins["items"], *rest] == await items(root, "/auth/logins", **own)


@pytest.mark.parametrize("held", [3, 30])
async def test_it_takes_as_many_statements_for_many_permissions(
    signed_in_as: SignedInAs, database: Database, held: int
) -> None:
    modules = ("tasks", "products", "brands", "categories", "customers", "tags", "roles", "users", "audit")
    wanted = [f"{slug}:{action}" for slug in modules for action in ("create", "update", "delete", "audit")][:held]
    root, person = await signed_in_as(superuser=True), await signed_in_as(*wanted)
    await overview(root, person)
    counts = []

    for _ in range(3):
        with statements_of(database) as statements:
            found = await overview(root, person)
        counts.append(len(statements))

    assert len(found["permissions"]) >= held
    assert min(counts) <= 15, "what the application asks by itself meanwhile is in some of the counts only"
