"""The bases of what clients send and receive."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Schema(BaseModel):
    """A body that a client sends: unknown fields are refused. The route reads it in strict JSON mode."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Patch(BaseModel):
    """Mixed in before a Create schema, it makes every field optional by absence (JSON merge patch, RFC 7396).

    `class TaskUpdate(Patch, TaskCreate)`: what is absent stays, an explicit null is judged by the field's own type.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for field in cls.model_fields.values():
            field.default, field.default_factory = None, None
            field.json_schema_extra = drop_default
        cls.model_rebuild(force=True)

    def changes(self) -> dict[str, Any]:
        """What the client sent, by field name."""
        return self.model_dump(exclude_unset=True)


def drop_default(schema: dict[str, Any]) -> None:
    """The None that stands for absence is not a value of the field."""
    schema.pop("default", None)


class Read(BaseModel):
    """What a client receives of an entity. Its fields are exactly the columns a read selects."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""One line."""
Text = Annotated[str, StringConstraints(max_length=10_000)]
PermissionName = Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9][a-z0-9-]*:(create|read|update|delete)$")]
Slug = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
