"""Throttling of sign-in attempts."""

import asyncio
from collections import Counter
from contextvars import Context
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.auth.repository import CounterRepository, LockedCounters
from tests.answers import statuses
from tests.modules.auth.calls import sign_in
from tests.people import SignedInAs


@pytest.mark.timeout(120)
async def test_parallel_guesses_count_exactly(app: FastAPI, signed_in_as: SignedInAs, database: Database) -> None:
    """Forty at once, from as many addresses, through two applications on one database: five are checked."""
    from app.main import create_app  # noqa: PLC0415  # the second process

    person = await signed_in_as()
    other = create_app(database.settings)
    async with other.router.lifespan_context(other):

        async def guess(number: int) -> int:
            target = (app, other)[number % 2]
            transport = httpx.ASGITransport(target, raise_app_exceptions=False, client=(f"198.51.100.{number}", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as stranger:
                while (status := (await sign_in(stranger, person, f"wrong {number}")).status_code) == 503:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)  # too busy to check: nothing was counted
                return status

        answered = await asyncio.gather(*(guess(number) for number in range(40)))

    assert Counter(answered) == {401: 5, 429: 35}


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
    """The address from which the owner signed in before has a counter of its own."""
    person = await signed_in_as()
    assert (await sign_in(client, person)).status_code == 200
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("203.0.113.5", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as stranger:
        guesses = {number: await sign_in(stranger, person, "wrong") for number in range(1, 8)}

    for number, answer in guesses.items():
        assert answer.status_code == (401 if number <= 5 else 429), f"guess {number}"
    assert (await sign_in(client, person)).status_code == 200


async def test_unknown_names_wait_as_known_ones_do(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    known = [await sign_in(client, person, "wrong") for _ in range(6)]
    unknown = [await sign_in(client, "unknown", "wrong") for _ in range(6)]

    def seen(answers: list[httpx.Response]) -> list[Any]:
        return [(answer.status_code, answer.json()["code"], answer.json()["title"]) for answer in answers]

    assert seen(known) == seen(unknown)


async def test_one_address_waits_after_many_accounts(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    allowed = app.state.settings.auth.address_failures

    for number in range(allowed):
        assert (await sign_in(client, f"unknown{number}", "wrong")).status_code == 401, f"attempt {number}"

    assert (await sign_in(client, "unknown", "wrong")).status_code == 429
    assert (await sign_in(client, await signed_in_as())).status_code == 429


async def test_a_right_password_adds_no_failure_to_its_address(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    first, second = await signed_in_as(), await signed_in_as()
    allowed = app.state.settings.auth.address_failures
    for number in range(allowed - 1):
        await sign_in(client, f"unknown{number}", "wrong")

    for person in (first, second):
        assert (await sign_in(client, person)).status_code == 200, person.username


async def test_failures_do_not_reveal_that_two_names_are_one_account(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    """Regression: user name and e-mail shared a counter, so that wrong guesses showed that they are of one account."""
    person = await signed_in_as()

    for name in (person.username, "unknown"):
        guesses = {
            f"{typed}, guess {number}": await sign_in(client, typed, "wrong")
            for typed, numbers in ((name, (1, 2, 3)), (f"{name}@example.com", (4, 5, 6)), (name, (7,)))
            for number in numbers
        }
        assert statuses(guesses) == dict.fromkeys(guesses, 401)


async def test_parallel_sign_ins_of_one_user_all_get_in(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    """As many sign-ins as may fail can also run at once."""
    person = await signed_in_as()

    answers = await asyncio.gather(*(sign_in(client, person) for _ in range(app.state.settings.auth.account_failures)))

    assert {answer.status_code for answer in answers} == {200}


async def test_unlocking_needs_as_many_permissions_and_is_audited(signed_in_as: SignedInAs) -> None:
    admin, root = await signed_in_as("users:update", "audit:read"), await signed_in_as(superuser=True)
    person = await signed_in_as()

    assert (await admin.post(f"/users/{root.id}/unlock")).json()["code"] == "target-has-more-permissions"
    assert (await admin.post(f"/users/{person.id}/unlock", headers={"X-Request-ID": "unlock"})).status_code == 204
    (row,) = (await admin.get("/audit/changes", params={"request_id": "unlock"})).json()["items"]
    assert "unlocked_at" in row["changes"]


async def test_a_wait_is_measured_from_when_the_counters_are_locked(database: Database, job: RequestContext) -> None:
    """An attempt that waited for another one does not count as if it were made before it."""

    async def lock() -> LockedCounters | None:
        async with database.unit_of_work(job) as session:
            return await CounterRepository(session).lock(["address:192.0.2.1"])

    async with database.unit_of_work(job) as session:
        await CounterRepository(session).add(["address:192.0.2.1"])

    async with database.unit_of_work(job) as session:
        first = await CounterRepository(session).lock(["address:192.0.2.1"])
        waiting = asyncio.create_task(lock(), context=Context())
        await asyncio.sleep(0.2)
    second = await waiting

    assert first is not None
    assert second is not None
    assert second.at - first.at >= timedelta(seconds=0.2)
