"""The route that every module uses: checks before the body, one transaction, and the headers of the response."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, cast
from urllib.parse import quote, urlencode

from fastapi import Header, Request, Response, params
from fastapi.datastructures import DefaultPlaceholder
from fastapi.responses import PlainTextResponse, StreamingResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter
from starlette.routing import get_name

from app.core.config import LimitSettings
from app.core.context import RequestContext
from app.core.db.pagination import Page
from app.core.db.versions import etag_of
from app.core.fields.read_only import read_only_fields
from app.core.http.answers import encoder_of, sparse_encoder
from app.core.http.call_plan import CallPlan, PlannedRoute, UnsupportedDeclaration
from app.core.http.compression import add_vary, finish, set_header
from app.core.http.dependencies import Transactional, read_dry_run, require_reason
from app.core.http.deprecation import add_deprecation_headers, deprecation_headers
from app.core.http.etag import matching_tag
from app.core.http.file_export import AttachmentResponse, read_file_kind, stream_list
from app.core.http.file_formats import EXPORT_TYPES, FILE_TYPES, Write, file_writer
from app.core.http.file_options import DEFAULT, FileOptions, ItemFileOptions, TextFileOptions
from app.core.http.guards import Guard, RequiresPermission
from app.core.http.idempotency import IdempotentRequest
from app.core.http.late_route import strict_path
from app.core.http.listing import Listing
from app.core.http.parameters import NO_BODY
from app.core.http.preflight import Preflight, identify
from app.core.http.query_parameters import declared_filters, declared_parameters, flatten, list_parameters
from app.core.http.request_body import FORM_TYPES, JSON_TYPES, parse_json_body, read_form
from app.core.http.sparse import chosen_fields, sparse_schema
from app.core.http.state import State, context_of, state_of
from app.core.http.transaction import Handler, run_with_retries

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="Only if this is still the version.", max_length=500)
]


class Route(PlannedRoute):
    """A FastAPI route that keeps the conventions of the API, so that endpoints need not.

    It has exactly one guard, which runs once, before the body is read. The body is read in strict JSON mode, straight
    into its schema. An endpoint with a session that writes runs in a transaction, committed before the response leaves.
    Path parameters that are UUIDs match nothing else: `/tasks/bulk` is not `/tasks/{id}`.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.guard, options["dependencies"] = split_guard(path, options.get("dependencies") or ())
        self.listing, options["dependencies"] = split_listing(options["dependencies"])
        self.importable = self.listing.importable if self.listing else None
        self.item = item_of_page(options.get("response_model"))
        self.read = item_of_response(options.get("response_model"))
        options["operation_id"] = options.get("operation_id") or options.get("name") or get_name(endpoint)
        options["summary"] = options.get("summary") or first_sentence(endpoint.__doc__)
        self.is_compressible = not self.guard.may_show_secrets
        self.deprecation = deprecation_headers(options.get("openapi_extra"))
        super().__init__(strict_path(path, endpoint), endpoint, **options)
        self.module = module_of(self.guard) or next(map(str, self.tags), None)

    def _analyse(self, declaration: dict[str, Any]) -> None:
        """Find what the route needs to run. Raises UnsupportedDeclaration for what it would not do."""
        super()._analyse(declaration)
        check_options(self)
        dependencies = [part.call for part in flatten(self.dependant)]
        self.is_transactional = any(isinstance(call, Transactional) for call in dependencies)
        self.has_dry_run = read_dry_run in dependencies
        self.requires_reason = require_reason in dependencies
        self.writes_files = read_file_kind in dependencies
        self.file_options = choose_file_options(self)
        self.sends_file = isinstance(self.response_class, type) and issubclass(self.response_class, AttachmentResponse)
        self.adapter, media_types = self.body_adapter()
        body = self.body_field and self.body_field.field_info.annotation
        self.read_only = read_only_fields(body, self.response_model)
        self.preflight = self.build_preflight(media_types)
        self.plan = CallPlan(self.path_format, self.dependant, self.param_convertors)
        self.encode = encoder_of(self.response_field)

    async def respond(self, request: Request) -> Response:
        """Check the request, read its body, and run the endpoint, in a transaction where it writes."""
        state, context = state_of(request), context_of(request)
        key = await self.preflight.check(request, state, context, self.limit_body)
        body = await self.read_body(request)
        if self.is_transactional:
            idempotent = identify(request, key, await self.body_digest(request)) if key else None
            handler = partial(self.run_endpoint, body)
            response = await self.run_transaction(request, state, context, handler, idempotent)
        else:
            response = await self.run_endpoint(body, request)
        return await finish(request, response, is_compressible=self.is_compressible)

    async def run_endpoint(self, body: Any, request: Request) -> Response:
        """Run the endpoint and write its result; stream a list that is requested as a file."""
        context = context_of(request)
        arguments = await self.plan.read_arguments(request, body)
        fields = chosen_fields(arguments, self.item or self.read)
        if self.item is not None and context.file_kind and not self.writes_files:
            write = writer_of(self, fields, context.file_kind, request.state.file_options or DEFAULT)
            file = await stream_list(self.endpoint, arguments, write, context.file_kind, context)
            return self.add_response_headers(request, file)
        result = await self.plan.endpoint.call(**arguments)
        context.etag = etag_of(result)
        context.item_id = getattr(result, "id", None)
        return self.add_response_headers(request, self.to_response(result, fields))

    def to_response(self, result: Any, fields: tuple[str, ...] = ()) -> Response:
        """The response with `result`, with some fields of its items or all."""
        if isinstance(result, Response):
            return result
        status = self.status_code or HTTPStatus.OK
        if status == HTTPStatus.NO_CONTENT:
            return Response(status_code=status)
        if self.response_class is PlainTextResponse:
            return PlainTextResponse(result, status)
        encode = self.encode
        if fields and (item := self.item or self.read):
            encode = sparse_encoder(item, fields, is_page=self.item is not None)
        return Response(encode(result), status, media_type="application/json")

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
            query_parameters=declared_parameters(self.dependant) | frozenset(names_of(self.file_options)),
            query_lists=list_parameters(self.dependant),
            query_filters=declared_filters(self.dependant),
            media_types=media_types,
            # a response that shows a secret once is never stored: those endpoints require a session
            takes_idempotency_key=self.is_transactional and stores_response and "POST" in (self.methods or ()),
            takes_if_match="If-Match" in headers,
            list_name=str(self.tags[0]) if self.item is not None else None,
            file_types=EXPORT_TYPES if self.writes_files else FILE_TYPES,
            file_options=TypeAdapter(self.file_options) if self.file_options is not None else None,
        )

    def body_adapter(self) -> tuple[TypeAdapter[Any] | None, tuple[str, ...]]:
        """The validator of a JSON body, else None; and the accepted media types, none where the route takes no body."""
        body = self.body_field.field_info if self.body_field else None
        if isinstance(body, params.Form):
            return None, FORM_TYPES
        return (TypeAdapter(body.annotation), JSON_TYPES) if body and body.annotation else (None, ())

    def limit_body(self, context: RequestContext, limits: LimitSettings) -> int:
        """Set and return the largest body, in bytes."""
        limit = limits.public_body_bytes if self.guard.is_public else limits.body_bytes
        context.max_body_bytes = limit
        return limit

    async def read_body(self, request: Request) -> Any:
        """The body: valid in its schema, a form, or NO_BODY. Raises Malformed, Invalid."""
        if self.adapter is not None:
            return await parse_json_body(request, self.adapter, self.read_only)
        return await read_form(request, self.form_limits) if self.body_field else NO_BODY

    async def body_digest(self, request: Request) -> bytes:
        """The SHA-256 of the body."""
        return hashlib.sha256(await request.body()).digest()

    def add_response_headers(self, request: Request, response: Response) -> Response:
        """Add Vary, ETag (or respond with 304), Location, Link and deprecation."""
        context = context_of(request)
        add_vary(response, is_list=self.item is not None, is_compressible=self.is_compressible)
        if self.deprecation:
            add_deprecation_headers(self.deprecation, response, request.scope.get("root_path", ""))
        if context.etag is not None and ("{id}" in self.path_format or self.status_code == HTTPStatus.CREATED):
            set_header(response, b"etag", f'"{context.etag}"'.encode())
            known = request.headers.get("if-none-match") if request.method in ("GET", "HEAD") else None
            if known and (tag := matching_tag(known, context.etag)):
                return not_modified(response, tag)
        if response.status_code == HTTPStatus.CREATED and context.item_id is not None:
            response.headers["Location"] = f"{quote(request.scope['path'])}/{context.item_id}"
        if context.next_cursor is not None:
            response.headers.append("Link", f'<{next_page_url(request, context.next_cursor)}>; rel="next"')
        return response


def not_modified(response: Response, tag: str) -> Response:
    """The 304 in place of `response`: with the tag that the client has (RFC 9110, 15.4.5)."""
    answer = Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    answer.raw_headers += [header for header in response.raw_headers if header[0] == b"vary"]
    return answer


def module_of(guard: Guard) -> str | None:
    """The module of the permission that the guard requires."""
    return guard.permissions[0].partition(":")[0] if isinstance(guard, RequiresPermission) else None


def check_options(route: APIRoute) -> None:
    """Raise UnsupportedDeclaration for an option of `route` that would have no effect."""
    bodies = {body.name: body for part in flatten(route.dependant) for body in part.body_params}
    unsupported = {
        "response_class": not isinstance(route.response_class, DefaultPlaceholder)
        and not issubclass(route.response_class, (PlainTextResponse, StreamingResponse)),
        "response_model_include": route.response_model_include is not None,
        "response_model_exclude": route.response_model_exclude is not None,
        "response_model_by_alias": not route.response_model_by_alias,
        "response_model_exclude_unset": route.response_model_exclude_unset,
        "response_model_exclude_defaults": route.response_model_exclude_defaults,
        "response_model_exclude_none": route.response_model_exclude_none,
        "max_body_size": route.max_body_size is not None,
        "File": any(isinstance(body.field_info, params.File) for body in bodies.values()),
        "Body(embed=True)": any(getattr(body.field_info, "embed", None) for body in bodies.values()),
        "several bodies": len(bodies) > 1,
    }
    for option, is_set in unsupported.items():
        if is_set:
            raise UnsupportedDeclaration(f"{route.path}: routes do not support {option}")


def next_page_url(request: Request, cursor: str) -> str:
    """The URL of a list from `cursor` on, with all other parameters of `request`."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("cursor", "offset")]
    return f"{quote(request.scope['path'])}?{urlencode([*kept, ('cursor', cursor)])}"


class BadGuard(RuntimeError):
    """A route has no guard, or more than one."""


def split_guard(path: str, dependencies: Sequence[params.Depends]) -> tuple[Guard, list[params.Depends]]:
    """(the guard, the other dependencies). Raises BadGuard. FastAPI never sees the guard: the route itself runs it."""
    guards = [found.dependency for found in dependencies if isinstance(found.dependency, Guard)]
    if len(guards) != 1:
        raise BadGuard(f"{path} has {len(guards)} guards; a route has exactly one")
    return guards[0], [found for found in dependencies if not isinstance(found.dependency, Guard)]


def split_listing(dependencies: Sequence[params.Depends]) -> tuple[Listing | None, list[params.Depends]]:
    """(what a list declares of its items, the other dependencies)."""
    found = [part.dependency for part in dependencies if isinstance(part.dependency, Listing)]
    return next(iter(found), None), [part for part in dependencies if not isinstance(part.dependency, Listing)]


def choose_file_options(route: Route) -> type[FileOptions] | None:
    """The parameters by which a client chooses how the list of a route is written to a file."""
    if route.item is None:
        return None
    if route.writes_files:
        return FileOptions
    return TextFileOptions if route.importable is None else ItemFileOptions


def writer_of(route: Route, fields: tuple[str, ...], kind: str, options: TextFileOptions) -> Write:
    """A writer of files of the media type `kind` with the list of a route, or some `fields` of its items."""
    chosen = route.importable if getattr(options, "columns", "all") == "importable" else None
    item = cast("type[BaseModel]", route.item)
    return file_writer(sparse_schema(item, fields) if fields else item, kind, options, chosen)


def names_of(options: type[FileOptions] | None) -> Iterable[str]:
    return options.model_fields if options is not None else ()


def first_sentence(text: str | None) -> str | None:
    """The first sentence of a docstring, without its full stop."""
    return (text or "").strip().partition(".")[0].partition(";")[0].replace("\n", " ") or None


def item_of_response(model: object) -> type[BaseModel] | None:
    """The schema of a response with one item; None for anything else."""
    is_item = (
        isinstance(model, type) and issubclass(model, BaseModel) and {"id", "version"} <= model.model_fields.keys()
    )
    return model if is_item else None  # type: ignore[return-value]  # mypy does not follow the name


def item_of_page(model: object) -> type[BaseModel] | None:
    """The schema of an item of the page `model`; None for anything but a page."""
    if isinstance(model, type) and issubclass(model, Page):
        item: type[BaseModel] = model.__pydantic_generic_metadata__["args"][0]
        return item
    return None
