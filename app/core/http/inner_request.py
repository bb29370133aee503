"""A request for a list that is made within another request, which it takes the place of."""

from fastapi import Request, Response
from starlette.types import Scope

from app.core.http.file_export import read_options
from app.core.http.file_options import FileOptions
from app.core.http.request_headers import INDEXED, IndexedHeaders, IndexedRequest
from app.core.http.root_path import complete_path
from app.core.http.route import Route
from app.core.http.route_index import TEMPLATE
from app.core.http.state import state_of


class InnerRequest:
    """The list at an address, as a file. It has no headers of its own; whose request it is, its scope says."""

    def __init__(self, route: Route, request: Request) -> None:
        self.route = route
        self.request = request

    async def respond_instead(self, outer: Request) -> Response:
        """The response. The access entry of `outer` is that of the list. Raises Problem."""
        outer.scope.update(
            {name: self.request.scope[name] for name in self.request.scope.keys() - {"headers", INDEXED}}
        )
        return await self.route.respond(self.request)

    @property
    def options(self) -> FileOptions | None:
        """How the file is written, as the query says. Raises Invalid."""
        adapter = self.route.preflight.file_options
        options: FileOptions | None = read_options(self.request, adapter) if adapter is not None else None
        return options


def find_list(request: Request, path: str, query: str) -> InnerRequest | None:
    """The list at `path`, below the root path or not; None where there is none."""
    address = {"path": path, "raw_path": path.encode(), "path_params": {}, "query_string": query.encode()}
    scope: Scope = {**request.scope, **address, "method": "GET", "headers": []}
    for name in ("route", "endpoint", TEMPLATE):
        scope.pop(name, None)
    complete_path(scope, state_of(request).settings.root_path)
    found = state_of(request).route_index.find(scope)
    route = found[0].original_route if found is not None else None
    if found is None or not isinstance(route, Route) or route.item is None:
        return None
    scope.update({**found[1], "route": route, TEMPLATE: found[0].path_format, INDEXED: IndexedHeaders(scope)})
    return InnerRequest(route, IndexedRequest(scope, request.receive))
