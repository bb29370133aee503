"""Signed calls of internal services: which are accepted, and which are rejected."""

import gzip
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.core.clock import now
from app.core.config import InternalSettings, RateLimitSettings, Settings
from app.core.http.rate_limit import RateLimiter
from app.main import create_app
from scripts.servers import PATIENCE_SECONDS
from tests.modules.internal.calls import KEYS, PATH, call, signed
from tests.people import SignedInAs


@pytest.fixture
def settings(settings: Settings) -> Settings:
    keys = InternalSettings(keys={name: SecretStr(key) for name, key in KEYS.items()})
    return settings.model_copy(update={"internal": keys})


@pytest.mark.parametrize("key_id", list(KEYS))
async def test_a_signed_call_is_believed_with_either_key(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, key_id: str
) -> None:
    person, auditor = await signed_in_as("tasks:create"), await signed_in_as("audit:read")
    body = orjson.dumps({"token": person.access_token})

    answer = await call(client, body, {**signed(body, key_id), "X-Request-ID": "signed"})

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["active"], found["user_id"]) == (True, str(person.id))
    assert found["permissions"] == ["tasks:create", "tasks:read"]
    (row,) = (await auditor.get("/audit/access", params={"request_id": "signed"})).json()["items"]
    assert (row["actor_kind"], row["actor_name"], row["auth_method"]) == ("service", key_id, "signature")
    assert person.access_token not in str(row)


async def test_a_bad_token_is_inactive_and_nothing_else(client: httpx.AsyncClient) -> None:
    body = orjson.dumps({"token": "nothing"})

    assert (await call(client, body, signed(body))).json()["active"] is False


OLD, EARLY = str(int(time.time()) - 400), str(int(time.time()) + 90_000)


WRONG: dict[str, Any] = {
    "other method": {"method": "PUT"},
    "other path": {"path": "/api/v1/internal/other"},
    "other query": {"query": "a=1"},
    "too old": {"timestamp": OLD},
    "too early": {"timestamp": EARLY},
    "short nonce": {"nonce": "short"},
    "odd nonce": {"nonce": "a nonce with spaces in it"},
    "odd time": {"timestamp": "1e9"},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=list(WRONG))
async def test_a_signature_over_something_else_is_rejected(client: httpx.AsyncClient, change: dict[str, str]) -> None:
    body = b'{"token": "x"}'

    answer = await call(client, body, signed(body, **change))

    assert (answer.status_code, answer.json()["code"]) == (401, "bad-signature")


async def test_other_bytes_keys_and_missing_headers_are_not_believed(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    body = b'{"token": "x"}'
    good, root = signed(body), await signed_in_as(superuser=True)
    answers = [
        await call(client, b'{"token": "y"}', good),
        await call(client, body, good, "?x=1"),
        await call(client, body, {**good, "X-Key-Id": "billing-2"}),
        await call(client, body, {**good, "X-Key-Id": "nobody"}),
        await call(client, body, {**good, "X-Signature": ""}),
        await call(client, body, {**good, "X-Signature": good["X-Signature"] + "="}),
        *[await call(client, body, {k: v for k, v in good.items() if k != name}) for name in good if name[0] == "X"],
        await root.post(PATH.removeprefix("/api/v1"), {"token": root.access_token}),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "bad-signature")}
    assert (await call(client, body, good)).status_code == 200, "no rejected call used up the nonce"


async def test_the_signature_covers_the_body_before_its_coding(client: httpx.AsyncClient) -> None:
    body = b'{"token": "x"}'
    packed, gzipped = gzip.compress(body), {"Content-Encoding": "gzip"}

    right = await call(client, packed, signed(body) | gzipped)
    wrong = [
        await call(client, packed, signed(packed) | gzipped),
        await call(client, packed, signed(body)),
    ]

    assert right.status_code == 200
    assert {(answer.status_code, answer.json()["code"]) for answer in wrong} == {(401, "bad-signature")}


async def test_a_call_is_good_once(client: httpx.AsyncClient) -> None:
    body = b'{"token": "x"}'
    headers = signed(body)

    statuses = [(await call(client, body, headers)).status_code for _ in range(3)]

    assert statuses == [200, 401, 401]


@pytest.fixture
async def two_processes(
    settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[FastAPI]]:
    """Two applications that share Redis, and wait for it as long as it takes."""
    monkeypatch.setattr("app.core.runtime.redis.REDIS_SECONDS", PATIENCE_SECONDS)
    shared = settings.model_copy(update={"redis_url": SecretStr(redis_url)})
    first, second = create_app(shared), create_app(shared)
    async with first.router.lifespan_context(first), second.router.lifespan_context(second):
        yield [first, second]


async def test_with_redis_a_call_is_good_once_in_all_processes(two_processes: list[FastAPI]) -> None:
    body = b'{"token": "x"}'
    headers = signed(body)
    statuses = []
    for app in two_processes:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as client:
            statuses.append((await call(client, body, headers)).status_code)

    assert statuses == [200, 401]


async def test_without_an_answer_from_redis_calls_are_rejected(settings: Settings) -> None:
    """Fails closed: a replay must not be accepted because Redis is unavailable."""
    app = create_app(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}))
    body = b'{"token": "x"}'
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await call(client, body, signed(body))

    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


async def test_an_introspection_ends_with_the_token_and_is_not_rate_limited(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as("tasks:read")
    app.state.rate_limiter = RateLimiter(
        app.state.settings.model_copy(update={"rate_limit": RateLimitSettings(address="3/hour")})
    )
    body = orjson.dumps({"token": person.access_token})

    answers = [await call(client, body, signed(body)) for _ in range(6)]

    assert {answer.status_code for answer in answers} == {200}
    ends = datetime.fromisoformat(answers[0].json()["expires_at"])
    assert ends <= now() + timedelta(seconds=app.state.settings.auth.access_ttl)
