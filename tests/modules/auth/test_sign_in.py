"""Sign-in: answers that reveal nothing, hashing, and limits of parallel work."""

import asyncio
import itertools
import threading
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.sessions.models import LoginAttempt
from app.modules.users import User
from tests.modules.auth.calls import sign_in
from tests.modules.users.rows import change_user
from tests.people import PASSWORD, SignedInAs

TOKEN_PAIR = {"access_token", "token_type", "expires_in", "refresh_token", "refresh_expires_in"}


async def test_user_name_and_email_both_sign_in(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    answers = [await sign_in(client, name) for name in (person.username, f"{person.username.upper()}@Example.com")]

    for answer in answers:
        assert answer.status_code == 200
        assert set(answer.json()) == TOKEN_PAIR
        assert answer.json()["token_type"] == "bearer"
        assert answer.headers["cache-control"] == "no-store"


async def test_unknown_inactive_and_wrong_look_the_same(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    person, gone = await signed_in_as(), await signed_in_as()
    await change_user(database, job, gone, is_active=False)

    answers = [
        await sign_in(client, "unknown-user"),
        await sign_in(client, person.username, "not the password at all"),
        await sign_in(client, gone.username),
    ]

    assert {answer.status_code for answer in answers} == {401}
    bodies = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]


@pytest.mark.usefixtures("real_hashes")
async def test_an_unknown_user_costs_a_real_hash(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the time of an answer told whether a user exists. Every attempt verifies exactly one hash."""
    from app.core.security import passwords  # noqa: PLC0415  # patched below

    verified: list[str] = []
    real = passwords.contexts.verify_and_update

    class Watched:
        def verify_and_update(self, password: str, known: str) -> Any:
            verified.append(known)
            return real(password, known)

    monkeypatch.setattr(passwords, "contexts", Watched())
    await sign_in(client, "unknown-user")

    assert verified == [app.state.password_hasher.dummy]
    assert verified[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_no_password_and_no_unknown_identifier_is_kept(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    """Regression: login log and audit log kept what was typed as user name, which may be a password."""
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
    answer = await sign_in(client, "unknown-user")

    rows = await database.read_session(job).all(select(table_of(LoginAttempt)))
    assert [(row.is_successful, row.request_id) for row in rows] == [(False, answer.headers["x-request-id"])]


@pytest.mark.usefixtures("real_hashes")
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

    attempts = [asyncio.create_task(sign_in(client, f"unknown{n}")) for n in range(6)]
    try:
        answered = itertools.islice(asyncio.as_completed(attempts), 4)
        refused = [(await answer).status_code for answer in answered]
    finally:
        busy.set()
    assert refused == [503, 503, 503, 503]
    assert sorted([(await attempt).status_code for attempt in attempts]) == [401, 401, 503, 503, 503, 503]
    assert (await client.get("http://attest.test/healthz")).status_code == 200
    assert (await sign_in(client, "unknown")).status_code == 401


async def test_two_tokens_within_a_second_differ(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: two sign-ins within a second got the same token."""
    person = await signed_in_as()

    tokens = [(await sign_in(client, person.username)).json()["access_token"] for _ in range(3)]

    assert len(set(tokens)) == 3


async def test_a_password_changed_while_the_old_one_is_checked_wins(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, admin = await signed_in_as(), await signed_in_as("users:update")
    verify = app.state.password_hasher.verify

    async def slow(*arguments: Any) -> Any:
        found = await verify(*arguments)
        assert (await admin.post(f"/users/{person.id}/password")).status_code == 200
        return found

    monkeypatch.setattr(app.state.password_hasher, "verify", slow)

    assert (await sign_in(client, person)).status_code == 401


async def test_a_password_that_grows_when_normalised_is_wrong(client: httpx.AsyncClient) -> None:
    answer = await client.post("/auth/token", data={"username": "unknown", "password": "\ufdfa" * 128})

    assert answer.status_code == 401


async def test_a_form_in_another_encoding_is_refused(client: httpx.AsyncClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="username"\r\n\r\nx\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b; charset=unicode_escape"}

    assert (await client.post("/auth/token", content=body, headers=headers)).status_code == 415
