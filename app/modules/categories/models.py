"""Categories."""

from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from app.core.db.entity import Entity, SoftDelete, unique_index
from app.core.db.full_text import search_index


class Category(SoftDelete, Entity, table=True):
    """A category of products."""

    __tablename__ = "category"
    __table_args__ = (
        unique_index("category", "name", "parent_id"),
        unique_index("category", "name", alone="parent_id"),
        Index("ix_category_created_at_id", "created_at", "id"),
        search_index("category", "name", "description"),
    )

    restricted_references = frozenset({"parent_id"})

    name: str = Field(max_length=200)
    """The name, unique among the categories with the same parent, ignoring case."""
    description: str | None = Field(default=None, max_length=10_000)
    """A description."""
    parent_id: UUID | None = Field(default=None, foreign_key="category.id", index=True)
    """The category above; null at the top."""
