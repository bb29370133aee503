"""What roles ask of their users: a second factor, and networks from which to call."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.clock import now
from tests.answers import refusals, statuses
from tests.modules.roles.policies import role, role_of
from tests.modules.second_factor.devices import enrolled
from tests.people import Person, SignedInAs

HERE, ELSEWHERE = "192.0.2.0/24", "198.51.100.0/24"
NEEDED = (403, "second-factor-required")
OUTSIDE = (403, "network-not-allowed")


@pytest.fixture
async def root(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as(superuser=True)


@pytest.fixture
async def person(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as("tasks:read")


async def ask(root: Person, person: Person, **conditions: Any) -> httpx.Response:
    """Let the role of the person ask for something."""
    return await root.patch(f"/roles/{await role_of(person, root)}", conditions)


async def give(root: Person, person: Person, conditions: dict[str, Any], **terms: Any) -> str:
    """Give the person another role, with conditions and without a grant."""
    made = await role(root, f"asks of {person.username}")
    await root.patch(f"/roles/{made}", conditions)
    kept = {"role_id": str(await role_of(person, root))}
    given = await root.put(f"/users/{person.id}/roles", {"assignments": [kept, {"role_id": made, **terms}]})
    assert given.status_code == 200, given.text
    return made


def at(person: Person, app: FastAPI, address: str) -> Person:
    """The same session at another address."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 4711))
    client = httpx.AsyncClient(transport=transport, base_url=person.client.base_url)
    return Person(person.id, person.username, client, person.access_token, person.refresh_token)


async def test_a_role_asks_for_a_second_factor(root: Person, person: Person) -> None:
    made = (await person.post("/auth/api-keys", {"name": "k", "scopes": ["tasks:read"]})).json()
    key = Person(person.id, "", person.client, made["key"], "")
    assert (await person.get("/tasks")).status_code == 200

    changed = await ask(root, person, requires_second_factor=True)

    assert (changed.status_code, changed.json()["requires_second_factor"]) == (200, True)
    refused = {"session": await person.get("/tasks"), "key": await key.get("/tasks")}
    assert refusals(refused) == dict.fromkeys(refused, NEEDED)
    assert (await person.get("/auth/me")).status_code == 200
    await enrolled(person)
    assert statuses({"session": await person.get("/tasks"), "key": await key.get("/tasks")}) == {
        "session": 200,
        "key": 200,
    }


async def test_one_of_several_roles_is_enough_and_a_role_without_grants_too(root: Person, person: Person) -> None:
    made = await give(root, person, {"requires_second_factor": True})

    asked = await person.get("/tasks")
    await root.patch(f"/roles/{made}", {"is_active": False})
    inactive = await person.get("/tasks")
    await root.patch(f"/roles/{made}", {"is_active": True})
    again = await person.get("/tasks")
    await root.delete(f"/roles/{made}")
    deleted = await person.get("/tasks")

    assert [a.status_code for a in (asked, inactive, again, deleted)] == [403, 200, 403, 200]


async def test_a_role_asks_from_the_beginning_of_its_term_to_its_end(
    root: Person, person: Person, step_clock: Callable[[timedelta], None]
) -> None:
    edges = {"valid_from": now() + timedelta(minutes=2), "valid_until": now() + timedelta(minutes=4)}
    await give(root, person, {"requires_second_factor": True}, **{k: v.isoformat() for k, v in edges.items()})
    answers = []

    for minutes in (0, 3, 5):
        step_clock(timedelta(minutes=minutes))
        answers.append((await person.get("/tasks")).status_code)

    assert answers == [200, 403, 200], "the cached access ends at each edge"


async def test_a_role_admits_its_networks_only_request_by_request(root: Person, person: Person, app: FastAPI) -> None:
    made = (await person.post("/auth/api-keys", {"name": "k", "scopes": ["tasks:read"]})).json()
    key = Person(person.id, "", person.client, made["key"], "")

    changed = await ask(root, person, allowed_networks=[HERE, "2001:db8::/32"])

    assert changed.json()["allowed_networks"] == [HERE, "2001:db8::/32"]
    inside = {"v4": person, "mapped": at(person, app, "::ffff:192.0.2.9"), "v6": at(person, app, "2001:db8::7")}
    outside = {"session": at(person, app, "198.51.100.9"), "key": at(key, app, "198.51.100.9")}
    for _ in range(2):
        assert statuses({name: await who.get("/tasks") for name, who in inside.items()}) == dict.fromkeys(inside, 200)
        refused = {name: await who.get("/tasks") for name, who in outside.items()}
        assert refusals(refused) == dict.fromkeys(outside, OUTSIDE)
    assert refusals({"me": await outside["session"].get("/auth/me")}) == {"me": OUTSIDE}
    assert (await key.get("/tasks")).status_code == 200


async def test_every_role_must_admit_the_address(root: Person, person: Person) -> None:
    await ask(root, person, allowed_networks=[HERE])
    other = await give(root, person, {"allowed_networks": [ELSEWHERE]})

    refused = await person.get("/tasks")
    await root.patch(f"/roles/{other}", {"allowed_networks": []})

    assert refusals({"both": refused}) == {"both": OUTSIDE}
    assert (await person.get("/tasks")).status_code == 200


async def test_no_caller_locks_itself_out(root: Person) -> None:
    made = await role(root, "desk")
    await root.put(f"/users/{root.id}/roles", {"role_ids": [made]})

    refused = await root.patch(f"/roles/{made}", {"allowed_networks": [ELSEWHERE]})
    dry = await root.patch(f"/roles/{made}?dry_run=true", {"allowed_networks": [ELSEWHERE]})
    allowed = await root.patch(f"/roles/{made}", {"allowed_networks": [HERE]})

    assert refusals({"wet": refused, "dry": dry}) == dict.fromkeys(("wet", "dry"), (409, "locks-you-out"))
    assert allowed.status_code == 200
    assert (await root.get("/tasks")).status_code == 200


@pytest.mark.parametrize("conditions", [{"requires_second_factor": True}, {"allowed_networks": [ELSEWHERE]}])
async def test_only_those_who_hold_what_a_role_gives_change_its_conditions(
    signed_in_as: SignedInAs, root: Person, conditions: dict[str, Any]
) -> None:
    clerk, auditor = await signed_in_as("roles:update"), await signed_in_as("audit:read")
    path = f"/roles/{await role_of(auditor, root)}"

    by_clerk = await clerk.patch(path, conditions)
    by_root = await root.patch(path, conditions)

    assert refusals({"clerk": by_clerk}) == {"clerk": (403, "target-has-more-permissions")}
    assert by_root.status_code == 200


async def test_a_rollback_restores_conditions(root: Person, person: Person) -> None:
    await ask(root, person, requires_second_factor=True, allowed_networks=[HERE])
    before = (await root.get("/rbac/versions", params={"limit": 1})).json()["items"][0]["id"]
    path = f"/roles/{await role_of(person, root)}"
    await root.patch(path, {"requires_second_factor": False, "allowed_networks": []})
    assert (await person.get("/tasks")).status_code == 200

    back = await root.post(f"/rbac/versions/{before}/rollback")

    found = (await root.get(path)).json()
    assert back.status_code == 204, back.text
    assert (found["requires_second_factor"], found["allowed_networks"]) == (True, [HERE])
    assert refusals({"again": await person.get("/tasks")}) == {"again": NEEDED}


async def test_an_explanation_names_what_roles_ask(root: Person, person: Person) -> None:
    await ask(root, person, requires_second_factor=True, allowed_networks=[HERE])
    question = {"user_id": str(person.id), "permission": "tasks:read"}

    found = (await root.get("/rbac/explain", params=question)).json()
    who = (await root.get("/rbac/who-can", params={"permission": "tasks:read"})).json()["items"]
    await enrolled(person)
    after = (await root.get("/rbac/explain", params=question)).json()

    assert [each["code"] for each in found["conditions"]] == [NEEDED[1], OUTSIDE[1]]
    assert HERE in found["conditions"][1]["detail"]
    assert [each["networks"] for each in found["conditions"]] == [[], [HERE]]
    assert {item["username"]: item["conditions"] for item in who}[person.username] == found["conditions"]
    assert [each["code"] for each in after["conditions"]] == [OUTSIDE[1]]


async def test_networks_are_written_properly(root: Person) -> None:
    answer = await root.post("/roles", {"name": "x", "allowed_networks": ["10.0.0.1/8"]})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not-a-network")
