"""What the rows of a file say about items: the same questions in each format."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, Literal, TypeVar
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError

from app.core.db.field_rules import MASKED
from app.core.field_errors import MAX_LINE_ERRORS, FieldError, escape_pointer, field_error, validation_errors
from app.core.fields.read_only import READ_ONLY
from app.core.resources.schemas import Patch, Read, Schema

T = TypeVar("T")
Sign = Literal["point", "comma"]
"""The sign before the decimal places of a number."""
Values = dict[str, Any]
"""What a row gives: the text of each column, or the value of each member."""
ParsedLine = tuple[int, Values | list[FieldError] | None]
"""(number of the line, what it gives, or its errors, or None for an empty line)"""


class Identity(Schema):
    """Which item a row is about."""

    id: UUID | None = None
    """The item."""
    version: int | None = Field(None, ge=1)
    """Only if this is still its version."""


IDENTITY = TypeAdapter(Identity)
IDENTIFYING = frozenset(Identity.model_fields)
NOT_COMPARED = IDENTIFYING | {"created_at", "created_by", "updated_at", "updated_by", MASKED}
"""What no difference is looked for in: what no edit sets. That is the identity, who wrote an item and when, and what
was masked in the file."""


MASKED_NAME = re.compile(r"\w+")
"""In a cell with the names of fields, which is a list in JSON."""


class NotValid(Exception):  # an answer, not a fault
    """What a row gives is not valid; with the errors, whose pointers begin at the row."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("not valid")
        self.errors = errors


@dataclass(frozen=True)
class ItemSchemas:
    """The schemas of the items of one resource."""

    create: type[Schema]
    update: type[Patch]
    read: type[Read]


class FileFormat(ABC):
    """Reads rows in one format. `takes_items`: rows may name items that exist, and have whatever an export has.

    `decimal` is the decimal sign of a file whose numbers are texts, if it is known.
    """

    def __init__(self, schemas: ItemSchemas, *, takes_items: bool, decimal: Sign | None = None) -> None:
        self.schemas = schemas
        self.decimal = decimal
        self.takes_items = takes_items
        self.creation = TypeAdapter(schemas.create)
        self.change = TypeAdapter(schemas.update)
        self.mask_names = frozenset({MASKED}) & schemas.read.model_fields.keys()
        """What an export says of masked fields beside them: nothing where the module has no such fields."""

    @abstractmethod
    def lines(self, file: IO[bytes], from_line: int) -> Iterator[ParsedLine]:
        """The lines of `file`, empty before `from_line`. Raises Malformed, Invalid."""

    @abstractmethod
    def validate(self, adapter: TypeAdapter[T], values: Values) -> T:
        """`values`, without empty ones, as `adapter` has them. Raises NotValid."""

    @cached_property
    @abstractmethod
    def read_only_names(self) -> frozenset[str]:
        """What an export has and an import does not write."""

    @abstractmethod
    def is_shown(self, name: str, value: Any, document: Mapping[str, Any]) -> bool:
        """Whether the export of the item with this JSON `document` has `value` there."""

    @abstractmethod
    def patch(self, changes: Values, values: Values) -> Patch:
        """The `changes`, a part of `values`, as a patch. Raises NotValid."""

    def create(self, values: Values) -> Schema:
        """`values` as a new item. Raises NotValid."""
        refuse(sorted(still_masked(values)), "This was masked in the file, and a new item would lack it.")
        values = {name: value for name, value in values.items() if name not in self.mask_names}
        if self.takes_items:
            refuse(self.read_only(values), "A new item cannot have this; leave it empty.")
            values = writable(self, values)
        return self.validate(self.creation, values)

    def differences(self, values: Values, document: Mapping[str, Any]) -> Values:
        """Those of `values` that the export of the item with this JSON `document` would not have.

        What is still masked says nothing of the item.
        """
        masked = still_masked(values)
        return {
            name: value
            for name, value in values.items()
            if is_compared(name) and name not in masked and not self.is_shown(name, value, document)
        }

    def read_only(self, values: Values) -> list[str]:
        """The names among `values` that cannot be written and are not empty."""
        names = {name for name in self.read_only_names if is_compared(name)}
        return [name for name, value in values.items() if name in names and value not in ("", None)]


def writable(form: FileFormat, values: Values) -> Values:
    """Those of `values` that an import writes."""
    return {name: value for name, value in values.items() if name not in form.read_only_names}


def identity_of(form: FileFormat, values: Values) -> Identity:
    """Which item a row is about. Raises NotValid."""
    return form.validate(IDENTITY, only(IDENTIFYING, values))


def typed_part(form: FileFormat, values: Values, names: frozenset[str]) -> Values:
    """Those of `values` that have one of `names`, in their types. Raises NotValid."""
    return form.validate(form.change, only(names, values)).changes()


def still_masked(values: Values) -> set[str]:
    """What was masked in a row when it was exported, and has no value since: columns of CSV, or members of JSON."""
    given = values.get(MASKED) or ()
    parts = MASKED_NAME.findall(given) if isinstance(given, str) else given
    names = {name for name in parts if isinstance(name, str)} if isinstance(parts, list) else set[str]()
    return {name for name, value in values.items() if name.partition(".")[0] in names and value in ("", None)}


def is_compared(name: str) -> bool:
    """Whether a column, or a part of a nested one, is compared with what an export shows."""
    return name.partition(".")[0] not in NOT_COMPARED


def only(names: frozenset[str], values: Values) -> Values:
    return {name: value for name, value in values.items() if name in names}


def run_validation(validate: Callable[[], T]) -> T:
    """What `validate` returns. Raises NotValid."""
    try:
        return validate()
    except ValidationError as error:
        raise NotValid(validation_errors(error, limit=MAX_LINE_ERRORS)) from error


def refuse(names: list[str], detail: str) -> None:
    """Raise NotValid for names that cannot be written."""
    if names:
        raise NotValid([field_error(f"/{escape_pointer(name)}", detail, READ_ONLY) for name in names])
