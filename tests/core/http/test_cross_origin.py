"""Cross-origin requests: any origin of this machine in development, explicit ones elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.config import CorsSettings, Environment
from app.core.http.cross_origin import READABLE, SENDABLE
from app.main import create_app
from tests.fixtures.databases import settings_for

LOCAL = (
    "http://localhost:3000",
    "http://localhost",
    "https://localhost:5173",
    "http://app.localhost:8080",
    "http://127.0.0.1:8001",
    "http://[::1]:4200",
)
FOREIGN = (
    "https://evil.example",
    "http://localhost.evil.example",
    "http://evil-localhost",
    "http://localhost:3000.evil.example",
    "http://127.0.0.1.evil.example:80",
    "http://127.0.0.2:3000",
    "null",
)
SAFELISTED = {"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified"}
"""Headers that every origin may read (Fetch, 2.2.6)."""

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@asynccontextmanager
async def calling(database_url: str, folder: Path, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings_for(database_url, folder, **options))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://attest.test/api/v1") as client,
    ):
        yield client


async def test_in_development_any_origin_of_this_machine_may_call(database_url: str, tmp_path: Path) -> None:
    async with calling(database_url, tmp_path, environment=Environment.development) as client:
        for origin in LOCAL:
            refused = await client.get("/tasks", headers={"Origin": origin})
            asked = {
                "Origin": origin,
                "Access-Control-Request-Method": "PATCH",
                "Access-Control-Request-Headers": ", ".join(SENDABLE).lower(),
            }
            preflight = await client.options("/tasks", headers=asked)

            assert refused.headers["access-control-allow-origin"] == origin
            assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, origin)
            assert "PATCH" in preflight.headers["access-control-allow-methods"]
            assert "access-control-allow-credentials" not in preflight.headers


async def test_other_origins_may_not(database_url: str, tmp_path: Path) -> None:
    async with calling(database_url, tmp_path, environment=Environment.development) as client:
        for origin in FOREIGN:
            answer = await client.get("/tasks", headers={"Origin": origin})

            assert "access-control-allow-origin" not in answer.headers, origin
            assert "Origin" in answer.headers["vary"]


async def test_elsewhere_origins_are_named(database_url: str, tmp_path: Path) -> None:
    named = CorsSettings(origins=("https://office.example",))
    async with calling(database_url, tmp_path, cors=named) as client:
        local = await client.get("/tasks", headers={"Origin": LOCAL[0]})
        allowed = await client.get("/tasks", headers={"Origin": "https://office.example"})
        none = await client.get("/tasks")

    assert "access-control-allow-origin" not in local.headers
    assert allowed.headers["access-control-allow-origin"] == "https://office.example"
    assert {answer.headers["vary"] for answer in (local, allowed, none)} == {"Origin"}


async def test_without_origins_nothing_varies_by_them(database_url: str, tmp_path: Path) -> None:
    async with calling(database_url, tmp_path) as client:
        answer = await client.get("/tasks", headers={"Origin": LOCAL[0]})

    assert "access-control-allow-origin" not in answer.headers
    assert "vary" not in answer.headers


def test_every_header_of_the_document_can_be_read(database_url: str) -> None:
    document = create_app().openapi()
    declared = set(document["components"]["headers"])
    for item in document["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                declared |= set(response.get("headers", ()))
    readable = {name.lower() for name in READABLE} | SAFELISTED

    assert {name for name in declared if not name.startswith("Access-Control-")} >= {"ETag", "Link"}
    assert {name for name in map(str.lower, declared) if not name.startswith("access-control-")} <= readable
