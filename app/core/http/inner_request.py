"""A request that is made within another request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response
from starlette.types import Message, Scope

from app.core.context import Principal, RequestContext
from app.core.http.file_export import read_options
from app.core.http.file_options import FileOptions
from app.core.http.guards import Authenticated
from app.core.http.preflight import read_conditions
from app.core.http.query_parameters import check_parameters
from app.core.http.request_headers import INDEXED, IndexedHeaders, IndexedRequest
from app.core.http.root_path import complete_path
from app.core.http.route import Route
from app.core.http.route_index import TEMPLATE
from app.core.http.state import context_of, state_of


@dataclass(frozen=True)
class Call:
    """What is sent to an endpoint. Its path is below the root path or not."""

    path: str
    query: str = ""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    def scope(self) -> Scope:
        """What it changes in the scope of the outer request."""
        return {
            "method": self.method,
            "path": self.path,
            "raw_path": self.path.encode(),
            "path_params": {},
            "query_string": self.query.encode(),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()],
        }

    async def receive(self) -> Message:
        """The body, as a server gives it."""
        return {"type": "http.request", "body": self.body, "more_body": False}


class InnerRequest:
    """A request for what is at an address. Whose request it is, its scope says, not its headers."""

    def __init__(self, route: Route, request: Request) -> None:
        self.route = route
        self.request = request

    async def respond_instead(self, outer: Request) -> Response:
        """The response to a request for a file, whose access entry `outer` has in place of its own. Raises Problem."""
        outer.scope.update(
            {name: self.request.scope[name] for name in self.request.scope.keys() - {"headers", INDEXED}}
        )
        return await self.route.respond(self.request)

    def authorize(self, principal: Principal) -> None:
        """Check, without counting it, what the route checks before it reads a body. Raises Problem."""
        guard, preflight = self.route.guard, self.route.preflight
        if isinstance(guard, Authenticated):
            guard.authorize(principal, self.request)
        check_parameters(self.request, preflight.query_parameters, preflight.query_lists)
        if preflight.takes_if_match:
            read_conditions(self.request, context_of(self.request), is_required=False)

    async def read_body(self) -> Any:
        """The body, as the endpoint takes it. Raises Problem."""
        return await self.route.read_body(self.request)

    @property
    def options(self) -> FileOptions | None:
        """How the file is written, as the query says. Raises Invalid."""
        adapter = self.route.preflight.file_options
        options: FileOptions | None = read_options(self.request, adapter) if adapter is not None else None
        return options


def find_file(request: Request, path: str, query: str) -> InnerRequest | None:
    """The list or the file at `path`, below the root path or not; None where there is none."""
    found = find_route(request, Call(path, query), context_of(request))
    is_file = found is not None and (found.route.item is not None or found.route.sends_file)
    return found if is_file else None


def find_route(request: Request, call: Call, context: RequestContext) -> InnerRequest | None:
    """The request that `call` is within another one, with its context or one of its own; None where no route is."""
    state = request.scope["state"] if context is context_of(request) else {"context": context}
    scope: Scope = {**request.scope, **call.scope(), "state": state}
    for name in ("route", "endpoint", TEMPLATE):
        scope.pop(name, None)
    complete_path(scope, state_of(request).settings.root_path)
    found = state_of(request).route_index.find(scope)
    route = found[0].route if found is not None else None
    if found is None or not isinstance(route, Route):
        return None
    scope.update({**found[1], TEMPLATE: found[0].template, INDEXED: IndexedHeaders(scope)})
    return InnerRequest(route, IndexedRequest(scope, request.receive if call.method == "GET" else call.receive))
