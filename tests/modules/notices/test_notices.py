"""Users are told by mail what was done to their accounts, by whatever request."""

from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.security import passwords
from app.modules.jobs.models import Job
from app.modules.users import User
from tests.modules.jobs.kinds import run_all
from tests.modules.mail.sink import Sink, part_of
from tests.people import PASSWORD, PASSWORD_HASH, Person, SignedInAs

NEW = "another quiet river of words"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CONTEXT = RequestContext.for_job("test")


async def subjects(database: Database, sink: Sink) -> list[str]:
    """What is mailed."""
    await run_all(database)
    return sorted(str(mail["Subject"]) for mail in sink.mails)


async def change_password(person: Person, _admin: Person) -> httpx.Response:
    return await person.post("/auth/me/password", {"current_password": PASSWORD, "new_password": NEW})


async def reset_password(person: Person, admin: Person) -> httpx.Response:
    return await admin.post(f"/users/{person.id}/password")


async def change_email(person: Person, _admin: Person) -> httpx.Response:
    return await person.patch("/auth/me", {"email": "new@example.com", "current_password": PASSWORD})


async def change_email_of_another(person: Person, admin: Person) -> httpx.Response:
    return await admin.patch(f"/users/{person.id}", {"email": "new@example.com"})


async def make_key(person: Person, _admin: Person) -> httpx.Response:
    return await person.post("/auth/api-keys", {"name": "robot", "scopes": ["tasks:read"]})


Change = Callable[[Person, Person], Awaitable[httpx.Response]]


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        (change_password, "Your password was changed"),
        (reset_password, "Your password was changed"),
        (change_email, "Your address was changed"),
        (change_email_of_another, "Your address was changed"),
        (make_key, "A new API key"),
    ],
)
async def test_a_user_is_told_of_a_change(
    database: Database, sink: Sink, signed_in_as: SignedInAs, change: Change, subject: str
) -> None:
    admin, person = await signed_in_as("users:update", "tasks:read"), await signed_in_as("tasks:read")

    answer = await change(person, admin)

    assert answer.status_code < 300, answer.text
    await run_all(database)
    [mail] = [mail for mail in sink.mails if str(mail["Subject"]) == subject]
    assert str(mail["To"]) == f"{person.username}@example.com", "also where there is another address by now"
    assert person.username in part_of(mail, "plain")


async def test_a_change_that_fails_is_not_told(database: Database, sink: Sink, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    wrong = await person.post("/auth/me/password", {"current_password": "wrong", "new_password": NEW})

    assert wrong.status_code == 403
    assert await subjects(database, sink) == []


async def test_a_name_that_changes_is_no_credential(database: Database, sink: Sink, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    assert (await person.patch("/auth/me", {"first_name": "Ann"})).status_code == 200

    assert await subjects(database, sink) == []


async def test_a_second_factor_that_comes_and_goes(
    app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    secret = (await person.post("/auth/me/second-factor", {"current_password": PASSWORD})).json()["secret"]
    import pyotp  # noqa: PLC0415  # only here

    confirmed = await person.post("/auth/me/second-factor/confirm", {"code": pyotp.TOTP(secret).now()})
    removed = await person.delete("/auth/me/second-factor")

    assert (confirmed.status_code, removed.status_code) == (200, 204)
    assert await subjects(database, sink) == ["A second factor was added", "Your second factor was removed"]


async def sign_in_from(app: FastAPI, person: Person, ip: str, user_agent: str) -> None:
    transport = httpx.ASGITransport(app, client=(ip, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as client:
        form = {"username": person.username, "password": PASSWORD}
        answer = await client.post("/auth/token", data=form, headers={"User-Agent": user_agent})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("ip", "program", "is_told"),
    [
        ("192.0.2.7", FIREFOX, False),
        ("192.0.2.200", FIREFOX.replace("140", "141"), False),
        ("198.51.100.1", FIREFOX, True),
        ("192.0.2.7", "curl/8.0", True),
        ("2001:db8::1", FIREFOX, True),
    ],
)
async def test_a_sign_in_unlike_those_before_is_told(
    app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs, ip: str, program: str, *, is_told: bool
) -> None:
    person = await signed_in_as()
    await sign_in_from(app, person, "192.0.2.7", FIREFOX)
    assert await subjects(database, sink) == [], "the first one is no news"

    await sign_in_from(app, person, ip, program)

    assert await subjects(database, sink) == (["A new sign-in"] if is_told else [])
    if is_told:
        assert ip in part_of(sink.mails[0], "plain")


async def test_a_hash_that_is_renewed_at_sign_in_is_no_change(
    app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, users = await signed_in_as(), table_of(User)
    monkeypatch.setattr(passwords, "contexts", passwords.contexts.using(argon2__time_cost=2))

    await sign_in_from(app, person, "192.0.2.7", FIREFOX)

    stored = await database.read_session(CONTEXT).value(select(users.c.password_hash).where(users.c.id == person.id))
    assert stored != PASSWORD_HASH
    assert await subjects(database, sink) == []


async def test_a_notice_is_asked_for_in_the_transaction_of_the_change(
    database: Database, signed_in_as: SignedInAs
) -> None:
    person, jobs = await signed_in_as(), table_of(Job)

    changed = await change_password(person, person)

    [job] = await database.read_session(CONTEXT).all(select(jobs.c.kind, jobs.c.request_id, jobs.c.created_by_id))
    assert job.kind == "mail.send"
    assert (job.request_id, job.created_by_id) == (changed.headers["X-Request-ID"], person.id)
