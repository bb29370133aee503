"""Writes the result of an endpoint as the JSON that its route declares.

A schema is *plain* if it only names fields: no validators, serializers, aliases or computed fields. A result of a plain
schema is written as it is; every other one is validated and dumped. Which of the two is decided once, with the route.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson
from fastapi._compat import ModelField
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import ResponseValidationError
from fastapi.utils import create_model_field
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Row

from app.core.db.named import REFERENCE, ReadItem
from app.core.db.pagination import Page
from app.core.http.sparse import KEPT, sparse_schema

Encoder = Callable[[Any], bytes]
Shape = Callable[[Any], Any]
"""Makes JSON values of a result."""
Node = Mapping[str, Any]
"""A part of a core schema of Pydantic."""

LEAVES: dict[str, frozenset[str]] = {
    "bool": frozenset(),
    "date": frozenset(),
    "datetime": frozenset({"microseconds_precision"}),
    "decimal": frozenset(),
    "enum": frozenset({"cls", "members", "sub_type"}),
    "int": frozenset(),
    "str": frozenset(),
    "uuid": frozenset(),
}
"""Types whose values are written as they are, with what their schemas may hold beside the type."""
BRANCHES: dict[str, frozenset[str]] = {
    "definition-ref": frozenset({"schema_ref"}),
    "definitions": frozenset({"schema", "definitions"}),
    "list": frozenset({"items_schema"}),
    "model": frozenset({"cls", "config", "custom_init", "generic_origin", "root_model", "schema"}),
    "model-field": frozenset({"schema"}),
    "model-fields": frozenset({"computed_fields", "fields", "model_name"}),
    "nullable": frozenset({"schema"}),
}
ANYWHERE = frozenset({"type", "ref", "metadata"})
CONFIGURATION = frozenset({"from_attributes", "frozen", "title"})
"""The options of a model that do not change how it is written."""


AS_TEXT = (UUID, Decimal)
"""Types whose values are written as text. `Decimal | UUID` would make a union for each of the thousands in a list."""


class NotPlain(Exception):
    """A schema holds more than names of fields."""


class PlainEncoder:
    """Writes results of the plain schema `declared`."""

    def __init__(self, declared: ModelField) -> None:
        self.declared = declared
        self.shape = shape_of(declared.field_info.annotation)

    def __call__(self, result: Any) -> bytes:
        """The JSON of `result`. Raises AttributeError, KeyError, TypeError where it does not fit the schema."""
        return orjson.dumps(self.shape(result), default=write_other, option=orjson.OPT_UTC_Z)


def encoder_of(declared: ModelField | None) -> Encoder:
    """The encoder of results that have the type `declared`, or of any result."""
    if declared is None:
        return encode_anything
    try:
        return PlainEncoder(declared)
    except NotPlain:
        return validating_encoder(declared)


def shape_of(declared: Any) -> Shape:
    """The shape of results of the type `declared`. Raises NotPlain."""
    is_model = isinstance(declared, type) and issubclass(declared, BaseModel)
    return ShapeReader().read(declared.__pydantic_core_schema__ if is_model else TypeAdapter(declared).core_schema)


def encode_anything(result: Any) -> bytes:
    return orjson.dumps(jsonable_encoder(result))


def validating_encoder(declared: ModelField) -> Encoder:
    def encode(result: Any) -> bytes:
        value, errors = declared.validate(result, loc=("response",))
        if errors:
            raise ResponseValidationError(errors)
        return declared.serialize_json(value)

    return encode


def write_other(value: object) -> str:
    """`value` in JSON, where orjson has no form for its type; a driver has a type of its own for UUIDs."""
    if isinstance(value, AS_TEXT):
        return str(value)
    raise TypeError(f"{type(value).__qualname__} has no form in JSON")


class ShapeReader:
    """Reads the shape of results from a core schema. Raises NotPlain."""

    def __init__(self) -> None:
        self.definitions: dict[str, Node] = {}
        self.open: set[str] = set()
        """The references that are being read: a schema that holds itself has no end."""

    def read(self, node: Node) -> Shape:
        kind = node["type"]
        allowed = LEAVES.get(kind, BRANCHES.get(kind))
        if allowed is None or node.keys() - allowed - ANYWHERE:
            raise NotPlain(kind)
        if kind in LEAVES:
            return keep
        readers: dict[str, Callable[[Node], Shape]] = {
            "definition-ref": self.read_reference,
            "definitions": self.read_definitions,
            "list": self.read_list,
            "model": self.read_model,
            "nullable": self.read_nullable,
        }
        return readers[kind](node)

    def read_definitions(self, node: Node) -> Shape:
        self.definitions |= {definition["ref"]: definition for definition in node["definitions"]}
        return self.read(node["schema"])

    def read_reference(self, node: Node) -> Shape:
        name = node["schema_ref"]
        if name in self.open or name not in self.definitions:
            raise NotPlain(name)
        self.open.add(name)
        shape = self.read(self.definitions[name])
        self.open.remove(name)
        return shape

    def read_list(self, node: Node) -> Shape:
        shape = self.read(node["items_schema"])
        return list if shape is keep else lambda values: [shape(value) for value in values]

    def read_nullable(self, node: Node) -> Shape:
        shape = self.read(node["schema"])
        return keep if shape is keep else Nullable(shape)

    def read_model(self, node: Node) -> Shape:
        fields = node["schema"]
        if node["custom_init"] or node["root_model"] or node["config"].keys() - CONFIGURATION:
            raise NotPlain(node["cls"].__name__)
        if fields.keys() - BRANCHES["model-fields"] - ANYWHERE or fields["computed_fields"]:
            raise NotPlain(node["cls"].__name__)
        return ObjectShape({name: self.read_field(field) for name, field in fields["fields"].items()})

    def read_field(self, field: Node) -> Shape:
        if field.keys() - BRANCHES["model-field"] - ANYWHERE:
            raise NotPlain(field["type"])
        return self.read(field["schema"])


def keep(value: Any) -> Any:
    return value


class Nullable:
    """The shape of a value that may be null."""

    __slots__ = ("shape",)

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def __call__(self, value: Any) -> Any:
        return None if value is None else self.shape(value)


class ObjectShape:
    """The shape of an object with exactly these fields: other attributes are left out, none may be missing."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self.names = tuple(shapes)
        self.nested = [(name, shape) for name, shape in shapes.items() if shape is not keep]
        self.beside_references = [(name, shape) for name, shape in self.nested if not is_of_reference(shape)]
        self.read_attributes = attributes_getter(self.names)
        self.known_columns: object = None
        """The columns of the last row whose names were compared: rows of one statement share them."""

    def __call__(self, value: Any) -> dict[str, Any]:
        if type(value) is dict and not self.nested and tuple(value) == self.names:
            return value  # as a reference that is shown by its name
        if type(value) is ReadItem and tuple(value.__dict__) == self.names:
            fields, nested = value.__dict__, self.beside_references  # what it shows of references has their shape
        else:
            fields, nested = dict(zip(self.names, self.values_of(value), strict=True)), self.nested
        for name, shape in nested:
            fields[name] = shape(fields[name])
        return fields

    def values_of(self, value: Any) -> Iterable[Any]:
        """The values of the fields, in their order. Raises AttributeError, KeyError."""
        kind = type(value)
        if kind is Row:
            columns = value._key_to_index  # noqa: SLF001  # `_fields` makes a tuple for each row
            if columns is self.known_columns:
                return value  # type: ignore[no-any-return]  # a row is a sequence of its values
            if value._fields == self.names:
                self.known_columns = columns
        elif kind is dict:
            return [value[name] for name in self.names]
        return self.read_attributes(value)


def is_of_reference(shape: Shape) -> bool:
    """Whether a shape is that of a reference that is shown by name."""
    inner = shape.shape if isinstance(shape, Nullable) else shape
    return isinstance(inner, ObjectShape) and not inner.nested and inner.names == REFERENCE


def attributes_getter(names: Sequence[str]) -> Callable[[Any], Iterable[Any]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: [getattr(value, name) for name in names]  # attrgetter returns a single value by itself


@lru_cache(KEPT)
def sparse_encoder(item: type[BaseModel], names: tuple[str, ...], *, is_page: bool) -> Encoder:
    """The encoder of an item, or of a page of items, with these fields only."""
    schema: Any = sparse_schema(item, names)
    kind = Page[schema] if is_page else schema
    return encoder_of(create_model_field("response", kind, mode="serialization"))
