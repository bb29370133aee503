"""Every route has exactly one guard, of its own module; a walk that sees nothing would prove nothing."""

import inspect
import re
from typing import Any, get_args

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from app.core.db.pagination import FieldsQuery
from app.core.http.guards import Authenticated, Guard, Public, RequiresPermission
from app.core.http.route import Route
from app.main import API, create_app
from tests.people import SignedInAs

PUBLIC = {
    "GET /",
    "GET /console",
    "GET,HEAD /console/{path}",
    "GET /docs",
    "GET /healthz",
    "GET /openapi.json",
    "GET /problems",
    "GET /problems/{code}",
    "GET /readyz",
    "GET /redoc",
    "GET /static/{name}",
    f"GET {API}/downloads/file",  # its token is a credential, for one list and once
    f"POST {API}/auth/email-verification",
    f"POST {API}/auth/password-reset",  # for people who cannot sign in
    f"POST {API}/auth/password-reset/confirm",
    f"POST {API}/auth/browser/logout",  # these three are for pages of this server, see `SameOrigin`
    f"POST {API}/auth/browser/refresh",
    f"POST {API}/auth/browser/token",
    f"POST {API}/auth/invitation",  # its token is a credential, for one password and once
    f"POST {API}/auth/token",
    f"POST {API}/auth/token/refresh",
}
"""Reviewed: whoever adds a line here opens a door to everybody."""


def guards(route: RouteContext) -> list[Any]:
    guard = getattr(route.original_route, "guard", None)
    return [guard] if isinstance(guard, Guard) else []


def name(route: RouteContext) -> str:
    return f"{','.join(sorted(route.methods or []))} {route.path_format}"


def unguarded(app: FastAPI) -> list[str]:
    return [name(route) for route in iter_route_contexts(app.routes) if len(guards(route)) != 1]


def test_every_route_has_exactly_one_guard() -> None:
    app = create_app()
    routes = list(iter_route_contexts(app.routes))

    assert unguarded(app) == []
    assert len(routes) >= 40, "the walk must see the routes"
    operations = {(method.upper(), path) for path, item in app.openapi()["paths"].items() for method in item}
    walked = {(method, str(route.path_format)) for route in routes for method in route.methods or []}
    assert operations <= walked
    assert {path for _, path in walked - operations} == {line.split()[1] for line in PUBLIC if API not in line}


def test_the_walk_finds_a_planted_open_route() -> None:
    app = create_app()
    planted = APIRouter()

    @planted.get("/open")
    async def open_to_all() -> None: ...

    parent = APIRouter(prefix="/nested")
    parent.include_router(planted)
    app.include_router(parent)
    app.mount("/mounted", FastAPI())

    assert unguarded(app) == ["GET /nested/open", " /mounted/{path}"]


def test_public_routes_are_the_reviewed_ones() -> None:
    routes = iter_route_contexts(create_app().routes)

    assert {name(r) for r in routes if isinstance(guards(r)[0], Public)} == PUBLIC


ELSEWHERE = {
    *(("modules", "roles"), ("module-groups", "roles"), ("rbac", "roles")),
    *(("auth", "users"), ("api-keys", "users"), ("sessions", "users"), ("roles", "users")),
}
"""Reviewed: addresses (their first part) that a module with another name guards."""
ABOUT_PERSONS = ("/erase", "/legal-hold", "/personal-data")
"""Reviewed: what an auditor does with the person behind an item of any module."""


def test_permissions_are_of_the_module_at_that_address() -> None:
    app = create_app()
    own = {module.slug: module.actions.keys() for module in app.state.modules}
    checked = 0
    for route in iter_route_contexts(app.routes):
        guard = guards(route)[0]
        if not isinstance(guard, RequiresPermission):
            continue
        checked += 1
        slug, action = guard.permissions[0].split(":")
        first = str(route.path_format).removeprefix(f"{API}/").split("/")[0]
        assert slug in own
        is_about_person = slug == "audit" and str(route.path).endswith(ABOUT_PERSONS)
        assert first == slug or (first, slug) in ELSEWHERE or is_about_person, route.path
        assert action in {"create", "read", "update", "delete"} | own[slug]
        assert set(guard.permissions[1:]) <= {"audit:read", f"{slug}:update", f"{slug}:delete"}
    assert checked >= 25


def test_every_list_can_be_a_file_and_has_fields() -> None:
    """A file is streamed by asking for one page after the other, long after a transaction would have ended."""
    lists = [
        r.original_route for r in iter_route_contexts(create_app().routes) if getattr(r.original_route, "item", None)
    ]

    assert len(lists) >= 20
    for route in lists:
        assert isinstance(route, Route)
        query = inspect.signature(route.endpoint).parameters["query"].annotation
        assert issubclass(get_args(query)[0], FieldsQuery), route.path
        assert not route.is_transactional, route.path


def test_every_route_reads_strictly() -> None:
    for route in iter_route_contexts(create_app().routes):
        assert isinstance(route.original_route, Route), route.path


NOWHERE = "01890000-0000-7000-8000-000000000000"
GUARDED = [
    (method, re.sub(r"{\w+}", NOWHERE, str(route.path_format).removeprefix(API)), guards(route)[0])
    for route in iter_route_contexts(create_app().routes)
    for method in route.methods or []
    if isinstance(guards(route)[0], Authenticated)
]


async def test_no_guarded_route_answers_a_stranger_or_the_powerless(
    client: httpx.AsyncClient, signed_in_as: SignedInAs
) -> None:
    """Regression: endpoints without a permission."""
    person = await signed_in_as()

    for method, path, guard in GUARDED:
        stranger = await client.request(method, path)
        assert (stranger.status_code, stranger.json()["code"]) == (401, "unauthenticated"), path
        if isinstance(guard, RequiresPermission):
            powerless = await person.call(method, path)
            assert (powerless.status_code, powerless.json()["code"]) == (403, "permission-denied"), path
            assert guard.permissions[0] in powerless.json()["detail"]
            assert set(powerless.json()["params"]["permissions"]) == set(guard.permissions), path


@pytest.mark.parametrize("token", ["Bearer", "Bearer ", "bearer x", "Basic YTpi", "Token x", "Bearer a b"])
async def test_a_strange_authorization_is_a_401(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.get("/tasks", headers={"Authorization": token})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
