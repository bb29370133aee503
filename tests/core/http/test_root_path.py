"""Behind a prefix: links and documents name it, whether the proxy strips it from requests or leaves it."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from app.core.config import Settings
from app.core.http.root_path import AmbiguousRootPath
from app.main import create_app
from scripts.servers import UNLIMITED, Server, signed_in
from tests.fixtures.servers import environment_of, superuser_in
from tests.modules.audit.entries import access_entries
from tests.people import SignedInAs

PREFIX = "/attest"
Proxy = Callable[[str], str]
"""What a proxy makes of the path that a client calls."""
PROXIES: dict[str, Proxy] = {"strips": lambda path: path.removeprefix(PREFIX), "leaves": lambda path: path}


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings.model_copy(update={"root_path": PREFIX}))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(params=list(PROXIES))
def proxy(request: pytest.FixtureRequest) -> Proxy:
    return PROXIES[request.param]


async def test_links_of_the_api_name_the_root_path(app: FastAPI, signed_in_as: SignedInAs, proxy: Proxy) -> None:
    """Regression: behind a prefix that the proxy strips, `Location` and `Link` led outside of it."""
    person = await signed_in_as("tasks:create")
    base = f"http://attest.test{proxy(f'{PREFIX}/api/v1')}"

    for title in ("one", "two"):
        created = await person.post(f"{base}/tasks", {"title": title})
    page = await person.get(f"{base}/tasks?limit=1")
    unknown = await person.get(f"{base}/nothing")
    refused = await person.put(f"{base}/tasks", {})

    location = created.headers["location"]
    assert location == f"{PREFIX}/api/v1/tasks/{created.json()['id']}"
    assert (await person.get(f"http://attest.test{proxy(location)}")).json() == created.json()
    link = page.headers["link"].removeprefix("<").partition(">")[0]
    assert link.startswith(f"{PREFIX}/api/v1/tasks?limit=1&cursor=")
    assert (await person.get(f"http://attest.test{proxy(link)}")).json()["items"][0]["title"] == "one"
    assert (unknown.status_code, unknown.json()["instance"]) == (404, f"{PREFIX}/api/v1/nothing")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")
    paths = {row.path for row in await access_entries(app)}
    assert paths == {"/api/v1/tasks", "/api/v1/nothing", location.removeprefix(PREFIX)}, "the log knows no proxy"


async def test_pages_and_document_name_the_root_path(client: httpx.AsyncClient, proxy: Proxy) -> None:
    async def get(path: str) -> httpx.Response:
        return (await client.get(f"http://attest.test{proxy(path)}")).raise_for_status()

    for page in ("/", "/docs", "/redoc"):
        text = (await get(f"{PREFIX}{page}")).text
        assert f'href="{PREFIX}/static/icon.svg"' in text
        assert '="/' not in text.replace(f'="{PREFIX}/', "")
    document = (await get(f"{PREFIX}/openapi.json")).json()
    assert [server["url"] for server in document["servers"]] == [PREFIX]
    flow = document["components"]["securitySchemes"]["session"]["flows"]["password"]
    assert flow["tokenUrl"] == f"{PREFIX}/api/v1/auth/token"
    assert "/api/v1/tasks" in document["paths"]
    assert (await get(f"{PREFIX}/healthz")).json() == {"status": "ok"}


@pytest.mark.parametrize("page", ["swagger", "redoc"])
async def test_a_page_finds_the_document_beside_itself(client: httpx.AsyncClient, page: str) -> None:
    script = (await client.get(f"http://attest.test/static/{page}-initializer.js")).text

    assert 'new URL("openapi.json", document.baseURI)' in script
    assert '"/openapi.json"' not in script


async def test_the_prefix_alone_is_the_landing_page(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"http://attest.test{PREFIX}")).status_code == 200


async def test_the_root_path_of_the_server_counts_too(settings: Settings) -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, root_path=PREFIX)
        async with httpx.AsyncClient(transport=transport, base_url="http://attest.test") as client:
            answers = [await client.get(path) for path in ("/api/v1/tasks", f"{PREFIX}/api/v1/tasks")]

    assert [answer.json()["instance"] for answer in answers] == [f"{PREFIX}/api/v1/tasks"] * 2
    assert {answer.status_code for answer in answers} == {401}


@pytest.mark.parametrize("root_path", ["attest", "/attest/", "/", "/a//b", "/../a", "/a/..", "/a b", "/a?b", "/ü"])
def test_nonsense_is_refused_at_start(root_path: str) -> None:
    with pytest.raises(ValidationError, match="ROOT_PATH"):
        Settings(_env_file=None, root_path=root_path)


@pytest.mark.parametrize("root_path", ["/api", "/api/v1", "/docs"])
async def test_a_prefix_that_is_a_path_of_ours_stops_the_start(settings: Settings, root_path: str) -> None:
    app = create_app(settings.model_copy(update={"root_path": root_path}))

    with pytest.raises(AmbiguousRootPath, match=f"ROOT_PATH: {root_path} is the beginning of our own path"):
        async with app.router.lifespan_context(app):
            pass


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_serve_takes_a_root_path(settings: Settings) -> None:
    environment = environment_of(settings) | UNLIMITED
    with Server(environment, options=["--root-path", PREFIX]).start() as server:
        async with signed_in(server, await superuser_in(settings)) as client:
            created = await client.post("/tasks", json={"title": "x"})

    assert created.headers["location"].startswith(f"{PREFIX}/api/v1/tasks/")
