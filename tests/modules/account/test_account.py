"""Changing one's own account."""

import asyncio
from datetime import timedelta

from sqlalchemy import select
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.auth.models import SignInCounter
from tests.people import PASSWORD, Person, SignedInAs


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


async def change_email(person: Person, email: str) -> tuple[int, str | None]:
    """The status and the error code of a change of the own e-mail."""
    answer = await person.patch("/auth/me", {"email": email, "current_password": PASSWORD})
    return answer.status_code, answer.json().get("code")


async def let_pass(database: Database, person: Person, time: timedelta) -> None:
    """Move the counter of e-mail changes of `person` into the past."""
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        mine = select(SignInCounter).where(col(SignInCounter.id) == f"email:{person.id}")
        row = (await session.execute(mine)).scalar_one()
        row.updated_at -= time
        row.blocked_until = row.blocked_until and row.blocked_until - time


async def test_whether_an_email_exists_can_be_asked_a_few_times_only(
    signed_in_as: SignedInAs, database: Database
) -> None:
    """Regression: any user could ask without end which e-mail addresses have an account."""
    person, other = await signed_in_as(), await signed_in_as()
    taken = f"{other.username}@example.com"

    asked = [
        await change_email(person, email) for email in (taken, "free-1@example.com", taken, taken, "f@example.com")
    ]
    refused = [await change_email(person, email) for email in (taken, "free-2@example.com")]

    assert asked == [
        (409, "already-exists"),
        (200, None),
        (409, "already-exists"),
        (409, "already-exists"),
        (200, None),
    ]
    assert refused == [(429, "too-many-attempts")] * 2
    named = await person.patch("/auth/me", {"first_name": "Nora"})
    assert named.status_code == 200, "names can still be changed"


async def test_the_wait_between_changes_of_the_email_grows_to_hours(
    signed_in_as: SignedInAs, database: Database
) -> None:
    person, other = await signed_in_as(), await signed_in_as()
    taken = f"{other.username}@example.com"
    waits: list[int] = []

    while len(waits) < 10:
        answer = await person.patch("/auth/me", {"email": taken, "current_password": PASSWORD})
        if answer.status_code == 429:
            waits.append(int(answer.headers["retry-after"]))
            await let_pass(database, person, timedelta(seconds=waits[-1]))

    assert waits[0] <= 30
    assert waits[-1] > 3600


async def test_parallel_questions_count_as_well(signed_in_as: SignedInAs) -> None:
    person, other = await signed_in_as(), await signed_in_as()
    taken = f"{other.username}@example.com"

    answers = await asyncio.gather(*(change_email(person, taken) for _ in range(12)))

    assert sum(status == 409 for status, _ in answers) <= 5
    assert {status for status, _ in answers} <= {409, 429, 503}


async def test_an_administrator_unlocks_changes_of_the_email(signed_in_as: SignedInAs) -> None:
    person, other, admin = await signed_in_as(), await signed_in_as(), await signed_in_as("users:update")
    for _ in range(5):
        await change_email(person, f"{other.username}@example.com")

    blocked = await change_email(person, "free@example.com")
    unlocked = await admin.post(f"/users/{person.id}/unlock")

    assert (blocked[0], unlocked.status_code) == (429, 204)
    assert (await change_email(person, "free@example.com"))[0] == 200
