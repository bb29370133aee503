"""The pages of the console: one document under a strict policy, and assets that are no requests of the API."""

import gzip
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.core.config import Settings
from app.core.http.console_files import ConsoleFiles
from tests.fixtures.application import client_of, started
from tests.modules.audit.entries import access_entries

SCRIPT, STYLE = "index-Bd81kq2x.js", "index-C0ffee00.css"
BODY = b"console.log('a console of tests')\n" * 20
PAGE = f'<!doctype html><script type="module" src="/console/assets/{SCRIPT}"></script>\n<p>a page of tests</p>\n'
HOST = "http://attest.test"
PACKED = gzip.compress(BODY, 9, mtime=7)
"""Not what the server itself would make of the body."""

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
def built(tmp_path: Path) -> ConsoleFiles:
    """A small console as a build leaves it, beside a file that is not a part of it."""
    assets = tmp_path / "console" / "assets"
    assets.mkdir(parents=True)
    (tmp_path / "console" / "index.html").write_text(PAGE)
    (tmp_path / "console" / "secret.js").write_text("no asset")
    (assets / SCRIPT).write_bytes(BODY)
    (assets / f"{SCRIPT}.gz").write_bytes(PACKED)
    (assets / STYLE).write_text("p { color: red }")
    return ConsoleFiles(tmp_path / "console")


@pytest.fixture
def console(app: FastAPI, built: ConsoleFiles) -> FastAPI:
    """The application with that console."""
    app.state.console = built
    return app


ADDRESSES = ["/console", "/console/", "/console/tasks", "/console/audit/access/x/y/z", "/console/tasks/%2e%2e/%C3%BC"]


@pytest.mark.usefixtures("console")
@pytest.mark.parametrize("path", ADDRESSES)
async def test_every_address_is_the_page(client: httpx.AsyncClient, path: str) -> None:
    url = f"{HOST}{path}?q=anything&q=twice&cursor=%00"

    answer, head = await client.get(url), await client.head(url)
    known = await client.get(url, headers={"If-None-Match": answer.headers["etag"]})

    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.usefixtures("console")
async def test_the_policy_of_the_page_is_strict(client: httpx.AsyncClient) -> None:
    policy = (await client.get(f"{HOST}/console")).headers["content-security-policy"]

    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self'"
    assert directives["require-trusted-types-for"] == "'script'"
    assert directives["trusted-types"] == "'none'"
    assert {directives[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
    assert "unsafe" not in policy
    assert directives["style-src"].count("'sha256-") == 1


@pytest.mark.usefixtures("console")
async def test_an_asset_is_immutable_and_packed_ahead(client: httpx.AsyncClient) -> None:
    url = f"{HOST}/console/assets/{SCRIPT}"

    async with client.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as packed:
        sent = b"".join([part async for part in packed.aiter_raw()])
    plain = await client.get(url, headers={"Accept-Encoding": "identity"})
    head = await client.head(url, headers={"Accept-Encoding": "identity"})
    style = await client.get(f"{HOST}/console/assets/{STYLE}?v=1")

    assert (packed.headers["content-encoding"], sent) == ("gzip", PACKED)
    assert ("content-encoding" in plain.headers, plain.content) == (False, BODY)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(BODY)))
    assert style.text == "p { color: red }"
    assert [answer.headers["content-type"] for answer in (plain, style)] == ["text/javascript", "text/css"]
    for answer in (packed, plain, head, style):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["x-content-type-options"] == "nosniff"
    known = await client.get(url, headers={"If-None-Match": plain.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


NO_ASSETS = [
    "unknown.js",
    f"{SCRIPT}.gz",
    "",
    f"/{SCRIPT}",
    f"x/{SCRIPT}",
    "..%2fsecret.js",
    "%2e%2e/secret.js",
    "%2e%2e/index.html",
    "..%2f..%2f..%2fetc%2fpasswd",
    f"{SCRIPT}%00",
]


@pytest.mark.usefixtures("console")
async def test_no_other_file_is_served(client: httpx.AsyncClient) -> None:
    for name in NO_ASSETS:
        answer = await client.get(httpx.URL(f"{HOST}/", raw_path=f"/console/assets/{name}".encode()))

        assert answer.status_code == 404, name
        assert answer.json()["code"] == "not-found"
        assert "immutable" not in answer.headers.get("cache-control", "")


async def test_pages_and_refusals_are_recorded_and_assets_are_not(console: FastAPI, client: httpx.AsyncClient) -> None:
    await client.get(f"{HOST}/console/tasks?q=a-person")
    served = await client.get(f"{HOST}/console/assets/{SCRIPT}")
    unknown = await client.get(f"{HOST}/console/assets/unknown.js")
    wrong = await client.post(f"{HOST}/console/assets/{SCRIPT}")

    entries = await access_entries(console)
    assert [(row.method, row.path, row.route, row.query, row.status) for row in entries] == [
        ("GET", "/console/tasks", "/console/{path}", None, 200),
        ("GET", "/console/assets/unknown.js", "/console/{path}", None, 404),
        ("POST", f"/console/assets/{SCRIPT}", "/console/{path}", None, 405),
    ]
    assert (unknown.json()["code"], wrong.headers["allow"]) == ("not-found", "GET, HEAD")
    assert "ratelimit" not in served.headers, "no request of the API"
    assert served.headers["x-request-id"]


async def test_a_root_path_is_respected(settings: Settings, built: ConsoleFiles) -> None:
    async with started(settings.model_copy(update={"root_path": "/attest"})) as app, client_of(app) as client:
        app.state.console = built
        for prefix in ("", "/attest"):
            page = await client.get(f"{HOST}{prefix}/console/tasks")
            asset = await client.get(f"{HOST}{prefix}/console/assets/{SCRIPT}")

            assert f'src="/attest/console/assets/{SCRIPT}"' in page.text
            assert asset.content == BODY
            assert (await client.get(f"{HOST}{prefix}/console/assets/unknown.js")).status_code == 404


async def test_without_a_build_the_page_says_how_to_get_one(
    app: FastAPI, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    app.state.console = ConsoleFiles(tmp_path / "nothing")

    for path in ("/console", "/console/tasks"):
        answer = await client.get(f"{HOST}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "console-not-built")
        assert "make console" in answer.json()["detail"]


async def test_the_landing_page_leads_to_the_console(client: httpx.AsyncClient) -> None:
    assert 'href="/console"' in (await client.get(f"{HOST}/")).text
