"""Sessions of browsers: the refresh token stays in a cookie that three endpoints read."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from app.core.config import AuthSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.http.guards import Authenticated
from app.core.http.same_origin import SameOrigin
from app.modules.sessions.models import AuthSession, LoginAttempt
from tests.architecture.test_routes import GUARDED
from tests.modules.audit.entries import access_entries
from tests.modules.auth.calls import get_me
from tests.modules.second_factor.devices import enrolled
from tests.people import PASSWORD, Person, SignedInAs

OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "X-Attest-Browser": "1"}
NAME = "__Secure-attest"
PATH = "/api/v1/auth/browser"


async def call(
    client: httpx.AsyncClient,
    what: str,
    cookie: str | None = None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] = OWN_PAGE,
) -> httpx.Response:
    """Call an endpoint as a page does whose browser has this cookie."""
    own = {**headers, "Cookie": f"{NAME}={cookie}"} if cookie is not None else dict(headers)
    return await client.post(f"/auth/browser/{what}", headers=own, data=form)


async def sign_in(client: httpx.AsyncClient, person: Person, password: str = PASSWORD, **form: str) -> httpx.Response:
    return await call(client, "token", form={"username": person.username, "password": password, **form})


def cookie_of(answer: httpx.Response) -> Any:
    """The cookie that an answer sets."""
    return SimpleCookie(answer.headers["set-cookie"])[NAME]


async def test_the_refresh_token_is_in_the_cookie_only(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    answer = await sign_in(client, await signed_in_as())

    cookie = cookie_of(answer)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"access_token", "token_type", "expires_in"}
    assert cookie.value not in answer.text
    assert (cookie["path"], cookie["samesite"], cookie["domain"]) == (PATH, "Strict", "")
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["max-age"] == str(AuthSettings().idle_ttl)
    assert answer.headers["cache-control"] == "no-store"
    assert (await get_me(client, answer.json()["access_token"])).status_code == 200


async def test_a_session_says_whether_a_browser_or_a_program_has_it(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    """A program can send the user agent of a browser, but gets its refresh token in the answer."""
    person, auditor = await signed_in_as(), await signed_in_as("audit:read")
    claims = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    page = await call(
        client, "token", form={"username": person.username, "password": PASSWORD}, headers=OWN_PAGE | claims
    )
    form = {"username": person.username, "password": PASSWORD}
    program = await client.post("/auth/token", data=form, headers=claims)
    await call(client, "refresh", cookie_of(page).value, headers=OWN_PAGE | claims)

    own = (await person.get("/auth/me/sessions")).json()["items"]
    all_users = (await auditor.get("/sessions", params={"user_id": str(person.id)})).json()["items"]

    assert (page.status_code, program.status_code) == (200, 200)
    expected = sorted([("Firefox on Linux", True), ("Firefox on Linux", False), ("Unknown", False)])
    for items in (own, all_users):
        assert sorted((item["device"], item["is_browser"]) for item in items) == expected


async def test_a_session_goes_on_and_ends(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    first = await sign_in(client, await signed_in_as())

    second = await call(client, "refresh", cookie_of(first).value)
    ended = await call(client, "logout", cookie_of(second).value)
    dead = await call(client, "refresh", cookie_of(second).value)

    assert (second.status_code, set(second.json())) == (200, {"access_token", "token_type", "expires_in"})
    assert cookie_of(second).value not in ("", cookie_of(first).value)
    assert (ended.status_code, ended.content) == (204, b"")
    assert (dead.status_code, dead.json()["code"]) == (401, "bad-refresh-token")
    for cleared in (cookie_of(ended), cookie_of(dead)):
        assert (cleared.value, cleared["max-age"], cleared["path"]) == ("", "0", PATH)
    assert (await get_me(client, second.json()["access_token"])).status_code == 401


async def test_without_a_cookie_nothing_fails(client: httpx.AsyncClient) -> None:
    """A first visit logs no error."""
    refreshed, ended = await call(client, "refresh"), await call(client, "logout")

    assert (refreshed.status_code, refreshed.content) == (204, b"")
    assert "set-cookie" not in refreshed.headers
    assert (ended.status_code, cookie_of(ended)["max-age"]) == (204, "0")


@pytest.mark.parametrize("token", ["", "rt_made-up", "x" * 3000, "rt_" + "A" * 75])
async def test_a_dead_cookie_is_cleared(client: httpx.AsyncClient, token: str) -> None:
    refreshed, ended = await call(client, "refresh", token), await call(client, "logout", token)

    assert (refreshed.status_code, refreshed.json()["code"]) == (401, "bad-refresh-token")
    assert (ended.status_code, ended.content) == (204, b"")
    assert {cookie_of(answer)["max-age"] for answer in (refreshed, ended)} == {"0"}


async def test_signing_out_with_an_older_cookie_ends_the_session(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    first = await sign_in(client, await signed_in_as())
    second = await call(client, "refresh", cookie_of(first).value)

    await call(client, "logout", cookie_of(first).value)

    assert (await call(client, "refresh", cookie_of(second).value)).status_code == 401


async def test_tabs_that_refresh_at_once_stay_signed_in(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    first = await sign_in(client, await signed_in_as())

    answers = await asyncio.gather(*(call(client, "refresh", cookie_of(first).value) for _ in range(5)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({cookie_of(answer).value for answer in answers}) == 1, "one token has one successor"


async def test_two_cookies_of_the_name_are_none(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """Another host of the same domain can put one beside ours: its session must not become that of the browser."""
    mine, theirs = [cookie_of(await sign_in(client, await signed_in_as())).value for _ in range(2)]

    answer = await call(client, "refresh", f"{mine}; {NAME}={theirs}")

    assert (answer.status_code, cookie_of(answer)["max-age"]) == (401, "0")
    assert (await call(client, "refresh", mine)).status_code == 200, "and nothing was used up"


FOREIGN = [
    {},
    {"X-Attest-Browser": "1"},
    {"Sec-Fetch-Site": "same-origin"},
    *({"X-Attest-Browser": "1", "Sec-Fetch-Site": site} for site in ("same-site", "cross-site", "none", "Same-Origin")),
    {"X-Attest-Browser": "0", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_only_pages_of_this_server_may_call(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, headers: dict[str, str]
) -> None:
    person = await signed_in_as()
    cookie = cookie_of(await sign_in(client, person)).value

    form = {"username": person.username, "password": PASSWORD}
    answers = [
        await call(client, "token", None, form, headers),
        await call(client, "refresh", cookie, None, headers),
        await call(client, "logout", cookie, None, headers),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "not-same-origin")] * 3
    assert not any("set-cookie" in answer.headers for answer in answers)
    assert (await call(client, "refresh", cookie)).status_code == 200, "the session is open still"


async def test_no_other_endpoint_reads_the_cookie(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    cookie = cookie_of(await sign_in(client, await signed_in_as(superuser=True))).value
    headers = {**OWN_PAGE, "Cookie": f"{NAME}={cookie}"}

    for method, path, guard in GUARDED:
        assert isinstance(guard, Authenticated)
        answer = await client.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (method, path)
    assert (await call(client, "refresh", cookie)).status_code == 200, "the cookie was good all the time"


async def test_the_second_factor_is_asked_for(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()
    device, _ = await enrolled(person)

    without = await sign_in(client, person)
    wrong = await sign_in(client, person, code="000000")
    answer = await sign_in(client, person, code=device())

    assert (without.status_code, without.json()["code"]) == (401, "second-factor-needed")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "bad-credentials")
    assert answer.status_code == 200, answer.text
    assert not any("set-cookie" in refused.headers for refused in (without, wrong))


async def test_guesses_are_throttled_and_logged_like_others(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs, settings: Settings
) -> None:
    person, limit = await signed_in_as(), settings.auth.account_failures

    answers = [await sign_in(client, person, "wrong") for _ in range(limit + 1)]
    elsewhere = await client.post("/auth/token", data={"username": person.username, "password": "wrong"})

    assert [answer.status_code for answer in answers] == [401] * limit + [429]
    assert elsewhere.status_code == 429, "one counter for both"
    log = table_of(LoginAttempt)
    failed = select(log.c.reason).where(log.c.user_id == person.id, log.c.is_successful.is_(False))
    reasons = [row.reason for row in await database.read_session(job).all(failed)]
    assert reasons == ["wrong-password"] * limit


async def test_a_session_that_ends_soon_ends_the_cookie(
    client: httpx.AsyncClient, database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    cookie = cookie_of(await sign_in(client, person)).value
    async with database.unit_of_work(job) as session:
        rows = await session.execute(select(AuthSession).where(col(AuthSession.user_id) == person.id))
        for row in rows.scalars():
            row.expires_at -= timedelta(seconds=AuthSettings().session_ttl - 3600)

    answer = await call(client, "refresh", cookie)

    assert 3500 < int(cookie_of(answer)["max-age"]) <= 3600


async def test_what_the_browser_did_is_recorded_and_its_cookie_is_not(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reader = await signed_in_as("audit:read")
    first = await sign_in(client, reader)
    second = await call(client, "refresh", cookie_of(first).value)
    await call(client, "logout", cookie_of(second).value)
    await call(client, "refresh", cookie_of(second).value)

    entries = [row for row in await access_entries(app) if row.path.startswith(PATH)]
    shown = "".join([(await reader.get(f"/audit/{log}")).text for log in ("access", "changes")])

    assert [row.path.rpartition("/")[2] for row in entries] == ["token", "refresh", "logout", "refresh"]
    assert [(row.actor_id, row.auth_method) for row in entries[:3]] == [
        (reader.id, "password"),
        (reader.id, "refresh-token"),
        (reader.id, "refresh-token"),
    ]
    assert [row.decision for row in entries] == ["same-origin"] * 4
    for secret in (cookie_of(first).value, cookie_of(second).value):
        assert secret not in f"{entries}{shown}{caplog.text}"


def test_only_these_three_are_for_our_own_pages() -> None:
    from fastapi.routing import iter_route_contexts  # noqa: PLC0415  # only here

    from app.main import create_app  # noqa: PLC0415  # only here

    found = {
        str(route.path_format)
        for route in iter_route_contexts(create_app().routes)
        if isinstance(getattr(route.original_route, "guard", None), SameOrigin)
    }

    assert found == {f"{PATH}/{what}" for what in ("token", "refresh", "logout")}
