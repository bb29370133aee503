"""What every response carries: a request id, hardening headers, CORS and caching."""

from pathlib import Path
from uuid import UUID

import httpx
from fastapi import FastAPI

from app.core.config import CorsSettings
from app.main import create_app
from tests.fixtures.databases import settings_for
from tests.people import SignedInAs


async def test_a_request_id_is_accepted_or_made(client: httpx.AsyncClient) -> None:
    given = await client.get("/nothing", headers={"X-Request-ID": "my.id_1-2"})
    bad = ("a b", "x" * 65, "a\tb", "<script>", f"ak_{'x' * 30}")
    odd = [await client.get("/nothing", headers={"X-Request-ID": text}) for text in bad]

    assert given.headers["x-request-id"] == "my.id_1-2"
    assert all(UUID(answer.headers["x-request-id"]).version == 7 for answer in odd)


async def test_every_response_is_hardened(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read")

    answers = [await client.get("/nothing"), await person.get("/tasks"), await client.get("http://attest.test/")]

    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
    assert answers[1].headers["cache-control"] == "no-store"


async def test_tls_is_remembered(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://attest.test") as client:
        assert "max-age=" in (await client.get("/healthz")).headers["strict-transport-security"]


async def test_origins_are_an_explicit_list(database_url: str, tmp_path: Path) -> None:
    app = create_app(settings_for(database_url, tmp_path, cors=CorsSettings(origins=("https://good.example",))))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            good = await client.get("/healthz", headers={"Origin": "https://good.example"})
            bad = await client.get("/healthz", headers={"Origin": "https://evil.example"})
            asked = {"Origin": "https://good.example", "Access-Control-Request-Method": "PATCH"}
            preflight = await client.options("/api/v1/tasks", headers=asked)

    assert good.headers["access-control-allow-origin"] == "https://good.example"
    assert "access-control-allow-origin" not in bad.headers
    assert preflight.status_code == 200
    assert preflight.headers["x-content-type-options"] == "nosniff"


async def test_the_callers_account_is_not_cached_for_others(signed_in_as: SignedInAs) -> None:
    first, second = await signed_in_as(), await signed_in_as()

    answers = [await person.get("/auth/me", headers={"If-None-Match": '"1"'}) for person in (first, second)]

    assert [answer.json()["username"] for answer in answers] == [first.username, second.username]
    assert all("etag" not in answer.headers and answer.headers["vary"] == "Authorization" for answer in answers)
