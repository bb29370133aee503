"""Lists as files: the same rows as CSV or NDJSON, streamed page by page in constant memory."""

import csv
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

import orjson
from pydantic import BaseModel, TypeAdapter
from starlette.responses import Response, StreamingResponse

from app.core.context import RequestContext
from app.core.db.pagination import PageQuery, RowPage
from app.core.http.csv_cells import neutralize

CSV, NDJSON = "text/csv", "application/x-ndjson"
FILE_TYPES = {CSV: "csv", NDJSON: "ndjson"}
ROWS_PER_PAGE = 1000

ListEndpoint = Callable[..., Awaitable[RowPage]]


def requested_file_type(accept: str) -> str | None:
    """The file type that `Accept` prefers; None for JSON (RFC 9110, 12.5.1)."""
    best, weight = None, 0.0
    for part in accept.lower().split(","):
        kind, *options = (piece.strip() for piece in part.split(";"))
        quality = next((option[2:] for option in options if option.startswith("q=")), "1")
        wanted = float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality) else 0.0
        if wanted > weight:
            best, weight = kind, wanted
    return best if best in FILE_TYPES else None


async def stream_list(
    endpoint: ListEndpoint, arguments: dict[str, Any], item: type[BaseModel], kind: str, context: RequestContext
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
    write = csv_writer(item) if kind == CSV else ndjson_writer(item)
    name = f"{context.file_name}.{FILE_TYPES[kind]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"}
    return StreamingResponse(encode_pages(pages, write), headers=headers, media_type=kind)


async def single_page(page: RowPage) -> AsyncIterator[Sequence[Any]]:
    yield page.items


async def all_pages(
    endpoint: ListEndpoint, arguments: dict[str, Any], query: PageQuery, page: RowPage, context: RequestContext
) -> AsyncIterator[Sequence[Any]]:
    """The items of `page` and of every page after it. Raises Forbidden once the caller may no longer read them."""
    yield page.items
    while page.next_cursor is not None:
        await context.reauthorize()
        query = query.model_copy(update={"cursor": page.next_cursor, "offset": 0})
        page = await endpoint(**{**arguments, "query": query})
        yield page.items


Write = Callable[[Sequence[Any]], bytes]


async def encode_pages(pages: AsyncIterator[Sequence[Any]], write: Write) -> AsyncIterator[bytes]:
    async for rows in pages:
        if chunk := write(rows):
            yield chunk


def ndjson_writer(item: type[BaseModel]) -> Write:
    """A writer of one JSON document a line."""
    adapter = TypeAdapter(item)

    def write(rows: Sequence[Any]) -> bytes:
        validated = (adapter.validate_python(row, from_attributes=True) for row in rows)
        return b"".join(adapter.dump_json(row) + b"\n" for row in validated)

    return write


def csv_writer(item: type[BaseModel]) -> Write:
    """A writer of CSV, with a header before the first rows; CRLF and quotes, around every cell, as in RFC 4180."""
    adapter = TypeAdapter(item)
    names = list(column_names(item))
    paths = [name.split(".") for name in names]
    header = [names]

    def write(rows: Sequence[Any]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        while header:
            writer.writerow(header.pop())
        for row in rows:
            document = adapter.dump_python(adapter.validate_python(row, from_attributes=True), mode="json")
            writer.writerow([csv_cell(value_at(document, path)) for path in paths])
        return text.getvalue().encode()

    return write


def column_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The fields of `model`; those of nested models have dotted names: `address.city`."""
    for name, field in model.model_fields.items():
        nested = nested_model(field.annotation)
        if nested:
            yield from column_names(nested, f"{prefix}{name}.")
        else:
            yield prefix + name


def nested_model(annotation: object) -> type[BaseModel] | None:
    """The model in `annotation`, also in `Model | None`."""
    options = [annotation, *get_args(annotation)]
    return next((option for option in options if isinstance(option, type) and issubclass(option, BaseModel)), None)


def value_at(document: Mapping[str, object], path: list[str]) -> object:
    value: Any = document
    for name in path:
        value = value.get(name) if value else None
    return value


def csv_cell(value: object) -> str:
    """`value` as text that no spreadsheet runs."""
    if value is None:
        return ""
    return neutralize(value if isinstance(value, str) else orjson.dumps(value).decode())
