"""Decimals in CSV: which sign a file has before the decimal places, and which of its cells could be two numbers."""

import re
from collections.abc import Generator, Iterator

from app.core.errors import Malformed
from app.core.field_errors import FieldError, escape_pointer, field_error
from app.core.resources.imports.csv_table import PASSED, Passed, Record, Table
from app.core.resources.imports.file_format import Sign

SIGNS: dict[str, Sign] = {".": "point", ",": "comma"}
DECIMAL = re.compile(r"[+-]?\d+(?P<sign>[.,])\d+")
AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2}(?P<sign>[.,])\d{3}")
"""A number with decimal places, or a whole one whose digits are grouped: `1.234`, `12,500`."""


def find_sign(table: Table, names: frozenset[str]) -> Generator[Passed, None, Sign | None]:
    """The decimal sign of a file: that of the first cell in a column of `names` that can be one number only.

    Yields for each row without one.
    """
    if table.separator == ",":
        return "point"
    places = [place for place, name in enumerate(table.header) if name in names]
    for record in table.records if places else ():
        if sign := sign_in(record, places):
            return sign
        yield PASSED
    return None


def sign_in(record: Record, places: list[int]) -> Sign | None:
    _, cells = record
    texts = [] if isinstance(cells, Malformed) else [cells[place].strip() for place in places if place < len(cells)]
    found = (DECIMAL.fullmatch(text) for text in texts if not AMBIGUOUS.fullmatch(text))
    return next((SIGNS[match["sign"]] for match in found if match), None)


def ambiguous_cells(cells: dict[str, str], names: frozenset[str], sign: Sign | None) -> Iterator[FieldError]:
    """The errors of cells that could be two numbers, or whose digits are grouped where the decimal `sign` is known."""
    for name in names & cells.keys():
        match = AMBIGUOUS.fullmatch(cells[name].strip())
        if match and SIGNS[match["sign"]] != sign:
            detail = (
                f"The decimal sign of the file is the {sign}, and digits cannot be grouped."
                if sign
                else "This could be a whole number with grouped digits, or one with three decimal places: say which"
                " decimal sign the file has (decimal=point or decimal=comma)."
            )
            yield field_error(f"/{escape_pointer(name)}", detail, "ambiguous-number", decimal=sign)


def with_point(text: str) -> str:
    """`text` with a decimal point, where it is a number with a decimal comma."""
    is_decimal = text.count(",") == 1 and "." not in text
    return text.replace(",", ".") if is_decimal else text
