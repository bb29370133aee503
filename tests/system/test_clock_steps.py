"""A clock that steps by an hour, either way, makes nothing last too long and locks no user out (ADR 21)."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.clock import now
from app.core.config import RateLimitSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.errors import TooManyRequests
from app.core.http.rate_limit import RateLimiter
from app.core.security.request_signing import NonceStore
from app.modules.sessions import SessionTokens
from app.modules.users import UserService
from tests.modules.api_keys.test_api_keys import make_key
from tests.modules.auth.calls import get_me, refresh, sign_in
from tests.modules.roles.policies import role, role_of
from tests.modules.second_factor.devices import enrolled
from tests.people import Person, SignedInAs

HOUR = timedelta(hours=1)
NONE = timedelta()
STEPS = pytest.mark.parametrize("step", [-HOUR, HOUR], ids=["back", "ahead"])
StepClock = Callable[[timedelta], None]


async def with_fresh_token(person: Person) -> Person:
    """The same session with the next token pair."""
    answer = await refresh(person.client, person.refresh_token)
    assert answer.status_code == 200, answer.text
    pair = answer.json()
    return Person(person.id, person.username, person.client, pair["access_token"], pair["refresh_token"])


async def in_use_after_refresh(person: Person) -> Person:
    """The same session with the next token pair, which was used."""
    successor = await with_fresh_token(person)
    assert (await successor.get("/auth/me")).status_code == 200
    return successor


@STEPS
@pytest.mark.parametrize("is_cached", [True, False])
async def test_an_access_token_does_not_outlive_its_term_and_the_session_goes_on(
    signed_in_as: SignedInAs, step_clock: StepClock, step: timedelta, is_cached: bool
) -> None:
    """Regression: a token that a process had seen before was valid for an hour longer after a step back."""
    person = await signed_in_as()
    if is_cached:
        assert (await person.get("/auth/me")).status_code == 200

    step_clock(step)

    assert (await person.get("/auth/me")).status_code == 401
    assert (await (await with_fresh_token(person)).get("/auth/me")).status_code == 200


@STEPS
async def test_a_user_can_sign_in_after_a_sign_out_whatever_the_clock_does(
    app: FastAPI,
    client: httpx.AsyncClient,
    signed_in_as: SignedInAs,
    database: Database,
    job: RequestContext,
    step_clock: StepClock,
    step: timedelta,
) -> None:
    """Regression: a session counted as begun before a sign-out that a clock ahead had written."""
    person = await signed_in_as()
    async with database.unit_of_work(job) as session:
        one_time = await UserService(session, app.state.password_hasher, 86_400).reset_password(person.id)

    step_clock(step)

    pair = (await sign_in(client, person, one_time.password)).json()
    assert (await get_me(client, pair["access_token"])).status_code == 200
    assert (await refresh(client, pair["refresh_token"])).status_code == 200
    assert (await refresh(client, person.refresh_token)).status_code == 401


@STEPS
async def test_a_sign_out_ends_every_session_whatever_the_clock_said_when_it_began(
    app: FastAPI,
    client: httpx.AsyncClient,
    signed_in_as: SignedInAs,
    database: Database,
    job: RequestContext,
    step_clock: StepClock,
    step: timedelta,
) -> None:
    """Regression: a session that began while the clock was ahead survived the reset of its user's password."""
    person = await signed_in_as()
    step_clock(step)
    async with database.unit_of_work(job) as session:
        pair = await SessionTokens(database, app.state.access_tokens, job).open(session, person.id)
    step_clock(NONE)

    async with database.unit_of_work(job) as session:
        await UserService(session, app.state.password_hasher, 86_400).reset_password(person.id)

    assert (await refresh(client, pair.refresh_token)).status_code == 401
    step_clock(step)
    assert (await get_me(client, pair.access_token)).status_code == 401


@STEPS
async def test_the_grace_of_a_refresh_token_is_not_extended(
    signed_in_as: SignedInAs, step_clock: StepClock, step: timedelta
) -> None:
    person = await signed_in_as()
    await in_use_after_refresh(person)

    step_clock(step)

    assert (await refresh(person.client, person.refresh_token)).status_code == 401


async def test_clocks_that_differ_a_little_do_not_end_a_session(
    signed_in_as: SignedInAs, step_clock: StepClock
) -> None:
    """Regression: of two tabs, the one that reached a process whose clock was behind counted as a thief."""
    person = await signed_in_as()
    successor = await in_use_after_refresh(person)

    step_clock(timedelta(seconds=-5))

    again = await refresh(person.client, person.refresh_token)
    assert (again.status_code, again.json().get("refresh_token")) == (200, successor.refresh_token)


@STEPS
async def test_a_verified_second_factor_does_not_stay_recent(
    signed_in_as: SignedInAs, step_clock: StepClock, step: timedelta
) -> None:
    """Regression: after a step back the second factor counted as verified for an hour longer."""
    person = await signed_in_as()
    await enrolled(person)
    assert (await person.post("/auth/me/second-factor/recovery-codes")).status_code == 200

    step_clock(step)
    later = await with_fresh_token(person)

    refused = await later.post("/auth/me/second-factor/recovery-codes")
    assert (refused.status_code, refused.json()["code"]) == (401, "insufficient-user-authentication")


@STEPS
async def test_a_code_is_good_once_and_the_next_one_works(
    signed_in_as: SignedInAs, step_clock: StepClock, step: timedelta
) -> None:
    person = await signed_in_as()
    device, _ = await enrolled(person)
    code = device()
    assert (await person.post("/auth/step-up", {"code": code})).status_code == 204

    step_clock(step)
    stepped = await with_fresh_token(person)
    assert (await stepped.post("/auth/step-up", {"code": code})).status_code == 403
    step_clock(NONE)
    back = await with_fresh_token(stepped)

    assert (await back.post("/auth/step-up", {"code": code})).status_code == 403


@STEPS
async def test_an_api_key_expires_by_the_clock(
    signed_in_as: SignedInAs, step_clock: StepClock, step: timedelta
) -> None:
    owner = await signed_in_as("tasks:read")
    soon = (now() + HOUR / 2).isoformat()
    key, _ = await make_key(owner, "tasks:read", expires_at=soon)

    for offset in (NONE, step, NONE):
        step_clock(offset)
        status = 401 if offset > NONE else 200
        assert (await key.get("/tasks")).status_code == status, offset


@STEPS
async def test_an_assignment_is_active_by_the_clock_also_after_a_step_back(
    signed_in_as: SignedInAs, step_clock: StepClock, step: timedelta
) -> None:
    """Regression: cached permissions of a later time were used after the clock had stepped back."""
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    reader = await role(root, "For a while", {"module_slug": "tasks"})
    terms = {
        "role_id": reader,
        "valid_from": (now() - HOUR / 2).isoformat(),
        "valid_until": (now() + HOUR / 2).isoformat(),
    }
    assert (await root.put(f"/users/{person.id}/roles", {"assignments": [terms]})).status_code == 200

    for offset, status in ((NONE, 200), (step, 403), (NONE, 200)):
        step_clock(offset)
        person = await with_fresh_token(person)
        assert (await person.get("/tasks")).status_code == status, offset


async def test_cached_permissions_are_not_used_before_the_time_for_which_they_were_made(
    signed_in_as: SignedInAs, step_clock: StepClock
) -> None:
    """Regression: as above, with an API key, which needs no new token after the step."""
    root, owner = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    key, _ = await make_key(owner, "tasks:read")
    mine = str(await role_of(owner, root))
    terms = {"role_id": mine, "valid_from": (now() - HOUR / 2).isoformat()}
    assert (await root.put(f"/users/{owner.id}/roles", {"assignments": [terms]})).status_code == 200
    assert (await key.get("/tasks")).status_code == 200

    step_clock(-HOUR)

    assert (await key.get("/tasks")).status_code == 403


@STEPS
async def test_a_retry_is_replayed(signed_in_as: SignedInAs, step_clock: StepClock, step: timedelta) -> None:
    person = await signed_in_as("tasks:create", "tasks:read")
    headers = {"Idempotency-Key": "k"}
    first = await person.post("/tasks", {"title": "once"}, headers=headers)

    step_clock(step)
    again = await (await with_fresh_token(person)).post("/tasks", {"title": "once"}, headers=headers)

    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])


@STEPS
async def test_a_rate_limit_ends_with_its_window(settings: Settings, step_clock: StepClock, step: timedelta) -> None:
    limits = RateLimitSettings(address="2/minute")
    limiter = RateLimiter(settings.model_copy(update={"rate_limit": limits}))
    for offset in (NONE, step, NONE):
        step_clock(offset)
        waits: list[int] = []
        for _ in range(3):
            try:
                await limiter.count(RequestContext(ip="192.0.2.7"))
            except TooManyRequests as refusal:
                waits.append(int(refusal.extra_headers["Retry-After"]))
        assert waits, offset
        assert max(waits) <= 60, offset


async def test_a_signed_call_cannot_be_repeated_after_a_step_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: an hour later its nonce was forgotten, and the clock made its timestamp current again."""
    clock: dict[str, Any] = {"at": 1_000.0}
    fake = SimpleNamespace(monotonic=lambda: clock["at"])
    monkeypatch.setattr("app.core.security.request_signing.time", fake)
    nonces = NonceStore(settings)
    assert await nonces.claim("billing-1/nonce")

    clock["at"] += HOUR.total_seconds()

    assert not await nonces.claim("billing-1/nonce")
