"""The index of routes, by which a request finds its route without trying those of every module."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute, APIRouter, RouteContext, iter_route_contexts
from starlette._exception_handler import wrap_app_handling_exceptions
from starlette.convertors import Convertor, FloatConvertor, IntegerConvertor, StringConvertor, UUIDConvertor
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.clock import read_id
from app.core.http.call_plan import PlannedRoute
from app.core.http.request_headers import IndexedRequest
from app.core.http.root_path import route_path

IN_ONE_SEGMENT = frozenset({StringConvertor, IntegerConvertor, FloatConvertor, UUIDConvertor})
"""Types of path parameters that hold no slash."""
TEMPLATE = "attest.route_template"
TRACED = "fastapi.telemetry"
"""In the scope of a request that FastAPI traces."""

Key = tuple[str, int, str]
"""A method, the number of segments of a path, and its first segment below the prefix; empty where there is none."""


class Candidate:
    """A route under a key, with what matching it takes, which FastAPI would look up anew for each request."""

    __slots__ = ("context", "convertors", "endpoint", "is_known", "methods", "regex", "route", "template")

    def __init__(self, context: RouteContext) -> None:
        self.context = context
        self.route = context.original_route
        self.template = context.path_format
        self.is_known = isinstance(self.route, APIRoute)
        """Whether it is a route of FastAPI, and no mounted application, say, which the scan must run."""
        if self.is_known:
            self.convertors = converters_of(context.param_convertors)
            self.endpoint, self.methods = context.endpoint, context.methods or ()
        self.regex: re.Pattern[str] | None = None
        """The pattern of the path, which is compiled when the first request tries it."""

    def matches(self, scope: Scope, path: str) -> Scope | None:
        """What the match of path and method adds to the scope, as FastAPI's own does; None where there is none."""
        if not self.is_known:
            match, added = self.context.matches(scope)
            return added if match is Match.FULL else None
        if self.regex is None:
            self.regex = self.context.path_regex
        found = self.regex.match(path)
        if found is None or scope["method"] not in self.methods:
            return None
        convertors = self.convertors
        named = {name: convertors[name](text) for name, text in found.groupdict().items()}
        path_params = {**scope.get("path_params", {}), **named}
        return {"endpoint": self.endpoint, "path_params": path_params, "route": self.route}


def converters_of(convertors: Mapping[str, Convertor[Any]]) -> dict[str, Callable[[str], Any]]:
    """The functions that convert the parameters of a path, which its pattern has checked."""
    return {name: read_id if type(each) is UUIDConvertor else each.convert for name, each in convertors.items()}


class RouteIndex:
    """Finds the route that the router of an application would choose, and runs it without FastAPI's own middleware.

    It tries the routes under the key of the request, in FastAPI's order. A route that may match paths of several keys
    is tried under each of them, in its place. Whatever no route matches with its method is left to FastAPI's own scan,
    which responds to unknown paths and methods, and runs routes that were added later or have no plan.
    """

    def __init__(self, router: APIRouter, prefix: str) -> None:
        self.router = router
        self.prefix = prefix
        self.depth = len(prefix.split("/"))
        self.routes = list(iter_route_contexts(router.routes))
        for route in self.routes:
            if isinstance(route.original_route, PlannedRoute):
                route.original_route.check_inclusion(route)
        self.candidates: dict[Key, list[Candidate]] = {}
        under_each_key: list[Candidate] = []
        for route in self.routes:
            candidate, keys = Candidate(route), self.keys(route)
            for key in keys:
                self.candidates.setdefault(key, under_each_key.copy()).append(candidate)
            if not keys:
                under_each_key.append(candidate)
                for candidates in self.candidates.values():
                    candidates.append(candidate)

    async def run(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Serve a request whose route the index knows, else return False and leave the scope as it is."""
        # the scan tells the span its route, for which FastAPI has no public function
        is_ours = scope["type"] == "http" and (TRACED not in scope or scope["method"] == "HEAD")
        found = self.find(scope) if is_ours else None
        planned = found[0].route if found is not None else None
        if found is None or not isinstance(planned, PlannedRoute):
            return False
        candidate, added = found
        scope.update(added)
        scope.setdefault("router", self.router)
        scope[TEMPLATE] = candidate.template
        request = IndexedRequest(scope, receive, send)
        try:
            response = await planned.respond(request)
        except Exception as error:  # noqa: BLE001  # raised again where it has no handler
            await handle(error, request, send)
        else:
            await response(scope, receive, send)
        return True

    def find(self, scope: Scope) -> tuple[Candidate, Scope] | None:
        """The route that matches path and method of a request, and what its match adds to the scope.

        The route of a HEAD is that of the GET, for which FastAPI's scan finds none. None also for what is no FastAPI
        route, such as a mounted application, which the scan must run.
        """
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        path = route_path(scope)
        for candidate in self.candidates.get(self.key(scope["method"], path.split("/")), ()):
            added = candidate.matches(scope, path)
            if added is not None:
                return (candidate, added) if candidate.is_known else None
        return None

    def template(self, scope: Scope) -> str | None:
        """The path of the route of a request, with its parameters in braces; None where no route matched the path."""
        if TEMPLATE in scope or "route" not in scope:
            return scope.get(TEMPLATE)
        for route in iter_route_contexts(self.router.routes):  # the scan chose it, so it may be new
            if route.original_route is scope["route"] and route.matches(scope)[0] is not Match.NONE:
                return route.path_format
        return None

    def keys(self, route: RouteContext) -> list[Key]:
        """The keys of the requests that `route` can match; none where only trying tells."""
        if not isinstance(route.original_route, APIRoute):
            return []
        if any(type(convertor) not in IN_ONE_SEGMENT for convertor in route.param_convertors.values()):
            return []
        segments = str(route.path_format).split("/")
        keys = [self.key(method, segments) for method in route.methods or ()]
        return [] if any("{" in first for _, _, first in keys) else keys

    def key(self, method: str, segments: Sequence[str]) -> Key:
        return method, len(segments), segments[self.depth] if len(segments) > self.depth else ""


async def handle(error: Exception, request: Request, send: Send) -> None:
    """Respond with the handler that the application has for `error`, else raise it again."""

    async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    handlers = request.app.exception_handlers  # by class and by status, which Starlette looks up apart
    request.scope["starlette.exception_handlers"] = handlers, handlers
    await wrap_app_handling_exceptions(fail, request)(request.scope, request.receive, send)


class RoutingMiddleware:
    """Stands inside our own middleware: the index first, and behind it FastAPI's stack for what the index leaves."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not await scope["app"].state.route_index.run(scope, receive, send):
            await self.app(scope, receive, send)
