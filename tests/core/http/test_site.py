"""Pages are served from our own files, under a strict policy, and log nothing to the console."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.core.config import Environment, Settings
from app.core.http.site import DOCUMENTS
from app.main import create_app
from scripts.servers import Server
from tests.browser import PATIENCE_MILLISECONDS, open_browser, watch

PAGES = {"/": "every request and every change", "/docs": "List your API keys", "/redoc": "Create a task"}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_page_logs_nothing_and_loads_nothing_from_elsewhere(server: Server) -> None:
    async with open_browser() as browser:
        for path, ready in PAGES.items():
            page = await browser.new_page()
            seen = watch(page)
            await page.goto(f"{server.url}{path}")
            await page.get_by_text(ready).first.wait_for(state="attached", timeout=PATIENCE_MILLISECONDS)

            assert seen.complaints == [], path
            assert seen.requested
            assert seen.requested_beyond(server.url) == []


async def test_scripts_come_from_files_only(client: httpx.AsyncClient) -> None:
    for path in PAGES:
        answer = await client.get(f"http://attest.test{path}")

        assert "script-src 'self';" in answer.headers["content-security-policy"]
        assert "<script>" not in answer.text


def test_every_vendored_asset_names_its_licence() -> None:
    static = Path(__file__).parents[3] / "app" / "static"
    listed = (static / "licences" / "README.md").read_text()

    vendored = [path.name for path in static.iterdir() if path.stat().st_size > 20_000]

    assert len(vendored) == 3
    assert all(name in listed for name in vendored)


ASSETS = ["/", "/docs", "/redoc", "/openapi.json", "/static/swagger-ui.css"]


@pytest.mark.parametrize("path", ASSETS)
async def test_an_asset_is_sent_once_and_compressed(client: httpx.AsyncClient, path: str) -> None:
    """Regression: `/openapi.json` was 360 kB for each request, made anew, without a tag."""
    url = f"http://attest.test{path}"

    plain = await client.get(url, headers={"Accept-Encoding": "identity"})
    small = await client.get(url, headers={"Accept-Encoding": "br;q=1.0, gzip;q=0.8, *;q=0.1"})
    known = await client.get(url, headers={"If-None-Match": f'"other", {plain.headers["etag"]}'})
    stale = await client.get(url, headers={"If-None-Match": '"other"'})

    assert (plain.status_code, small.status_code, known.status_code, stale.status_code) == (200, 200, 304, 200)
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == plain.content
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"])
    assert known.content == b""
    assert small.headers["etag"] == plain.headers["etag"].removesuffix('"') + '-gzip"'
    assert known.headers["etag"] == plain.headers["etag"]
    for answer in (plain, small, known):
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["cache-control"] == plain.headers["cache-control"]
        assert answer.headers.get("content-security-policy") == plain.headers["content-security-policy"]


async def test_the_document_is_built_once(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Counter[str]()
    real = app.openapi

    def count() -> dict[str, object]:
        calls["built"] += 1
        return real()

    monkeypatch.setattr(app, "openapi", count)

    answers = await asyncio.gather(*(client.get("http://attest.test/openapi.json") for _ in range(5)))

    assert [answer.json() for answer in answers] == [real()] * 5
    assert calls["built"] == 1


@pytest.mark.parametrize(
    ("environment", "docs_enabled", "status"),
    [
        (Environment.production, None, 404),
        (Environment.production, False, 404),
        (Environment.production, True, 200),
        (Environment.development, None, 200),
        (Environment.test, None, 200),
        (Environment.test, False, 404),
    ],
)
async def test_documents_are_served_where_they_are_wanted(
    settings: Settings,
    environment: Environment,
    docs_enabled: bool | None,
    status: int,  # a parameter
) -> None:
    """Regression: production served its documents to everybody unless told not to."""
    app = create_app(settings.model_copy(update={"environment": environment, "docs_enabled": docs_enabled}))
    app.state.settings = settings.model_copy(update={"docs_enabled": app.state.settings.serves_docs})
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            answers = [await client.get(path) for path in DOCUMENTS]
            unknown, landing = await client.get("/nothing"), await client.get("/")

    assert [answer.status_code for answer in answers] == [status] * len(DOCUMENTS)
    if status == 404:
        keys = ("code", "title", "detail", "status", "type")
        told = [{key: answer.json()[key] for key in keys} for answer in answers]
        assert told == [{key: unknown.json()[key] for key in keys}] * len(DOCUMENTS)
    assert [path in landing.text for path in DOCUMENTS] == [status == 200] * len(DOCUMENTS)


def test_an_empty_setting_is_the_default(tmp_path: Path) -> None:
    for line, wanted in (("DOCS_ENABLED=", None), ("DOCS_ENABLED=true", True), ("DOCS_ENABLED=false", False)):
        (tmp_path / "env").write_text(line)
        assert Settings(_env_file=tmp_path / "env").docs_enabled is wanted
