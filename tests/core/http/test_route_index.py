"""The index finds what FastAPI's own scan finds, and tries as many routes whatever their number."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from itertools import islice, permutations, product
from types import FrameType, SimpleNamespace
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from app.core.config import Settings
from app.core.http.call_plan import UnsupportedDeclaration
from app.core.http.guards import public
from app.core.http.route_index import RouteIndex, RoutingMiddleware
from app.core.http.router import Router
from app.main import API, create_app
from app.modules import routers
from tests.modules.audit.entries import access_entries

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")
UUIDS = ("01890000-0000-7000-8000-000000000000", "01890000000070008000000000000000")
WORDS = ("7", "bulk", "import", "me", "a.b", "ü", "%2F", "..")
ROOT = "/attest"

Choice = tuple[int, str | None, dict[str, Any]] | None
"""Of a request: identity and template of its route, path parameters; None where no route serves path and method."""


def request(method: str, path: str, root_path: str = "") -> Scope:
    """The scope of a request, whose path a server has decoded."""
    scope = {"type": "http", "method": method, "path": root_path + unquote(path), "root_path": root_path}
    return {**scope, "query_string": b"", "headers": []}


@contextmanager
def no_route_runs() -> Iterator[list[Scope]]:
    """Routes that FastAPI's scan chooses are not run; the scopes that they got."""
    chosen: list[Scope] = []

    async def note(_route: APIRoute, scope: Scope, _receive: Receive, _send: Send) -> None:
        chosen.append(scope)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(APIRoute, "handle", note)
        yield chosen


async def receive_nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def ignore(_message: Message) -> None: ...


def choice_of_scan(index: RouteIndex, scope: Scope) -> Choice:
    """What FastAPI chooses, for a HEAD as for a GET. A route that serves the path only with other methods is none."""
    scope = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
    with no_route_runs() as chosen:
        work = index.router.app(scope, receive_nothing, ignore)
        with pytest.raises(StopIteration):
            work.send(None)  # nothing that it awaits waits
    found = [scope for scope in chosen if scope["method"] in scope["route"].methods]
    if not found:
        return None
    return id(found[0]["route"]), index.template(found[0]), found[0]["path_params"]


def choice_of_index(index: RouteIndex, scope: Scope) -> Choice:
    found = index.find(scope)
    return found and (id(found[0].route), found[0].template, found[1]["path_params"])


@pytest.fixture(scope="module")
def index() -> RouteIndex:
    app = create_app()
    return RouteIndex(app.router, API)


def paths_of(template: str) -> Iterator[str]:
    """Paths that the route with `template` may get, its parameters ids or words."""
    for value in (*UUIDS, *WORDS):
        yield "/".join(value if part.startswith("{") else part for part in template.split("/"))
        if "{" not in template:
            return


def disturb(path: str) -> Iterator[str]:
    """Paths that look like `path`."""
    yield from (path + end for end in ("/", "//", "/.", "%0A", "%2F", "%00", ";x", f"/{UUIDS[0]}"))
    yield from (path.replace("/", "//"), path.replace("/", "%2F"), path.replace("/", "/./", 1), f"/{path}", path[1:])
    yield from (path.upper(), path.removeprefix(API), f"{ROOT}{path}", f"{API}{path}", "")


@pytest.mark.parametrize("root_path", ["", ROOT])
def test_every_route_is_the_one_that_the_scan_finds(index: RouteIndex, root_path: str) -> None:
    """Each operation of the document, and each page, with every method. A page of any depth may be left to the scan."""
    left = {route.path_format for route in index.routes if not index.keys(route)}
    operations = {(m.upper(), path) for path, item in create_app().openapi()["paths"].items() for m in item}
    found: Counter[tuple[str, str | None]] = Counter()
    for template in sorted({str(route.path_format) for route in index.routes}):
        for path in paths_of(template):
            for method in METHODS:
                choice = choice_of_index(index, request(method, path, root_path))
                scanned = choice_of_scan(index, request(method, path, root_path))
                assert choice == scanned or (choice is None and scanned and scanned[1] in left), (method, path)
                found[method, choice and choice[1]] += 1

    assert left == {"/console/{path}"}
    assert len(operations) >= 100
    assert operations <= found.keys(), "the index knows every operation"


def test_hostile_paths_find_no_other_route(index: RouteIndex) -> None:
    """Some are left to the scan, such as a path that ends with a line break, which Starlette's patterns overlook."""
    templates = {str(route.path_format) for route in index.routes}
    paths = {odd for template in templates for path in islice(paths_of(template), 4) for odd in disturb(path)}
    found: Counter[bool] = Counter()
    for path in paths:
        for root_path in ("", ROOT):
            choice = choice_of_index(index, request("GET", path, root_path))
            assert choice is None or choice == choice_of_scan(index, request("GET", path, root_path)), path
            found[choice is None] += 1

    assert min(found.values()) >= 100, "of both kinds"


TEMPLATES = (
    *("/api/v1/a", "/api/v1/a/b", "/api/v1/a/{x}", "/api/v1/a/{x:uuid}", "/api/v1/a/{posted}", "/api/{x}"),
    *("/{x}/v1/a", "/api/v1/{x}", "/api/v1/{x}/b", "/api/v1/a/{x:path}", "/{x:path}"),
)
"""Templates that share keys, and some that no key can hold."""
PATHS = (
    *("/", "/api/c", "/api/v1/a", "/api/v1/a/", "/api/v1/a/b", "/api/v1/a/c", f"/api/v1/a/{UUIDS[0]}", "/api/v1/c"),
    *("/api/v1/c/b", "/api/v1/a/b/c", "/c/v1/a", "//api/v1/a", "/api/v1/a\n", "/api/v1/a/b\n", "/api/v1/a/\n"),
)


@pytest.mark.parametrize("first", TEMPLATES)
def test_routes_keep_their_order(first: str) -> None:
    """Also where parameters span segments, or stand where a module is named."""
    found: Counter[bool] = Counter()
    for others in permutations(set(TEMPLATES) - {first}, 2):
        routes = [*routes_of(first), *routes_of(others[0]), *routes_of(others[1])]
        index = RouteIndex(APIRouter(routes=routes), API)
        for path, method in product(PATHS, ("GET", "POST")):
            choice = choice_of_index(index, request(method, path))
            assert choice is None or choice == choice_of_scan(index, request(method, path)), (others, path)
            found[choice is None] += 1

    assert min(found.values()) >= 100, "of both kinds"


@cache
def routes_of(template: str) -> list[BaseRoute]:
    """A route, for POST where its parameter says so; every other one is included, from a router of its own."""
    router, including = APIRouter(), APIRouter()

    async def endpoint() -> None: ...

    router.add_api_route(template, endpoint, methods=["POST" if "posted" in template else "GET"])
    including.include_router(router)
    return including.routes if TEMPLATES.index(template) % 2 else router.routes


def test_a_router_may_be_included_twice() -> None:
    router, twice = APIRouter(), APIRouter()

    @twice.get("/a")
    async def endpoint() -> None: ...

    for prefix in ("/one", "/two"):
        router.include_router(twice, prefix=f"{API}{prefix}")
    index = RouteIndex(router, API)

    for prefix in ("/one", "/two"):
        refused = {**request("POST", f"{API}{prefix}/a"), "route": twice.routes[0]}
        found = index.find(request("GET", f"{API}{prefix}/a"))
        assert found is not None
        assert found[0].template == index.template(refused) == f"{API}{prefix}/a"


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://attest.test")


def with_index(app: FastAPI) -> httpx.AsyncClient:
    """A client of `app`, whose routes are found by the index."""
    app.state.route_index = RouteIndex(app.router, API)
    app.add_middleware(RoutingMiddleware)
    return client_of(app)


async def test_a_mounted_application_keeps_its_place() -> None:
    app, mounted = FastAPI(), FastAPI()

    @mounted.get("/{name}")
    async def shadow(name: str) -> str:
        return f"mounted {name}"

    @app.get("/api/v1/a/{name}")
    async def direct(name: str) -> str:
        return f"direct {name}"

    app.mount("/api/v1/b", mounted)
    for path in ("/api/v1/a/{name}", "/api/v1/b/{name}"):
        app.add_api_route(path, direct, methods=["GET"])

    async with with_index(app) as client:
        answers = [(await client.get(path)).json() for path in ("/api/v1/a/x", "/api/v1/b/x")]

    assert answers == ["direct x", "mounted x"]
    assert RouteIndex(app.router, API).find(request("GET", "/api/v1/b/x")) is None, "the scan runs what is mounted"


async def test_a_route_runs_with_what_its_inclusion_adds() -> None:
    """A route without a plan is left to FastAPI, which runs dependencies of its inclusion."""
    app, router, run = FastAPI(), APIRouter(), []

    async def note() -> None:
        run.append("dependency")

    @router.get("/a")
    async def endpoint() -> None:
        run.append("endpoint")

    app.include_router(router, prefix=API, dependencies=[Depends(note)])

    async with with_index(app) as client:
        answer = await client.get(f"{API}/a")

    assert (answer.status_code, run) == (200, ["dependency", "endpoint"])


async def test_a_traced_request_names_its_route() -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    app, router = FastAPI(telemetry={"tracer_provider": provider}), APIRouter()

    @router.get("/a/{name}")
    async def endpoint(name: str) -> str:
        return name

    app.include_router(router, prefix=API)

    async with with_index(app) as client:
        await client.get(f"{API}/a/x")

    assert f"GET {API}/a/{{name}}" in {span.name for span in spans.get_finished_spans()}


def paths_in(routes: list[BaseRoute]) -> list[str]:
    """The paths of routes of FastAPI."""
    return [route.path for route in routes if isinstance(route, APIRoute)]


def test_a_router_of_a_module_includes_no_others() -> None:
    outer = Router(prefix="/outer", about="Includes another one.")
    outer.include_router(many_routes("inner"))

    with pytest.raises(UnsupportedDeclaration, match=r"/outer.*ROUTERS"):
        outer.routes_below(API)


def test_a_router_keeps_its_routes_when_they_are_placed() -> None:
    router = many_routes("things")

    placed = router.routes_below(API)

    assert paths_in(placed) == [f"{API}{path}" for path in paths_in(router.routes)]
    assert router.routes_below(API) is placed


def test_no_router_has_limits_of_its_own() -> None:
    """FastAPI applies those of a router on the way to its routes; ours stand on the routes."""
    assert not any(router.form_limits for router in [create_app().router, *routers()])


@contextmanager
def count_tries() -> Iterator[SimpleNamespace]:
    """How many routes are asked whether they match, whoever asks."""
    counter = SimpleNamespace(tries=0)

    def see(frame: FrameType, event: str, _argument: object) -> None:
        is_inherited = frame.f_back is not None and frame.f_back.f_code.co_name == "matches"
        counter.tries += event == "call" and frame.f_code.co_name == "matches" and not is_inherited

    sys.setprofile(see)
    try:
        yield counter
    finally:
        sys.setprofile(None)


def many_routes(slug: str) -> Router:
    """The routes of one more module."""
    router = Router(prefix=f"/{slug}", about="One of many.")
    for path, method in (("", "GET"), ("", "POST"), ("/{id}", "GET"), ("/{id}", "PATCH"), ("/{id}", "DELETE")):

        async def endpoint() -> None:
            """Do nothing."""

        router.add_api_route(path, endpoint, methods=[method], dependencies=[public()])
    return router


async def tries_of_requests(settings: Settings, modules: int) -> list[int]:
    """How many routes three requests try, of an application with `modules` more modules, which come first."""
    app = create_app(settings)
    own = list(app.router.routes)
    added = [route for number in range(modules) for route in many_routes(f"more-{number}").routes_below(API)]
    app.router.routes[:] = [*added, *own]
    tries = []
    async with app.router.lifespan_context(app):
        for method, path in (("GET", f"/tasks/{UUIDS[0]}"), ("GET", "/tasks"), ("POST", "/tasks")):
            with count_tries() as counter:
                answer = await client_of(app).request(method, f"{API}{path}")
            assert answer.status_code == HTTPStatus.UNAUTHORIZED, "the guard of the route answers"
            tries.append(counter.tries)
    return tries


async def test_the_number_of_routes_does_not_matter(settings: Settings) -> None:
    few, many = await tries_of_requests(settings, 0), await tries_of_requests(settings, 240)

    assert few == many
    assert max(few) <= 3


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", f"{API}/tasks/{UUIDS[0]}", f"{API}/tasks/{{id}}"),
        ("POST", f"{API}/tasks", f"{API}/tasks"),
        ("PUT", f"{API}/tasks/{UUIDS[0]}", f"{API}/tasks/{{id}}"),
        ("HEAD", f"{API}/tasks", f"{API}/tasks"),
        ("OPTIONS", f"{API}/tasks", f"{API}/tasks"),
        ("GET", "/static/nothing.css", "/static/{name}"),
        ("GET", f"{API}/tasks/", None),
        ("GET", f"{API}//tasks", None),
    ],
)
async def test_the_access_entry_names_the_route(
    app: FastAPI, client: httpx.AsyncClient, method: str, path: str, route: str | None
) -> None:
    """Of a request that the index routes, and of one that FastAPI's scan does."""
    await client.request(method, f"http://attest.test{path}")

    assert [entry.route for entry in await access_entries(app)] == [route]
