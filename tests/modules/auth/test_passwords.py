"""Changing a password, being given one, and service accounts that have none."""

from datetime import timedelta

import httpx
from sqlalchemy import select
from sqlmodel import col

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.users import User
from tests.conftest import SignedInAs
from tests.modules.auth.test_sessions import again, sign_in
from tests.people import PASSWORD, Person

NEW = "another quiet river of words"


async def change(person: Person, current: str = PASSWORD, new: str = NEW) -> httpx.Response:
    return await person.post("/auth/me/password", {"current_password": current, "new_password": new})


async def test_a_changed_password_ends_other_sessions(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    first = await signed_in_as()
    second = await again(client, first)

    assert (await change(second)).status_code == 204

    assert [(await person.get("/auth/me")).status_code for person in (first, second)] == [401, 200]
    assert [(await sign_in(client, first, word)).status_code for word in (PASSWORD, NEW)] == [401, 200]


async def test_the_current_password_is_needed_and_guesses_are_counted(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    answers = [await change(person, "wrong") for _ in range(6)]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(403, "wrong-password")] * 5 + [
        (429, "too-many-attempts")
    ]
    assert (await person.get("/auth/me")).status_code == 200


async def test_the_policy_stands_at_this_door_too(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    weak = [await change(person, new=word) for word in ("short", "passwordpassword", f"{person.username} is me")]
    same = await change(person, new=PASSWORD)

    pointers = {(a.status_code, a.json()["errors"][0]["pointer"]) for a in [*weak, same]}
    assert pointers == {(422, "/body/new_password")}


async def test_a_reset_password_must_be_changed_first(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    admin, person = await signed_in_as("users:update", "tasks:read"), await signed_in_as("tasks:read")

    reset = await admin.post(f"/users/{person.id}/password")

    assert reset.status_code == 200
    assert (await person.get("/auth/me")).status_code == 401
    one_time = reset.json()["password"]
    pair = (await sign_in(client, person, one_time)).json()
    person.access_token = pair["access_token"]
    refused = await person.get("/tasks")
    assert (refused.status_code, refused.json()["code"]) == (403, "password-change-required")
    assert (await person.get("/auth/me")).json()["must_change_password"] is True
    assert (await person.post("/auth/api-keys", {"name": "x", "scopes": ["tasks:read"]})).status_code == 403

    assert (await change(person, one_time)).status_code == 204

    assert (await person.get("/tasks")).status_code == 200
    assert (await sign_in(client, person, one_time)).status_code == 401


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


async def test_the_one_time_password_is_nowhere_on_the_record(signed_in_as: SignedInAs) -> None:
    admin, person = await signed_in_as("users:update", "audit:read"), await signed_in_as()

    word = (await admin.post(f"/users/{person.id}/password")).json()["password"]

    texts = [(await admin.get(path)).text for path in ("/audit/changes", "/audit/access", "/users")]
    assert all(word not in text for text in texts)


async def test_a_service_account_cannot_sign_in(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    body = {"username": "robot", "email": "robot@example.com", "is_service": True}
    made = await root.post("/users", body)
    robot = Person(made.json()["id"], "robot", client, "", "")

    answers = [await sign_in(client, robot, word) for word in ("x", "a password that nobody has", PASSWORD)]
    reset = await root.post(f"/users/{robot.id}/password")
    with_password = await root.post("/users", {**body, "username": "other", "password": NEW})

    assert made.status_code == 201
    assert [answer.status_code for answer in answers] == [401] * 3
    assert (reset.status_code, reset.json()["code"]) == (409, "service-account")
    assert with_password.status_code == 422
