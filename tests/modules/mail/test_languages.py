"""Mails are in the language of the user whom they are to."""

from fastapi import FastAPI

from app.core.db.engine import Database
from tests.answers import refusals
from tests.modules.jobs.kinds import run_all
from tests.modules.mail.sink import Sink
from tests.people import PASSWORD, SignedInAs

GERMAN = {"language": "de"}


async def sent(database: Database, sink: Sink) -> list[tuple[str, str]]:
    """The language and the subject of each mail."""
    await run_all(database)
    return [(str(mail["Content-Language"]), str(mail["Subject"])) for mail in sink.mails]


async def test_an_invitation_is_in_the_language_of_the_invited_user(
    database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    admin = await signed_in_as("users:read", "users:create", "users:update")
    user = {"username": "wanda", "email": "wanda@example.com", **GERMAN}
    wanda = (await admin.post("/users", user)).json()

    await admin.post(f"/users/{wanda['id']}/invitation")
    await run_all(database)
    await admin.patch(f"/users/{wanda['id']}", {"language": "en"})
    await admin.post(f"/users/{wanda['id']}/invitation")

    assert wanda["language"] == "de"
    assert await sent(database, sink) == [("de", "Ihr Konto"), ("en", "Your account")]


async def test_users_choose_the_language_of_mails_and_notices(
    database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()

    chosen = await person.patch("/auth/me", GERMAN)
    await person.post("/auth/me/email/verification", headers={"Accept-Language": "en"})
    await run_all(database)
    await person.client.post(
        "/auth/password-reset", json={"username": person.username}, headers={"Accept-Language": "en"}
    )
    await run_all(database)
    await person.post("/auth/me/password", {"current_password": PASSWORD, "new_password": "another quiet river"})

    assert (chosen.status_code, chosen.json()["language"]) == (200, "de")
    subjects = ["Adresse bestätigen", "Neues Passwort setzen", "Ihr Passwort wurde geändert"]
    assert await sent(database, sink) == [("de", subject) for subject in subjects]


async def test_without_a_choice_it_is_that_of_the_browser_or_of_the_installation(
    app: FastAPI, database: Database, sink: Sink, signed_in_as: SignedInAs
) -> None:
    mail = app.state.settings.mail.model_copy(update=GERMAN)
    database.settings = app.state.settings = app.state.settings.model_copy(update={"mail": mail})
    admin, person = await signed_in_as("users:update"), await signed_in_as()
    await person.patch("/auth/me", GERMAN)
    forgotten = await person.patch("/auth/me", {"language": None})

    await person.post("/auth/me/email/verification", headers={"Accept-Language": "en"})
    await run_all(database)
    await admin.post(f"/users/{person.id}/invitation")

    assert forgotten.json()["language"] is None
    assert await sent(database, sink) == [("en", "Verify your address"), ("de", "Ihr Konto")]


async def test_a_language_without_mails_is_refused(signed_in_as: SignedInAs) -> None:
    admin, person = await signed_in_as("users:create", "users:update"), await signed_in_as()
    user = {"username": "wanda", "email": "wanda@example.com"}

    answers = {
        "own": await person.patch("/auth/me", {"language": "fr"}),
        "other": await admin.patch(f"/users/{person.id}", {"language": "de-AT"}),
        "new": await admin.post("/users", {**user, "language": ""}),
    }

    assert refusals(answers) == dict.fromkeys(answers, (422, "invalid-fields"))
    assert {answer.json()["errors"][0]["pointer"] for answer in answers.values()} == {"/body/language"}
