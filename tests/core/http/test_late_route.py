"""A route is found at once, and analysed when it is needed, once."""

import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from fastapi import Depends
from starlette.routing import BaseRoute, Match

from app.core.http.call_plan import UnsupportedDeclaration
from app.core.http.guards import public
from app.core.http.late_route import prepare_routes
from app.core.http.route import Route
from app.core.http.router import Router, place_routes
from app.core.resources.schemas import ResponseSchema, Schema

API = "/api/v1"


class LampCreate(Schema):
    name: str


class LampRead(ResponseSchema):
    name: str


async def create_lamp(lamp: LampCreate) -> LampRead:
    return LampRead(name=lamp.name)


async def generator() -> AsyncIterator[int]:
    yield 1


async def create_nothing(value: Annotated[int, Depends(generator)]) -> None: ...


def routes_of(endpoint: Callable[..., Any] = create_lamp) -> list[BaseRoute]:
    """A placed route with `endpoint`."""
    router = Router(prefix="/lamps", about="Lamps.")
    router.add_api_route("", endpoint, methods=["POST"], dependencies=[public()], status_code=201)
    return place_routes(router, API)


def is_analysed(route: BaseRoute) -> bool:
    return "dependant" in vars(route)


def test_a_route_is_found_before_it_is_analysed() -> None:
    (route,) = routes_of()

    assert isinstance(route, Route)
    match, _ = route.matches({"type": "http", "path": f"{API}/lamps", "method": "POST", "root_path": ""})
    assert (match, route.name, route.path, route.methods) == (Match.FULL, "create_lamp", f"{API}/lamps", {"POST"})
    assert isinstance(route.guard, type(public().dependency))
    assert not is_analysed(route)


def test_what_an_analysis_finds_is_there_when_it_is_asked_for_and_leaves_the_place() -> None:
    (route,) = routes_of()

    assert isinstance(route, Route)
    assert route.plan.endpoint.call is create_lamp
    assert is_analysed(route)
    assert (route.path, route.path_format, route.prefix) == (f"{API}/lamps", f"{API}/lamps", API)
    assert route.status_code == 201
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = route.no_such_thing


def test_threads_that_need_a_route_at_once_analyse_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (route,) = routes_of()
    analysed: Counter[int] = Counter()
    real, interval = Route._analyse, sys.getswitchinterval()

    def count(self: Route, declaration: dict[str, Any]) -> None:
        analysed[id(self)] += 1
        real(self, declaration)

    monkeypatch.setattr(Route, "_analyse", count)
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as threads:
            plans = list(threads.map(lambda _: route.plan, range(64)))  # type: ignore[attr-defined]  # of a Route
    finally:
        sys.setswitchinterval(interval)

    assert analysed == {id(route): 1}
    assert len(set(map(id, plans))) == 1


def test_a_route_that_would_not_do_what_it_declares_refuses_each_time() -> None:
    (route,) = routes_of(create_nothing)

    for _ in range(2):
        with pytest.raises(UnsupportedDeclaration, match="generator"):
            _ = route.plan  # type: ignore[attr-defined]  # of a Route


def test_a_route_is_found_while_a_thread_analyses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    (route,) = routes_of()
    scope = {"type": "http", "path": f"{API}/lamps", "method": "POST", "root_path": ""}
    found = []
    real = Route.body_adapter

    def look(self: Route) -> Any:
        found.append(route.matches(scope)[0])
        return real(self)

    monkeypatch.setattr(Route, "body_adapter", look)
    found.append(route.matches(scope)[0])
    assert isinstance(route, Route)
    route.prepare()

    assert found == [Match.FULL, Match.FULL]


async def test_a_server_analyses_what_no_request_needed() -> None:
    routes = [*routes_of(), *routes_of()]

    await prepare_routes(routes, after=0)

    assert all(map(is_analysed, routes))


async def test_a_server_refuses_a_route_that_would_not_do_what_it_declares() -> None:
    with pytest.raises(UnsupportedDeclaration, match="generator"):
        await prepare_routes(routes_of(create_nothing), after=0)
