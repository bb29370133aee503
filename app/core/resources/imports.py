"""Imports: items created from a file, read line by line and written in batches, in one transaction."""

import asyncio
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.core.db.integrity import client_problem
from app.core.errors import DryRun, FieldError, Invalid, Malformed, Problem, escape_pointer, invalid, validation_errors
from app.core.http.csv_cells import restore
from app.core.http.file_export import CSV, column_names
from app.core.resources.schemas import ResponseSchema, Schema
from app.core.resources.service import Service
from app.core.strict_json import check

ROWS_PER_BATCH = 500
MAX_ROW_BYTES = 1024 * 1024
ROWS_BETWEEN_PAUSES = 50
PAUSE_SECONDS = 0.001
"""Other requests are served meanwhile. A pause of no time would not do: the threads of SQLite get no turn in it."""
MAX_ERRORS = 100


class ImportQuery(BaseModel):
    """How an import treats errors."""

    model_config = ConfigDict(extra="forbid")

    on_error: Literal["abort", "stop"] = "abort"
    """`abort`: all rows or none. `stop`: the rows before the first invalid one."""
    dry_run: bool = False
    """Keep nothing: only validate the file, with `stop` up to the first invalid row."""


class LineError(ResponseSchema):
    """An error in one line of the file."""

    line: int
    """The number of the line, from 1."""
    pointer: str
    """The field: `/body/<line>/<field>`."""
    detail: str
    """What is wrong, in a sentence."""
    code: str
    """A stable code."""


class ImportReport(ResponseSchema):
    """The result of an import."""

    dry_run: bool
    """Whether nothing was kept because a dry run was requested."""
    created: int
    """The number of created items."""
    failed: int
    """The number of refused rows."""
    stopped_at_line: int | None
    """The first line that was not kept; null if the whole file was read."""
    errors: list[LineError] = Field(max_length=MAX_ERRORS)
    """The first errors, at most 100."""


@dataclass
class ImportProgress:
    """The result of an import so far."""

    created: int = 0
    failed: int = 0
    stopped_at_line: int | None = None
    errors: list[FieldError] = field(default_factory=list)

    def add_errors(self, line: int, errors: list[FieldError]) -> None:
        self.failed += 1
        room = MAX_ERRORS - len(self.errors)
        self.errors += [{**error, "pointer": f"/body/{line}{error['pointer']}"} for error in errors[:room]]

    def report(self, *, dry_run: bool) -> dict[str, Any]:
        errors = [{"line": int(error["pointer"].split("/")[2]), **error} for error in self.errors]
        return {
            "dry_run": dry_run,
            "created": self.created,
            "failed": self.failed,
            "stopped_at_line": self.stopped_at_line,
            "errors": errors,
        }


Row = tuple[int, Schema | list[FieldError] | None]
"""(number of the line, the validated row, or its errors, or None for an empty line)"""


class Importer:
    """Creates the rows of a file with `service`, in the caller's transaction."""

    def __init__(self, service: Service[Any], schema: type[Schema], query: ImportQuery) -> None:
        self.service = service
        self.adapter = TypeAdapter(schema)
        self.names = set(column_names(schema))
        self.query = query
        self.progress = ImportProgress()

    async def run(self, file: IO[bytes], kind: str) -> dict[str, Any]:
        """Import `file` and return the report. Raises Invalid for bad rows with `on_error=abort`, DryRun."""
        batch: list[tuple[int, Schema]] = []
        for count, (line, row) in enumerate(self.csv_rows(file) if kind == CSV else self.json_rows(file)):
            if count % ROWS_BETWEEN_PAUSES == 0:
                await asyncio.sleep(PAUSE_SECONDS)
            if isinstance(row, Schema):
                batch.append((line, row))
            if len(batch) == ROWS_PER_BATCH or isinstance(row, list):
                await self.write(batch)
                batch = []
            if isinstance(row, list) and not self.has_ended:
                self.reject(line, row)
            if self.has_ended:
                break
        await self.write(batch)
        return self.finish()

    @property
    def has_ended(self) -> bool:
        """Whether the rest of the file need not be read."""
        is_lost = self.query.on_error == "abort" and len(self.progress.errors) >= MAX_ERRORS
        return is_lost or self.progress.stopped_at_line is not None

    def finish(self) -> dict[str, Any]:
        """The report. Raises Invalid, DryRun."""
        progress, dry_run = self.progress, self.query.dry_run
        if dry_run:
            raise DryRun(progress.report(dry_run=True))
        if progress.failed and self.query.on_error == "abort":
            raise Invalid(f"{progress.failed} rows cannot be imported; nothing was.", errors=progress.errors)
        return progress.report(dry_run=False)

    def reject(self, line: int, errors: list[FieldError]) -> None:
        """Record the errors of a row."""
        self.progress.add_errors(line, errors)
        if self.query.on_error == "stop":
            self.progress.stopped_at_line = line

    async def write(self, batch: list[tuple[int, Schema]]) -> None:
        """Create the rows of `batch` in one flush; if that fails, one by one."""
        if not batch or self.has_ended:
            return
        if await self.try_create([row for _, row in batch]) is None:
            self.progress.created += len(batch)
        else:
            await self.write_singly(batch)
        self.service.rows.writer.expunge_all()

    async def write_singly(self, batch: list[tuple[int, Schema]]) -> None:
        """Create the rows of `batch` one by one, and reject those that fail."""
        for line, row in batch:
            errors = await self.try_create([row])
            if errors is None:
                self.progress.created += 1
            else:
                self.reject(line, errors)
            if self.has_ended:
                return

    async def try_create(self, rows: list[Schema]) -> list[FieldError] | None:
        """Create `rows` in a savepoint of their own. Returns the errors, or None on success."""
        try:
            async with self.service.rows.writer.begin_nested():
                await self.service.create_many(rows)
        except (Problem, SQLAlchemyError) as error:
            return client_problem(error).relocate("").errors or []
        return None

    def json_rows(self, file: IO[bytes]) -> Iterator[Row]:
        for number, line in numbered_lines(file):
            yield number, self.parse_row(line) if line.strip() else None

    def csv_rows(self, file: IO[bytes]) -> Iterator[Row]:
        records = csv_records(file)
        header = next((cells for _, cells in records if isinstance(cells, list)), [])
        check_header(header, self.names)
        for number, cells in records:
            if not isinstance(cells, list):
                yield number, [{"pointer": "", "detail": cells.detail, "code": cells.code}]
            elif cells and len(cells) != len(header):
                detail = f"The header names {len(header)} columns, this line has {len(cells)}."
                yield number, [{"pointer": "", "detail": detail, "code": "wrong-number-of-columns"}]
            else:
                yield number, self.parse_row(nest(dict(zip(header, cells, strict=False)))) if cells else None

    def parse_row(self, row: bytes | dict[str, Any]) -> Schema | list[FieldError]:
        """A line of JSON, or the cells of a CSV record, in the schema; or the errors. Cells are converted from text."""
        try:
            if not isinstance(row, bytes):
                return self.adapter.validate_strings(row)
            check(row, max_depth=10)
            return self.adapter.validate_json(row, strict=True)
        except ValidationError as error:
            return validation_errors(error)
        except Malformed as error:
            return [{"pointer": "", "detail": error.detail, "code": error.code}]


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
