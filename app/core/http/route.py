"""The route that every module uses: checks before the body, one transaction, and the headers of the response."""

import hashlib
import inspect
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Request, Response, params
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter

from app.core.config import LimitSettings
from app.core.context import RequestContext, current
from app.core.db.pagination import Page
from app.core.http.dependencies import Transactional, read_dry_run
from app.core.http.deprecation import add_deprecation_headers, deprecation_headers
from app.core.http.etag import etag_of, matches_etag
from app.core.http.file_export import stream_list
from app.core.http.guards import Guard, Public, RequiresPermission
from app.core.http.idempotency import IdempotentRequest
from app.core.http.preflight import Preflight, identify
from app.core.http.query_parameters import declared_parameters, flatten
from app.core.http.request_body import FORM_TYPES, JSON_TYPES, parse_json_body
from app.core.http.state import State, context_of, state_of
from app.core.http.transaction import Handler, run_with_retries

RequestHandler = Callable[[Request], Coroutine[Any, Any, Response]]

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="Only if this is still the version.", max_length=500)
]


class Route(APIRoute):
    """A FastAPI route that keeps the conventions of the API, so that endpoints need not.

    It has exactly one guard, which runs once, before the body is read. The body is read in strict JSON mode, straight
    into its schema. An endpoint with a session that writes runs in a transaction, committed before the response leaves.
    Path parameters that are UUIDs match nothing else: `/tasks/bulk` is not `/tasks/{id}`.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.guard, options["dependencies"] = split_guard(path, options.get("dependencies") or ())
        self.item = item_of_page(options.get("response_model"))
        options["summary"] = options.get("summary") or first_sentence(endpoint.__doc__)
        super().__init__(strict_path(path, endpoint), self.wrap_endpoint(endpoint), **options)

    def get_route_handler(self) -> RequestHandler:
        handle = super().get_route_handler()
        dependencies = [part.call for part in flatten(self.dependant)]
        is_transactional = any(isinstance(call, Transactional) for call in dependencies)
        self.is_transactional, self.has_dry_run = is_transactional, read_dry_run in dependencies
        self.deprecation = deprecation_headers(self.openapi_extra)
        adapter, media_types = self.body_adapter()
        self.preflight = preflight = self.build_preflight(media_types)

        async def run_endpoint(request: Request) -> Response:
            return self.add_response_headers(request, await handle(request))

        async def handle_request(request: Request) -> Response:
            state, context = state_of(request), context_of(request)
            key = await preflight.check(request, state, context, self.limit_body)
            request = await self.read_body(request, adapter)
            if not is_transactional:
                return await run_endpoint(request)
            idempotent = identify(request, key, await self.body_digest(request)) if key else None
            return await self.run_transaction(request, state, context, run_endpoint, idempotent)

        return handle_request

    async def run_transaction(
        self,
        request: Request,
        state: State,
        context: RequestContext,
        handler: Handler,
        idempotent: IdempotentRequest | None,
    ) -> Response:
        """Run `handler` in a transaction, or replay the response to its idempotency key."""
        return await run_with_retries(request, state, context, handler, idempotent)

    def build_preflight(self, media_types: tuple[str, ...]) -> Preflight:
        headers = {field.alias for part in flatten(self.dependant) for field in part.header_params}
        stores_response = isinstance(self.guard, RequiresPermission) and not self.guard.session_only
        return Preflight(
            guard=self.guard,
            query_parameters=declared_parameters(self.dependant),
            media_types=media_types,
            # a response that shows a secret once is never stored: those endpoints require a session
            takes_idempotency_key=self.is_transactional and stores_response and "POST" in (self.methods or ()),
            takes_if_match="If-Match" in headers,
            list_name=str(self.tags[0]) if self.item is not None else None,
        )

    def body_adapter(self) -> tuple[TypeAdapter[Any] | None, tuple[str, ...]]:
        """The validator of a JSON body, else None; and the accepted media types, none where the route takes no body."""
        body = self.body_field.field_info if self.body_field else None
        if isinstance(body, params.Form):
            return None, FORM_TYPES
        return (TypeAdapter(body.annotation), JSON_TYPES) if body and body.annotation else (None, ())

    def limit_body(self, context: RequestContext, limits: LimitSettings) -> int:
        """Set and return the largest body, in bytes."""
        limit = limits.public_body_bytes if isinstance(self.guard, Public) else limits.body_bytes
        context.max_body_bytes = limit
        return limit

    async def read_body(self, request: Request, adapter: TypeAdapter[Any] | None) -> Request:
        """`request` with its body read and validated. Raises Malformed, Invalid."""
        return request if adapter is None else await parse_json_body(request, adapter)

    async def body_digest(self, request: Request) -> bytes:
        """The SHA-256 of the body."""
        return hashlib.sha256(await request.body()).digest()

    def wrap_endpoint(self, endpoint: Callable[..., Any]) -> Callable[..., Any]:
        """Store version and id of the item that `endpoint` returns; stream a list that is requested as a file."""
        item = self.item

        @wraps(endpoint)
        async def call(*args: object, **kwargs: object) -> Any:
            context = current.get()
            if item is not None and context is not None and context.file_kind:
                return await stream_list(endpoint, kwargs, item, context.file_kind, context)
            result = await endpoint(*args, **kwargs)
            if context is not None:
                context.etag = etag_of(result)
                context.item_id = getattr(result, "id", None)
            return result

        return call

    def add_response_headers(self, request: Request, response: Response) -> Response:
        """Add ETag (or respond with 304), Location, Link and deprecation."""
        context = context_of(request)
        if self.deprecation:
            add_deprecation_headers(self.deprecation, response, request.scope.get("root_path", ""))
        if response.status_code == HTTPStatus.NO_CONTENT:
            del response.headers["content-type"]
        if context.etag is not None and ("{id}" in self.path_format or self.status_code == HTTPStatus.CREATED):
            response.headers["ETag"] = f'"{context.etag}"'
            known = request.headers.get("if-none-match")
            if request.method == "GET" and known and matches_etag(known, context.etag):
                return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": response.headers["ETag"]})
        if response.status_code == HTTPStatus.CREATED and context.item_id is not None:
            response.headers["Location"] = f"{request.url.path}/{context.item_id}"
        if context.next_cursor is not None:
            url = request.url.include_query_params(cursor=context.next_cursor).remove_query_params("offset")
            response.headers.append("Link", f'<{url.path}?{url.query}>; rel="next"')
        return response


class BadGuard(RuntimeError):
    """A route has no guard, or more than one."""


def split_guard(path: str, dependencies: Sequence[params.Depends]) -> tuple[Guard, list[params.Depends]]:
    """(the guard, the other dependencies). Raises BadGuard. FastAPI never sees the guard: the route itself runs it."""
    guards = [found.dependency for found in dependencies if isinstance(found.dependency, Guard)]
    if len(guards) != 1:
        raise BadGuard(f"{path} has {len(guards)} guards; a route has exactly one")
    return guards[0], [found for found in dependencies if not isinstance(found.dependency, Guard)]


def strict_path(path: str, endpoint: Callable[..., Any]) -> str:
    """`path`, whose parameters that are UUIDs match nothing else."""
    for name, parameter in inspect.signature(endpoint).parameters.items():
        if parameter.annotation is UUID:
            path = path.replace(f"{{{name}}}", f"{{{name}:uuid}}")
    return path


def first_sentence(text: str | None) -> str | None:
    """The first sentence of a docstring, without its full stop."""
    return (text or "").strip().partition(".")[0].partition(";")[0].replace("\n", " ") or None


def item_of_page(model: object) -> type[BaseModel] | None:
    """The schema of an item of the page `model`; None for anything but a page."""
    if isinstance(model, type) and issubclass(model, Page):
        item: type[BaseModel] = model.__pydantic_generic_metadata__["args"][0]
        return item
    return None
