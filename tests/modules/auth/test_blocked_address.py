"""A blocked address tells no names: only the right password of a user who signed in there before passes."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.auth.repository import CounterRepository, LockedCounters
from app.modules.sessions.models import LoginAttempt
from tests.modules.auth.calls import sign_in
from tests.modules.second_factor.devices import enrolled
from tests.people import PASSWORD, Person, SignedInAs

UNKNOWN = "unknown"


@pytest.fixture
async def elsewhere(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client at another address, from which no user has signed in."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("203.0.113.5", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as client:
        yield client


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock of the database that stands still, so that answers to two calls can be equal."""
    at, lock = now(), CounterRepository.lock

    async def lock_then(counters: CounterRepository, ids: Iterable[str]) -> LockedCounters | None:
        locked = await lock(counters, ids)
        return locked and locked._replace(at=at)

    monkeypatch.setattr(CounterRepository, "lock", lock_then)


async def block_address(app: FastAPI, client: httpx.AsyncClient) -> None:
    """Guess from the address of `client` until it has to wait."""
    for number in range(app.state.settings.auth.address_failures):
        await sign_in(client, f"stranger{number}", "wrong")
    assert (await sign_in(client, "stranger", "wrong")).status_code == 429


async def block_name(app: FastAPI, client: httpx.AsyncClient, name: str) -> None:
    """Guess at `name` until it has to wait."""
    for _ in range(app.state.settings.auth.account_failures):
        await sign_in(client, name, "wrong")
    assert (await sign_in(client, name, "wrong")).status_code == 429


def visible(answer: httpx.Response) -> tuple[Any, ...]:
    """Everything that a client sees of an answer, without the id of its request."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    ids = {"x-request-id", "attest-call-id"}
    headers = {name: value for name, value in answer.headers.items() if name not in ids}
    return answer.status_code, body, headers


async def count_logins(database: Database, job: RequestContext) -> int:
    statement = select(func.count()).select_from(table_of(LoginAttempt))
    return int(await database.read_session(job).value(statement))


async def test_a_blocked_address_answers_alike_for_known_and_unknown_names(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs, still_clock: None
) -> None:
    """Regression: a name that had signed in from the address was answered with 401, any other with 429."""
    person = await signed_in_as()
    assert (await sign_in(client, person)).status_code == 200
    await block_address(app, client)

    for guess in range(8):
        known, unknown = [await sign_in(client, name, "wrong") for name in (person.username, UNKNOWN)]
        assert known.status_code == 429, f"guess {guess}"
        assert visible(known) == visible(unknown), f"guess {guess}"


async def test_a_name_blocked_elsewhere_answers_alike_where_its_owner_signs_in(
    app: FastAPI, client: httpx.AsyncClient, elsewhere: httpx.AsyncClient, signed_in_as: SignedInAs, still_clock: None
) -> None:
    """Regression: 401 there said that the name exists, and that its owner signs in from there."""
    person = await signed_in_as()
    assert (await sign_in(client, person)).status_code == 200
    for name in (person.username, UNKNOWN):
        await block_name(app, elsewhere, name)

    known, unknown = [await sign_in(client, name, "wrong") for name in (person.username, UNKNOWN)]

    assert known.status_code == 429
    assert visible(known) == visible(unknown)


async def test_a_sign_in_of_the_owner_does_not_show_to_those_who_guess(
    app: FastAPI, client: httpx.AsyncClient, elsewhere: httpx.AsyncClient, signed_in_as: SignedInAs, still_clock: None
) -> None:
    """Regression: a right password reset the counter of its name, and whoever had guessed before saw it."""
    person = await signed_in_as()
    guesses = app.state.settings.auth.account_failures - 1
    for name in (person.username, UNKNOWN):
        for _ in range(guesses):
            assert (await sign_in(elsewhere, name, "wrong")).status_code == 401

    assert (await sign_in(client, person)).status_code == 200

    for guess in range(3):
        known, unknown = [await sign_in(elsewhere, name, "wrong") for name in (person.username, UNKNOWN)]
        assert visible(known) == visible(unknown), f"guess {guess}"


async def test_a_blocked_attempt_costs_the_same_work(
    app: FastAPI,
    client: httpx.AsyncClient,
    signed_in_as: SignedInAs,
    database: Database,
    job: RequestContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hash of the password and the entry of the login log, for a known and for an unknown name."""
    person = await signed_in_as()
    assert (await sign_in(client, person)).status_code == 200
    await block_address(app, client)
    hashes: list[object] = []
    run = app.state.password_hasher.run

    async def count_hash(*arguments: Any) -> Any:
        hashes.append(arguments[0])
        return await run(*arguments)

    monkeypatch.setattr(app.state.password_hasher, "run", count_hash)

    async def work_of(name: str, password: str) -> tuple[int, int]:
        before = len(hashes), await count_logins(database, job)
        assert (await sign_in(client, name, password)).status_code == 429
        return len(hashes) - before[0], await count_logins(database, job) - before[1]

    stranger = await signed_in_as()
    assert await work_of(person.username, "wrong") == (1, 1)
    assert await work_of(UNKNOWN, "wrong") == (1, 1)
    assert await work_of(stranger.username, PASSWORD) == (1, 1)


async def test_a_right_password_passes_where_its_owner_signed_in_before(
    app: FastAPI, client: httpx.AsyncClient, elsewhere: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person, other = await signed_in_as(), await signed_in_as()
    assert (await sign_in(client, person)).status_code == 200
    await block_address(app, client)
    await block_name(app, elsewhere, person.username)

    assert (await sign_in(client, person)).status_code == 200
    assert (await sign_in(client, other)).status_code == 429
    assert (await sign_in(elsewhere, person)).status_code == 429


async def test_guesses_from_a_known_address_count_for_the_address(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    """Regression: they had a counter of their own only, so that the address never had to wait."""
    people = [await signed_in_as() for _ in range(app.state.settings.auth.address_failures // 5 + 1)]
    for person in people:
        assert (await sign_in(client, person)).status_code == 200

    guesses = [(await sign_in(client, person, "wrong")).status_code for person in people for _ in range(4)]
    more = [(await sign_in(client, f"stranger{number}", "wrong")).status_code for number in range(3)]

    assert guesses.count(401) + more.count(401) == app.state.settings.auth.address_failures


@pytest.mark.timeout(120)
async def test_parallel_guesses_at_a_blocked_address_are_checked_a_few_times(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    """The owner's way past the block has a limit of its own: of twenty guesses at once five are checked."""
    person = await signed_in_as()
    assert (await sign_in(client, person)).status_code == 200
    await block_address(app, client)
    before = await count_logins(database, job)

    answers = await asyncio.gather(*(sign_in(client, person, f"wrong {number}") for number in range(20)))

    assert {answer.status_code for answer in answers} == {429}
    assert await count_logins(database, job) - before == app.state.settings.auth.account_failures
    assert (await sign_in(client, person)).status_code == 429


async def test_a_second_factor_is_asked_for_at_a_blocked_address(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person: Person = await signed_in_as()
    assert (await sign_in(client, person)).status_code == 200
    await enrolled(person)
    await block_address(app, client)

    assert (await sign_in(client, person)).json()["code"] == "second-factor-needed"
    assert (await sign_in(client, person, "wrong")).json()["code"] == "too-many-attempts"
