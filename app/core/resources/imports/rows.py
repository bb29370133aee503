"""The rows of an uploaded file, each read for what the import does with it, or with its errors."""

from collections.abc import Callable, Iterator
from typing import IO, Any

from app.core.field_errors import FieldError
from app.core.http.file_formats import CSV
from app.core.resources.imports.csv_format import CsvFormat
from app.core.resources.imports.file_format import FileFormat, ItemSchemas, NotValid, Sign, Values
from app.core.resources.imports.ndjson_format import NdjsonFormat

ROWS_PER_BATCH = 100
LINES_PER_BATCH = 10_000
"""Lines after which a batch ends though most of them are empty."""

Row = tuple[int, Any]
"""(number of the line; what the import reads in it, or its errors as a list, or None for an empty line)"""


def format_of(kind: str, schemas: ItemSchemas, *, takes_items: bool, decimal: Sign | None) -> FileFormat:
    """The format of files of the media type `kind`."""
    return (CsvFormat if kind == CSV else NdjsonFormat)(schemas, takes_items=takes_items, decimal=decimal)


def read_rows(file: IO[bytes], form: FileFormat, read: Callable[[Values], Any], from_line: int) -> Iterator[Row]:
    """What `read` makes of the rows of `file`, from a line on. It blocks, and belongs in a thread.

    Raises Malformed, Invalid.
    """
    for number, values in form.lines(file, from_line):
        yield number, read_values(values, read) if isinstance(values, dict) else values


def read_values(values: Values, read: Callable[[Values], Any]) -> Any | list[FieldError]:
    try:
        return read(values)
    except NotValid as error:
        return error.errors


def next_batch(rows: Iterator[Row]) -> list[Row] | None:
    """The next rows, empty lines left out; None at the end. A row with errors is the last one of its batch."""
    batch: list[Row] = []
    for lines, (number, row) in enumerate(rows, start=1):
        if row is not None:
            batch.append((number, row))
        if isinstance(row, list) or len(batch) == ROWS_PER_BATCH or lines == LINES_PER_BATCH:
            return batch
    return batch or None
