"""Reading a request's body: the kinds a route takes, and JSON in strict mode, straight into its schema."""

from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from app.core.db import database_of
from app.core.errors import ContentTooLarge, UnsupportedMediaType
from app.core.problems import field_errors, unprocessable
from app.core.strict_json import check

JSON_KINDS = ("application/json", "application/merge-patch+json")
FORM_KINDS = ("application/x-www-form-urlencoded", "multipart/form-data")


class ReadRequest(Request):
    """A request whose JSON body was read already."""

    content: Any

    async def json(self) -> Any:
        return self.content


def kind_of(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def refuse_other_kinds(request: Request, kinds: tuple[str, ...]) -> None:
    """Raise UnsupportedMediaType for a body of another kind; no body is for the schema to judge."""
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    options = request.headers.get("content-type", "").lower().partition(";")[2]
    charset = options.partition("charset=")[2].partition(";")[0].strip().strip('"')
    if has_body and (kind_of(request) not in kinds or charset not in ("", "utf-8", "utf8")):
        raise UnsupportedMediaType(f"Send the body as {' or '.join(kinds)}, in UTF-8.")


def refuse_oversize(request: Request, limit: int) -> None:
    """Raise ContentTooLarge for a body that says itself that it is over `limit` bytes."""
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise ContentTooLarge(f"The body is larger than {limit} bytes.")


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
