"""Creating many items from a file: read line by line, judged row by row, written in batches, in one transaction."""

import asyncio
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.core.constraints import refusal_of
from app.core.errors import DryRun, FieldError, Invalid, Malformed, Problem, invalid
from app.core.export import CSV, FORMULA, columns
from app.core.problems import escaped, field_errors
from app.core.schema import Schema
from app.core.service import Service
from app.core.strict_json import check

ROWS_AT_ONCE = 500
MAX_ROW_BYTES = 1024 * 1024
ROWS_BETWEEN_BREATHS = 50
MAX_ERRORS = 100


class ImportQuery(BaseModel):
    """How an import goes about its errors."""

    model_config = ConfigDict(extra="forbid")

    on_error: Literal["abort", "stop"] = Field(
        "abort", description="`abort`: all rows or none. `stop`: keep the rows before the first bad one."
    )
    dry_run: bool = Field(False, description="Keep nothing: judge the file, with `stop` to the first bad row.")


class LineError(BaseModel):
    """What is wrong in one line; `pointer` is `/body/<line>/<field>`."""

    line: int
    pointer: str
    detail: str
    code: str


class ImportReport(BaseModel):
    """How an import went. `errors` has at most 100 entries; `stopped_at_line` is the first line that was not kept."""

    dry_run: bool
    created: int
    failed: int
    stopped_at_line: int | None
    errors: list[LineError] = Field(max_length=MAX_ERRORS)


@dataclass
class Tally:
    """What is known of an import so far."""

    created: int = 0
    failed: int = 0
    stopped_at_line: int | None = None
    errors: list[FieldError] = field(default_factory=list)

    def refuse(self, line: int, errors: list[FieldError]) -> None:
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
"""(line, what it holds, or what is wrong with it, or nothing)"""


class Importer:
    """Creates the rows of a file through `service`, in the caller's transaction."""

    def __init__(self, service: Service[Any], schema: type[Schema], query: ImportQuery) -> None:
        self.service = service
        self.adapter = TypeAdapter(schema)
        self.names = set(columns(schema))
        self.query = query
        self.tally = Tally()

    async def run(self, file: IO[bytes], kind: str) -> dict[str, Any]:
        """The report. Raises Invalid where rows were refused and none shall be kept, DryRun where none was asked to."""
        batch: list[tuple[int, Schema]] = []
        for count, (line, row) in enumerate(self.csv_rows(file) if kind == CSV else self.json_rows(file)):
            if count % ROWS_BETWEEN_BREATHS == 0:
                await asyncio.sleep(0)  # other requests are served meanwhile
            if isinstance(row, Schema):
                batch.append((line, row))
            if len(batch) == ROWS_AT_ONCE or isinstance(row, list):
                await self.write(batch)
                batch = []
            if isinstance(row, list) and not self.has_ended:
                self.refuse(line, row)
            if self.has_ended:
                break
        await self.write(batch)
        return self.finished()

    @property
    def has_ended(self) -> bool:
        """Whether there is no need to read on."""
        is_lost = self.query.on_error == "abort" and len(self.tally.errors) >= MAX_ERRORS
        return is_lost or self.tally.stopped_at_line is not None

    def finished(self) -> dict[str, Any]:
        tally, dry_run = self.tally, self.query.dry_run
        if dry_run:
            raise DryRun(tally.report(dry_run=True))
        if tally.failed and self.query.on_error == "abort":
            raise Invalid(f"{tally.failed} rows cannot be imported; nothing was.", errors=tally.errors)
        return tally.report(dry_run=False)

    def refuse(self, line: int, errors: list[FieldError]) -> None:
        self.tally.refuse(line, errors)
        if self.query.on_error == "stop":
            self.tally.stopped_at_line = line

    async def write(self, batch: list[tuple[int, Schema]]) -> None:
        """Create the rows of `batch` in one flush; where one is refused, one by one."""
        if not batch or self.has_ended:
            return
        if await self.refused([row for _, row in batch]) is None:
            self.tally.created += len(batch)
        else:
            await self.write_singly(batch)
        self.service.rows.writer.expunge_all()

    async def write_singly(self, batch: list[tuple[int, Schema]]) -> None:
        for line, row in batch:
            errors = await self.refused([row])
            if errors is None:
                self.tally.created += 1
            else:
                self.refuse(line, errors)
            if self.has_ended:
                return

    async def refused(self, rows: list[Schema]) -> list[FieldError] | None:
        """Why `rows` cannot be created, in a savepoint of their own; None where they were."""
        try:
            async with self.service.rows.writer.begin_nested():
                await self.service.create_many(rows)
        except (Problem, SQLAlchemyError) as error:
            return refusal_of(error).moved("").errors or []
        return None

    def json_rows(self, file: IO[bytes]) -> Iterator[Row]:
        for number, line in numbered(file):
            yield number, self.judged(line, is_json=True) if line.strip() else None

    def csv_rows(self, file: IO[bytes]) -> Iterator[Row]:
        records = csv_records(file)
        header = next((cells for _, cells in records if isinstance(cells, list)), [])
        refuse_header(header, self.names)
        for number, cells in records:
            if not isinstance(cells, list):
                yield number, [{"pointer": "", "detail": cells.detail, "code": cells.code}]
            elif cells and len(cells) != len(header):
                detail = f"The header names {len(header)} columns, this line has {len(cells)}."
                yield number, [{"pointer": "", "detail": detail, "code": "wrong-number-of-columns"}]
            else:
                yield (
                    number,
                    self.judged(nested(dict(zip(header, cells, strict=False))), is_json=False) if cells else None,
                )

    def judged(self, row: Any, *, is_json: bool) -> Schema | list[FieldError]:
        """`row` in the schema, or what is wrong with it. Text becomes what its field is; an empty cell is absent."""
        try:
            if not is_json:
                return self.adapter.validate_strings(row)
            check(row, max_depth=10)
            return self.adapter.validate_json(row, strict=True)
        except ValidationError as error:
            return field_errors(error.errors(include_url=False, include_input=False, include_context=False))
        except Malformed as error:
            return [{"pointer": "", "detail": error.detail, "code": error.code}]


def refuse_header(header: list[str], known: set[str]) -> None:
    """Raise Invalid for a column that no item has, and for one that is there twice."""
    for position, name in enumerate(header):
        if name not in known or name in header[:position]:
            detail = f"Use each of these columns at most once: {', '.join(sorted(known))}."
            raise invalid(f"/body/1/{escaped(name)}", detail, "unknown-column")
    if not header:
        raise Malformed("The file has no header line.")


def numbered(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines of `file`, from 1. Raises Malformed for one that is too long."""
    number = 0
    while line := file.readline(MAX_ROW_BYTES + 1):
        number += 1
        if len(line) > MAX_ROW_BYTES:
            raise Malformed(f"Line {number} is longer than {MAX_ROW_BYTES} bytes.")
        yield number, line


def csv_records(file: IO[bytes]) -> Iterator[tuple[int, list[str] | Malformed]]:
    """Records with the number of their first line; the last may be a Malformed, behind which nothing can be read."""
    started, last, size = 1, 0, 0

    def lines() -> Iterator[str]:
        nonlocal last, size
        for number, line in numbered(file):
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


def nested(row: dict[str, str]) -> dict[str, Any]:
    """The cells that are not empty, `address.city` within `address`; a quote before a formula is not part of it."""
    document: dict[str, Any] = {}
    for name, text in row.items():
        if text == "":
            continue
        place = document
        *path, last = name.split(".")
        for part in path:
            place = place.setdefault(part, {})
        place[last] = text[1:] if text.startswith("'") and FORMULA.match(text[1:]) else text
    return document
