"""Categories."""

from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from app.core.model import Entity, SoftDelete, unique_index
from app.core.search import search_index


class Category(SoftDelete, Entity, table=True):
    __tablename__ = "category"
    __table_args__ = (
        unique_index("category", "name", "parent_id"),
        unique_index("category", "name", alone="parent_id"),
        Index("ix_category_created_at_id", "created_at", "id"),
        search_index("category", "name", "description"),
    )

    holds = frozenset({"parent_id"})

    name: str = Field(max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    parent_id: UUID | None = Field(default=None, foreign_key="category.id", index=True)
