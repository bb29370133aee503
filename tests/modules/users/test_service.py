"""Rules of users: passwords, superusers, and who may administer whom."""

import asyncio
import re
from collections import Counter
from uuid import uuid4

import httpx
import pytest

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.errors import Invalid
from app.core.security.password_policy import check_password
from app.modules.users import UserRepository
from tests.answers import refusals
from tests.contract.resources import everything
from tests.modules.users.factory import body
from tests.people import PASSWORD, Person, SignedInAs


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password-length"),
        ("x" * 129, "password-length"),
        ("aaaaaaaaaaaaaaaa", "password-common"),
        ("passwordpassword", "password-common"),
        ("qwertyuiop12345", "password-common"),
        ("my casey is secret", "password-personal"),
        ("attest is my product", "password-personal"),
    ],
)
def test_weak_passwords_are_refused_without_being_repeated(password: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_password(password, ["casey", "mail@example.org"])

    assert refusal.value.errors is not None
    assert refusal.value.errors[0]["code"] == code
    assert password not in str(refusal.value.errors)


def test_a_password_needs_no_composition_and_is_checked_normalised() -> None:
    check_password("five quiet rivers", ["casey"])
    with pytest.raises(Invalid):
        check_password("ﬁve quiet rivers", ["five"])


async def test_the_api_applies_the_policy(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("users:create")

    answer = await person.post("/users", {**body(), "password": "passwordpassword"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/password")


async def test_a_password_hash_is_never_answered(signed_in_as: SignedInAs) -> None:
    """Regression: answers contained the password hash."""
    person = await signed_in_as(*everything("users"), "audit:read")
    created = await person.post("/users", body(), headers={"X-Request-ID": "new-user"})
    path = f"/users/{created.json()['id']}"

    places = (path, "/users", f"{path}/history", "/auth/me", "/audit/changes")
    texts = [(await person.get(place)).text for place in places]

    assert "argon2" not in "".join([created.text, *texts])
    change = (await person.get("/audit/changes", params={"request_id": "new-user"})).json()["items"][0]
    assert re.fullmatch(r"[\w-]{22}", change["changes"]["password_hash"]["new"]["$secret"])


async def test_only_a_superuser_makes_superusers(signed_in_as: SignedInAs) -> None:
    person, root = await signed_in_as(*everything("users")), await signed_in_as(superuser=True)
    own = f"/users/{person.id}"

    refused = {
        "create": await person.post("/users", {**body(), "is_superuser": True}),
        "promote": await person.patch(own, {"is_superuser": True}),
    }

    assert refusals(refused) == dict.fromkeys(refused, (403, "cannot-grant"))
    assert (await root.patch(own, {"is_superuser": True})).json()["is_superuser"] is True


async def administer(person: Person, target: Person) -> dict[str, httpx.Response]:
    """Try to change another user in four ways."""
    path = f"/users/{target.id}"
    return {
        "change the e-mail": await person.patch(path, {"email": "mine@example.com"}),
        "deactivate": await person.patch(path, {"is_active": False}),
        "reset the password": await person.post(f"{path}/password"),
        "delete": await person.delete(path),
    }


async def test_only_superusers_administer_superusers(signed_in_as: SignedInAs) -> None:
    person, root = await signed_in_as(*everything("users")), await signed_in_as(superuser=True)

    answers = await administer(person, root)

    assert refusals(answers) == dict.fromkeys(answers, (403, "target-has-more-permissions"))


async def test_the_last_active_superuser_stays(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    path = f"/users/{root.id}"

    answers = {
        "deactivate": await root.patch(path, {"is_active": False}),
        "demote": await root.patch(path, {"is_superuser": False}),
        "delete": await root.delete(path),
    }

    assert refusals(answers) == dict.fromkeys(answers, (409, "last-superuser"))


async def test_two_superusers_cannot_remove_each_other_at_once(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    first, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)

    answers = await asyncio.gather(
        first.patch(f"/users/{second.id}", {"is_active": False}),
        second.patch(f"/users/{first.id}", {"is_active": False}),
    )

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert statuses[1] in (401, 403, 409, 503), "the loser is refused, or signed out by the winner"
    rows = UserRepository(database.read_session(job))
    assert [await rows.find_active(person.id) is not None for person in (first, second)].count(True) == 1


async def test_parallel_posts_create_an_email_once(signed_in_as: SignedInAs) -> None:
    """Regression: parallel requests created two users with one e-mail address."""
    person = await signed_in_as("users:create")
    email = body()["email"]

    answers = await asyncio.gather(*(person.post("/users", {**body(), "email": email}) for _ in range(8)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}


async def test_a_user_who_holds_more_is_not_administered(signed_in_as: SignedInAs) -> None:
    person, auditor = await signed_in_as(*everything("users")), await signed_in_as("audit:read")

    answers = await administer(person, auditor)

    assert refusals(answers) == dict.fromkeys(answers, (403, "target-has-more-permissions"))
    assert "audit:read" in answers["delete"].json()["detail"]
    assert (await person.patch(f"/users/{person.id}", {"first_name": "Me"})).status_code == 200


async def test_a_user_who_holds_more_is_not_restored(signed_in_as: SignedInAs) -> None:
    person, root = await signed_in_as(*everything("users")), await signed_in_as(superuser=True)
    auditor = await signed_in_as("audit:read")
    path = f"/users/{auditor.id}"
    await root.delete(path)

    answer = await person.post(f"{path}/restore")

    assert (answer.status_code, answer.json()["code"]) == (403, "target-has-more-permissions")


@pytest.mark.parametrize("way", ["deactivate", "delete"])
async def test_old_sessions_stay_over_when_a_user_comes_back(signed_in_as: SignedInAs, way: str) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    path = f"/users/{person.id}"

    if way == "deactivate":
        await root.patch(path, {"is_active": False})
        await root.patch(path, {"is_active": True})
    else:
        await root.delete(path)
        await root.post(f"{path}/restore")

    assert (await person.get("/auth/me")).status_code == 401
    refreshed = await person.client.post("/auth/token/refresh", json={"refresh_token": person.refresh_token})
    assert refreshed.status_code == 401
    again = await person.client.post("/auth/token", data={"username": person.username, "password": PASSWORD})
    assert again.status_code == 200


async def test_a_password_is_the_same_however_it_was_typed(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("users:create")
    wanted = body()
    composed, decomposed = "caf\u00e9 au lait tr\u00e8s chaud", "cafe\u0301 au lait tre\u0300s chaud"

    created = await person.post("/users", {**wanted, "password": decomposed})

    assert created.status_code == 201, created.text
    for password in (composed, decomposed):
        data = {"username": wanted["username"], "password": password}
        assert (await person.client.post("/auth/token", data=data)).status_code == 200


async def test_names_are_unique_in_every_alphabet(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("users:create")

    first = await person.post("/users", {**body(), "email": "\u00c4rger@example.com"})
    second = await person.post("/users", {**body(), "email": "\u00e4rger@example.com"})

    assert (first.status_code, second.status_code) == (201, 409)


async def test_a_service_account_is_no_superuser(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    name = f"robot-{uuid4().hex[:8]}"
    body = {"username": name, "email": f"{name}@example.com", "is_service": True}

    crowned = await root.post("/users", {**body, "is_superuser": True})
    robot = (await root.post("/users", body)).json()["id"]
    promoted = await root.patch(f"/users/{robot}", {"is_superuser": True})

    assert [crowned.status_code, promoted.status_code] == [422, 422]
    assert (await root.delete(f"/users/{root.id}")).json()["code"] == "last-superuser"
