"""Rows of CSV: cells below a header."""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import IO, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from app.core.errors import Malformed
from app.core.field_errors import MAX_LINE_ERRORS, FieldError, field_error, validation_errors
from app.core.http.csv_cells import restore
from app.core.http.file_formats import cell_text, column_names, columns_of, join_names, naming_fields, value_at
from app.core.resources.imports.csv_decimals import ambiguous_cells, find_sign, with_point
from app.core.resources.imports.csv_table import Columns, fit_to_header, is_blank, open_table
from app.core.resources.imports.file_format import (
    IDENTIFYING,
    FileFormat,
    NotValid,
    ParsedLine,
    Values,
    run_validation,
    writable,
)
from app.core.resources.schemas import Patch

T = TypeVar("T")


class CsvFormat(FileFormat):
    """Cells below a header. An empty cell is absent in a new item, and clears the value of one that exists."""

    @cached_property
    def importable_names(self) -> frozenset[str]:
        return frozenset(column_names(self.schemas.create))

    @cached_property
    def read_only_names(self) -> frozenset[str]:
        return frozenset(column_names(self.schemas.read)) - self.importable_names

    @cached_property
    def columns(self) -> Columns:
        if not self.takes_items:
            return Columns(self.importable_names | self.mask_names, self.read_only_names - self.mask_names)
        accepted = self.importable_names | IDENTIFYING
        return Columns(accepted, self.read_only_names - IDENTIFYING, takes_read_only=True)

    @cached_property
    def decimal_names(self) -> frozenset[str]:
        """The columns with decimals."""
        return frozenset(columns_of(self.schemas.create, Decimal)) | frozenset(columns_of(self.schemas.read, Decimal))

    @cached_property
    def namings(self) -> dict[str, str]:
        """The columns with names, each with the field that is the name."""
        return naming_fields(self.schemas.read)

    def lines(self, file: IO[bytes], from_line: int) -> Iterator[ParsedLine]:
        names, sign = self.decimal_names, self.decimal
        if sign is None:
            sign = yield from find_sign((yield from open_table(file, self.columns)), names)
        table = yield from open_table(file, self.columns)
        is_any = self.decimal is None and table.separator != ","
        commas = names if sign == "comma" or is_any else frozenset[str]()
        for number, cells in table.records:
            if isinstance(cells, Malformed):
                yield number, [field_error("", cells.detail, cells.code)]
            elif number < from_line or is_blank(cells):
                yield number, None
            elif isinstance(fitting := fit_to_header(cells, table.header), dict):
                yield number, [fitting]
            else:
                given = dict(zip(table.header, fitting, strict=True))
                yield number, [*ambiguous_cells(given, names, sign)] or read_cells(given, commas)

    def validate(self, adapter: TypeAdapter[T], values: Values) -> T:
        given = {name: text for name, text in values.items() if text != ""}
        return run_validation(lambda: adapter.validate_strings(nest(given)))

    def is_shown(self, name: str, value: Any, document: Mapping[str, Any]) -> bool:
        stored = value_at(document, name.split("."))
        if (naming := self.namings.get(name)) is not None and isinstance(stored, list):
            return bool(value == join_names([each[naming] for each in stored]))
        return bool(value == cell_text(stored))

    def patch(self, changes: Values, values: Values) -> Patch:
        changes = writable(self, changes)
        patch = self.validate(self.change, changes)
        cleared = [name for name, text in changes.items() if text == ""]
        if not cleared:
            return patch
        document = patch.changes()
        for name in whole_documents(cleared, values, self.importable_names):
            put(document, name, None)
        return clear(self.change, document, cleared)


def whole_documents(cleared: list[str], values: Values, importable: Collection[str]) -> list[str]:
    """`cleared`, with the name of a document instead of its parts where the row leaves none of them."""
    found = dict.fromkeys(cleared)
    for top in {name.partition(".")[0] for name in cleared if "." in name}:
        parts = [name for name in importable if name.startswith(f"{top}.")]
        if all(values.get(part) == "" for part in parts):
            found = {name: None for name in found if name not in parts} | {top: None}
    return list(found)


def clear(adapter: TypeAdapter[Patch], document: Values, cleared: list[str]) -> Patch:
    """`document`, typed and with null for each cleared value, as a patch. Raises NotValid."""
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        emptied = {f"/{name.replace('.', '/')}" for name in cleared}
        errors = validation_errors(error, limit=MAX_LINE_ERRORS)
        raise NotValid([missing_value(found) if found["pointer"] in emptied else found for found in errors]) from error


def missing_value(error: FieldError) -> FieldError:
    return field_error(error["pointer"], "The cell is empty, and an item needs a value.", "missing")


def read_cells(cells: dict[str, str], decimals: frozenset[str]) -> Values:
    """The texts of `cells`, without the quotes before formulas; decimal commas of `decimals` are points."""
    texts = {name: restore(text) for name, text in cells.items()}
    return texts | {name: with_point(texts[name]) for name in decimals & texts.keys()}


def nest(values: Values) -> Values:
    """`values` with `address.city` within `address`."""
    document: Values = {}
    for name, value in values.items():
        put(document, name, value)
    return document


def put(document: Values, name: str, value: object) -> None:
    """Set the value at a dotted name."""
    *path, last = name.split(".")
    for part in path:
        document = document.setdefault(part, {})
    document[last] = value
