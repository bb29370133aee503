"""Categories."""

from uuid import UUID

from sqlmodel import Field

from app.core.db.entity import Entity, SoftDelete, filter_indexes, sort_indexes, unique_index
from app.core.db.full_text import search_index


class Category(SoftDelete, Entity, table=True):
    """A category of products."""

    __tablename__ = "category"
    __table_args__ = (
        unique_index("category", "name", "parent_id"),
        unique_index("category", "name", alone="parent_id"),
        *sort_indexes("category", "created_at", "updated_at", "name"),
        *filter_indexes("category", "parent_id"),
        search_index("category", "name", "description"),
    )

    restricted_references = frozenset({"parent_id"})

    name: str = Field(max_length=200)
    """The name, unique among the categories with the same parent, ignoring case."""
    description: str | None = Field(default=None, max_length=10_000)
    """A description."""
    parent_id: UUID | None = Field(default=None, foreign_key="category.id")
    """The category above; null at the top."""
