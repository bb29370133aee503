"""The login log."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.entity import table_of
from app.modules.audit.entries.callers import old_strangers
from app.modules.sessions.models import LoginAttempt
from tests.core.db.pruning import prune
from tests.modules.audit.entries import access_entries, stored_callers
from tests.modules.audit.erasure import erase
from tests.modules.auth.calls import FIREFOX, sign_in
from tests.people import Person, SignedInAs


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


ADDRESS = "192.0.2.7"
"""The address of the client in tests."""


async def attempts_of(admin: Person, user: Person) -> list[tuple[Any, ...]]:
    """Whether each attempt to sign in as a user succeeded, and from where, the newest first."""
    page = (await admin.get("/auth/logins", params={"user_id": str(user.id)})).json()
    return [(row["is_successful"], row["ip"], row["user_agent"]) for row in page["items"]]


def test_the_log_holds_nothing_personal_itself() -> None:
    assert not {"ip", "user_agent", "name"} & set(table_of(LoginAttempt).columns.keys())


async def test_an_erased_user_leaves_no_address_in_it(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    """An attempt that failed is one of this user too, and one of another user is not."""
    person, other, admin = await signed_in_as(), await signed_in_as(), await signed_in_as("users:read")
    for who in (person, other):
        await sign_in(client, who, "wrong password indeed")
        await sign_in(client, who)
    known = [(True, ADDRESS, FIREFOX), (False, ADDRESS, FIREFOX)]
    assert (await attempts_of(admin, person))[:2] == known

    await access_entries(app)
    await erase(app.state.database, person.id)

    assert (await attempts_of(admin, person))[:2] == [(True, None, None), (False, None, None)]
    assert (await attempts_of(admin, other))[:2] == known
    entries = [entry for entry in await access_entries(app) if entry.subject_id == person.id]
    assert [entry.ip for entry in entries] == [None, None], "the access log tells nothing of these requests either"


async def test_attempts_are_found_by_their_address(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person, admin = await signed_in_as(), await signed_in_as("users:read")
    await sign_in(client, person)
    await sign_in(client, "unknown-name")

    found = (await admin.get("/auth/logins", params={"ip": ADDRESS, "total": "true"})).json()
    assert ([row["user_id"] for row in found["items"]], found["total"]) == ([None, str(person.id)], 2)
    assert (await admin.get("/auth/logins", params={"ip": "198.51.100.1"})).json()["items"] == []
    mine = (await person.get("/auth/me/logins", params={"ip": ADDRESS, "is_successful": "true"})).json()["items"]
    assert [row["ip"] for row in mine] == [ADDRESS]


async def test_who_guesses_is_forgotten_and_who_signed_in_is_not(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address from which a name was tried is not known to be that of the user."""
    person, admin = await signed_in_as(), await signed_in_as("users:read")
    await sign_in(client, person, "wrong password indeed")
    await sign_in(client, person)
    await sign_in(client, "unknown-name")

    monkeypatch.setattr("app.modules.audit.entries.callers.now", lambda: now() + timedelta(days=2, minutes=1))
    await prune(app.state.database, [old_strangers(timedelta(days=1))])

    assert (await attempts_of(admin, person))[:2] == [(True, ADDRESS, FIREFOX), (False, None, None)]
    assert {row.name for row in await stored_callers(app.state.database)} >= {person.username}


async def test_a_sign_in_has_one_caller_for_all_that_it_writes(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()

    await sign_in(client, person)

    job, attempts = RequestContext.for_job("test"), table_of(LoginAttempt)
    row = await app.state.database.read_session(job).first(attempts.select().where(attempts.c.caller_id.is_not(None)))
    (caller,) = await stored_callers(app.state.database)
    assert (caller.id, caller.user_id, caller.name) == (row.caller_id, person.id, person.username)
