"""Where one is signed in, how that ends, and what the login log says."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.sessions import SessionTokens
from app.modules.sessions.models import AuthSession
from tests.conftest import SignedInAs
from tests.people import PASSWORD, Person

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


async def sign_in(client: httpx.AsyncClient, person: Person, password: str = PASSWORD, **form: str) -> httpx.Response:
    data = {"username": person.username, "password": password, **form}
    return await client.post("/auth/token", data=data, headers={"User-Agent": FIREFOX})


async def again(client: httpx.AsyncClient, person: Person) -> Person:
    """The same person, signed in once more."""
    pair = (await sign_in(client, person)).json()
    return Person(person.id, person.username, client, pair["access_token"], pair["refresh_token"])


async def test_sessions_show_device_address_and_last_use(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await again(client, await signed_in_as())

    page = (await person.get("/auth/me/sessions", params={"total": "true"})).json()

    assert (len(page["items"]), page["total"]) == (2, 2)
    (current,) = [item for item in page["items"] if item["is_current"]]
    assert (current["device"], current["ip"]) == ("Firefox on Linux", "192.0.2.7")
    assert current["last_used_at"] >= current["created_at"]


async def test_one_ends_one_session_or_all_others(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    first = await signed_in_as()
    second, third = await again(client, first), await again(client, first)
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


async def test_the_login_log_has_every_attempt_and_no_unknown_name(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person, admin = await signed_in_as(), await signed_in_as("users:read")
    await sign_in(client, person, "wrong password indeed")
    await sign_in(client, person)
    await client.post("/auth/token", data={"username": "hunter2-secret", "password": "also secret"})

    mine = (await person.get("/auth/me/logins")).json()["items"]
    assert [(row["is_successful"], row["reason"]) for row in mine[:2]] == [(True, None), (False, "wrong-password")]
    assert mine[0]["session_id"] is not None

    page = await admin.get("/auth/logins", params={"reason": "unknown"})
    (row,) = page.json()["items"]
    assert (row["user_id"], row["ip"]) == (None, "192.0.2.7")
    assert "hunter2" not in page.text
    of_person = {"user_id": str(person.id), "is_successful": "false"}
    assert len((await admin.get("/auth/logins", params=of_person)).json()["items"]) == 1
    assert (await person.get("/auth/logins")).status_code == 403


async def test_everybody_changes_their_own_names_and_nothing_else(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    email = {"first_name": "Nora", "email": "nora@example.com"}
    bare = await person.patch("/auth/me", email)
    guessed = await person.patch("/auth/me", {**email, "current_password": "wrong"})
    assert [(a.status_code, a.json()["code"]) for a in (bare, guessed)] == [
        (422, "invalid-fields"),
        (403, "wrong-password"),
    ]
    changed = await person.patch("/auth/me", {**email, "current_password": PASSWORD})
    refused = [await person.patch("/auth/me", {name: True}) for name in ("is_superuser", "is_active")]
    stale = await person.patch("/auth/me", {"last_name": "x"}, headers={"If-Match": '"1"'})

    assert (changed.status_code, changed.json()["first_name"]) == (200, "Nora")
    assert [answer.status_code for answer in refused] == [422, 422]
    assert stale.status_code == 412


@pytest.mark.timeout(120)
async def test_parallel_guesses_count_exactly(app: FastAPI, signed_in_as: SignedInAs, database: Database) -> None:
    """Forty at once, from as many addresses, through two applications on one database: five are judged."""
    from app.main import create_app  # noqa: PLC0415  # the second process

    person = await signed_in_as()
    other = create_app(database.settings)
    async with other.router.lifespan_context(other):

        async def guess(number: int) -> int:
            target = (app, other)[number % 2]
            transport = httpx.ASGITransport(target, raise_app_exceptions=False, client=(f"198.51.100.{number}", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as stranger:
                while (status := (await sign_in(stranger, person, f"wrong {number}")).status_code) == 503:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)  # too busy to judge: nothing was counted
                return status

        statuses = await asyncio.gather(*(guess(number) for number in range(40)))

    assert (statuses.count(401), statuses.count(429)) == (5, 35)


async def test_waiting_times_grow_and_an_administrator_unlocks(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, admin = await signed_in_as(), await signed_in_as("users:update")
    for _ in range(5):
        assert (await sign_in(client, person, "wrong")).status_code == 401

    blocked = await sign_in(client, person)

    assert (blocked.status_code, blocked.json()["code"]) == (429, "too-many-attempts")
    assert 0 < int(blocked.headers["retry-after"]) <= 30
    assert (await admin.post(f"/users/{person.id}/unlock")).status_code == 204
    assert (await sign_in(client, person)).status_code == 200


async def test_strangers_do_not_keep_the_owner_out(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    """The owner signed in from this address before; guesses from elsewhere have a counter of their own."""
    person = await signed_in_as()
    assert (await sign_in(client, person)).status_code == 200
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("203.0.113.5", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as stranger:
        statuses = [(await sign_in(stranger, person, "wrong")).status_code for _ in range(7)]

    assert statuses == [401] * 5 + [429] * 2
    assert (await sign_in(client, person)).status_code == 200


async def test_unknown_names_wait_as_known_ones_do(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    known = [await sign_in(client, person, "wrong") for _ in range(6)]
    data = {"username": "nobody-at-all", "password": "wrong"}
    unknown = [await client.post("/auth/token", data=data) for _ in range(6)]

    def seen(answers: list[httpx.Response]) -> list[Any]:
        return [(answer.status_code, answer.json()["code"], answer.json()["title"]) for answer in answers]

    assert seen(known) == seen(unknown)


async def test_one_address_waits_after_many_accounts(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    allowed = app.state.settings.auth.address_failures
    data = [{"username": f"nobody{number}", "password": "wrong"} for number in range(allowed + 1)]

    statuses = [(await client.post("/auth/token", data=one)).status_code for one in data]

    assert statuses == [401] * allowed + [429]
    assert (await sign_in(client, await signed_in_as())).status_code == 429
