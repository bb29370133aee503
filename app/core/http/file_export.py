"""Lists as files: the same rows as CSV or NDJSON, streamed page by page in constant memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response, StreamingResponse

from app.core.context import RequestContext
from app.core.db.pagination import PageQuery, RowPage
from app.core.errors import Forbidden, invalid_fields
from app.core.field_errors import validation_errors
from app.core.http.file_formats import EXPORT_TYPES, ROWS_PER_PAGE, Write
from app.core.http.file_options import ItemFileOptions
from app.core.http.state import context_of

ListEndpoint = Callable[..., Awaitable[RowPage]]


class AttachmentResponse(StreamingResponse):
    """A file, of an endpoint that sends nothing else: it can be downloaded by a link, too."""


class ZipResponse(AttachmentResponse):
    """A zip file."""

    media_type = "application/zip"


async def read_file_kind(request: Request) -> str | None:
    """The media type of the file that is requested; None for JSON. An endpoint that depends on it writes the file."""
    return context_of(request).file_kind


def read_options(request: Request, adapter: TypeAdapter[Any]) -> Any:
    """The options that a request gives; None where it gives none. Raises Invalid."""
    if not request.scope["query_string"]:
        return None
    names = ItemFileOptions.model_fields.keys() & request.query_params.keys()
    if not names:
        return None
    try:
        return adapter.validate_strings({name: request.query_params[name] for name in names})
    except ValidationError as error:
        raise invalid_fields(validation_errors(error, ("query",)), error.error_count()) from error


async def stream_list(
    endpoint: ListEndpoint, arguments: dict[str, Any], write: Write, kind: str, context: RequestContext
) -> Response:
    """The list of `endpoint` as a file: the one page of an explicit `limit`, else every row from the cursor on.

    Every row comes exactly once if its sort values do not change meanwhile.

    The first page is read before the headers are sent, so a bad cursor is still a problem response. Each further page
    is a statement of its own, so no connection is held while a client reads slowly.
    """
    query: PageQuery = arguments["query"]
    is_page = "limit" in query.model_fields_set
    query = query.model_copy(update={"total": False} if is_page else {"total": False, "limit": ROWS_PER_PAGE})
    first = await endpoint(**{**arguments, "query": query})
    if not is_page:
        context.next_cursor = None
    pages = single_page(first) if is_page else all_pages(endpoint, arguments, query, first, context)
    return to_file(encode_pages(pages, write), context.file_name, kind)


def to_file(chunks: AsyncIterator[bytes], name: str, kind: str) -> Response:
    """A response with a file of this media type; `name` is without its ending."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{EXPORT_TYPES[kind]}"'}
    return StreamingResponse(chunks, headers=headers, media_type=kind)


async def single_page(page: RowPage) -> AsyncIterator[Sequence[Any]]:
    yield page.items


async def all_pages(
    endpoint: ListEndpoint, arguments: dict[str, Any], query: PageQuery, page: RowPage, context: RequestContext
) -> AsyncIterator[Sequence[Any]]:
    """The items of `page` and of every page after it. Raises Forbidden once the permissions of the caller change.

    A file that went on with others would look whole, and be neither what the caller could read before nor after.
    """
    begun = context.principal
    yield page.items
    while page.next_cursor is not None:
        await context.reauthorize()
        if begun and context.principal and context.principal.permissions != begun.permissions:
            raise Forbidden("Your permissions changed while the file was written. Ask for it again.")
        query = query.model_copy(update={"cursor": page.next_cursor, "offset": 0})
        page = await endpoint(**{**arguments, "query": query})
        yield page.items


async def encode_pages(pages: AsyncIterator[Sequence[Any]], write: Write) -> AsyncIterator[bytes]:
    async for rows in pages:
        if chunk := write(rows):
            yield chunk
