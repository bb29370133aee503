"""The formats of files: rows as CSV, or as NDJSON."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import UnionType
from typing import Any, Union, get_args, get_origin

import orjson
from pydantic import BaseModel, TypeAdapter

from app.core.db.field_rules import MASKED
from app.core.http.csv_cells import neutralize
from app.core.http.file_options import DEFAULT, TextFileOptions
from app.core.sentences import refusal

CSV, NDJSON, PARQUET = "text/csv", "application/x-ndjson", "application/vnd.apache.parquet"
FILE_TYPES = {CSV: "csv", NDJSON: "ndjson"}
"""The formats of every list and of uploads, with the endings of their names."""
EXPORT_TYPES = {**FILE_TYPES, PARQUET: "parquet"}
"""The formats of a list that writes its own files."""

ROWS_PER_PAGE = 1000
"""Rows that are read at once for a file."""
NAME_SEPARATOR = "|"
"""Stands between names in one cell."""
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
MARK = "\ufeff"
"""The byte order mark."""

Write = Callable[[Sequence[Any]], bytes]


def file_writer(
    item: type[BaseModel], kind: str, options: TextFileOptions, importable: type[BaseModel] | None
) -> Write:
    """A writer of CSV or NDJSON as `options` say; `importable` is the schema of which only the columns are written.

    What is masked in a row is always said, so that an import does not take an empty cell for an empty value.
    """
    if kind == NDJSON:
        return ndjson_writer(item, importable)
    return csv_writer(item, options, importable)


def ndjson_writer(item: type[BaseModel], importable: type[BaseModel] | None = None) -> Write:
    """A writer of one JSON document a line."""
    adapter = TypeAdapter(item)
    chosen = {*importable.model_fields, MASKED} if importable else None

    def write(rows: Sequence[Any]) -> bytes:
        validated = (adapter.validate_python(row, from_attributes=True) for row in rows)
        return b"".join(adapter.dump_json(row, include=chosen) + b"\n" for row in validated)

    return write


def csv_writer(
    item: type[BaseModel], options: TextFileOptions = DEFAULT, importable: type[BaseModel] | None = None
) -> Write:
    """A writer of CSV, with a header before the first rows; CRLF and quotes, around every cell, as in RFC 4180.

    A list of models is one cell: their names, where they are known by names, or else JSON.
    """
    adapter = TypeAdapter(item)
    chosen = {*column_names(importable or item), MASKED}
    names = [name for name in column_names(item) if name in chosen]
    decimals = frozenset(columns_of(item, Decimal)) if options.decimal == "comma" else frozenset[str]()
    columns = [(name.split("."), decimal_comma if name in decimals else csv_cell) for name in names]
    namings = naming_fields(item)
    header = [names]

    def write(rows: Sequence[Any]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, delimiter=SEPARATORS[options.separator])
        if header:
            text.write(MARK if options.bom else "")
            writer.writerow(header.pop())
        for row in rows:
            document = adapter.dump_python(adapter.validate_python(row, from_attributes=True), mode="json")
            for name, naming in namings.items():
                document[name] = join_names([each[naming] for each in document[name] or ()])
            writer.writerow([to_cell(value_at(document, path)) for path, to_cell in columns])
        return text.getvalue().encode()

    return write


def column_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The fields of `model`; those of nested models have dotted names: `address.city`. A list is one field."""
    for name, field in model.model_fields.items():
        nested = nested_model(field.annotation)
        if nested:
            yield from column_names(nested, f"{prefix}{name}.")
        else:
            yield prefix + name


def options_of(annotation: object) -> Sequence[object]:
    """The types in a union; of any other annotation, that alone."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def first_model(annotations: Sequence[object]) -> type[BaseModel] | None:
    """The first of `annotations` that is a model."""
    return next((each for each in annotations if isinstance(each, type) and issubclass(each, BaseModel)), None)


def nested_model(annotation: object) -> type[BaseModel] | None:
    """The model in `annotation`, also in `Model | None`. A model in a list is none."""
    return first_model(options_of(annotation))


def listed_model(annotation: object) -> type[BaseModel] | None:
    """The model in `list[Model]`, also in `list[Model] | None`."""
    lists = [each for each in options_of(annotation) if get_origin(each) is list]
    return first_model([item for each in lists for item in get_args(each)])


def naming_fields(model: type[BaseModel]) -> dict[str, str]:
    """The lists of `model` whose items are known by a name (`named_by`), each with the field that is the name."""
    items = {name: listed_model(field.annotation) for name, field in model.model_fields.items()}
    return {name: item.named_by for name, item in items.items() if item is not None and hasattr(item, "named_by")}


def join_names(names: Sequence[str]) -> str:
    """Names in one cell: `brass|desk lamps`. One that holds a `|` or a quote is quoted, as in CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=NAME_SEPARATOR, lineterminator="").writerow(names)
    return text.getvalue()


def split_names(cell: str) -> list[str]:
    """The names that `join_names` put into a cell, without blanks around them. Refuses other text."""
    try:
        rows = list(csv.reader([cell], delimiter=NAME_SEPARATOR, skipinitialspace=True, strict=True))
    except csv.Error as error:
        detail = f"Separate names by {NAME_SEPARATOR}, and quote one that holds it."
        raise refusal("names-form", detail, separator=NAME_SEPARATOR) from error
    return [name.strip() for row in rows for name in row if name.strip()]


def value_at(document: Mapping[str, object], path: list[str]) -> object:
    value: Any = document
    for name in path:
        value = value.get(name) if value else None
    return value


def columns_of(model: type[BaseModel], kind: type, prefix: str = "") -> Iterator[str]:
    """The columns of `model` whose values are of `kind`."""
    for name, field in model.model_fields.items():
        nested = nested_model(field.annotation)
        if nested:
            yield from columns_of(nested, kind, f"{prefix}{name}.")
        elif mentions(field.annotation, kind):
            yield prefix + name


def mentions(annotation: object, kind: type) -> bool:
    """Whether a type is `kind`, or made of it."""
    return annotation is kind or any(mentions(part, kind) for part in get_args(annotation))


def decimal_comma(value: object) -> str:
    """A decimal as the cell of a spreadsheet that writes decimal commas."""
    return csv_cell(value).replace(".", ",")


def csv_cell(value: object) -> str:
    """`value` as text that no spreadsheet runs."""
    return neutralize(cell_text(value))


def cell_text(value: object) -> str:
    """A JSON value as the text of a cell."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
