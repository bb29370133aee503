"""Where a user is signed in, and how sessions end."""

import asyncio

import httpx
from fastapi import FastAPI
from sqlalchemy import select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.sessions import SessionTokens
from app.modules.sessions.models import AuthSession
from tests.modules.auth.calls import get_me, refresh, sign_in, sign_in_again
from tests.modules.users.rows import change_user
from tests.people import SignedInAs


async def test_sessions_show_device_address_and_last_use(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await sign_in_again(client, await signed_in_as())

    page = (await person.get("/auth/me/sessions", params={"total": "true"})).json()

    assert (len(page["items"]), page["total"]) == (2, 2)
    (current,) = [item for item in page["items"] if item["is_current"]]
    assert (current["device"], current["ip"]) == ("Firefox on Linux", "192.0.2.7")
    assert current["last_used_at"] >= current["created_at"]


async def test_a_user_ends_one_session_or_all_others(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    first = await signed_in_as()
    second, third = await sign_in_again(client, first), await sign_in_again(client, first)
    (current,) = [i for i in (await first.get("/auth/me/sessions")).json()["items"] if i["is_current"]]

    assert (await third.delete(f"/auth/me/sessions/{current['id']}")).status_code == 204
    assert [(await p.get("/auth/me")).status_code for p in (first, second, third)] == [401, 200, 200]
    assert (await third.delete(f"/auth/me/sessions/{current['id']}")).status_code == 404

    assert (await third.delete("/auth/me/sessions")).status_code == 204
    assert [(await p.get("/auth/me")).status_code for p in (second, third)] == [401, 200]


async def test_nobody_ends_a_strangers_session(signed_in_as: SignedInAs) -> None:
    person, stranger = await signed_in_as(), await signed_in_as()
    session = (await person.get("/auth/me/sessions")).json()["items"][0]["id"]

    assert (await stranger.delete(f"/auth/me/sessions/{session}")).status_code == 404
    assert (await person.get("/auth/me")).status_code == 200


async def test_an_administrator_sees_and_ends_sessions(signed_in_as: SignedInAs) -> None:
    admin, person = await signed_in_as("users:update", "audit:read"), await signed_in_as()
    path = f"/users/{person.id}/sessions"
    (session,) = (await admin.get(path)).json()["items"]

    assert (await admin.delete(f"{path}/{session['id']}")).status_code == 204
    assert (await person.get("/auth/me")).status_code == 401
    assert (await admin.delete(path)).status_code == 204
    changes = (await admin.get("/audit/changes", params={"entity": "auth_session", "field": "revoked_reason"})).json()
    assert changes["items"][0]["changes"]["revoked_reason"]["new"] == "ended-by-administrator"


async def test_the_least_recently_used_session_ends_at_the_limit(
    app: FastAPI, client: httpx.AsyncClient, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    first = await signed_in_as()
    limit = app.state.settings.auth.max_sessions

    async def open_one() -> None:
        async with app.state.database.unit_of_work(job) as session:
            await SessionTokens(app.state.database, app.state.access_tokens, job).open(session, first.id)

    await asyncio.gather(*(open_one() for _ in range(limit)))

    table = table_of(AuthSession)
    mine = select(table.c.revoked_reason).where(table.c.user_id == first.id)
    reasons = [row.revoked_reason for row in await app.state.database.read_session(job).all(mine)]
    assert (reasons.count(None), reasons.count("session-limit")) == (limit, 1)
    assert (await first.get("/auth/me")).status_code == 401
    assert (await client.post("/auth/token/refresh", json={"refresh_token": first.refresh_token})).status_code == 401


async def test_an_inactive_user_works_no_longer(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    """Regression: inactive users could go on working."""
    person = await signed_in_as("tasks:read")
    assert (await person.get("/tasks")).status_code == 200

    await change_user(database, job, person, is_active=False)

    assert (await person.get("/tasks")).status_code == 401
    assert (await refresh(client, person.refresh_token)).status_code == 401


async def test_logout_ends_this_session_on_the_next_request(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    other = (await sign_in(client, person.username)).json()["access_token"]
    assert (await person.get("/auth/me")).status_code == 200

    assert (await person.post("/auth/logout")).status_code == 204

    assert (await person.get("/auth/me")).status_code == 401
    assert (await refresh(client, person.refresh_token)).status_code == 401
    assert (await get_me(client, other)).status_code == 200


async def test_logout_all_ends_every_session(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()
    other = (await sign_in(client, person.username)).json()["access_token"]

    assert (await person.post("/auth/logout-all")).status_code == 204

    assert [(await get_me(client, token)).status_code for token in (person.access_token, other)] == [401, 401]


async def test_an_access_token_has_one_spelling(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Regression: other base64 spellings of a revoked token were accepted."""
    person = await signed_in_as()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = person.access_token[-1]
    twins = [person.access_token[:-1] + letter for letter in alphabet if letter != last]

    answers = [await get_me(client, twin) for twin in [*twins, person.access_token + "=", person.access_token + "\t"]]

    assert {answer.status_code for answer in answers} == {401}
    assert (await get_me(client, person.access_token)).status_code == 200
