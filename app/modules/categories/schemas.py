"""Request and response schemas of categories."""

from typing import ClassVar
from uuid import UUID

from app.core.db.pagination import EntityQuery
from app.core.fields.text import Name, Text
from app.core.resources.schemas import ItemRead, Named, Patch, Schema, example
from app.modules.categories.models import Category


class CategoryCreate(Schema):
    """A new category."""

    model_config = example(name="Desk lamps")

    name: Name
    """The name, unique among the categories with the same parent, ignoring case."""
    description: Text | None = None
    """A description."""
    parent_id: UUID | None = None
    """The category above; null at the top."""


class CategoryUpdate(Patch, CategoryCreate):
    """A change of a category."""


class CategoryRead(ItemRead):
    """A category, with the name of the one above."""

    name: str
    """The name."""
    description: str | None
    """A description."""
    parent_id: UUID | None
    """The category above; null at the top."""
    parent: Named | None
    """The category above, with its name."""


class CategoryQuery(EntityQuery):
    """The parameters of a list of categories."""

    lists: ClassVar = Category
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "name")
    filterable: ClassVar[tuple[str, ...]] = ("name", "parent_id")
    trees: ClassVar[tuple[str, ...]] = ("parent_id",)
