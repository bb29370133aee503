"""Refresh tokens: rotation, the grace period, and reuse that ends the session."""

import asyncio
from collections import Counter
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.modules.sessions.models import AuthSession
from app.modules.sessions.repository import LockedSession, SessionRepository
from tests.modules.auth.calls import get_me, refresh
from tests.people import Person, SignedInAs


async def session_of(session: Session, person: Person) -> LockedSession:
    """The only session of a person, and its use."""
    mine = select(col(AuthSession.id)).where(col(AuthSession.user_id) == person.id)
    found = await SessionRepository(session).lock_with_use(await session.value(mine))
    assert found is not None
    return found


async def test_a_session_is_rotated_and_works_on(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    first = await refresh(client, person.refresh_token)
    second = await refresh(client, first.json()["refresh_token"])

    assert (first.status_code, second.status_code) == (200, 200)
    assert len({person.refresh_token, first.json()["refresh_token"], second.json()["refresh_token"]}) == 3
    assert (await get_me(client, second.json()["access_token"])).status_code == 200


async def test_the_predecessor_gives_the_same_successor_within_the_grace(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: parallel refreshes of one token got different successors."""
    person = await signed_in_as()

    at = now()
    monkeypatch.setattr("app.modules.sessions.tokens.session_tokens.now", lambda: at)  # the grace does not end here

    answers = await asyncio.gather(*(refresh(client, person.refresh_token) for _ in range(5)))

    assert Counter(answer.status_code for answer in answers) == {200: 5}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1, "one token has one successor"


async def test_who_waited_for_a_session_sees_how_far_it_has_come(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    """The use of a session is a row of its own: a lock on the session alone would show it as it was before the wait."""
    person, is_locked = await signed_in_as(), asyncio.Event()

    async def continue_it() -> None:
        async with database.unit_of_work(job) as session:
            _, use = await session_of(session, person)
            is_locked.set()
            await asyncio.sleep(0.3)  # until the other waits
            use.counter = 7

    async def read_it() -> int:
        await is_locked.wait()
        async with database.unit_of_work(job) as session:
            return (await session_of(session, person)).use.counter

    assert (await asyncio.gather(continue_it(), read_it()))[1] == 7


async def test_an_older_token_ends_the_session_durably(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: the revocation of a token family was rolled back with the request that failed."""
    person = await signed_in_as()
    auditor = await signed_in_as("audit:read")
    first = (await refresh(client, person.refresh_token)).json()
    second = (await refresh(client, first["refresh_token"])).json()

    thief = await refresh(client, person.refresh_token)

    assert (thief.status_code, thief.json()["code"]) == (401, "bad-refresh-token")
    assert (await refresh(client, second["refresh_token"])).status_code == 401
    assert (await get_me(client, second["access_token"])).status_code == 401
    rows = (await auditor.get("/audit/changes", params={"entity": "auth_session", "field": "revoked_reason"})).json()
    assert "refresh-token-reuse" in [row["changes"]["revoked_reason"]["new"] for row in rows["items"]]


async def test_after_the_grace_the_predecessor_ends_the_session(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    first = (await refresh(client, person.refresh_token)).json()
    in_use = {"Authorization": f"Bearer {first['access_token']}"}
    assert (await client.get("/auth/me", headers=in_use)).status_code == 200
    async with database.unit_of_work(job) as session:
        _, use = await session_of(session, person)
        use.used_at = now() - timedelta(seconds=11)

    assert (await refresh(client, person.refresh_token)).status_code == 401
    assert (await refresh(client, first["refresh_token"])).status_code == 401


@pytest.mark.parametrize("change", ["expires_at", "used_at"])
async def test_a_session_ends_by_age_and_by_idleness(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs, change: str
) -> None:
    person = await signed_in_as()
    async with database.unit_of_work(job) as session:
        row, use = await session_of(session, person)
        setattr(use if change == "used_at" else row, change, now() - timedelta(days=15))

    assert (await refresh(client, person.refresh_token)).status_code == 401


async def test_neither_token_does_the_others_work(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: each kind of token was accepted as the other."""
    person = await signed_in_as()

    assert (await get_me(client, person.refresh_token)).status_code == 401
    assert (await refresh(client, person.access_token)).status_code == 401


@pytest.mark.parametrize(
    "token", ["", "rt_", "rt_AAAA", "x", "rt_" + "A" * 74, "rt_" + "A" * 75, "rt_" + "_" * 240, "\u00e4"]
)
async def test_a_malformed_refresh_token_is_refused(client: httpx.AsyncClient, token: str) -> None:
    assert (await refresh(client, token)).status_code in (401, 422)


async def test_a_forged_counter_does_not_end_somebodys_session(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    forged = person.refresh_token[:-4] + ("AAAA" if not person.refresh_token.endswith("AAAA") else "BBBB")

    assert (await refresh(client, forged)).status_code == 401

    assert (await refresh(client, person.refresh_token)).status_code == 200


async def test_the_first_use_of_a_pair_is_written_once(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, database: Database
) -> None:
    """Regression: after an event about another user, every request of a refreshed session wrote to the database."""
    person, root = await signed_in_as(), await signed_in_as(superuser=True)
    await person.get("/auth/me")
    await root.patch(f"/users/{root.id}", {"username": "renamed"})
    pair = (await client.post("/auth/token/refresh", json={"refresh_token": person.refresh_token})).json()
    person.access_token = pair["access_token"]
    statements: list[str] = []

    database.writers.listeners.append(lambda sql, _values: statements.append(sql))
    for _ in range(5):
        await person.get("/auth/me/menu")

    assert len([s for s in statements if "UPDATE auth_session_use" in s]) == 1
    assert [s for s in statements if "UPDATE auth_session " in s] == []


async def test_the_access_token_of_a_lost_answer_ends_the_session(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await signed_in_as()

    async def refreshed(ahead: int) -> str:
        monkeypatch.setattr("app.modules.sessions.tokens.session_tokens.now", lambda: now() + timedelta(seconds=ahead))
        answer = await client.post("/auth/token/refresh", json={"refresh_token": person.refresh_token})
        assert answer.status_code == 200
        return str(answer.json()["access_token"])

    async def used(token: str) -> int:
        return (await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})).status_code

    lost, arrived = await refreshed(0), await refreshed(60)

    assert [await used(token) for token in (arrived, lost, arrived)] == [200, 401, 401]
