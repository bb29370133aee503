"""One-time passwords that administrators give, and service accounts that have no password."""

from datetime import timedelta

import httpx
from sqlalchemy import select
from sqlmodel import col

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.users import User
from tests.answers import statuses
from tests.modules.auth.calls import sign_in
from tests.people import PASSWORD, Person, SignedInAs


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
