"""The base schemas of request and response bodies."""

from collections.abc import Iterator
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from app.core.errors import invalid_fields
from app.core.field_errors import validation_errors
from app.core.fields.read_only import ReadOnly


class Schema(BaseModel):
    """A request body. Unknown fields are refused; the route reads it in strict JSON mode.

    The document describes a field by the line below it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def example(**fields: Any) -> ConfigDict:
    """The configuration of a schema with an example, which the document shows and the fuzzer uses."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Patch(BaseModel):
    """Mixed in before a Create schema, it makes every field optional (JSON merge patch, RFC 7396).

    `class TaskUpdate(Patch, TaskCreate)`: an absent field keeps its value, an explicit null is validated by the field's
    own type. A field that is itself a schema is patched the same way.
    """

    model_config = ConfigDict(defer_build=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for field in cls.model_fields.values():
            field.default, field.default_factory = None, None
            field.json_schema_extra = drop_default
            if nested := nested_schema(field.annotation):
                field.annotation = as_patch(nested) | None  # type: ignore[assignment]  # a union is an annotation

    def changes(self) -> dict[str, Any]:
        """The fields that the client sent, by name."""
        return self.model_dump(exclude_unset=True)

    def merge_into(self, row: object) -> dict[str, Any]:
        """`changes`, each nested patch merged into the document of `row`. Raises Invalid for an incomplete result."""
        return dict(self.merge_fields(row))

    def merge_fields(self, row: object) -> Iterator[tuple[str, Any]]:
        for name, value in self.changes().items():
            whole = nested_schema(type(self).model_fields[name].annotation)
            if whole is None or value is None:
                yield name, value
            else:
                yield name, validate_whole(name, whole, merge(getattr(row, name), value))


def nested_schema(annotation: object) -> type[Schema] | None:
    """The schema in `Schema | None`."""
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    found = [option for option in options if option is not NoneType]
    is_schema = len(found) == 1 and isinstance(found[0], type) and issubclass(found[0], Schema)
    return found[0] if is_schema else None


def as_patch(schema: type[Schema]) -> type[Schema]:
    """`schema` with every field optional."""
    body = {"__doc__": schema.__doc__, "__module__": schema.__module__}
    return type(f"{schema.__name__}Update", (Patch, schema), body)


def whole_of(patch: type[BaseModel]) -> type[BaseModel]:
    """The inverse of `as_patch`."""
    return next(base for base in patch.__mro__ if Patch not in base.__mro__)


def merge(document: dict[str, Any] | None, patch: dict[str, Any]) -> dict[str, Any]:
    """`patch` applied to a flat `document` (RFC 7396): null removes."""
    return {name: value for name, value in {**(document or {}), **patch}.items() if value is not None}


def validate_whole(field: str, patch: type[Schema], document: dict[str, Any]) -> dict[str, Any]:
    """`document`, valid in the schema that `patch` is a patch of. Raises Invalid."""
    try:
        return whole_of(patch).model_validate(document).model_dump()
    except ValidationError as error:
        raise invalid_fields(validation_errors(error, ("body", field)), error.error_count()) from error


def drop_default(schema: dict[str, Any]) -> None:
    """Hide the None that stands for an absent field; it is not a value of the field."""
    schema.pop("default", None)


class ResponseSchema(BaseModel):
    """A response body. The document describes a field by the line below it."""

    model_config = ConfigDict(from_attributes=True, defer_build=True)


class Named(ResponseSchema):
    """Another item that this one refers to. In a file, a list of them is a cell with their names."""

    named_by: ClassVar[str] = "name"
    """The field that a list of them is known by."""

    id: UUID
    """The identifier of the other item."""
    name: str
    """The name of the other item."""


class Read(ResponseSchema):
    """An entity in a response. Its fields are the columns that a read selects, unless `to_reads` shapes the rows.

    A field `brand: Named | None` shows what the column `brand_id` refers to.
    """

    id: UUID
    """The identifier, a UUIDv7."""
    version: Annotated[int, ReadOnly("If-Match")]
    """The number of the item's version, from 1; `If-Match` compares it."""
    created_at: datetime
    """When the item was created."""
    created_by: Named | None
    """The user who created the item; null where that was no user."""
    updated_at: datetime
    """When the item was last changed."""
    updated_by: Named | None
    """The user who last changed the item: of a deleted item, who deleted it."""


class ItemRead(Read):
    """An item that can be deleted and restored, in a response."""

    deleted_at: Annotated[datetime | None, ReadOnly("DELETE or restore")]
    """When the item was deleted; null while it is visible."""


class MaskedRead(ResponseSchema):
    """Mixed in before `ItemRead` or `Read`: an item with fields that only some callers may read."""

    masked_fields: list[str]
    """The fields that are null because the caller may not read them."""
