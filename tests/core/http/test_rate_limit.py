"""Rate limits: counted in the process, in Redis for all processes, and locally again while Redis is unavailable."""

import asyncio
import time
from types import SimpleNamespace
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from app.core.config import RateLimitSettings, Settings
from app.core.context import RequestContext
from app.core.errors import TooManyRequests
from app.core.http.rate_limit import RateLimiter
from app.core.runtime.redis import SharedRedis
from app.main import create_app
from scripts.servers import PATIENCE_SECONDS
from tests.modules.audit.entries import access_entries
from tests.people import SignedInAs

AWAY = "redis://127.0.0.1:1/0"


AT = 1_800_001_000
"""A second of the clock: 1,000 seconds of its hour have passed."""


@pytest.fixture(autouse=True)
def clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows are of the wall clock: without this, one could end in the middle of a test."""
    monkeypatch.setattr("app.core.http.rate_limit.time", SimpleNamespace(time=lambda: AT, monotonic=time.monotonic))


@pytest.fixture
def patient_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for Redis as long as it takes: a late answer would be a Redis that is unavailable."""
    monkeypatch.setattr("app.core.runtime.redis.REDIS_SECONDS", PATIENCE_SECONDS)


def limited(settings: Settings, redis_url: str | None = None, **limits: str) -> Settings:
    url = SecretStr(redis_url) if redis_url else None
    return settings.model_copy(update={"redis_url": url, "rate_limit": RateLimitSettings(**limits)})


async def allowed(limiter: RateLimiter, ip: str, times: int) -> int:
    """How many of `times` parallel requests are allowed."""

    async def one() -> int:
        try:
            await limiter.count(RequestContext(ip=ip))
        except TooManyRequests:
            return 0
        return 1

    return sum(await asyncio.gather(*(one() for _ in range(times))))


async def test_a_caller_over_the_limit_is_told_when_to_retry(app: FastAPI, signed_in_as: SignedInAs) -> None:
    person, other = await signed_in_as("tasks:read"), await signed_in_as("tasks:read")
    app.state.rate_limiter = RateLimiter(limited(app.state.settings, principal="2/hour"))

    for number, status, left in ((1, 200, 1), (2, 200, 0), (3, 429, 0)):
        answer = await person.get("/tasks")
        assert answer.status_code == status, f"request {number}"
        assert answer.headers["ratelimit"].partition(";t=")[0] == f'"principal";r={left}', f"request {number}"

    assert answer.headers["retry-after"] == "2600"
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await other.get("/tasks")).status_code == 200


async def test_anonymous_requests_are_counted_by_address_and_health_checks_are_not(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.state.rate_limiter = RateLimiter(limited(app.state.settings, address="2/hour"))

    strangers = [(await client.get("/tasks")).status_code for _ in range(3)]
    health = [(await client.get("http://attest.test/healthz")).status_code for _ in range(3)]

    assert (strangers, health) == ([401, 401, 429], [200, 200, 200])


CHEAP = ["/nothing", "http://attest.test/", "http://attest.test/openapi.json", "http://attest.test/static/icon.svg"]


@pytest.mark.parametrize("path", CHEAP)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer junk"}], ids=["stranger", "junk"])
async def test_what_needs_no_sign_in_is_counted_too(
    app: FastAPI, client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    """Regression: 404, pages, documents and files were not limited."""
    app.state.rate_limiter = RateLimiter(limited(app.state.settings, address="2/hour"))

    answers = [await client.get(path, headers=headers) for _ in range(3)]

    assert [answer.is_success or answer.status_code == 404 for answer in answers] == [True, True, False]
    assert (answers[2].status_code, answers[2].headers["retry-after"]) == (429, "2600")
    assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers] == [
        '"address";r=1',
        '"address";r=0',
        '"address";r=0',
    ]


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer junk"}, {"X-Signature": "junk"}], ids=["stranger", "junk", "signed"]
)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("DELETE", "/tasks", 405), ("GET", f"/tasks?{'x' * 9000}", 414), ("GET", "/auth/me", 401)],
)
async def test_every_refusal_is_counted_once(  # fixtures and parameters
    app: FastAPI, client: httpx.AsyncClient, headers: dict[str, str], method: str, path: str, status: int
) -> None:
    app.state.rate_limiter = RateLimiter(limited(app.state.settings, address="2/hour"))

    statuses = [(await client.request(method, path, headers=headers)).status_code for _ in range(3)]

    assert statuses == [status, status, 429]


async def test_a_stranger_is_refused_before_routing_and_a_user_at_the_same_address_is_not(
    app: FastAPI, client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as("tasks:read")
    app.state.rate_limiter = RateLimiter(limited(app.state.settings, address="1/hour", principal="3/hour"))

    strangers = [await client.get("/tasks", headers={"X-Request-ID": f"s-{n}"}) for n in range(2)]
    users = [(await person.get("/tasks")).status_code for _ in range(4)]

    assert ([answer.status_code for answer in strangers], users) == ([401, 429], [200, 200, 200, 429])
    entries = {row.request_id: row for row in await access_entries(app)}
    assert (entries["s-0"].route, entries["s-1"].route) == ("/api/v1/tasks", None), "the second was never routed"
    assert (entries["s-1"].status, entries["s-1"].error_code) == (429, "too-many-requests")


async def test_an_orchestrator_is_never_refused(app: FastAPI, client: httpx.AsyncClient) -> None:
    app.state.rate_limiter = RateLimiter(limited(app.state.settings, address="1/hour"))
    assert [(await client.get("/nothing")).status_code for _ in range(2)] == [404, 429]

    probes = [(await client.get(f"http://attest.test/{name}")).status_code for name in ("healthz", "readyz") * 5]

    assert set(probes) == {200}


async def test_addresses_are_counted_in_canonical_spelling(settings: Settings) -> None:
    app = create_app(limited(settings, address="2/hour").model_copy(update={"trusted_proxies": ("192.0.2.7",)}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            spellings = ["198.51.100.9", "198.51.100.9:4711", "::ffff:198.51.100.9", "203.0.113.5"]
            answers = [await client.get("/nothing", headers={"X-Forwarded-For": text}) for text in spellings]

    assert [answer.status_code for answer in answers] == [404, 404, 429, 404]


async def test_rate_limits_can_be_switched_off(settings: Settings) -> None:
    off = RateLimiter(settings.model_copy(update={"rate_limit": RateLimitSettings(enabled=False, address="1/hour")}))

    assert await allowed(off, "192.0.2.1", 50) == 50


@pytest.mark.usefixtures("patient_redis")
async def test_processes_with_redis_count_together(settings: Settings, redis_url: str) -> None:
    redis = [SharedRedis(redis_url) for _ in range(2)]
    first, second = (RateLimiter(limited(settings, address="10/hour"), client) for client in redis)
    ip = f"one-{uuid4().hex}"

    counts = await asyncio.gather(allowed(first, ip, 20), allowed(second, ip, 20))

    assert sum(counts) == 10
    for client in redis:
        await client.close()


@pytest.mark.usefixtures("patient_redis")
async def test_a_flood_does_not_reach_redis(settings: Settings, redis_url: str) -> None:
    redis = SharedRedis(redis_url)
    limiter = RateLimiter(limited(settings, address="10/hour"), redis)
    ip = f"one-{uuid4().hex}"

    allowed_here = await allowed(limiter, ip, 100)
    window, _ = divmod(AT, 3600)
    counted_there = await redis.increment(f"address/{ip}/{window}", 3600)

    assert (allowed_here, counted_there) == (10, 11)
    await redis.close()


async def test_without_redis_each_process_counts_for_itself(settings: Settings) -> None:
    redis = SharedRedis(AWAY)
    limiter = RateLimiter(limited(settings, address="10/hour"), redis)

    assert await allowed(limiter, "192.0.2.1", 20) == 10
    await redis.close()


async def test_a_request_is_answered_while_redis_is_away(settings: Settings) -> None:
    app = create_app(limited(settings, AWAY))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as client:
            answer = await client.get("/tasks")

    assert (answer.status_code, "ratelimit" in answer.headers) == (401, True)


@pytest.mark.parametrize("text", ["", "many", "10/fortnight"])
def test_a_rate_that_cannot_be_read_is_refused_at_once(text: str) -> None:
    with pytest.raises(ValidationError):
        RateLimitSettings(principal=text)


async def test_refused_requests_are_counted_too(app: FastAPI, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read")
    strict = RateLimitSettings(principal="4/hour", address="4/hour")
    app.state.rate_limiter = RateLimiter(app.state.settings.model_copy(update={"rate_limit": strict}))

    forbidden = [(await person.get("/users")).status_code for _ in range(2)]
    unknown = [(await person.get("/tasks", params={"nope": 1})).status_code for _ in range(2)]
    then = await person.get("/tasks")

    assert (forbidden, unknown, then.status_code) == ([403, 403], [422, 422], 429)
    assert then.json()["code"] == "too-many-requests"
    assert then.headers["retry-after"] == "2600"
    assert then.headers["ratelimit-policy"] == '"principal";q=4;w=3600'
