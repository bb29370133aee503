"""One-time passwords that administrators give, and service accounts that have no password."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import select
from sqlmodel import col

from app.core.clock import now
from app.core.config import AuthSettings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.users import User
from tests.answers import refusals, statuses
from tests.modules.auth.calls import get_me, sign_in
from tests.modules.users.factory import body
from tests.people import FIRST_PASSWORD, PASSWORD, Person, SignedInAs, choose_password


async def test_a_one_time_password_does_not_last(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    admin, person = await signed_in_as("users:update"), await signed_in_as()
    one_time = (await admin.post(f"/users/{person.id}/password")).json()["password"]
    async with database.unit_of_work(job) as session:
        user = (await session.execute(select(User).where(col(User.id) == person.id))).scalar_one()
        user.password_expires_at = now() - timedelta(seconds=1)

    assert (await sign_in(client, person, one_time)).status_code == 401
    log = (await (await signed_in_as("users:read")).get("/auth/logins", params={"user_id": str(person.id)})).json()
    assert log["items"][0]["reason"] == "password-expired"


async def test_a_password_typed_for_a_new_user_is_one_time(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: the first password of a user, which an administrator knows, was good for ever."""
    admin, wanted = await signed_in_as(superuser=True), body()
    made = (await admin.post("/users", wanted)).json()
    person = await new_person(client, wanted)

    refused = {
        "read": await person.get("/tasks"),
        "change the profile": await person.patch("/auth/me", {"first_name": "Mine"}),
        "make a key": await person.post("/auth/api-keys", {"name": "x", "scopes": ["tasks:read"]}),
        "enrol": await person.post("/auth/me/second-factor", {"current_password": FIRST_PASSWORD}),
        "step up": await person.post("/auth/step-up", {"code": "000000"}),
        "see sessions": await person.get("/auth/me/sessions"),
    }

    assert made["must_change_password"] is True
    assert refusals(refused) == dict.fromkeys(refused, (403, "password-change-required"))
    await choose_password(person)
    assert (await person.get("/auth/me")).json()["must_change_password"] is False
    assert (await person.get("/auth/me/sessions")).status_code == 200


async def test_an_unused_first_password_ends(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, step_clock: Callable[[timedelta], None]
) -> None:
    """What a wrong password gets is what it gets; only the login log tells them apart."""
    admin, wanted = await signed_in_as(superuser=True), body()
    made = (await admin.post("/users", wanted)).json()
    person = await new_person(client, wanted)

    step_clock(timedelta(seconds=AuthSettings().one_time_password_ttl + 1))
    late, wrong = await sign_in(client, person, FIRST_PASSWORD), await sign_in(client, person, "wrong")

    assert (late.status_code, late.json()["detail"]) == (401, wrong.json()["detail"])
    auditor = await signed_in_as("users:read")
    log = (await auditor.get("/auth/logins", params={"user_id": made["id"]})).json()["items"]
    assert sorted(str(entry["reason"]) for entry in log) == ["None", "password-expired", "wrong-password"]
    change = {"current_password": FIRST_PASSWORD, "new_password": PASSWORD}
    assert (await person.post("/auth/me/password", change)).status_code in (401, 403), "nor by the session it opened"


async def test_no_other_path_types_a_password(signed_in_as: SignedInAs) -> None:
    admin, person = await signed_in_as(superuser=True), await signed_in_as()
    path = f"/users/{person.id}"

    answers = {
        "patch": await admin.patch(path, {"password": FIRST_PASSWORD}),
        "patch the hash": await admin.patch(path, {"password_hash": "x"}),
        "patch the flag": await admin.patch(path, {"must_change_password": False}),
        "patch the own flag": await person.patch("/auth/me", {"must_change_password": False}),
    }
    missing = [await admin.post("/users/import", [{}]), await admin.post("/users/bulk", {"create": [{}]})]

    assert statuses(answers) == dict.fromkeys(answers, 422)
    assert [answer.status_code for answer in missing] == [404, 404]


async def new_person(client: httpx.AsyncClient, wanted: dict[str, Any]) -> Person:
    """The new user, signed in with the first password."""
    pair = (await sign_in(client, wanted["username"], wanted["password"])).json()
    me = (await get_me(client, pair["access_token"])).json()
    return Person(me["id"], me["username"], client, pair["access_token"], pair["refresh_token"])


async def test_a_one_time_password_is_not_in_the_audit_log(signed_in_as: SignedInAs) -> None:
    admin, person = await signed_in_as("users:update", "audit:read"), await signed_in_as()

    word = (await admin.post(f"/users/{person.id}/password")).json()["password"]

    texts = [(await admin.get(path)).text for path in ("/audit/changes", "/audit/access", "/users")]
    assert all(word not in text for text in texts)


async def test_a_service_account_cannot_sign_in(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    body = {"username": "robot", "email": "robot@example.com", "is_service": True}
    made = await root.post("/users", body)
    robot = Person(made.json()["id"], "robot", client, "", "")

    answers = {word: await sign_in(client, robot, word) for word in ("x", "a password of no user", PASSWORD)}
    reset = await root.post(f"/users/{robot.id}/password")
    with_password = await root.post("/users", {**body, "username": "other", "password": "another quiet river of words"})

    assert made.status_code == 201
    assert statuses(answers) == dict.fromkeys(answers, 401)
    assert (reset.status_code, reset.json()["code"]) == (409, "service-account")
    assert with_password.status_code == 422
