"""What every response carries, and what a request may claim of itself."""

from pathlib import Path
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from starlette.datastructures import Headers

from app.core.config import CorsSettings
from app.core.http.client_address import client_address
from app.main import create_app
from tests.conftest import SignedInAs, test_settings


async def test_a_request_id_is_accepted_or_made(client: httpx.AsyncClient) -> None:
    given = await client.get("/nothing", headers={"X-Request-ID": "my.id_1-2"})
    odd = [await client.get("/nothing", headers={"X-Request-ID": bad}) for bad in ("a b", "x" * 65, "a\tb", "<script>")]

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


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("203.0.113.9", "198.51.100.1", (), "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.1",), "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", ("10.0.0.1",), "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", ("10.0.0.1", "10.0.0.2"), "198.51.100.1"),
        ("10.0.0.1", "", ("10.0.0.1",), "10.0.0.1"),
    ],
)
def test_only_our_own_proxies_are_believed(peer: str, forwarded: str, trusted: tuple[str, ...], address: str) -> None:
    headers = Headers({"x-forwarded-for": forwarded} if forwarded else {})

    assert client_address({"type": "http", "client": (peer, 1)}, headers, trusted) == address


def test_a_proxy_may_add_a_line_of_its_own() -> None:
    """A client's own header line comes first; what our proxy added comes last."""
    headers = Headers(raw=[(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.9")])

    assert client_address({"type": "http", "client": ("10.0.0.1", 1)}, headers, ("10.0.0.1",)) == "203.0.113.9"


async def test_origins_are_an_explicit_list(database_url: str, tmp_path: Path) -> None:
    app = create_app(test_settings(database_url, tmp_path, cors=CorsSettings(origins=("https://good.example",))))
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


async def test_documentation_can_be_switched_off(database_url: str, tmp_path: Path) -> None:
    app = create_app(test_settings(database_url, tmp_path, docs_enabled=False))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            statuses = [(await client.get(path)).status_code for path in ("/docs", "/redoc", "/openapi.json", "/")]

    assert statuses == [404, 404, 404, 200]
