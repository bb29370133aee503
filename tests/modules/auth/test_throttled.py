"""Who is throttled now, for administrators and auditors."""

from datetime import datetime
from typing import Any

import httpx
from fastapi import FastAPI

from app.core.clock import now
from tests.answers import statuses
from tests.modules.auth.calls import sign_in
from tests.people import Person, SignedInAs

STRANGER = "203.0.113.5"


async def guess(app: FastAPI, who: Person | str, times: int, address: str = STRANGER) -> None:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as stranger:
        for _ in range(times):
            await sign_in(stranger, who, "wrong")


async def throttled(asker: Person, **params: Any) -> dict[tuple[str, str | None, str | None], dict[str, Any]]:
    answer = await asker.get("/auth/throttled", params=params)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    return {(item["kind"], item["user"] and item["user"]["name"], item["address"]): item for item in items}


async def test_blocked_accounts_and_addresses_are_listed_until_they_are_unlocked(
    app: FastAPI, signed_in_as: SignedInAs
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    await guess(app, person, 5)
    await guess(app, f" {person.username.upper()}@EXAMPLE.com", 5, "2001:db8::1")
    await guess(app, "unknown", 5)
    await guess(app, "somebody.else", 4)

    found = await throttled(root)

    account, here = ("account", person.username, None), ("account-at-address", person.username, STRANGER)
    network = ("account-at-address", person.username, "2001:db8::")
    unknown = {("account", None, None), ("account-at-address", None, STRANGER)}
    assert found.keys() == {account, here, network, *unknown}
    assert found[here]["failures"] == 5
    assert 0 < (datetime.fromisoformat(found[here]["blocked_until"]) - now()).total_seconds() <= 30
    assert (await throttled(root, user_id=str(person.id))).keys() == {account, here, network}
    assert (await root.post(f"/users/{found[account]['user']['id']}/unlock")).status_code == 204
    assert (await throttled(root)).keys() == unknown


async def test_an_address_is_listed_without_a_user(app: FastAPI, signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    for number in range(30):
        await guess(app, f"unknown{number}", 1)

    found = await throttled(root)

    assert [key for key in found if key[0] == "address"] == [("address", None, STRANGER)]


async def test_a_name_that_becomes_that_of_a_user_is_listed_as_theirs(app: FastAPI, signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    await guess(app, "later.user", 4)
    body = {"username": "later.user", "email": "later@example.com", "password": "correct horse battery staple"}
    assert (await root.post("/users", body)).status_code == 201
    await guess(app, "later.user", 1)

    assert ("account", "later.user", None) in await throttled(root)


async def test_own_passwords_that_are_entered_wrong_are_listed(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    for _ in range(5):
        body = {"current_password": "wrong", "new_password": "another horse battery staple"}
        await person.post("/auth/me/password", body)

    assert (await throttled(root)).keys() == {("password", person.username, None)}


async def test_what_is_throttled_is_for_readers_of_users_or_of_the_audit_log(signed_in_as: SignedInAs) -> None:
    people = {name: await signed_in_as(name) for name in ("users:read", "audit:read", "roles:read")}

    answers = {name: await person.get("/auth/throttled") for name, person in people.items()}

    assert statuses(answers) == {"users:read": 200, "audit:read": 200, "roles:read": 403}
