"""Users show by a mail that their address is theirs, and nobody else's mail shows it."""

import re
from datetime import timedelta

import httpx
from fastapi import FastAPI
from sqlalchemy import func, select

from app.core.clock import now
from app.core.config import MailSettings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.email_verification.models import EmailVerification
from tests.answers import refusals
from tests.modules.audit.persons import erase
from tests.modules.jobs.kinds import run_all
from tests.modules.mail.sink import Sink, part_of
from tests.people import PASSWORD, Person, SignedInAs

BAD = (401, "bad-email-verification")
TOKEN = re.compile(r"ev_[\w-]+")
CONTEXT = RequestContext.for_job("test")


async def confirm(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/auth/email-verification", json={"token": token})


async def is_verified(person: Person) -> bool:
    answer = await person.get("/auth/me/email")
    assert answer.status_code == 200, answer.text
    return answer.json()["verified_at"] is not None


async def ask(person: Person) -> httpx.Response:
    return await person.post("/auth/me/email/verification")


async def newest_token(database: Database, sink: Sink) -> str:
    await run_all(database)
    [token] = [found for mail in sink.mails[-1:] for found in TOKEN.findall(part_of(mail, "plain"))]
    return str(token)


async def test_an_address_is_verified_by_its_mail(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    assert not await is_verified(person)

    assert (await ask(person)).status_code == 204
    token = await newest_token(database, sink)
    assert sink.recipients == [f"{person.username}@example.com"]
    assert [(await confirm(client, token)).status_code for _ in range(2)] == [204, 204]

    assert await is_verified(person)
    assert (await ask(person)).status_code == 204
    await run_all(database)
    assert len(sink.mails) == 1, "what is verified needs no mail"


async def test_another_address_is_not_verified_and_gets_a_mail(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    await ask(person)
    old = await newest_token(database, sink)
    await confirm(client, old)

    changed = await person.patch("/auth/me", {"email": "new@example.com", "current_password": PASSWORD})
    verified_before = await is_verified(person)
    await run_all(database)
    refused = await confirm(client, old)
    [mail] = [mail for mail in sink.mails if str(mail["To"]) == "new@example.com"]
    [token] = TOKEN.findall(part_of(mail, "plain"))
    accepted = await confirm(client, token)

    assert (changed.status_code, verified_before) == (200, False)
    assert refusals({"old": refused}) == {"old": BAD}
    assert (accepted.status_code, await is_verified(person)) == (204, True)


async def test_a_token_for_an_address_that_an_administrator_changed_is_refused(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    admin, person = await signed_in_as("users:update"), await signed_in_as()
    await ask(person)
    token = await newest_token(database, sink)

    await admin.patch(f"/users/{person.id}", {"email": "other@example.com"})

    assert refusals({"late": await confirm(client, token)}) == {"late": BAD}
    assert not await is_verified(person)


async def test_old_and_wrong_tokens_are_refused_and_counted(
    client: httpx.AsyncClient, app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    await ask(person)
    token = await newest_token(database, sink)
    async with database.unit_of_work(CONTEXT) as session:
        [row] = (await session.execute(select(EmailVerification))).scalars()
        row.expires_at = now() - timedelta(seconds=1)

    limit = app.state.settings.auth.address_failures
    old = await confirm(client, token)
    answers = [await confirm(client, f"ev_{number}") for number in range(limit)]

    assert refusals({"old": old}) == {"old": BAD}
    assert [answer.status_code for answer in answers] == [401] * (limit - 1) + [429]


async def test_mails_to_one_address_come_a_minute_apart(
    database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()

    answers = [await ask(person) for _ in range(3)]
    await run_all(database)

    assert [answer.status_code for answer in answers] == [204, 429, 429]
    assert answers[1].headers["Retry-After"] == "60"
    assert len(sink.mails) == 1


async def test_without_mail_the_answer_says_so(app: FastAPI, signed_in_as: SignedInAs) -> None:
    app.state.settings = app.state.settings.model_copy(update={"mail": MailSettings()})
    person = await signed_in_as()

    assert refusals({"off": await ask(person)}) == {"off": (409, "mail-is-off")}


async def test_an_erased_user_leaves_no_verification(database: Database, sink: Sink, signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    await ask(person)
    await run_all(database)

    await root.delete(f"/users/{person.id}")
    erased = await erase(root, f"/users/{person.id}")

    assert erased.status_code < 300, erased.text
    count = select(func.count()).select_from(table_of(EmailVerification))
    assert await database.read_session(CONTEXT).value(count) == 0
