"""The route that every module uses: credentials before the body, one transaction, and the headers owed to a client."""

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response, params
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter

from app.core.bodies import FORM_KINDS, JSON_KINDS, read, refuse_other_kinds, refuse_oversize
from app.core.config import LimitSettings
from app.core.context import RequestContext, current
from app.core.db import context_of, database_of, request_session
from app.core.deprecation import announce
from app.core.errors import PreconditionRequired, Problem
from app.core.export import asked_kind, streamed
from app.core.guard import Guard, Requires, SignedIn, flat, internal
from app.core.idempotency import attempt_of, key_of
from app.core.page import Page
from app.core.rate_limit import RateLimiter
from app.core.repository import etag_of, names
from app.core.transaction import committed

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="Only if this is still the version.", max_length=500)
]


@dataclass(frozen=True)
class ModuleInfo:
    """How a module introduces itself to roles and menus; synced to the database at start-up."""

    slug: str
    name: str
    group: str
    icon: str
    route: str
    sort_order: int


class Route(APIRoute):
    """An APIRoute that keeps the conventions of the API, so that endpoints need not.

    A word is no id: `/tasks/bulk` is none of the addresses `/tasks/{id}`.

    Credentials are judged before the body is read, the body is read in strict JSON mode, straight into its schema, and
    what the endpoint wrote is committed before the answer leaves.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.item = item_of(options.get("response_model"))
        options["summary"] = options.get("summary") or summary_of(endpoint)
        super().__init__(strict_path(path, endpoint), noting(endpoint, self.item), **options)

    @property
    def calls(self) -> list[Any]:
        """Every dependency of the endpoint."""
        return [below.call for below in flat(self.dependant)]

    @property
    def writes(self) -> bool:
        """Whether the endpoint gets a session that writes, and so runs in a transaction of its own."""
        return request_session in self.calls

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether the first answer is kept; never one that shows a secret once: those are given in person."""
        is_guarded = any(isinstance(call, Requires) and not call.in_person for call in self.calls)
        return self.writes and is_guarded and "POST" in (self.methods or ())

    @property
    def takes_if_match(self) -> bool:
        return any(field.alias == "If-Match" for below in flat(self.dependant) for field in below.header_params)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        adapter, kinds = self.body()
        prepare, writes = self.preparation(kinds), self.writes

        async def answer(request: Request) -> Response:
            return finished(self, request, await handle(request))

        async def strict(request: Request) -> Response:
            key = await prepare(request)
            request = await self.read(request, adapter)
            attempt = attempt_of(request, key, await self.digest(request)) if key else None
            return await committed(request, answer, attempt) if writes else await answer(request)

        return strict

    def preparation(self, kinds: tuple[str, ...]) -> Callable[[Request], Awaitable[str | None]]:
        """What is judged before the body is read; it answers the idempotency key."""
        guard = next((call for call in self.calls if isinstance(call, Guard)), None)
        takes_key, takes_if_match = self.takes_idempotency_key, self.takes_if_match

        async def prepare(request: Request) -> str | None:
            context, options = context_of(request), database_of(request).settings.limits
            if guard is not None:
                await admitted(guard, request)
            if isinstance(guard, SignedIn):
                context.judge_again = partial(guard.judge, request)
            self.limit(context, options)
            refuse_oversize(request, context.max_body_bytes or options.body_bytes)
            if kinds:
                refuse_other_kinds(request, kinds)
            if takes_if_match and options.require_if_match and "if-match" not in request.headers:
                raise PreconditionRequired("Send If-Match with the ETag of what you read.")
            if self.item is not None:
                context.file_kind = asked_kind(request.headers.get("accept", ""))
                context.file_name = str(self.tags[0])
                context.durable = context.durable or context.file_kind is not None
            return key_of(request, taken=takes_key)

        return prepare

    def body(self) -> tuple[TypeAdapter[Any] | None, tuple[str, ...]]:
        """What judges the body, and the media types it may have; none where no body is asked for."""
        body = self.body_field.field_info if self.body_field else None
        if isinstance(body, params.Form):
            return None, FORM_KINDS
        return (TypeAdapter(body.annotation), JSON_KINDS) if body and body.annotation else (None, ())

    def limit(self, context: RequestContext, options: LimitSettings) -> None:
        """Set the largest body; an upload also gets more time."""
        context.max_body_bytes = options.body_bytes

    async def read(self, request: Request, adapter: TypeAdapter[Any] | None) -> Request:
        """`request` with its body read and judged. Raises Malformed, Invalid."""
        return request if adapter is None else await read(request, adapter)

    async def digest(self, request: Request) -> bytes:
        """The SHA-256 of the body."""
        return hashlib.sha256(await request.body()).digest()


async def admitted(guard: Guard, request: Request) -> None:
    """Run the guard, and count the request: for whom it admits, or for the address of whom it does not know."""
    limiter: RateLimiter = request.app.state.limiter
    context = context_of(request)
    try:
        await guard(request)
    except Problem:
        await limiter.count(context)
        raise
    if getattr(guard, "counted", True):
        await limiter.count(context)


def finished(route: Route, request: Request, response: Response) -> Response:
    """Add ETag (or answer 304), Location, Link and what deprecation announces."""
    context = context_of(request)
    announce(route.openapi_extra, response)
    if response.status_code == HTTPStatus.NO_CONTENT:
        del response.headers["content-type"]
    if context.etag is not None and ("{id}" in route.path_format or route.status_code == HTTPStatus.CREATED):
        response.headers["ETag"] = f'"{context.etag}"'
        known = request.headers.get("if-none-match")
        if request.method == "GET" and known and names(known, context.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": response.headers["ETag"]})
    if response.status_code == HTTPStatus.CREATED and context.item_id is not None:
        response.headers["Location"] = f"{request.url.path}/{context.item_id}"
    if context.next_cursor is not None:
        url = request.url.include_query_params(cursor=context.next_cursor).remove_query_params("offset")
        response.headers.append("Link", f'<{url.path}?{url.query}>; rel="next"')
    return response


def strict_path(path: str, endpoint: Callable[..., Any]) -> str:
    """`path`, whose parameters that are UUIDs match nothing else."""
    for name, parameter in inspect.signature(endpoint).parameters.items():
        if parameter.annotation is UUID:
            path = path.replace(f"{{{name}}}", f"{{{name}:uuid}}")
    return path


def summary_of(endpoint: Callable[..., Any]) -> str | None:
    """The first sentence of the docstring."""
    return (endpoint.__doc__ or "").strip().partition(".")[0].partition(";")[0].replace("\n", " ") or None


def item_of(model: Any) -> type[BaseModel] | None:
    """What a list that answers `model` is a list of; None for anything but a page."""
    if isinstance(model, type) and issubclass(model, Page):
        item: type[BaseModel] = model.__pydantic_generic_metadata__["args"][0]
        return item
    return None


def noting(endpoint: Callable[..., Any], item: type[BaseModel] | None) -> Callable[..., Any]:
    """Note the version and id of the item that `endpoint` returns; stream a list that is asked for as a file."""

    @wraps(endpoint)
    async def noted(*args: Any, **kwargs: Any) -> Any:
        context = current.get()
        if item is not None and context is not None and context.file_kind:
            return await streamed(endpoint, kwargs, item, context.file_kind, context)
        result = await endpoint(*args, **kwargs)
        if context is not None:
            context.etag = etag_of(result)
            context.item_id = getattr(result, "id", None)
        return result

    return noted


class Tag(str):
    """A name of operations in the document, and what they are about."""

    about: str

    def __new__(cls, name: str, about: str) -> Self:
        tag = super().__new__(cls, name)
        tag.about = about
        return tag


class Router(APIRouter):
    """A module's router. `slug` names the module in permissions; without one no route of it can be guarded by role.

    The audience `internal` is the policy of the whole router: only signed calls of our own services get in.
    """

    def __init__(  # noqa: PLR0913  # options, all by keyword
        self,
        slug: str | None = None,
        *,
        prefix: str | None = None,
        name: str = "",
        group: str = "",
        icon: str = "",
        sort_order: int = 0,
        tag: str | None = None,
        about: str = "",
        audience: Literal["everybody", "internal"] = "everybody",
        dependencies: Sequence[Any] = (),
    ) -> None:
        path = prefix if prefix is not None else f"/{slug}"
        super().__init__(
            prefix=path,
            tags=[Tag(tag or slug or path.strip("/"), about)],
            route_class=Route,
            redirect_slashes=False,
            dependencies=[internal, *dependencies] if audience == "internal" else dependencies,
        )
        self.module = ModuleInfo(slug, name or slug.title(), group, icon, f"/{slug}", sort_order) if slug else None
