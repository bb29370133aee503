"""Invitations are mailed, in addition to the response with their token."""

import re

import httpx
from fastapi import FastAPI

from app.core.config import MailSettings
from app.core.db.engine import Database
from tests.modules.auth.calls import sign_in
from tests.modules.jobs.kinds import run_all
from tests.modules.mail.sink import Sink, part_of
from tests.people import SignedInAs

NEW = "another quiet river of words"


async def test_an_invited_user_gets_the_token_by_mail(
    client: httpx.AsyncClient, app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    admin, person = await signed_in_as("users:update"), await signed_in_as()

    made = await admin.post(f"/users/{person.id}/invitation")
    await run_all(database)

    assert made.json()["is_mailed"] is True
    [mail] = sink.mails
    assert sink.recipients == [f"{person.username}@example.com"]
    assert made.json()["token"] in part_of(mail, "plain")
    data = {"token": made.json()["token"], "new_password": NEW}
    assert (await client.post("/auth/invitation", json=data)).status_code == 204
    assert (await sign_in(client, person, NEW)).status_code == 200


async def test_a_link_leads_to_the_page_of_invitations(
    app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    auth = app.state.settings.auth.model_copy(update={"invitation_page": "https://office.example/join"})
    app.state.settings = app.state.settings.model_copy(update={"auth": auth})
    admin, person = await signed_in_as("users:update"), await signed_in_as()

    made = (await admin.post(f"/users/{person.id}/invitation")).json()
    await run_all(database)

    assert re.findall(r'href="([^"]+)"', part_of(sink.mails[0], "html")) == [made["link"]]
    assert made["link"] == f"https://office.example/join#token={made['token']}"


async def test_without_a_page_of_its_own_a_link_leads_to_the_console(
    app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    admin, person = await signed_in_as("users:update"), await signed_in_as()

    made = (await admin.post(f"/users/{person.id}/invitation")).json()
    mail = app.state.settings.mail.model_copy(update={"public_url": None})
    app.state.settings = app.state.settings.model_copy(update={"mail": mail})
    unknown = (await admin.post(f"/users/{person.id}/invitation")).json()
    await run_all(database)

    assert made["link"] == f"https://attest.example/console/invitation#token={made['token']}"
    assert unknown["link"] is None
    assert [f'href="{made["link"]}' in part_of(mail, "html") for mail in sink.mails] == [True, False]
    assert unknown["token"] in part_of(sink.mails[1], "plain")


async def test_a_refused_invitation_is_not_mailed(database: Database, sink: Sink, signed_in_as: SignedInAs) -> None:
    admin, root = await signed_in_as("users:update"), await signed_in_as(superuser=True)

    refused = await admin.post(f"/users/{root.id}/invitation")
    await run_all(database)

    assert (refused.status_code, sink.mails) == (403, [])


async def test_without_mail_the_response_has_the_token_as_before(
    app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"mail": MailSettings()})
    admin, person = await signed_in_as("users:update"), await signed_in_as()

    made = (await admin.post(f"/users/{person.id}/invitation")).json()
    await run_all(database)

    assert (made["is_mailed"], made["token"][:3], sink.mails) == (False, "iv_", [])
