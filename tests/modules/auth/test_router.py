"""Sign-in, sessions and refresh tokens."""

import asyncio
import itertools
import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.sessions.models import AuthSession, LoginAttempt
from app.modules.users import User, UserRepository
from tests.conftest import SignedInAs
from tests.people import PASSWORD, Person


async def sign_in(client: httpx.AsyncClient, username: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/auth/token", data={"username": username, "password": password})


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/auth/token/refresh", json={"refresh_token": token})


async def me(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})


async def change_user(database: Database, job: RequestContext, person: Person, **values: Any) -> None:
    async with database.unit_of_work(job) as session:
        users = UserRepository(session)
        await users.change(await users.load(person.id), values)


async def test_user_name_and_email_both_sign_in(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    answers = [await sign_in(client, name) for name in (person.username, f"{person.username.upper()}@Example.com")]

    for answer in answers:
        assert answer.status_code == 200
        assert set(answer.json()) == {"access_token", "refresh_token", "token_type", "expires_in"}
        assert answer.json()["token_type"] == "bearer"
        assert answer.headers["cache-control"] == "no-store"


async def test_unknown_inactive_and_wrong_look_the_same(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    person, gone = await signed_in_as(), await signed_in_as()
    await change_user(database, job, gone, is_active=False)

    answers = [
        await sign_in(client, "nobody-at-all"),
        await sign_in(client, person.username, "not the password at all"),
        await sign_in(client, gone.username),
    ]

    assert {answer.status_code for answer in answers} == {401}
    bodies = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]


async def test_an_unknown_user_costs_a_real_hash(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a timing oracle at login. Every attempt runs exactly one verification with current parameters."""
    from app.core.security import passwords  # noqa: PLC0415  # patched below

    verified: list[str] = []
    real = passwords.contexts.verify_and_update

    class Watched:
        def verify_and_update(self, password: str, known: str) -> Any:
            verified.append(known)
            return real(password, known)

    monkeypatch.setattr(passwords, "contexts", Watched())
    await sign_in(client, "nobody-at-all")

    assert verified == [app.state.password_hasher.dummy]
    assert verified[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_no_password_and_no_unknown_identifier_is_kept(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    """Regression: clear-text passwords of failed logins in login log and audit. People type them as user names."""
    person = await signed_in_as("audit:read")
    await sign_in(client, "canary-typed-as-name", "canary-typed-as-password")
    await sign_in(client, person.username, "canary-wrong-password")

    attempts = await database.read_session(job).all(select(table_of(LoginAttempt)))
    accesses = (await person.get("/audit/access", params={"path": "/api/v1/auth/token"})).text
    changes = (await person.get("/audit/changes")).text

    failed = [row for row in attempts if not row.is_successful]
    assert [row.reason for row in failed] == ["unknown", "wrong-password"]
    assert (failed[0].user_id, failed[1].user_id) == (None, person.id)
    assert len(failed[0].identifier_hash) == 64
    assert "canary" not in f"{attempts}{accesses}{changes}"


async def test_a_failed_attempt_survives_the_failed_request(
    client: httpx.AsyncClient, database: Database, job: RequestContext
) -> None:
    answer = await sign_in(client, "nobody-at-all")

    rows = await database.read_session(job).all(select(table_of(LoginAttempt)))
    assert [(row.is_successful, row.request_id) for row in rows] == [(False, answer.headers["x-request-id"])]


async def test_an_inactive_user_works_no_longer(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    """Regression: inactive user works."""
    person = await signed_in_as("tasks:read")
    assert (await person.get("/tasks")).status_code == 200

    await change_user(database, job, person, is_active=False)

    assert (await person.get("/tasks")).status_code == 401
    assert (await refresh(client, person.refresh_token)).status_code == 401


async def test_a_session_is_rotated_and_works_on(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    first = await refresh(client, person.refresh_token)
    second = await refresh(client, first.json()["refresh_token"])

    assert (first.status_code, second.status_code) == (200, 200)
    assert len({person.refresh_token, first.json()["refresh_token"], second.json()["refresh_token"]}) == 3
    assert (await me(client, second.json()["access_token"])).status_code == 200


async def test_the_predecessor_gives_the_same_successor_within_the_grace(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    """Regression: two winners of one refresh."""
    person = await signed_in_as()

    answers = await asyncio.gather(*(refresh(client, person.refresh_token) for _ in range(5)))

    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1, "one refresh has one winner"


async def test_an_older_token_ends_the_session_durably(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: family "revoked" but rolled back with the failing request."""
    person = await signed_in_as()
    auditor = await signed_in_as("audit:read")
    first = (await refresh(client, person.refresh_token)).json()
    second = (await refresh(client, first["refresh_token"])).json()

    thief = await refresh(client, person.refresh_token)

    assert (thief.status_code, thief.json()["code"]) == (401, "bad-refresh-token")
    assert (await refresh(client, second["refresh_token"])).status_code == 401
    assert (await me(client, second["access_token"])).status_code == 401
    rows = (await auditor.get("/audit/changes", params={"entity": "auth_session", "field": "revoked_reason"})).json()
    assert "refresh-token-reuse" in [row["changes"]["revoked_reason"]["new"] for row in rows["items"]]


async def test_after_the_grace_the_predecessor_is_a_thief(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    first = (await refresh(client, person.refresh_token)).json()
    in_use = {"Authorization": f"Bearer {first['access_token']}"}
    assert (await client.get("/auth/me", headers=in_use)).status_code == 200
    async with database.unit_of_work(job) as session:
        row = (await session.execute(select(AuthSession).where(col(AuthSession.user_id) == person.id))).scalar_one()
        row.used_at = now() - timedelta(seconds=11)

    assert (await refresh(client, person.refresh_token)).status_code == 401
    assert (await refresh(client, first["refresh_token"])).status_code == 401


@pytest.mark.parametrize("change", ["expires_at", "used_at"])
async def test_a_session_ends_by_age_and_by_idleness(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs, change: str
) -> None:
    person = await signed_in_as()
    async with database.unit_of_work(job) as session:
        row = (await session.execute(select(AuthSession).where(col(AuthSession.user_id) == person.id))).scalar_one()
        setattr(row, change, now() - timedelta(days=15))

    assert (await refresh(client, person.refresh_token)).status_code == 401


async def test_neither_token_does_the_others_work(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: refresh token accepted as access and back."""
    person = await signed_in_as()

    assert (await me(client, person.refresh_token)).status_code == 401
    assert (await refresh(client, person.access_token)).status_code == 401


async def test_two_tokens_within_a_second_differ(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: same token twice within a second."""
    person = await signed_in_as()

    tokens = [(await sign_in(client, person.username)).json()["access_token"] for _ in range(3)]

    assert len(set(tokens)) == 3


async def test_logout_ends_this_session_on_the_next_request(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    other = (await sign_in(client, person.username)).json()["access_token"]
    assert (await person.get("/auth/me")).status_code == 200

    assert (await person.post("/auth/logout")).status_code == 204

    assert (await person.get("/auth/me")).status_code == 401
    assert (await refresh(client, person.refresh_token)).status_code == 401
    assert (await me(client, other)).status_code == 200


async def test_logout_all_ends_every_session(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()
    other = (await sign_in(client, person.username)).json()["access_token"]

    assert (await person.post("/auth/logout-all")).status_code == 204

    assert [(await me(client, token)).status_code for token in (person.access_token, other)] == [401, 401]


async def test_revived_tokens_stay_dead(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: revoked token revived by changing unused base64 bits; each spelling but one is refused outright."""
    person = await signed_in_as()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = person.access_token[-1]
    twins = [person.access_token[:-1] + letter for letter in alphabet if letter != last]

    answers = [await me(client, twin) for twin in [*twins, person.access_token + "=", person.access_token + "\t"]]

    assert {answer.status_code for answer in answers} == {401}
    assert (await me(client, person.access_token)).status_code == 200


@pytest.mark.parametrize(
    "token", ["", "rt_", "rt_AAAA", "x", "rt_" + "A" * 74, "rt_" + "A" * 75, "rt_" + "_" * 240, "\u00e4"]
)
async def test_a_token_that_is_none_is_refused(client: httpx.AsyncClient, token: str) -> None:
    assert (await refresh(client, token)).status_code in (401, 422)


async def test_a_forged_counter_does_not_end_somebodys_session(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    forged = person.refresh_token[:-4] + ("AAAA" if not person.refresh_token.endswith("AAAA") else "BBBB")

    assert (await refresh(client, forged)).status_code == 401

    assert (await refresh(client, person.refresh_token)).status_code == 200


async def test_a_password_is_rehashed_when_parameters_rose(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    from passlib.hash import argon2  # noqa: PLC0415  # an older, weaker hash

    person = await signed_in_as()
    weak = argon2.using(type="ID", time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await change_user(database, job, person, password_hash=weak)

    assert (await sign_in(client, person.username)).status_code == 200

    stored = await database.read_session(job).value(select(col(User.password_hash)).where(col(User.id) == person.id))
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_too_many_sign_ins_get_a_503_and_others_go_on(app: FastAPI, client: httpx.AsyncClient) -> None:
    hasher, busy = app.state.password_hasher, threading.Event()
    hasher.free = 2
    hasher.threads.submit(busy.wait)

    attempts = [asyncio.create_task(sign_in(client, f"nobody{n}")) for n in range(6)]
    try:
        answered = itertools.islice(asyncio.as_completed(attempts), 4)
        refused = [(await answer).status_code for answer in answered]
    finally:
        busy.set()
    assert refused == [503, 503, 503, 503]
    assert sorted([(await attempt).status_code for attempt in attempts]) == [401, 401, 503, 503, 503, 503]
    assert (await client.get("http://attest.test/healthz")).status_code == 200
    assert (await sign_in(client, "nobody")).status_code == 401
