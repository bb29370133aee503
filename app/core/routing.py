"""The route that every module uses: strict bodies, and the headers that an item or a page owes its client."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response, params
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from app.core.context import RequestContext, current
from app.core.db import context_of, database_of
from app.core.errors import Problem, UnsupportedMediaType
from app.core.guard import Guard, flat, internal
from app.core.problems import field_errors, unprocessable
from app.core.rate_limit import RateLimiter
from app.core.repository import matches
from app.core.strict_json import check

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="Only if this is still the version.", max_length=500)
]
JSON_KINDS = ("application/json", "application/merge-patch+json")
FORM_KINDS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class ModuleInfo:
    """How a module introduces itself to roles and menus; synced to the database at start-up."""

    slug: str
    name: str
    group: str
    icon: str
    route: str
    sort_order: int


class ReadRequest(Request):
    """A request whose JSON body was read already."""

    content: Any

    async def json(self) -> Any:
        return self.content


class Route(APIRoute):
    """An APIRoute that keeps the conventions of the API, so that endpoints need not.

    Credentials are judged before the body is read, and the body is read in strict JSON mode, straight into its schema.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, noting_version(endpoint), **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        guard = next((below.call for below in flat(self.dependant) if isinstance(below.call, Guard)), None)
        body = self.body_field.field_info if self.body_field else None
        is_form = isinstance(body, params.Form)
        adapter = TypeAdapter[Any](body.annotation) if body and body.annotation and not is_form else None
        kinds = FORM_KINDS if is_form else JSON_KINDS
        shows_version = "{id}" in self.path or self.status_code == HTTPStatus.CREATED

        async def strict(request: Request) -> Response:
            if guard is not None:
                await admitted(guard, request)
            if body is not None:
                refuse_other_kinds(request, kinds)
            if adapter is not None:
                request = await read(request, adapter)
            response = await handle(request)
            return finished(request, response, context_of(request), shows_version=shows_version)

        return strict


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


def refuse_other_kinds(request: Request, kinds: tuple[str, ...]) -> None:
    """Raise UnsupportedMediaType for a body of another kind; no body is for the schema to judge."""
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    kind, _, options = request.headers.get("content-type", "").lower().partition(";")
    charset = options.partition("charset=")[2].partition(";")[0].strip().strip('"')
    if has_body and (kind.strip() not in kinds or charset not in ("", "utf-8", "utf8")):
        raise UnsupportedMediaType(f"Send the body as {kinds[0]}, in UTF-8.")


async def read(request: Request, adapter: TypeAdapter[Any]) -> Request:
    """`request` with its body in the schema. Raises Malformed, Invalid."""
    body = await request.body()
    if not body:
        return request
    check(body, database_of(request).settings.limits.json_depth)
    known = ReadRequest(request.scope, request.receive)
    known._body = body  # noqa: SLF001  # Starlette's own cache: the stream can be read once
    try:
        known.content = adapter.validate_json(body, strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise unprocessable(field_errors(found, ("body",))) from error
    return known


def noting_version(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Note the version and id of the item that `endpoint` returns."""

    @wraps(endpoint)
    async def noted(*args: Any, **kwargs: Any) -> Any:
        result = await endpoint(*args, **kwargs)
        context = current.get()
        if context is not None:
            context.version = getattr(result, "version", None)
            context.item_id = getattr(result, "id", None)
        return result

    return noted


def finished(request: Request, response: Response, context: RequestContext, *, shows_version: bool) -> Response:
    """Add ETag (or answer 304), Location and Link."""
    if response.status_code == HTTPStatus.NO_CONTENT:
        del response.headers["content-type"]
    if context.version is not None and shows_version:
        response.headers["ETag"] = f'"{context.version}"'
        known = request.headers.get("if-none-match")
        if request.method == "GET" and known and matches(known.replace("W/", ""), context.version):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": response.headers["ETag"]})
    if response.status_code == HTTPStatus.CREATED and context.item_id is not None:
        response.headers["Location"] = f"{request.url.path}/{context.item_id}"
    if context.next_cursor is not None:
        url = request.url.include_query_params(cursor=context.next_cursor).remove_query_params("offset")
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return response


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
        audience: Literal["everybody", "internal"] = "everybody",
        dependencies: Sequence[Any] = (),
    ) -> None:
        path = prefix if prefix is not None else f"/{slug}"
        super().__init__(
            prefix=path,
            tags=[tag or slug or path.strip("/")],
            route_class=Route,
            redirect_slashes=False,
            dependencies=[internal, *dependencies] if audience == "internal" else dependencies,
        )
        self.module = ModuleInfo(slug, name or slug.title(), group, icon, f"/{slug}", sort_order) if slug else None
