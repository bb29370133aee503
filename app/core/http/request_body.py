"""Reading a request's body: its media type, its size, and JSON in strict mode, straight into its schema."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.core.errors import ContentTooLarge, UnsupportedMediaType, invalid_fields
from app.core.field_errors import validation_errors
from app.core.fields.read_only import Instead, explain_read_only
from app.core.http.parameters import NO_BODY
from app.core.http.state import state_of
from app.core.strict_json import check

JSON_TYPES = ("application/json", "application/merge-patch+json")
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")

MAX_INLINE_BYTES = 64 * 1024
"""Larger bodies are validated in a thread, so that other requests are served meanwhile."""


def media_type_of(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_media_type(request: Request, accepted: tuple[str, ...]) -> None:
    """Raise UnsupportedMediaType for a body of another type. The schema decides whether a body may be missing."""
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    options = request.headers.get("content-type", "").lower().partition(";")[2]
    charset = options.partition("charset=")[2].partition(";")[0].strip().strip('"')
    if has_body and (media_type_of(request) not in accepted or charset not in ("", "utf-8", "utf8")):
        raise UnsupportedMediaType(f"Send the body as {' or '.join(accepted)}, in UTF-8.")


def check_declared_size(request: Request, limit: int) -> None:
    """Raise ContentTooLarge for a body that declares more than `limit` bytes."""
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise ContentTooLarge(f"The body is larger than {limit} bytes.")


async def parse_json_body(request: Request, adapter: TypeAdapter[Any], read_only: Instead) -> Any:
    """The body, validated by `adapter`; NO_BODY where there is none. Raises Malformed, Invalid."""
    body = await request.body()
    if not body:
        return NO_BODY
    max_depth = state_of(request).settings.limits.json_depth
    if len(body) > MAX_INLINE_BYTES:
        return await asyncio.to_thread(validate_json, body, max_depth, adapter, read_only)
    return validate_json(body, max_depth, adapter, read_only)


async def read_form(request: Request, limits: Mapping[str, Any]) -> FormData:
    """The fields of a form. A file among them is dropped. Raises HTTPException, ClientDisconnect."""
    try:
        async with request.form(**limits) as form:
            return form
    except (HTTPException, ClientDisconnect):
        raise
    except Exception as error:  # the parsers raise errors of many kinds
        raise HTTPException(HTTPStatus.BAD_REQUEST, "There was an error parsing the body") from error


def validate_json(body: bytes, max_depth: int, adapter: TypeAdapter[Any], read_only: Instead) -> Any:
    """`body` in the schema of `adapter`. Raises Malformed, Invalid."""
    check(body, max_depth)
    try:
        return adapter.validate_json(body, strict=True)
    except ValidationError as error:
        errors = explain_read_only(validation_errors(error, ("body",)), read_only)
        raise invalid_fields(errors, error.error_count()) from error
