"""People set another password by mail, and thieves neither do nor learn who has an account."""

import asyncio
import re
from collections import Counter
from contextvars import ContextVar
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.core.clock import now
from app.core.config import MailSettings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.unit_of_work.transaction import Transaction
from app.modules.invitations.models import PasswordReset
from app.modules.jobs.models import Job
from tests.answers import refusals
from tests.modules.audit.persons import erase
from tests.modules.auth.calls import sign_in
from tests.modules.jobs.kinds import run_all
from tests.modules.mail.sink import Sink, part_of
from tests.people import SignedInAs

NEW = "another quiet river of words"
BAD = (401, "bad-password-reset")
TOKEN = re.compile(r"pr_[\w-]+")
CONTEXT = RequestContext.for_job("test")
jobs = table_of(Job)


async def ask(client: httpx.AsyncClient, username: str, **headers: str) -> httpx.Response:
    return await client.post("/auth/password-reset", json={"username": username}, headers=headers)


async def confirm(client: httpx.AsyncClient, token: str, password: str = NEW) -> httpx.Response:
    return await client.post("/auth/password-reset/confirm", json={"token": token, "new_password": password})


async def token_for(client: httpx.AsyncClient, database: Database, sink: Sink, username: str) -> str:
    """The token that is mailed to a user who asks."""
    assert (await ask(client, username)).status_code == 204
    await run_all(database)
    [token] = TOKEN.findall(part_of(sink.mails[-1], "plain"))
    return str(token)


async def test_a_user_sets_another_password_by_mail(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()

    token = await token_for(client, database, sink, f"{person.username}@EXAMPLE.com")
    accepted = await confirm(client, token)

    assert sink.recipients == [f"{person.username}@example.com"]
    assert (accepted.status_code, accepted.content) == (204, b"")
    assert (await sign_in(client, person, NEW)).status_code == 200
    assert (await sign_in(client, person)).status_code == 401
    assert (await person.get("/auth/me")).status_code == 401, "the sessions from before are over"
    assert refusals({"again": await confirm(client, token, "yet another river")}) == {"again": BAD}


async def test_the_audit_log_has_who_set_the_password_and_how(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    auditor, person = await signed_in_as("audit:read", "users:read"), await signed_in_as()

    await confirm(client, await token_for(client, database, sink, person.username))

    changes = (await auditor.get(f"/audit/changes?entity=user&entity_id={person.id}")).json()["items"]
    assert (changes[0]["actor_id"], changes[0]["action"]) == (str(person.id), "update")
    assert "password_hash" in str(changes[0]["changes"])
    made = (await auditor.get("/audit/changes?entity=password_reset")).json()["items"]
    assert [change["action"] for change in made] == ["update", "create"]
    assert TOKEN.search(str(made)) is None


async def test_asking_tells_nobody_who_has_an_account(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    """The same answer, the same work in the request, and the same rows; what differs comes later, in a job."""
    admin = await signed_in_as("users:update", "users:delete")
    active, inactive, deleted = [await signed_in_as() for _ in range(3)]
    await admin.patch(f"/users/{inactive.id}", {"is_active": False})
    await admin.delete(f"/users/{deleted.id}")
    names = [active.username, inactive.username, deleted.username, "unknown", "unknown@example.com"]

    answers = [await ask(client, name) for name in names]
    asked = select(jobs.c.state, jobs.c.result).where(jobs.c.kind == "passwords.begin-reset")
    await run_all(database)
    ended = await database.read_session(CONTEXT).all(asked)

    seen = {(answer.status_code, answer.content, tuple(sorted(answer.headers))) for answer in answers}
    assert len(seen) == 1
    assert [(job.state, job.result) for job in ended] == [("succeeded", None)] * len(names)
    assert sink.recipients == [f"{active.username}@example.com"]


async def test_jobs_do_not_tell_their_readers_who_has_an_account(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person, thief = await signed_in_as(), await signed_in_as("jobs:read", "jobs:update")
    sink.refusals.append("550 no such person")
    await ask(client, "unknown")
    await run_all(database)
    unknown = [(await thief.get(path)).json() for path in ("/jobs", "/jobs/summary")]

    await ask(client, person.username)
    await run_all(database)
    known = [(await thief.get(path)).json() for path in ("/jobs", "/jobs/summary")]
    kept = await database.read_session(CONTEXT).all(select(jobs.c.id, jobs.c.state).order_by(jobs.c.id))
    mail = f"/jobs/{kept[-1].id}"
    hidden = {"read": await thief.get(mail), "follow": await thief.get(f"{mail}/events")}
    hidden |= {action: await thief.post(f"{mail}/{action}") for action in ("cancel", "retry")}

    assert [job.state for job in kept] == ["succeeded", "succeeded", "failed"], "a mail was to be sent"
    assert without_instants(known) == without_instants(unknown)
    assert {name: answer.status_code for name, answer in hidden.items()} == dict.fromkeys(hidden, 404)


def without_instants(pages: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: value for name, value in page.items() if name not in ("at", "since")} for page in pages]


async def test_asking_takes_the_same_statements_for_every_name(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, sent = await signed_in_as(), Counter[str]()
    before, asked = Transaction.run, ContextVar[str]("asked")  # which tasks of the application do not have

    async def count(self: Transaction, *arguments: object, **options: object) -> object:
        sent[asked.get("")] += 1
        return await before(self, *arguments, **options)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(Transaction, "run", count)
    for name in ("first", "second"):  # then the caller is known
        await ask(client, name)
    for name in (person.username, "unknown"):
        asked.set(name)
        assert (await ask(client, name)).status_code == 204

    assert sent[person.username] == sent["unknown"] > 0


async def expire(database: Database) -> None:
    async with database.unit_of_work(CONTEXT) as session:
        [row] = (await session.execute(select(PasswordReset))).scalars()
        row.expires_at = now() - timedelta(seconds=1)


async def test_a_token_that_is_over_replaced_or_wrong_is_refused_alike(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    first = await token_for(client, database, sink, person.username)
    second = await token_for(client, database, sink, person.username)

    replaced = await confirm(client, first)
    await expire(database)
    answers = {
        "replaced": replaced,
        "over": await confirm(client, second),
        "wrong": await confirm(client, "pr_wrong"),
        "of another kind": await client.post("/auth/invitation", json={"token": second, "new_password": NEW}),
    }

    assert refusals(answers) == dict.fromkeys(answers, BAD) | {"of another kind": (401, "bad-invitation")}
    assert len({answer.json()["detail"] for name, answer in answers.items() if name != "of another kind"}) == 1
    assert (await sign_in(client, person)).status_code == 200, "the password is as it was"


async def test_another_password_or_a_deactivation_ends_a_token(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    admin, one, other = await signed_in_as("users:update"), await signed_in_as(), await signed_in_as()
    tokens = [await token_for(client, database, sink, person.username) for person in (one, other)]

    await admin.post(f"/users/{one.id}/password")
    await admin.patch(f"/users/{other.id}", {"is_active": False})

    assert refusals({token: await confirm(client, token) for token in tokens}) == dict.fromkeys(tokens, BAD)


async def test_of_many_uses_at_once_one_sets_its_password(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    token = await token_for(client, database, sink, person.username)

    answers = await asyncio.gather(*(confirm(client, token, f"{NEW} {number}") for number in range(4)))

    assert Counter(answer.status_code for answer in answers) == {204: 1, 401: 3}


async def test_a_thief_who_guesses_tokens_has_to_wait(client: httpx.AsyncClient, app: FastAPI) -> None:
    limit = app.state.settings.auth.address_failures

    answers = [await confirm(client, f"pr_{number}") for number in range(limit + 1)]

    assert [answer.status_code for answer in answers] == [401] * limit + [429]
    assert answers[-1].json()["code"] == "too-many-attempts"


async def test_a_flood_of_requests_for_one_name_is_a_few_mails(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()

    answers = [await ask(client, person.username) for _ in range(12)]
    await run_all(database)

    assert {answer.status_code for answer in answers} == {204}, "a refusal would tell of others who asked"
    assert 1 <= len(sink.mails) <= 4
    assert len(set(sink.recipients)) == 1
    token = TOKEN.findall(part_of(sink.mails[-1], "plain"))[0]
    assert (await confirm(client, token)).status_code == 204, "the owner can go on"


async def test_a_flood_from_one_address_is_refused(client: httpx.AsyncClient, app: FastAPI) -> None:
    limit = app.state.settings.auth.address_failures

    answers = [await ask(client, f"name{number}") for number in range(limit + 1)]

    assert [answer.status_code for answer in answers] == [204] * limit + [429]


async def test_a_weak_password_is_refused_and_the_token_stays(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    token = await token_for(client, database, sink, person.username)

    weak = await confirm(client, token, "short")

    assert weak.status_code == 422
    assert (await confirm(client, token)).status_code == 204


async def test_a_service_account_gets_no_mail(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    admin = await signed_in_as("users:create")
    robot = {"username": "robot", "email": "robot@example.com", "is_service": True}
    assert (await admin.post("/users", robot)).status_code == 201

    assert (await ask(client, "robot")).status_code == 204
    await run_all(database)

    assert sink.mails == []


async def test_the_mail_is_in_the_language_of_who_asks(
    client: httpx.AsyncClient, app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    page = "https://office.example/reset"
    database.settings = app.state.settings = app.state.settings.model_copy(
        update={"mail": app.state.settings.mail.model_copy(update={"reset_page": page})}
    )
    person = await signed_in_as()

    await ask(client, person.username, **{"Accept-Language": "fr, de-AT;q=0.8, en;q=0.3"})
    await run_all(database)

    assert str(sink.mails[0]["Subject"]) == "Neues Passwort setzen"
    assert re.search(rf'href="{page}#token=pr_[\w-]+"', part_of(sink.mails[0], "html"))


async def test_what_is_kept_of_a_request_is_encrypted(client: httpx.AsyncClient, database: Database) -> None:
    await ask(client, "very-private-name")

    content = await database.read_session(CONTEXT).value(select(jobs.c.content))
    assert b"very-private-name" not in content


async def test_without_mail_the_answer_says_so(client: httpx.AsyncClient, app: FastAPI, database: Database) -> None:
    database.settings = app.state.settings.model_copy(update={"mail": MailSettings()})

    assert refusals({"off": await ask(client, "ann")}) == {"off": (409, "mail-is-off")}


async def test_an_erased_user_leaves_no_reset(
    client: httpx.AsyncClient, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    await token_for(client, database, sink, person.username)

    await root.delete(f"/users/{person.id}")
    erased = await erase(root, f"/users/{person.id}")

    assert erased.status_code < 300, erased.text
    count = select(func.count()).select_from(table_of(PasswordReset))
    assert await database.read_session(CONTEXT).value(count) == 0
