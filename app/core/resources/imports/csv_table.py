"""CSV as people save it: which character separates its cells, which columns it names, and its records."""

import csv
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import IO

from app.core.errors import Invalid, Malformed
from app.core.field_errors import MAX_LINE_ERRORS, FieldError, escape_pointer, field_error
from app.core.fields.read_only import READ_ONLY
from app.core.resources.imports.text_lines import MAX_ROW_CHARACTERS, Line, numbered_lines
from app.core.sentences import UNKNOWN

SEPARATORS = ",;\t|"
DECLARATION = re.compile(r'"?sep=(?P<separator>.)"?[,;\t|]*\s*', re.IGNORECASE)
"""The first line of a file by which Excel tells how its cells are separated."""
IN_EMPTY_LINES = f' "{SEPARATORS}\r\n'
csv.field_size_limit(MAX_ROW_CHARACTERS)  # else a cell of 128 KiB cannot be told from a quote that is not closed
Cells = list[str]
Record = tuple[int, Cells | Malformed]
"""(number of the first line, the cells, or why nothing can be read from here on)"""
Passed = tuple[int, None]
PASSED: Passed = 0, None
"""A line that was looked at only. A file can have so many that others must hear of it before the first row."""


@dataclass(frozen=True)
class Columns:
    """The columns of a resource by their names, dotted within nested documents."""

    importable: frozenset[str]
    read_only: frozenset[str] = frozenset()
    """Columns of an export that cannot be changed."""
    takes_read_only: bool = False
    """Whether read-only columns may be there, and are compared."""
    by_folded_name: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        known = self.importable | self.read_only
        self.by_folded_name.update({name.casefold(): name for name in known})

    def find(self, cell: str) -> str | None:
        """The name of the column that a header cell means, whatever its case and the blanks around it."""
        return self.by_folded_name.get(cell.strip().casefold())


@dataclass(frozen=True)
class Table:
    """A file of CSV, read up to its header."""

    separator: str
    header: Cells
    records: Iterator[Record]


def open_table(file: IO[bytes], columns: Columns) -> Generator[Passed, None, Table]:
    """The table in `file`. Yields for each line that it passes over.

    Raises Malformed for a missing header, Invalid for columns that cannot be imported.
    """
    lines = numbered_lines(file)
    for first in lines:
        if first[1].strip(IN_EMPTY_LINES):
            break
        yield PASSED
    else:
        raise Malformed("The file has no header line.")
    declared = DECLARATION.fullmatch(first[1])
    if declared is None:
        separator, lines = likely_separator(first[1], columns), chain([first], lines)
    elif (separator := declared["separator"]) not in SEPARATORS:
        raise Malformed("The first line names a separator other than comma, semicolon, tab and bar.")
    records = read_records(lines, separator)
    for line, header in records:
        if isinstance(header, Malformed):
            raise header
        if not is_blank(header):
            return Table(separator, read_header(header, columns, line), records)
        yield PASSED
    raise Malformed("No header line.")


def likely_separator(line: str, columns: Columns) -> str:
    """The separator by which the header `line` has the most known columns; the comma where none has more."""

    def known_columns(separator: str) -> int:
        return sum(columns.find(cell.strip().strip('"')) is not None for cell in line.split(separator))

    return max(SEPARATORS, key=known_columns)


def read_records(lines: Iterator[Line], separator: str) -> Iterator[Record]:
    """Records with the number of their first line. The last may be a Malformed: nothing after it can be read."""
    started, last, size = 0, 0, 0

    def texts() -> Iterator[str]:
        nonlocal started, last, size
        for number, line in lines:
            started, last, size = started or number, number, size + len(line)
            if size > MAX_ROW_CHARACTERS:
                raise Malformed(f"Line {number} ends a row of more than {MAX_ROW_CHARACTERS} characters.")
            if "\0" in line:
                raise Malformed(f"Line {number} holds a NUL. Save the file as UTF-8 and send it again.")
            yield line

    reader = csv.reader(texts(), strict=True, delimiter=separator)
    try:
        for record in reader:
            yield started, record
            started, size = 0, 0
    except Malformed as error:
        yield started or last + 1, error
    except csv.Error:
        yield started, Malformed(f"Line {last} is not CSV: a quote is not closed, or stands within a cell.")


def is_blank(cells: Cells | Malformed) -> bool:
    """Whether a record is an empty line: spreadsheets write rows of separators below their data."""
    return isinstance(cells, list) and not any(cell.strip() for cell in cells)


def read_header(cells: Cells, columns: Columns, line: int) -> Cells:
    """The columns that the header names, without unnamed ones at its end. Raises Invalid, with every wrong column."""
    while not cells[-1].strip():
        cells = cells[:-1]
    names = [columns.find(cell) or cell for cell in cells]
    errors = [
        error
        for position, name in enumerate(names)
        if (error := column_error(name, position, names, columns, f"/body/{line}")) is not None
    ]
    if errors:
        detail = f"{len(errors)} columns of the file cannot be imported." if len(errors) > 1 else errors[0]["detail"]
        raise Invalid(detail, errors=errors[:MAX_LINE_ERRORS])
    return names


def column_error(name: str, position: int, names: Cells, columns: Columns, place: str) -> FieldError | None:
    """Why a column cannot be imported; None if it can."""
    pointer = f"{place}/{escape_pointer(name.strip() or position + 1)}"
    if name in names[:position]:
        return field_error(pointer, "The file has this column twice.", "repeated-column")
    if name in columns.importable or (columns.takes_read_only and name in columns.read_only):
        return None
    if name in columns.read_only:
        detail = "This column cannot be imported: leave it out, or update items with mode=upsert or mode=update."
        return field_error(pointer, detail, READ_ONLY)
    known = sorted(columns.importable)
    detail = f"There is no such column. The columns are {', '.join(known)}."
    return field_error(pointer, detail, UNKNOWN, allowed=known)


def fit_to_header(cells: Cells, header: Cells) -> Cells | FieldError:
    """The cells of a row, without empty ones after those of the header; or the error of a row of another width."""
    if len(cells) > len(header) and not any(cell.strip() for cell in cells[len(header) :]):
        return cells[: len(header)]
    if len(cells) == len(header):
        return cells
    detail = f"The header names {len(header)} columns, this line has {len(cells)}."
    return field_error("", detail, "wrong-number-of-columns", expected=len(header), found=len(cells))
