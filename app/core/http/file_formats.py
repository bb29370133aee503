"""The formats of files: rows as CSV, or as NDJSON."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

import orjson
from pydantic import BaseModel, TypeAdapter

from app.core.http.csv_cells import neutralize

CSV, NDJSON, PARQUET = "text/csv", "application/x-ndjson", "application/vnd.apache.parquet"
FILE_TYPES = {CSV: "csv", NDJSON: "ndjson"}
"""The formats of every list and of uploads, with the endings of their names."""
EXPORT_TYPES = {**FILE_TYPES, PARQUET: "parquet"}
"""The formats of a list that writes its own files."""

Write = Callable[[Sequence[Any]], bytes]


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
    return neutralize(cell_text(value))


def cell_text(value: object) -> str:
    """A JSON value as the text of a cell."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
