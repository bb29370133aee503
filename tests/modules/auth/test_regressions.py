"""Every defect that a hostile reading of sign-in found, by what it allowed."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from app.core.clock import now
from app.core.config import RateLimitSettings
from app.core.db.engine import Database
from app.core.fields.ip_address import rate_limit_key
from app.core.http.rate_limit import RateLimiter
from tests.conftest import SignedInAs
from tests.modules.auth.test_sessions import sign_in
from tests.modules.second_factor.test_second_factor import enrolled
from tests.people import PASSWORD


async def test_ones_own_account_is_not_administered(signed_in_as: SignedInAs) -> None:
    """A stolen session of an administrator could drop the second factor and set a password without knowing it."""
    admin = await signed_in_as("users:update")
    await enrolled(admin)
    own = f"/users/{str(admin.id).upper()}"

    answers = [
        await admin.delete(f"{own}/second-factor"),
        await admin.post(f"{own}/password"),
        await admin.post(f"{own}/unlock"),
        await admin.post(f"{own}/api-keys", {"name": "x", "scopes": ["users:update"]}),
        await admin.delete(f"{own}/sessions"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert (await admin.get("/auth/me/second-factor")).json()["enrolled"] is True


async def test_a_narrow_key_does_not_take_its_owner_over(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    shown = (await root.post("/auth/api-keys", {"name": "narrow", "scopes": ["users:update"]})).json()
    headers = {"Authorization": f"Bearer {shown['key']}"}
    own = f"/users/{root.id}"

    answers = [
        await root.client.post(f"{own}/api-keys", headers=headers, json={"name": "x", "scopes": ["tasks:read"]}),
        await root.client.post(f"{own}/password", headers=headers),
        await root.client.patch(own, headers=headers, json={"email": "mine@example.com"}),
        await root.client.patch(own, headers=headers, json={"first_name": "Mine"}),
        await root.client.delete(f"{own}/sessions", headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert (await root.get("/auth/me")).status_code == 200


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


async def test_the_first_use_of_a_pair_is_noted_once(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, database: Database
) -> None:
    """An event about somebody else kept every request of a refreshed session writing."""
    person, root = await signed_in_as(), await signed_in_as(superuser=True)
    await person.get("/auth/me")
    await root.patch(f"/users/{root.id}", {"username": "renamed"})
    pair = (await client.post("/auth/token/refresh", json={"refresh_token": person.refresh_token})).json()
    person.access_token = pair["access_token"]
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    for _ in range(5):
        await person.get("/auth/me/menu")

    assert len([s for s in statements if s.startswith("UPDATE auth_session")]) == 1


async def test_a_right_password_behind_a_busy_address_leaves_no_wait(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    first, second = await signed_in_as(), await signed_in_as()
    allowed = app.state.settings.auth.address_failures
    for number in range(allowed - 1):
        await client.post("/auth/token", data={"username": f"nobody{number}", "password": "wrong"})

    assert [(await sign_in(client, person)).status_code for person in (first, second)] == [200, 200]


async def test_two_names_of_one_account_tell_nothing(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    """User name and e-mail shared a counter: whoever used both learned that they belong together."""
    person = await signed_in_as()

    async def tries(*names: str) -> list[int]:
        data = [{"username": name, "password": "wrong"} for name in names]
        return [(await client.post("/auth/token", data=one)).status_code for one in data]

    known = await tries(*[person.username] * 3, *[f"{person.username}@example.com"] * 3, person.username)
    unknown = await tries(*["ghost"] * 3, *["ghost@example.com"] * 3, "ghost")

    assert known == unknown == [401] * 7


async def test_a_password_that_grows_when_normalised_is_wrong(client: httpx.AsyncClient) -> None:
    answer = await client.post("/auth/token", data={"username": "nobody", "password": "\ufdfa" * 1024})

    assert answer.status_code == 401


async def test_a_form_is_utf_8(client: httpx.AsyncClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="username"\r\n\r\nx\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b; charset=unicode_escape"}

    assert (await client.post("/auth/token", content=body, headers=headers)).status_code == 415


async def test_a_removed_factor_is_not_confirmed(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()
    await enrolled(person)
    await person.delete("/auth/me/second-factor")

    answer = await person.post("/auth/me/second-factor/confirm", {"code": "000000"})

    assert (answer.status_code, answer.json()["code"]) == (409, "not-enrolled")


async def test_the_right_password_forgives_no_wrong_codes(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()
    await enrolled(person)

    statuses = []
    for number in range(7):
        statuses.append((await person.post("/auth/step-up", {"code": f"{number:06}"})).status_code)
        await person.post("/auth/me/second-factor", {"current_password": PASSWORD})

    assert statuses == [403] * 5 + [429] * 2


def test_an_ipv6_subscriber_is_one_address() -> None:
    near = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"]

    assert {rate_limit_key(ip) for ip in near} == {"2001:db8:1:2::"}
    assert rate_limit_key("2001:db8:1:3::1") != rate_limit_key(near[0])
    assert [rate_limit_key(ip) for ip in ("::ffff:192.0.2.7", "192.0.2.7", None)] == ["192.0.2.7", "192.0.2.7", "None"]


async def test_unlocking_needs_standing_and_is_recorded(signed_in_as: SignedInAs) -> None:
    admin, root = await signed_in_as("users:update", "audit:read"), await signed_in_as(superuser=True)
    person = await signed_in_as()

    assert (await admin.post(f"/users/{root.id}/unlock")).json()["code"] == "target-has-more-permissions"
    assert (await admin.post(f"/users/{person.id}/unlock", headers={"X-Request-ID": "unlock"})).status_code == 204
    (row,) = (await admin.get("/audit/changes", params={"request_id": "unlock"})).json()["items"]
    assert "unlocked_at" in row["changes"]


async def test_the_same_password_in_other_letters_is_the_same(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    admin, person = await signed_in_as("users:update"), await signed_in_as()
    word = (await admin.post(f"/users/{person.id}/password")).json()["password"]
    person.access_token = (await sign_in(client, person, word)).json()["access_token"]
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in word)

    answer = await person.post("/auth/me/password", {"current_password": word, "new_password": wide})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "password-same")


async def test_refused_requests_are_counted_too(app: FastAPI, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read")
    strict = RateLimitSettings(principal="4/hour", address="4/hour")
    app.state.rate_limiter = RateLimiter(app.state.settings.model_copy(update={"rate_limit": strict}))

    forbidden = [(await person.get("/users")).status_code for _ in range(2)]
    unknown = [(await person.get("/tasks", params={"nope": 1})).status_code for _ in range(2)]
    then = await person.get("/tasks")

    assert (forbidden, unknown, then.status_code) == ([403, 403], [422, 422], 429)
    assert then.json()["code"] == "too-many-requests"
    assert int(then.headers["retry-after"]) >= 1
    assert then.headers["ratelimit-policy"] == '"principal";q=4;w=3600'


async def test_parallel_sign_ins_of_one_user_all_get_in(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    """As many as may fail may also be on their way at once."""
    person = await signed_in_as()

    answers = await asyncio.gather(*(sign_in(client, person) for _ in range(app.state.settings.auth.account_failures)))

    assert {answer.status_code for answer in answers} == {200}


async def test_ones_own_account_in_any_spelling_is_not_administered(signed_in_as: SignedInAs) -> None:
    """`refuse_oneself` compared texts; an id has many."""
    admin = await signed_in_as("users:update")
    spellings = [str(admin.id), admin.id.hex, f"{{{admin.id}}}", f"urn:uuid:{admin.id}", str(admin.id).upper()]

    statuses = [(await admin.post(f"/users/{spelling}/password")).status_code for spelling in spellings]

    assert statuses == [403, 403, 404, 404, 403], "what is no UUID in an address is nobody's"
    assert (await admin.post("/users/nonsense/password")).status_code == 404
    own = await admin.patch(f"/users/{admin.id}", {"email": "mine@example.com"})
    assert (own.status_code, "auth/me" in own.json()["detail"]) == (403, True)


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


async def test_new_recovery_codes_are_for_the_enrolled(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    answer = await person.post("/auth/me/second-factor/recovery-codes")

    assert (answer.status_code, answer.json()["code"]) == (409, "not-enrolled")
