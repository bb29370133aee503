"""The rows of an uploaded file, CSV or NDJSON, each validated in the schema or with its errors."""

import csv
from collections.abc import Iterator
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError

from app.core.errors import MAX_LINE_ERRORS, FieldError, Malformed, escape_pointer, invalid, validation_errors
from app.core.http.csv_cells import restore
from app.core.http.file_formats import CSV, column_names
from app.core.resources.schemas import Schema
from app.core.strict_json import check

MAX_ROW_BYTES = 1024 * 1024
ROWS_PER_BATCH = 100
LINES_PER_BATCH = 10_000
"""Lines after which a batch ends though most of them are empty."""

Row = tuple[int, Schema | list[FieldError] | None]
"""(number of the line, the validated row, or its errors, or None for an empty line)"""


class RowReader:
    """Reads the rows of files in one schema. It does not wait for anything, and belongs in a thread."""

    def __init__(self, schema: type[Schema]) -> None:
        self.adapter = TypeAdapter(schema)
        self.names = set(column_names(schema))

    def read(self, file: IO[bytes], kind: str, from_line: int) -> Iterator[Row]:
        """The rows of `file`, which is of the media type `kind`, from a line on. Raises Malformed, Invalid."""
        file.seek(0)
        return self.csv_rows(file, from_line) if kind == CSV else self.json_rows(file, from_line)

    def json_rows(self, file: IO[bytes], from_line: int) -> Iterator[Row]:
        for number, line in numbered_lines(file):
            is_row = number >= from_line and line.strip()
            yield number, self.parse_row(line) if is_row else None

    def csv_rows(self, file: IO[bytes], from_line: int) -> Iterator[Row]:
        records = csv_records(file)
        header = next((cells for _, cells in records if isinstance(cells, list)), [])
        check_header(header, self.names)
        for number, cells in records:
            if not isinstance(cells, list):
                yield number, [{"pointer": "", "detail": cells.detail, "code": cells.code}]
            elif number < from_line or not cells:
                yield number, None
            elif len(cells) != len(header):
                detail = f"The header names {len(header)} columns, this line has {len(cells)}."
                yield number, [{"pointer": "", "detail": detail, "code": "wrong-number-of-columns"}]
            else:
                yield number, self.parse_row(nest(dict(zip(header, cells, strict=False))))

    def parse_row(self, row: bytes | dict[str, Any]) -> Schema | list[FieldError]:
        """A line of JSON, or the cells of a CSV record, in the schema; or the errors. Cells are converted from text."""
        try:
            if not isinstance(row, bytes):
                return self.adapter.validate_strings(row)
            check(row, max_depth=10)
            return self.adapter.validate_json(row, strict=True)
        except ValidationError as error:
            return validation_errors(error, limit=MAX_LINE_ERRORS)
        except Malformed as error:
            return [{"pointer": "", "detail": error.detail, "code": error.code}]


def next_batch(rows: Iterator[Row]) -> list[Row] | None:
    """The next rows, empty lines left out; None at the end. A row with errors is the last one of its batch."""
    batch: list[Row] = []
    for lines, (number, row) in enumerate(rows, start=1):
        if row is not None:
            batch.append((number, row))
        if isinstance(row, list) or len(batch) == ROWS_PER_BATCH or lines == LINES_PER_BATCH:
            return batch
    return batch or None


def check_header(header: list[str], known: set[str]) -> None:
    """Raise Invalid for an unknown or repeated column, Malformed for a missing header."""
    for position, name in enumerate(header):
        if name not in known or name in header[:position]:
            detail = f"Use each of these columns at most once: {', '.join(sorted(known))}."
            raise invalid(f"/body/1/{escape_pointer(name)}", detail, "unknown-column")
    if not header:
        raise Malformed("The file has no header line.")


def numbered_lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines of `file` with their numbers, from 1. Raises Malformed for a line that is too long."""
    number = 0
    while line := file.readline(MAX_ROW_BYTES + 1):
        number += 1
        if len(line) > MAX_ROW_BYTES:
            raise Malformed(f"Line {number} is longer than {MAX_ROW_BYTES} bytes.")
        yield number, line


def csv_records(file: IO[bytes]) -> Iterator[tuple[int, list[str] | Malformed]]:
    """Records with the number of their first line. The last may be a Malformed: nothing after it can be read."""
    started, last, size = 1, 0, 0

    def lines() -> Iterator[str]:
        nonlocal last, size
        for number, line in numbered_lines(file):
            last, size = number, size + len(line)
            if size > MAX_ROW_BYTES or b"\0" in line:
                raise Malformed(f"Line {number} holds a NUL, or ends a row of more than {MAX_ROW_BYTES} bytes.")
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")

    reader = csv.reader(lines(), strict=True)
    try:
        for record in reader:
            yield started, record
            started, size = last + 1, 0
    except Malformed as error:
        yield started, error
    except (csv.Error, UnicodeDecodeError):
        yield started, Malformed(f"Line {last} is not CSV in UTF-8.")


def nest(row: dict[str, str]) -> dict[str, Any]:
    """The cells that are not empty, `address.city` within `address`, without the quotes before formulas."""
    document: dict[str, Any] = {}
    for name, text in row.items():
        if text == "":
            continue
        place = document
        *path, last = name.split(".")
        for part in path:
            place = place.setdefault(part, {})
        place[last] = restore(text)
    return document
