"""The bases of what clients send and receive."""

import re
from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from app.core.problems import field_errors, unprocessable


class Schema(BaseModel):
    """A body that a client sends: unknown fields are refused. The route reads it in strict JSON mode."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def example(**fields: Any) -> ConfigDict:
    """The configuration of a schema that shows what it is about: the document and the fuzzer use it."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Patch(BaseModel):
    """Mixed in before a Create schema, it makes every field optional by absence (JSON merge patch, RFC 7396).

    `class TaskUpdate(Patch, TaskCreate)`: what is absent stays, an explicit null is judged by the field's own type. A
    field that is itself a schema is patched the same way.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for field in cls.model_fields.values():
            field.default, field.default_factory = None, None
            field.json_schema_extra = drop_default
            if nested := nested_schema(field.annotation):
                field.annotation = patched(nested) | None  # type: ignore[assignment]  # a union is an annotation
        cls.model_rebuild(force=True)

    def changes(self) -> dict[str, Any]:
        """What the client sent, by field name."""
        return self.model_dump(exclude_unset=True)

    def merged(self, row: object) -> dict[str, Any]:
        """`changes`, each patched document merged into that of `row`. Raises Invalid for what would not be whole."""
        return dict(self.merging(row))

    def merging(self, row: object) -> Iterator[tuple[str, Any]]:
        for name, value in self.changes().items():
            whole = nested_schema(type(self).model_fields[name].annotation)
            if whole is None or value is None:
                yield name, value
            else:
                yield name, judged(name, whole, merge(getattr(row, name), value))


def nested_schema(annotation: Any) -> type[Schema] | None:
    """The schema in `Schema | None`."""
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    found = [option for option in options if option is not NoneType]
    is_schema = len(found) == 1 and isinstance(found[0], type) and issubclass(found[0], Schema)
    return found[0] if is_schema else None


def patched(schema: type[Schema]) -> type[Schema]:
    """`schema` as a patch of itself."""
    body = {"__doc__": schema.__doc__, "__module__": schema.__module__}
    return type(f"{schema.__name__}Update", (Patch, schema), body)


def whole_of(patch: type[BaseModel]) -> type[BaseModel]:
    """The inverse of `patched`."""
    return next(base for base in patch.__mro__ if Patch not in base.__mro__)


def merge(document: dict[str, Any] | None, patch: dict[str, Any]) -> dict[str, Any]:
    """`patch` applied to a flat `document` (RFC 7396): null removes."""
    return {name: value for name, value in {**(document or {}), **patch}.items() if value is not None}


def judged(field: str, patch: type[Schema], document: dict[str, Any]) -> dict[str, Any]:
    """`document` in the schema that `patch` is a patch of. Raises Invalid."""
    try:
        return whole_of(patch).model_validate(document).model_dump()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise unprocessable(field_errors(found, ("body", field))) from error


def drop_default(schema: dict[str, Any]) -> None:
    """The None that stands for absence is not a value of the field."""
    schema.pop("default", None)


class Read(BaseModel):
    """What a client receives of an entity: the columns that a read selects, unless a repository shapes its rows."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime


class Named(BaseModel):
    """What an item shows of another that it refers to."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""One line."""
Text = Annotated[str, StringConstraints(max_length=10_000)]
PermissionName = Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9][a-z0-9-]*:(create|read|update|delete)$")]
Slug = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]


INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def spelled_instant(value: Any) -> Any:
    """Text as in RFC 3339 only: pydantic would also read a number, as seconds since 1970."""
    if not isinstance(value, str):
        return value
    if not INSTANT.fullmatch(value):
        raise ValueError("use an instant as in RFC 3339, such as 2026-01-31T12:00:00Z")
    return datetime.fromisoformat(value.upper())


def spelled_day(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not DAY.fullmatch(value):
        raise ValueError("use a day as in RFC 3339, such as 2026-01-31")
    return date.fromisoformat(value)


def within_time(at: datetime) -> datetime:
    """Instants that stay instants in every zone and on every database."""
    if not MINYEAR < at.year < MAXYEAR:
        raise ValueError("use a year between 2 and 9998")
    return at


Moment = Annotated[AwareDatetime, BeforeValidator(spelled_instant), AfterValidator(within_time)]
Day = Annotated[date, BeforeValidator(spelled_day)]
