"""Rows of NDJSON: one JSON document a line."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import IO, Any, TypeVar

from pydantic import TypeAdapter

from app.core.errors import Malformed
from app.core.field_errors import FieldError, field_error
from app.core.resources.imports.file_format import FileFormat, ParsedLine, Values, run_validation, writable
from app.core.resources.imports.text_lines import numbered_lines
from app.core.resources.schemas import Patch
from app.core.strict_json import parse

T = TypeVar("T")
MAX_DEPTH = 10


class NdjsonFormat(FileFormat):
    """One JSON document a line. A member that an item has not is a change; null clears a value."""

    def lines(self, file: IO[bytes], from_line: int) -> Iterator[ParsedLine]:
        number = 0
        try:
            for number, line in numbered_lines(file):
                is_row = number >= from_line and line.strip()
                yield number, parse_document(line) if is_row else None
        except Malformed as error:  # nothing after it can be read
            yield number + 1, [field_error("", error.detail, error.code)]

    def validate(self, adapter: TypeAdapter[T], values: Values) -> T:
        return run_validation(lambda: adapter.validate_json(json.dumps(values), strict=True))

    @cached_property
    def read_only_names(self) -> frozenset[str]:
        return frozenset(self.schemas.read.model_fields) - frozenset(self.schemas.create.model_fields)

    def is_shown(self, name: str, value: Any, document: Mapping[str, Any]) -> bool:
        return name in document and type(document[name]) is type(value) and bool(document[name] == value)

    def patch(self, changes: Values, values: Values) -> Patch:
        return self.validate(self.change, writable(self, changes))


def parse_document(line: str) -> Values | list[FieldError]:
    """The members of a line of JSON, or its errors."""
    try:
        document = parse(line.encode(), max_depth=MAX_DEPTH)
    except Malformed as error:
        return [field_error("", error.detail, error.code)]
    if isinstance(document, dict):
        return document
    return [field_error("", "A line must be a JSON object.", "model-type")]
