"""What is held for a time is given for that time at most, by every path; the roles of the locum end in an hour."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.core.clock import now
from app.modules.roles import ACTIONS
from tests.answers import refusals
from tests.modules.roles.policies import ALL, role
from tests.people import Person, SignedInAs

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


@dataclass
class Office:
    """An administrator whose roles end at `until`, and roles to give."""

    root: Person
    locum: Person
    until: str
    admin: str
    work: str

    def terms(self, role: str, **terms: Any) -> dict[str, Any]:
        return {"assignments": [{"role_id": role, **terms}]}


@pytest.fixture
async def office(signed_in_as: SignedInAs) -> Office:
    root, locum = await signed_in_as(superuser=True), await signed_in_as()
    admin = await role(root, "Admin", {"module_slug": "users", **ALL}, {"module_slug": "roles", **ALL})
    work = await role(root, "Work", {"module_slug": "tasks", **ALL})
    until = (now() + HOUR).isoformat()
    body = {"assignments": [{"role_id": given, "valid_until": until} for given in (admin, work)]}
    assert (await root.put(f"/users/{locum.id}/roles", body)).status_code == 200
    return Office(root, locum, until, admin, work)


async def test_a_second_account_does_not_give_back_what_has_ended(
    office: Office, signed_in_as: SignedInAs, pass_time: Callable[[timedelta], None]
) -> None:
    """Regression: roles on loan were given for good to an account that gave them back afterwards."""
    second, path = await signed_in_as(), f"/users/{office.locum.id}/roles"

    lent = await office.locum.put(f"/users/{second.id}/roles", {"role_ids": [office.admin, office.work]})

    assert (lent.status_code, lent.json()["code"]) == (403, "cannot-grant")
    assert "tasks:read until " + office.until[:19] in lent.json()["detail"]
    pass_time(2 * HOUR)
    returned = await second.put(path, {"role_ids": [office.admin, office.work]})
    assert returned.status_code == 403
    assert [(await person.get("/tasks")).status_code for person in (office.locum, second)] == [403, 403]


async def test_an_account_that_holds_for_longer_is_not_taken_over(office: Office, signed_in_as: SignedInAs) -> None:
    """Regression: a locum reset the password of a colleague, and was in power for good as that colleague."""
    colleague, other = await signed_in_as(), await signed_in_as()
    assert (await office.root.put(f"/users/{colleague.id}/roles", {"role_ids": [office.admin]})).status_code == 200
    as_long = office.terms(office.work, valid_until=office.until)
    assert (await office.root.put(f"/users/{other.id}/roles", as_long)).status_code == 200

    answers = {
        "password": await office.locum.post(f"/users/{colleague.id}/password"),
        "invitation": await office.locum.post(f"/users/{colleague.id}/invitation"),
        "e-mail": await office.locum.patch(f"/users/{colleague.id}", {"email": "taken@example.com"}),
        "user name": await office.locum.patch(f"/users/{colleague.id}", {"username": "taken"}),
    }

    assert refusals(answers) == dict.fromkeys(answers, (403, "target-has-more-permissions"))
    assert (await office.locum.post(f"/users/{other.id}/password")).status_code == 200, "it ends with the locum's term"
    assert (await office.locum.post(f"/users/{colleague.id}/unlock")).status_code == 204


async def test_what_is_held_for_a_time_is_given_within_it(office: Office, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()
    path, half = f"/users/{person.id}/roles", (now() + HOUR / 2).isoformat()

    answers = {
        "as long": await office.locum.put(path, office.terms(office.work, valid_until=office.until)),
        "shorter": await office.locum.put(path, office.terms(office.work, valid_until=half)),
        "as long again": await office.locum.put(path, office.terms(office.work, valid_until=office.until)),
        "later": await office.locum.put(path, office.terms(office.work, valid_from=half, valid_until=office.until)),
        "by somebody without a term": await office.root.put(path, office.terms(office.work)),
        "beside what others gave": await office.locum.put(
            path,
            {"assignments": [{"role_id": office.work}, {"role_id": office.admin, "valid_until": office.until}]},
        ),
    }

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 200)


async def test_no_path_gives_what_is_held_for_a_time_for_longer(office: Office, signed_in_as: SignedInAs) -> None:
    root, locum, person = office.root, office.locum, await signed_in_as()
    path = f"/users/{person.id}/roles"
    late, later = (now() + WEEK).isoformat(), (now() + 2 * WEEK).isoformat()
    empty = await role(root, "Empty")
    refused = {
        "for good": await locum.put(path, office.terms(office.work)),
        "for longer": await locum.put(path, office.terms(office.work, valid_until=late)),
        "afterwards": await locum.put(path, office.terms(office.work, valid_from=late, valid_until=later)),
    }
    await locum.put(path, office.terms(office.work, valid_until=office.until))
    refused["prolong"] = await locum.put(path, office.terms(office.work))
    gap = {"assignments": [{"role_id": empty}, {"role_id": office.work, "valid_from": late}]}
    await root.put(path, gap)
    refused["fill a role that is held for good"] = await locum.put(
        f"/roles/{empty}/modules", {"modules": [{"module_slug": "tasks"}]}
    )
    refused["advance"] = await locum.put(path, {"assignments": [{"role_id": empty}, {"role_id": office.work}]})
    await root.put(path, office.terms(office.work))
    version = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    await root.delete(f"/roles/{office.work}")
    other = await role(root, "As work", {"module_slug": "tasks", **ALL})
    own = {"assignments": [{"role_id": given, "valid_until": office.until} for given in (office.admin, other)]}
    await root.put(f"/users/{locum.id}/roles", own)
    refused["restore a role"] = await locum.post(f"/roles/{office.work}/restore")
    refused["roll back"] = await locum.post(f"/rbac/versions/{version}/rollback")
    asleep = await role(root, "Asleep", {"module_slug": "tasks"})
    await root.patch(f"/roles/{asleep}", {"is_active": False})
    await root.put(path, office.terms(asleep))
    refused["wake a role"] = await locum.patch(f"/roles/{asleep}", {"is_active": True})

    assert refusals(refused) == dict.fromkeys(refused, (403, "cannot-grant"))


async def test_a_key_of_another_user_ends_with_the_power_of_its_maker(
    office: Office, pass_time: Callable[[timedelta], None]
) -> None:
    """The maker may know the key for ever, and its owner holds the permissions for good."""
    name = f"robot-{uuid4().hex[:6]}"
    body = {"username": name, "email": f"{name}@example.com", "is_service": True}
    robot = (await office.root.post("/users", body)).json()["id"]
    await office.root.put(f"/users/{robot}/roles", {"role_ids": [office.work]})
    path, key = f"/users/{robot}/api-keys", {"name": "lent", "scopes": ["tasks:read"]}

    refused = {
        "for ever": await office.locum.post(path, key),
        "for longer": await office.locum.post(path, {**key, "expires_at": (now() + WEEK).isoformat()}),
    }
    within = await office.locum.post(path, {**key, "expires_at": office.until})

    assert refusals(refused) == dict.fromkeys(refused, (403, "cannot-grant"))
    assert "tasks:read until " + office.until[:19] in refused["for ever"].json()["detail"]
    assert within.status_code == 201
    assert (await office.root.post(path, key)).status_code == 201
    pass_time(2 * HOUR)
    lent = Person(office.locum.id, name, office.locum.client, within.json()["key"], "")
    assert (await lent.get("/tasks")).status_code == 401


async def test_ones_own_key_ends_with_ones_roles(office: Office, pass_time: Callable[[timedelta], None]) -> None:
    shown = await office.locum.post("/auth/api-keys", {"name": "own", "scopes": ["tasks:read"]})
    key = Person(office.locum.id, "", office.locum.client, shown.json()["key"], "")
    assert (await key.get("/tasks")).status_code == 200

    pass_time(2 * HOUR)

    assert (await key.get("/tasks")).status_code == 403


async def test_what_a_key_gives_ends_with_the_key(office: Office, signed_in_as: SignedInAs) -> None:
    """The holder of a key that ends is not its owner: what it gave to an account of its own would stay."""
    person = await signed_in_as()
    scopes = [f"{slug}:{action}" for slug in ("users", "tasks") for action in ("read", *ACTIONS)]
    path = f"/users/{person.id}/roles"
    shown = await office.root.post("/auth/api-keys", {"name": "k", "scopes": scopes, "expires_at": office.until})
    lasting = await office.root.post("/auth/api-keys", {"name": "k", "scopes": scopes})
    key, endless = [Person(office.root.id, "", person.client, made.json()["key"], "") for made in (shown, lasting)]

    beyond = await key.put(path, office.terms(office.work))
    within = await key.put(path, office.terms(office.work, valid_until=office.until))

    assert (beyond.status_code, beyond.json()["code"]) == (403, "cannot-grant")
    assert within.status_code == 200
    assert (await endless.put(path, office.terms(office.work))).status_code == 200
