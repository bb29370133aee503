"""What clients send and receive of categories."""

from typing import ClassVar
from uuid import UUID

from app.core.page import EntityQuery
from app.core.schema import Name, Patch, Read, Schema, Text, example


class CategoryCreate(Schema):
    model_config = example(name="Desk lamps")

    name: Name
    description: Text | None = None
    parent_id: UUID | None = None


class CategoryUpdate(Patch, CategoryCreate):
    pass


class CategoryRead(Read):
    name: str
    description: str | None
    parent_id: UUID | None


class CategoryQuery(EntityQuery):
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "name")

    parent_id: UUID | None = None
