"""Lists as files: the same rows as CSV or NDJSON, streamed page by page in constant memory."""

import csv
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, get_args

import orjson
from pydantic import BaseModel, TypeAdapter
from starlette.responses import Response, StreamingResponse

from app.core.context import RequestContext
from app.core.page import PageQuery, Window

CSV, NDJSON = "text/csv", "application/x-ndjson"
FILE_KINDS = {CSV: "csv", NDJSON: "ndjson"}
ROWS_AT_ONCE = 1000
FORMULA = re.compile(r"^'*[=+\-@\t\r]")
"""What a spreadsheet runs; quotes before it count, so that taking one off gives back what was."""
NUMBER = re.compile(r"^-?[0-9]+(\.[0-9]+)?$")

Lister = Callable[..., Awaitable[Window]]


def asked_kind(accept: str) -> str | None:
    """The file kind that `Accept` prefers, None where JSON will do (RFC 9110, 12.5.1)."""
    best, weight = None, 0.0
    for part in accept.lower().split(","):
        kind, *options = (piece.strip() for piece in part.split(";"))
        quality = next((option[2:] for option in options if option.startswith("q=")), "1")
        wanted = float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality) else 0.0
        if wanted > weight:
            best, weight = kind, wanted
    return best if best in FILE_KINDS else None


async def streamed(
    lister: Lister, arguments: dict[str, Any], item: type[BaseModel], kind: str, context: RequestContext
) -> Response:
    """The answer of `lister` as a file: the page that an explicit `limit` asks for, else every row from there on.

    Rows come once each where what they are sorted by does not change meanwhile.

    The first page is read before the head is sent, so a bad cursor is still a problem; each further page is a
    statement of its own, so no connection is held while a client reads slowly.
    """
    query: PageQuery = arguments["query"]
    is_page = "limit" in query.model_fields_set
    query = query.model_copy(update={"total": False} if is_page else {"total": False, "limit": ROWS_AT_ONCE})
    first = await lister(**{**arguments, "query": query})
    if not is_page:
        context.next_cursor = None
    pages = one(first) if is_page else following(lister, arguments, query, first, context)
    write = csv_lines(item) if kind == CSV else json_lines(item)
    name = f"{context.file_name}.{FILE_KINDS[kind]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"}
    return StreamingResponse(chunks(pages, write), headers=headers, media_type=kind)


async def one(window: Window) -> AsyncIterator[Sequence[Any]]:
    yield window.items


async def following(
    lister: Lister, arguments: dict[str, Any], query: PageQuery, window: Window, context: RequestContext
) -> AsyncIterator[Sequence[Any]]:
    """The items of `window` and of every page behind it, for as long as the caller may read them."""
    yield window.items
    while window.next_cursor is not None:
        if context.judge_again is not None:
            await context.judge_again()
        query = query.model_copy(update={"cursor": window.next_cursor, "offset": 0})
        window = await lister(**{**arguments, "query": query})
        yield window.items


Write = Callable[[Sequence[Any]], bytes]


async def chunks(pages: AsyncIterator[Sequence[Any]], write: Write) -> AsyncIterator[bytes]:
    async for rows in pages:
        if chunk := write(rows):
            yield chunk


def json_lines(item: type[BaseModel]) -> Write:
    adapter = TypeAdapter(item)

    def write(rows: Sequence[Any]) -> bytes:
        validated = (adapter.validate_python(row, from_attributes=True) for row in rows)
        return b"".join(adapter.dump_json(row) + b"\n" for row in validated)

    return write


def csv_lines(item: type[BaseModel]) -> Write:
    """Writes a header before the first rows; CRLF and quotes as in RFC 4180."""
    adapter = TypeAdapter(item)
    names = list(columns(item))
    paths = [name.split(".") for name in names]
    header = [names]

    def write(rows: Sequence[Any]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        while header:
            writer.writerow(header.pop())
        for row in rows:
            document = adapter.dump_python(adapter.validate_python(row, from_attributes=True), mode="json")
            writer.writerow([cell(value_at(document, path)) for path in paths])
        return text.getvalue().encode()

    return write


def columns(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The fields of `model`, those of nested models by dotted names: `address.city`."""
    for name, field in model.model_fields.items():
        nested = nested_model(field.annotation)
        if nested:
            yield from columns(nested, f"{prefix}{name}.")
        else:
            yield prefix + name


def nested_model(annotation: Any) -> type[BaseModel] | None:
    """The model in `annotation`, also in `Model | None`."""
    options = [annotation, *get_args(annotation)]
    return next((option for option in options if isinstance(option, type) and issubclass(option, BaseModel)), None)


def value_at(document: Any, path: list[str]) -> Any:
    for name in path:
        document = document.get(name) if document else None
    return document


def cell(value: Any) -> str:
    """`value` as text that a spreadsheet does not run: what looks like a formula, and is no number, gets a quote."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if FORMULA.match(value) and not NUMBER.match(value) else value
    return orjson.dumps(value).decode()
