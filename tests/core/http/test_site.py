"""Pages are served from our own files, under a strict policy, and log nothing to the console."""

import os
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from scripts.servers import Server
from tests import browser
from tests.fixtures.databases import settings_for

PAGES = {"/": "every request and every change", "/docs": "List your API keys", "/redoc": "Create a task"}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("path", "ready"), PAGES.items())
async def test_a_page_logs_nothing_and_loads_nothing_from_elsewhere(server: Server, path: str, ready: str) -> None:
    program = browser.executable()
    if program is None:
        assert "REQUIRE_BROWSER" not in os.environ, "this run must have a browser"
        pytest.skip("no Chromium on this machine")

    async with browser.browser(program) as tab:
        visit = await tab.visit(f"{server.url}{path}", ready)

    assert visit.complaints == []
    assert ready in visit.text
    assert [url for url in visit.requested if not url.startswith((server.url, "data:", "blob:"))] == []


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


async def test_documentation_can_be_switched_off(database_url: str, tmp_path: Path) -> None:
    app = create_app(settings_for(database_url, tmp_path, docs_enabled=False))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            statuses = [(await client.get(path)).status_code for path in ("/docs", "/redoc", "/openapi.json", "/")]

    assert statuses == [404, 404, 404, 200]
